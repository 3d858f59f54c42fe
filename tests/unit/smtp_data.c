/* smtp_data — the end of DATA is CRLF "." CRLF and nothing else, however the octets arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/smtp_data.h"

#define ROOM 64

struct outcome {
	enum smtp_data_result result; /* MORE, END or BAD */
	enum refusal why;
	size_t used; /* with END */
	size_t n;
	char text[ROOM];
};

/* All of `in`, in pieces of at most `step` octets. */
static void
read_all(struct span in, size_t step, struct outcome *o)
{
	struct smtp_data d = { 0 };

	*o = (struct outcome) { .result = SMTP_DATA_MORE };
	for (size_t at = 0; at < in.n && o->result == SMTP_DATA_MORE; at += step) {
		struct span rest = span_sub(in, at, step), piece;
		size_t used;
		struct err e = { 0 };

		while (
		    (o->result = smtp_data_next(&d, rest, &piece, &used, &e)) == SMTP_DATA_PIECE) {
			assert_true(o->n + piece.n <= sizeof o->text);
			memcpy(o->text + o->n, piece.p, piece.n);
			o->n += piece.n;
			rest = span_sub(rest, used, rest.n);
			o->used += used;
		}
		o->why = e.why;
		o->used += used;
	}
}

/* The same by the words of the RFC, over the whole input at once: no state but the place in the line. */
static void
reference(struct span in, struct outcome *o)
{
	bool begin = true;

	*o = (struct outcome) { .result = SMTP_DATA_MORE };
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (begin && in.n - i >= 3 && memcmp(in.p + i, ".\r\n", 3) == 0) {
			o->result = SMTP_DATA_END;
			o->used = i + 3;
			return;
		}
		if (begin && c == '.') {
			begin = false;
			continue;
		}
		begin = false;
		if (c == '\r' && i + 1 == in.n)
			return;
		if (c == '\0' || c == '\n' || (c == '\r' && in.p[i + 1] != '\n')) {
			o->result = SMTP_DATA_BAD;
			o->why = c == '\0' ? REFUSAL_bad_octet : REFUSAL_bare_lf;
			return;
		}
		o->text[o->n++] = c;
		if (c == '\r')
			o->text[o->n++] = in.p[++i];
		begin = c == '\r';
	}
}

static void
same(struct span in, size_t step)
{
	struct outcome got, want;

	read_all(in, step, &got);
	reference(in, &want);
	assert_int_equal(got.result, want.result);
	if (want.result == SMTP_DATA_BAD) {
		assert_int_equal(got.why, want.why);
		return;
	}
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.text, want.text, want.n);
	if (want.result == SMTP_DATA_END)
		assert_int_equal(got.used, want.used);
}

/* Each text of up to 8 octets over those that matter: 488,280 of them, whole, octet by octet, and in threes. */
static void
every_short_content_ends_where_the_rfc_says(void **state)
{
	static const char octets[] = { '.', '\r', '\n', 'x', '\0' };
	char text[8];
	size_t most = 1;

	(void)state;
	for (size_t n = 1; n <= sizeof text; n++) {
		most *= sizeof octets;
		for (size_t k = 0; k < most; k++) {
			for (size_t i = 0, rest = k; i < n; i++, rest /= sizeof octets)
				text[i] = octets[rest % sizeof octets];
			same(span_of(text, n), n);
			same(span_of(text, n), 1);
			same(span_of(text, n), 3);
		}
	}
}

/* What has made other servers see an end (the forms of SMTP smuggling), after a line of text. */
static void
no_form_of_smuggling_ends_the_content(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} forms[] = {
#define FORM(s) { s, sizeof(s) - 1 }
		FORM("\n.\n"), FORM("\n.\r\n"), FORM("\r.\r\n"), FORM("\r\n.\n"), FORM("\r\n.\r"),
		FORM("\r.\r"), FORM("\r\n\0.\r\n"), FORM("\r\n.\0\r\n"), FORM("\r\n.\r\0\n"),
		FORM("\r\r\n.\r\n"), FORM("\r\n.\r\r\n"), FORM("\n\r\n.\r\n"), FORM("\0\r\n.\r\n")
#undef FORM
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		char text[ROOM] = "text";
		struct outcome o;

		memcpy(text + 4, forms[i].p, forms[i].n);
		memcpy(text + 4 + forms[i].n, "MAIL FROM:<a@b.test>\r\n", 22);
		for (size_t step = 1; step <= 2; step++) {
			read_all(span_of(text, 4 + forms[i].n + 22), step, &o);
			assert_int_equal(o.result, SMTP_DATA_BAD);
		}
	}
}

static void
a_line_has_64_kib(void **state)
{
	char *line = malloc(SMTP_DATA_LINE_MAX + 2);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', SMTP_DATA_LINE_MAX + 2);
	for (size_t dot = 0; dot < 2; dot++) {
		line[0] = dot ? '.' : 'x';
		for (size_t over = 0; over < 3; over++) {
			size_t n = SMTP_DATA_LINE_MAX - 1 + over, used;
			struct smtp_data d = { 0 };
			struct span piece, in;
			struct err e = { 0 };
			enum smtp_data_result r;

			memset(line + 1, 'x', SMTP_DATA_LINE_MAX + 1);
			memcpy(line + n - 2, "\r\n", 2);
			in = span_of(line, n);
			while ((r = smtp_data_next(&d, in, &piece, &used, &e)) == SMTP_DATA_PIECE)
				in = span_sub(in, used, in.n);
			assert_int_equal(r, over < 2 ? SMTP_DATA_MORE : SMTP_DATA_BAD);
			assert_int_equal(e.why, over < 2 ? 0 : REFUSAL_line_too_long);
		}
	}
	free(line);
}

/* -- writer ------------------------------------------------------------------------------------- */

/* The letter in pieces of `step`, into `room` octets at a time, and the end. */
static size_t
write_all(struct span letter, size_t step, size_t room, char *wire)
{
	struct smtp_dots d = { 0 };
	struct span end;
	size_t len = 0;

	for (size_t at = 0; at < letter.n; at += step)
		for (struct span piece = span_sub(letter, at, step); piece.n > 0;)
			len += smtp_dots_put(&d, &piece, wire + len, room);
	end = smtp_dots_end(&d);
	memcpy(wire + len, end.p, end.n);
	return len + end.n;
}

/* Each letter of whole lines comes out of the reader as it went in; one whose last line has no end gets one. */
static void
what_is_written_is_read(void **state)
{
	static const char octets[] = { '.', '\r', 'x' };
	char letter[12], wire[ROOM];
	size_t most = 1;

	(void)state;
	for (size_t n = 1; n <= 6; n++) {
		most *= sizeof octets;
		for (size_t k = 0; k < most; k++) {
			size_t len = 0;
			bool whole = false;

			for (size_t i = 0, rest = k; i < n; i++, rest /= sizeof octets) {
				char c = octets[rest % sizeof octets];

				letter[len++] = c;
				whole = c == '\r';
				if (whole)
					letter[len++] = '\n';
			}
			for (size_t step = 1; step <= 12; step += 11)
				for (size_t room = 2; room <= 7; room++) {
					struct outcome o;
					size_t sent = write_all(span_of(letter, len), step, room,
					    wire);

					read_all(span_of(wire, sent), 1, &o);
					assert_int_equal(o.result, SMTP_DATA_END);
					assert_int_equal(o.used, sent);
					assert_int_equal(o.n, len + (whole ? 0 : 2));
					assert_memory_equal(o.text, letter, len);
				}
		}
	}
}

static void
an_empty_letter_is_a_lone_dot(void **state)
{
	char wire[ROOM];

	(void)state;
	assert_int_equal(write_all((struct span) { 0 }, 1, 2, wire), 3);
	assert_memory_equal(wire, ".\r\n", 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_short_content_ends_where_the_rfc_says),
		cmocka_unit_test(no_form_of_smuggling_ends_the_content),
		cmocka_unit_test(a_line_has_64_kib),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(an_empty_letter_is_a_lone_dot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
