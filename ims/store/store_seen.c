/* store_seen — the seen set; see store_seen.h. */
#include "ims/store/store_seen.h"

#include <string.h>

#include "common/base/record.h"
#include "ims/store/store_share.h"

#define VERSION_1   1
#define VERSION_2   2  /* with its domain, its charge and its row in SEEN_BY */
#define VERSION_3   3  /* with what the sender was told */
#define FIXED       64 /* octets of a record without its texts, rounded up */
#define DOMAIN_AT   16 /* where the digest of the From domain is in SEEN's key */
#define DOMAIN_HASH 8

/* -- keys ------------------------------------------------------------------------------------------ */

struct db_key
ims_key_seen(const struct db_key *letter, struct span recipient)
{
	struct db_key k = *letter;

	db_key_add_hash(&k, recipient, 16);
	return k;
}

struct db_key
ims_key_until(int64_t until_s, const struct db_key *seen)
{
	struct db_key k = { .n = 0 };

	db_key_add_u64(&k, (uint64_t)until_s);
	db_key_add(&k, seen->b, seen->n);
	return k;
}

static struct span
domain_of(struct span letter)
{
	return span_sub(letter, DOMAIN_AT, DOMAIN_HASH);
}

struct db_key
ims_key_share_seen(const char *user, struct span letter)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, "s", 1);
	db_key_add(&k, domain_of(letter).p, DOMAIN_HASH);
	db_key_add(&k, user, strlen(user));
	return k;
}

/* Prefix of the rows of SEEN_BY; user NULL: for any mailbox. */
static struct db_key
key_by(struct span letter, const char *user)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, domain_of(letter).p, DOMAIN_HASH);
	if (user != NULL)
		db_key_add_text(&k, user);
	return k;
}

struct db_key
ims_key_seen_by(struct span from_domain, const char *user)
{
	const struct ulid any = { { 0 } };
	struct db_key letter = ims_key_letter(&any, from_domain);

	return key_by(db_key_span(&letter), user);
}

struct span
ims_key_seen_in(struct span key)
{
	return key.n < IMS_SEEN_KEY ? span_of("", 0)
				    : span_sub(key, key.n - IMS_SEEN_KEY, IMS_SEEN_KEY);
}

static struct db_key
key_by_until(const struct ims_seen_record *r, struct span seen)
{
	struct db_key k = key_by(seen, r->user);

	db_key_add_u64(&k, (uint64_t)r->until_s);
	db_key_add(&k, seen.p, seen.n);
	return k;
}

/* -- records --------------------------------------------------------------------------------------- */

void
ims_seen_write(struct buf *out, const struct ims_seen_record *r)
{
	put_u8(out, r->indexed ? VERSION_3 : VERSION_1);
	put_span(out, span_str(r->user));
	put_u64(out, r->number);
	put_bytes(out, r->facts, DIGEST_BYTES);
	put_u64(out, (uint64_t)r->until_s);
	if (!r->indexed)
		return;
	put_span(out, domain_span(&r->domain));
	put_u32(out, r->charged);
	put_u8(out, (uint8_t)r->answered);
}

bool
ims_seen_read(struct span value, struct ims_seen_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version >= VERSION_1 && version <= VERSION_3;

	*r = (struct ims_seen_record) { .indexed = version >= VERSION_2 };
	read_str(&in, r->user, sizeof r->user);
	r->number = read_u64(&in);
	read_bytes(&in, r->facts, DIGEST_BYTES);
	r->until_s = (int64_t)read_u64(&in);
	if (r->indexed) {
		read_str(&in, r->domain.text, sizeof r->domain.text);
		r->charged = read_u32(&in);
	}
	if (version >= VERSION_3)
		r->answered = (enum ims_answered)read_u8(&in);
	return (good && reader_done(&in)) || db_damaged(e);
}

uint64_t
ims_seen_takes(struct span user, struct span domain)
{
	return ims_takes(IMS_SEEN_KEY, FIXED + user.n + domain.n) + ims_takes(8 + IMS_SEEN_KEY, 0) +
	    ims_takes(DOMAIN_HASH + user.n + 1 + 8 + IMS_SEEN_KEY, 0);
}

static void
charge(struct db_txn *t, struct span seen, const struct ims_seen_record *r, int64_t sign)
{
	struct db_key all = ims_key_share(domain_span(&r->domain)),
		      here = ims_key_share_seen(r->user, seen);

	if (r->domain.text[0] != '\0')
		ims_share_change(t, &all, sign * r->charged, 0);
	ims_share_change(t, &here, sign * r->charged, sign);
}

/* -- entries --------------------------------------------------------------------------------------- */

void
ims_seen_add(struct db_txn *t, const struct db_key *seen, struct ims_seen_record *r)
{
	struct db_key until = ims_key_until(r->until_s, seen),
		      by = key_by_until(r, db_key_span(seen));
	struct buf value = BUF_INIT;

	r->indexed = true;
	r->charged = (uint32_t)ims_seen_takes(span_str(r->user), domain_span(&r->domain));
	ims_seen_write(&value, r);
	db_put(t, SEEN, db_key_span(seen), buf_span(&value));
	buf_clear(&value);
	db_put(t, UNTIL, db_key_span(&until), (struct span) { 0 });
	db_put(t, SEEN_BY, db_key_span(&by), (struct span) { 0 });
	charge(t, db_key_span(seen), r, 1);
}

void
ims_seen_answered(struct db_txn *t, const struct db_key *seen, enum ims_answered what)
{
	struct ims_seen_record r;
	struct buf value = BUF_INIT;
	struct span old;
	struct err e;

	if (!ims_get_spared(t, SEEN, seen, &old) || !ims_seen_read(old, &r, &e) || !r.indexed ||
	    r.answered == what)
		return;
	r.answered = what;
	ims_seen_write(&value, &r);
	db_put(t, SEEN, db_key_span(seen), buf_span(&value));
	buf_clear(&value);
}

void
ims_seen_del(struct db_txn *t, struct span seen)
{
	struct ims_seen_record r;
	struct db_key k, until, by;
	struct span value;
	struct err e;

	if (seen.n != IMS_SEEN_KEY)
		return;
	db_key_copy(&k, seen);
	if (ims_get_spared(t, SEEN, &k, &value) && ims_seen_read(value, &r, &e)) {
		until = ims_key_until(r.until_s, &k);
		by = key_by_until(&r, seen);
		db_del(t, UNTIL, db_key_span(&until));
		if (r.indexed) {
			db_del(t, SEEN_BY, db_key_span(&by));
			charge(t, seen, &r, -1);
		}
	}
	db_del(t, SEEN, seen);
}

/* -- making room ----------------------------------------------------------------------------------- */

/* Deletes the first entry that `table` names under the prefix.  False: there is none. */
static bool
del_first(struct db_txn *t, enum ims_table table, const struct db_key *prefix)
{
	struct db_key first = { .n = 0 };

	db_each(t, table, db_key_span(prefix), db_key_span(prefix), db_key_take_first, &first);
	if (ims_key_seen_in(db_key_span(&first)).n == 0)
		return false;
	ims_seen_del(t, ims_key_seen_in(db_key_span(&first)));
	db_del(t, table, db_key_span(&first)); /* also where the entry is damaged */
	return true;
}

void
ims_seen_make_room(struct db_txn *t, uint64_t most, const struct db_key *seen, const char *user)
{
	struct db_key sum = ims_key_share_seen(user, db_key_span(seen)),
		      mailbox = key_by(db_key_span(seen), user),
		      domain = key_by(db_key_span(seen), NULL), any = { .n = 0 };
	struct ims_share here;

	ims_share_get(t, &sum, &here);
	switch (ims_seen_room(here.notices, db_entries(t, SEEN), most)) {
	case IMS_SEEN_ROOM_THERE:
		break;
	case IMS_SEEN_ROOM_MAILBOX:
		del_first(t, SEEN_BY, &mailbox);
		break;
	case IMS_SEEN_ROOM_ANY:
		if (!del_first(t, SEEN_BY, &mailbox) && !del_first(t, SEEN_BY, &domain))
			del_first(t, UNTIL, &any);
		break;
	}
}
