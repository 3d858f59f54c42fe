/* conf_guard — who may write or read what the daemons believe in; see conf_guard.h. */
#include "common/conf/conf_guard.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITABLE (S_IWGRP | S_IWOTH)

static bool
ours(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/* Each folder from the file's own up to the root. */
static bool
guard_way(const char *path, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;
	char *slash;

	if (realpath(path, real) == NULL)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	while ((slash = strrchr(real, '/')) != NULL) {
		slash[slash == real ? 1 : 0] = '\0';
		if (stat(real, &st) < 0)
			return err_set_errno(e, REFUSAL_config, errno, "%s", real);
		if ((st.st_mode & WRITABLE) != 0 && (st.st_mode & S_ISVTX) == 0)
			return err_set(e, REFUSAL_config,
			    "others may write to the folder %s and so "
			    "replace %s: chmod go-w %s",
			    real, path, real);
		if (slash == real)
			break;
	}
	return true;
}

bool
conf_guard_file(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, REFUSAL_config, "%s is no regular file", path);
	if ((st.st_mode & WRITABLE) != 0)
		return err_set(e, REFUSAL_config, "others may write to %s: chmod go-w %s", path,
		    path);
	if (!ours(st.st_uid))
		return err_set(e, REFUSAL_config, "%s belongs to another user: chown root %s", path,
		    path);
	return guard_way(path, e);
}

static bool
stat_regular(const char *path, struct stat *st, struct err *e)
{
	if (stat(path, st) < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, REFUSAL_config, "%s is no regular file", path);
	if (access(path, R_OK) < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	return true;
}

bool
conf_guard_key(const char *path, const char *user, struct err *e)
{
	struct passwd pw, *found = NULL;
	char space[4096];
	struct stat st;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (*user != '\0' && getpwnam_r(user, &pw, space, sizeof space, &found) == 0 &&
	    found != NULL) {
		uid = pw.pw_uid;
		gid = pw.pw_gid;
	}
	if (!stat_regular(path, &st, e))
		return false;
	if ((st.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0)
		return err_set(e, REFUSAL_config,
		    "the private key %s is open to others: chmod 600 %s", path, path);
	if ((st.st_mode & S_IRGRP) != 0 && st.st_gid != gid && st.st_gid != 0)
		return err_set(e, REFUSAL_config,
		    "the private key %s may be read by a group that is "
		    "not the daemon's: chmod 600 %s",
		    path, path);
	if (!ours(st.st_uid) && st.st_uid != uid)
		return err_set(e, REFUSAL_config,
		    "the private key %s belongs to another user: "
		    "chown root %s",
		    path, path);
	return true;
}

bool
conf_guard_certificate(const char *path, struct err *e)
{
	struct stat st;

	if (!stat_regular(path, &st, e))
		return false;
	if ((st.st_mode & WRITABLE) != 0)
		return err_set(e, REFUSAL_config, "others may write to %s: chmod go-w %s", path,
		    path);
	return true;
}

bool
conf_guard_folder(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, REFUSAL_config, "%s is no folder", path);
	if ((st.st_mode & WRITABLE) != 0)
		return err_set(e, REFUSAL_config,
		    "others may write to the folder %s: chmod go-w %s", path, path);
	return true;
}
