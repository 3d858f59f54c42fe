/* trust_folder — the files of a folder, in the order of their names, and whether any has changed.
 *
 * Regular files (or links to them) whose names do not begin with a dot.  Blocks.
 */
#ifndef COMMON_PKI_TRUST_FOLDER_H
#define COMMON_PKI_TRUST_FOLDER_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/guard.h"

/* Calls fn for each file with its contents.  A file or folder that others than `u` can change is the end
 * (config).  A file that cannot be read, is larger than file_bytes, is one too many or that fn says
 * false of is left out where `skip` is given, which is told why; where it is NULL that is the end.
 * False: *e is set, by fn or config. */
bool trust_folder_each(const char *folder, enum guard_kind kind, const struct guard_user *u,
    size_t file_bytes, bool (*fn)(void *arg, const char *path, struct span contents, struct err *e),
    void (*skip)(void *arg, const char *path, const struct err *e), void *arg, struct err *e);

/* The same for one file, which must be there. */
bool trust_folder_file(const char *path, size_t file_bytes,
    bool (*fn)(void *arg, const char *path, struct span contents, struct err *e), void *arg,
    struct err *e);

#endif
