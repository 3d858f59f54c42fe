/* kv_memory — the engine of kv for tests: partitions in memory, and all that a store may do, by chance.
 *
 * The memory is the disk: it outlives the *nodes* (struct kv) that work on it.  Two modes:
 *
 * Together:  what LMDB promises.  One node; an operation and its effects are one commit.
 * Apart:     what a distributed store promises.  Each partition is an object of its own with a version, and a
 *            commit changes one object, if its version is still the one that the run has read; else the run is
 *            done again.  Effects lie in the object of their source until they are delivered.  They come late,
 *            in any order but that of their pair, more than once, and again after newer ones, as from a node that
 *            was fenced out.  Several nodes may be open; whichever lives delivers.
 *
 * Chance:  each step is drawn from the seed, so the same calls on one thread have the same course.
 * Time:    none.  An effect that cannot be applied is tried again after the next commit of its receiver.
 * Crash:   between any two steps.  A node forgets what it did not commit; the memory forgets nothing.
 * Steps:   while a `home` runs, it makes the steps.  Where no operation or read has one, the caller makes them.
 *          A store is closed before its loops are freed.
 */
#ifndef COMMON_STORE_KV_MEMORY_H
#define COMMON_STORE_KV_MEMORY_H

#include "common/store/kv.h"

struct kv_memory;

struct kv_memory_plan {
	bool apart;
	uint64_t seed;
	uint64_t
	    size; /* octets of keys and values, and what kv_share counts; a sixteenth is the reserve */
};

struct kv_memory *kv_memory_new(const struct kv_memory_plan *plan);
void kv_memory_free(struct kv_memory **m); /* after its nodes */

struct kv *kv_memory_open(struct kv_memory *m, const struct kv_schema *schema);
/* Instead of kv_close.  What the node took and did not answer is the caller's again; its `done` does not run. */
void kv_memory_crash(struct kv **node);

/* False: nothing is left to do, but for effects that cannot be applied now. */
bool kv_memory_step(struct kv_memory *m);
/* Steps until nothing is left but effects that cannot be applied.  Forgets facts that are gone. */
void kv_memory_settle(struct kv_memory *m);

/* Each row of all partitions: its kind, the name of its partition, its key.  For tests that count; fn changes
 * nothing. */
void kv_memory_each(struct kv_memory *m, void (*fn)(void *arg, struct span key), void *arg);

/* Of the memory since it was made: what chance has tried. */
struct kv_memory_counts {
	uint64_t steps, commits;
	uint64_t races;     /* commits lost because the version was another one */
	uint64_t repeats;   /* effects that came again */
	uint64_t takeovers; /* of a partition, by another node */
};
struct kv_memory_counts kv_memory_counted(const struct kv_memory *m);

#endif
