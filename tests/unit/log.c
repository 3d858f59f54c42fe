/* log — no value makes or breaks a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"

static void
values_are_quoted_where_needed(void **state)
{
	(void)state;
	assert_string_equal(log_str("alice@a.test"), "alice@a.test");
	assert_string_equal(log_str(""), "\"\"");
	assert_string_equal(log_str("a b"), "\"a b\"");
	assert_string_equal(log_str("a\"b\\c"), "\"a\\x22b\\x5cc\"");
	assert_string_equal(log_str("a\r\nims forged"), "\"a\\x0d\\x0aims forged\"");
	assert_string_equal(log_value(span_of("a\0\x1b[", 4)), "\"a\\x00\\x1b[\"");
	assert_string_equal(log_str("\xc3\xa4"), "\"\\xc3\\xa4\"");
}

static void
values_are_cut(void **state)
{
	char text[4096];

	(void)state;
	for (size_t n = 1020; n < 1030; n++) {
		memset(text, 'a', n);
		text[n] = '\0';
		assert_true(strlen(log_str(text)) <= 1026);
	}
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_true(strlen(log_str(text)) <= 1032);
}

static void
eight_values_live_at_once(void **state)
{
	const char *v[8];
	char s[2] = "a";

	(void)state;
	for (int i = 0; i < 8; i++) {
		s[0] = (char)('a' + i);
		v[i] = log_str(s);
	}
	for (int i = 0; i < 8; i++)
		assert_int_equal(v[i][0], 'a' + i);
}

/* What came out on standard error, with the level at `most`. */
static size_t
logged(enum log_level level, enum log_level most, char *out, size_t cap)
{
	FILE *f = tmpfile();
	int was = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(f != NULL && was >= 0);
	dup2(fileno(f), STDERR_FILENO);
	log_open("ims", most);
	log_fact(level, "notify.accept", "from=%s size=%d", log_str("a\nb"), 12);
	dup2(was, STDERR_FILENO);
	close(was);
	n = pread(fileno(f), out, cap - 1, 0);
	fclose(f);
	assert_true(n >= 0);
	out[n] = '\0';
	return (size_t)n;
}

static void
one_fact_one_line(void **state)
{
	char out[512];
	size_t n = logged(LOG_INFO, LOG_INFO, out, sizeof out);

	(void)state;
	assert_int_equal(strchr(out, '\n') - out, n - 1);
	assert_string_equal(strstr(out, "Z ims "),
	    "Z ims info notify.accept from=\"a\\x0ab\" size=12\n");
	assert_int_equal(logged(LOG_DEBUG, LOG_INFO, out, sizeof out), 0);
}

/* Standard error is a socket on which each write is a datagram. */
static void
lines_held_are_written_together(void **state)
{
	char out[8192];
	int s[2], was = dup(STDERR_FILENO), lines = 0;
	ssize_t n, writes = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s), 0);
	dup2(s[1], STDERR_FILENO);
	log_open("ims", LOG_INFO);
	log_hold();
	log_fact(LOG_INFO, "one", "x=%d", 1);
	log_hold();
	log_fact(LOG_INFO, "two", "x=%d", 2);
	log_release();
	assert_int_equal(recv(s[0], out, sizeof out, 0), -1);
	log_release();
	assert_true((n = recv(s[0], out, sizeof out - 1, 0)) > 0);
	out[n] = '\0';
	assert_non_null(strstr(out, "one x=1\n"));
	assert_non_null(strstr(out, "two x=2\n"));
	log_hold();
	log_fact(LOG_INFO, "before", "x=%d", 1);
	log_fact(LOG_ERROR, "grave", "x=%d", 1);
	assert_true((n = recv(s[0], out, sizeof out - 1, 0)) > 0);
	assert_non_null(memmem(out, (size_t)n, "before x=1\n", 11));
	assert_true((n = recv(s[0], out, sizeof out - 1, 0)) > 0);
	assert_non_null(memmem(out, (size_t)n, "grave x=1\n", 10));
	log_release();
	log_hold();
	for (int i = 0; i < 100; i++)
		log_fact(LOG_INFO, "many", "x=%d", i);
	log_release();
	log_fact(LOG_INFO, "alone", "x=%d", 1);
	for (; (n = recv(s[0], out, sizeof out, 0)) > 0; writes++) {
		assert_true(n <= 4096);
		assert_int_equal(out[n - 1], '\n');
		for (ssize_t i = 0; i < n; i++)
			lines += out[i] == '\n';
	}
	dup2(was, STDERR_FILENO);
	close(was);
	close(s[0]);
	close(s[1]);
	assert_int_equal(lines, 101);
	assert_in_range(writes, 3, 5);
}

static void
levels(void **state)
{
	enum log_level l;

	(void)state;
	assert_true(log_level_parse("warn", &l));
	assert_int_equal(l, LOG_WARN);
	assert_false(log_level_parse("verbose", &l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_quoted_where_needed),
		cmocka_unit_test(values_are_cut),
		cmocka_unit_test(eight_values_live_at_once),
		cmocka_unit_test(one_fact_one_line),
		cmocka_unit_test(lines_held_are_written_together),
		cmocka_unit_test(levels),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
