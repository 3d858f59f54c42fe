/* jail — drops privileges before the daemon serves anybody.
 *
 * jail_check at the start; then everything that needs root (binding, reading keys); then jail_enter: the
 * user's groups, gid, uid (verified, and that there is no way back), no new privileges, no core
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
	gid_t gid; /* both our own where drop is not set */
};

/* user: the configuration's; "" : none.  False (config): root without a user, an unknown user,
 * the user root, or a user given that we are not and cannot become. */
bool jail_check(struct jail *j, const char *user, struct err *e);

/* Looks the user up and checks that it is not root.  For `check`, which need not be able to become that
 * user.  "" : our own. */
bool jail_user(struct jail *j, const char *user, struct err *e);
/* Could jail_parents make the folder, and could the user then work in it?  Asks the system: as
 * jail_can_make, and a child process that has become the user goes there, and tries to write where the
 * folder is there.  The start and `check` both ask this.  True where we cannot tell. */
bool jail_folder_fits(const struct jail *j, const char *path, struct err *e);
/* Can a file or folder be made there, with its missing parents?  Makes a folder in the deepest one that
 * is there, and removes it. */
bool jail_can_make(const struct jail *j, const char *path, struct err *e);
/* Can the user read the file or folder?  True for a missing one in a folder that the user may enter. */
bool jail_can_read(const struct jail *j, const char *path, struct err *e);
/* False: we are not the user and cannot become it, and judge owners and permissions only. */
bool jail_can_tell(const struct jail *j);

/* Makes the folder (its parent must be there) 0700 and gives it to the user; one that is there
 * must be a folder of the user's, closed to others.  For a role's own paths, while still root. */
bool jail_folder(const struct jail *j, const char *path, struct err *e);
/* The same with every missing parent, 0755, made on the way: for /run/tillcalled and the like. */
bool jail_parents(const struct jail *j, const char *path, struct err *e);

bool jail_enter(const struct jail *j, struct err *e); /* one way; on false: exit */

#endif
