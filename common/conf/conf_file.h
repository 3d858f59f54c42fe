/* conf_file — the octets of the configuration file.
 *
 * Trust:  a file that others can write to is refused (guard.h), as are one of more than CONF_FILE_BYTES and one with
 *         a NUL octet.
 */
#ifndef COMMON_CONF_CONF_FILE_H
#define COMMON_CONF_CONF_FILE_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends to `out`, which the caller clears.  False: config. */
bool conf_file_read(const char *path, struct buf *out, struct err *e);

#endif
