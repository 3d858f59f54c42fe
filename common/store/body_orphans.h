/* body_orphans — files of bodies that no record names, left by a crash between file and record.
 *
 * Disk: a body's file is durable before the transaction that names it, so a file without a record
 *       was never acknowledged.
 * Order: at start, before anything is written to either.
 */
#ifndef COMMON_STORE_BODY_ORPHANS_H
#define COMMON_STORE_BODY_ORPHANS_H

#include "common/store/body.h"
#include "common/store/db.h"

/* Removes the files that no record of `table` names.  file_of gives a record's file, "" if it has none;
 * it returns false for an unreadable record, which may name any file, so nothing is removed then.
 * False: the table cannot be read (storage). */
bool body_orphans_remove(struct bodies *s, struct db *d, unsigned table,
    bool (*file_of)(struct span record, char file[BODY_NAME_BYTES]), struct err *e);

#endif
