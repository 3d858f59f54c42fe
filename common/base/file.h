/* file — what each writer of files needs: all octets, durable folders, the folders above a file.
 *
 * Async:  these calls block.
 */
#ifndef COMMON_BASE_FILE_H
#define COMMON_BASE_FILE_H

#include <sys/types.h>

#include "common/base/err.h"
#include "common/base/span.h"

/* Writes all of it, whatever one call takes.  False: errno says why; a part may be written. */
bool file_write(int fd, struct span s);
/* Is it a pipe or socket whose other end is closed, so that nobody will read what is written? */
bool file_has_no_reader(int fd);

/* Makes the names in a folder durable.  False: errno says why. */
bool file_sync_folder(const char *folder);

/* Makes the folders that `path` lies in, as far as they are missing, with this mode less the umask.
 * False: cannot_write, which names the folder. */
bool file_make_parents(const char *path, mode_t mode, struct err *e);

#endif
