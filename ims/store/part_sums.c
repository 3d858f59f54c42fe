/* part_sums — partitions that keep sums of what others state: senders, acknowledgements, directories; see part.h. */
#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1

static const struct span sum_key = { "r", 1 };

/* -- shares -------------------------------------------------------------------------------------------- */

void
ims_share_write(struct buf *out, const struct ims_share *s)
{
	put_u8(out, VERSION_1);
	put_u64(out, s->octets);
	put_u64(out, s->notices);
}

/* A damaged sum starts anew: it must neither refuse the domain nor keep its notices from going. */
static void
share_of(struct span value, struct ims_share *out)
{
	struct reader r = reader_of(value);
	bool good = read_u8(&r) == VERSION_1;

	*out = (struct ims_share) { 0, 0 };
	out->octets = read_u64(&r);
	out->notices = read_u64(&r);
	if (!good || !reader_done(&r))
		*out = (struct ims_share) { 0, 0 };
}

/* The record of a sum: what is summed, of how many facts.  A sum of nothing has none. */
struct sum {
	struct ims_share share;
	uint64_t facts;
	uint64_t papers; /* of these */
	int64_t
	    idle_s; /* of acknowledgements: when it was found that there are none; 0: it was not */
	struct domain listed; /* the same: as whom their directory has them */
};

static void
sum_get(struct kv_txn *t, struct sum *s)
{
	struct span value;
	struct reader r;
	bool good;

	*s = (struct sum) { .facts = 0 };
	if (!kv_get(t, sum_key, &value)) {
		kv_pardon(t);
		return;
	}
	r = reader_of(value);
	good = read_u8(&r) == VERSION_1;
	s->share.octets = read_u64(&r);
	s->share.notices = read_u64(&r);
	s->facts = read_u64(&r);
	s->papers = read_u64(&r);
	if (r.rest.n > 0) {
		s->idle_s = (int64_t)read_u64(&r);
		read_str(&r, s->listed.text, sizeof s->listed.text);
	}
	if (!good || !reader_done(&r))
		*s = (struct sum) { .facts = 0 };
}

static void
sum_put(struct kv_txn *t, const struct sum *s)
{
	struct buf value = BUF_INIT;

	if (s->facts == 0 && s->listed.text[0] == '\0') {
		kv_del(t, sum_key);
		return;
	}
	put_u8(&value, VERSION_1);
	put_u64(&value, s->share.octets);
	put_u64(&value, s->share.notices);
	put_u64(&value, s->facts);
	put_u64(&value, s->papers);
	if (s->listed.text[0] != '\0') {
		put_u64(&value, (uint64_t)s->idle_s);
		put_span(&value, domain_span(&s->listed));
	}
	kv_put(t, sum_key, buf_span(&value));
	buf_clear(&value);
}

static void
count_fact(struct sum *s, const struct kv_fact *was, const struct kv_fact *now)
{
	s->facts += was == NULL && !now->gone;
	s->facts -= was != NULL && now->gone && s->facts > 0;
}

static void
state_listed(struct kv_txn *t, unsigned directory, struct span name, bool gone)
{
	struct kv_part to = kv_dir_part(directory, name);
	struct kv_fact f = { .what = FACT_LISTED,
		.name = name,
		.version.n = kv_stamp(t),
		.gone = gone };

	kv_emit(t, &to, &f);
}

void
ims_sender_is(struct kv_txn *t, struct ims_sender_is *out)
{
	struct sum s;

	sum_get(t, &s);
	*out = (struct ims_sender_is) {
		.sum = s.share,
		.has_papers = s.papers >= IMS_SENDER_PAPERS,
		.has_mailboxes = s.facts >= IMS_SENDER_MAILBOXES,
	};
}

void
ims_sender_sum(struct kv_txn *t, struct ims_share *out)
{
	struct ims_sender_is sender;

	ims_sender_is(t, &sender);
	*out = sender.sum;
}

/* Its value begins with the From domain, by which the directory knows it. */
static struct span
domain_and_share(const struct kv_fact *f, struct ims_share *share)
{
	struct reader r = reader_of(f == NULL ? (struct span) { 0 } : f->value);
	struct span domain = read_span(&r);

	*share = (struct ims_share) { 0, 0 };
	if (f != NULL && !f->gone)
		share_of(r.rest, share);
	return domain;
}

/* A fact of the domain came or went.  Returns the sum's domain, borrowed from one of them. */
static struct span
add_fact(struct kv_txn *t, struct sum *s, const struct kv_fact *was, const struct kv_fact *now)
{
	struct ims_share old, new;
	struct span old_domain = domain_and_share(was, &old), domain = domain_and_share(now, &new);
	uint64_t before;

	sum_get(t, s);
	before = s->facts;
	ims_share_add(&s->share, (int64_t) new.octets - (int64_t)old.octets,
	    (int64_t) new.notices - (int64_t)old.notices);
	count_fact(s, was, now);
	if (now->name.p[0] == 'p')
		s->papers = s->papers + s->facts < before ? 0 : s->papers + s->facts - before;
	sum_put(t, s);
	return now->gone ? old_domain : domain;
}

bool
ims_sender_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct sum s;
	bool was_nothing;
	struct span domain;

	(void)from;
	(void)arg;
	(void)e;
	sum_get(t, &s);
	was_nothing = s.facts == 0;
	domain = add_fact(t, &s, was, now);
	/* One fact more, or less, makes the sum begin or end: its directory learns of it. */
	if (was_nothing != (s.facts == 0))
		state_listed(t, PART_SENDERS, domain, s.facts == 0);
	return true;
}

/* Its mailboxes are one fact of the domain. */
bool
ims_group_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	const struct kv_part *here = kv_here(t);
	const struct kv_part to = kv_part_of(PART_SENDER, span_of(here->name, (size_t)PART_HASH));
	const char name[] = { 's', (char)here->name[PART_HASH] };
	struct kv_fact f = { .what = FACT_TAKES,
		.name = span_of(name, sizeof name),
		.version.n = kv_stamp(t) };
	struct buf value = BUF_INIT;
	struct span domain;
	struct sum s;

	(void)from;
	(void)arg;
	(void)e;
	if (was == NULL && now->gone)
		return true;
	domain = add_fact(t, &s, was, now);
	put_span(&value, domain);
	ims_share_write(&value, &s.share);
	f.gone = s.facts == 0;
	if (!f.gone)
		f.value = buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
	return true;
}

/* -- acknowledgements ------------------------------------------------------------------------------------ */

void
ims_ack_write(struct buf *out, const struct ims_ack *a)
{
	put_u8(out, VERSION_1);
	put_bytes(out, a->id.b, ULID_BYTES);
	put_span(out, domain_span(&a->from_domain));
	put_span(out, domain_span(&a->own_domain));
	put_u8(out, a->declined);
	put_u64(out, a->round);
	put_u64(out, (uint64_t)a->until_s);
}

struct kv_key
ims_ack_name(const struct ims_ack *a)
{
	struct kv_key k = { .n = 0 };

	kv_key_add(&k, span_of(a->id.b, ULID_BYTES));
	kv_key_add_hash(&k, domain_span(&a->from_domain), PART_SHORT);
	kv_key_add_hash(&k, domain_span(&a->own_domain), PART_SHORT);
	return k;
}

bool
ims_ack_read(struct span value, struct ims_ack *a)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*a = (struct ims_ack) { .round = 0 };
	read_bytes(&in, a->id.b, ULID_BYTES);
	read_str(&in, a->from_domain.text, sizeof a->from_domain.text);
	read_str(&in, a->own_domain.text, sizeof a->own_domain.text);
	a->declined = read_u8(&in) != 0;
	a->round = read_u64(&in);
	a->until_s = (int64_t)read_u64(&in);
	return good && reader_done(&in);
}

bool
ims_acks_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	const struct kv_fact *f = now->gone ? was : now;
	const struct ims_bounds *bounds = arg;
	struct ims_ack a;
	struct sum s;

	(void)from;
	if (f == NULL) /* gone before it came */
		return true;
	if (!ims_ack_read(f->value, &a))
		return ims_damaged(e);
	sum_get(t, &s);
	if (was == NULL && s.facts >= (bounds == NULL ? IMS_ACKS_MOST : bounds->acks))
		return err_word(e, REFUSAL_too_many_outstanding);
	count_fact(&s, was, now);
	s.idle_s = 0;
	if (s.listed.text[0] == '\0') {
		s.listed = a.from_domain;
		state_listed(t, PART_ACKERS, domain_span(&s.listed), false);
	}
	sum_put(t, &s);
	return true;
}

bool
ims_acks_are_idle(struct kv_txn *t, int64_t now_s)
{
	struct sum s;

	sum_get(t, &s);
	return s.facts == 0 && s.listed.text[0] != '\0' &&
	    (s.idle_s == 0 || s.idle_s > now_s || s.idle_s + ACKS_KEEP_S <= now_s);
}

bool
ims_acks_idle(struct kv_txn *t, void *now_s, struct err *e)
{
	int64_t at_s = *(const int64_t *)now_s;
	struct sum s;

	(void)e;
	if (!ims_acks_are_idle(t, at_s))
		return true;
	sum_get(t, &s);
	if (s.idle_s == 0 || s.idle_s > at_s) { /* or the clock was ahead */
		s.idle_s = at_s;
	} else {
		state_listed(t, PART_ACKERS, domain_span(&s.listed), true);
		s.listed.text[0] = '\0';
	}
	sum_put(t, &s);
	return true;
}

/* -- directories ------------------------------------------------------------------------------------------- */

/* A shard counts what is listed in it, and sums the shares where its facts have some. */
bool
ims_list_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct ims_share before = { 0, 0 }, after = before;
	struct sum s;

	(void)from;
	(void)arg;
	(void)e;
	if (was != NULL && was->value.n > 0)
		share_of(was->value, &before);
	if (!now->gone && now->value.n > 0)
		share_of(now->value, &after);
	sum_get(t, &s);
	s.facts += was == NULL && !now->gone;
	s.facts -= was != NULL && now->gone && s.facts > 0;
	ims_share_add(&s.share, (int64_t)after.octets - (int64_t)before.octets,
	    (int64_t)after.notices - (int64_t)before.notices);
	sum_put(t, &s);
	return true;
}

void
ims_list_sums(struct kv_txn *t, uint64_t *entries, struct ims_share *sum)
{
	struct sum s;

	sum_get(t, &s);
	*entries = s.facts;
	*sum = s.share;
}
