/* spool_orphans — files of a spool that no record names: what a crash between file and record left.
 *
 * Disk: a body's file is durable before the transaction that names it, so a file without a record
 *       was never promised to anybody.
 * Order: at start, before anything is written to either.
 */
#ifndef COMMON_STORE_SPOOL_ORPHANS_H
#define COMMON_STORE_SPOOL_ORPHANS_H

#include "common/store/db.h"
#include "common/store/spool.h"

/* Removes the files that no record of `table` names.  file_of: the record's file, "" where it has
 * none; false: it cannot be read, may name any file, and so nothing is removed.  False: the table
 * cannot be read (storage). */
bool spool_orphans_remove(struct spool *s, struct db *d, unsigned table,
    bool (*file_of)(struct span record, char file[SPOOL_NAME_BYTES]), struct err *e);

#endif
