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

/* The record of a sum: what is summed, how often it was stated to a directory. */
struct sum {
	struct ims_share share;
	uint64_t facts, stated;
	int64_t look_s;       /* when it goes if it is of nothing; 0: never */
	struct domain listed; /* of acknowledgements: as whom their directory has them */
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
	s->stated = read_u64(&r);
	s->look_s = (int64_t)read_u64(&r);
	if (r.rest.n > 0)
		read_str(&r, s->listed.text, sizeof s->listed.text);
	if (!good || !reader_done(&r))
		*s = (struct sum) { .facts = 0 };
}

static void
sum_put(struct kv_txn *t, const struct sum *s)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_u64(&value, s->share.octets);
	put_u64(&value, s->share.notices);
	put_u64(&value, s->facts);
	put_u64(&value, s->stated);
	put_u64(&value, (uint64_t)s->look_s);
	if (s->listed.text[0] != '\0')
		put_span(&value, domain_span(&s->listed));
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
state_listed(struct kv_txn *t, struct sum *s, unsigned directory, struct span name, bool gone,
    uint64_t version)
{
	struct kv_part to = kv_dir_part(directory, name);
	struct kv_fact f = { .what = FACT_LISTED, .name = name, .gone = gone };

	s->stated = s->stated < version ? version : s->stated + 1;
	f.version.n = s->stated;
	kv_emit(t, &to, &f);
}

static void
look_at(struct kv_txn *t, struct sum *s, int64_t at_s)
{
	ims_look_at(t, (struct span) { 0 }, s->look_s, at_s, s->stated);
	s->look_s = at_s;
}

/* A day after the version. */
static int64_t
end_of(uint64_t version)
{
	return (int64_t)(version / PART_ROUNDS) + SUM_KEEP_S;
}

/* One fact more, or less, makes the sum begin or end: its directory learns of it. */
static void
state_presence(struct kv_txn *t, struct sum *s, unsigned directory, struct span name,
    const struct kv_fact *was, const struct kv_fact *now)
{
	uint64_t before = s->facts;

	count_fact(s, was, now);
	if ((before == 0) == (s->facts == 0))
		return;
	state_listed(t, s, directory, name, s->facts == 0, now->version.n);
	look_at(t, s, s->facts == 0 ? end_of(s->stated) : 0);
}

bool
ims_sum_expire(struct kv_txn *t, void *now_s, struct err *e)
{
	struct sum s;

	(void)e;
	sum_get(t, &s);
	if (s.look_s == 0 || s.look_s > *(int64_t *)now_s)
		return true;
	s.stated++;
	look_at(t, &s, 0);
	if (s.facts == 0 && s.listed.text[0] != '\0')
		state_listed(t, &s, PART_ACKERS, domain_span(&s.listed), true, 0);
	if (s.facts == 0)
		kv_del(t, sum_key);
	else
		sum_put(t, &s);
	return true;
}

void
ims_sender_sum(struct kv_txn *t, struct ims_share *out)
{
	struct sum s;

	sum_get(t, &s);
	*out = s.share;
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

bool
ims_sender_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct ims_share before, after;
	struct span old = domain_and_share(was, &before), domain = domain_and_share(now, &after);
	struct sum s;

	(void)from;
	(void)arg;
	(void)e;
	sum_get(t, &s);
	ims_share_add(&s.share, (int64_t)after.octets - (int64_t)before.octets,
	    (int64_t)after.notices - (int64_t)before.notices);
	state_presence(t, &s, PART_SENDERS, now->gone ? old : domain, was, now);
	sum_put(t, &s);
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
	ims_key_add_hash(&k, domain_span(&a->from_domain), PART_SHORT);
	ims_key_add_hash(&k, domain_span(&a->own_domain), PART_SHORT);
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

/* The sender's domain stays listed for a day after its last acknowledgement was answered, so its directory and its hour
 * hear nothing of one that comes and goes. */
bool
ims_acks_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	const struct kv_fact *f = now->gone ? was : now;
	struct ims_ack a;
	struct sum s;

	(void)from;
	(void)arg;
	if (f == NULL) /* gone before it came */
		return true;
	if (!ims_ack_read(f->value, &a))
		return ims_damaged(e);
	sum_get(t, &s);
	count_fact(&s, was, now);
	if (s.listed.text[0] == '\0') {
		s.listed = a.from_domain;
		state_listed(t, &s, PART_ACKERS, domain_span(&s.listed), false, now->version.n);
	}
	if (s.facts == 0) {
		s.stated++;
		look_at(t, &s, end_of(now->version.n));
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
