/* store_private — the store itself, for ims/store alone. */
#ifndef IMS_STORE_STORE_PRIVATE_H
#define IMS_STORE_STORE_PRIVATE_H

#include "ims/store/store_record.h"

#define IMS_SILENT_MAX 64

/* The result of a search for a certificate's serial number in a kept CRL. */
struct ims_silent {
	unsigned char name[DIGEST_BYTES]; /* of both */
	bool silent;
};

struct ims_store {
	struct db *db;
	struct bodies *bodies;
	uint64_t size;     /* octets that it may take */
	uint64_t run;      /* random, of this opening: leases of others are void */
	uint64_t seen_max; /* entries of SEEN; see IMS_STORE_SEEN_OCTETS */
	struct ims_silent silent[IMS_SILENT_MAX]; /* the writer's thread alone */
};

#endif
