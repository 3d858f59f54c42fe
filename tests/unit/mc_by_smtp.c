/* How mc shows letters that came by SMTP: in the list, as JSON, and whole. */
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

#include "mc/notice.h"
#include "mc/render.h"
#include "mc/scratch.h"

#define LETTER "From: Anna <anna@a.test>\r\nTo: bob@b.test\r\nSubject: Plans\r\n\r\nHello, Bob.\r\n"

static struct mailbox_notice
by_smtp(void)
{
	return (struct mailbox_notice) { .number = 7,
		.state = MAILBOX_HERE,
		.road = MAILBOX_SMTP,
		.from = "anna@a.test",
		.to = "bob@b.test",
		.size = 1000,
		.issuer = "CN=Alder CA",
		.marks = { .spf = MAILBOX_RESULT_PASS,
		    .dkim = MAILBOX_RESULT_PASS,
		    .dmarc = MAILBOX_RESULT_PASS,
		    .has_fingerprint = true,
		    .fingerprint = { 0xfe, 0xed },
		    .ehlo = { "mx.a.test" },
		    .dkim_domain = { "a.test" },
		    .header_from = "anna@a.test" } };
}

static struct mailbox_notice
through_a_list(void)
{
	struct mailbox_notice n = by_smtp();

	strcpy(n.from, "bounces+bob=b.test@lists.test");
	strcpy(n.marks.ehlo.text, "mx.lists.test");
	n.marks.via = true;
	return n;
}

static struct mailbox_notice
bounce(void)
{
	struct mailbox_notice n = by_smtp();

	n.from[0] = '\0';
	strcpy(n.marks.header_from, "mailer-daemon@mx.a.test");
	return n;
}

static struct mailbox_notice
without_certificate(void)
{
	struct mailbox_notice n = by_smtp();

	n.issuer[0] = '\0';
	n.marks.has_fingerprint = false;
	n.marks.spf = MAILBOX_RESULT_FAIL;
	n.marks.dkim = MAILBOX_RESULT_NONE;
	n.marks.dmarc = MAILBOX_RESULT_QUARANTINE;
	n.marks.dkim_domain.text[0] = '\0';
	strcpy(n.marks.unaccountable, "no-certificate");
	return n;
}

/* -- the list ------------------------------------------------------------------------------ */

static void
assert_words(void (*words)(const struct mailbox_notice *n, struct buf *out),
    struct mailbox_notice n, const char *want)
{
	struct buf b = BUF_INIT;

	words(&n, &b);
	buf_add(&b, "", 1);
	assert_string_equal(b.data, want);
	buf_clear(&b);
}

static void
assert_body(struct mailbox_notice n, const char *want)
{
	char out[40];

	notice_body_words(&n, 0, out);
	assert_string_equal(out, want);
}

static void
a_list_says_it_in_words(void **state)
{
	struct mailbox_notice sealed = { .state = MAILBOX_HERE,
		.from = "anna@a.test",
		.issuer = "CN=Alder CA",
		.marks = { .ehlo = { "no.test" } } };

	(void)state;
	assert_words(notice_vouched_words, sealed, "CN=Alder CA");
	assert_words(notice_vouched_words, by_smtp(),
	    "by SMTP from mx.a.test, vouched by CN=Alder CA");
	assert_words(notice_vouched_words, without_certificate(),
	    "unaccountable (no-certificate), by SMTP from mx.a.test");
	assert_words(notice_from_words, sealed, "anna@a.test");
	assert_words(notice_from_words, by_smtp(), "anna@a.test");
	assert_words(notice_from_words, through_a_list(), "anna@a.test via lists.test");
	assert_words(notice_from_words, bounce(), "mailer-daemon@mx.a.test");
	assert_body(sealed, "here");
	assert_body(by_smtp(), "here, by SMTP");
	assert_body(without_certificate(), "here, unaccountable");
}

static void
json_has_what_was_found_out(void **state)
{
	static const char *const members[] = { "\"road\":\"smtp\"", "\"host\":\"mx.a.test\"",
		"\"fingerprint\":\"feed0000", "\"spf\":\"pass\"", "\"dkim_domain\":\"a.test\"",
		"\"dmarc\":\"pass\"", "\"author\":\"anna@a.test\"", "\"via\":false",
		"\"unaccountable\":null", "\"digest\":null" };
	struct mailbox_notice n = by_smtp();
	struct json *o = json_new();
	struct buf b = BUF_INIT;

	(void)state;
	notice_put(o, &n, NULL);
	json_write(o, &b);
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (memmem(b.data, b.len, members[i], strlen(members[i])) == NULL)
			fail_msg("no %s in %.*s", members[i], (int)b.len, b.data);
	buf_reset(&b);
	json_free(&o);
	n.road = MAILBOX_SEALED;
	o = json_new();
	notice_put(o, &n, NULL);
	json_write(o, &b);
	assert_non_null(memmem(b.data, b.len, "\"smtp\":null", 11));
	json_free(&o);
	buf_clear(&b);
}

/* -- the letter ---------------------------------------------------------------------------- */

/* As a file shows it. */
static const char *
shown(struct mailbox_notice n)
{
	static char text[4000];
	const struct render_sender sender = { .number = n.number,
		.command = "mc",
		.from = n.from,
		.vouched_by = n.issuer,
		.octets = n.size,
		.received = "today",
		.marks = &n.marks };
	struct mime_letter l;
	struct out o;
	struct err e;
	ssize_t got;
	int fd;

	assert_true(scratch_open(&fd, &e) && scratch_add(fd, span_str(LETTER), &e));
	assert_true(mime_read(&l, fd, &e));
	close(fd);
	assert_true(scratch_open(&fd, &e));
	out_init(&o, fd);
	render_letter(&o, &sender, &l);
	got = pread(fd, text, sizeof text - 1, 0);
	assert_true(got > 0);
	text[got] = '\0';
	close(fd);
	mime_clear(&l);
	return text;
}

static void
has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void
a_letter_says_who_gave_it(void **state)
{
	const char *text = shown(by_smtp());

	(void)state;
	has_line(text, "By SMTP  from mx.a.test, for a.test, no seal");
	has_line(text, "Checked  SPF pass, DKIM pass (a.test), DMARC pass");
	has_line(text, "Vouched  CN=Alder CA");
	has_line(text, "Letter   7, 1000, received today");
	has_line(text, "From     Anna <anna@a.test>");
	assert_null(strstr(text, "NOTE"));
	assert_null(strstr(text, "Sealed"));
}

static void
another_domain_is_via(void **state)
{
	const char *text = shown(through_a_list());

	(void)state;
	has_line(text, "From     Anna <anna@a.test> via lists.test");
	assert_null(strstr(text, "NOTE"));
	text = shown(bounce());
	has_line(text, "By SMTP  from mx.a.test, no seal");
	has_line(text, "From     Anna <anna@a.test>"); /* <> is never via */
}

static void
nobody_answers_for_what_is_unaccountable(void **state)
{
	const char *text = shown(without_certificate());

	(void)state;
	has_line(text, "Checked  SPF fail, DKIM none, DMARC quarantine");
	has_line(text, "Vouched  by nobody: its host showed no certificate");
	has_line(text,
	    "NOTE     Nobody answers for the sender: your server only reports no-certificate");
	has_line(text, "NOTE     Neither SPF nor DKIM shows that it is from the domain in From");
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
		cmocka_unit_test(a_list_says_it_in_words),
		cmocka_unit_test(json_has_what_was_found_out),
		cmocka_unit_test(a_letter_says_who_gave_it),
		cmocka_unit_test(another_domain_is_via),
		cmocka_unit_test(nobody_answers_for_what_is_unaccountable),
	};

	return cmocka_run_group_tests_name("mc_by_smtp", tests, setup, NULL);
}
