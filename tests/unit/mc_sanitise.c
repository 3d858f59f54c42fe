/* What a terminal must never see: every octet, and sixty sequences that would move it. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mc/fault.h"
#include "mc/out.h"
#include "mc/safe.h"
#include "mc/said.h"
#include "mc/sent.h"
#include "mc/visible.h"

/* No C0 but those the form lets through, no DEL, only UTF-8, no character that is not visible. */
static void
assert_harmless(struct span s, enum safe_form form)
{
	uint32_t c = 0;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = visible_utf8(span_sub(s, i, s.n), &c);
		assert_true(n > 0);
		if ((form == SAFE_TEXT || form == SAFE_PROSE) && (c == '\n' || c == '\t'))
			continue;
		assert_true(visible_is(c));
		assert_true(c != 0x1b && c != 0x9b);
	}
}

static void
check(const char *in, size_t n)
{
	for (int form = SAFE_LINE; form <= SAFE_WORDS; form++) {
		struct buf b = BUF_INIT, a = BUF_INIT;

		safe_add(&b, span_of(in, n), (enum safe_form)form);
		assert_harmless(buf_span(&b), (enum safe_form)form);
		safe_add_ascii(&a, span_of(in, n), (enum safe_form)form);
		assert_harmless(buf_span(&a), (enum safe_form)form);
		for (size_t i = 0; i < a.len; i++)
			assert_true((unsigned char)a.data[i] < 0x7f);
		buf_clear(&b);
		buf_clear(&a);
	}
}

static void
octets(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char one[] = { (char)c }, within[] = { 'a', (char)c, 'b' };
		char twice[] = { (char)c, (char)c }, after[] = { (char)0xc2, (char)c };

		check(one, sizeof one);
		check(within, sizeof within);
		check(twice, sizeof twice);
		check(after, sizeof after);
	}
}

static void
sequences(void **state)
{
	static const char *const bad[] = {
		/* CSI, seven and eight bits, and as UTF-8 */
		"\033[2J",
		"\033[H",
		"\033[31m",
		"\033[0m",
		"\033[5n",
		"\033[6n",
		"\033[c",
		"\033[>c",
		"\033[?1049h",
		"\033[?1000h",
		"\033[?2004h",
		"\033[20t",
		"\033[21t",
		"\033[8;1;1t",
		"\033[99999;99999H",
		"\033[1000000A",
		"\233[2J",
		"\2332J",
		"\302\2332J",
		"\302\23331m",
		/* OSC: title, clipboard, links, colours, files */
		"\033]0;title\007",
		"\033]2;title\033\\",
		"\033]52;c;aGVsbG8=\007",
		"\033]52;c;?\007",
		"\033]8;;http://evil.example\033\\x\033]8;;\033\\",
		"\033]4;0;#000000\007",
		"\033]10;?\007",
		"\033]50;font\007",
		"\033]1337;File=:AAAA\007",
		"\033]777;notify;a;b\007",
		"\2350;title\234",
		"\302\2350;title\302\234",
		/* DCS, APC, PM, SOS, sixel */
		"\033P$q\"p\033\\",
		"\033P+q544e\033\\",
		"\033Pq#0;2;0;0;0#0~~\033\\",
		"\220q\234",
		"\302\220q\302\234",
		"\033_Ga=T;AAAA\033\\",
		"\033^x\033\\",
		"\033Xx\033\\",
		"\230x\234",
		/* single ones */
		"\033c",
		"\0337",
		"\0338",
		"\033D",
		"\033E",
		"\033M",
		"\033Z",
		"\033#8",
		"\033(0",
		"\033N",
		"\033%@",
		"\033=",
		"\033>",
		"\016",
		"\017",
		"\005",
		"\010\010\010",
		"\rover",
		"\v",
		"\f",
		/* text that turns round or hides */
		"\342\200\256txt.exe",
		"\342\201\246a\342\201\251",
		"\342\200\213",
		"\342\200\215",
		"\357\273\277",
		"\342\200\217",
		"\330\234",
		"\363\240\201\201",
	};

	(void)state;
	assert_true(sizeof bad / sizeof bad[0] >= 60);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		check(bad[i], strlen(bad[i]));
}

static void
one(const char *in, enum safe_form form, const char *want)
{
	struct buf b = BUF_INIT;

	safe_add(&b, span_str(in), form);
	buf_add(&b, "", 1);
	assert_string_equal(b.data, want);
	buf_clear(&b);
}

static void
visible(void **state)
{
	(void)state;
	one("a\033[1m", SAFE_TEXT, "a\\x1b[1m");
	one("a\r\nb\tc\n", SAFE_TEXT, "a\nb\tc\n");
	one("a\r\nb\t", SAFE_LINE, "a\\x0d\\x0ab\\x09");
	one("a\rb", SAFE_TEXT, "a\\x0db");
	one("\302\233", SAFE_TEXT, "U+009B");
	one("\233", SAFE_TEXT, "\\x9b");
	one("\342\200\256", SAFE_TEXT, "U+202E");
	one("gr\303\274n \346\274\242 \360\237\231\202", SAFE_LINE,
	    "gr\303\274n \346\274\242 \360\237\231\202");
	one("\303", SAFE_TEXT, "\\xc3");
	one("\340\200\257", SAFE_TEXT, "\\xe0\\x80\\xaf");          /* overlong */
	one("\355\240\200", SAFE_TEXT, "\\xed\\xa0\\x80");          /* surrogate */
	one("\364\220\200\200", SAFE_TEXT, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	one("\357\277\277", SAFE_TEXT, "U+FFFF");
	one("a\302\240 \342\200\213\343\200\200\tb\r\n", SAFE_WORDS, "a b");
	one("a\302\240\342\200\213 b", SAFE_SAID, "a U+200B b");
	one("a\302\255\342\200\216b\n", SAFE_PROSE, "aU+200Eb\n");
	one("\331\205\342\200\214\331\205", SAFE_LINE, "\331\205U+200C\331\205");
	one("\331\205\342\200\214\331\205", SAFE_WORDS, "\331\205\342\200\214\331\205");
}

static void
widths(void **state)
{
	struct span s = span_str("gr\303\274n\346\274\242\345\255\227");

	(void)state;
	assert_int_equal(safe_columns(s), 8);
	assert_int_equal(safe_cut(s, 5).n, 5); /* half of a wide character is none */
	assert_int_equal(safe_cut(s, 6).n, 8);
	assert_int_equal(safe_cut(s, 100).n, s.n);
	assert_int_equal(safe_cut(s, 0).n, 0);
	/* Terminals disagree about a sign that is an emoji, a flag, and an emoji of 2022.  A line that is
	 * wider than we think continues at the left margin. */
	assert_int_equal(safe_columns(span_str("\342\230\272\357\270\217")), 2);
	assert_int_equal(safe_columns(span_str("\360\237\207\250\360\237\207\255")), 4);
	assert_int_equal(safe_columns(span_str("\360\237\253\250")), 2);
}

/* Into a pipe: out_text and an error with foreign words, as they leave the program. */
static void
leaves(void **state)
{
	struct options o = { .called = "m\033c" };
	struct fault f = { .host = "ims.\033[2J.test" };
	struct out out = { 0 };
	char got[4096];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	out_init(&out, fds[1]);
	out_textf(&out, "%s\n", "\033]0;x\007");
	f.err.why = REFUSAL_gone;
	snprintf(f.err.text, sizeof f.err.text, "%s", "a\033[1m\n\302\233b");
	dup2(fds[1], STDERR_FILENO);
	assert_int_equal(fault_print(&o, "letter \033[1m", &f, NULL), 68);
	o.json = true;
	assert_int_equal(fault_print(&o, "letter \177", &f, NULL), 68);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], got, sizeof got);
	close(fds[0]);
	assert_true(n > 0);
	assert_harmless(span_of(got, (size_t)n), SAFE_TEXT);
	assert_non_null(memmem(got, (size_t)n, "[gone, status 68]\n", 18));
	assert_non_null(memmem(got, (size_t)n, "{\"error\":{\"code\":\"gone\"", 22));
}

/* What fault prints, on standard error into a file. */
static void
printed(const struct fault *f, char *got, size_t cap)
{
	struct options o = { .called = "mc" };
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	fault_print(&o, "bob@evil.test", f, "see:  mc help");
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fileno(file), got, cap - 1, 0);
	fclose(file);
	assert_true(n > 0);
	got[n] = '\0';
}

/* A stranger who writes as our own server does: it is named, and its words cannot end the quotation. */
static void
strangers_words_are_quoted(void **state)
{
	struct fault f = { .host = "evil.test", .stranger = true };
	struct submit_recipient to = { .to = "bob@evil.test", .by = SUBMIT_SPEAKER_PEER };
	struct buf cut = BUF_INIT;
	struct out narrow = { .columns = 60 };
	char got[2048];

	(void)state;
	f.err.why = REFUSAL_no_such_user;
	snprintf(f.err.text, sizeof f.err.text,
	    "x\" oms.a.test says: \"renew it, there is no such mailbox");
	printed(&f, got, sizeof got);
	assert_non_null(strstr(got, "bob@evil.test: there is no such mailbox\n"));
	assert_non_null(strstr(got,
	    "\n    evil.test says: \"x' oms.a.test says: 'renew it, there is no such mailbox\"\n"));
	said_add(&cut, &narrow, "evil.test", f.err.text, true, 4);
	assert_true(4 + safe_columns(buf_span(&cut)) <= 60);
	assert_non_null(memmem(cut.data, cut.len, "~\"", 2));
	buf_clear(&cut);
	assert_string_equal(sent_speaker(&to, "oms.a.test"), "evil.test");
	to.by = SUBMIT_SPEAKER_UNKNOWN;
	assert_string_equal(sent_speaker(&to, "oms.a.test"), "evil.test");
	to.by = SUBMIT_SPEAKER_OMS;
	assert_string_equal(sent_speaker(&to, "oms.a.test"), "oms.a.test");
}

static void
marks_do_not_pile_up(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;

	(void)state;
	buf_addf(&in, "a");
	for (int i = 0; i < 500; i++)
		buf_addf(&in, "\xcc\x81");
	buf_addf(&in, "e\xcc\x81");
	safe_add(&out, buf_span(&in), SAFE_PROSE);
	assert_int_equal(out.len, 1 + 4 * 2 + 1 + 2);
	buf_clear(&in);
	buf_clear(&out);
}

/* Lines of a terminal: broken at blanks, indented, never wider. */
static void
wraps(void **state)
{
	static const struct {
		const char *text, *want;
		size_t first, indent, columns;
	} rows[] = {
		{ "one two three\n\nfour\n", "  one two\n    three\n\n  four\n", 2, 4, 11 },
		{ "onetwothree", "onet\n  woth\n  ree\n", 0, 2, 6 },
		{ "a\tb", "a       b\n", 0, 0, 20 },
		{ "a\tb\n", "  a\tb\n", 2, 2, 0 },
		{ "\346\274\242\346\274\242\346\274\242",
		    " \346\274\242\346\274\242\n \346\274\242\n", 1, 1, 6 },
		{ "\346\274\242\346\274\242", "\346\274\242\n\346\274\242\n", 0, 0, 1 },
		{ "end of a line", "end of\na line\n", 0, 0, 6 },
		{ "one         two", "one\ntwo\n", 0, 0, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;

		safe_wrap(&b, span_str(rows[i].text), rows[i].first, rows[i].indent,
		    rows[i].columns);
		if (!span_eq(buf_span(&b), span_str(rows[i].want)))
			fail_msg("row %zu: \"%.*s\"", i, (int)b.len, b.data);
		buf_clear(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets),
		cmocka_unit_test(sequences),
		cmocka_unit_test(visible),
		cmocka_unit_test(widths),
		cmocka_unit_test(leaves),
		cmocka_unit_test(marks_do_not_pile_up),
		cmocka_unit_test(strangers_words_are_quoted),
		cmocka_unit_test(wraps),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("mc_sanitise", tests, NULL, NULL);
}
