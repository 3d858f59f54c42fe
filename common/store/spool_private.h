/* spool_private — a spool's folder and counters, for spool*.c. */
#ifndef COMMON_STORE_SPOOL_PRIVATE_H
#define COMMON_STORE_SPOOL_PRIVATE_H

#include <stdatomic.h>

#include "common/loop/offload.h"
#include "common/store/spool.h"

#define SPOOL_TEMPORARY ".tmp" /* suffix of a file that is not durable yet */

struct spool {
	int folder; /* for openat and fsync */
	struct offload *offload;
	atomic_uint refs;
	uint64_t limit;
	atomic_ullong used; /* octets of files, unfinished ones included */
};

#endif
