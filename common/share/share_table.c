/* share_table — rows in a hash, and in a list a kind by their last use; see share_table.h. */
#include "common/share/share_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/memory.h"

#define BUCKETS    8192
#define CANDIDATES 32 /* least recently used rows that are looked at to make room for one */

/* Tokens are counted in parts of 1 / per_ms, of which `refill` come back in each millisecond. */
struct level {
	int64_t parts; /* of a gauge: what is held */
	int64_t at_ms; /* what has come back until then is in it */
};

struct share_row {
	LIST_ENTRY(share_row) same;  /* in its hash bucket */
	TAILQ_ENTRY(share_row) link; /* in its kind, the least recently used first */
	struct kind *kind;
	struct level level;
	int64_t used_ms;
	int64_t since_ms, last_ms; /* refusals: see struct share_seen */
	uint64_t refused;
	uint64_t missed; /* refusals that share_table_missed has not told */
	size_t n;        /* of the key */
	char key[];
};

struct kind {
	struct share_rule rule;
	struct level all;
	unsigned rows;
	TAILQ_HEAD(used, share_row) used;
	struct share_row
	    *crowd; /* of a bucket: the keys that find no row share it; not in a list */
};

struct share_table {
	uint64_t secret;
	unsigned n;
	int64_t now_ms; /* the latest time that any call gave */
	struct kind *kind;
	LIST_HEAD(bucket, share_row) bucket[BUCKETS];
};

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* -- levels ------------------------------------------------------------------------------------- */

static int64_t
full(const struct kind *k, const struct share_bound *b)
{
	return k->rule.form == SHARE_GAUGE ? 0 : b->most * k->rule.per_ms;
}

static void
fill(const struct kind *k, const struct share_bound *b, struct level *l, int64_t now_ms)
{
	int64_t top = full(k, b), gone_ms = now_ms - l->at_ms;

	l->at_ms = now_ms;
	if (k->rule.form == SHARE_GAUGE || b->refill == 0 || l->parts >= top || gone_ms <= 0)
		return;
	/* Divided first: a long time must not overflow. */
	l->parts = gone_ms > (top - l->parts) / b->refill ? top : l->parts + gone_ms * b->refill;
}

static bool
has(const struct kind *k, const struct share_bound *b, const struct level *l, int64_t n)
{
	if (b->most == 0)
		return true;
	if (k->rule.form == SHARE_GAUGE)
		return n <= b->most - l->parts;
	return n <= l->parts / k->rule.per_ms;
}

static void
spend(const struct kind *k, const struct share_bound *b, struct level *l, int64_t n)
{
	if (k->rule.form == SHARE_GAUGE)
		l->parts += n;
	else if (b->most > 0)
		l->parts -= n * k->rule.per_ms;
}

/* -- rows --------------------------------------------------------------------------------------- */

static unsigned
hash(const struct share_table *t, const struct kind *k, struct span key)
{
	return (unsigned)(span_hash(key, t->secret ^ (uint64_t)(k - t->kind)) % BUCKETS);
}

static struct share_row *
find(const struct share_table *t, const struct kind *k, struct span key)
{
	struct share_row *r;

	LIST_FOREACH (r, &t->bucket[hash(t, k, key)], same)
		if (r->kind == k && span_eq(span_of(r->key, r->n), key))
			return r;
	return NULL;
}

static void
drop(struct share_row *r)
{
	LIST_REMOVE(r, same);
	TAILQ_REMOVE(&r->kind->used, r, link);
	r->kind->rows--;
	free(r);
}

/* The row is like a new one, or has earned what nobody has used for long. */
static bool
idle(struct share_row *r, int64_t now_ms)
{
	int64_t new = full(r->kind, &r->kind->rule.key);

	fill(r->kind, &r->kind->rule.key, &r->level, now_ms);
	return r->level.parts == new ||
	    (r->level.parts > new &&
		r->kind->rule.form == SHARE_BUCKET &&now_ms - r->used_ms >= SHARE_CREDIT_MS);
}

/* False: each row that was looked at tells something that a new one would not. */
static bool
make_room(struct kind *k, int64_t now_ms)
{
	struct share_row *r;
	int i = 0;

	TAILQ_FOREACH (r, &k->used, link) {
		if (idle(r, now_ms)) {
			if (k->crowd != NULL) /* which tells it later */
				k->crowd->missed += r->missed;
			drop(r);
			return true;
		}
		if (++i == CANDIDATES)
			break;
	}
	return false;
}

/* A row that is idle and was not refused lately says nothing that a new one would not. */
static void
forget_oldest(struct kind *k, int64_t now_ms)
{
	struct share_row *r = TAILQ_FIRST(&k->used);

	if (r != NULL && idle(r, now_ms) &&
	    (r->refused == 0 || now_ms - r->last_ms >= SHARE_CALM_MS))
		drop(r);
}

static struct share_row *
row_new(struct kind *k, struct span key, int64_t now_ms)
{
	struct share_row *r = memory_new(sizeof *r + key.n);

	r->kind = k;
	r->n = key.n;
	memcpy(r->key, key.p, key.n);
	r->level = (struct level) { full(k, &k->rule.key), now_ms };
	r->used_ms = now_ms;
	return r;
}

/* Without room: what the keys without a row share, or NULL for a gauge. */
static struct share_row *
add(struct share_table *t, struct kind *k, struct span key, int64_t now_ms)
{
	struct share_row *r;

	forget_oldest(k, now_ms);
	if (k->rows >= k->rule.rows && !make_room(k, now_ms)) {
		if (k->crowd != NULL)
			fill(k, &k->rule.key, &k->crowd->level, now_ms);
		return k->crowd;
	}
	r = row_new(k, key, now_ms);
	LIST_INSERT_HEAD(&t->bucket[hash(t, k, key)], r, same);
	TAILQ_INSERT_TAIL(&k->used, r, link);
	k->rows++;
	return r;
}

/* The row of the key, with what has come back until now in it, as the most recently used. */
static struct share_row *
use(struct share_table *t, struct kind *k, struct span key, int64_t now_ms)
{
	struct share_row *r;

	key = span_sub(key, 0, SHARE_KEY_BYTES - 1);
	if ((r = find(t, k, key)) == NULL)
		return add(t, k, key, now_ms);
	TAILQ_REMOVE(&k->used, r, link);
	TAILQ_INSERT_TAIL(&k->used, r, link);
	r->used_ms = now_ms;
	fill(k, &k->rule.key, &r->level, now_ms);
	return r;
}

/* -- asking ------------------------------------------------------------------------------------- */

static struct kind *
kind_at(struct share_table *t, unsigned kind, int64_t *now_ms)
{
	struct kind *k = &t->kind[kind];

	assert(kind < t->n);
	if (*now_ms < t->now_ms)
		*now_ms = t->now_ms;
	t->now_ms = *now_ms;
	fill(k, &k->rule.all, &k->all, *now_ms);
	return k;
}

static bool
refuse(struct kind *k, struct share_row *r, int64_t now_ms, struct err *e)
{
	if (r != NULL) {
		if (r->refused == 0 || now_ms - r->last_ms >= SHARE_CALM_MS) {
			r->since_ms = now_ms;
			r->refused = 0;
		}
		r->refused++;
		r->missed++;
		r->last_ms = now_ms;
	}
	return err_word(e, k->rule.word);
}

/* With n more, the key holds no more of a gauge than is left, or than the floor. */
static bool
leaves_enough(const struct kind *k, const struct share_row *r, int64_t n)
{
	int64_t kept = k->rule.floor > 0 ? k->rule.all.most / 4 : 0;
	int64_t left = k->rule.all.most - kept - k->all.parts;

	return k->rule.form == SHARE_BUCKET || k->rule.all.most == 0 ||
	    n <= k->rule.floor - r->level.parts || n <= (left - r->level.parts) / 2;
}

static bool
may(const struct kind *k, const struct share_row *r, int64_t n)
{
	return r != NULL && has(k, &k->rule.key, &r->level, n) &&
	    has(k, &k->rule.all, &k->all, n) && leaves_enough(k, r, n);
}

static void
charge(struct kind *k, struct share_row *r, int64_t n)
{
	spend(k, &k->rule.key, &r->level, n);
	spend(k, &k->rule.all, &k->all, n);
}

bool
share_table_take(struct share_table *t, unsigned kind, struct span key, int64_t n, int64_t now_ms,
    struct err *e)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct share_row *r = use(t, k, key, now_ms);

	assert(k->rule.form == SHARE_BUCKET && n > 0);
	if (!may(k, r, n))
		return refuse(k, r, now_ms, e);
	charge(k, r, n);
	return true;
}

int64_t
share_table_take_some(struct share_table *t, unsigned kind, struct span key, int64_t n,
    int64_t now_ms)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct share_row *r = use(t, k, key, now_ms);

	assert(k->rule.form == SHARE_BUCKET && n > 0 && k->rule.key.most > 0);
	n = least(n, r->level.parts / k->rule.per_ms);
	if (n <= 0 || !may(k, r, n))
		return 0;
	charge(k, r, n);
	return n;
}

bool
share_table_has(struct share_table *t, unsigned kind, struct span key, int64_t n, int64_t now_ms,
    struct err *e)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct share_row *r = use(t, k, key, now_ms);

	assert(k->rule.form == SHARE_BUCKET && n > 0);
	return may(k, r, n) || (e != NULL && refuse(k, r, now_ms, e));
}

void
share_table_note(struct share_table *t, unsigned kind, struct span key, int64_t now_ms)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct err e;

	assert(k->rule.form == SHARE_BUCKET);
	(void)refuse(k, use(t, k, key, now_ms), now_ms, &e);
}

void
share_table_give(struct share_table *t, unsigned kind, struct span key, int64_t n, int64_t now_ms)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct share_row *r = use(t, k, key, now_ms);
	int64_t top = (r == k->crowd ? k->rule.key.most : k->rule.credit) * k->rule.per_ms;

	assert(k->rule.form == SHARE_BUCKET && n > 0);
	if (r != NULL && r->level.parts < top)
		r->level.parts = least(top,
		    r->level.parts + least(n, k->rule.credit) * k->rule.per_ms);
}

/* -- holding ------------------------------------------------------------------------------------ */

static void
hold(struct kind *k, struct share_row *r, struct share_hold *h, int64_t n)
{
	assert(k->rule.form == SHARE_GAUGE && n > 0 && (h->row == NULL || h->row == r));
	charge(k, r, n);
	h->row = r;
	h->n += n;
}

bool
share_table_hold(struct share_table *t, struct share_hold *h, unsigned kind, struct span key,
    int64_t n, int64_t now_ms, struct err *e)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct share_row *r = use(t, k, key, now_ms);

	if (!may(k, r, n))
		return refuse(k, r, now_ms, e);
	hold(k, r, h, n);
	return true;
}

bool
share_table_force(struct share_table *t, struct share_hold *h, unsigned kind, struct span key,
    int64_t n, int64_t now_ms)
{
	struct kind *k = kind_at(t, kind, &now_ms);
	struct share_row *r = use(t, k, key, now_ms);

	if (r != NULL)
		hold(k, r, h, n);
	return r != NULL;
}

void
share_table_release(struct share_table *t, struct share_hold *h, int64_t n, int64_t now_ms)
{
	struct share_row *r = h->row;

	(void)t;
	if (r == NULL)
		return;
	n = least(n, h->n);
	r->level.parts -= n;
	r->kind->all.parts -= n;
	h->n -= n;
	if (h->n > 0)
		return;
	h->row = NULL;
	if (r->level.parts > 0)
		return;
	/* The first that makes room for another. */
	TAILQ_REMOVE(&r->kind->used, r, link);
	TAILQ_INSERT_HEAD(&r->kind->used, r, link);
	forget_oldest(r->kind, now_ms);
}

/* -- looking ------------------------------------------------------------------------------------ */

int64_t
share_table_held(const struct share_table *t, unsigned kind)
{
	assert(kind < t->n && t->kind[kind].rule.form == SHARE_GAUGE);
	return t->kind[kind].all.parts;
}

unsigned
share_table_rows(const struct share_table *t, unsigned kind)
{
	assert(kind < t->n);
	return t->kind[kind].rows;
}

static void
describe(const struct share_row *r, int64_t now_ms, struct share_seen *s)
{
	const struct share_rule *rule = &r->kind->rule;
	struct level l = r->level;

	fill(r->kind, &rule->key, &l, now_ms);
	*s = (struct share_seen) {
		.kind = rule->name,
		.most = rule->key.most,
		.since_ms = r->since_ms,
		.refused = r->refused,
		.last_ms = r->last_ms,
	};
	s->held = rule->form == SHARE_GAUGE ? l.parts : rule->key.most - l.parts / rule->per_ms;
	memcpy(s->key, r->key, r->n);
}

uint64_t
share_table_missed(struct share_table *t, unsigned kind, struct span key)
{
	struct share_row *r = find(t, &t->kind[kind], span_sub(key, 0, SHARE_KEY_BYTES - 1));
	uint64_t missed = r == NULL ? 0 : r->missed;

	if (r != NULL)
		r->missed = 0;
	return missed;
}

static bool
tell_missed(struct share_row *r, int64_t now_ms, int64_t quiet_ms, struct share_seen *out)
{
	if (r->missed == 0 || now_ms - r->last_ms < quiet_ms)
		return false;
	describe(r, now_ms, out);
	out->refused = r->missed;
	r->missed = 0;
	return true;
}

bool
share_table_missed_next(struct share_table *t, unsigned kind, int64_t now_ms, int64_t quiet_ms,
    struct share_seen *out)
{
	struct share_row *r, *crowd = t->kind[kind].crowd;

	TAILQ_FOREACH (r, &t->kind[kind].used, link)
		if (tell_missed(r, now_ms, quiet_ms, out))
			return true;
	return crowd != NULL && tell_missed(crowd, now_ms, quiet_ms, out);
}

/* Keeps out[0..n) in order of refusals; returns the new n. */
static size_t
rank(struct share_seen *out, size_t n, size_t max, const struct share_seen *s)
{
	size_t i = n;

	while (i > 0 && out[i - 1].refused < s->refused)
		i--;
	if (i == max)
		return n;
	n = n < max ? n + 1 : n;
	memmove(&out[i + 1], &out[i], (n - i - 1) * sizeof *out);
	out[i] = *s;
	return n;
}

static bool
held_back(const struct share_row *r, int64_t now_ms, struct share_seen *s)
{
	if (r->kind->rule.word == REFUSAL_NONE || r->refused == 0 ||
	    now_ms - r->last_ms >= SHARE_CALM_MS)
		return false;
	describe(r, now_ms, s);
	return true;
}

size_t
share_table_seen(const struct share_table *t, int64_t now_ms, struct share_seen *out, size_t max)
{
	const struct share_row *r;
	struct share_seen s;
	size_t n = 0;

	if (now_ms < t->now_ms)
		now_ms = t->now_ms;
	for (unsigned i = 0; i < t->n; i++) {
		TAILQ_FOREACH (r, &t->kind[i].used, link)
			if (held_back(r, now_ms, &s))
				n = rank(out, n, max, &s);
		if (t->kind[i].crowd != NULL && held_back(t->kind[i].crowd, now_ms, &s))
			n = rank(out, n, max, &s);
	}
	return n;
}

/* -- the table ---------------------------------------------------------------------------------- */

static void
set_credit(struct kind *k, int64_t credit)
{
	k->rule.credit = credit < k->rule.key.most ? k->rule.key.most : credit;
}

static void
cut(struct share_row *r, int64_t most)
{
	r->level.parts = least(r->level.parts, most * r->kind->rule.per_ms);
}

void
share_table_bound(struct share_table *t, unsigned kind, struct share_bound key, int64_t credit)
{
	struct kind *k = &t->kind[kind];
	struct share_row *r;

	assert(kind < t->n);
	k->rule.key = key;
	if (k->rule.form == SHARE_GAUGE)
		return;
	set_credit(k, credit);
	TAILQ_FOREACH (r, &k->used, link)
		cut(r, k->rule.credit);
	cut(k->crowd, key.most);
}

struct share_table *
share_table_new(const struct share_rule *rules, unsigned n, uint64_t secret)
{
	struct share_table *t = memory_new(sizeof *t);

	t->secret = secret;
	t->n = n;
	t->kind = memory_array(n, sizeof *t->kind);
	for (unsigned i = 0; i < n; i++) {
		struct kind *k = &t->kind[i];

		assert(rules[i].rows > 0 && (rules[i].form == SHARE_GAUGE || rules[i].per_ms > 0));
		k->rule = rules[i];
		set_credit(k, k->rule.credit);
		k->all.parts = full(k, &k->rule.all);
		TAILQ_INIT(&k->used);
		if (k->rule.form == SHARE_BUCKET)
			k->crowd = row_new(k, span_str(SHARE_KEY_CROWD), 0);
	}
	return t;
}

void
share_table_free(struct share_table **tp)
{
	struct share_table *t = *tp;
	struct share_row *r;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n; i++) {
		while ((r = TAILQ_FIRST(&t->kind[i].used)) != NULL)
			drop(r); /* NOLINT(clang-analyzer-unix.Malloc): it left the list */
		free(t->kind[i].crowd);
	}
	free(t->kind);
	free(t);
	*tp = NULL;
}
