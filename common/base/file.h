/* file — what each writer of files needs: all octets, durable folders, the folders above a file.
 *
 * Async:  these calls block.
 */
#ifndef COMMON_BASE_FILE_H
#define COMMON_BASE_FILE_H

#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/span.h"

/* Writes all of it, whatever one call takes.  False: errno says why; a part may be written. */
bool file_write(int fd, struct span s);
/* Is it a pipe or socket whose other end is closed, so that nobody will read what is written? */
bool file_has_no_reader(int fd);

/* Puts a file of mode 0600 in the place of the one with this name, in one step and durably: under the name
 * `.NAME.new`, synced, then renamed.  Callers do not write the same name at the same time.  False: cannot_write. */
bool file_replace(const char *folder, const char *name, struct span s, struct err *e);
/* All of a file that is no link, at most `max` octets, added to *out.  False: it is not there, cannot be read or is
 * larger. */
bool file_read(const char *path, size_t max, struct buf *out);

/* Makes the names in a folder durable.  False: errno says why. */
bool file_sync_folder(const char *folder);

/* Makes the folders that `path` lies in, as far as they are missing, with this mode less the umask.
 * False: cannot_write, which names the folder. */
bool file_make_parents(const char *path, mode_t mode, struct err *e);

#endif
