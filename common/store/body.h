/* body — a letter's octets on their way to the disk and back.
 *
 * Up to BODY_INLINE_BYTES stay in memory and go into a record of the store.  A larger letter is
 * streamed to a file, so a letter of any size needs 256 KiB of memory.  The digest is computed on the
 * way.
 *
 * Name:    KEY-ATTEMPT in hexadecimal digits.  The key is that of the record which will name the file, so the
 *          record of any file can be found by its name.  The attempt is never used again with the same key: it
 *          has random octets, and in the ims the lease's fence.
 * Disk:    a file is written under a temporary name.  body_end_take makes it durable (fsync, rename,
 *          fsync of the folder); only then may a record name it.  It is removed after the commit that no
 *          longer names it.  What a crash leaves, body_orphans.h finds.
 * Upgrade: names of an earlier version have 32 hexadecimal digits and no key.  They are opened, counted
 *          and removed like others.  A migration, which reads every record anyway, gives such a file a new
 *          name in the new folder (body_adopt); files that no record names stay in the old folder and go with
 *          it.
 * Owner:   the writer owns a struct body_in until body_end_take or body_abort_take.  The caller
 *          owns the struct body_kept that body_done hands over: body_kept_clear.
 * Units:   octets.  All files together, unfinished ones included, stay below the limit given to
 *          bodies_open: more is system_full.  So is a file system without space; the letter that meets
 *          it is refused, its file goes, and the next one may fit.
 * Threads: a struct bodies is shared; a body_in or a source belongs to its loop.  Every call of the system
 *          that may wait for the disk is made on an offload thread: a loop only gathers octets, and reads
 *          what the page cache has.
 */
#ifndef COMMON_STORE_BODY_H
#define COMMON_STORE_BODY_H

#include "common/base/engine.h"
#include "common/base/err.h"
#include "common/text/digest.h"

#define BODY_INLINE_BYTES (128 * 1024)
#define BODY_HEAD_BYTES   (8 * 1024) /* kept of every letter: its summary comes from them */
#define BODY_KEY_MAX      24
#define BODY_ATTEMPT_MAX  16
#define BODY_NAME_BYTES   (2 * BODY_KEY_MAX + 1 + 2 * BODY_ATTEMPT_MAX + 1)

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

/* Makes the folder (0700). */
bool bodies_open(const char *folder, uint64_t limit, struct offload *o, struct bodies **out,
    struct err *e);
/* A reference.  Letters under way hold one each; `o` outlives them all. */
struct bodies *bodies_ref(struct bodies *b);
void bodies_free(struct bodies **b); /* drops one reference, sets NULL */

uint64_t bodies_used(void *bodies); /* octets in files; any thread; for db_share */

/* -- writing ------------------------------------------------------------------------------------ */

struct body_in *body_begin(struct bodies *b, struct span key, struct span attempt, struct loop *l);
/* A fault is reported by body_end_take. */
void body_add(struct body_in *in, struct span octets);
/* True: the disk is slower than the octets come; add no more until `ready` is called. */
bool body_full(const struct body_in *in);
/* Called on the loop, never inside a function of this header, when body_full is no longer true; until
 * body_end_take or body_abort_take. */
void body_when_ready(struct body_in *in, void (*ready)(void *arg), void *arg);
/* The octets so far; of a letter in a file only the first BODY_HEAD_BYTES. */
struct span body_head(const struct body_in *in);
uint64_t body_size(const struct body_in *in);
void body_abort_take(struct body_in *in);

/* On the loop, never inside the call.  The callee owns *kept; or e: system_full, storage. */
typedef void body_done(void *arg, struct body_kept *kept, const struct err *e);
void body_end_take(struct body_in *in, body_done *done, void *arg);

void body_kept_clear(struct body_kept *k); /* memory only: the file stays */

/* -- reading and removing -------------------------------------------------------------------------- */

/* On `l`, never inside the call.  The callee owns the source, and uses it on `l` alone; it holds at most
 * 64 KiB and waits (SOURCE_WAIT) for what is not in the page cache.  e: storage. */
typedef void body_opened(void *arg, struct source *source, const struct err *e);
void body_open(struct bodies *b, const char *name, struct loop *l, body_opened *done, void *arg);
/* The record that named the file is gone already.  "": nothing. */
void body_remove(struct bodies *b, const char *name);
/* The same for each file of this key, where the record that named it cannot be read.  It looks through the folder. */
void body_remove_key(struct bodies *b, struct span key);

/* -- names ----------------------------------------------------------------------------------------- */

void body_name(char out[BODY_NAME_BYTES], struct span key, struct span attempt);
/* The key in a name.  False: it has none. */
bool body_name_key(const char *name, unsigned char key[BODY_KEY_MAX], size_t *n);

/* For a migration, on its own thread: gives a file of another folder of the same file system a name here.  True
 * also if it has it already.  Durable after bodies_sync.  False: storage. */
bool body_adopt(struct bodies *b, const char *path, const char *name, struct err *e);
bool bodies_sync(struct bodies *b, struct err *e);

#endif
