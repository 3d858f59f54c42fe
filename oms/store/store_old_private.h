/* store_old_private — a letter as a store of an older version has it (store_old.c); for store_migrate.c. */
#ifndef OMS_STORE_STORE_OLD_PRIVATE_H
#define OMS_STORE_STORE_OLD_PRIVATE_H

#include "common/store/db.h"
#include "oms/store/store_private.h"

/* Its tables. */
enum oms_old_table {
	OMS_OLD_LETTER,
	OMS_OLD_BODY,
	OMS_OLD_DELIVERY,
	OMS_OLD_TOKEN,
	OMS_OLD_PEER,
	OMS_OLD_TABLES
};

/* A letter of it, as it is to be taken. */
struct oms_old_letter {
	struct oms_letter_record record; /* an outcome, where no delivery is open */
	struct oms_delivery *deliveries; /* what cannot be read is over */
	size_t n_deliveries;
	struct span body; /* inline; borrowed from the transaction */
	int64_t token_until_s;
	uint64_t lost; /* records that could not be read */
};
/* False: the letter itself cannot be read.  The caller clears *l. */
bool oms_old_letter_read(struct db_txn *t, struct span id, struct span value, int64_t now_s,
    struct oms_old_letter *l);
void oms_old_letter_clear(struct oms_old_letter *l);

#endif
