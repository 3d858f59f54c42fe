/* scratch — a file without a name, for a letter in transit; gone when closed.
 *
 * Disk: in $TMPDIR, else /tmp; mode 0600; never synced.
 */
#ifndef MC_SCRATCH_H
#define MC_SCRATCH_H

#include "common/base/err.h"

/* False: cannot_write. */
bool scratch_open(int *fd, struct err *e);
bool scratch_add(int fd, struct span s, struct err *e); /* at its end */

#endif
