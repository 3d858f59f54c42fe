/* part_mailbox_seen — the seen set of a mailbox: its entries, one by one; see part.h. */

#include "ims/store/part_mailbox_private.h"

struct kv_key
ims_seen_key(const struct ulid *id, struct span from_domain, struct span recipient)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 's');
	kv_key_add(&k, span_of(id->b, ULID_BYTES));
	kv_key_add_hash(&k, from_domain, PART_SHORT);
	kv_key_add_hash(&k, recipient, PART_HASH);
	return k;
}

static struct kv_key
key_of_until(int64_t until_s, struct span domain_hash)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 'u');
	kv_key_add_u64(&k, (uint64_t)until_s);
	kv_key_add(&k, domain_hash);
	return k;
}

static struct kv_key
key_of_seen_by(struct span from_domain, int64_t until_s, struct span seen)
{
	struct kv_key k = ims_mailbox_key_of_domain('g', from_domain);

	kv_key_add_u64(&k, (uint64_t)until_s);
	kv_key_add(&k, seen);
	return k;
}

bool
ims_seen_get(struct kv_txn *t, const struct kv_key *k, struct ims_seen_record *r, struct err *e)
{
	struct span value;

	e->why = REFUSAL_NONE;
	return kv_get(t, kv_key_span(k), &value) && ims_seen_read(value, r, e);
}

bool
ims_seen_find(struct kv_txn *t, const struct kv_key *k, struct ims_seen_record *r)
{
	struct err none;

	if (ims_seen_get(t, k, r, &none))
		return true;
	kv_pardon(t);
	return false;
}

/* The domain has at most one row "u", so a mailbox needs no second order of all its entries. */
void
ims_seen_move_first(struct kv_txn *t, struct ims_mailbox_sender *s, int64_t at_s)
{
	struct kv_key hash = { .n = 0 }, k;

	kv_key_add_hash(&hash, domain_span(&s->domain), PART_HASH);
	k = key_of_until(s->first_s, kv_key_span(&hash));
	if (s->first_s != 0)
		kv_del(t, kv_key_span(&k));
	s->first_s = at_s;
	k = key_of_until(at_s, kv_key_span(&hash));
	if (at_s != 0)
		kv_put(t, kv_key_span(&k), (struct span) { 0 });
}

void
ims_seen_due_by_itself(struct kv_txn *t, uint64_t number, int64_t until_s)
{
	struct ims_notice_record n;
	struct err none;

	if (!ims_mailbox_notice(t, number, &n, &none))
		kv_pardon(t);
	else if (n.due_s == until_s)
		ims_mailbox_put_due(t, number, &n);
}

void
ims_seen_del(struct kv_txn *t, struct ims_mailbox_is *m, struct span seen,
    const struct ims_seen_record *r, struct ims_mailbox_sender *s)
{
	struct kv_key by = key_of_seen_by(domain_span(&r->domain), r->until_s, seen);

	ims_seen_due_by_itself(t, r->number, r->until_s);
	kv_del(t, seen);
	kv_del(t, kv_key_span(&by));
	ims_share_add(&s->seen, -(int64_t)r->charged, -1);
	m->seen -= m->seen > 0;
	if (s->seen.notices == 0)
		ims_seen_move_first(t, s, 0);
}

void
ims_seen_replace(struct kv_txn *t, struct span seen, const struct ims_seen_record *r)
{
	struct buf value = BUF_INIT;

	ims_seen_write(&value, r);
	kv_put(t, seen, buf_span(&value));
	buf_clear(&value);
}

void
ims_seen_put(struct kv_txn *t, struct ims_mailbox_is *m, struct span seen,
    struct ims_seen_record *r, struct ims_mailbox_sender *s)
{
	struct kv_key by = key_of_seen_by(domain_span(&r->domain), r->until_s, seen),
		      number = { .n = 0 };

	r->indexed = true;
	r->charged = (uint32_t)ims_seen_takes(span_str(r->user), domain_span(&r->domain));
	ims_seen_replace(t, seen, r);
	kv_key_add_u64(&number, r->number);
	kv_put(t, kv_key_span(&by), kv_key_span(&number));
	if (s->first_s == 0 || r->until_s < s->first_s)
		ims_seen_move_first(t, s, r->until_s);
	ims_share_add(&s->seen, r->charged, 1);
	m->seen++;
}

/* -- room for one more --------------------------------------------------------------------------------------------- */

struct first_entry {
	struct kv_key row;
	uint64_t number;
};

static bool
take_first(void *arg, struct span key, struct span value)
{
	struct first_entry *x = arg;

	kv_key_add(&x->row, key);
	x->number = kv_key_u64(value, 0);
	return false;
}

/* The domain's entry that ends first.  One that is damaged goes, too. */
static void
forget_first(struct kv_txn *t, struct ims_mailbox_is *m, struct ims_mailbox_sender *s,
    struct span domain_hash)
{
	struct kv_key prefix = { .n = 0 }, seen = { .n = 0 };
	struct first_entry first = { .number = 0 };
	struct ims_seen_record r;
	struct span row;

	kv_key_add_u8(&prefix, 'g');
	kv_key_add(&prefix, domain_hash);
	kv_each(t, kv_key_span(&prefix), kv_key_span(&prefix), take_first, &first);
	row = kv_key_span(&first.row);
	if (row.n <= prefix.n + 8)
		return;
	kv_key_add(&seen, span_sub(row, prefix.n + 8, row.n));
	if (ims_seen_find(t, &seen, &r)) {
		ims_seen_del(t, m, kv_key_span(&seen), &r, s);
		return;
	}
	ims_seen_due_by_itself(t, first.number, (int64_t)kv_key_u64(row, prefix.n));
	kv_del(t, row);
	kv_del(t, kv_key_span(&seen));
	m->seen -= m->seen > 0;
}

static bool
take_row(void *arg, struct span key, struct span value)
{
	struct kv_key *k = arg;

	(void)value;
	kv_key_add(k, key);
	return false;
}

/* Of the domain whose row "u" is the first. */
static void
forget_any(struct kv_txn *t, struct ims_mailbox_is *m)
{
	struct kv_key row = { .n = 0 }, d = { .n = 0 };
	struct ims_mailbox_sender s;
	struct span hash, value;

	kv_each(t, SPAN_LIT("u"), SPAN_LIT("u"), take_row, &row);
	hash = span_sub(kv_key_span(&row), 1 + 8, row.n);
	kv_key_add_u8(&d, 'd');
	kv_key_add(&d, hash);
	if (hash.n == PART_HASH && kv_get(t, kv_key_span(&d), &value) &&
	    ims_mailbox_read_sender(value, &s)) {
		forget_first(t, m, &s, hash);
		ims_mailbox_put_sender(t, m, &s);
	} else if (row.n > 0) {
		kv_del(t, kv_key_span(&row)); /* it names nothing */
	}
	kv_pardon(t);
}

void
ims_seen_make_room(struct kv_txn *t, struct ims_mailbox_is *m, struct ims_mailbox_sender *s,
    uint64_t most)
{
	enum ims_seen_room room = ims_seen_room(s->seen.notices, m->seen, most);
	struct kv_key hash = { .n = 0 };

	if (room == IMS_SEEN_ROOM_THERE)
		return;
	kv_key_add_hash(&hash, domain_span(&s->domain), PART_HASH);
	if (s->seen.notices > 0)
		forget_first(t, m, s, kv_key_span(&hash));
	else if (room == IMS_SEEN_ROOM_ANY)
		forget_any(t, m);
}
