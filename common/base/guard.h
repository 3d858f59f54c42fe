/* guard — checks that nobody else can change, or read, the files that decide whom we trust.
 *
 * One table says for each kind of file which permissions others must not have.  Start, reload and check
 * all use it.  No file may be writable by group or others, and no folder on its path may be, except one
 * with the sticky bit.  The owner must be root, the effective user, the user that is given, or the owner
 * of the file's folder, who could replace it anyway.  The daemon's group may read a private key.
 *
 * A refusal is config, and names the command that cures it.
 */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <sys/types.h>

#include "common/base/err.h"

enum guard_kind {
	GUARD_CONFIGURATION,
	GUARD_CERTIFICATE,
	GUARD_KEY,
	GUARD_ACCOUNTS,
	GUARD_PASSWORD,
	GUARD_TRUST, /* certificates of CAs */
	GUARD_CRL,
	GUARD_FOLDER, /* of either */
	GUARD_CACHE   /* the folder of fetched CRLs */
};

/* The user that the daemon becomes.  (uid_t)-1, (gid_t)-1: none. */
struct guard_user {
	uid_t uid;
	gid_t gid;
};

/* An open file; `path` is its name for messages.  u NULL: no other user. */
bool guard_fd(enum guard_kind k, int fd, const char *path, const struct guard_user *u,
    struct err *e);
/* The same by name; also false, as guard_absent, where it is not there or we cannot read it. */
bool guard_path(enum guard_kind k, const char *path, const struct guard_user *u, struct err *e);
/* Says that `path` cannot be opened: what errnum means, and the cure.  Returns false. */
bool guard_absent(enum guard_kind k, const char *path, int errnum, struct err *e);

#endif
