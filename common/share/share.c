/* share — the daemon's table of kinds, under its lock; see share.h. */
#include "common/share/share.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/share/share_known.h"

static const struct share_rule rules[SHARE__COUNT] = {
#define X(name_, shown, form_, most, refill, all_most, all_refill, per, extra, rows_, word_)       \
	[SHARE_##name_] = {                                                                        \
		.name = (shown),                                                                   \
		.form = (form_),                                                                   \
		.key = { most, refill },                                                           \
		.all = { all_most, all_refill },                                                   \
		.per_ms = (per),                                                                   \
		.credit = (form_) == SHARE_BUCKET ? (extra) : 0,                                   \
		.floor = (form_) == SHARE_GAUGE ? (extra) : 0,                                     \
		.rows = (rows_),                                                                   \
		.word = REFUSAL_##word_,                                                           \
	},
	SHARE_KINDS(X)
#undef X
};

struct share {
	pthread_mutex_t lock; /* of table and known, around each call */
	struct share_table *table;
	struct share_known *known;
};

struct share *
share_new(void)
{
	struct share *s = memory_new(sizeof *s);
	uint64_t secret;

	random_bytes(&secret, sizeof secret);
	pthread_mutex_init(&s->lock, NULL);
	s->table = share_table_new(rules, SHARE__COUNT, secret);
	s->known = share_known_new(SHARE_KNOWN_ACCOUNTS, secret);
	return s;
}

void
share_free(struct share **sp)
{
	struct share *s = *sp;

	if (s == NULL)
		return;
	share_table_free(&s->table);
	share_known_free(&s->known);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}

static int64_t
scaled(int64_t n, int64_t by, int64_t of)
{
	return n * by < of ? 1 : n * by / of;
}

/* A kind of guesses keeps its proportion to SHARE_guess_account's refill. */
static void
limit_guesses(struct share *s, enum share_kind k, int64_t guesses)
{
	const int64_t normal = rules[SHARE_guess_account].key.refill;
	struct share_bound b = {
		scaled(rules[k].key.most, guesses, normal),
		scaled(rules[k].key.refill, guesses, normal),
	};

	share_table_bound(s->table, k, b, b.most);
}

static void
limit_unknown(struct share *s, enum share_kind k, int64_t each_hour, int64_t credit)
{
	int64_t n = each_hour * SHARE_UNKNOWN_COST;

	share_table_bound(s->table, k, (struct share_bound) { n, n }, credit * SHARE_UNKNOWN_COST);
}

void
share_limit(struct share *s, const struct share_limits *l)
{
	pthread_mutex_lock(&s->lock);
	share_table_bound(s->table, SHARE_sessions, (struct share_bound) { l->sessions, 0 }, 0);
	share_table_bound(s->table, SHARE_sessions_user, (struct share_bound) { l->sessions, 0 },
	    0);
	share_table_bound(s->table, SHARE_sessions_address,
	    (struct share_bound) { 2 * l->sessions, 0 }, 0);
	share_table_bound(s->table, SHARE_questions, (struct share_bound) { l->questions, 0 }, 0);
	share_table_bound(s->table, SHARE_questions_address,
	    (struct share_bound) { 2 * l->questions, 0 }, 0);
	limit_unknown(s, SHARE_unknown, l->unknown, SHARE_UNKNOWN_EARNED);
	limit_unknown(s, SHARE_unknown_address, 5 * l->unknown, 5 * SHARE_UNKNOWN_EARNED);
	for (enum share_kind k = SHARE_guess_address; k <= SHARE_guess_known; k++)
		limit_guesses(s, k, l->guesses);
	pthread_mutex_unlock(&s->lock);
}

bool
share_take(struct share *s, enum share_kind k, struct span key, int64_t n, int64_t now_ms,
    struct err *e)
{
	bool taken;

	pthread_mutex_lock(&s->lock);
	taken = share_table_take(s->table, k, key, n, now_ms, e);
	pthread_mutex_unlock(&s->lock);
	return taken;
}

bool
share_has(struct share *s, enum share_kind k, struct span key, int64_t n, int64_t now_ms,
    struct err *e)
{
	bool has;

	pthread_mutex_lock(&s->lock);
	has = share_table_has(s->table, k, key, n, now_ms, e);
	pthread_mutex_unlock(&s->lock);
	return has;
}

void
share_note(struct share *s, enum share_kind k, struct span key, int64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	share_table_note(s->table, k, key, now_ms);
	pthread_mutex_unlock(&s->lock);
}

void
share_give(struct share *s, enum share_kind k, struct span key, int64_t n, int64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	share_table_give(s->table, k, key, n, now_ms);
	pthread_mutex_unlock(&s->lock);
}

void
share_earn(struct share *s, enum share_kind k, enum share_kind earned, struct span key, int64_t n,
    int64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	n = share_table_take_some(s->table, earned, key, n, now_ms);
	if (n > 0)
		share_table_give(s->table, k, key, n, now_ms);
	pthread_mutex_unlock(&s->lock);
}

bool
share_hold(struct share *s, struct share_hold *h, enum share_kind k, struct span key, int64_t n,
    int64_t now_ms, struct err *e)
{
	bool held;

	pthread_mutex_lock(&s->lock);
	held = share_table_hold(s->table, h, k, key, n, now_ms, e);
	pthread_mutex_unlock(&s->lock);
	return held;
}

bool
share_force(struct share *s, struct share_hold *h, enum share_kind k, struct span key, int64_t n,
    int64_t now_ms)
{
	bool held;

	pthread_mutex_lock(&s->lock);
	held = share_table_force(s->table, h, k, key, n, now_ms);
	pthread_mutex_unlock(&s->lock);
	return held;
}

void
share_release(struct share *s, struct share_hold *h, int64_t n, int64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	share_table_release(s->table, h, n, now_ms);
	pthread_mutex_unlock(&s->lock);
}

int64_t
share_held(struct share *s, enum share_kind k)
{
	int64_t n;

	pthread_mutex_lock(&s->lock);
	n = share_table_held(s->table, k);
	pthread_mutex_unlock(&s->lock);
	return n;
}

uint64_t
share_missed(struct share *s, enum share_kind k, struct span key)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = share_table_missed(s->table, k, key);
	pthread_mutex_unlock(&s->lock);
	return n;
}

bool
share_missed_next(struct share *s, enum share_kind k, int64_t now_ms, int64_t quiet_ms,
    struct share_seen *out)
{
	bool found;

	pthread_mutex_lock(&s->lock);
	found = share_table_missed_next(s->table, k, now_ms, quiet_ms, out);
	pthread_mutex_unlock(&s->lock);
	return found;
}

size_t
share_seen(struct share *s, int64_t now_ms, struct share_seen *out, size_t max)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = share_table_seen(s->table, now_ms, out, max);
	pthread_mutex_unlock(&s->lock);
	return n;
}

void
share_remember(struct share *s, struct span account, struct span address)
{
	pthread_mutex_lock(&s->lock);
	share_known_add(s->known, account, address);
	pthread_mutex_unlock(&s->lock);
}

bool
share_knows(struct share *s, struct span account, struct span address)
{
	bool known;

	pthread_mutex_lock(&s->lock);
	known = share_known_has(s->known, account, address);
	pthread_mutex_unlock(&s->lock);
	return known;
}
