/* part_mailbox — a user's mailbox: its record and its notices; see part.h. */

#include "common/base/record.h"
#include "ims/store/part_mailbox_private.h"

#define VERSION_1 1

static const struct span record_key = { "r", 1 };

static struct kv_key
key_of_number(unsigned what, uint64_t number)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	kv_key_add_u64(&k, number);
	return k;
}

static struct kv_key
key_of_due(int64_t due_s, uint64_t number)
{
	struct kv_key k = key_of_number('h', (uint64_t)due_s);

	kv_key_add_u64(&k, number);
	return k;
}

/* -- the record ---------------------------------------------------------------------------------------------------- */

bool
ims_mailbox_is(struct kv_txn *t, struct ims_mailbox_is *m, struct err *e)
{
	struct span value;
	struct reader r;
	bool good;

	*m = (struct ims_mailbox_is) { .last = 0 };
	if (!kv_get(t, record_key, &value))
		return !kv_fault(t, e);
	r = reader_of(value);
	good = read_u8(&r) == VERSION_1;
	read_str(&r, m->user, sizeof m->user);
	m->last = read_u64(&r);
	m->notices = read_u64(&r);
	m->change = read_u64(&r);
	m->look_s = (int64_t)read_u64(&r);
	m->known = read_u64(&r);
	m->seen = read_u64(&r);
	return (good && reader_done(&r)) || ims_damaged(e);
}

void
ims_mailbox_put(struct kv_txn *t, const struct ims_mailbox_is *m)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, span_str(m->user));
	put_u64(&value, m->last);
	put_u64(&value, m->notices);
	put_u64(&value, m->change);
	put_u64(&value, (uint64_t)m->look_s);
	put_u64(&value, m->known);
	put_u64(&value, m->seen);
	kv_put(t, record_key, buf_span(&value));
	buf_clear(&value);
}

void
ims_mailbox_state_listed(struct kv_txn *t, const struct ims_mailbox_is *m)
{
	struct kv_part to = kv_dir_part(PART_MAILBOXES, span_str(m->user));
	struct ims_share notices = { 0, m->notices };
	struct kv_fact f = { .what = FACT_LISTED,
		.name = span_str(m->user),
		.version.n = m->stated };
	struct buf value = BUF_INIT;

	ims_share_write(&value, &notices);
	f.value = buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

void
ims_mailbox_look_by(struct kv_txn *t, struct ims_mailbox_is *m, int64_t at_s)
{
	if (m->look_s != 0 && m->look_s / EXPIRY_S <= at_s / EXPIRY_S)
		return;
	ims_look_at(t, (struct span) { 0 }, m->look_s, at_s);
	m->look_s = at_s;
}

struct first_time {
	size_t at;
	int64_t s;
};

static bool
take_time(void *arg, struct span key, struct span value)
{
	struct first_time *x = arg;

	(void)value;
	x->s = (int64_t)kv_key_u64(key, x->at);
	return false;
}

int64_t
ims_mailbox_first_time(struct kv_txn *t, struct span prefix, size_t at)
{
	struct first_time x = { at, 0 };

	kv_each(t, prefix, prefix, take_time, &x);
	return x.s;
}

/* -- notices ------------------------------------------------------------------------------------------------------- */

bool
ims_mailbox_notice(struct kv_txn *t, uint64_t number, struct ims_notice_record *n, struct err *e)
{
	struct kv_key k = key_of_number('n', number);
	struct span value;

	if (!kv_get(t, kv_key_span(&k), &value))
		return kv_fault(t, e) ? false : err_word(e, REFUSAL_no_such_number);
	return ims_notice_read(value, n, e);
}

void
ims_mailbox_put_notice(struct kv_txn *t, uint64_t number, const struct ims_notice_record *n)
{
	struct kv_key k = key_of_number('n', number);
	struct buf value = BUF_INIT;

	ims_notice_write(&value, n);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

void
ims_mailbox_put_due(struct kv_txn *t, uint64_t number, const struct ims_notice_record *n)
{
	struct kv_key due = key_of_due(n->due_s, number);

	if (n->due_s != 0)
		kv_put(t, kv_key_span(&due), (struct span) { 0 });
}

void
ims_mailbox_move_due(struct kv_txn *t, uint64_t number, struct ims_notice_record *n, int64_t due_s)
{
	struct kv_key k = key_of_due(n->due_s, number);

	if (n->due_s != 0)
		kv_del(t, kv_key_span(&k));
	n->due_s = due_s;
	ims_mailbox_put_due(t, number, n);
	ims_mailbox_put_notice(t, number, n);
}

void
ims_mailbox_state_notice(struct kv_txn *t, const struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, const struct ims_notice_fact *what, bool awaited)
{
	struct kv_part to = ims_part_letter(&n->id);
	struct kv_key name = ims_notice_fact_name(ims_notice_payer(n), kv_here(t), number);
	struct kv_fact f = { .what = FACT_NOTICE,
		.name = kv_key_span(&name),
		.version.n = m->stated,
		.gone = what == NULL };
	struct buf value = BUF_INIT;

	if (what != NULL)
		ims_notice_fact_write(&value, what);
	f.value = what == NULL ? (struct span) { 0 } : buf_span(&value);
	if (awaited)
		kv_emit_awaited(t, &to, &f);
	else
		kv_emit(t, &to, &f);
	buf_clear(&value);
}

void
ims_mailbox_del_notice(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, struct ims_mailbox_sender *s)
{
	struct kv_key notice = key_of_number('n', number), due = key_of_due(n->due_s, number);

	kv_del(t, kv_key_span(&notice));
	if (n->due_s != 0)
		kv_del(t, kv_key_span(&due));
	m->notices -= m->notices > 0;
	m->change++;
	ims_share_add(&s->here, -(int64_t)n->charged, -1);
	s->charged -= n->charged_domain < s->charged ? n->charged_domain : s->charged;
}

/* -- many notices -------------------------------------------------------------------------------------------------- */

struct next {
	uint64_t number;
	struct ims_notice_record *notice;
	bool found;
};

static bool
take_next(void *arg, struct span key, struct span value)
{
	struct next *x = arg;
	struct err e;

	x->number = kv_key_u64(key, 1);
	x->found = ims_notice_read(value, x->notice, &e);
	return !x->found;
}

bool
ims_mailbox_next(struct kv_txn *t, uint64_t *number, struct ims_notice_record *n, struct err *e)
{
	struct kv_key from = key_of_number('n', *number + 1);
	struct next x = { .notice = n };

	if (*number == UINT64_MAX)
		return false;
	kv_each(t, kv_key_span(&from), SPAN_LIT("n"), take_next, &x);
	if (x.found)
		*number = x.number;
	return x.found && !kv_fault(t, e);
}

/* The notices are in the order of their numbers alone: those of one domain are looked for among all. */
static bool
is_asked_for(const struct ims_numbers *x, struct span value)
{
	struct ims_notice_record n;
	struct err e;

	return x->from_domain.n == 0 ||
	    (ims_notice_read(value, &n, &e) && span_eq(ims_notice_payer(&n), x->from_domain));
}

static bool
take_number(void *arg, struct span key, struct span value)
{
	struct ims_numbers *x = arg;
	uint64_t number = kv_key_u64(key, key.n - 8);

	if (x->due_s != 0 && (int64_t)kv_key_u64(key, 1) >= x->due_s)
		return false;
	if (x->n == x->most || x->seen == MAILBOX_SCAN) {
		x->more = true;
		return false;
	}
	x->seen++;
	kv_key_after(&x->next, key);
	if (x->due_s != 0 || is_asked_for(x, value))
		x->number[x->n++] = number;
	return true;
}

void
ims_mailbox_numbers(struct kv_txn *t, struct ims_numbers *x)
{
	struct span prefix = x->due_s != 0 ? SPAN_LIT("h") : SPAN_LIT("n");

	x->n = x->seen = 0;
	x->more = false;
	x->next = x->after;
	kv_each(t, kv_key_span(&x->after), prefix, take_number, x);
}
