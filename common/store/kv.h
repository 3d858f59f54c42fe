/* kv — the seam between what a store decides and the engine that keeps it.
 *
 * A store is a set of *partitions*: a letter, a user, a mailbox, the queue of a destination, a shard of a
 * directory.  A partition has rows (key, value) in the order of their keys.  An operation reads and writes
 * one partition atomically.  What other partitions must learn of it leaves as *effects*: facts that the
 * engine delivers at least once, and in order for each pair of partitions.  No operation assumes that two
 * partitions lie on one machine, or that one process owns the store.
 *
 *	services ──> oms/store, ims/store ──> kv ──> kv_lmdb    one file; effects in the commit of their cause
 *	             (they decide by policy)   └───> kv_memory  tests: the promises of LMDB, or of a distributed store
 *
 * Facts:   a fact says what is true at its source since that source's `version`, never an increment.  `what`
 *          and `name` say which fact it is; they are unique at the receiver, and only one source states it.
 *          The receiver's partition keeps the newest version of each fact as a row of its own and ignores
 *          what is not newer.  So an effect may come twice, or after a newer one.  A deletion is a fact too
 *          (`gone`): its row stays until the engine knows that no older effect can come.
 * Answer:  `done` runs when the operation is durable and each effect that it emitted as awaited has been
 *          applied, together with what those emitted as awaited in turn.  A receiver may refuse an awaited
 *          effect.  Then the kind of the source is told (`refused`), in the partition of the source, and
 *          takes back what it had promised; so it goes on from source to source, up to the operation, and
 *          `done` has the first refusal.  A receiver that accepted the fact before what it awaits was refused keeps
 *          the fact, so the source that takes back states it as gone.  An effect that nobody awaits cannot be
 *          refused: if its receiver returns false, that is a fault, and the engine keeps the effect and delivers
 *          it again later.  Until then an awaited effect of the same pair is refused for that fault.
 * Promise: an operation or a read may see what an earlier operation has put before the effects that it awaits are
 *          decided (in LMDB it never does).  To answer for that promise, an operation states the same fact, with the
 *          same version, and awaits it: it gets the verdict on the first.  `refused` runs for each of them, so it
 *          compares the version with its own before it takes back.
 * Again:   apply, receive, refused and look may run several times, on any thread, before one run counts.  So
 *          they overwrite what they keep in `arg`, use no clock and no random number, and touch nothing else.
 *          What a run puts counts only if it returns true: it may judge and put in any order.
 * Disk:    when done(NULL) runs, the operation and what it awaited are on the disk.
 * Order:   operations on one partition that one thread takes run in the order in which it took them.
 * Reads:   as operations, never inside the call.  A read sees every operation on its partition that was
 *          answered before the read was asked for, and may see later ones.
 * Bounds:  KV_*_MAX.  A run that breaks one is a fault of the program: it is refused (internal), and nothing
 *          of it is put.  A partition holds at most KV_ROWS rows by the design of its store; kv does not count.  One
 *          kind has more, because what it bounds is notices, with several rows each: a mailbox (ims/store/part.h).
 * Full:    system_full refuses an operation that would not leave the reserve, and one whose awaited effects
 *          find no space.  An operation that `frees` may use the reserve.
 * Threads: kv_take from any thread, kv_read from the thread that runs `home`; done on `home`.
 */
#ifndef COMMON_STORE_KV_H
#define COMMON_STORE_KV_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define KV_KINDS_MAX 64
#define KV_NAME_MAX  32        /* octets of the name of a partition */
#define KV_KEY_MAX   400       /* of the key of a row, without its partition */
#define KV_KEY_TOP   0xf0      /* the first octet of the key of a row is less */
#define KV_FACT_MAX  320       /* octets of the name of a fact */
#define KV_VALUE_MAX (1 << 20) /* of the value of a row or of a fact */
#define KV_EFFECTS_MAX                                                                             \
	256 /* that one run emits; a store continues with a cursor that it keeps in a row */
#define KV_ROWS 100000
/* Of one operation with its effects, and of one commit; what comes after goes into the next commit.  A commit takes so
 * many operations, whose effects count by what they put. */
#define KV_COMMIT_UNITS  512       /* an operation and its effects; operations */
#define KV_COMMIT_OCTETS (8 << 20) /* of keys and values put */
#define KV_COMMIT_PAGES  100000    /* written, at most about */

struct kv;
struct kv_txn;
struct loop;

/* `kind` is the index in the table given to open.  The name has the length that its kind says.  Names that
 * strangers choose (users, domains) are hashed, so that keys stay short. */
struct kv_part {
	unsigned char kind;
	unsigned char n;
	unsigned char name[KV_NAME_MAX];
};
struct kv_part kv_part_of(unsigned kind, struct span name);
struct kv_part kv_part_hash(unsigned kind, struct span name,
    size_t n); /* n octets of its SHA-256 */
bool kv_part_eq(const struct kv_part *a, const struct kv_part *b);

/* n increases each time the source states the fact anew: also after a refusal, and after the source's record was
 * deleted and made again.  The same n is the same statement: who repeats it, also awaited, gets the verdict on the
 * first.  kv sets the fence: it is larger for each new owner of the source, so what a node states after it was
 * fenced out is old. */
struct kv_version {
	uint64_t fence, n;
};

struct kv_fact {
	unsigned char what; /* the receiver's table of facts */
	struct span name;   /* which of them */
	struct kv_version version;
	bool gone;
	struct span value; /* empty if gone */
};

/* A newer fact came from `from`.  was: what the partition kept of the one before, or NULL (none, or gone).
 * True: *now is kept instead.  False: *e; nothing that was put counts. */
typedef bool kv_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);
/* `to` refused an awaited effect of this partition.  It may emit effects, but none that is awaited.  False:
 * *e, a fault, which `done` has.  LMDB then puts nothing of the operation; an engine in which it is durable already
 * runs this again later. */
typedef bool kv_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e);

struct kv_kind {
	const char *name;  /* for logs */
	size_t name_bytes; /* 1 to KV_NAME_MAX */
	/* NULL: facts are kept, instead of a damaged one, too, and nothing else changes. */
	kv_receive *receive;
	kv_refused *refused; /* NULL: nothing to take back */
};

struct kv_schema {
	const struct kv_kind *kinds;
	size_t n;
	void *arg; /* of receive and refused; any thread */
};

/* -- operations and reads ------------------------------------------------------------------------- */

struct kv_op {
	struct kv_part part;
	bool (*apply)(struct kv_txn *t, void *arg,
	    struct err *e); /* false: refused; nothing is put */
	/* On `home`.  e: NULL, or why the operation or something that it awaited was refused. */
	void (*done)(void *arg, const struct err *e);
	/* On `home`, before done: one of the effects that apply awaited was refused.  NULL: not told. */
	void (*told)(void *arg, const struct kv_part *to, const struct kv_fact *fact,
	    const struct err *why);
	void *arg;
	struct loop *home; /* NULL: done and told run on a thread of the engine */
	size_t octets;     /* about how much it and its effects put */
	bool frees;        /* it leaves as much room as there was, or more: may use the reserve */
	/* Octets that the operation after it must find: system_full if there would be fewer.  0: any; then one that
	 * frees may leave effects that nobody awaits for later. */
	size_t leaves;
};
/* Takes op; the caller's `done` frees it.  False (too_many_outstanding): not taken, nothing will be called. */
bool kv_take(struct kv *k, struct kv_op *op, struct err *e);
/* The same for several: all are taken, or none.  They may share a commit. */
bool kv_take_several(struct kv *k, struct kv_op *const *ops, size_t n, struct err *e);

struct kv_look {
	struct kv_look *next; /* kv's */
	struct kv *kv;        /* kv's */
	struct kv_part part;
	void (*look)(struct kv_txn *t, void *arg); /* copies out */
	void (*done)(void *arg, const struct err *e);
	void *arg;
	struct loop *home; /* the caller's */
};
/* The caller's `done` frees l. */
void kv_read(struct kv *k, struct kv_look *l);

/* -- inside apply, receive, refused and look: the rows of that one partition ----------------------- */

const struct kv_part *kv_here(const struct kv_txn *t);
/* *value is borrowed until the run ends.  False: no such row, or a fault; kv_fault tells which.  After a fault
 * every call is a no-op, and the run is refused whatever it returns. */
bool kv_get(struct kv_txn *t, struct span key, struct span *value);
void kv_put(struct kv_txn *t, struct span key, struct span value);
void kv_del(struct kv_txn *t, struct span key); /* no such row: fine */
/* Calls fn for each row in the order of keys, beginning at `from` (empty: the first), until fn returns false
 * or the key does not start with `prefix`.  fn may put and delete rows up to the one it was given.  A read
 * passes over damaged rows; any other run stops at them with a fault. */
void kv_each(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
/* The same for the keys alone.  No value is looked at, so a damaged row is given as any other. */
void kv_each_key(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key), void *arg);
/* The last row whose key starts with prefix. */
bool kv_last(struct kv_txn *t, struct span prefix, struct span *key, struct span *value);
/* True: *e is set.  In a read this call also clears the fault of a damaged row: what the caller does not ask for,
 * `done` is told. */
bool kv_fault(struct kv_txn *t, struct err *e);
/* Clears the fault of a damaged row, for a run that can go on without it. */
void kv_pardon(struct kv_txn *t);
/* Are so many octets free, the reserve included?  A hint: others may take them. */
bool kv_has_free(struct kv_txn *t, uint64_t octets);

/* The fact that this partition keeps.  False: none, or gone, or a fault. */
bool kv_get_fact(struct kv_txn *t, unsigned what, struct span name, struct kv_fact *out);
/* Each fact of that `what` in the order of names, as kv_each; not those that are gone. */
void kv_each_fact(struct kv_txn *t, unsigned what, struct span from, struct span prefix,
    bool (*fn)(void *arg, const struct kv_fact *fact), void *arg);
/* In a read: the name of each fact of that `what` which kv_each_fact has passed over, because it is damaged. */
void kv_each_damaged(struct kv_txn *t, unsigned what, bool (*fn)(void *arg, struct span name),
    void *arg);
/* Their names alone, also of those that are damaged, and of those that are gone. */
void kv_each_fact_name(struct kv_txn *t, unsigned what, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span name), void *arg);
/* Inside receive, before anything else, where `was` is NULL: true: what the partition kept of the fact is damaged.  A
 * receiver that has asked goes on, and *now is kept instead; one that has not is refused for the fault. */
bool kv_was_damaged(struct kv_txn *t);
/* Inside receive: keeps `value` instead of that of the fact, which may be large or be in rows already. */
void kv_keep(struct kv_txn *t, struct span value);

/* Inside apply, receive and refused: a number larger than any that a run which counts has received in this partition
 * before, even if all rows of the partition are gone since.  A fact whose source may end and come again has it as its
 * version, so it is newer than the one that was gone. */
uint64_t kv_stamp(struct kv_txn *t);

/* Inside apply, receive and refused.  The fact is copied; its fence is set. */
void kv_emit(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *f);
void kv_emit_awaited(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *f);

/* -- the store -------------------------------------------------------------------------------------- */

/* Commits what was taken, and posts each `done`, then closes.  Effects that are not delivered yet stay stored.  A
 * read that comes too late fails (closing). */
void kv_close(struct kv **k);

/* Does this node own the partition: may it keep in its memory what no other node sees (a lease)?  *fence: of its
 * ownership.  LMDB: always, by the lock of its folder.  Else such a thing is a row, with the node and a fence that
 * increases, and each operation under it compares the fence. */
bool kv_owns(struct kv *k, const struct kv_part *part, uint64_t *fence);
/* Inside apply, receive, refused and look: can no other node have this partition while this kv is open?  LMDB: yes, by
 * the lock of its folder.  Then whoever had a lease in an earlier run is over; else it may live. */
bool kv_is_alone(struct kv_txn *t);

/* Octets elsewhere (bodies) that count against the size as if they were rows.  Call it before the first
 * operation.  `beside` runs on any thread. */
void kv_share(struct kv *k, uint64_t (*beside)(void *arg), void *arg);

struct kv_counts {
	uint64_t writes;  /* operations that put or deleted something, also what was not there */
	uint64_t commits; /* that changed something */
	uint64_t used_bytes, size_bytes; /* used: includes what kv_share counts */
	uint64_t pending;                /* effects that are stored and not applied yet */
};
void kv_get_counts(struct kv *k, struct kv_counts *out);

#endif
