/* spool — a letter's octets on their way to the disk and back.
 *
 * Up to SPOOL_INLINE_BYTES stay in memory and go into the store's own record; more is streamed to a
 * file, so that a letter of any size passes in 64 KiB of memory.  The digest is made on the way.
 *
 * Disk:    a file is written under a temporary name; spool_end makes it durable (fsync, rename,
 *          fsync of the folder) on an offload thread.  Only then may a record name it.  A file that no
 *          record names, after a crash, is swept away at start.
 * Owner:   struct spool_in is the writer's until spool_end_take or spool_abort_take.  What
 *          spool_end gives (struct spool_kept) is the caller's: spool_kept_clear.
 * Units:   octets.  All files together, those on their way too, stay below the limit given to
 *          spool_open: more is system_full.
 * Threads: a struct spool is shared; one spool_in is one thread's.  Writing goes to the page cache
 *          on the caller's loop; waiting for the disk does not.
 */
#ifndef COMMON_STORE_SPOOL_H
#define COMMON_STORE_SPOOL_H

#include "common/base/engine.h"
#include "common/base/err.h"
#include "common/text/digest.h"

#define SPOOL_INLINE_BYTES (128 * 1024)
#define SPOOL_HEAD_BYTES   (8 * 1024) /* kept of every letter: its summary comes from them */
#define SPOOL_NAME_BYTES   33         /* 32 hexadecimal digits */

struct loop;
struct offload;
struct spool;
struct spool_in;

/* Where a letter's octets are. */
struct spool_kept {
	uint64_t size;
	unsigned char digest[DIGEST_BYTES];
	char name[SPOOL_NAME_BYTES]; /* of the file; "": inline */
	struct buf octets;           /* inline: all of them; else the head */
};

/* Makes the folder (0700), removes what was being written when we went down. */
bool spool_open(const char *folder, uint64_t limit, struct offload *o, struct spool **out,
    struct err *e);
/* Counted: what is under way keeps it (not its offload, which outlives them all). */
struct spool *spool_ref(struct spool *s);
void spool_free(struct spool **s); /* drops one reference, sets NULL */

uint64_t spool_used(void *spool); /* by files; any thread; for db_share */

struct spool_in *spool_begin(struct spool *s);
/* A fault is kept and told by spool_end. */
void spool_add(struct spool_in *in, struct span octets);
/* The octets so far; after the first SPOOL_HEAD_BYTES only those. */
struct span spool_head(const struct spool_in *in);
uint64_t spool_size(const struct spool_in *in);
void spool_abort_take(struct spool_in *in);

/* On `l`, never inside the call: kept is the callee's, or e: system_full, storage. */
typedef void spool_done(void *arg, struct spool_kept *kept, const struct err *e);
void spool_end_take(struct spool_in *in, struct loop *l, spool_done *done, void *arg);

void spool_kept_clear(struct spool_kept *k); /* memory only: the file stays */

/* Readers for engines.  inline: octets are copied.  False: storage. */
struct source *spool_source_copy(struct span octets);
bool spool_source_file(struct spool *s, const char *name, struct source **out, struct err *e);
/* Unlinks on an offload thread; the record that named it is gone. */
void spool_remove(struct spool *s, const char *name);
/* At start: removes each file that `named` does not know. */
void spool_sweep(struct spool *s, bool (*named)(void *arg, const char *name), void *arg);

#endif
