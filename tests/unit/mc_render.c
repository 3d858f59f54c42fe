/* What is read out of letters: text, parts, header; and letters made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mc/html.h"
#include "mc/mime.h"
#include "mc/scratch.h"

static void
read_letter(struct mime_letter *l, struct span in)
{
	struct err e;
	int fd;

	assert_true(scratch_open(&fd, &e) && scratch_add(fd, in, &e));
	assert_true(mime_read(l, fd, &e));
	close(fd);
}

static void
says(const struct buf *b, const char *want)
{
	if (!span_eq(buf_span(b), span_str(want)))
		fail_msg("got \"%.*s\", not \"%s\"", (int)b->len, b->data == NULL ? "" : b->data,
		    want);
}

static void
plain(void **state)
{
	struct mime_letter l;

	(void)state;
	read_letter(&l,
	    span_str(
		"From: =?utf-8?q?Anna_B=C3=A4rg?= <anna@a.test>\r\n"
		"To: bob@b.test, Carl <c@c.test>\r\nCc: d@d.test\r\n"
		"Date: Mon, 23 Nov 2026 14:30:00 +0100\r\nSubject: Plans\r\n =?iso-8859-1?q?_f=FCr?= it\r\n"
		"Message-ID: <1@a.test>\r\n\r\nHello\r\n.\r\n"));
	says(&l.from, "Anna B\303\244rg <anna@a.test>");
	says(&l.from_address, "anna@a.test");
	assert_int_equal(l.n_from, 1);
	says(&l.to, "bob@b.test, Carl <c@c.test>");
	says(&l.cc, "d@d.test");
	says(&l.subject, "Plans  f\303\274r it");
	assert_true(l.has_date);
	assert_int_equal(l.date_s, 1795440600);
	says(&l.text, "Hello\r\n.\r\n");
	assert_int_equal(l.n_parts, 0);
	assert_int_equal(l.hit, BOUNDS_NONE);
	mime_clear(&l);
}

static void
attachments(void **state)
{
	struct mime_letter l;

	(void)state;
	read_letter(&l,
	    span_str(
		"From: a@a.test\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=\"m\"\r\n\r\npreamble\r\n--m\r\n"
		"Content-Type: multipart/alternative; boundary=alt\r\n\r\n"
		"--alt\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n"
		"--alt\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\nf=FCr=20dich\r\n--alt--\r\n"
		"--m\r\nContent-Type: application/pdf; name=\"barn.pdf\"\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
		"--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment;\r\n"
		" filename*=utf-8''%C3%A4.txt\r\n\r\nhidden\r\n"
		"--m\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--m--\r\n"));
	says(&l.text, "f\303\274r dich\nfooter");
	assert_false(l.from_html);
	assert_int_equal(l.n_parts, 2);
	says(&l.parts[0].name, "barn.pdf");
	says(&l.parts[0].type, "application/pdf");
	assert_int_equal(l.parts[0].octets, 5);
	says(&l.parts[1].name, "\303\244.txt");
	mime_clear(&l);
}

static void
within(void **state)
{
	struct mime_letter l;

	(void)state;
	read_letter(&l,
	    span_str("From: a@a.test\r\nContent-Type: message/rfc822\r\n\r\n"
		     "From: x@x.test\r\nSubject: inner\r\n\r\nbody\r\n"));
	assert_non_null(memmem(l.text.data, l.text.len, "Subject: inner\n\nbody", 20));
	mime_clear(&l);
}

static void
html_becomes(const char *in, const char *want)
{
	struct buf b = BUF_INIT;

	html_text(span_str(in), &b);
	says(&b, want);
	buf_clear(&b);
}

static void
html(void **state)
{
	struct mime_letter l;

	(void)state;
	html_becomes("<html><head><title>t</title></head><body><p>One  two</p><p>three<br>four</p>",
	    "One two\n\nthree\nfour\n");
	html_becomes("<style>p{}</style>a<script>if (a<b) alert(1)</script>b", "ab\n");
	html_becomes("a &lt;b&gt; &amp;amp; &#65;&#x42; &nosuch; & &copy;",
	    "a <b> &amp; AB &nosuch; & \302\251\n");
	html_becomes("<a href=\"http://x.test/?a=1\">here</a>.", "here <http://x.test/?a=1>.\n");
	html_becomes("<a href='http://x.test/'>http://x.test/</a>", "http://x.test/\n");
	html_becomes("<ul><li>a<li>b</ul>", "* a\n* b\n");
	html_becomes("a<!-- <p>no</p> -->b", "ab\n");
	html_becomes("1 < 2 <3", "1 < 2 <3\n");
	html_becomes("<pre>a\n  b</pre>", "a\n  b\n");
	html_becomes("&#0;&#xd800;&#x110000;", "\357\277\275\357\277\275\357\277\275\n");
	html_becomes("<img src=\"a>b\">x", "x\n");
	html_becomes("<", "<\n");
	html_becomes("</", "</\n");
	html_becomes("<a href=", "");
	html_becomes("<script", "");
	html_becomes("<a href = http://x.test/>here</a>", "here <http://x.test/>\n");
	html_becomes("<a title='href=\"http://bank.test/\"' href='http://x.test/'>here</a>",
	    "here <http://x.test/>\n");
	html_becomes("<a title=\"x' href='http://bank.test/'\">here</a>", "here\n");
	html_becomes("<a href='http://x.test/' href='http://bank.test/'>here</a>",
	    "here <http://x.test/>\n");
	html_becomes("<base href='http://x.test/'><a href='bank.test/'>bank.test/</a>",
	    "bank.test/\n");
	html_becomes("<a href='//x.test/'>here</a> <a href='#top'>up</a>", "here up\n");
	html_becomes("<a href=' ht\ntp://x.test/&amp;a '>here</a>", "here <http://x.test/&a>\n");
	html_becomes("<a href='mailto:a@x.test'>a@x.test</a>", "a@x.test\n");
	html_becomes("<a href='http://x.test/'>http://bank.test/</a>",
	    "http://bank.test/ <http://x.test/>\n");
	html_becomes("<head/><title>t</title><body>b", "b\n");
	html_becomes("<head><title/><script src='x'/></head><body>b<style/>c", "bc\n");
	html_becomes("<button>a</button><textarea>b</textarea>", "a b\n");
	html_becomes("&copy 2026 &notit; &#128; &#x92;",
	    "\302\251 2026 \302\254it; \342\202\254 \342\200\231\n");
	html_becomes("<p>a<p>b<div>c</div>d<table><tr><td>e<td>f</table>",
	    "a\n\nb\n\nc\nd\n\ne f\n");
	html_becomes("<input type=hidden value=no><input type=submit value='Confirm order'>x",
	    "Confirm order x\n");
	html_becomes("a<input type=BUTTON value=b>c<input type=image alt=d>", "a b c d\n");
	html_becomes("<map><area href='http://x.test/' alt='Map link'></map>y",
	    "Map link <http://x.test/> y\n");
	html_becomes("<nav>a</nav>b<main>c</main><aside>d</aside><figcaption>e</figcaption>f",
	    "a\nb\nc\nd\ne\nf\n");
	html_becomes("a<figure>b</figure>c<dl><dt>d<dd>e</dl>f", "a\n\nb\n\nc\n\nd\ne\n\nf\n");
	html_becomes(
	    "a<details><summary>b</summary>c</details>d<hgroup>e</hgroup><legend>f</legend>g",
	    "a\nb\nc\nd\ne\nf\ng\n");
	html_becomes("a<audio>b</audio>c<canvas>d</canvas>e<noscript>f</noscript>g",
	    "a b c d e f g\n");
	html_becomes(
	    "2<sup>10</sup> 10<sup>-3</sup> x<sup>n</sup> 1<sup>st</sup> a<sup>*</sup> <sup>2</sup>",
	    "2^10 10^-3 x^n 1st a* 2\n");
	html_becomes("<ol><li>a<li>b<ol><li>c</ol><li value=7>d<ul><li>e</ul><li>f</ol>",
	    "1. a\n2. b\n\n1. c\n\n7. d\n\n* e\n\n8. f\n");
	html_becomes("<ol start=3><li>a<li>b</ol><ol reversed><li>c</ol><li>d",
	    "3. a\n4. b\n\n* c\n\n* d\n");
	html_becomes("<!--", "");
	html_becomes("&#", "&#\n");
	read_letter(&l, span_str("Content-Type: text/html; charset=utf-8\r\n\r\n<b>bold</b> move"));
	says(&l.text, "bold move\n");
	assert_true(l.from_html);
	mime_clear(&l);
}

static void
long_links(void **state)
{
	struct buf b = BUF_INIT, html = BUF_INIT;

	(void)state;
	buf_addf(&html, "<a href='http://x.test/");
	for (int i = 0; i < 1000; i++)
		buf_add(&html, "y", 1);
	buf_addf(&html, "'>a</a>");
	assert_true(html_text(buf_span(&html), &b));
	assert_int_equal(b.len, 2 + 1 + HTML_LINK_BYTES + 3 + 1 + 1);
	assert_memory_equal(b.data, "a <http://x.test/yyy", 20);
	buf_reset(&b);
	/* Where the host is too far to the right nothing is shown as if it were the target. */
	buf_reset(&html);
	buf_addf(&html, "<a href='http://bank.test");
	for (int i = 0; i < 1000; i++)
		buf_add(&html, "y", 1);
	buf_addf(&html, "@x.test/'>a</a>");
	assert_true(html_text(buf_span(&html), &b));
	says(&b, "a <a link that is too long to be shown>\n");
	buf_clear(&b);
	buf_clear(&html);
}

/* Short texts of which the rules of HTML make huge trees, or long walks. */
static void
html_bombs(void **state)
{
	static const char *const units[][2] = {
		{ "<b>", "<p>" },
		{ "<div>", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		struct buf html = BUF_INIT, b = BUF_INIT;

		for (unsigned k = 0; html.len < MIME_HTML_BYTES / 2; k++)
			if (i == 0)
				buf_addf(&html, "<b class=%u>", k);
			else
				buf_add(&html, units[i][0], strlen(units[i][0]));
		while (html.len < MIME_HTML_BYTES && units[i][1][0] != '\0')
			buf_add(&html, units[i][1], strlen(units[i][1]));
		(void)html_text(buf_span(&html), &b);
		buf_clear(&html);
		buf_clear(&b);
	}
}

static void
strange(void **state)
{
	static const char *const letters[] = {
		"",
		"\r\n",
		"x",
		":",
		"From",
		"From:",
		"From:\r\n\r\n",
		"Subject: =?utf-8?b?////?=\r\n\r\n",
		"Content-Type: multipart/mixed\r\n\r\n--\r\n\r\n--\r\n",
		"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\nx\r\n--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\nnever\r\n",
		"Content-Type: text/plain; charset=no-such-set\r\n\r\n\377\376\r\n",
		"Content-Type: text/plain; charset=utf-7\r\n\r\n+ABs-\r\n",
		"Content-Transfer-Encoding: base64\r\n\r\n!!!!====\r\n",
		"Content-Type: message/external-body; access-type=local-file; name=/etc/passwd\r\n\r\n\r\n",
		"Content-Type: message/partial; id=1; number=1; total=2\r\n\r\nx\r\n",
		"Date: never\r\nFrom: \033[2J <a@\033.test>\r\nTo: a:b:c:;;;\r\n\r\n",
	};
	struct mime_letter l;

	(void)state;
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
		read_letter(&l, span_str(letters[i]));
		mime_clear(&l);
		mime_read_header(&l, span_str(letters[i]));
		mime_clear(&l);
	}
	read_letter(&l, span_of("Subject: a\0b\r\n\r\nc\0d", 20));
	mime_clear(&l);
}

static long
memory_kib(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

static void
bomb(const char *head, const char *unit, size_t times, enum bounds_hit hit, bool too_deep)
{
	struct buf b = BUF_INIT;
	struct mime_letter l;

	buf_add(&b, head, strlen(head));
	for (size_t i = 0; i < times; i++)
		buf_add(&b, unit, strlen(unit));
	read_letter(&l, buf_span(&b));
	assert_int_equal(l.hit, hit);
	assert_int_equal(l.too_deep, too_deep);
	assert_true(l.n_parts <= MIME_PARTS_MAX);
	mime_clear(&l);
	buf_clear(&b);
}

static void
bombs(void **state)
{
	struct buf b = BUF_INIT;
	struct mime_letter l;
	long before = memory_kib();

	(void)state;
	bomb("", "a:b\r\n", 1000000, BOUNDS_HEADER, false);
	bomb("Subject: ", "xxxxxxxxxxxxxxxx", 500000, BOUNDS_HEADER, false);
	bomb("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "a:b\r\n", 1000000,
	    BOUNDS_HEADER, false);
	bomb("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\n", 300000,
	    BOUNDS_PARTS, false);
	bomb("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n",
	    MIME_PARTS_MAX + 5, BOUNDS_PARTS, false);
	bomb("", "Content-Type: message/rfc822\r\n\r\n", MIME_DEPTH_MAX + 10, BOUNDS_NONE, true);
	bomb("", "Content-Type: message/rfc822\r\n\r\n", 100000, BOUNDS_NONE, true);
	for (int i = 0; i < 5000; i++)
		buf_addf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	read_letter(&l, buf_span(&b));
	assert_true(l.too_deep);
	mime_clear(&l);
	buf_clear(&b);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(memory_kib() - before < 256 * 1024);
#else
	(void)before;
#endif
}

/* A plain letter of 20 MiB is shown as far as text is shown, and counted as whole. */
static void
large(void **state)
{
	struct buf b = BUF_INIT;
	struct mime_letter l;

	(void)state;
	buf_addf(&b, "Subject: large\r\n\r\n");
	while (b.len < 20 * 1024 * 1024)
		buf_add(&b, "0123456789abcdef\r\n", 18);
	read_letter(&l, buf_span(&b));
	assert_int_equal(l.text.len, MIME_TEXT_BYTES);
	assert_true(l.text_cut);
	assert_int_equal(l.hit, BOUNDS_NONE);
	mime_clear(&l);
	buf_clear(&b);
}

static void
header_limit(void **state)
{
	(void)state;
	for (int over = -1; over <= 1; over++) {
		struct bounds b;
		struct buf h = BUF_INIT;

		buf_addf(&h, "X: ");
		while (h.len < (size_t)(BOUNDS_HEADER_BYTES - 4 + over))
			buf_add(&h, "x", 1);
		buf_addf(&h, "\r\n\r\nbody");
		bounds_init(&b);
		bounds_feed(&b, buf_span(&h));
		assert_int_equal(b.hit, over <= 0 ? BOUNDS_NONE : BOUNDS_HEADER);
		buf_clear(&h);
	}
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
		cmocka_unit_test(plain),
		cmocka_unit_test(attachments),
		cmocka_unit_test(within),
		cmocka_unit_test(html),
		cmocka_unit_test(long_links),
		cmocka_unit_test(html_bombs),
		cmocka_unit_test(strange),
		cmocka_unit_test(bombs),
		cmocka_unit_test(large),
		cmocka_unit_test(header_limit),
	};

	return cmocka_run_group_tests_name("mc_render", tests, setup, NULL);
}
