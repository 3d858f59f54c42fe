/* store_private — the store itself, for ims/store alone. */
#ifndef IMS_STORE_STORE_PRIVATE_H
#define IMS_STORE_STORE_PRIVATE_H

#include <stdatomic.h>

#include "ims/store/store_record.h"

#define IMS_SILENT_MAX 64

/* The result of a search for a certificate's serial number in a kept CRL. */
struct ims_silent {
	unsigned char name[DIGEST_BYTES]; /* of both */
	bool silent;
};

struct ims_store {
	atomic_uint holders; /* its owner, and each question */
	struct db *db;       /* NULL: closed */
	struct bodies *bodies;
	uint64_t size;     /* octets that it may take */
	uint64_t run;      /* random, of this opening: leases of others are void */
	uint64_t seen_max; /* entries of SEEN; see IMS_STORE_SEEN_OCTETS */
	struct ims_silent silent[IMS_SILENT_MAX]; /* the writer's thread alone */
};

/* A reference, or NULL for NULL. */
struct ims_store *ims_store_hold(struct ims_store *s);
void ims_store_let_go(struct ims_store **s);

/* Converts a store of an earlier version; see store_upgrade.c. */
void ims_store_upgrade(struct ims_store *s);

/* The first member of each question.  It is on the heap; the answer frees it. */
struct ims_question {
	struct ims_store *store;
	/* Reads, and copies out.  False: *e is the answer. */
	bool (*look)(struct db_txn *t, struct ims_question *q, struct err *e);
	void (*tell)(struct ims_question *q, const struct err *e); /* calls the caller's `done` */
	void (*clear)(struct ims_question *q);                     /* NULL: it holds nothing */
	bool dropped;
};
/* s NULL: the store was closed; the answer says so. */
struct ims_question *ims_ask(struct ims_question *q, struct ims_store *s, struct loop *l);

#endif
