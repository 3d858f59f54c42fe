/* row — what is written is read again, however it is cut; nothing else is a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/line.h"
#include "proto/row.h"

static bool
parses(const char *line)
{
	struct row r;
	struct err e;

	return row_parse(&r, span_str(line), &e);
}

static void
test_form(void **state)
{
	(void)state;
	assert_true(parses("more"));
	assert_true(parses("letter id=1 from=a%20b%25c"));
	assert_true(parses("x k=a=b"));
	assert_true(parses("x k=gr\xc3\xbc\xc3\x9f"));
	assert_false(parses(""));
	assert_false(parses(" x"));
	assert_false(parses("x "));
	assert_false(parses("x  k=v"));
	assert_false(parses("x k=v "));
	assert_false(parses("X k=v"));
	assert_false(parses("x K=v"));
	assert_false(parses("x k"));
	assert_false(parses("x k="));
	assert_false(parses("x =v"));
	assert_false(parses("x k=%"));
	assert_false(parses("x k=%2"));
	assert_false(parses("x k=%0a"));
	assert_false(parses("x k=%41"));
	assert_false(parses("x k=1 k=1"));
	assert_false(parses("x k=\xff"));
}

static void
test_any_text_comes_through(void **state)
{
	static const char text[] = "100 % of \"x=y\" \xe2\x82\xac %20%";
	struct buf out = BUF_INIT;
	struct row_writer w = row_begin(&out, "x");
	struct row r;
	char back[64], none[4] = "abc";
	struct err e;

	(void)state;
	row_text(&w, "empty", SPAN_LIT(""));
	row_text(&w, "text", span_str(text));
	row_end(&w);
	assert_true(row_parse(&r, span_of(out.data, out.len - 2), &e));
	assert_int_equal(r.n, 1);
	row_read_text(&r, "text", back, sizeof back);
	row_read_text(&r, "empty", none, sizeof none);
	assert_true(row_done(&r, &e));
	assert_string_equal(back, text);
	assert_string_equal(none, "");
	buf_clear(&out);
}

static void
test_no_text_breaks_a_row(void **state)
{
	struct buf out = BUF_INIT;
	struct row_writer w = row_begin(&out, "x");

	(void)state;
	row_text(&w, "text", span_of("a\r\nmore\r\n\0b\x7f\xc2\x85\xff", 15));
	row_end(&w);
	assert_true(span_eq(buf_span(&out),
	    SPAN_LIT("x text=a??more???b?"
		     "?"
		     "?"
		     "?\r\n")));
	buf_clear(&out);
}

static void
test_a_row_fits_its_line(void **state)
{
	struct buf out = BUF_INIT;
	struct row_writer w = row_begin(&out, "x");
	char text[2000];
	struct span line;
	size_t used;
	struct err e;

	(void)state;
	memset(text, ' ', sizeof text);
	row_text(&w, "text", span_of(text, sizeof text));
	row_u64(&w, "n", 12345);
	row_end(&w);
	assert_in_range(out.len, LINE_MAX_BYTES - 4, LINE_MAX_BYTES);
	assert_int_equal(line_next(buf_span(&out), &line, &used, &e), LINE_READY);
	assert_true(span_eq(span_sub(line, line.n - 3, 3), SPAN_LIT("%20")));
	buf_clear(&out);
}

static void
test_fields(void **state)
{
	static const char *const names[] = { "red", "blue", NULL };
	struct row r;
	struct ulid id;
	struct err e;
	char small[4];

	(void)state;
	assert_true(row_parse(&r,
	    SPAN_LIT("x n=7 at=2026-11-23T14:00:00Z c=blue "
		     "id=01JDZ5TPB4M4Q8W1RZ9H1V6K3C long=abcd"),
	    &e));
	assert_int_equal(row_read_u64(&r, "n"), 7);
	assert_int_equal(row_read_date(&r, "at"), 1795442400);
	assert_int_equal(row_read_name(&r, "c", names), 1);
	row_read_id(&r, "id", &id);
	assert_int_equal(row_read_u64(&r, "missing"), 0);
	assert_true(row_done(&r, &e));
	row_read_text(&r, "long", small, sizeof small);
	assert_string_equal(small, "");
	assert_false(row_done(&r, &e));
	assert_int_equal(e.why, REFUSAL_bad_reply);
}

static void
assert_fault(const char *line, void (*read)(struct row *))
{
	struct row r;
	struct err e;

	assert_true(row_parse(&r, span_str(line), &e));
	read(&r);
	assert_false(row_done(&r, &e));
}

static void
read_number(struct row *r)
{
	assert_int_equal(row_read_u64(r, "n"), 0);
}

static void
read_a_date(struct row *r)
{
	assert_int_equal(row_read_date(r, "n"), 0);
}

static void
read_an_id(struct row *r)
{
	struct ulid id;

	row_read_id(r, "n", &id);
}

static void
read_a_name(struct row *r)
{
	static const char *const names[] = { "red", NULL };

	assert_int_equal(row_read_name(r, "n", names), 0);
}

static void
test_faults_stick(void **state)
{
	(void)state;
	assert_fault("x n=01", read_number);
	assert_fault("x n=2026-11-23", read_a_date);
	assert_fault("x n=01JDZ5TPB4", read_an_id);
	assert_fault("x", read_an_id);
	assert_fault("x n=green", read_a_name);
	assert_fault("x", read_a_name);
}

static void
test_field_limit(void **state)
{
	struct buf line = BUF_INIT;

	(void)state;
	buf_addf(&line, "x");
	for (int i = 0; i < ROW_FIELDS_MAX - 1; i++)
		buf_addf(&line, " %c%c=1", 'a' + i / 26, 'a' + i % 26);
	for (int more = 0; more < 3; more++) {
		struct row r;
		struct err e;

		assert_int_equal(row_parse(&r, buf_span(&line), &e), more < 2);
		buf_addf(&line, " z%c=1", 'a' + more);
	}
	buf_clear(&line);
}

static bool
count_rows(void *arg, struct row *r, struct err *e)
{
	struct buf *words = arg;

	buf_add(words, r->word.p, r->word.n);
	buf_addf(words, "%zu ", r->n);
	return !span_eq(r->word, SPAN_LIT("stop")) || err_word(e, REFUSAL_gone);
}

static void
test_cut_anywhere(void **state)
{
	static const char rows[] = "letter a=1 b=2\r\nrcpt c=3\r\nmore\r\n";
	size_t n = sizeof rows - 1;
	struct err e;

	(void)state;
	for (size_t chunk = 1; chunk <= n; chunk++) {
		struct buf kept = BUF_INIT, words = BUF_INIT;

		for (size_t at = 0; at < n; at += chunk)
			assert_true(row_feed(&kept, span_sub(span_of(rows, n), at, chunk),
			    count_rows, &words, &e));
		assert_true(span_eq(buf_span(&words), SPAN_LIT("letter2 rcpt1 more0 ")));
		assert_int_equal(kept.len, 0);
		buf_clear(&kept);
		buf_clear(&words);
	}
}

static void
test_a_row_is_kept_within_its_limit(void **state)
{
	char text[LINE_MAX_BYTES + 1];
	struct buf kept = BUF_INIT, words = BUF_INIT;
	struct err e;

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t n = 0; n < LINE_MAX_BYTES - 2; n++)
		assert_true(row_feed(&kept, span_of(text, 1), count_rows, &words, &e));
	assert_int_equal(kept.len, LINE_MAX_BYTES - 2);
	assert_false(row_feed(&kept, span_of(text, 1), count_rows, &words, &e));
	assert_int_equal(e.why, REFUSAL_bad_reply);
	buf_reset(&kept);
	assert_false(row_feed(&kept, span_of(text, sizeof text), count_rows, &words, &e));
	assert_false(row_feed(&kept, SPAN_LIT("a\nb"), count_rows, &words, &e));
	buf_clear(&kept);
	buf_clear(&words);
}

static void
test_the_role_may_stop(void **state)
{
	struct buf kept = BUF_INIT, words = BUF_INIT;
	struct err e;

	(void)state;
	assert_false(row_feed(&kept, SPAN_LIT("a\r\nstop\r\nb\r\n"), count_rows, &words, &e));
	assert_int_equal(e.why, REFUSAL_gone);
	assert_true(span_eq(buf_span(&words), SPAN_LIT("a0 stop0 ")));
	buf_clear(&kept);
	buf_clear(&words);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_any_text_comes_through),
		cmocka_unit_test(test_no_text_breaks_a_row),
		cmocka_unit_test(test_a_row_fits_its_line),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_faults_stick),
		cmocka_unit_test(test_field_limit),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_a_row_is_kept_within_its_limit),
		cmocka_unit_test(test_the_role_may_stop),
	};

	return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}
