/* guard — permissions and owners of the files that decide whom we trust; see guard.h. */
#include "common/base/guard.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITABLE (S_IWGRP | S_IWOTH)
#define CLOSED   (S_IWGRP | S_IXGRP | S_IRWXO) /* the group may read */

static const struct row {
	const char *what; /* before its name */
	mode_t forbidden;
	const char *chmod;
	bool folder;
} rows[] = {
	[GUARD_CONFIGURATION] = { "", WRITABLE, "go-w", false },
	[GUARD_CERTIFICATE] = { "", WRITABLE, "go-w", false },
	[GUARD_KEY] = { "the private key ", CLOSED, "600", false },
	[GUARD_ACCOUNTS] = { "the accounts file ", CLOSED, "640", false },
	[GUARD_PASSWORD] = { "", S_IRWXG | S_IRWXO, "600", false },
	[GUARD_TRUST] = { "", WRITABLE, "go-w", false },
	[GUARD_CRL] = { "", WRITABLE, "go-w", false },
	[GUARD_FOLDER] = { "the folder ", WRITABLE, "go-w", true },
	[GUARD_CACHE] = { "the folder ", S_IRWXG | S_IRWXO, "700", true },
};

/* -- permissions -------------------------------------------------------------------------------- */

static bool
check_kind(const struct row *r, const struct stat *st, const char *path, struct err *e)
{
	if (r->folder && !S_ISDIR(st->st_mode))
		return err_set(e, REFUSAL_config, "%s is no folder", path);
	if (!r->folder && !S_ISREG(st->st_mode))
		return err_set(e, REFUSAL_config, "%s is no regular file", path);
	return true;
}

static bool
check_mode(enum guard_kind k, const struct stat *st, const char *path, const struct guard_user *u,
    struct err *e)
{
	const struct row *r = &rows[k];

	if ((st->st_mode & r->forbidden) != 0)
		return r->forbidden == WRITABLE
		    ? err_set(e, REFUSAL_config, "others may write to %s%s: chmod %s %s", r->what,
			  path, r->chmod, path)
		    : err_set(e, REFUSAL_config, "%s%s is open to others: chmod %s %s", r->what,
			  path, r->chmod, path);
	if (k == GUARD_KEY && (st->st_mode & S_IRGRP) != 0 && st->st_gid != 0 &&
	    (u == NULL || st->st_gid != u->gid))
		return err_set(e, REFUSAL_config,
		    "%s%s may be read by a group that is not the daemon's: chmod 600 %s", r->what,
		    path, path);
	return true;
}

/* -- owner, and the folders on the way ---------------------------------------------------------- */

static bool
is_ours(uid_t owner, const struct guard_user *u)
{
	return owner == 0 || owner == geteuid() || (u != NULL && owner == u->uid);
}

static bool
check_owner(const struct row *r, const struct stat *st, const char *path, const char *real,
    const struct guard_user *u, struct err *e)
{
	char copy[PATH_MAX];
	struct stat folder;

	if (is_ours(st->st_uid, u))
		return true;
	if (!r->folder && span_copy(span_str(real), copy, sizeof copy) &&
	    stat(dirname(copy), &folder) == 0 && folder.st_uid == st->st_uid)
		return true;
	return err_set(e, REFUSAL_config, "%s%s belongs to another user: chown root %s", r->what,
	    path, path);
}

/* Each folder above `real`, which it shortens, up to the root. */
static bool
check_way(char *real, const char *path, struct err *e)
{
	struct stat st;
	char *slash;

	while ((slash = strrchr(real, '/')) != NULL) {
		slash[slash == real ? 1 : 0] = '\0';
		if (stat(real, &st) < 0)
			return err_set_errno(e, REFUSAL_config, errno, "%s", real);
		if ((st.st_mode & WRITABLE) != 0 && (st.st_mode & S_ISVTX) == 0)
			return err_set(e, REFUSAL_config,
			    "others may write to the folder %s and so replace %s: chmod go-w %s",
			    real, path, real);
		if (slash == real)
			break;
	}
	return true;
}

static bool
check(enum guard_kind k, const struct stat *st, const char *path, const struct guard_user *u,
    struct err *e)
{
	char real[PATH_MAX];

	if (!check_kind(&rows[k], st, path, e) || !check_mode(k, st, path, u, e))
		return false;
	if (realpath(path, real) == NULL)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	return check_owner(&rows[k], st, path, real, u, e) && check_way(real, path, e);
}

bool
guard_fd(enum guard_kind k, int fd, const char *path, const struct guard_user *u, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(e, REFUSAL_config, errno, "%s", path);
	return check(k, &st, path, u, e);
}

bool
guard_absent(enum guard_kind k, const char *path, int errnum, struct err *e)
{
	const struct row *r = &rows[k];
	const char *why = strerror(errnum);

	if (errnum == ENOENT && r->folder)
		return err_set(e, REFUSAL_config, "%s%s: %s; make it: mkdir -p %s", r->what, path,
		    why, path);
	if (errnum == EACCES)
		return err_set(e, REFUSAL_config,
		    "%s%s: %s; start as root, or give it to this user: chown %u %s", r->what, path,
		    why, (unsigned)geteuid(), path);
	return err_set(e, REFUSAL_config, "%s%s: %s; %s", r->what, path, why,
	    errnum == ENOENT ? "put the file there, or write another path" : "write another path");
}

bool
guard_path(enum guard_kind k, const char *path, const struct guard_user *u, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		return guard_absent(k, path, errno, e);
	return check(k, &st, path, u, e);
}
