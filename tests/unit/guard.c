/* guard — each kind of file with each permission that somebody else may have, and whose it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/guard.h"
#include "tests/skip.h"
#include "tests/temp.h"

#define OTHER 12345

static char dir[64], file[128], folder[128];

static int
begin(void **state)
{
	int fd;

	(void)state;
	temp_name(dir, sizeof dir, "guard.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof file, "%s/f", dir);
	snprintf(folder, sizeof folder, "%s/d", dir);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	close(fd);
	return fd < 0 ? -1 : mkdir(folder, 0700);
}

static int
finish(void **state)
{
	(void)state;
	unlink(file);
	rmdir(folder);
	return rmdir(dir);
}

static void
assert_says(enum guard_kind k, const char *path, const struct guard_user *u, const char *what)
{
	struct err e = { 0 };
	bool good = guard_path(k, path, u, &e);
	int fd = open(path, O_RDONLY);

	if (good != (what == NULL))
		fail_msg("kind %d: %s", k, good ? "passed" : e.text);
	if (fd >= 0)
		assert_int_equal(guard_fd(k, fd, path, u, &e), good);
	close(fd);
	if (what == NULL)
		return;
	assert_int_equal(e.why, REFUSAL_config);
	if (strstr(e.text, what) == NULL || strstr(e.text, path) == NULL)
		fail_msg("kind %d: %s", k, e.text);
}

/* Each bit of group and others by itself. */
static void
permissions(void **state)
{
	static const struct {
		enum guard_kind kind;
		mode_t allowed;
		const char *cure;
	} kinds[] = {
		{ GUARD_CONFIGURATION, 055, "chmod go-w " },
		{ GUARD_CERTIFICATE, 055, "chmod go-w " },
		{ GUARD_KEY, 040, "chmod 600 " },
		{ GUARD_ACCOUNTS, 040, "chmod 640 " },
		{ GUARD_PASSWORD, 0, "chmod 600 " },
		{ GUARD_TRUST, 055, "chmod go-w " },
		{ GUARD_CRL, 055, "chmod go-w " },
		{ GUARD_FOLDER, 055, "chmod go-w " },
		{ GUARD_CACHE, 0, "chmod 700 " },
	};
	const struct guard_user us = { geteuid(), getegid() };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		bool is_folder = kinds[i].kind == GUARD_FOLDER || kinds[i].kind == GUARD_CACHE;
		const char *path = is_folder ? folder : file;

		for (mode_t bit = 1; bit <= 040; bit <<= 1) {
			assert_int_equal(chmod(path, (is_folder ? 0700 : 0600) | bit), 0);
			assert_says(kinds[i].kind, path, &us,
			    (kinds[i].allowed & bit) != 0 ? NULL : kinds[i].cure);
		}
		assert_int_equal(chmod(path, is_folder ? 0700 : 0600), 0);
		assert_says(kinds[i].kind, path, &us, NULL);
		assert_says(kinds[i].kind, is_folder ? file : folder, &us,
		    is_folder ? "no folder" : "no regular file");
	}
}

static void
folders_on_the_way(void **state)
{
	const struct guard_user us = { geteuid(), getegid() };

	(void)state;
	for (int k = GUARD_CONFIGURATION; k <= GUARD_CACHE; k++) {
		const char *path = k == GUARD_FOLDER || k == GUARD_CACHE ? folder : file;

		chmod(dir, 0770);
		assert_says((enum guard_kind)k, path, &us, "to the folder");
		chmod(dir, 0707);
		assert_says((enum guard_kind)k, path, &us, "to the folder");
		chmod(dir, 01777); /* sticky: nobody replaces another's file */
		assert_says((enum guard_kind)k, path, &us, NULL);
		chmod(dir, 0700);
	}
}

static void
owners(void **state)
{
	const struct guard_user us = { geteuid(), getegid() }, other = { OTHER, OTHER };

	(void)state;
	if (geteuid() != 0)
		SKIP_BECAUSE("only root can give a file away");
	for (int k = GUARD_CONFIGURATION; k <= GUARD_CACHE; k++) {
		const char *path = k == GUARD_FOLDER || k == GUARD_CACHE ? folder : file;

		assert_int_equal(chown(path, OTHER, (gid_t)-1), 0);
		assert_says((enum guard_kind)k, path, NULL, "chown root ");
		assert_says((enum guard_kind)k, path, &us, "chown root ");
		assert_says((enum guard_kind)k, path, &other, NULL);
		if (path == file) { /* whoever owns the folder could replace it anyhow */
			assert_int_equal(chown(dir, OTHER, (gid_t)-1), 0);
			assert_says((enum guard_kind)k, path, NULL, NULL);
			assert_int_equal(chown(dir, 0, (gid_t)-1), 0);
		}
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}
	assert_int_equal(chown(file, 0, OTHER), 0);
	assert_int_equal(chmod(file, 0640), 0);
	assert_says(GUARD_KEY, file, NULL, "a group that is not the daemon's");
	assert_says(GUARD_KEY, file, &us, "a group that is not the daemon's");
	assert_says(GUARD_KEY, file, &other, NULL);
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(chmod(file, 0600), 0);
}

static void
what_is_not_there(void **state)
{
	char absent[160];
	struct err e;

	(void)state;
	snprintf(absent, sizeof absent, "%s/none", dir);
	assert_false(guard_path(GUARD_TRUST, absent, NULL, &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_non_null(strstr(e.text, absent));
	assert_non_null(strstr(e.text, "put the file there, or write another path"));
	assert_false(guard_path(GUARD_FOLDER, absent, NULL, &e));
	assert_non_null(strstr(e.text, "make it: mkdir -p /"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions),
		cmocka_unit_test(folders_on_the_way),
		cmocka_unit_test(owners),
		cmocka_unit_test(what_is_not_there),
	};

	return cmocka_run_group_tests_name("guard", tests, begin, finish);
}
