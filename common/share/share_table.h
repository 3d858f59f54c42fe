/* share_table — who has taken how much: token buckets and gauges by (kind, key), in bounded memory.
 *
 * A rule says what one key may take and what all keys of its kind may take together.  A bucket holds
 * tokens, loses them by share_table_take and regains them with time; a gauge counts what is held now.
 * A key that asks for more than there is gets the rule's word and nothing is taken.  Where a gauge has a
 * bound for all keys, no key may hold more than is left: then there is something left for one more,
 * however many hold as much as they can.  Where it has a floor, too, a quarter of that bound is kept for
 * keys that hold no more than the floor.
 *
 * Time:    monotonic milliseconds, given with each call.  A call with an earlier time than one before
 *          it counts as one at the later time, so threads may be a little apart.
 * Bounds:  `rows` keys a kind.  Where all are in use, a full bucket or an idle gauge makes room; a bucket
 *          with more tokens than when it was new does after SHARE_CREDIT_MS without use.  Where there is
 *          none, all new keys share one more bucket (SHARE_KEY_CROWD): a flood of keys erases neither what
 *          a key has spent nor what it has earned, and gives nobody a second full bucket.  A new key of a
 *          gauge is refused.
 * Trust:   keys may be chosen by strangers; the hash is keyed by a secret.
 * Threads: one at a time; share.h has the lock.
 */
#ifndef COMMON_SHARE_SHARE_TABLE_H
#define COMMON_SHARE_SHARE_TABLE_H

#include <stdint.h>

#include "common/base/err.h"

#define SHARE_KEY_BYTES 400 /* longer keys are cut, and share a row */
#define SHARE_KEY_CROWD "*" /* how the keys that share one bucket are shown together */
#define SHARE_CREDIT_MS (24 * 3600 * INT64_C(1000)) /* how long earned tokens are kept unused */
#define SHARE_CALM_MS   (10 * 60 * 1000) /* a key not refused for this long is held back no more */

enum share_form { SHARE_BUCKET, SHARE_GAUGE };

struct share_bound {
	int64_t most;   /* tokens of a full bucket; what may be held.  0: no bound */
	int64_t refill; /* tokens that come back within each `per_ms`; not for gauges */
};

struct share_rule {
	const char *name; /* of the kind, for `status` */
	enum share_form form;
	struct share_bound key, all;
	int64_t per_ms;    /* > 0 for a bucket */
	int64_t credit;    /* share_table_give fills a bucket up to this; at least key.most */
	unsigned rows;     /* at least 1 */
	enum refusal word; /* NONE: nobody is told, or held back */
	int64_t floor;     /* of a gauge with a bound for all keys; see above */
};

/* What one key holds of a gauge.  Zeroed: nothing.  All calls of one hold name the same key. */
struct share_hold {
	struct share_row *row; /* NULL while n is 0 */
	int64_t n;
};

/* A key that was refused, for people. */
struct share_seen {
	const char *kind; /* name of its rule */
	char key[SHARE_KEY_BYTES];
	int64_t held, most; /* of a bucket: tokens that are gone */
	int64_t since_ms;   /* its first refusal; after SHARE_CALM_MS without one it starts anew */
	uint64_t refused;   /* calls since then */
	int64_t last_ms;    /* the last of them */
};

struct share_table;

/* n rules, which are copied; a kind is an index into them. */
struct share_table *share_table_new(const struct share_rule *rules, unsigned n, uint64_t secret);
void share_table_free(struct share_table **t); /* nothing is held any more */
/* From now on a key of the kind has this bound, and credit (of the rule).  What is held stays held; a bucket with
 * more tokens than it may have now loses them. */
void share_table_bound(struct share_table *t, unsigned kind, struct share_bound key,
    int64_t credit);

/* Takes n > 0 tokens.  False: the rule's word, nothing is taken. */
bool share_table_take(struct share_table *t, unsigned kind, struct span key, int64_t n,
    int64_t now_ms, struct err *e);
/* Takes n > 0 tokens, or all where there are fewer; returns how many. */
int64_t share_table_take_some(struct share_table *t, unsigned kind, struct span key, int64_t n,
    int64_t now_ms);
/* Would share_table_take succeed?  Takes nothing.  False counts as a refusal, unless e is NULL. */
bool share_table_has(struct share_table *t, unsigned kind, struct span key, int64_t n,
    int64_t now_ms, struct err *e);
/* Counts a refusal of the key that somebody else has decided; for buckets. */
void share_table_note(struct share_table *t, unsigned kind, struct span key, int64_t now_ms);
/* Puts n tokens into the key's bucket, up to the rule's credit. */
void share_table_give(struct share_table *t, unsigned kind, struct span key, int64_t n,
    int64_t now_ms);

/* Holds n > 0 more.  False: the rule's word, and *h is as before. */
bool share_table_hold(struct share_table *t, struct share_hold *h, unsigned kind, struct span key,
    int64_t n, int64_t now_ms, struct err *e);
/* The same past any bound, for what cannot be refused any more; only the lack of a row refuses. */
bool share_table_force(struct share_table *t, struct share_hold *h, unsigned kind, struct span key,
    int64_t n, int64_t now_ms);
/* Gives n back, or all where less is held. */
void share_table_release(struct share_table *t, struct share_hold *h, int64_t n, int64_t now_ms);

int64_t share_table_held(const struct share_table *t, unsigned kind); /* by all keys together */
unsigned share_table_rows(const struct share_table *t, unsigned kind);
/* How many calls for this key were refused since this was asked last. */
uint64_t share_table_missed(struct share_table *t, unsigned kind, struct span key);
/* A key of the kind with such calls, none of them within the last quiet_ms: *out, whose `refused` is
 * their number from now on.  False: there is none. */
bool share_table_missed_next(struct share_table *t, unsigned kind, int64_t now_ms, int64_t quiet_ms,
    struct share_seen *out);
/* The keys of kinds with a word that are held back now, those with most refusals first; at most `max`. */
size_t share_table_seen(const struct share_table *t, int64_t now_ms, struct share_seen *out,
    size_t max);

#endif
