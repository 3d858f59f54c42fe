/* part_mailbox — a user's notices, changes and seen set, and what each sender's domain takes of them; see part.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1
#define VERSION_2 2
#define DAY_S     86400

/* -- keys ------------------------------------------------------------------------------------------------ */

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
key_of_domain(unsigned what, struct span from_domain)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	ims_key_add_hash(&k, from_domain, PART_HASH);
	return k;
}

static struct kv_key
key_of_seen(const struct ulid *id, struct span from_domain, struct span recipient)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 's');
	kv_key_add(&k, span_of(id->b, ULID_BYTES));
	ims_key_add_hash(&k, from_domain, PART_SHORT);
	ims_key_add_hash(&k, recipient, PART_HASH);
	return k;
}

static struct kv_key
key_of_until(int64_t until_s, struct span domain_hash)
{
	struct kv_key k = key_of_number('u', (uint64_t)until_s);

	kv_key_add(&k, domain_hash);
	return k;
}

static struct kv_key
key_of_seen_by(struct span from_domain, int64_t until_s, struct span seen)
{
	struct kv_key k = key_of_domain('g', from_domain);

	kv_key_add_u64(&k, (uint64_t)until_s);
	kv_key_add(&k, seen);
	return k;
}

static struct kv_key
key_of_due(int64_t due_s, uint64_t number)
{
	struct kv_key k = key_of_number('h', (uint64_t)due_s);

	kv_key_add_u64(&k, number);
	return k;
}

/* -- the record ---------------------------------------------------------------------------------------------- */

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

static void
state_listed(struct kv_txn *t, const struct ims_mailbox_is *m)
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

/* It has something to do at at_s. */
static void
look_by(struct kv_txn *t, struct ims_mailbox_is *m, int64_t at_s)
{
	if (m->look_s != 0 && m->look_s / EXPIRY_S <= at_s / EXPIRY_S)
		return;
	ims_look_at(t, (struct span) { 0 }, m->look_s, at_s);
	m->look_s = at_s;
}

/* -- a sender's domain -------------------------------------------------------------------------------------------- */

struct sender {
	struct domain domain;
	struct ims_share here; /* notices, with their evidence */
	struct ims_share seen; /* entries of the seen set */
	uint64_t charged;      /* of `here`, to the domain's sum in the store */
	int64_t paid;          /* the same, for evidence of letters: PAYS; may be less than 0 */
	int64_t day;           /* of its last notice; 0: it is forgotten with that */
	uint64_t
	    known_by; /* version of the only statement for which it is remembered; 0: others are there */
	int64_t first_s; /* of its row "u": no entry ends before it; 0: it has none */
};

static bool
read_sender(struct span value, struct sender *s)
{
	struct reader r = reader_of(value);
	uint8_t version = read_u8(&r);
	bool good = version == VERSION_1 || version == VERSION_2;

	*s = (struct sender) { .day = 0 };
	read_str(&r, s->domain.text, sizeof s->domain.text);
	s->here.octets = read_u64(&r);
	s->here.notices = read_u64(&r);
	s->seen.octets = read_u64(&r);
	s->seen.notices = read_u64(&r);
	s->charged = read_u64(&r);
	s->day = (int64_t)read_u64(&r);
	s->first_s = (int64_t)read_u64(&r);
	if (version == VERSION_2) {
		s->known_by = read_u64(&r);
		s->paid = (int64_t)read_u64(&r);
	}
	return good && reader_done(&r);
}

static void
write_sender(struct kv_txn *t, const struct kv_key *k, const struct sender *s)
{
	bool is_long = s->known_by != 0 || s->paid != 0;
	struct buf value = BUF_INIT;

	put_u8(&value, is_long ? VERSION_2 : VERSION_1);
	put_span(&value, domain_span(&s->domain));
	put_u64(&value, s->here.octets);
	put_u64(&value, s->here.notices);
	put_u64(&value, s->seen.octets);
	put_u64(&value, s->seen.notices);
	put_u64(&value, s->charged);
	put_u64(&value, (uint64_t)s->day);
	put_u64(&value, (uint64_t)s->first_s);
	if (is_long) {
		put_u64(&value, s->known_by);
		put_u64(&value, (uint64_t)s->paid);
	}
	kv_put(t, kv_key_span(k), buf_span(&value));
	buf_clear(&value);
}

/* A damaged row counts as none. */
static void
get_sender(struct kv_txn *t, struct span from_domain, struct sender *s)
{
	struct kv_key k = key_of_domain('d', from_domain);
	struct span value;

	if (!kv_get(t, kv_key_span(&k), &value) || !read_sender(value, s)) {
		kv_pardon(t);
		*s = (struct sender) { .day = 0 };
	}
	domain_copy_span(&s->domain, from_domain);
}

/* What the domain takes of this mailbox; value: empty if nothing. */
static void
state_takes(struct kv_txn *t, const struct ims_mailbox_is *m, const struct kv_part *to,
    struct span value)
{
	struct kv_key name = { .n = 0 };
	struct kv_fact f = { .what = FACT_TAKES,
		.version.n = m->stated,
		.gone = value.n == 0,
		.value = value };

	kv_key_add_u8(&name, 'm');
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	f.name = kv_key_span(&name);
	kv_emit(t, to, &f);
}

/* Puts it, and states what the domain takes of this mailbox. */
static void
put_sender(struct kv_txn *t, const struct ims_mailbox_is *m, const struct sender *s)
{
	struct span domain = domain_span(&s->domain);
	struct kv_key k = key_of_domain('d', domain);
	struct kv_part to = ims_part_sender(domain);
	struct ims_share all = { s->charged + s->seen.octets, s->here.notices };
	bool gone;
	struct buf value = BUF_INIT;

	ims_share_add(&all, s->paid, 0);
	if (s->day == 0 && s->here.notices == 0 && s->seen.notices == 0 && s->paid == 0)
		kv_del(t, kv_key_span(&k));
	else
		write_sender(t, &k, s);
	if (domain.n == 0)
		return;
	put_span(&value, domain);
	ims_share_write(&value, &all);
	gone = all.octets == 0 && all.notices == 0;
	state_takes(t, m, &to, gone ? (struct span) { 0 } : buf_span(&value));
	buf_clear(&value);
}

bool
ims_mailbox_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct span domain, old;
	int64_t before = ims_pays_read(was, &old), after = ims_pays_read(now, &domain);
	struct ims_mailbox_is m = { .stated = kv_stamp(t) };
	struct sender s;

	(void)from;
	(void)arg;
	(void)e;
	if (domain.n == 0)
		domain = old;
	get_sender(t, domain, &s);
	s.paid += after - before;
	put_sender(t, &m, &s);
	return true;
}

void
ims_mailbox_share(struct kv_txn *t, struct span from_domain, struct ims_share *out)
{
	struct sender s;

	get_sender(t, from_domain, &s);
	*out = s.here;
}

bool
ims_mailbox_knows(struct kv_txn *t, struct span from_domain)
{
	struct sender s;

	get_sender(t, from_domain, &s);
	return s.day != 0 || s.here.notices > 0;
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

static void
put_notice(struct kv_txn *t, uint64_t number, const struct ims_notice_record *n)
{
	struct kv_key k = key_of_number('n', number);
	struct buf value = BUF_INIT;

	ims_notice_write(&value, n);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static struct span
domain_of(const struct ims_notice_record *n)
{
	return address_domain(span_str(n->from));
}

static void
state_notice(struct kv_txn *t, const struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, const struct ims_notice_fact *what, bool awaited)
{
	struct kv_part to = ims_part_letter(&n->id);
	struct kv_key name = ims_notice_fact_name(domain_of(n), kv_here(t), number);
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

/* The notice's rows go, and what they charged. */
static void
del_notice(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, struct sender *s)
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

/* -- the seen set ---------------------------------------------------------------------------------------------------- */

static bool
get_seen(struct kv_txn *t, const struct kv_key *k, struct ims_seen_record *r, struct err *e)
{
	struct span value;

	e->why = REFUSAL_NONE;
	return kv_get(t, kv_key_span(k), &value) && ims_seen_read(value, r, e);
}

/* A damaged entry counts as none: it must keep no notice from going. */
static bool
find_seen(struct kv_txn *t, const struct kv_key *k, struct ims_seen_record *r)
{
	struct err none;

	if (get_seen(t, k, r, &none))
		return true;
	kv_pardon(t);
	return false;
}

/* The domain has at most one row "u", so a mailbox needs no second order of all its entries. */
static void
move_first(struct kv_txn *t, struct sender *s, int64_t at_s)
{
	struct kv_key hash = { .n = 0 }, k;

	ims_key_add_hash(&hash, domain_span(&s->domain), PART_HASH);
	k = key_of_until(s->first_s, kv_key_span(&hash));
	if (s->first_s != 0)
		kv_del(t, kv_key_span(&k));
	s->first_s = at_s;
	k = key_of_until(at_s, kv_key_span(&hash));
	if (at_s != 0)
		kv_put(t, kv_key_span(&k), (struct span) { 0 });
}

static void
put_due(struct kv_txn *t, uint64_t number, const struct ims_notice_record *n)
{
	struct kv_key due = key_of_due(n->due_s, number);

	if (n->due_s != 0)
		kv_put(t, kv_key_span(&due), (struct span) { 0 });
}

/* A notice that is due when its entry ends has no row "h" before that. */
static void
due_by_itself(struct kv_txn *t, uint64_t number, int64_t until_s)
{
	struct ims_notice_record n;
	struct err none;

	if (!ims_mailbox_notice(t, number, &n, &none))
		kv_pardon(t);
	else if (n.due_s == until_s)
		put_due(t, number, &n);
}

static void
del_seen(struct kv_txn *t, struct ims_mailbox_is *m, struct span seen,
    const struct ims_seen_record *r, struct sender *s)
{
	struct kv_key by = key_of_seen_by(domain_span(&r->domain), r->until_s, seen);

	due_by_itself(t, r->number, r->until_s);
	kv_del(t, seen);
	kv_del(t, kv_key_span(&by));
	ims_share_add(&s->seen, -(int64_t)r->charged, -1);
	m->seen -= m->seen > 0;
	if (s->seen.notices == 0)
		move_first(t, s, 0);
}

static void
write_seen(struct kv_txn *t, struct span seen, const struct ims_seen_record *r)
{
	struct buf value = BUF_INIT;

	ims_seen_write(&value, r);
	kv_put(t, seen, buf_span(&value));
	buf_clear(&value);
}

static void
put_seen(struct kv_txn *t, struct ims_mailbox_is *m, struct span seen, struct ims_seen_record *r,
    struct sender *s)
{
	struct kv_key by = key_of_seen_by(domain_span(&r->domain), r->until_s, seen),
		      number = { .n = 0 };

	r->indexed = true;
	r->charged = (uint32_t)ims_seen_takes(span_str(r->user), domain_span(&r->domain));
	write_seen(t, seen, r);
	kv_key_add_u64(&number, r->number);
	kv_put(t, kv_key_span(&by), kv_key_span(&number));
	if (s->first_s == 0 || r->until_s < s->first_s)
		move_first(t, s, r->until_s);
	ims_share_add(&s->seen, r->charged, 1);
	m->seen++;
}

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
forget_first(struct kv_txn *t, struct ims_mailbox_is *m, struct sender *s, struct span domain_hash)
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
	if (find_seen(t, &seen, &r)) {
		del_seen(t, m, kv_key_span(&seen), &r, s);
		return;
	}
	due_by_itself(t, first.number, (int64_t)kv_key_u64(row, prefix.n));
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
	struct sender s;
	struct span hash, value;

	kv_each(t, SPAN_LIT("u"), SPAN_LIT("u"), take_row, &row);
	hash = span_sub(kv_key_span(&row), 1 + 8, row.n);
	kv_key_add_u8(&d, 'd');
	kv_key_add(&d, hash);
	if (hash.n == PART_HASH && kv_get(t, kv_key_span(&d), &value) && read_sender(value, &s)) {
		forget_first(t, m, &s, hash);
		put_sender(t, m, &s);
	} else if (row.n > 0) {
		kv_del(t, kv_key_span(&row)); /* it names nothing */
	}
	kv_pardon(t);
}

/* s is the sender whose entry comes next. */
static void
make_room(struct kv_txn *t, struct ims_mailbox_is *m, struct sender *s, uint64_t most)
{
	enum ims_seen_room room = ims_seen_room(s->seen.notices, m->seen, most);
	struct kv_key hash = { .n = 0 };

	if (room == IMS_SEEN_ROOM_THERE)
		return;
	ims_key_add_hash(&hash, domain_span(&s->domain), PART_HASH);
	if (s->seen.notices > 0)
		forget_first(t, m, s, kv_key_span(&hash));
	else if (room == IMS_SEEN_ROOM_ANY)
		forget_any(t, m);
}

/* -- accepting ---------------------------------------------------------------------------------------------------------- */

/* An operation that accepts.  What its notices have in common is put and stated once, at the end. */
struct accepting {
	struct kv_txn *t;
	const struct ims_accepting_batch *batch;
	const char *user;
	struct ims_mailbox_is m;
	struct sender s;
	uint64_t sender_has; /* what the domain takes, with what was accepted before */
	uint64_t first;      /* number of the first notice that it puts; 0: none yet */
	int64_t look_s;      /* when the first of them has something to do; 0: never */
	bool changed;
};

static void
fill_notice(struct ims_notice_record *n, const struct ims_accepting_batch *b,
    const struct ims_accepting *a)
{
	*n = (struct ims_notice_record) {
		.id = a->letter->id,
		.received_s = b->received_s,
		.date_s = a->date_s,
		.due_s = a->letter->hold_until_s,
		.indexed = true,
	};
	memcpy(n->statement, a->statement, sizeof n->statement);
	span_copy(a->from, n->from, sizeof n->from);
	span_copy(a->to, n->to, sizeof n->to);
	span_copy(span_sub(b->issuer, 0, sizeof n->issuer - 1), n->issuer, sizeof n->issuer);
}

static void
fill_fact(struct ims_notice_fact *f, const struct ims_accepting_batch *b,
    const struct ims_accepting *a, const unsigned char *statement)
{
	*f = (struct ims_notice_fact) { .state = IMS_NOTICE_OPEN,
		.from_domain = b->from_domain,
		.own_domain = b->own_domain,
		.letter = *a->letter,
		.now_s = b->received_s };
	memcpy(f->statement, statement, sizeof f->statement);
}

static bool
has_share(const struct accepting *x, uint64_t octets, struct err *e)
{
	const struct ims_accepting_batch *b = x->batch;
	enum ims_fit fit;

	if (b->sender_limit == 0)
		return true;
	fit = ims_share_fit(x->sender_has + octets, b->sender_limit, b->size);
	if (RULE(sender_share) &&
	    (fit == IMS_FITS_NOT ||
		(fit == IMS_FITS_UNLESS_SCARCE && !kv_has_free(x->t, b->size / IMS_SHARE_SCARCE))))
		return err_word(e, REFUSAL_sender_share);
	return true;
}

/* What made the notice may not be decided yet: its letter has the verdict on it for the repeat, too. */
static void
await_first(struct accepting *x, struct ims_accepting *a)
{
	struct ims_mailbox_is then = { .last = 0 };
	struct ims_notice_record n;
	struct ims_notice_fact f;
	struct err none;

	if (!ims_mailbox_notice(x->t, a->number, &n, &none)) {
		kv_pardon(x->t);
		return;
	}
	a->has_first = true;
	memcpy(a->first, n.statement, sizeof a->first);
	then.stated = n.stated;
	fill_fact(&f, x->batch, a, n.statement);
	if (n.stated != 0)
		state_notice(x->t, &then, a->number, &n, &f, true);
}

static void
look_at(struct accepting *x, int64_t at_s)
{
	if (x->look_s == 0 || at_s < x->look_s)
		x->look_s = at_s;
	x->changed = true;
}

static bool
repeat(struct accepting *x, struct ims_accepting *a, const struct kv_key *seen,
    struct ims_seen_record *r, struct err *e)
{
	enum ims_before before = memcmp(a->facts, r->facts, DIGEST_BYTES) == 0 ? IMS_SEEN_SAME
									       : IMS_SEEN_OTHER;

	if (!ims_repeat_judge(before, IMS_LETTER_NONE, &a->known, e))
		return false;
	a->number = r->number;
	a->answered = r->answered;
	await_first(x, a);
	if (r->until_s >= a->seen_until_s)
		return true;
	if (!has_share(x, a->evidence_takes, e)) /* one more statement is kept */
		return false;
	del_seen(x->t, &x->m, kv_key_span(seen), r, &x->s);
	r->until_s = a->seen_until_s;
	x->sender_has += a->took = a->evidence_takes;
	put_seen(x->t, &x->m, kv_key_span(seen), r, &x->s);
	look_at(x, r->until_s);
	return true;
}

static void
remember(struct ims_mailbox_is *m, struct sender *s, int64_t day)
{
	if (s->day == 0 && m->known >= IMS_MAILBOX_KNOWN)
		return;
	m->known += s->day == 0;
	s->known_by = s->day == 0 ? m->stated : 0;
	s->day = day;
}

static void
forget(struct ims_mailbox_is *m, struct sender *s)
{
	m->known -= m->known > 0;
	s->day = 0;
	s->known_by = 0;
}

static void
put_new(struct accepting *x, struct ims_accepting *a, const struct kv_key *seen,
    struct ims_notice_record *n)
{
	struct kv_txn *t = x->t;
	const struct ims_accepting_batch *b = x->batch;
	struct ims_seen_record r = { .until_s = a->seen_until_s };
	struct ims_notice_fact f;

	x->m.notices++;
	a->number = ++x->m.last;
	if (x->first == 0)
		x->first = a->number;
	n->stated = x->m.stated;
	n->change = ++x->m.change;
	put_notice(t, a->number, n);
	if (n->due_s != r.until_s)
		put_due(t, a->number, n);
	make_room(t, &x->m, &x->s, b->seen_most);
	r.number = a->number;
	span_copy(span_str(x->user), r.user, sizeof r.user);
	domain_copy_span(&r.domain, b->from_domain);
	memcpy(r.facts, a->facts, DIGEST_BYTES);
	put_seen(t, &x->m, kv_key_span(seen), &r, &x->s);
	ims_share_add(&x->s.here, n->charged, 1);
	x->s.charged += n->charged_domain;
	fill_fact(&f, b, a, a->statement);
	f.evidence = a->evidence;
	f.pays = a->pays ? a->evidence_takes : 0;
	state_notice(t, &x->m, a->number, n, &f, true);
	look_at(x, n->due_s < r.until_s ? n->due_s : r.until_s);
}

uint64_t
ims_accepting_takes(const struct ims_accepting_batch *b, const char *user,
    const struct ims_accepting *a)
{
	struct ims_notice_record n;

	fill_notice(&n, b, a);
	return ims_notice_takes(&n) + ims_seen_takes(span_str(user), b->from_domain);
}

static bool
accept_one(struct accepting *x, struct ims_accepting *a, struct err *e)
{
	struct kv_key seen = key_of_seen(&a->letter->id, x->batch->from_domain, a->to);
	struct ims_notice_record n;
	struct ims_seen_record r;
	uint64_t takes, all;

	a->known = a->has_first = false;
	a->number = a->took = 0;
	if (get_seen(x->t, &seen, &r, e))
		return repeat(x, a, &seen, &r, e);
	if (e->why != REFUSAL_NONE || kv_fault(x->t, e) || !ims_mailbox_has_room(x->m.notices, e))
		return false;
	fill_notice(&n, x->batch, a);
	takes = ims_notice_takes(&n);
	n.charged = (uint32_t)(takes + a->evidence_takes);
	n.charged_domain = (uint32_t)(takes + (a->pays ? a->evidence_takes : 0));
	all = n.charged_domain + ims_seen_takes(span_str(x->user), x->batch->from_domain);
	if (!has_share(x, all, e) ||
	    !ims_mailbox_has_share(&x->s.here, n.charged, x->batch->mailbox_limit, e))
		return false;
	x->sender_has += a->took = all;
	put_new(x, a, &seen, &n);
	return true;
}

/* The name tells which notices cite it. */
static void
state_papers(struct accepting *x)
{
	struct kv_key name = { .n = 0 };

	kv_key_add(&name, span_of(kv_here(x->t)->name, kv_here(x->t)->n));
	kv_key_add_u64(&name, x->first);
	kv_key_add_u64(&name, x->m.last);
	ims_state_citing(x->t, kv_key_span(&name), x->batch->papers, x->batch->from_domain,
	    x->batch->received_s, x->m.stated);
}

static void
put_common(struct accepting *x)
{
	if (!x->changed)
		return;
	look_by(x->t, &x->m, x->look_s);
	if (x->first != 0) {
		span_copy(span_str(x->user), x->m.user, sizeof x->m.user);
		remember(&x->m, &x->s, x->batch->received_s / DAY_S);
		state_papers(x);
		state_listed(x->t, &x->m);
	}
	put_sender(x->t, &x->m, &x->s);
	ims_mailbox_put(x->t, &x->m);
}

bool
ims_mailbox_accept(struct kv_txn *t, void *accepting_all, struct err *e)
{
	struct ims_accepting_all *all = accepting_all;
	struct accepting x = { .t = t,
		.batch = all->batch,
		.user = all->user,
		.sender_has = all->sender_has };
	struct err why = { .why = REFUSAL_NONE }, fault;
	size_t good = 0;

	all->judged = false;
	if (!ims_mailbox_is(t, &x.m, e))
		return false;
	x.m.stated = kv_stamp(t);
	get_sender(t, all->batch->from_domain, &x.s);
	for (size_t i = 0; i < all->n; i++) {
		all->entry[i].why = REFUSAL_NONE;
		if (accept_one(&x, &all->entry[i], &why)) {
			good++;
			continue;
		}
		if (kv_fault(t, &fault)) {
			*e = fault;
			return false;
		}
		all->entry[i].why = why.why;
	}
	all->judged = true;
	put_common(&x);
	if (good == 0)
		*e = why;
	return good > 0;
}

/* The numbers of the notices of which the fact was stated. */
static void
numbers_of(const struct kv_fact *fact, uint64_t *first, uint64_t *last)
{
	if (fact->what == FACT_CITES) {
		*first = kv_key_u64(fact->name, PART_HASH);
		*last = kv_key_u64(fact->name, PART_HASH + 8);
	} else {
		*first = *last = kv_key_u64(fact->name, PART_SHORT + PART_HASH);
	}
}

void
ims_accepting_told(struct ims_accepting_all *all, const struct kv_part *to,
    const struct kv_fact *fact, enum refusal why)
{
	uint64_t first, last;

	(void)to;
	numbers_of(fact, &first, &last);
	for (size_t i = 0; i < all->n; i++) {
		struct ims_accepting *a = &all->entry[i];

		if (a->why == REFUSAL_NONE && a->number >= first && a->number <= last)
			a->why = why;
	}
}

static void
take_back(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, struct sender *s)
{
	struct kv_key seen = key_of_seen(&n->id, domain_of(n), span_str(n->to));
	struct ims_seen_record r;
	struct err none;

	if (get_seen(t, &seen, &r, &none) && r.number == number)
		del_seen(t, m, kv_key_span(&seen), &r, s);
	del_notice(t, m, number, n, s);
	state_notice(t, m, number, n, NULL, false);
}

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

/* Of the rows with that prefix, `at` octets from the beginning.  0: there is none. */
static int64_t
first_time(struct kv_txn *t, struct span prefix, size_t at)
{
	struct first_time x = { at, 0 };

	kv_each(t, prefix, prefix, take_time, &x);
	return x.s;
}

/* Is there one of the notices that the same operation put?  Their numbers are beside this one. */
static bool
has_other(struct kv_txn *t, uint64_t number, uint64_t stated)
{
	struct ims_notice_record n = { .stated = 0 };
	uint64_t next = number;
	struct err none;

	for (uint64_t before = number - 1; before > 0 && number - before < ACCEPT_PAGE; before--)
		if (ims_mailbox_notice(t, before, &n, &none)) {
			if (n.stated == stated)
				return true;
			break;
		}
	return ims_mailbox_next(t, &next, &n, &none) && n.stated == stated;
}

/* The papers that the refused evidence cites; the paper knows whether this mailbox brought it. */
static void
take_back_papers(struct kv_txn *t, const struct kv_fact *fact)
{
	const unsigned char *paper[IMS_PAPERS_MAX];
	struct kv_key name = { .n = 0 };
	struct ims_evidence_record r;
	struct ims_notice_fact f;
	struct err none;

	if (fact->what != FACT_NOTICE || !ims_notice_fact_read(fact->value, &f, &none) ||
	    !ims_evidence_read(f.evidence, &r, &none))
		return;
	for (size_t i = 0; i < r.n_papers; i++)
		paper[i] = r.paper[i];
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add_u64(&name, fact->version.n);
	ims_state_not_citing(t, kv_key_span(&name), paper, r.n_papers, fact->version.n);
}

/* Where nothing else ever came it is a mailbox no more; its record remains, for the numbers. */
static void
state_unlisted(struct kv_txn *t, struct ims_mailbox_is *m)
{
	struct kv_part to = kv_dir_part(PART_MAILBOXES, span_str(m->user));
	struct kv_fact f = { .what = FACT_LISTED,
		.name = span_str(m->user),
		.version.n = m->stated,
		.gone = true };

	kv_emit(t, &to, &f);
	ims_look_at(t, (struct span) { 0 }, m->look_s, 0);
	m->user[0] = '\0';
	m->look_s = 0;
}

/* All that an operation put was taken back. */
static void
take_back_common(struct kv_txn *t, struct ims_mailbox_is *m, struct sender *s,
    const struct kv_fact *fact)
{
	take_back_papers(t, fact);
	if (s->day != 0 && s->known_by == fact->version.n && s->here.notices == 0)
		forget(m, s);
}

/* A letter is another's, or finds no space, or a paper does: the notices were never there. */
bool
ims_mailbox_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct sender s = { .day = 0 };
	struct ims_mailbox_is m;
	struct ims_notice_record n;
	uint64_t first, last;
	bool any = false;

	(void)to;
	(void)why;
	(void)arg;
	if (!ims_mailbox_is(t, &m, e))
		return false;
	m.stated = kv_stamp(t);
	numbers_of(fact, &first, &last);
	for (uint64_t number = first; number <= last; number++) {
		if (!ims_mailbox_notice(t, number, &n, e)) {
			if (e->why != REFUSAL_no_such_number)
				return false;
			continue; /* it was taken back, or dropped since */
		}
		if (n.stated != 0 && n.stated != fact->version.n)
			continue;
		if (!any)
			get_sender(t, domain_of(&n), &s);
		any = true;
		take_back(t, &m, number, &n, &s);
	}
	if (!any)
		return true;
	if (fact->what == FACT_CITES || !has_other(t, first, fact->version.n))
		take_back_common(t, &m, &s, fact);
	put_sender(t, &m, &s);
	if (m.notices == 0 && m.known == 0 && first_time(t, SPAN_LIT("u"), 1) == 0)
		state_unlisted(t, &m);
	else
		state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

/* -- changes by the user --------------------------------------------------------------------------------------------------- */

bool
ims_mailbox_mark(struct kv_txn *t, void *changing, struct err *e)
{
	struct ims_changing *c = changing;
	struct ims_notice_record n;
	struct ims_mailbox_is m;

	if (!ims_mailbox_notice(t, c->number, &n, e) || !ims_mailbox_is(t, &m, e))
		return false;
	n.flags = ims_notice_flags(n.flags, c->set, c->cleared);
	n.change = ++m.change;
	put_notice(t, c->number, &n);
	ims_mailbox_put(t, &m);
	return true;
}

static enum ims_notice_is
is_of(const struct ims_notice_record *n)
{
	return n->declined ? IMS_NOTICE_DECLINED : IMS_NOTICE_OPEN;
}

bool
ims_mailbox_decline(struct kv_txn *t, void *changing, struct err *e)
{
	struct ims_changing *c = changing;
	struct ims_notice_record n;
	struct ims_mailbox_is m;
	bool less;
	struct ims_notice_fact f = { .now_s = c->now_s };

	if (!ims_mailbox_notice(t, c->number, &n, e) || !ims_mailbox_is(t, &m, e))
		return false;
	f.state = ims_notice_becomes(is_of(&n), IMS_NOTICE_IS_DECLINED, &less);
	f.from_domain = domain_of(&n);
	f.own_domain = address_domain(span_str(n.to));
	m.stated = kv_stamp(t);
	n.declined = true;
	n.change = ++m.change;
	put_notice(t, c->number, &n);
	if (less)
		state_notice(t, &m, c->number, &n, &f, false);
	ims_mailbox_put(t, &m);
	return true;
}

/* Drops the notice with its statements; the caller puts the mailbox. */
static void
drop_notice(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, bool has_letter, enum mailbox_state letter, bool forgets)
{
	struct kv_key seen = key_of_seen(&n->id, domain_of(n), span_str(n->to));
	struct ims_seen_record r;
	struct sender s;

	m->stated = kv_stamp(t); /* each statement of a domain's sum is newer than the one before */
	get_sender(t, domain_of(n), &s);
	if (find_seen(t, &seen, &r) && r.number == number) {
		r.answered = ims_notice_answered(is_of(n), has_letter, letter);
		if (forgets)
			del_seen(t, m, kv_key_span(&seen), &r, &s);
		else
			write_seen(t, kv_key_span(&seen), &r);
	}
	del_notice(t, m, number, n, &s);
	state_notice(t, m, number, n, NULL, false);
	put_sender(t, m, &s);
}

bool
ims_mailbox_drop(struct kv_txn *t, void *changing, struct err *e)
{
	struct ims_changing *c = changing;
	struct ims_notice_record n;
	struct ims_mailbox_is m;

	if (!ims_mailbox_notice(t, c->number, &n, e) || !ims_mailbox_is(t, &m, e))
		return false;
	m.stated = kv_stamp(t);
	drop_notice(t, &m, c->number, &n, c->has_letter, c->letter, false);
	state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

/* -- many notices ------------------------------------------------------------------------------------------- */

/* The notices are in the order of their numbers alone: those of one domain are looked for among all. */
static bool
is_asked_for(const struct ims_numbers *x, struct span value)
{
	struct ims_notice_record n;
	struct err e;

	return x->from_domain.n == 0 ||
	    (ims_notice_read(value, &n, &e) && span_eq(domain_of(&n), x->from_domain));
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

static void
move_due(struct kv_txn *t, uint64_t number, struct ims_notice_record *n, int64_t due_s)
{
	struct kv_key k = key_of_due(n->due_s, number);

	if (n->due_s != 0)
		kv_del(t, kv_key_span(&k));
	n->due_s = due_s;
	put_due(t, number, n);
	put_notice(t, number, n);
}

bool
ims_mailbox_end(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct ims_mailbox_is m;
	struct ims_notice_record n;

	x->dropped = 0;
	if (!ims_mailbox_is(t, &m, e))
		return false;
	m.stated = kv_stamp(t);
	for (size_t i = 0; i < x->n; i++) {
		const struct ims_ended *r = &x->rows[i];

		if (!ims_mailbox_notice(t, r->number, &n, e)) {
			if (e->why != REFUSAL_no_such_number)
				return false;
		} else if (r->end != IMS_NOTICE_GOES) {
			move_due(t, r->number, &n, r->end == IMS_NOTICE_LATER ? r->due_s : 0);
		} else {
			drop_notice(t, &m, r->number, &n, r->has_letter, r->letter, x->forgets);
			x->dropped++;
		}
	}
	if (x->dropped > 0)
		state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

/* -- the seen set, page by page --------------------------------------------------------------------------------- */

struct entries {
	size_t most;      /* at most MAILBOX_PAGE */
	int64_t before_s; /* 0: any */
	size_t at, skip;  /* octets before the time, before the entry's key */
	struct kv_key key[MAILBOX_PAGE];
	struct kv_key row[MAILBOX_PAGE]; /* that led to it */
	uint64_t number[MAILBOX_PAGE];   /* its value, where it has one */
	size_t n;
	bool more;
};

static bool
take_entry(void *arg, struct span key, struct span value)
{
	struct entries *x = arg;

	if (x->before_s != 0 && (int64_t)kv_key_u64(key, x->at) >= x->before_s)
		return false;
	if (x->n == x->most) {
		x->more = true;
		return false;
	}
	x->key[x->n].n = x->row[x->n].n = 0;
	x->number[x->n] = kv_key_u64(value, 0);
	kv_key_add(&x->row[x->n], key);
	kv_key_add(&x->key[x->n++], span_sub(key, x->skip, key.n));
	return true;
}

/* One that is damaged goes, too; what it charged is not known, and stays until the mailbox goes. */
static void
forget_entry(struct kv_txn *t, struct ims_mailbox_is *m, const struct kv_key *seen)
{
	struct ims_seen_record r;
	struct sender s;

	if (!find_seen(t, seen, &r)) {
		kv_del(t, kv_key_span(seen));
		return;
	}
	m->stated = kv_stamp(t);
	get_sender(t, domain_span(&r.domain), &s);
	del_seen(t, m, kv_key_span(seen), &r, &s);
	put_sender(t, m, &s);
}

/* What it charged is not known, and stays until the mailbox goes. */
static void
forget_damaged(struct kv_txn *t, struct ims_mailbox_is *m, const struct entries *all, size_t i)
{
	due_by_itself(t, all->number[i], (int64_t)kv_key_u64(kv_key_span(&all->row[i]), all->at));
	kv_del(t, kv_key_span(&all->row[i]));
	kv_del(t, kv_key_span(&all->key[i]));
	m->seen -= m->seen > 0;
}

/* Of the domain whose row "u" says that some may have ended.  It has a new row if entries are left. */
static void
expire_domain(struct kv_txn *t, struct ims_mailbox_is *m, const struct kv_key *row,
    struct entries *all)
{
	struct kv_key d = { .n = 0 }, by = { .n = 0 };
	struct ims_seen_record r;
	struct sender s = { .day = 0 };
	struct span value;
	bool known;

	kv_key_add_u8(&d, 'd');
	kv_key_add(&d, span_sub(kv_key_span(row), 1 + 8, row->n));
	kv_key_add_u8(&by, 'g');
	kv_key_add(&by, span_sub(kv_key_span(row), 1 + 8, row->n));
	known = kv_get(t, kv_key_span(&d), &value) && read_sender(value, &s);
	kv_pardon(t);
	kv_del(t, kv_key_span(row)); /* also one that names nothing */
	if (known && s.first_s == (int64_t)kv_key_u64(kv_key_span(row), 1))
		s.first_s = 0;
	all->n = 0;
	all->at = by.n;
	all->skip = by.n + 8;
	kv_each(t, kv_key_span(&by), kv_key_span(&by), take_entry, all);
	for (size_t i = 0; i < all->n; i++) {
		if (!find_seen(t, &all->key[i], &r)) {
			forget_damaged(t, m, all, i);
			continue;
		}
		if (!known)
			s.domain = r.domain;
		known = true;
		del_seen(t, m, kv_key_span(&all->key[i]), &r, &s);
	}
	all->most -= all->n;
	if (!known)
		return;
	move_first(t, &s, first_time(t, kv_key_span(&by), by.n));
	m->stated = kv_stamp(t);
	put_sender(t, m, &s);
}

/* A page of entries that have ended.  *more: others follow.  True: it had any. */
static bool
expire_entries(struct kv_txn *t, struct ims_mailbox_is *m, const struct ims_ending *x, bool *more)
{
	struct entries *rows = memory_new(sizeof *rows), *all = memory_new(sizeof *all);
	bool any;

	rows->most = all->most = x->most;
	rows->before_s = all->before_s = x->now_s;
	rows->at = 1;
	rows->skip = 1 + 8;
	kv_each(t, SPAN_LIT("u"), SPAN_LIT("u"), take_entry, rows);
	for (size_t i = 0; i < rows->n && all->most > 0; i++)
		expire_domain(t, m, &rows->row[i], all);
	*more = *more || rows->more || all->more || all->most == 0;
	any = rows->n > 0;
	free(rows);
	free(all);
	return any;
}

/* What was due is gone, or is due later: these name nothing that can be read. */
static bool
forget_due(struct kv_txn *t, const struct ims_ending *x, bool *more)
{
	struct entries *all = memory_new(sizeof *all);
	bool any;

	all->most = x->most;
	all->before_s = x->now_s - x->keep_s;
	all->at = 1;
	kv_each(t, SPAN_LIT("h"), SPAN_LIT("h"), take_entry, all);
	for (size_t i = 0; i < all->n; i++)
		kv_del(t, kv_key_span(&all->row[i]));
	*more = *more || all->more;
	any = all->n > 0;
	free(all);
	return any;
}

/* True: it moved. */
static bool
look_again(struct kv_txn *t, struct ims_mailbox_is *m, int64_t keep_s)
{
	int64_t until_s = first_time(t, SPAN_LIT("u"), 1), due_s = first_time(t, SPAN_LIT("h"), 1),
		was_s = m->look_s;

	due_s = due_s == 0 ? 0 : due_s + keep_s;
	m->look_s = until_s == 0 || (due_s != 0 && due_s < until_s) ? due_s : until_s;
	if (m->look_s != was_s)
		ims_look_at(t, (struct span) { 0 }, was_s, m->look_s);
	return m->look_s != was_s;
}

bool
ims_mailbox_expire(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct ims_mailbox_is m;
	bool any;

	x->more = false;
	if (!ims_mailbox_is(t, &m, e))
		return false;
	any = expire_entries(t, &m, x, &x->more);
	if (!x->entries_only) {
		any |= forget_due(t, x, &x->more);
		any |= look_again(t, &m, x->keep_s);
	}
	if (any)
		ims_mailbox_put(t, &m);
	return true;
}

/* Does the entry lead to a notice that can be read? */
static bool
has_notice(struct kv_txn *t, const struct kv_key *seen)
{
	struct ims_notice_record n;
	struct ims_seen_record r;
	struct err none;

	if (!find_seen(t, seen, &r))
		return false;
	if (ims_mailbox_notice(t, r.number, &n, &none))
		return true;
	kv_pardon(t);
	return false;
}

bool
ims_mailbox_forget(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct kv_key prefix = key_of_domain('g', x->from_domain);
	struct entries *all;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	all = memory_new(sizeof *all);
	all->most = x->most;
	all->at = prefix.n;
	all->skip = prefix.n + 8;
	m.stated = kv_stamp(t);
	x->dropped = 0;
	x->next = x->after;
	kv_each(t, kv_key_span(&x->after), kv_key_span(&prefix), take_entry, all);
	for (size_t i = 0; i < all->n; i++) {
		kv_key_after(&x->next, kv_key_span(&all->row[i]));
		if (has_notice(t, &all->key[i]))
			continue;
		forget_entry(t, &m, &all->key[i]);
		kv_del(t, kv_key_span(&all->row[i])); /* also one that leads to nothing */
		x->dropped++;
	}
	x->more = all->more;
	free(all);
	if (x->dropped > 0)
		ims_mailbox_put(t, &m);
	return true;
}

/* Letters that do not know yet that their notices are gone take back what they state to it. */
static bool
only_pays(struct kv_txn *t, struct span key)
{
	struct span value;
	struct sender s;
	bool pays = key.p[0] == 'd' && kv_get(t, key, &value) && read_sender(value, &s) &&
	    s.paid != 0 && s.day == 0 && s.seen.notices == 0 && s.here.notices == 0;

	kv_pardon(t);
	return pays;
}

struct deletion {
	struct kv_txn *t;
	struct entries *all;
};

static bool
del_some(void *arg, struct span key)
{
	struct deletion *d = arg;
	struct entries *x = d->all;

	if (only_pays(d->t, key))
		return true;
	if (x->n == x->most) {
		x->more = true;
		return false;
	}
	x->key[x->n].n = 0;
	kv_key_add(&x->key[x->n++], key);
	return true;
}

/* Each domain's statement ends with its row.  A damaged row names its domain by the hash in the key. */
static void
delete_domain(struct kv_txn *t, struct ims_mailbox_is *m, struct span key)
{
	struct kv_part to = kv_part_of(PART_SENDER, span_sub(key, 1, PART_HASH));
	struct sender s;
	struct span value;

	if (kv_get(t, key, &value) && read_sender(value, &s)) {
		kv_del(t, key);
		s = (struct sender) { .domain = s.domain, .paid = s.paid };
		put_sender(t, m, &s);
	} else {
		kv_pardon(t);
		kv_del(t, key);
		state_takes(t, m, &to, (struct span) { 0 });
	}
}

static void
delete_row(struct kv_txn *t, struct ims_mailbox_is *m, const struct kv_key *k)
{
	struct span key = kv_key_span(k);

	if (key.p[0] == 'd' && key.n == 1 + PART_HASH) {
		delete_domain(t, m, key);
		return;
	}
	kv_del(t, key);
	m->seen -= key.p[0] == 's' && m->seen > 0;
}

struct legible {
	struct kv_txn *t;
	bool found;
};

static bool
find_legible(void *arg, struct span key)
{
	struct legible *x = arg;
	struct ims_notice_record n;
	struct err none;

	x->found = ims_mailbox_notice(x->t, kv_key_u64(key, 1), &n, &none);
	kv_pardon(x->t);
	return !x->found;
}

/* A damaged notice cannot be dropped: it goes with the mailbox. */
static bool
has_legible(struct kv_txn *t)
{
	struct legible x = { .t = t };

	kv_each_key(t, SPAN_LIT("n"), SPAN_LIT("n"), find_legible, &x);
	return x.found;
}

bool
ims_mailbox_delete(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct deletion d = { .t = t };
	struct entries *all;
	struct ims_mailbox_is m;
	struct kv_part to;
	struct kv_fact f = { .what = FACT_LISTED, .gone = true };

	if (!ims_mailbox_is(t, &m, e))
		return false;
	if ((x->more = x->has_notices = has_legible(t)))
		return true;
	d.all = all = memory_new(sizeof *all);
	all->most = x->most;
	m.stated = kv_stamp(t);
	kv_each_key(t, (struct span) { 0 }, (struct span) { 0 }, del_some, &d);
	for (size_t i = 0; i < all->n; i++)
		delete_row(t, &m, &all->key[i]);
	x->more = all->more;
	if (x->more) {
		ims_mailbox_put(t, &m);
	} else if (m.user[0] != '\0') {
		to = kv_dir_part(PART_MAILBOXES, span_str(m.user));
		f.name = span_str(m.user);
		f.version.n = m.stated;
		kv_emit(t, &to, &f);
		ims_look_at(t, (struct span) { 0 }, m.look_s, 0);
	}
	free(all);
	return true;
}

/* -- what an older version kept --------------------------------------------------------------------------------- */

/* What was to be looked at before is looked at now: hours that have passed are not swept again. */
static int64_t
not_before(int64_t at_s, int64_t now_s)
{
	return at_s < now_s ? now_s : at_s;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* It has a name from its first import on. */
static void
begin_import(struct kv_txn *t, struct ims_mailbox_is *m, const char *user)
{
	span_copy(span_str(user), m->user, sizeof m->user);
	m->stated = kv_stamp(t);
}

bool
ims_mailbox_import_record(struct kv_txn *t, void *old_mailbox, struct err *e)
{
	const struct ims_old_mailbox *o = old_mailbox;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	begin_import(t, &m, o->user);
	m.last = larger(m.last, o->last);
	m.change = larger(m.change, o->change);
	state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

bool
ims_mailbox_import(struct kv_txn *t, void *old_notice, struct err *e)
{
	struct ims_old_notice *o = old_notice;
	struct ims_notice_record *n = &o->notice;
	struct kv_part letter = ims_part_letter(&n->id);
	struct ims_notice_fact f = { .state = n->declined ? IMS_NOTICE_DECLINED : IMS_NOTICE_OPEN,
		.from_domain = domain_of(n),
		.own_domain = address_domain(span_str(n->to)),
		.letter = o->letter,
		/* as if it was announced within the week before */
		.now_s = o->now_s - ims_spread_s(&letter, PAPER_RENEW_S) };
	struct ims_mailbox_is m;
	struct sender s;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	get_sender(t, domain_of(n), &s);
	begin_import(t, &m, o->user);
	m.notices++;
	m.last = larger(m.last, o->number);
	m.change = larger(m.change, n->change);
	n->indexed = true;
	n->stated = m.stated;
	put_notice(t, o->number, n);
	put_due(t, o->number, n);
	if (n->due_s != 0)
		look_by(t, &m, not_before(n->due_s, o->now_s));
	ims_share_add(&s.here, n->charged, 1);
	s.charged += n->charged_domain;
	memcpy(f.statement, n->statement, sizeof f.statement);
	state_notice(t, &m, o->number, n, &f, false);
	put_sender(t, &m, &s);
	state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

static bool
take_domain(void *arg, struct span key, struct span value)
{
	struct sender s;

	(void)key;
	if (!read_sender(value, &s) || s.domain.text[0] == '\0')
		return true;
	*(struct domain *)arg = s.domain;
	return false;
}

/* An entry of the first version has but the digest of its domain; the notices that are here tell which it is. */
static void
find_domain(struct kv_txn *t, struct span domain_hash, struct domain *out)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 'd');
	kv_key_add(&k, domain_hash);
	kv_each(t, kv_key_span(&k), kv_key_span(&k), take_domain, out);
}

bool
ims_mailbox_import_seen(struct kv_txn *t, void *old_seen, struct err *e)
{
	struct ims_old_seen *o = old_seen;
	struct kv_key k = { .n = 0 };
	struct ims_mailbox_is m;
	struct sender s;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	if (o->seen.domain.text[0] == '\0')
		find_domain(t, span_sub(o->key, ULID_BYTES, PART_SHORT), &o->seen.domain);
	get_sender(t, domain_span(&o->seen.domain), &s);
	begin_import(t, &m, o->user);
	m.last = larger(m.last, o->seen.number);
	kv_key_add_u8(&k, 's');
	kv_key_add(&k, o->key);
	put_seen(t, &m, kv_key_span(&k), &o->seen, &s);
	look_by(t, &m, not_before(o->seen.until_s, o->now_s));
	put_sender(t, &m, &s);
	state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

/* The domain's name is not known, and comes with its next notice. */
bool
ims_mailbox_import_known(struct kv_txn *t, void *old_known, struct err *e)
{
	struct ims_old_known *o = old_known;
	struct kv_key k = { .n = 0 };
	struct ims_mailbox_is m;
	struct sender s;
	struct span value;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	kv_key_add_u8(&k, 'd');
	kv_key_add(&k, o->domain_hash);
	if (!kv_get(t, kv_key_span(&k), &value) || !read_sender(value, &s))
		s = (struct sender) { .day = 0 };
	remember(&m, &s, o->day);
	if (s.day == 0)
		return true;
	write_sender(t, &k, &s);
	if (m.user[0] == '\0') {
		begin_import(t, &m, o->user);
		state_listed(t, &m);
	}
	ims_mailbox_put(t, &m);
	return true;
}
