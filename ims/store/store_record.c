/* store_record — records of the mailboxes; see store_record.h. */
#include "ims/store/store_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/record.h"
#include "ims/store/store_share.h"

#define VERSION_1 1
#define VERSION_2 2 /* of a notice: with its charges and its row in DUE */

/* -- mailboxes ------------------------------------------------------------------------------------- */

bool
ims_mailbox_read(struct span value, struct ims_mailbox_record *m, struct err *e)
{
	struct reader r = reader_of(value);

	*m = (struct ims_mailbox_record) { 0 };
	if (read_u8(&r) != VERSION_1)
		return db_damaged(e);
	m->last = read_u64(&r);
	m->notices = read_u64(&r);
	m->change = read_u64(&r);
	return reader_done(&r) || db_damaged(e);
}

bool
ims_mailbox_get(struct db_txn *t, const char *user, struct ims_mailbox_record *m, struct err *e)
{
	struct span value;

	*m = (struct ims_mailbox_record) { 0 };
	if (!db_get(t, MAILBOX, span_str(user), &value))
		return !db_fault(t, e); /* no mailbox yet */
	return ims_mailbox_read(value, m, e);
}

void
ims_mailbox_put(struct db_txn *t, const char *user, const struct ims_mailbox_record *m)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_u64(&value, m->last);
	put_u64(&value, m->notices);
	put_u64(&value, m->change);
	db_put(t, MAILBOX, span_str(user), buf_span(&value));
	buf_clear(&value);
}

/* -- notices ----------------------------------------------------------------------------------------- */

void
ims_notice_write(struct buf *out, const struct ims_notice_record *n)
{
	put_u8(out, n->indexed ? VERSION_2 : VERSION_1);
	put_bytes(out, n->id.b, ULID_BYTES);
	put_span(out, span_str(n->from));
	put_span(out, span_str(n->to));
	put_u64(out, (uint64_t)n->received_s);
	put_u64(out, (uint64_t)n->date_s);
	put_u32(out, n->flags);
	put_u8(out, n->declined);
	put_u64(out, n->change);
	put_bytes(out, n->statement, sizeof n->statement);
	put_span(out, span_str(n->issuer));
	if (!n->indexed)
		return;
	put_u64(out, (uint64_t)n->due_s);
	put_u32(out, n->charged);
	put_u32(out, n->charged_domain);
}

bool
ims_notice_read(struct span value, struct ims_notice_record *n, struct err *e)
{
	struct reader r = reader_of(value);
	uint8_t version = read_u8(&r);
	bool good = version == VERSION_1 || version == VERSION_2;

	*n = (struct ims_notice_record) { .indexed = version == VERSION_2 };
	read_bytes(&r, n->id.b, ULID_BYTES);
	read_str(&r, n->from, sizeof n->from);
	read_str(&r, n->to, sizeof n->to);
	n->received_s = (int64_t)read_u64(&r);
	n->date_s = (int64_t)read_u64(&r);
	n->flags = read_u32(&r);
	n->declined = read_u8(&r) != 0;
	n->change = read_u64(&r);
	read_bytes(&r, n->statement, sizeof n->statement);
	read_str(&r, n->issuer, sizeof n->issuer);
	if (n->indexed) {
		n->due_s = (int64_t)read_u64(&r);
		n->charged = read_u32(&r);
		n->charged_domain = read_u32(&r);
	}
	return (good && reader_done(&r)) || db_damaged(e);
}

bool
ims_notice_get(struct db_txn *t, const char *user, uint64_t number, struct ims_notice_record *n,
    struct err *e)
{
	struct db_key k = ims_key_numbered(user, number);
	struct span value;

	if (!db_get(t, NOTICE, db_key_span(&k), &value))
		return db_fault(t, e) ? false : err_word(e, REFUSAL_no_such_number);
	return ims_notice_read(value, n, e);
}

void
ims_notice_put(struct db_txn *t, const char *user, uint64_t number,
    const struct ims_notice_record *n)
{
	struct db_key k = ims_key_numbered(user, number);
	struct buf value = BUF_INIT;

	ims_notice_write(&value, n);
	db_put(t, NOTICE, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static void
charge(struct db_txn *t, const char *user, const struct ims_notice_record *n, int64_t sign)
{
	struct span domain = address_domain(span_str(n->from));
	struct db_key all = ims_key_share(domain), here = ims_key_share_in(user, domain);

	ims_share_change(t, &all, sign * n->charged_domain, sign);
	ims_share_change(t, &here, sign * n->charged, sign);
}

/* With its rows in CHANGE, SENDER and DUE. */
uint64_t
ims_notice_takes(const char *user, const struct ims_notice_record *n)
{
	size_t key = strlen(user) + 1 + 8;

	return ims_takes(key,
		   IMS_NOTICE_FIXED + strlen(n->from) + strlen(n->to) + strlen(n->issuer)) +
	    ims_takes(key, 8) + ims_takes(IMS_DOMAIN_HASH + key, 0) + ims_takes(8 + key, 0);
}

void
ims_notice_add(struct db_txn *t, const char *user, uint64_t number, struct ims_notice_record *n,
    int64_t hold_until_s, uint64_t evidence)
{
	struct db_key sender = ims_key_sender(address_domain(span_str(n->from)), user, number),
		      due = ims_key_due(hold_until_s, user, number);

	n->indexed = true;
	n->due_s = hold_until_s;
	n->charged_domain = (uint32_t)ims_notice_takes(user, n);
	n->charged = n->charged_domain + (uint32_t)evidence;
	ims_notice_put(t, user, number, n);
	db_put(t, SENDER, db_key_span(&sender), (struct span) { 0 });
	db_put(t, DUE, db_key_span(&due), (struct span) { 0 });
	charge(t, user, n, 1);
}

void
ims_notice_due(struct db_txn *t, const char *user, uint64_t number, struct ims_notice_record *n,
    int64_t due_s)
{
	struct db_key due = ims_key_due(n->due_s, user, number);

	db_del(t, DUE, db_key_span(&due));
	n->due_s = due_s;
	ims_notice_put(t, user, number, n);
	due = ims_key_due(due_s, user, number);
	if (due_s != 0)
		db_put(t, DUE, db_key_span(&due), (struct span) { 0 });
}

void
ims_notice_del(struct db_txn *t, const char *user, uint64_t number,
    const struct ims_notice_record *n)
{
	struct db_key k = ims_key_numbered(user, number),
		      sender = ims_key_sender(address_domain(span_str(n->from)), user, number),
		      due = ims_key_due(n->due_s, user, number);

	db_del(t, NOTICE, db_key_span(&k));
	if (!n->indexed)
		return;
	db_del(t, SENDER, db_key_span(&sender));
	db_del(t, DUE, db_key_span(&due));
	charge(t, user, n, -1);
}

/* -- changes ------------------------------------------------------------------------------------------ */

void
ims_change_del(struct db_txn *t, const char *user, struct ims_mailbox_record *m, uint64_t change)
{
	struct db_key k = ims_key_numbered(user, change);

	m->change++;
	if (change != 0)
		db_del(t, CHANGE, db_key_span(&k));
}

void
ims_change_put(struct db_txn *t, const char *user, struct ims_mailbox_record *m, uint64_t number,
    uint64_t *change)
{
	struct db_key k;
	struct buf value = BUF_INIT;

	ims_change_del(t, user, m, *change);
	*change = m->change;
	k = ims_key_numbered(user, *change);
	put_u64(&value, number);
	db_put(t, CHANGE, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

/* -- letters -------------------------------------------------------------------------------------------- */

void
ims_letter_write(struct buf *out, const struct ims_letter_record *r)
{
	const struct ims_letter *f = &r->facts;

	put_u8(out, VERSION_1);
	put_bytes(out, f->id.b, ULID_BYTES);
	put_span(out, domain_span(&f->from_domain));
	put_span(out, domain_span(&f->own_domain));
	put_u8(out, (uint8_t)f->state);
	put_span(out, span_str(f->why == REFUSAL_NONE ? "" : refusal_word(f->why)));
	put_u64(out, f->size);
	put_u64(out, f->summary_size);
	put_bytes(out, f->digest, DIGEST_BYTES);
	put_bytes(out, f->summary_digest, DIGEST_BYTES);
	put_u64(out, (uint64_t)f->hold_until_s);
	put_u64(out, f->fence);
	put_u64(out, (uint64_t)r->lease.since_s);
	put_u64(out, r->lease.by);
	put_u32(out, r->refs);
	put_span(out, span_str(r->file));
}

bool
ims_letter_read(struct span value, struct ims_letter_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	struct ims_letter *f = &r->facts;
	bool good = read_u8(&in) == VERSION_1;

	*r = (struct ims_letter_record) { 0 };
	read_bytes(&in, f->id.b, ULID_BYTES);
	read_str(&in, f->from_domain.text, sizeof f->from_domain.text);
	read_str(&in, f->own_domain.text, sizeof f->own_domain.text);
	f->state = (enum mailbox_state)read_u8(&in);
	f->why = refusal_by_word(read_span(&in));
	f->size = read_u64(&in);
	f->summary_size = read_u64(&in);
	read_bytes(&in, f->digest, DIGEST_BYTES);
	read_bytes(&in, f->summary_digest, DIGEST_BYTES);
	f->hold_until_s = (int64_t)read_u64(&in);
	f->fence = read_u64(&in);
	r->lease.since_s = (int64_t)read_u64(&in);
	r->lease.by = read_u64(&in);
	r->refs = read_u32(&in);
	read_str(&in, r->file, sizeof r->file);
	return (good && f->state <= MAILBOX_BAD_SEAL && reader_done(&in)) || db_damaged(e);
}

bool
ims_letter_get(struct db_txn *t, const struct ims_store *s, const struct db_key *k, int64_t now_s,
    struct ims_letter_record *r, struct err *e)
{
	struct span value;

	if (!db_get(t, LETTER, db_key_span(k), &value))
		return db_fault(t, e) ? false : err_word(e, REFUSAL_no_such_number);
	if (!ims_letter_read(value, r, e))
		return false;
	ims_letter_look(&r->facts, &r->lease, s->run, now_s);
	return true;
}

void
ims_letter_put(struct db_txn *t, const struct db_key *k, const struct ims_letter_record *r)
{
	struct buf value = BUF_INIT;

	ims_letter_write(&value, r);
	db_put(t, LETTER, db_key_span(k), buf_span(&value));
	buf_clear(&value);
}
