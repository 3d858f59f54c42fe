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
faults_of(const struct row *r)
{
	char path[256];
	struct mime_letter l;
	struct span is;
	struct err e;
	unsigned faults = 0;
	int fd;

	snprintf(path, sizeof path, "tests/letters/found/%s.eml", r->file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !mime_read(&l, fd, &e))
		fail_msg("%s cannot be read", path);
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

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		faults += faults_of(&rows[i]);
	assert_int_equal(faults, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
	};

	mime_start();
	return cmocka_run_group_tests_name("mc_found", tests, NULL, NULL);
}
