/* body_private — the folder of bodies and counters, for body*.c. */
#ifndef COMMON_STORE_BODY_PRIVATE_H
#define COMMON_STORE_BODY_PRIVATE_H

#include <stdatomic.h>

#include "common/loop/offload.h"
#include "common/store/body.h"

#define BODY_TEMPORARY ".tmp" /* suffix of a file that is not durable yet */

struct bodies {
	int folder; /* for openat and fsync */
	struct offload *offload;
	atomic_uint refs;
	uint64_t limit;
	atomic_ullong used; /* octets of files, unfinished ones included */
};

#endif
