/* Tables within any width; sizes, dates and ids as people read them; mc.conf. */
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mc/config.h"
#include "mc/measure.h"
#include "mc/notice.h"
#include "mc/progress.h"
#include "mc/safe.h"
#include "mc/table.h"
#include "tests/moved_clock.h"

static const struct table_column columns[] = {
	{ "#", true, 0, false, false },
	{ "From", false, 8, false, false },
	{ "Subject", false, 8, false, false },
	{ "Size", true, 0, true, false },
	{ "Body", false, 0, false, false },
};

static struct table *
sample(void)
{
	static const char *const cells[] = {
		"7",
		"Anna Berg",
		"Plans for the barn",
		"12.4M",
		"at sender",
		"10",
		"b\303\274ro@example.net",
		"\033[31mred\nline",
		"4.2k",
		"here",
	};
	struct table *t = table_new(columns, 5, false);

	for (size_t i = 0; i < 10; i++)
		table_cell(t, span_str(cells[i]));
	return t;
}

static void
as_it_is(void **state)
{
	struct table *t = sample();
	struct buf b = BUF_INIT;

	(void)state;
	table_print(t, 0, &b);
	buf_add(&b, "", 1);
	assert_string_equal(b.data,
	    " #  From              Subject               Size  Body\n"
	    " 7  Anna Berg         Plans for the barn   12.4M  at sender\n"
	    "10  b\303\274ro@example.net  \\x1b[31mred\\x0aline   4.2k  here\n");
	buf_clear(&b);
	table_free(&t);
	assert_null(t);
}

/* Off a terminal one long cell is whole, and makes no other row longer. */
static void
a_long_cell_pads_nothing(void **state)
{
	struct table *t = sample();
	struct buf b = BUF_INIT;
	char *subject = test_calloc(1, 5001);
	struct span rest;

	(void)state;
	memset(subject, 'x', 5000);
	table_cell(t, span_str("11"));
	table_cell(t, span_str("eve"));
	table_cell(t, span_str(subject));
	table_cell(t, span_str("1"));
	table_cell(t, span_str("here"));
	table_print(t, 0, &b);
	assert_non_null(memmem(b.data, b.len, subject, 5000));
	rest = buf_span(&b);
	for (int i = 0; i < 3; i++)
		assert_true(safe_columns(span_cut(&rest, '\n')) < 120);
	buf_clear(&b);
	test_free(subject);
	table_free(&t);
}

static size_t
widest_line(struct span s)
{
	size_t most = 0;

	while (s.n > 0) {
		size_t w = safe_columns(span_cut(&s, '\n'));

		most = w > most ? w : most;
	}
	return most;
}

static void
every_width(void **state)
{
	struct table *t = sample();

	(void)state;
	for (size_t width = 40; width < 100; width++) {
		struct buf b = BUF_INIT;

		table_print(t, width, &b);
		assert_true(widest_line(buf_span(&b)) <= width);
		assert_non_null(memmem(b.data, b.len, "at sender", 9));
		if (width > 60)
			assert_non_null(memmem(b.data, b.len, "12.4M", 5));
		buf_clear(&b);
	}
	table_free(&t);
}

static void
sizes(void **state)
{
	static const struct {
		uint64_t octets;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 1023, "1023" },
		{ 1024, "1k" },
		{ 4301, "4.2k" },
		{ 10188, "9.9k" },
		{ 10189, "10k" },
		{ 11264, "11k" },
		{ 1047552, "1023k" },
		{ 1048575, "1M" },
		{ 13002342, "12.4M" },
		{ 104857600, "100M" },
		{ 52428800, "50M" },
		{ 1073741824, "1G" },
		{ UINT64_MAX, "16E" },
	};
	char got[MEASURE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		measure_size(got, rows[i].octets);
		assert_string_equal(got, rows[i].want);
	}
}

static void
dates(void **state)
{
	int64_t now = 1795444200; /* Mon 23 Nov 2026 14:30 UTC */
	char got[MEASURE_BYTES];

	(void)state;
	measure_when(got, now - 3600, now);
	assert_string_equal(got, "13:30");
	measure_when(got, now - 86400, now);
	assert_string_equal(got, "Sun");
	measure_when(got, now - 21 * 86400, now);
	assert_string_equal(got, "2 Nov");
	measure_when(got, now - 400 * 86400, now);
	assert_string_equal(got, "Oct 2025");
	measure_day(got, now + 30 * 86400, now);
	assert_string_equal(got, "23 Dec");
	measure_day(got, now + 60 * 86400, now);
	assert_string_equal(got, "22 Jan 2027");
	measure_full(got, now);
	assert_string_equal(got, "Mon 23 Nov 2026 14:30 +0000");
	measure_rfc5322(got, now);
	assert_string_equal(got, "Mon, 23 Nov 2026 14:30:00 +0000");
	measure_left(got, now + 6 * 86400 + 5, now);
	assert_string_equal(got, "6 days");
	measure_left(got, now + 3 * 3600, now);
	assert_string_equal(got, "3 hours");
	measure_left(got, now, now);
	assert_string_equal(got, "now");
}

static void
ids(void **state)
{
	struct span id = span_str("01JDZ5TPB4M4Q8W1RZ9H1V6K3C");
	char got[MEASURE_BYTES];

	(void)state;
	measure_id(got, id);
	assert_string_equal(got, "9H1V-6K3C");
	assert_true(measure_id_ends(id, "9H1V-6K3C"));
	assert_true(measure_id_ends(id, "9hlv6k3c"));
	assert_true(measure_id_ends(id, "01JDZ5TPB4M4Q8W1RZ9H1V6K3C"));
	assert_true(measure_id_ends(id, "6K3C"));
	assert_false(measure_id_ends(id, "K3C"));
	assert_int_equal(measure_id_letters("-K3-C"), 3);
	assert_int_equal(measure_id_letters("9H1V-6K3C"), 8);
	assert_false(measure_id_ends(id, ""));
	assert_false(measure_id_ends(id, "6K3D"));
	assert_false(measure_id_ends(id, "001JDZ5TPB4M4Q8W1RZ9H1V6K3C"));
}

static void
bars(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t width = 20; width < 140; width++)
		for (uint64_t got = 0; got <= 1100; got += 100) {
			buf_reset(&b);
			progress_line(&b, "from server", got << 20, UINT64_C(1000) << 20, 12345678,
			    width);
			assert_true(width < 55 || safe_columns(buf_span(&b)) < width);
		}
	buf_reset(&b);
	progress_line(&b, "sending", 450 << 10, 1000 << 10, 0, 40);
	buf_add(&b, "", 1);
	assert_string_equal(b.data, "sending       45 %  450k of 1000k");
	buf_reset(&b);
	progress_line(&b, "sending", 0, 0, 0, 40);
	buf_add(&b, "", 1);
	assert_string_equal(b.data, "sending      100 %  0 of 0");
	buf_reset(&b);
	progress_line(&b, "sending", 500 << 10, 1000 << 10, 2048, 80);
	buf_add(&b, "", 1);
	assert_string_equal(b.data,
	    "sending      [============>              ]  50 %  500k of 1000k  2k/s");
	buf_clear(&b);
}

/* What was drawn since the last look, CR as "|", without the spaces that clear the line and the CR after them. */
static void
drawn(int fd, struct buf *b)
{
	ssize_t n = read(fd, buf_room(b, 4096), 4096);

	b->len += n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] == '\r')
			b->data[i] = '|';
	if (b->len > 0 && b->data[b->len - 1] == '|')
		b->len--;
	while (b->len > 0 && b->data[b->len - 1] == ' ')
		b->len--;
	buf_add(b, "", 1);
}

/* Nothing in the first half second, no speed in the first second; each road has its own. */
static void
roads(void **state)
{
	struct out out = { .terminal = true, .columns = 80 };
	struct progress one, two;
	struct buf b = BUF_INIT;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	out.fd = ends[1];
	progress_begin(&one, &out, "from sender");
	progress_begin(&two, &out, "from server");
	progress_step(&one, 0, 4096000);
	move_clock(400);
	progress_step(&one, 409600, 4096000);
	drawn(ends[0], &b);
	assert_string_equal(b.data, "");
	buf_reset(&b);
	move_clock(200);
	progress_step(&one, 1024000, 4096000);
	drawn(ends[0], &b);
	assert_string_equal(b.data,
	    "|from sender  [=====>                     ]  25 %  1000k of 3.9M");
	buf_reset(&b);
	move_clock(1400);
	progress_step(&one, 2048000, 4096000);
	drawn(ends[0], &b);
	assert_non_null(strstr(b.data, "|from sender  ["));
	assert_non_null(strstr(b.data, "k/s"));
	buf_reset(&b);
	progress_end(&one);
	/* The other road begins at its own time, and has no speed of the first. */
	progress_step(&two, 0, 4096000);
	move_clock(600);
	drawn(ends[0], &b);
	buf_reset(&b);
	progress_step(&two, 409600, 4096000);
	drawn(ends[0], &b);
	assert_string_equal(b.data,
	    "|from server  [=>                         ]  10 %  400k of 3.9M");
	buf_reset(&b);
	/* Off a terminal, or where nobody wants it, there is none. */
	progress_begin(&two, NULL, "sending");
	progress_step(&two, 0, 1);
	move_clock(5000);
	progress_step(&two, 1, 1);
	drawn(ends[0], &b);
	assert_string_equal(b.data, "");
	close(ends[0]);
	close(ends[1]);
	buf_clear(&b);
}

static void
bodies(void **state)
{
	struct mailbox_notice n = { .state = MAILBOX_HELD,
		.hold_until_s = 10 * 86400,
		.size = 1000 };
	char got[MEASURE_BYTES];

	(void)state;
	notice_body_words(&n, 0, got);
	assert_string_equal(got, "at sender");
	notice_body_words(&n, 4 * 86400, got);
	assert_string_equal(got, "6 days");
	assert_true(notice_is_held(&n));
	assert_false(notice_has_header(&n));
	n.summary = 100;
	assert_true(notice_has_header(&n));
	n.state = MAILBOX_FETCHING;
	n.got = 626;
	notice_body_words(&n, 0, got);
	assert_string_equal(got, "62 %");
	n.state = MAILBOX_BAD_SEAL;
	notice_body_words(&n, 0, got);
	assert_string_equal(got, "bad seal");
	assert_false(notice_has_header(&n));
}

static bool
parses(const char *text, struct config *c, struct err *e)
{
	*c = (struct config) { .file = "mc.conf" };
	return config_parse(c, span_str(text), e);
}

static void
configuration(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_true(
	    parses("# mine\naddress = \"a@b.test\"\n\n  password-file=\"/p \\\"x\\\"\" # here\n"
		   "allow-private-peers = true\n",
		&c, &e));
	assert_string_equal(c.address, "a@b.test");
	assert_string_equal(c.password_file, "/p \"x\"");
	assert_string_equal(c.trust, CONFIG_TRUST_DEFAULT);
	assert_true(c.allow_private);
	assert_false(parses("adress = \"a@b.test\"\n", &c, &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_string_equal(e.text, "mc.conf:1: no key \"adress\"; did you mean address");
	assert_false(parses("address = \"a\"\naddress = \"b\"\n", &c, &e));
	assert_string_equal(e.text, "mc.conf:2: address is given a second time");
	assert_false(parses("address = \"a\n", &c, &e));
	assert_false(parses("address = a\n", &c, &e));
	assert_false(parses("address = \"a\" b\n", &c, &e));
	assert_false(parses("address = \"a\\", &c, &e));
	assert_false(parses("allow-private-peers = 1\n", &c, &e));
	assert_false(parses("", &c, &e));
	assert_string_equal(e.text, "mc.conf: address is missing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_is),
		cmocka_unit_test(a_long_cell_pads_nothing),
		cmocka_unit_test(every_width),
		cmocka_unit_test(sizes),
		cmocka_unit_test(dates),
		cmocka_unit_test(ids),
		cmocka_unit_test(configuration),
		cmocka_unit_test(bars),
		cmocka_unit_test(roads),
		cmocka_unit_test(bodies),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests_name("mc_table", tests, NULL, NULL);
}
