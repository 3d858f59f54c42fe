/* file — all octets or none that count; folders above a file. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "tests/temp.h"

#define MANY (4 << 20) /* more than a socket takes at once */

static void
interrupted(int sig)
{
	(void)sig;
}

/* Reads all, in small pieces, and disturbs the writer; the exit status says whether it was all. */
static pid_t
reader(int fd, int other)
{
	pid_t pid = fork(), writer = getppid();
	size_t got = 0;
	char piece[5000];
	ssize_t n;

	if (pid != 0)
		return pid;
	close(other);
	while ((n = read(fd, piece, sizeof piece)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (piece[i] != (char)((got + (size_t)i) * 31))
				_exit(2);
		if ((got += (size_t)n) % 7 == 0)
			kill(writer, SIGUSR1);
	}
	_exit(got == MANY ? 0 : 1);
}

static void
all_is_written(void **state)
{
	struct sigaction act = { .sa_handler = interrupted }; /* no SA_RESTART */
	char *text = malloc(MANY);
	int pair[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t i = 0; i < MANY; i++)
		text[i] = (char)(i * 31);
	pid = reader(pair[1], pair[0]);
	close(pair[1]);
	assert_true(file_write(pair[0], span_of(text, MANY)));
	close(pair[0]);
	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(text);
}

static void
a_failure_has_its_cause(void **state)
{
	int pair[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	assert_false(file_write(pair[0], SPAN_LIT("x")));
	assert_int_equal(errno, EPIPE);
	assert_true(file_write(pair[0], SPAN_LIT("")));
	close(pair[0]);
	assert_false(file_sync_folder("/nowhere"));
	assert_int_equal(errno, ENOENT);
	assert_true(file_sync_folder("/tmp"));
}

static void
folders_above_a_file(void **state)
{
	char top[64], path[128], command[128];
	struct stat st;
	struct err e;

	(void)state;
	temp_name(top, sizeof top, "file.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof path, "%s/a/b/f", top);
	assert_true(file_make_parents(path, 0700, &e));
	assert_true(file_make_parents(path, 0700, &e)); /* they are there */
	assert_int_equal(stat(path, &st), -1);          /* the file itself is not made */
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	strcat(path, "/f");
	assert_non_null(fopen(path, "w"));
	strcat(path, "/g/h");
	assert_false(file_make_parents(path, 0700, &e));
	assert_int_equal(e.why, REFUSAL_cannot_write);
	assert_non_null(strstr(e.text, "/a/b/f/g"));
	assert_true(file_make_parents("f", 0700, &e));
	assert_true(file_make_parents("", 0700, &e));
	assert_true(file_make_parents("/", 0700, &e));
	snprintf(command, sizeof command, "rm -r %s", top);
	assert_int_equal(system(command), 0);
}

static void
replaced_and_read(void **state)
{
	char folder[64], path[96], link[96];
	struct buf got = BUF_INIT;
	struct stat st;
	struct err e;

	(void)state;
	temp_name(folder, sizeof folder, "file-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a", folder);
	snprintf(link, sizeof link, "%s/link", folder);
	assert_false(file_read(path, 10, &got));
	assert_true(file_replace(folder, "a", SPAN_LIT("before"), &e));
	assert_true(file_replace(folder, "a", SPAN_LIT("0123456789"), &e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	buf_addf(&got, "x");
	assert_true(file_read(path, 10, &got));
	assert_true(span_eq(buf_span(&got), SPAN_LIT("x0123456789")));
	assert_false(file_read(path, 9, &got));
	assert_int_equal(symlink("a", link), 0);
	assert_false(file_read(link, 10, &got));
	assert_false(file_replace(link, "b", SPAN_LIT("1"), &e)); /* no folder */
	assert_int_equal(e.why, REFUSAL_cannot_write);
	/* Nothing else is left there: the folder can be removed. */
	assert_int_equal(unlink(path) + unlink(link) + rmdir(folder), 0);
	buf_clear(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_written),
		cmocka_unit_test(a_failure_has_its_cause),
		cmocka_unit_test(folders_above_a_file),
		cmocka_unit_test(replaced_and_read),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
