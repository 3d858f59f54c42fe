/* spool — a letter's octets on their way to the disk and back.
 *
 * Up to SPOOL_INLINE_BYTES stay in memory and go into a record of the store.  A larger letter is
 * streamed to a file, so a letter of any size needs 64 KiB of memory.  The digest is computed on the
 * way.
 *
 * Disk:    a file is written under a temporary name.  spool_end_take makes it durable (fsync, rename,
 *          fsync of the folder) on an offload thread; only then may a record name it.  A file that no
 *          record names after a crash is removed at start.
 * Owner:   the writer owns a struct spool_in until spool_end_take or spool_abort_take.  The caller
 *          owns the struct spool_kept that spool_done hands over: spool_kept_clear.
 * Units:   octets.  All files together, unfinished ones included, stay below the limit given to
 *          spool_open: more is system_full.  So is a file system without space; the letter that meets
 *          it is refused, its file goes, and the next one may fit.
 * Threads: a struct spool is shared; a spool_in belongs to one thread.  Writing goes to the page cache
 *          on the caller's loop; waiting for the disk happens on an offload thread.
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

/* Makes the folder (0700); removes the unfinished files of an earlier process. */
bool spool_open(const char *folder, uint64_t limit, struct offload *o, struct spool **out,
    struct err *e);
/* A reference.  Letters under way hold one each; `o` outlives them all. */
struct spool *spool_ref(struct spool *s);
void spool_free(struct spool **s); /* drops one reference, sets NULL */

uint64_t spool_used(void *spool); /* octets in files; any thread; for db_share */

struct spool_in *spool_begin(struct spool *s);
/* A fault is reported by spool_end_take. */
void spool_add(struct spool_in *in, struct span octets);
/* The octets so far; of a letter in a file only the first SPOOL_HEAD_BYTES. */
struct span spool_head(const struct spool_in *in);
uint64_t spool_size(const struct spool_in *in);
void spool_abort_take(struct spool_in *in);

/* On `l`, never inside the call.  The callee owns *kept; or e: system_full, storage. */
typedef void spool_done(void *arg, struct spool_kept *kept, const struct err *e);
void spool_end_take(struct spool_in *in, struct loop *l, spool_done *done, void *arg);

void spool_kept_clear(struct spool_kept *k); /* memory only: the file stays */

/* Sources for engines.  spool_source_copy copies the octets.  False: storage. */
struct source *spool_source_copy(struct span octets);
bool spool_source_file(struct spool *s, const char *name, struct source **out, struct err *e);
/* Unlinks on an offload thread.  The record that named the file is gone already. */
void spool_remove(struct spool *s, const char *name);
/* At start: removes each file for which `named` returns false. */
void spool_sweep(struct spool *s, bool (*named)(void *arg, const char *name), void *arg);

#endif
