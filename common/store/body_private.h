/* body_private — the folder of bodies and its counters, for body*.c. */
#ifndef COMMON_STORE_BODY_PRIVATE_H
#define COMMON_STORE_BODY_PRIVATE_H

#include <stdatomic.h>

#include "common/loop/offload.h"
#include "common/store/body.h"

#define BODY_PIECE_BYTES (64 * 1024) /* one write, or one read of what the page cache has not */
/* So much of a file may wait for the disk, twice: the kernel begins to write it, and what was begun before is waited
 * for.  Else a large letter's octets gather in memory, and each commit of others waits until the disk has them all. */
#define BODY_WAITS_BYTES (8 * 1024 * 1024)
#define BODY_TEMPORARY   ".tmp" /* suffix of a file that is not durable yet */

struct body_orphans;

struct bodies {
	int folder; /* for openat and fsync */
	struct offload *offload;
	atomic_uint refs;
	uint64_t limit;
	atomic_ullong used; /* octets of files, unfinished ones included */
	/* body_used's */
	atomic_ullong saved; /* as it was written last */
	uint64_t known;      /* when the folder was opened */
	uint64_t counted;    /* of files of earlier processes */
	struct body_orphans
	    *orphans; /* NULL: the files of earlier processes are not looked through */
};

/* Runs work(arg) on an offload thread, then done(arg) on `l`; done and l may be NULL.  After offload_stop work
 * runs at once, and done is posted. */
void bodies_job(struct bodies *b, struct offload_job *j, struct loop *l, void (*work)(void *arg),
    void (*done)(void *arg), void *arg);

/* How many octets there are (body_used.c).  Of the folder that is opened; sets `used`. */
void body_used_open(struct bodies *b);
/* On an offload thread: `used` has changed. */
void body_used_moved(struct bodies *b);
/* A file of an earlier process was counted; all of them were. */
void body_used_count(struct bodies *b, uint64_t octets);
void body_used_counted(struct bodies *b);
void body_used_close(struct bodies *b);

/* A file that waits for its removal. */
struct body_removal {
	struct body_removal *next; /* body_orphans' */
	struct offload_job job;
	struct bodies *bodies;
	char name[BODY_NAME_BYTES];
};
void body_removal_take(struct body_removal *r); /* removes it, on an offload thread */

/* A durable file: unlinks it and counts its octets no more. */
void body_unlink(struct bodies *b, const char *name);

/* What this process makes is not looked at (body_made.c). */
void body_orphans_made(struct bodies *b, const char *name);
/* True: it is taken, and removed once the files have been counted. */
bool body_orphans_removal_take(struct bodies *b, struct body_removal *r);
void body_orphans_free(struct bodies *b); /* no job has it */

bool body_name_is_old(const char *name); /* 32 hexadecimal digits: of an earlier version */
bool body_name_is_temporary(const char *name);

#endif
