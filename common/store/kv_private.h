/* kv_private — what the engines share: write sets, runs, and effects; for kv*.c.
 *
 * A run looks through a *view*, which each engine offers, and puts into a *write set* above it, so a run that
 * is refused leaves nothing.  kv_run_op runs an operation with all its effects, for an engine that commits them
 * together; kv_run_apply, kv_run_receive and kv_run_refused are its steps, for an engine that does not.
 */
#ifndef COMMON_STORE_KV_PRIVATE_H
#define COMMON_STORE_KV_PRIVATE_H

#include "common/store/kv.h"
#include "common/store/kv_set.h"

/* The key of a row in a view: kind, name, key.  Facts come after the rows of their partition. */
#define KV_KEY_FACT 0xfe
#define KV_KIND_PENDING                                                                            \
	0xff /* instead of a kind: an effect that is stored until it can be applied */
#define KV_VIEW_KEY_MAX (1 + KV_NAME_MAX + KV_KEY_MAX)

struct kv_engine {
	void (*close)(struct kv *k);
	bool (*take)(struct kv *k, struct kv_op *op, struct err *e);
	bool (*take_several)(struct kv *k, struct kv_op *const *ops, size_t n, struct err *e);
	void (*read)(struct kv *k, struct kv_look *l);
	bool (*owns)(struct kv *k, const struct kv_part *part, uint64_t *fence);
	void (*share)(struct kv *k, uint64_t (*beside)(void *arg), void *arg);
	void (*counts)(struct kv *k, struct kv_counts *out);
};

/* The first member of each engine's own struct. */
struct kv {
	const struct kv_engine *engine;
	struct kv_schema schema;
};

/* Aborts if the table of kinds breaks a limit. */
void kv_begin(struct kv *k, const struct kv_engine *engine, const struct kv_schema *schema);

/* What an engine stores, as one run sees it.  Keys are those of a view; spans are borrowed until the run ends.
 * After a fault each call fails. */
struct kv_view {
	bool (*get)(void *view, struct span key, struct span *value);
	void (*each)(void *view, struct span from, struct span prefix,
	    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
	/* The same without the values, which are not looked at: fn is given what it must not use. */
	void (*each_key)(void *view, struct span from, struct span prefix,
	    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
	/* The first key at or after `from` that starts with prefix, although its value may be damaged. */
	bool (*next_key)(void *view, struct span from, struct span prefix, struct span *key);
	/* The same for the last key before `before`. */
	bool (*prev_key)(void *view, struct span before, struct span prefix, struct span *key);
	bool (*fault)(void *view, struct err *e);
	void (*pardon)(void *view);      /* only the fault of a damaged row */
	bool (*passed_over)(void *view); /* has a read left damaged rows out? */
	bool (*has_free)(void *view, uint64_t octets);
	/* May there be stored effects?  False: no look-up is needed. */
	bool (*has_pending)(void *view);
	uint64_t (*stamp)(void *view, const struct kv_part *part); /* see kv_stamp */
};

struct kv_effect {
	struct kv_part from, to;
	struct kv_fact fact; /* in the arena of the run */
	bool awaited;
	bool refused;
	size_t parent;                /* the effect whose receiver emitted it, or one of: */
#define KV_PARENT_OP   SIZE_MAX       /* the operation */
#define KV_PARENT_NONE (SIZE_MAX - 1) /* nobody waits for it */
};

/* A key of a view, as it is made. */
struct kv_view_key {
	unsigned char b[KV_VIEW_KEY_MAX + 1];
	size_t n;
};

struct kv_run {
	struct kv *kv;
	const struct kv_view *view;
	void *of; /* the view's */
	struct kv_set set;
	struct kv_effect *effects; /* in the order in which they were emitted */
	size_t n_effects, cap_effects;
	uint64_t fence;  /* of the owner of what is run on; for what it emits */
	bool keeps_gone; /* a fact that is gone leaves a row */
	size_t most;     /* units; KV_COMMIT_UNITS at the beginning */
	bool defers;  /* effects that nobody awaits are only stored: there is no space for more */
	bool later;   /* the same, for the next commit: what is awaited needs all of this one */
	bool over;    /* what was awaited, or put, was more than one commit takes */
	size_t units; /* operations and effects so far */
	struct kv_load
	    waits;           /* of the effects that are not delivered yet, if they must be stored */
	bool asked, pending; /* the engine had stored effects then, if it was asked */
	size_t stores;       /* effects that were stored since kv_run_begin */
	bool more;           /* an effect was stored because it is for the next commit */
	bool stuck;          /* an effect was stored because it cannot be applied now */
	/* Of kv_run_pending: the pairs that it tries in vain at most, and where it begins, and what comes next; n = 0: the
	 * first. */
	size_t tries;
	struct kv_view_key from;
	struct kv_told *told; /* the refusals that reached the operation, in their order */
	size_t n_told, cap_told;
};

struct kv_told {
	size_t effect;
	struct err why;
};

/* Once; r is zeroed.  The run is used again and again, by one thread. */
void kv_run_init(struct kv_run *r, struct kv *k, const struct kv_view *view);
void kv_run_clear(struct kv_run *r);
/* Forgets the runs before. */
void kv_run_begin(struct kv_run *r, void *of);
/* Keeps what the runs before have put, as rows that are not stored yet. */
void kv_run_follow(struct kv_run *r, void *of);
/* Takes back what this run has put. */
void kv_run_undo(struct kv_run *r);

/* The steps.  False: *e, and the write set and the effects are as they were. */
bool kv_run_apply(struct kv_run *r, const struct kv_part *part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *arg, struct err *e);
/* parent: of what the receiver emits. */
bool kv_run_receive(struct kv_run *r, const struct kv_effect *f, size_t parent, struct err *e);
bool kv_run_refused(struct kv_run *r, const struct kv_effect *f, const struct err *why,
    struct err *e);
/* For an engine in which an effect may come again after its source has taken back: the receiver keeps that it has
 * refused this version, so that it refuses it again, and accepts a newer one. */
void kv_run_refuse(struct kv_run *r, const struct kv_effect *f, const struct err *why);
/* Deletes the facts of the partition that are gone. */
void kv_run_forget_gone(struct kv_run *r, const struct kv_part *part);

/* The rows of the write set above the view; keys are those of a view. */
bool kv_run_get(struct kv_run *r, struct span key, struct span *value);
bool kv_run_next_key(struct kv_run *r, struct span from, struct span prefix, struct span *key);
bool kv_run_prev_key(struct kv_run *r, struct span before, struct span prefix, struct span *key);

/* The operation and its effects, transitively.  Those that exceed a commit, or cannot be applied, are put
 * into the write set as stored effects.  False: *e, and nothing is to be put. */
bool kv_run_op(struct kv_run *r, const struct kv_op *op, struct err *e);
/* Applies stored effects, at most about `most` of them, until a commit is full (`more`).  Those that cannot be applied
 * stay (`stuck`).  from.n is 0 after the last. */
void kv_run_pending(struct kv_run *r);

/* What a run puts, and what it would put if the effects that it has not delivered were stored. */
bool kv_run_exceeds(const struct kv_run *r);

/* -- one callback ------------------------------------------------------------------------------------ */

void kv_key_begin(struct kv_view_key *k, const struct kv_part *part);
void kv_key_append(struct kv_view_key *k, const void *p, size_t n);
struct span kv_view_span(const struct kv_view_key *k); /* borrows from *k */

struct kv_txn {
	struct kv *kv;
	const struct kv_view *view;
	void *of;
	struct kv_run *run; /* NULL: a read */
	struct kv_part here;
	struct kv_view_key key; /* of the last call; it begins with `here` */
	size_t part;            /* so many octets of it */
	size_t parent;          /* of what is emitted */
	size_t emitted;
	bool may_await;
	bool receives;
	bool lost;  /* the fact that is received anew is damaged, and the receiver has not asked */
	bool keeps; /* kv_keep was called */
	struct span keep;
	const char *broke; /* which bound; NULL: none */
};

/* Sets here, key and part. */
void kv_txn_begin(struct kv_txn *t, const struct kv_part *here);
/* Sets all: a callback of the run, which may not await. */
void kv_run_txn(struct kv_txn *t, struct kv_run *r, const struct kv_part *here, size_t parent);
/* False: this bound was broken, or one before. */
bool kv_holds(struct kv_txn *t, bool good, const char *bound);

/* The rows of the view, with those of the write set; keys are those of a view. */
bool kv_find(struct kv_txn *t, struct span key, struct span *value);
void kv_each_in(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
/* The same for the keys alone: fn is given values that it must not use. */
void kv_each_key_in(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
/* The last key before `before`. */
bool kv_prev_in(struct kv_txn *t, struct span before, struct span prefix, struct span *key);

/* name and value are borrowed.  False: the row is not a fact's. */
bool kv_fact_open(unsigned what, struct span name, struct span value, struct kv_fact *out,
    enum refusal *refused);
/* Also one that is gone.  refused: as what this version was refused. */
bool kv_fact_get(struct kv_txn *t, unsigned what, struct span name, struct kv_fact *out,
    enum refusal *refused);
/* With this value instead of its own. */
void kv_fact_put(struct kv_txn *t, const struct kv_fact *f, struct span value,
    enum refusal refused);

void kv_look_at(struct kv *k, const struct kv_view *view, void *of, struct kv_look *l,
    struct err *e);

#endif
