/* jail — drops privileges that the daemon does not need; see jail.h. */
#include "common/daemon/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_BYTES 1200

bool
jail_user(struct jail *j, const char *user, struct err *e)
{
	struct passwd pw, *found = NULL;
	char space[4096];

	*j = (struct jail) { .uid = geteuid(), .gid = getegid() };
	if (*user == '\0')
		return geteuid() != 0 ||
		    err_set(e, REFUSAL_config,
			"started as root, and there is "
			"nobody to become; write in the configuration: user = \"tillcalled\"");
	if (getpwnam_r(user, &pw, space, sizeof space, &found) != 0 || found == NULL)
		return err_set(e, REFUSAL_config,
		    "there is no user %s; make one: "
		    "adduser --system --group %s",
		    user, user);
	if (pw.pw_uid == 0 || pw.pw_gid == 0)
		return err_set(e, REFUSAL_config, "user = \"%s\" has root's rights; name another",
		    user);
	j->uid = pw.pw_uid;
	j->gid = pw.pw_gid;
	snprintf(j->name, sizeof j->name, "%s", user);
	return true;
}

bool
jail_check(struct jail *j, const char *user, struct err *e)
{
	if (getuid() != geteuid() || getgid() != getegid())
		return err_set(e, REFUSAL_config,
		    "started with the rights of another user (setuid or "
		    "setgid); start it as itself");
	if (!jail_user(j, user, e))
		return false;
	if (*user != '\0' && geteuid() != 0 && geteuid() != j->uid)
		return err_set(e, REFUSAL_config,
		    "only root can become %s; start it as root, as %s, "
		    "or without the key user",
		    user, user);
	j->drop = geteuid() == 0;
	if (!j->drop)
		j->gid = getegid();
	return true;
}

/* The folder must belong to the daemon, and nobody else may look into it. */
static bool
check_folder(const struct jail *j, const struct stat *st, const char *path, struct err *e)
{
	if (!S_ISDIR(st->st_mode))
		return err_set(e, REFUSAL_config, "%s is no folder", path);
	if (st->st_uid != j->uid)
		return err_set(e, REFUSAL_config,
		    "the folder %s belongs to another user: chown %u %s", path, (unsigned)j->uid,
		    path);
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(e, REFUSAL_config, "the folder %s is open to others: chmod 700 %s",
		    path, path);
	return true;
}

bool
jail_folder(const struct jail *j, const char *path, struct err *e)
{
	bool made = mkdir(path, 0700) == 0;
	struct stat st;
	int fd;
	bool ok;

	if (!made && errno != EEXIST)
		return err_set_errno(e, REFUSAL_config, errno, "the folder %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(e, REFUSAL_config, errno, "the folder %s", path);
	if (made && j->drop && fchown(fd, j->uid, j->gid) < 0)
		ok = err_set_errno(e, REFUSAL_config, errno, "the folder %s", path);
	else if (fstat(fd, &st) < 0)
		ok = err_set_errno(e, REFUSAL_config, errno, "%s", path);
	else
		ok = check_folder(j, &st, path, e);
	close(fd);
	return ok;
}

/* Makes the missing parents readable for everybody; the last folder is the daemon's own. */
bool
jail_parents(const struct jail *j, const char *path, struct err *e)
{
	char part[PATH_BYTES];

	if (!span_copy(span_str(path), part, sizeof part))
		return err_set(e, REFUSAL_config, "%s: the name is too long", path);
	for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		mode_t mask = umask(022);
		int rc, why;

		*at = '\0';
		rc = mkdir(part, 0755);
		why = errno;
		umask(mask);
		if (rc < 0 && why != EEXIST)
			return err_set_errno(e, REFUSAL_config, why, "the folder %s", part);
		*at = '/';
	}
	return jail_folder(j, path, e);
}

static bool
become(const struct jail *j, struct err *e)
{
	uid_t r, s, f;
	gid_t gr, gs, gf;

	if (initgroups(j->name, j->gid) < 0 || setresgid(j->gid, j->gid, j->gid) < 0 ||
	    setresuid(j->uid, j->uid, j->uid) < 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "cannot become %s", j->name);
	if (getresuid(&r, &f, &s) < 0 || getresgid(&gr, &gf, &gs) < 0 || r != j->uid ||
	    f != j->uid || s != j->uid || gr != j->gid || gf != j->gid || gs != j->gid ||
	    setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return err_set(e, REFUSAL_os_error, "the rights of root did not go away");
	return true;
}

/* -- what the user can do ------------------------------------------------------------------------- */

#define TEST_FAILED 255 /* status of a child that could not become the user */

/* 0, or errno: what the user gets from access(2).  A process that is root asks in a child.  -1: we
 * cannot become the user, as root of a namespace without that user cannot. */
static int
user_access(const struct jail *j, const char *path, int how)
{
	struct err e;
	int status;
	pid_t child;

	if (geteuid() == j->uid)
		return access(path, how) == 0 ? 0 : errno;
	if (geteuid() != 0)
		return -1;
	if ((child = fork()) < 0)
		return errno;
	if (child == 0)
		_exit(!become(j, &e) ? TEST_FAILED : access(path, how) == 0 ? 0 : errno);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return !WIFEXITED(status) || WEXITSTATUS(status) == TEST_FAILED ? -1 : WEXITSTATUS(status);
}

bool
jail_can_tell(const struct jail *j)
{
	return user_access(j, "/", F_OK) >= 0;
}

static const char *
user_name(const struct jail *j)
{
	return *j->name != '\0' ? j->name : "this user";
}

/* May the user not enter one of the folders above `path` that are there?  Then *e names the first. */
static bool
is_closed(const struct jail *j, const char *path, struct err *e)
{
	char part[PATH_BYTES], inside[PATH_BYTES + 2];

	snprintf(part, sizeof part, "%s", path);
	for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		snprintf(inside, sizeof inside, "%s/.", part);
		if (user_access(j, inside, F_OK) == EACCES) {
			err_set(e, REFUSAL_config,
			    "%s: the folder %s is closed to %s: chmod o+x %s, or write another path",
			    path, part, user_name(j), part);
			return true;
		}
		*at = '/';
	}
	return false;
}

/* By owner and mode, for those who cannot become the user. */
static bool
mode_allows(const struct jail *j, const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ||
	    (st.st_mode &
		(st.st_uid == j->uid          ? S_IRUSR
			: st.st_gid == j->gid ? S_IRGRP
					      : S_IROTH)) != 0;
}

bool
jail_can_read(const struct jail *j, const char *path, struct err *e)
{
	int why = user_access(j, path, R_OK);

	if (why < 0)
		why = mode_allows(j, path) ? 0 : EACCES;
	if (why == 0 || why == ENOENT)
		return true;
	if (why != EACCES)
		return err_set_errno(e, REFUSAL_config, why, "%s", path);
	if (is_closed(j, path, e))
		return false;
	return err_set(e, REFUSAL_config,
	    "%s is out of reach of the daemon: chgrp %u %s; chmod 640 %s", path, (unsigned)j->gid,
	    path, path);
}

/* The folder is there. */
static bool
can_work_in(const struct jail *j, const char *path, const struct stat *st, struct err *e)
{
	int why;

	if (!check_folder(j, st, path, e))
		return false;
	why = user_access(j, path, R_OK | W_OK | X_OK);
	if (why <= 0)
		return true;
	if (why == EACCES && is_closed(j, path, e))
		return false;
	if (why == EACCES)
		return err_set(e, REFUSAL_config, "%s cannot write to the folder %s: chmod 700 %s",
		    user_name(j), path, path);
	err_set_errno(e, REFUSAL_config, why, "the folder %s", path);
	return err_set(e, REFUSAL_config, "%.*s; write another path", ERR_TEXT_BYTES - 32, e->text);
}

/* Cuts `path` down to the deepest file or folder that is there.  False (errno): that cannot be told. */
static bool
find_deepest(char *path, struct stat *st)
{
	while (lstat(path, st) < 0) {
		char *slash = strrchr(path, '/');

		if ((errno != ENOENT && errno != ENOTDIR) || slash == NULL || slash[1] == '\0')
			return false;
		slash[slash == path ? 1 : 0] = '\0';
	}
	return stat(path, st) == 0;
}

/* Makes a folder in `parent` and removes it. */
static bool
can_make_in(const char *parent, const char *path, struct err *e)
{
	char probe[PATH_BYTES + 32];

	snprintf(probe, sizeof probe, "%s/.tillcalled.XXXXXX", parent);
	if (mkdtemp(probe) != NULL && rmdir(probe) == 0)
		return true;
	return err_set(e, REFUSAL_config, "%s cannot be made in %s: %s; write another path", path,
	    parent, strerror(errno));
}

bool
jail_can_make(const struct jail *j, const char *path, struct err *e)
{
	char parent[PATH_BYTES], *slash;
	struct stat st;

	if (!span_copy(span_str(path), parent, sizeof parent))
		return err_set(e, REFUSAL_config, "%s: the name is too long", path);
	slash = strrchr(parent, '/');
	slash[slash == parent ? 1 : 0] = '\0';
	if (!find_deepest(parent, &st)) {
		int why = errno;

		if (why == EACCES && (!jail_can_tell(j) || is_closed(j, path, e)))
			return !jail_can_tell(j);
		return err_set_errno(e, REFUSAL_config, why, "%s", parent);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(e, REFUSAL_config,
		    "%s cannot be made: %s is no folder; write another path", path, parent);
	return !jail_can_tell(j) || can_make_in(parent, path, e);
}

bool
jail_folder_fits(const struct jail *j, const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return can_work_in(j, path, &st, e);
	return !is_closed(j, path, e) && jail_can_make(j, path, e);
}

/* -- going ----------------------------------------------------------------------------------------- */

bool
jail_enter(const struct jail *j, struct err *e)
{
	const struct rlimit none = { 0, 0 };

	umask(077);
	if (j->drop && !become(j, e))
		return false;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "core files cannot be forbidden");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(e, REFUSAL_os_error, errno,
		    "new privileges cannot be forbidden");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "memory cannot be hidden");
	return true;
}
