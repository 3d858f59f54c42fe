/* trust_folder — the files of a folder, in the order of their names, and whether any has changed.
 *
 * Regular files (or links to them) whose names do not begin with a dot.  Blocks.
 */
#ifndef COMMON_PKI_TRUST_FOLDER_H
#define COMMON_PKI_TRUST_FOLDER_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/guard.h"

/* Calls fn for each file with its contents.  Fails (config) if anybody but `u` can change a file or the folder.
 * A file is left out if it cannot be read, is larger than file_bytes, is one too many, or fn returns
 * false for it; `skip` gets the reason.  With skip NULL this is a failure too.
 * False: *e is config, or was set by fn. */
bool trust_folder_each(const char *folder, enum guard_kind kind, const struct guard_user *u,
    size_t file_bytes, bool (*fn)(void *arg, const char *path, struct span contents, struct err *e),
    void (*skip)(void *arg, const char *path, const struct err *e), void *arg, struct err *e);

/* The same for one file, which must be there. */
bool trust_folder_file(const char *path, size_t file_bytes,
    bool (*fn)(void *arg, const char *path, struct span contents, struct err *e), void *arg,
    struct err *e);

#endif
