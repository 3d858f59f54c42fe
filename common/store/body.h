/* body — a letter's octets on their way to the disk and back.
 *
 * Up to BODY_INLINE_BYTES stay in memory and go into a record of the store.  A larger letter is
 * streamed to a file, so a letter of any size needs 64 KiB of memory.  The digest is computed on the
 * way.
 *
 * Disk:    a file is written under a temporary name.  body_end_take makes it durable (fsync, rename,
 *          fsync of the folder) on an offload thread; only then may a record name it.  A file that no
 *          record names after a crash is removed at start.
 * Owner:   the writer owns a struct body_in until body_end_take or body_abort_take.  The caller
 *          owns the struct body_kept that body_done hands over: body_kept_clear.
 * Units:   octets.  All files together, unfinished ones included, stay below the limit given to
 *          bodies_open: more is system_full.  So is a file system without space; the letter that meets
 *          it is refused, its file goes, and the next one may fit.
 * Threads: a struct bodies is shared; a body_in belongs to one thread.  Writing goes to the page cache
 *          on the caller's loop; waiting for the disk happens on an offload thread.
 */
#ifndef COMMON_STORE_BODY_H
#define COMMON_STORE_BODY_H

#include "common/base/engine.h"
#include "common/base/err.h"
#include "common/text/digest.h"

#define BODY_INLINE_BYTES (128 * 1024)
#define BODY_HEAD_BYTES   (8 * 1024) /* kept of every letter: its summary comes from them */
#define BODY_NAME_BYTES   33         /* 32 hexadecimal digits */

struct loop;
struct offload;
struct bodies;
struct body_in;

/* Where a letter's octets are. */
struct body_kept {
	uint64_t size;
	unsigned char digest[DIGEST_BYTES];
	char name[BODY_NAME_BYTES]; /* of the file; "": inline */
	struct buf octets;          /* inline: all of them; else the head */
};

/* Makes the folder (0700); removes the unfinished files of an earlier process. */
bool bodies_open(const char *folder, uint64_t limit, struct offload *o, struct bodies **out,
    struct err *e);
/* A reference.  Letters under way hold one each; `o` outlives them all. */
struct bodies *bodies_ref(struct bodies *s);
void bodies_free(struct bodies **s); /* drops one reference, sets NULL */

uint64_t bodies_used(void *bodies); /* octets in files; any thread; for db_share */

struct body_in *body_begin(struct bodies *s);
/* A fault is reported by body_end_take. */
void body_add(struct body_in *in, struct span octets);
/* The octets so far; of a letter in a file only the first BODY_HEAD_BYTES. */
struct span body_head(const struct body_in *in);
uint64_t body_size(const struct body_in *in);
void body_abort_take(struct body_in *in);

/* On `l`, never inside the call.  The callee owns *kept; or e: system_full, storage. */
typedef void body_done(void *arg, struct body_kept *kept, const struct err *e);
void body_end_take(struct body_in *in, struct loop *l, body_done *done, void *arg);

void body_kept_clear(struct body_kept *k); /* memory only: the file stays */

/* On `l`, never inside the call.  The callee owns the source, and uses it on `l` alone; it holds at most
 * 64 KiB and waits (SOURCE_WAIT) for what is not in the page cache.  e: storage. */
typedef void body_opened(void *arg, struct source *source, const struct err *e);
void body_open(struct bodies *b, const char *name, struct loop *l, body_opened *done, void *arg);
/* Unlinks on an offload thread.  The record that named the file is gone already. */
void body_remove(struct bodies *s, const char *name);
/* At start: removes each file for which `named` returns false. */
void bodies_sweep(struct bodies *s, bool (*named)(void *arg, const char *name), void *arg);

#endif
