/* Letters as senders' programs make them, each with what a reader must see (tests/letters/found). */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mc/mime.h"
#include "mc/scratch.h"

/* clang-format off */
static const struct row {
	const char *file;
	char of;          /* which of its texts: b body, f From, t To, s Subject, n name of the first part */
	bool whole;       /* it is exactly that; otherwise it is somewhere in there */
	const char *says;
	bool complete;    /* text_complete */
} rows[] = {
	{ "subject-b64-padded", 's', true, "Grüße aus München", true },
	{ "from-b64-padded", 'f', true, "Zoë Müller <alice@a.test>", true },
	{ "name-ew-two-padded", 'n', true, "Übersicht über die Lage.pdf", true },
	{ "ew-raw-octet-name", 't', true, "Jürgen <bob@b.test>", true },
	{ "subj-two", 's', true, "first", true },
	{ "alt-empty-plain", 'b', true, "Your code is 471\n", true },
	{ "alt-unclosed", 'b', false, "The text.", true },
	{ "part-no-blank-line", 'b', false, "The text, no empty line before it.", false },
	{ "mp-no-boundary-param", 'b', false, "Hello, this text counts.", false },
	{ "mp-boundary-absent", 'b', false, "Hello, this text counts.", false },
	{ "html-head-selfclosed", 'b', true, "Body text here\n", true },
	{ "body-utf8-mislabelled-jp", 'b', false, "前 會議 後", false },
	{ "ct-no-subtype", 'b', true, "Hello from cron\r\n", true },
	{ "ct-empty", 'b', true, "Hello empty\r\n", true },
	{ "textplain-inline-named", 'b', true, "The whole letter is here.\r\n", true },
	{ "enriched-only", 'b', false, "is the time", true },
	{ "body-1252-as-8859", 'b', true, "It’s € 5 – fine\r\n", true },
	{ "subj-raw-1252", 's', true, "Grüße – Info", true },
	{ "html-num-1252", 'b', true, "It’s – ’ €5\n", true },
	{ "body-none-latin1", 'b', true, "Grüße aus München\r\n", true },
	{ "body-ascii-latin1", 'b', true, "Grüße\r\n", true },
	{ "html-meta-charset", 'b', true, "Příliš\n", true },
	{ "body-2022jp-nec", 'b', true, "①日本\r\n", true },
	{ "body-sjis-nec", 'b', true, "①～㈱－\r\n", true },
	{ "body-ks-uhc", 'b', true, "똠방각하\r\n", true },
	{ "body-utf8-trunc", 'b', false, "ok ", false },
	{ "html-entities", 'b', true, "Información: mañana, blåbær, „Zitat“, 5 £, §3, ½, →, ™, ção\n", true },
	{ "html-preheader", 'b', true, "Sale today\n\nBody\n", true },
	{ "zwnj-zwj", 's', true, "می‌خواهم 👨‍👩‍👧", true },
	{ "flowed-delsp", 'b', true, "漢字漢字漢字\nhttps://x.example.org/long-path\n", true },
	{ "html-quote-attr", 'b', true, "Text one\n\nhere <https://x.example.org/y>\n", true },
	{ "html-img-alt", 'b', true, "Confirm your address <https://x.example.org/>\n", true },
	{ "name-backslash", 'n', true, "C:\\Users\\b\\a.pdf", true },
};
/* clang-format on */

static struct span
said(const struct mime_letter *l, char of)
{
	static const struct buf none = BUF_INIT;

	return buf_span(of == 'b' ? &l->text
		: of == 'f'       ? &l->from
		: of == 't'       ? &l->to
		: of == 's'       ? &l->subject
		: l->n_parts > 0  ? &l->parts[0].name
				  : &none);
}

/* All faults are told, not only the first. */
static unsigned
faults_in(const struct row *r, int fd)
{
	struct mime_letter l;
	struct span is;
	struct err e;
	unsigned faults = 0;

	if (fd < 0 || !mime_read(&l, fd, &e))
		fail_msg("%s cannot be read", r->file);
	close(fd);
	is = said(&l, r->of);
	if (r->whole ? !span_eq(is, span_str(r->says))
		     : is.n == 0 || memmem(is.p, is.n, r->says, strlen(r->says)) == NULL) {
		print_error("%s: \"%.*s\", not \"%s\"\n", r->file, (int)is.n, is.n == 0 ? "" : is.p,
		    r->says);
		faults++;
	}
	if (mime_is_complete(&l) != r->complete) {
		print_error("%s: complete is not %d\n", r->file, r->complete);
		faults++;
	}
	mime_clear(&l);
	return faults;
}

static void
found(void **state)
{
	unsigned faults = 0;
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(path, sizeof path, "tests/letters/found/%s.eml", rows[i].file);
		faults += faults_in(&rows[i], open(path, O_RDONLY | O_CLOEXEC));
	}
	assert_int_equal(faults, 0);
}

/* Others of the same kinds: the letter's own text is in `file`, without From. */
#define HTML  "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=q\r\n\r\n"
#define B64   "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"

/* clang-format off */
static const struct row kinds[] = {
	{ B64 "R3LDvMOfZQo=\r\n-- \r\nlist footer\r\n", 'b', true, "Grüße\n-- \r\nlist footer\r\n", true },
	{ B64 "SGVsbG8=\r\nIHdvcmxk\r\n", 'b', true, "Hello world", true },
	{ B64 "SGVsbG8\r\n", 'b', true, "Hello", true },
	{ B64 "SGVsbG8gd\r\n", 'b', true, "Hello ", false },
	{ "Content-Transfer-Encoding: \"quoted-printable\"\r\n\r\n=C3=BC", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset=\"'iso-8859-1'\"\r\n\r\n\226", 'b', true, "–", true },
	{ "Content-Type: text/html\r\n\r\n<?xml version='1.0' encoding='iso-8859-2'?><p>\371", 'b', true, "ů\n", true },
	{ "Content-Type: text/html\r\n\r\n<meta charset=utf-16><p>\303\274", 'b', true, "ü\n", true },
	{ "Content-Type: text; charset=iso-8859-1\r\n\r\n\226", 'b', true, "–", true },
	{ "Content-Type: \"text/plain\"; charset=iso-8859-1\r\n\r\n\226", 'b', true, "–", true },
	{ "Content-Type: \"text/plain; charset=iso-8859-1\"\r\n\r\n\226", 'b', true, "–", true },
	{ "Content-Type: \"text/html\r\n\r\n<p>Hello", 'b', true, "Hello\n", true },
	{ "Content-Type: */*; charset=iso-8859-1\r\n\r\n\226", 'b', true, "–", true },
	{ "Content-Type: text/*\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: tex<t/plain\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: te(x)t/[plain]\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: (first) text/html (second); charset=utf-8\r\n\r\n<p>Hello", 'b', true, "Hello\n", true },
	{ "Content-Type: text/html charset=utf-8\r\n\r\n<p>Hello", 'b', true, "Hello\n", true },
	{ "Content-Type: \"application/pdf\"; name=\"a.pdf\"\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: text/html\r\n\r\n<title>Hello", 'b', true, "", false },
	{ "Content-Type: text/html\r\n\r\n<style>Hello", 'b', true, "", false },
	{ "Content-Type: text/html\r\n\r\n<p class='Hello", 'b', true, "", false },
	{ "Content-Type: text/html\r\n\r\n<img src=x>", 'b', true, "", false },
	{ "Content-Type: text/html\r\n\r\n \r\n", 'b', true, "", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\n \r\n--q\r\nContent-Type: text/html\r\n\r\n<img src=x>\r\n--q\r\nContent-Type: text/calendar\r\n\r\nSUMMARY:Party\r\n--q--\r\n", 'b', true, "SUMMARY:Party", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\n \r\n--q\r\nContent-Type: text/html\r\n\r\n<img src=x>\r\n--q--\r\n", 'b', true, "", false },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\n \r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q\r\nContent-Type: text/calendar\r\n\r\nSUMMARY:Party\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Disposition:\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Disposition: form-data; name=x\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: text/html; name=a.html\r\n\r\n<p>Hello", 'b', true, "Hello\n", true },
	{ "Content-Disposition: attachment; filename=a.txt\r\n\r\nHello", 'b', true, "", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=iso-8859-1''It%92s.pdf\r\n\r\nx", 'n', true, "It’s.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"f_.pdf\"; filename*=utf-8''f%C3%BC.pdf\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''f%C3%BC.pdf; filename=\"f_.pdf\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*1*=%C3%BC.pdf; filename*0*=utf-8''a\r\n\r\nx", 'n', true, "aü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*1=\"b.pdf\"; filename*0=a\r\n\r\nx", 'n', true, "ab.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=x_.pdf; FILENAME*2=\".pdf\"; filename*1*=%BC; filename*0*=utf-8''f%C3\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a;filename*=utf-8''b.pdf\"\r\n\r\nx", 'n', true, "a;filename*=utf-8''b.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf; filename*1=b\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*10=k; filename*9=j; filename*8=i; filename*7=h; filename*6=g; filename*5=f; filename*4=e; filename*3=d; filename*2=c; filename*1=b; filename*0=a\r\n\r\nx", 'n', true, "abcdefghijk", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*1=b.pdf; size=3; filename*0=a\r\n\r\nx", 'n', true, "ab.pdf", true },
	{ "Content-Type: application/pdf; name=f_.pdf; name*=utf-8''f%C3%BC.pdf\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf; name=\"=?iso-8859-1?Q?=96.pdf?=\"\r\n\r\nx", 'n', true, "–.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a\\\"b.pdf\"\r\n\r\nx", 'n', true, "a\"b.pdf", true },
	{ "From: \"CORP\\alice\" <alice@a.test>\r\n\r\nx", 'f', true, "CORP\\alice <alice@a.test>", true },
	{ "From: =?utf-8?Q?=3Cceo=40bank=2Eexample=3E?= <alice@a.test>\r\n\r\nx", 'f', true, "\"<ceo@bank.example>\" <alice@a.test>", true },
	{ "To: bob@b.test; carol@b.test\r\n\r\nx", 't', true, "bob@b.test; carol@b.test", true },
	{ "To: bob@b.test\r\nTo: carol@b.test\r\n\r\nx", 't', true, "bob@b.test, carol@b.test", true },
	{ "Subject: =?ks_c_5601-1987?B?jGM=?= =?gb2312?B?6UY=?=\r\n\r\nx", 's', true, "똠镕", true },
	{ "Subject: P\370\355li\271\r\nContent-Type: text/plain; charset=iso-8859-2\r\n\r\nx", 's', true, "Příliš", true },
	{ "Subject: \317\360\350\342\345\362\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx", 's', true, "Привет", true },
	{ "Subject: P\305\231\303\255li\305\241\r\nContent-Type: text/plain; charset=iso-8859-2\r\n\r\nx", 's', true, "Příliš", true },
	{ "Subject: \317\360\350 =?utf-8?Q?=C3=BC?= \342\345\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx", 's', true, "При ü ве", true },
	{ "Subject: \033$BF|K\\\033(B\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\nx", 's', true, "日本", true },
	{ "Subject: plain\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nx", 's', true, "plain", false },
	{ "From: \317\360\350\342\345\362 <a@a.test>\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx", 'f', true, "Привет <a@a.test>", true },
	{ "From: \"\225\\\216\246\" <a@a.test>\r\nContent-Type: text/plain; charset=shift_jis\r\n\r\nx", 'f', true, "表示 <a@a.test>", true },
	{ "To: \"\033$B%\"\033(B\" <bob@b.test>\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\nx", 't', true, "ア <bob@b.test>", true },
	{ "Subject: \317\360\350\r\n" MIXED "--q\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nx\r\n--q--\r\n", 's', true, "оПХ", true },
	{ MIXED "--q\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\nx\r\n--q\r\nContent-Type: application/pdf; name=\"\317\360\350.pdf\"\r\n\r\nx\r\n--q--\r\n", 'n', true, "При.pdf", true },
	{ "Content-Type: text/csv; charset=iso-8859-2; name=\"P\370\355.csv\"\r\nContent-Disposition: attachment; filename=\"P\370\355.csv\"\r\n\r\nx", 'n', true, "Pří.csv", true },
	{ "Subject: a\302\255\342\200\213b\r\n\r\nx", 's', true, "ab", true },
	{ MIXED "--q\r\nNo field at all\r\nsecond\r\n--q--\r\n", 'b', false, "No field at all\r\nsecond", false },
	{ MIXED "--q\r\nContent-Type: text/plain\r\nNote: looks like a field\r\n--q--\r\n", 'b', true, "", false },
	{ "Content-Type: \"multipart/mixed\"; boundary=q\r\n\r\n--q\r\n\r\nHello\r\n--q--\r\n", 'b', false, "Hello", false },
	{ MIXED "--q--\r\nAfter all\r\n", 'b', false, "After all", false },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\n\302\240\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n\r\n--q\r\nContent-Type: text/markdown\r\n\r\nM\r\n--q--\r\n", 'b', true, "M", true },
	{ "Subject: =?utf-8?Q?a=ZZb?=\r\n\r\nx", 's', true, "a=ZZb", true },
	{ "Subject: =?utf-8?B?R3L*DvMOfZQ=?=\r\n\r\nx", 's', true, "Grüße", true },
	{ "Subject: =?utf-8?Q?Hello World?= =?utf-8?Q?\?= =?utf-8?Q?!?=\r\n\r\nx", 's', true, "Hello World!", true },
	{ "Subject: =?utf8?Q?=C3?=\r\n\t=?utf-8?Q?=BC?=\r\n\r\nx", 's', true, "ü", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0=\"=?utf-8?B?Zs\"; filename*1=\"O8?=.pdf\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0*=\"utf-8''f%C3\"; filename*1*=\"%BC.pdf\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ HTML "<a href='http://x.test/\302\240\343\200\200a'>t</a>", 'b', true, "t <http://x.test/%C2%A0%E3%80%80a>\n", true },
	{ "Subject: =?gb2312?B?1g==?= =?gbk?B?0A==?=\r\n\r\nx", 's', true, "中", true },
	{ "Subject: =?iso-2022-jp?B?GyRCRnw=?= =?iso-2022-jp?B?GyRCS1w=?=\r\n\r\nx", 's', true, "日本", true },
	{ "Subject: =?utf-8?Q?a?==?utf-8?Q?b?=c\r\n\r\nx", 's', true, "abc", true },
	{ "Subject: =?utf-8?Q?what?\?=\r\n\r\nx", 's', true, "what?", true },
	{ "Subject: =?us-ascii?Q?Gr=FC=DFe?=\r\n\r\nx", 's', true, "Grüße", true },
	{ "Subject: =?utf-8?B?w7w\r\n\r\nx", 's', true, "=?utf-8?B?w7w", true },
	{ "From: \"=?utf-8?Q?J=C3=BCrgen?=\" <a@a.test>\r\n\r\nx", 'f', true, "Jürgen <a@a.test>", true },
	{ "From: a@a.test (=?utf-8?Q?J=C3=BCrgen?=)\r\n\r\nx", 'f', true, "Jürgen <a@a.test>", true },
	{ "To: =?utf-8?Q?Doe,_J=C3=BCrgen?= <bob@b.test>\r\n\r\nx", 't', true, "\"Doe, Jürgen\" <bob@b.test>", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0=\"=?utf-8?Q?f=C3=BC?=\"; filename*1=\".pdf\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=''f%C3%BC.pdf\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8'de'f%C3%BC.pdf\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=\"utf-8''f%C3%BC.pdf\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=gb2312''%E9F.txt\r\n\r\nx", 'n', true, "镕.txt", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=f%C3%BC.pdf\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a b.pdf\r\n\r\nx", 'n', true, "a b.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename= =?utf-8?B?ZsO8LnBkZg==?=\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*1=b.pdf\r\n\r\nx", 'n', true, "b.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''f%ZZ.pdf\r\n\r\nx", 'n', true, "f%ZZ.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''f%FC.pdf\r\n\r\nx", 'n', true, "f\374.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename=\"f\303\274.pdf\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Disposition: attachment\r\nContent-Type: application/pdf;\r\n\tname=a.pdf\r\n\r\nx", 'n', true, "a.pdf", true },
	{ MIXED "--q\r\n\r\nThe text.\r\n", 'b', true, "The text.\r\n", true },
	{ "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: multipart/alternative; boundary=q1\r\n\r\n--q1\r\n\r\nfirst\r\n--q1--\r\n--q\r\n\r\nsecond\r\n--q--\r\n", 'b', true, "first\nsecond", true },
	{ MIXED "--q\r\nContent-Type: multipart/mixed; boundary=r\r\n\r\n--r\r\n\r\nfirst\r\n--q\r\n\r\nsecond\r\n--q--\r\n", 'b', true, "first\nsecond", true },
	{ MIXED "--q\r\n\r\none\r\n--qq\r\ntwo\r\n--q--\r\n", 'b', true, "one\r\n--qq\r\ntwo", true },
	{ MIXED "--q  \r\n\r\none\r\n--q-- \r\n", 'b', true, "one", true },
	{ "Content-Type: multipart/mixed; boundary=\"q q\"\r\n\r\n--q q\r\n\r\none\r\n--q q--\r\n", 'b', true, "one", true },
	{ MIXED "preamble\r\n--q\r\n\r\none\r\n--q--\r\nepilogue\r\n", 'b', true, "one", true },
	{ "Content-Type: multipart/digest; boundary=q\r\n\r\n--q\r\n\r\nSubject: in\r\n\r\nHello\r\n--q--\r\n", 'b', false, "Subject: in\n\nHello", true },
	{ MIXED "--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nHello\r\n--q--\r\n", 'b', false, "Subject: in\n\nHello", true },
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/html\r\n\r\n<p>Hello", 'b', false, "Hello", true },
	{ "Content-Type: multipart/related; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H<img src=cid:1>\r\n--q\r\nContent-Type: image/png\r\nContent-ID: <1>\r\n\r\nx\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/signed; boundary=q\r\n\r\n--q\r\n\r\nH\r\n--q\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\nx\r\n--q--\r\n", 'b', true, "H", true },
	{ "Content-Type: multipart/x-unknown; boundary=q\r\n\r\n--q\r\n\r\none\r\n--q\r\n\r\ntwo\r\n--q--\r\n", 'b', true, "one\ntwo", true },
	{ "Content-Type: multipart/mixed; boundary=q\r\nContent-Transfer-Encoding: base64\r\n\r\nLS1xDQoNCkhlbGxvDQotLXEtLQ0K", 'b', true, "LS1xDQoNCkhlbGxvDQotLXEtLQ0K", false },
	{ "Content-Transfer-Encoding: x-unknown\r\n\r\nHello", 'b', true, "Hello", false },
	{ "Content-Transfer-Encoding: 7-bit\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Transfer-Encoding: 8bit;\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=c3=bc = =ZZ=\r\nx=", 'b', true, "ü = =ZZx", true },
	{ "Content-Transfer-Encoding: base64\r\n\r\nSGVs\r\nbG8g\r\n d29ybGQ", 'b', true, "Hello world", true },
	{ "Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n//5IAGkA\r\n", 'b', true, "Hi", true },
	{ "Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n/v8ASABp\r\n", 'b', true, "Hi", true },
	{ "Content-Type: text/plain\r\n\r\n\357\273\277Hi", 'b', true, "Hi", true },
	{ "Content-Type: text/plain; charset=utf-8\r\n\r\na\300\257\355\240\200\364\220\200\200b", 'b', true, "a\300\257\355\240\200\364\220\200\200b", false },
	{ "Content-Type: text/plain; charset=gb2312\r\n\r\n\351F\200", 'b', true, "镕€", true },
	{ "Content-Type: text/plain; charset=big5\r\n\r\n\244\244", 'b', true, "中", true },
	{ "Content-Type: text/plain; charset=iso-8859-9\r\n\r\n\200\360", 'b', true, "€ğ", true },
	{ "Content-Type: text/plain; charset=tis-620\r\n\r\n\241\205", 'b', true, "ก…", true },
	{ "Content-Type: text/plain; charset=unknown-8bit\r\n\r\nGr\374\337e", 'b', true, "Grüße", true },
	{ "Content-Type: text/plain; charset=x-no-such\r\n\r\nGr\374\337e", 'b', true, "Gr\374\337e", false },
	{ "Content-Type: text/plain; charset=iso-2022-kr\r\n\r\n\033$)C\016GQ1[\017", 'b', true, "한글", true },
	{ "Content-Type: text/plain; charset=euc-jp\r\n\r\n\255\241\216\261", 'b', true, "①ｱ", true },
	{ "Content-Type: text/plain; charset=shift_jis\r\n\r\n\207\212\261", 'b', true, "㈱ｱ", true },
	{ "Content-Type: text/plain; format=flowed\r\n\r\n  stuffed\r\n From here\r\n> quoted \r\n> on\r\nplain \r\n-- \r\nsig", 'b', true, " stuffed\nFrom here\n> quoted on\nplain \n-- \nsig\n", true },
	{ HTML "<a href=\"http://x.test/?a=1&amp;b=2&lt;\">t</a>", 'b', true, "t <http://x.test/?a=1&b=2%3C>\n", true },
	{ HTML "<a href=\"http://x.test/> Sealed bank.example <\">t</a>", 'b', true, "t <http://x.test/%3E%20Sealed%20bank.example%20%3C>\n", true },
	{ HTML "<a href=\"javascript:alert(1)\">t</a>", 'b', true, "t <javascript:alert(1)>\n", true },
	{ HTML "<a href=http://x.test/\">t</a>", 'b', true, "t <http://x.test/%22>\n", true },
	{ HTML "<base href=http://x.test/><a href=/p>t</a>", 'b', true, "t\n", true },
	{ HTML "<a href=http://x.test/1>one<a href=http://x.test/2>two</a>", 'b', true, "one <http://x.test/1>two <http://x.test/2>\n", true },
	{ HTML "<table><tr><td>a<table><tr><td>b</table><td>c</table>d", 'b', true, "a\n\nb\n\nc\n\nd\n", true },
	{ HTML "<ul><li>a<ul><li>b</ul></ul>c", 'b', true, "* a\n\n* b\n\nc\n", true },
	{ HTML "<pre>\na  b\n\tc</pre>d", 'b', true, "a  b\n\tc\n\nd\n", true },
	{ HTML "<!--[if mso]>no<![endif]-->a<![if !mso]>b<![endif]>", 'b', true, "ab\n", true },
	{ HTML "<p>un<b>clo<i>sed", 'b', true, "unclosed\n", true },
	{ HTML "<xmp><b>a</b></xmp>", 'b', true, "<b>a</b>\n", true },
	{ HTML "a&shy;b&zwnj;c&#8203;d&#x202e;e", 'b', true, "abcd\342\200\256e\n", true },
	{ HTML "<q>a</q> <del>b</del>", 'b', true, "\"a\" b\n", true },
	{ HTML "<svg><title>no</title><text>a</text></svg>b", 'b', false, "a", true },
	{ HTML "<p style=\"display:none\">hidden</p>shown", 'b', true, "shown\n", true },
	{ HTML "<input value=a><select><option>b<option>c</select>", 'b', true, "b c\n", true },
	{ HTML "<div>a</div><div>b</div><br><br>c", 'b', true, "a\nb\n\n\nc\n", true },
	{ HTML "<ol type=a><li>x<li>y</ol>", 'b', true, "1. x\n2. y\n", true },
	{ HTML "<font color=white>a</font>&nbsp;&nbsp;b&Tab;c", 'b', true, "a b c\n", true },
	{ HTML "<p>1</p>\n<p></p>\n<p>2</p>", 'b', true, "1\n\n2\n", true },
	{ HTML "<a href=\"http://x.test/\"><img src=i></a>", 'b', true, "<http://x.test/>\n", true },
	{ HTML "<a href=\"&#104;ttp&colon;//x.test\">t</a>", 'b', true, "t <http://x.test>\n", true },
	{ HTML "<body><script>a</script><style>b</style>c<script>d", 'b', true, "c\n", true },
	{ HTML "<textarea>\na\nb</textarea>", 'b', true, "a\nb\n", true },
	{ "Subject: =?utf-8?Q?Hello\r\n _W=C3=B6rld?=\r\n\r\nx", 's', true, "Hello  Wörld", true },
	{ "Subject: =?utf-8?B?R3LD\r\n vMOfZQ==?=\r\n\r\nx", 's', true, "Grüße", true },
	{ "Subject: =?utf-8?B?\?= a\r\n\r\nx", 's', false, "a", true },
	{ "Subject: a =?utf-8?Q?b?= c =?utf-8?Q?d?= \r\n e\r\n\r\nx", 's', true, "a b c d  e", true },
	{ "To: =?utf-8?Q?a?= <bob@b.test>,=?utf-8?Q?b?= <carol@b.test>\r\n\r\nx", 't', true, "a <bob@b.test>, b <carol@b.test>", true },
	{ "To: \"a\" \"b\" <bob@b.test>\r\n\r\nx", 't', true, "a b <bob@b.test>", true },
	{ "To: =?utf-8?Q?T=C3=AAam?=: bob@b.test, carol@b.test;\r\n\r\nx", 't', true, "Têam: bob@b.test, carol@b.test;", true },
	{ "To: undisclosed-recipients:;\r\n\r\nx", 't', true, "undisclosed-recipients: ;", true },
	{ "From: M\303\274ller, J <a@a.test>\r\n\r\nx", 'f', true, "\"Müller, J\" <a@a.test>", true },
	{ "From: \"M\303\274ller, J\" <a@a.test>\r\n\r\nx", 'f', true, "\"Müller, J\" <a@a.test>", true },
	{ "From: alice\r\n\r\nx", 'f', true, "alice", true },
	{ "From: =?utf-8?Q?J=C3=BCrgen?=<a@a.test>\r\n\r\nx", 'f', true, "Jürgen <a@a.test>", true },
	{ "From: J\\\"x <a@a.test>\r\n\r\nx", 'f', false, "a@a.test", true },
	{ "From: =?iso-8859-1?Q?Andr=E9?= Pirard <a@a.test>\r\n\r\nx", 'f', true, "André Pirard <a@a.test>", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0=\"a\"; filename*1*=%20b.pdf\r\n\r\nx", 'n', true, "a b.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf; filename=b.pdf\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=UTF-8''%e2%82%ac%20rates\r\n\r\nx", 'n', true, "€ rates", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=iso-8859-1'en'%A3%20rates\r\n\r\nx", 'n', true, "£ rates", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a\r\n b.pdf\"\r\n\r\nx", 'n', true, "a b.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=(the file) a.pdf\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; FILENAME = \"a.pdf\" ; size=3\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0*=utf-8''%E2%82; filename*1*=%AC; filename*2=\".pdf\"\r\n\r\nx", 'n', true, "€.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=koi8-r''%F0.pdf\r\n\r\nx", 'n', true, "П.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"=?utf-8?Q?a_b?= =?utf-8?Q?c.pdf?=\"\r\n\r\nx", 'n', true, "a bc.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"=?utf-8?B?ZsO8?=\r\n =?utf-8?B?LnBkZg==?=\"\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a=?utf-8?Q?=C3=BC?=.pdf\"\r\n\r\nx", 'n', true, "aü.pdf", true },
	{ "Content-Disposition: filename=a.pdf\r\nContent-Type: application/pdf\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Disposition: \"attachment\"; filename=a.txt\r\n\r\nHello", 'b', true, "", true },
	{ "Content-Disposition: ATTACHMENT; filename=a.txt\r\n\r\nHello", 'b', true, "", true },
	{ "Content-Type: application/octet-stream; name*0=a; name*1=b\r\n\r\nx", 'n', true, "ab", true },
	{ "Content-Type: application/pdf;name=\"a.pdf\";\r\n\r\nx", 'n', true, "a.pdf", true },
	{ "Content-Type: application/pdf; name==?utf-8?Q?f=C3=BC.pdf?=\r\n\r\nx", 'n', true, "fü.pdf", true },
	{ "Content-Type: TEXT/HTML; CHARSET=UTF-8\r\n\r\n<p>\303\274", 'b', true, "ü\n", true },
	{ "Content-Type: text/plain; charset=utf-8;\r\n\r\n\303\274", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset=iso-8859-2 (Latin 2)\r\n\r\n\271", 'b', true, "š", true },
	{ "Content-Type: text/plain; charset = \"iso-8859-2\" ; format=flowed\r\n\r\n\271", 'b', true, "š\n", true },
	{ "Content-Type: text/plain; format=\"Flowed\"; delsp=Yes\r\n\r\na \r\nb", 'b', true, "ab\n", true },
	{ "Content-Type: multipart/mixed;\r\n\tBoundary= q\r\n\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', true, "one", true },
	{ "Content-Type: multipart/mixed; boundary=q; charset=utf-8\r\n\r\n--q\r\nContent-Type: image/png\r\n\r\nx\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', true, "one", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\nplain\r\n--q\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--r--\r\n--q--\r\n", 'b', true, "plain", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--r--\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\n\r\n--q\r\nContent-Type: multipart/mixed; boundary=r\r\n\r\n--r\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--r\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--r\r\nContent-Type: text/html\r\n\r\n<p>I\r\n--r--\r\n--q--\r\n", 'b', true, "H\nI\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\n\r\n\r\n--q\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--r--\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q--\r\n", 'b', true, "H\n", true },
	{ MIXED "--q\r\n\r\n\r\n--q--\r\n", 'b', true, "", true },
	{ MIXED "--q\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', false, "one", false },
	{ MIXED "\r\n--q\r\n\r\none\r\n--q--\r\n--q\r\n\r\ntwo\r\n--q--\r\n", 'b', false, "one", true },
	{ MIXED "--q\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw7w\r\n--q\r\n\r\ntwo\r\n--q--\r\n", 'b', true, "ü\ntwo", true },
	{ MIXED "--q\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC=\r\n--q--\r\n", 'b', true, "ü", true },
	{ "Content-Transfer-Encoding: quoted-printable\r\n\r\nabc \t\r\ndef=20\r\ng=\r\nh", 'b', true, "abc\r\ndef \r\ngh", true },
	{ "Content-Transfer-Encoding: quoted-printable\r\n\r\na=  \r\nb", 'b', true, "ab", true },
	{ "Content-Transfer-Encoding: base64\r\n\r\n", 'b', true, "", true },
	{ "Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=SGVsbG8=", 'b', true, "HelloHello", true },
	{ "Content-Transfer-Encoding: BASE64 \r\n\r\nSGVsbG8=", 'b', true, "Hello", true },
	{ "Content-Transfer-Encoding: base64 (comment)\r\n\r\nSGVsbG8=", 'b', true, "Hello", true },
	{ "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a.txt\r\n%2&5L;&\\\r\n`\r\nend\r\n", 'b', true, "Hello", true },
	{ "Content-Type: text/html\r\n\r\n<meta http-equiv=content-type content='text/html; charset=koi8-r'>\360", 'b', true, "П\n", true },
	{ "Content-Type: text/html; charset=utf-8\r\n\r\n<meta charset=koi8-r>\303\274", 'b', true, "ü\n", true },
	{ "Content-Type: text/plain; charset=gb18030\r\n\r\n\2010\2010\250\274", 'b', true, "\302\200\341\270\277", true },
	{ "Content-Type: text/plain; charset=windows-1252\r\n\r\n\201a", 'b', true, "\302\201a", true },
	{ "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\033$B\177\033(Bok", 'b', false, "ok", false },
	{ "Content-Type: text/plain; charset=cp850\r\n\r\n\201", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset=utf-7\r\n\r\nGr+APw-n", 'b', true, "Grün", true },
	{ "Content-Type: text/plain; charset=hz-gb-2312\r\n\r\n~{VP~}", 'b', true, "中", true },
	{ HTML "<a href=\"http://x.test/\"> <b>http://bank.test</b></a>", 'b', true, "http://bank.test <http://x.test/>\n", true },
	{ HTML "<a href=HTTP://x.test>t</a> <a href=tel:+1>c</a> <a name=y>n</a>", 'b', true, "t <HTTP://x.test> c <tel:+1> n\n", true },
	{ HTML "<p hidden>no</p><p style=\"color:red; DISPLAY : None !important\">no<b>no</b></p>yes", 'b', true, "yes\n", true },
	{ HTML "<p style=\"display:none\">all</p>", 'b', true, "all\n", true },
	{ HTML "<p style=\"x-display:none;display:block\">yes</p>", 'b', true, "yes\n", true },
	{ HTML "<span style='display:none'>no<a href=http://x.test/>no</a></span>yes", 'b', true, "yes\n", true },
	{ HTML "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>", 'b', true, "漢(かん)\n", true },
	{ HTML "<datalist><option>no</datalist>a", 'b', true, "a\n", true },
	{ HTML "a<wbr>b <![CDATA[c]]>d", 'b', true, "ab d\n", true },
	{ HTML "<TABLE><TR><TH>a</TH><TD></TD><TD>b</TD></TR></TABLE>", 'b', true, "a b\n", true },
	{ HTML "<li>a<li>b", 'b', true, "* a\n* b\n", true },
	{ HTML "<ul><li><p>a</p><p>b</p></li><li>c</ul>", 'b', true, "* a\n\nb\n\n* c\n", true },
	{ HTML "<ul><li><pre>a\n b</pre></ul>", 'b', true, "* a\n b\n", true },
	{ HTML "<p>a<br></p><p>b</p>", 'b', true, "a\n\nb\n", true },
	{ HTML "<blockquote>a<blockquote>b</blockquote></blockquote>c", 'b', true, "a\n\nb\n\nc\n", true },
	{ HTML "&lt;b&gt; &amp;lt; &NotEqualTilde; &ngE; &#x1F600;&#1;", 'b', false, "<b> &lt; ≂̸ ≧̸ 😀", true },
	{ HTML "<h1>a</h1><hr>b", 'b', true, "a\n\nb\n", true },
	{ HTML "<div><span>a</span><span>b</span> <i> c </i>d</div>", 'b', true, "ab c d\n", true },
	{ HTML "<p>a</p><!-- b --><p>c</p><!-- <p>d</p>", 'b', true, "a\n\nc\n", true },
	{ HTML "<a href=\"http://x.test/\"><p>a</p></a>", 'b', true, "a <http://x.test/>\n", true },
	{ HTML "<img alt=\"a\" src=x><img alt=\"b\">", 'b', true, "ab\n", true },
	{ HTML "<s>a</s><sub>2</sub> x<sup>2</sup> 1<sup>st</sup>", 'b', true, "a2 x^2 1st\n", true },
	{ HTML "<optgroup label=a><option>b</optgroup>", 'b', false, "b", true },
	{ "Subject: s\r\nText at once, no empty line.\r\nmore\r\n", 'b', false, "Text at once", false },
	{ "Subject: s\r\nText at once: no empty line\r\n\r\nbody\r\n", 'b', false, "body", false },
	{ "Subject: s\r\nText at once\r\nTo: bob@b.test\r\n\r\nbody\r\n", 'b', true, "body\r\n", false },
	{ "Subject: s", 'b', true, "", true },
	{ "\r\nHello", 'b', true, "Hello", true },
	{ MIXED "--q\r\nContent-Type: message/global\r\n\r\nSubject: in\303\274\r\n\r\nHello\r\n--q--\r\n", 'b', false, "Subject: inü\n\nHello", true },
	{ "Content-Type: text/plain; charset=utf-8; charset=iso-8859-1\r\n\r\n\303\274", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset=utf-8\r\nContent-Type: text/html\r\n\r\n<p>a", 'b', true, "<p>a", true },
	{ "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64\r\n\r\na\374", 'b', true, "aü", true },
	{ "Content-Type: text/plain;\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: text/plain; charset\r\n\r\nHello", 'b', true, "Hello", true },
	{ "Content-Type: text/plain; charset=\"\"\r\n\r\n\303\274", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset=\"utf-8\r\n\r\n\303\274", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset=utf-8 format=flowed\r\n\r\n\303\274", 'b', true, "ü", true },
	{ "Content-Type: text/plain; charset*=us-ascii'en'iso-8859-2\r\n\r\n\271", 'b', true, "š", true },
	{ "Content-Type: text/plain; charset=utf-8, format=flowed\r\n\r\n\303\274", 'b', true, "ü", true },
	{ "Content-Type : text/html\r\n\r\n<p>a", 'b', true, "a\n", true },
	{ "content-type:text/html\r\n\r\n<p>a", 'b', true, "a\n", true },
	{ "Content-Type: text/html;\r\n charset=iso-8859-2\r\nSubject: \271\r\n\r\n\271", 's', true, "š", true },
	{ "Content-Type: multipart/mixed; boundary=\"q\r\n\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', false, "one", false },
	{ "Content-Type: multipart/mixed boundary=q\r\n\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', false, "one", false },
	{ "Content-Type: multipart/mixed; boundary=\"q\"; boundary=\"r\"\r\n\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', true, "one", true },
	{ "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\none\r\n-- q\r\ntwo\r\n--q--\r\n", 'b', true, "one\r\n-- q\r\ntwo", true },
	{ "Content-Type: multipart/mixed; boundary*0=q; boundary*1=r\r\n\r\n--qr\r\n\r\none\r\n--qr--\r\n", 'b', false, "one", true },
	{ "Content-Type: multipart\r\n\r\n--q\r\n\r\none\r\n--q--\r\n", 'b', false, "one", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nplain\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--q--\r\n", 'b', true, "H\n", true },
	{ "Content-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nHello\r\n--q--\r\n", 'b', false, "Hello", true },
	{ "Content-Type: multipart/report; boundary=q\r\n\r\n--q\r\n\r\none\r\n--q\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n--q--\r\n", 'b', true, "one\nSubject: x", true },
	{ "Content-Type: text/x-patch; name=a.patch\r\nContent-Disposition: inline; filename=a.patch\r\n\r\n+a", 'b', true, "+a", true },
	{ "Content-Transfer-Encoding: quoted-printable\r\n\r\na=3Db =3d=\r\n", 'b', true, "a=b =", true },
	{ "Content-Transfer-Encoding: quoted-printable\r\n\r\nhttp://x.test/?a=b&c=1", 'b', true, "http://x.test/?a=b&c=1", true },
	{ "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D\"http://x.test/?a=3D1&amp;b=3D2\">t</=\r\na>", 'b', true, "t <http://x.test/?a=1&b=2>\n", true },
	{ "Content-Type: text/plain; format=flowed\r\n\r\n> a \r\n>> b \r\n>> c\r\n\r\n >d \r\ne\r\n", 'b', true, "> a \n>> b c\n\n>d e\n", true },
	{ "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\na  \r\nb\r\n", 'b', true, "a b\n", true },
	{ "Hello there\r\nno header\r\n", 'b', true, "Hello there\r\nno header\r\n", false },
	{ "Hello there\r\n\r\nno header\r\n", 'b', true, "Hello there\r\n\r\nno header\r\n", false },
	{ "garbage\r\nSubject: s\r\n\r\nHello", 's', true, "s", false },
	{ "garbage line\r\nSubject: s\r\n\r\nHello", 'b', false, "Hello", false },
	{ ">From alice Mon\r\nSubject: s\r\n\r\nHello", 'b', false, "Hello", true },
	{ "From alice Mon\r\nSubject: s\r\n\r\nHello", 'b', false, "Hello", true },
	{ " folded first\r\nSubject: s\r\n\r\nHello", 'b', false, "Hello", false },
	{ ": empty name\r\nSubject: s\r\n\r\nHello", 'b', false, "Hello", false },
	{ "\357\273\277Subject: s\r\n\r\nHello", 'b', false, "Hello", true },
};
/* clang-format on */

static void
more_of_the_kinds(void **state)
{
	unsigned faults = 0;
	struct err e;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		assert_true(scratch_open(&fd, &e) && scratch_add(fd, span_str(kinds[i].file), &e));
		faults += faults_in(&kinds[i], fd);
	}
	assert_int_equal(faults, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(more_of_the_kinds),
	};

	mime_start();
	return cmocka_run_group_tests_name("mc_found", tests, NULL, NULL);
}
