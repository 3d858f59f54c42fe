/* kv_dir — a directory: which things there are, as facts in 64 partitions, read in pages.
 *
 * What must be enumerated (destinations, users, mailboxes) is no walk over partitions: each thing states a fact to
 * the shard of the directory that its name belongs to.  The kind of a directory has names of one octet, the
 * shard.
 *
 * Order:  by shard, then by name.  What came, changed or left while somebody reads may be seen or not.
 */
#ifndef COMMON_STORE_KV_DIR_H
#define COMMON_STORE_KV_DIR_H

#include "common/store/kv.h"

#define KV_DIR_SHARDS     64
#define KV_DIR_NAME_BYTES 1 /* name_bytes of its kind */
#define KV_DIR_PAGE_MAX   1000

/* The shard that the fact of this name goes to. */
struct kv_part kv_dir_part(unsigned kind, struct span name);
struct kv_part kv_dir_shard(unsigned kind, unsigned shard); /* shard: below KV_DIR_SHARDS */

/* Where a page begins; zeros: at the first shard. */
struct kv_dir_at {
	unsigned shard;
	size_t n;
	unsigned char name[KV_FACT_MAX + 1]; /* not before this */
};

struct kv_dir_page {
	unsigned kind, what;
	size_t most;         /* entries; 1 to KV_DIR_PAGE_MAX */
	struct kv_dir_at at; /* moves on to where the next page begins */
	/* On home, for each entry. */
	void (*entry)(void *arg, struct span name, struct span value);
	/* On home.  end: no page follows. */
	void (*done)(void *arg, bool end, const struct err *e);
	void *arg;
	struct loop *home; /* the caller's */
	/* kv_dir's */
	struct kv *kv;
	struct kv_look look;
	struct buf entries;
	size_t n;     /* that `entries` has */
	size_t given; /* in the shards before */
	struct kv_dir_at next;
	bool shard_ends;
};

/* Reads a page.  The caller's `done` frees p, or reads the next one by it. */
void kv_dir_read(struct kv *k, struct kv_dir_page *p);

#endif
