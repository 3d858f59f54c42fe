/* kv_set — a write set: the rows that runs have changed and that their engine does not store yet.
 *
 * Rows are in the order of their keys.  A change can be undone back to a mark, so a receiver that refuses
 * leaves nothing of what it put.  All octets live in an arena until kv_set_reset.
 * Several runs may share a set, one after the other: kv_set_settle ends a run.  What was put until then can no
 * longer be undone, and the load counts what comes after.
 */
#ifndef COMMON_STORE_KV_SET_H
#define COMMON_STORE_KV_SET_H

#include "common/base/buf.h"

#define KV_SET_LEVELS 12

enum kv_row_state {
	KV_ROW_SAME, /* undone: as the engine has it */
	KV_ROW_PUT,
	KV_ROW_DELETED,
};

struct kv_row {
	uint64_t head; /* the first octets of the key, to be compared at once */
	struct span key, value;
	enum kv_row_state state;
	uint64_t run;          /* that changed it last */
	struct kv_row *prev;   /* NULL: it is the first */
	struct kv_row *next[]; /* on each of its levels */
};

struct kv_chunk;

/* What a commit of rows costs. */
struct kv_load {
	size_t octets;
	size_t pages; /* written, at most about */
};

struct kv_set {
	struct kv_row *first[KV_SET_LEVELS];
	unsigned levels;
	uint64_t random; /* for levels only */
	struct kv_chunk *chunks;
	size_t chunk_used;
	size_t held; /* octets of all chunks */
	struct buf undo;
	uint64_t run;        /* how many have settled */
	struct kv_load load; /* of all that this run puts and deletes */
};

void kv_set_clear(struct kv_set *s);
void kv_set_reset(struct kv_set *s); /* empty; keeps a chunk */
void kv_set_settle(struct kv_set *s);

/* Copies of octets that live as long as the set. */
struct span kv_set_copy(struct kv_set *s, struct span octets);

void kv_set_put(struct kv_set *s, struct span key, struct span value);
/* The same; the caller writes the n octets of the value. */
char *kv_set_put_room(struct kv_set *s, struct span key, size_t n);
void kv_set_del(struct kv_set *s, struct span key);
/* NULL: no such row here; the engine's counts, as it does for KV_ROW_SAME. */
const struct kv_row *kv_set_find(const struct kv_set *s, struct span key);
/* The first row whose key is not less; NULL: none. */
const struct kv_row *kv_set_from(const struct kv_set *s, struct span key);
/* The last row whose key is less; NULL: none. */
const struct kv_row *kv_set_before(const struct kv_set *s, struct span key);
const struct kv_row *kv_set_first(const struct kv_set *s);
const struct kv_row *kv_set_next(const struct kv_row *row);

size_t kv_set_mark(const struct kv_set *s);
size_t kv_set_changes(const struct kv_set *s); /* of this run, at least */
void kv_set_undo(struct kv_set *s, size_t mark);

int kv_key_order(struct span a, struct span b); /* as memcmp; a prefix comes first */

/* The load of putting one row, or of deleting one (value empty). */
struct kv_load kv_load_of(struct span key, struct span value);

#endif
