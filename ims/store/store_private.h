/* store_private — the store itself, for ims/store alone. */
#ifndef IMS_STORE_STORE_PRIVATE_H
#define IMS_STORE_STORE_PRIVATE_H

#include "ims/store/store_record.h"

struct ims_store {
	struct db *db;
	struct spool *spool;
	uint64_t run;      /* random, of this opening: leases of others are void */
	uint64_t seen_max; /* entries of SEEN; see IMS_STORE_SEEN_OCTETS */
};

#endif
