/* jail — drops privileges that the daemon does not need; see jail.h. */
#include "common/daemon/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
			"nobody to become; write in the configuration: user = \"NAME\"");
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

bool
jail_look(const struct jail *j, const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ||
		    errno == EACCES || /* within a folder that is closed to us */
		    err_set_errno(e, REFUSAL_config, errno, "the folder %s", path);
	return check_folder(j, &st, path, e);
}

bool
jail_can_read(const struct jail *j, const char *path, struct err *e)
{
	struct stat st;
	mode_t bit;

	if (stat(path, &st) < 0)
		return errno == ENOENT || err_set_errno(e, REFUSAL_config, errno, "%s", path);
	bit = st.st_uid == j->uid ? S_IRUSR : st.st_gid == j->gid ? S_IRGRP : S_IROTH;
	return (st.st_mode & bit) != 0 ||
	    err_set(e, REFUSAL_config,
		"%s is out of reach of the daemon: chgrp %u %s; chmod 640 %s", path,
		(unsigned)j->gid, path, path);
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
