/* guard — can others change, or read, a file that decides whom to believe?
 *
 * One table says for each kind of file which permissions nobody else may have; start, reload and check
 * all ask here.  No kind may be writable by group or others, nor may a folder on the way to it (a
 * folder with the sticky bit excepted).  Its owner is root, we ourselves, the user that is given, or
 * whoever owns its folder and so could replace it.  A private key may be read by the daemon's group.
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

/* Whom the daemon becomes.  (uid_t)-1, (gid_t)-1: nobody else. */
struct guard_user {
	uid_t uid;
	gid_t gid;
};

/* An open file, `path` as it was named.  u NULL: nobody else. */
bool guard_fd(enum guard_kind k, int fd, const char *path, const struct guard_user *u,
    struct err *e);
/* The same by name; also false where it is not there or we cannot read it. */
bool guard_path(enum guard_kind k, const char *path, const struct guard_user *u, struct err *e);

#endif
