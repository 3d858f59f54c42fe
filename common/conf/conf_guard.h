/* conf_guard — is what the daemons believe in out of other people's reach?
 *
 * The configuration, and each folder on its way: not to be written by group or others (a folder
 * with the sticky bit excepted).  A private key: besides, not to be read by others, nor by a
 * group that is not the daemon's.  Spec: config is the refusal, with the command that cures it.
 */
#ifndef COMMON_CONF_CONF_GUARD_H
#define COMMON_CONF_CONF_GUARD_H

#include <sys/stat.h>

#include "common/conf/conf.h"

/* An open configuration file; `path` as it was named. */
bool conf_guard_file(int fd, const char *path, struct err *e);
/* user: the configuration's, whose group may read keys; "" : our own. */
bool conf_guard_key(const char *path, const char *user, struct err *e);
bool conf_guard_certificate(const char *path, struct err *e);
bool conf_guard_folder(const char *path, struct err *e);

#endif
