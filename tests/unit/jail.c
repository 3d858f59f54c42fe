/* jail — who may start, what is given away, and that it is gone.  Each case in a child. */
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/jail.h"
#include "tests/skip.h"
#include "tests/temp.h"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	temp_name(dir, sizeof dir, "jail.XXXXXX");
	return mkdtemp(dir) != NULL && chmod(dir, 0755) == 0 ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* Runs `body` in a child; what it returns is the exit status. */
static int
in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
says(const char *user, const char *what)
{
	struct jail j;
	struct err e = { 0 };

	return !jail_check(&j, user, &e) && e.why == REFUSAL_config && strstr(e.text, what) != NULL;
}

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%d: %s\n", __LINE__, #condition);                         \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int
as_nobody(void)
{
	struct jail j;
	struct err e;

	CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	CHECK(jail_check(&j, "", &e) && !j.drop && j.uid == 65534);
	CHECK(jail_check(&j, "nobody", &e) && !j.drop);
	CHECK(says("daemon", "only root can become daemon"));
	CHECK(jail_enter(&j, &e));
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return 0;
}

static int
setuid_started(void)
{
	CHECK(setresuid(65534, 0, 0) == 0);
	CHECK(says("nobody", "setuid"));
	return 0;
}

static int
drops(void)
{
	struct jail j;
	struct err e;
	struct rlimit core;
	gid_t groups[64];
	int n;

	CHECK(jail_check(&j, "nobody", &e) && j.drop && j.uid == 65534);
	CHECK(jail_enter(&j, &e));
	CHECK(getuid() == 65534 && geteuid() == 65534 && getgid() == j.gid && getegid() == j.gid);
	CHECK(setuid(0) < 0 && seteuid(0) < 0 && setgid(0) < 0);
	n = getgroups(64, groups);
	for (int i = 0; i < n; i++)
		CHECK(groups[i] != 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
	CHECK(umask(0) == 077);
	return 0;
}

static void
root_only(void)
{
	if (geteuid() != 0)
		SKIP_BECAUSE("only root can do it");
}

static void
who_may_start(void **state)
{
	(void)state;
	root_only();
	assert_true(says("", "started as root"));
	assert_true(says("", "user = \"tillcalled\""));
	assert_true(says("no-such-user", "there is no user no-such-user"));
	assert_true(says("root", "has root's rights"));
	assert_int_equal(in_child(as_nobody), 0);
	assert_int_equal(in_child(setuid_started), 0);
}

static void
nothing_is_kept(void **state)
{
	(void)state;
	root_only();
	assert_int_equal(in_child(drops), 0);
}

static void
folders(void **state)
{
	struct jail j;
	struct err e;
	struct stat st;
	char path[128], deep[160], link[128];

	(void)state;
	root_only();
	assert_true(jail_check(&j, "nobody", &e));
	snprintf(path, sizeof path, "%s/spool", dir);
	assert_true(jail_folder(&j, path, &e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, 65534);
	assert_true(jail_folder(&j, path, &e)); /* again */
	assert_int_equal(chmod(path, 0750), 0);
	assert_false(jail_folder(&j, path, &e));
	assert_non_null(strstr(e.text, "chmod 700"));
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_false(jail_folder(&j, path, &e));
	assert_non_null(strstr(e.text, "another user"));
	snprintf(link, sizeof link, "%s/link", dir);
	assert_int_equal(symlink("/etc", link), 0);
	assert_false(jail_folder(&j, link, &e));
	snprintf(deep, sizeof deep, "%s/none/deep", dir);
	assert_false(jail_folder(&j, deep, &e));
	assert_true(jail_parents(&j, deep, &e));
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	*strrchr(deep, '/') = '\0';
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static bool
unfit(const struct jail *j, const char *path, const char *what)
{
	struct err e = { 0 };

	return !jail_folder_fits(j, path, &e) && e.why == REFUSAL_config &&
	    strstr(e.text, what) != NULL;
}

/* What jail_folder_fits says is what jail_parents and the user then meet. */
static void
folders_that_fit(void **state)
{
	struct jail j;
	struct err e;
	char closed[128], path[192];

	(void)state;
	root_only();
	assert_true(jail_check(&j, "nobody", &e));
	snprintf(closed, sizeof closed, "%s/closed", dir);
	assert_int_equal(mkdir(closed, 0700), 0);
	snprintf(path, sizeof path, "%s/a/b/spool", closed);
	assert_true(unfit(&j, path, "closed is closed to nobody: chmod o+x"));
	assert_int_equal(chmod(closed, 0711), 0);
	assert_true(jail_folder_fits(&j, path, &e));
	assert_int_equal(access(path, F_OK), -1); /* nothing is made */
	snprintf(path, sizeof path, "%s/fits", dir);
	assert_true(jail_parents(&j, path, &e));
	assert_true(jail_folder_fits(&j, path, &e));
	assert_int_equal(chmod(path, 0500), 0);
	assert_true(unfit(&j, path, "nobody cannot write to the folder"));
	assert_int_equal(chmod(path, 0755), 0);
	assert_true(unfit(&j, path, "chmod 700"));
	assert_int_equal(chown(path, 0, 0), 0);
	assert_true(unfit(&j, path, "another user"));
	assert_true(unfit(&j, "/proc/spool", "/proc/spool cannot be made in /proc"));
	assert_true(unfit(&j, "/proc/version/spool", "/proc/version is no folder"));
}

static void
files_in_reach(void **state)
{
	struct jail j;
	struct err e;
	char folder[128], path[160];
	int fd;

	(void)state;
	root_only();
	assert_true(jail_check(&j, "nobody", &e));
	snprintf(folder, sizeof folder, "%s/files", dir);
	assert_int_equal(mkdir(folder, 0755), 0);
	snprintf(path, sizeof path, "%s/accounts", folder);
	assert_true(jail_can_read(&j, path, &e)); /* missing */
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(jail_can_read(&j, path, &e));
	assert_int_equal(chmod(path, 0600), 0);
	assert_false(jail_can_read(&j, path, &e));
	assert_non_null(strstr(e.text, "chmod 640"));
	assert_int_equal(chown(path, 0, j.gid), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_true(jail_can_read(&j, path, &e));
	assert_int_equal(chmod(folder, 0700), 0);
	assert_false(jail_can_read(&j, path, &e));
	assert_non_null(strstr(e.text, "files is closed to nobody"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_start),
		cmocka_unit_test(nothing_is_kept),
		cmocka_unit_test(folders),
		cmocka_unit_test(folders_that_fit),
		cmocka_unit_test(files_in_reach),
	};

	return cmocka_run_group_tests_name("jail", tests, make_dir, remove_dir);
}
