/* Letters before they are counted: line ends, what is added, what goes, what must not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mc/compose.h"
#include "mc/mime.h"
#include "mc/scratch.h"

#define FULL "From: alice@a.test\r\nDate: x\r\nMessage-ID: <1@a.test>\r\nTo: b@b.test\r\n"
#define PUT                                                                                        \
	"Date: Mon, 23 Nov 2026 14:30:00 +0000\r\n"                                                \
	"Message-ID: <000102030405060708090a0b@a.test>\r\n"

static const struct compose how = { .own = "alice@a.test",
	.wall_s = 1795444200,
	.random = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
	.most = 1024 * 1024 };

static bool
compose(struct letter *l, struct span in, const struct compose *c, struct err *e)
{
	int fd;
	bool ok;

	letter_init(l);
	assert_true(scratch_open(&fd, e) && scratch_add(fd, in, e));
	lseek(fd, 0, SEEK_SET);
	ok = compose_read(l, fd, c, e);
	close(fd);
	return ok;
}

/* All that a source gives, in pieces of `step`. */
static void
octets_of(const struct letter *l, size_t step, struct buf *out)
{
	struct source *s = letter_source(l);
	uint64_t at = 0;
	ssize_t n;

	while (at < letter_size(l)) {
		n = s->read(s, at, buf_room(out, step), step);
		assert_true(n > 0);
		out->len += (size_t)n;
		at += (uint64_t)n;
	}
	s->free(s);
}

static void
becomes_span(struct span in, struct span want)
{
	struct letter l;
	struct err e;
	struct buf b = BUF_INIT, one = BUF_INIT;

	assert_true(compose(&l, in, &how, &e));
	octets_of(&l, 4096, &b);
	octets_of(&l, 1, &one);
	assert_int_equal(letter_size(&l), want.n);
	assert_int_equal(b.len, want.n);
	assert_memory_equal(b.data, want.p, want.n);
	assert_memory_equal(one.data, want.p, want.n);
	buf_clear(&b);
	buf_clear(&one);
	letter_clear(&l);
}

static void
becomes(const char *in, const char *want)
{
	becomes_span(span_str(in), span_str(want));
}

static void
stays(void **state)
{
	static const char binary[] = FULL "\r\n\0\1\377\200\33x\r.\r\n..\r\n.";

	(void)state;
	becomes(FULL "\r\nx", FULL "\r\nx");
	becomes(FULL "\r\n.\r\n..\r\n\r\n.\r\n", FULL "\r\n.\r\n..\r\n\r\n.\r\n");
	becomes(FULL "\r\n", FULL "\r\n");
	becomes(FULL, FULL); /* no body at all */
	becomes(FULL "X: a\r\n b\r\n\tc\r\n\r\nx", FULL "X: a\r\n b\r\n\tc\r\n\r\nx");
	becomes_span(span_of(binary, sizeof binary - 1), span_of(binary, sizeof binary - 1));
}

static void
line_ends(void **state)
{
	(void)state;
	becomes(
	    "From: alice@a.test\nDate: x\nMessage-ID: <1@a.test>\nTo: b@b.test\n\na\nb\r\nc\n.\n",
	    FULL "\r\na\r\nb\r\nc\r\n.\r\n");
	becomes(FULL "\r\na\rb\r\r\n\n", FULL "\r\na\rb\r\r\n\r\n");
}

/* A CR at the end of one read and its LF at the front of the next. */
static void
line_end_between_reads(void **state)
{
	struct buf in = BUF_INIT, want = BUF_INIT;

	(void)state;
	for (size_t n = 65520; n < 65545; n++) {
		buf_reset(&in);
		buf_addf(&in, "%s\r\n", FULL);
		while (in.len < n)
			buf_add(&in, "x", 1);
		buf_add(&in, "\r\ny\nz", 5);
		buf_reset(&want);
		buf_add(&want, in.data, in.len - 2);
		buf_add(&want, "\r\nz", 3);
		becomes_span(buf_span(&in), buf_span(&want));
	}
	buf_clear(&in);
	buf_clear(&want);
}

static void
added(void **state)
{
	(void)state;
	becomes("To: b@b.test\n\nhi\n", "From: alice@a.test\r\n" PUT "To: b@b.test\r\n\r\nhi\r\n");
	becomes("just text\n", "From: alice@a.test\r\n" PUT "\r\njust text\r\n");
	becomes("x", "From: alice@a.test\r\n" PUT "\r\nx");
	becomes("\nTo: no header\n", "From: alice@a.test\r\n" PUT "\r\nTo: no header\r\n");
	becomes("From bob Mon Nov 23\nFrom: <alice@a.test>\nSubject: s\n\nx",
	    PUT "From: <alice@a.test>\r\nSubject: s\r\n\r\nx");
	becomes("Subject: s\nno field\nmore",
	    "From: alice@a.test\r\n" PUT "Subject: s\r\n\r\nno field\r\nmore");
	becomes("fRoM : alice@a.test\ndate: x\nmessage-id:y\n\n",
	    "fRoM : alice@a.test\r\ndate: x\r\nmessage-id:y\r\n\r\n");
}

static void
bcc(void **state)
{
	struct compose t = how;
	struct letter l;
	struct err e;
	struct buf b = BUF_INIT;

	(void)state;
	becomes(FULL "Bcc: secret@c.test,\r\n more@c.test\r\nX: y\r\n\r\nBcc: body\r\n",
	    FULL "X: y\r\n\r\nBcc: body\r\n");
	t.from_header = true;
	assert_true(compose(&l,
	    span_str(FULL "Cc: Cee <c@c.test>, \"B, b\" <b@B.test>\r\n"
			  "bCC: d@d.test,\r\n e@e.test\r\nCc: team: f@f.test, g@g.test;\r\n\r\nx"),
	    &t, &e));
	assert_int_equal(l.n_to, 6);
	assert_string_equal(l.to[0], "b@b.test");
	assert_string_equal(l.to[1], "c@c.test");
	assert_string_equal(l.to[3], "e@e.test");
	assert_string_equal(l.to[5], "g@g.test");
	assert_string_equal(l.from, "alice@a.test");
	octets_of(&l, 4096, &b);
	assert_null(memmem(b.data, b.len, "d@d.test", 8));
	buf_clear(&b);
	letter_clear(&l);
	assert_true(
	    compose(&l, span_str("Bcc: only@c.test\n\nx"), &t, &e)); /* Bcc alone is enough */
	assert_int_equal(l.n_to, 1);
	letter_clear(&l);
	assert_true(compose(&l, span_str("To: undisclosed-recipients:;\nCc:\n\nx"), &t, &e));
	assert_int_equal(l.n_to, 0);
	letter_clear(&l);
}

static void
refused(const char *in, bool from_header, enum refusal why)
{
	struct compose c = how;
	struct letter l;
	struct err e;

	c.from_header = from_header;
	assert_false(compose(&l, span_str(in), &c, &e));
	assert_int_equal(e.why, why);
	letter_clear(&l);
}

static void
refusals(void **state)
{
	(void)state;
	refused("", false, REFUSAL_bad_message);
	refused("From:\n\nx", false, REFUSAL_bad_message);
	refused("From: a@a.test, b@b.test\n\nx", false, REFUSAL_bad_message);
	refused("From: Us: a@a.test, b@b.test;\n\nx", false, REFUSAL_bad_message);
	refused("From: a@a.test\nTo: c@c.test\nFrom: b@b.test\n\nx", true, REFUSAL_bad_message);
	refused("To: root\n\nx", true, REFUSAL_bad_address);
	refused("To: a@\n\nx", true, REFUSAL_bad_domain);
	refused("To: a@a.test\nno field\nCc: b@b.test\n\nx", true, REFUSAL_bad_message);
	refused("To: a@a.test\nCc b@b.test\n\nx", true, REFUSAL_bad_message);
	refused("\357\273\277To: a@a.test\nCc: b@b.test\n\nx", true, REFUSAL_bad_message);
	refused("To: a@a.test\nResent-To: b@b.test\n\nx", true, REFUSAL_bad_message);
	refused("resent-bcc : b@b.test\nTo: a@a.test\n\nx", true, REFUSAL_bad_message);
	refused("Resent-Cc: b@b.test\nTo: a@a.test\n\nx", true, REFUSAL_bad_message);
}

/* What -t makes of a To: who gets the letter, or the refusal that names each faulty item. */
static void
every_recipient(void **state)
{
	static const struct {
		const char *to, *got; /* got: joined by blanks; NULL: refused */
		const char *named;
	} rows[] = {
		{ "bob@b.test", "bob@b.test", NULL },
		{ "bob@b.test,\n carol@b.test,,", "bob@b.test carol@b.test", NULL },
		{ "Bob <bob@b.test>, (x, (y\\)) z) carol@b.test (Carol)", "bob@b.test carol@b.test",
		    NULL },
		{ "\"B; b, \\\"b@x\\\"\" <bob@b.test>", "bob@b.test", NULL },
		{ "Q. Public < bob@b.test >", "bob@b.test", NULL },
		{ "bob@b.test <bob@b.test>", "bob@b.test", NULL },
		{ "=?utf-8?Q?J=C3=BCrgen?= <j@b.test>", "j@b.test", NULL },
		{ "team: bob@b.test, C <carol@b.test>;, dora@b.test",
		    "bob@b.test carol@b.test dora@b.test", NULL },
		{ "undisclosed-recipients:;", "", NULL },
		{ "j\303\274rgen@b\303\274ro.test", "j\303\274rgen@b\303\274ro.test", NULL },
		{ "bob@b.test; carol@b.test", NULL, "bob@b.test;: " },
		{ "bob@b.test, d..ora@b.test, taro.@b.test, carol@b.test", NULL,
		    "d..ora@b.test, taro.@b.test: " },
		{ "bob@b.test carol@b.test", NULL, "bob@b.test carol@b.test: " },
		{ "bob@b.test\n carol@b.test", NULL, "bob@b.test carol@b.test: " },
		{ "bob@b.test Carol <carol@b.test>", NULL, "bob@b.test Carol <carol@b.test>: " },
		{ "bob@b.test <carol@b.test>", NULL, "bob@b.test <carol@b.test>: " },
		{ "<bob@b.test> <carol@b.test>", NULL, "<bob@b.test> <carol@b.test>: " },
		{ "<bob@b.test> carol@b.test", NULL, "<bob@b.test> carol@b.test: " },
		{ "<bob@b.test, carol@b.test>", NULL, "<bob@b.test, carol@b.test>: " },
		{ "\"Bob <bob@b.test>, carol@b.test", NULL, "\"Bob <bob@b.test>, carol@b.test: " },
		{ "(Bob bob@b.test, carol@b.test", NULL, ": a quote, comment" },
		{ "bob@b.test, carol", NULL, "carol: " },
		{ "bob@b.test: carol@b.test", NULL, "bob@b.test:: " },
		{ "a: bob@b.test, b: carol@b.test;", NULL, "b:: " },
		{ "bob@b.test, @b.test", NULL, "@b.test: " },
		{ "mailto:bob@b.test, carol@", NULL, "carol@: " },
		{ "\"b b\"@b.test, carol@b.test", NULL, "\"b b\"@b.test: " },
		{ "bob@[192.0.2.1]", NULL, "bob@[192.0.2.1]: " },
		{ "=?utf-8?Q?a=2C_b?= <bob@b.test>, =?utf-8?B?YSwgYg==?= <carol@b.test>",
		    "bob@b.test carol@b.test", NULL },
		{ "=?utf-8?Q?Doe,_John?= <bob@b.test>", NULL, "=?utf-8?Q?Doe: " },
		{ "bob@b.test (it, carol@b.test)", "bob@b.test", NULL },
		{ "bob@b.test (it \\) , carol@b.test), dora@b.test", "bob@b.test dora@b.test",
		    NULL },
		{ "bob@b.test,\n \n carol@b.test", "bob@b.test carol@b.test", NULL },
		{ "\n bob@b.test\n ,\n\tcarol@b.test", "bob@b.test carol@b.test", NULL },
		{ "team: bob@b.test", "bob@b.test", NULL },
		{ "\"a: b;\" <bob@b.test>, a group:;, carol@b.test", "bob@b.test carol@b.test",
		    NULL },
		{ "a: bob@b.test;, b: carol@b.test;", "bob@b.test carol@b.test", NULL },
		{ "a:; b:;", "", NULL },
		{ "<@x.test,@y.test:bob@b.test>, carol@b.test", NULL,
		    "<@x.test,@y.test:bob@b.test>: " },
		{ "<@x.test:bob@b.test>", NULL, "<@x.test:bob@b.test>: " },
		{ "bob @ b.test, carol@b.test", NULL, "bob @ b.test: " },
		{ "'bob@b.test', carol@b.test", NULL, "'bob@b.test': " },
		{ "\"bob@b.test\", carol@b.test", NULL, "\"bob@b.test\": " },
		{ "<>, bob@b.test", NULL, "<>: " },
		{ "J\374rgen <bob@b.test>, \"M, \374\" <carol@b.test>", "bob@b.test carol@b.test",
		    NULL },
		{ "bob@b.test.", NULL, "bob@b.test.: " },
		{ "<bob@b.test", NULL, "<bob@b.test: " },
		{ "bob@b.test>", NULL, "bob@b.test>: " },
		{ "bob@b.test\nTo: carol@b.test\nTO : dora@b.test",
		    "bob@b.test carol@b.test dora@b.test", NULL },
		{ "\nCc:\nBcc: bob@b.test", "bob@b.test", NULL },
		{ "bob@b.test|carol@b.test", NULL, "bob@b.test|carol@b.test: " },
		{ "bob@b.test/carol@b.test", NULL, "bob@b.test/carol@b.test: " },
		{ "bob@b.test, bob@B.TEST, Bob <bob@b.test>", "bob@b.test", NULL },
		{ "bob@b.test <mailto:bob@b.test>", NULL, "bob@b.test <mailto:bob@b.test>: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct compose t = how;
		struct letter l;
		struct err e;
		struct buf in = BUF_INIT, got = BUF_INIT;

		t.from_header = true;
		buf_addf(&in, "To: %s\nSubject: s\n\nx", rows[i].to);
		if (!compose(&l, buf_span(&in), &t, &e)) {
			if (rows[i].got != NULL)
				fail_msg("%s: %s", rows[i].to, e.text);
			assert_int_equal(refusal_status(e.why), 65);
			if (strstr(e.text, rows[i].named) == NULL)
				fail_msg("%s: says only \"%s\"", rows[i].to, e.text);
		} else {
			for (size_t k = 0; k < l.n_to; k++)
				buf_addf(&got, "%s%s", k > 0 ? " " : "", l.to[k]);
			if (rows[i].got == NULL || !span_eq(buf_span(&got), span_str(rows[i].got)))
				fail_msg("%s: goes to %.*s", rows[i].to, (int)got.len, got.data);
		}
		letter_clear(&l);
		buf_clear(&in);
		buf_clear(&got);
	}
}

static void
on_read(void *arg, uint64_t octets)
{
	uint64_t *most = arg;

	assert_true(octets > *most);
	*most = octets;
}

/* Whoever shows progress is told each octet that leaves. */
static void
tells_progress(void **state)
{
	struct letter l;
	struct err e;
	struct buf b = BUF_INIT;
	uint64_t most = 0;

	(void)state;
	assert_true(compose(&l, span_str(FULL "\r\nbody\r\n"), &how, &e));
	l.on_read = on_read;
	l.on_read_arg = &most;
	octets_of(&l, 7, &b);
	assert_int_equal(most, letter_size(&l));
	buf_clear(&b);
	letter_clear(&l);
}

static void
limits(void **state)
{
	struct compose c = how;
	struct letter l;
	struct err e;
	struct buf in = BUF_INIT;

	(void)state;
	for (int over = -1; over <= 1; over++) {
		buf_reset(&in);
		buf_addf(&in, "%s\r\n", FULL);
		while (in.len < 5000)
			buf_add(&in, "x", 1);
		c.most = (uint64_t)(5000 - over);
		assert_int_equal(compose(&l, buf_span(&in), &c, &e), over <= 0);
		letter_clear(&l);
		c.most = how.most;
		buf_reset(&in);
		buf_addf(&in, "%sX: ", FULL);
		while (in.len < (size_t)(COMPOSE_HEADER_BYTES - 4 + over))
			buf_add(&in, "x", 1);
		buf_add(&in, "\r\n\r\nx", 5); /* the empty line ends at, or after, the limit */
		assert_int_equal(compose(&l, buf_span(&in), &c, &e), over <= 0);
		letter_clear(&l);
	}
	buf_clear(&in);
}

static void
recipients(void **state)
{
	struct letter l;
	struct err e;
	char address[64];

	(void)state;
	letter_init(&l);
	for (int i = 1; i <= COMPOSE_RECIPIENTS_MAX; i++) {
		snprintf(address, sizeof address, "user%d@b.test", i);
		assert_true(letter_to(&l, address, &e));
	}
	assert_true(letter_to(&l, "user7@B.test", &e)); /* known already */
	assert_false(letter_to(&l, "root", &e));
	assert_int_equal(e.why, REFUSAL_bad_address);
	assert_false(letter_to(&l, "user@", &e));
	assert_false(letter_to(&l, "@b.test", &e));
	assert_int_equal(e.why, REFUSAL_bad_address);
	assert_false(letter_to(&l, "one-more@b.test", &e));
	assert_int_equal(e.why, REFUSAL_too_many_recipients);
	assert_int_equal(l.n_to, COMPOSE_RECIPIENTS_MAX);
	letter_clear(&l);
}

static int
setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	mime_start();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(line_end_between_reads),
		cmocka_unit_test(added),
		cmocka_unit_test(bcc),
		cmocka_unit_test(refusals),
		cmocka_unit_test(every_recipient),
		cmocka_unit_test(tells_progress),
		cmocka_unit_test(limits),
		cmocka_unit_test(recipients),
	};

	return cmocka_run_group_tests_name("mc_compose", tests, setup, NULL);
}
