/* jail — drops privileges before the daemon serves anybody.
 *
 * jail_check at the start; then everything that needs root (binding, reading keys); then jail_enter: the
 * user's groups, gid, uid (verified, and irreversible), no new privileges, no core
 * file, not dumpable, umask 077.  A filter of system calls and Landlock would come after it.
 */
#ifndef COMMON_DAEMON_JAIL_H
#define COMMON_DAEMON_JAIL_H

#include <sys/types.h>

#include "common/base/err.h"

struct jail {
	bool drop; /* started as root: change to uid, gid */
	char name[64];
	uid_t uid;
	gid_t gid; /* both our own if drop is not set */
};

/* user: the configuration's; "" : none.  False (config): root without a user, an unknown user,
 * the user root, or a user other than ours that we cannot become. */
bool jail_check(struct jail *j, const char *user, struct err *e);

/* Looks the user up and checks that it is not root.  For `check`, which need not be able to become that
 * user.  "" : our own. */
bool jail_user(struct jail *j, const char *user, struct err *e);
/* Could jail_parents make the folder, and could the user then work in it?  Tests it as
 * jail_can_make does, and by a child process that becomes the user, enters the folder, and writes there if it
 * exists.  The start and `check` both call this.  True if we cannot tell. */
bool jail_folder_fits(const struct jail *j, const char *path, struct err *e);
/* Can a file or folder be made there, with its missing parents?  Makes a folder in the deepest parent that
 * exists, and removes it. */
bool jail_can_make(const struct jail *j, const char *path, struct err *e);
/* Can the user read the file or folder?  True for a missing one in a folder that the user may enter. */
bool jail_can_read(const struct jail *j, const char *path, struct err *e);
/* False: we are not the user and cannot become it, and judge owners and permissions only. */
bool jail_can_tell(const struct jail *j);

/* Makes the folder (its parent must exist) with mode 0700 and gives it to the user; one that exists
 * must be the user's and closed to others.  For a role's own paths, while still root. */
bool jail_folder(const struct jail *j, const char *path, struct err *e);
/* The same, and makes every missing parent with mode 0755: for /run/tillcalled and the like. */
bool jail_parents(const struct jail *j, const char *path, struct err *e);

bool jail_enter(const struct jail *j, struct err *e); /* one way; on false: exit */

#endif
