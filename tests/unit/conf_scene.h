/* conf_scene — a configuration file in a folder of its own, which is read, or refused at a line. */
#ifndef TESTS_UNIT_CONF_SCENE_H
#define TESTS_UNIT_CONF_SCENE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conf/conf.h"
#include "common/conf/conf_keys.h"
#include "tests/temp.h"

#define DOMAIN "domain a.test { certificate = \"/c\" key = \"/k\" }\n"
#define HEAD   "version = 1\n" DOMAIN

static char dir[64], file[96], faults_said[8192];

static int
make_dir(void **state)
{
	(void)state;
	temp_name(dir, sizeof dir, "conf.XXXXXX");
	snprintf(file, sizeof file, "%s/f", mkdtemp(dir));
	return 0;
}

static int
remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static void
write_file(const char *path, const char *text, size_t n, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct conf *
load(const char *text, struct err *e)
{
	struct conf *c = NULL;
	struct buf faults = BUF_INIT;

	write_file(file, text, strlen(text), 0600);
	if (conf_load(file, CONF_FOR_VERBS, &c, &faults, e)) {
		assert_int_equal(faults.len, 0);
	} else {
		assert_null(c);
		assert_int_equal(e->why, REFUSAL_config);
		assert_int_equal(refusal_status(e->why), 78);
		assert_true(faults.len > 0);
	}
	snprintf(faults_said, sizeof faults_said, "%.*s", (int)faults.len,
	    faults.data != NULL ? faults.data : "");
	buf_clear(&faults);
	return c;
}

static void
assert_refused(const char *text, const char *where, const char *what)
{
	struct err e = { 0 };
	struct conf *c = load(text, &e);
	char start[128];

	if (c != NULL)
		fail_msg("accepted: %s", text);
	snprintf(start, sizeof start, "%s%s: ", file, where);
	if (strncmp(e.text, start, strlen(start)) != 0 || strstr(e.text, what) == NULL)
		fail_msg("for: %s\n  said: %s\n  not: %s...%s", text, e.text, start, what);
}

static struct conf *
assert_loads(const char *text)
{
	struct err e;
	struct conf *c = load(text, &e);

	if (c == NULL)
		fail_msg("refused: %s: %s", text, e.text);
	return c;
}

#endif
