/* spool_internal — what spool*.c share: the folder of a spool and what is counted of it. */
#ifndef SVC_SPOOL_INTERNAL_H
#define SVC_SPOOL_INTERNAL_H

#include <stdatomic.h>

#include "common/svc/offload.h"
#include "common/svc/spool.h"

#define SPOOL_TEMPORARY	".tmp"		/* ends the name of a file that is not durable yet */

struct spool {
	int		 folder;	/* for openat and fsync */
	struct offload	*offload;
	atomic_uint	 refs;
	uint64_t	 limit;
	atomic_ullong	 used;		/* octets of files, those on their way too */
};

#endif
