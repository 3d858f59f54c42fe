/* spool_private — what spool*.c share: the folder of a spool and what is counted of it. */
#ifndef COMMON_STORE_SPOOL_PRIVATE_H
#define COMMON_STORE_SPOOL_PRIVATE_H

#include <stdatomic.h>

#include "common/loop/offload.h"
#include "common/store/spool.h"

#define SPOOL_TEMPORARY ".tmp" /* ends the name of a file that is not durable yet */

struct spool {
	int folder; /* for openat and fsync */
	struct offload *offload;
	atomic_uint refs;
	uint64_t limit;
	atomic_ullong used; /* octets of files, those on their way too */
};

#endif
