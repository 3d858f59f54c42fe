/* body_private — the folder of bodies and counters, for body*.c. */
#ifndef COMMON_STORE_BODY_PRIVATE_H
#define COMMON_STORE_BODY_PRIVATE_H

#include <stdatomic.h>

#include "common/loop/offload.h"
#include "common/store/body.h"

#define BODY_PIECE_BYTES (64 * 1024) /* read ahead, where the page cache has nothing */
#define BODY_TEMPORARY   ".tmp"      /* suffix of a file that is not durable yet */

struct bodies {
	int folder; /* for openat and fsync */
	struct offload *offload;
	atomic_uint refs;
	uint64_t limit;
	atomic_ullong used; /* octets of files, unfinished ones included */
};

/* Runs work(arg) on an offload thread, then done(arg) on `l`; done and l may be NULL.  After offload_stop work
 * runs at once, and done is posted. */
void bodies_job(struct bodies *b, struct offload_job *j, struct loop *l, void (*work)(void *arg),
    void (*done)(void *arg), void *arg);

#endif
