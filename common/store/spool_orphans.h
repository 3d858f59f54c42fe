/* spool_orphans — files of a spool that no record names, left by a crash between file and record.
 *
 * Disk: a body's file is durable before the transaction that names it, so a file without a record
 *       was never acknowledged.
 * Order: at start, before anything is written to either.
 */
#ifndef COMMON_STORE_SPOOL_ORPHANS_H
#define COMMON_STORE_SPOOL_ORPHANS_H

#include "common/store/db.h"
#include "common/store/spool.h"

/* Removes the files that no record of `table` names.  file_of gives a record's file, "" if it has none;
 * it returns false for an unreadable record, which may name any file, so nothing is removed then.
 * False: the table cannot be read (storage). */
bool spool_orphans_remove(struct spool *s, struct db *d, unsigned table,
    bool (*file_of)(struct span record, char file[SPOOL_NAME_BYTES]), struct err *e);

#endif
