/* smtp_words — a line of any octets as a command, its path and its parameters, and as a reply: what is taken is
 * clean, bounded, and means the same when it is read again.
 *
 * Input: a line, with its CRLF or without.
 */
#include "proto/line.h"
#include "proto/smtp/smtp_command.h"
#include "proto/smtp/smtp_reply.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ALL                                                                                        \
	(SMTP_OFFER_SIZE | SMTP_OFFER_8BITMIME | SMTP_OFFER_SMTPUTF8 | SMTP_OFFER_REQUIRETLS |     \
	    SMTP_OFFER_AUTH)

/* The canonical form of a path is the canonical form of itself. */
static void
read_again(const struct smtp_path *path)
{
	char one[ADDRESS_STR_BYTES], two[ADDRESS_STR_BYTES];
	struct buf in = BUF_INIT;
	struct smtp_path again;
	struct span rest;
	struct err e;

	if (!smtp_path_canonical(path, NULL, one, &e) || path->kind != SMTP_PATH_MAILBOX)
		return;
	chunks_must(one[0] != '\0' && line_is_text(span_str(one)));
	buf_addf(&in, "<%s>", one);
	rest = buf_span(&in);
	chunks_must(smtp_path_reverse(&rest, &again, &e) && rest.n == 0);
	chunks_must(
	    smtp_path_canonical(&again, NULL, two, &e) && span_eq(span_str(one), span_str(two)));
	buf_clear(&in);
}

static void
read_command(struct span line)
{
	static const char *const verbs[] = { "MAIL", "RCPT", "EHLO" };
	struct smtp_mail mail;
	struct smtp_path to;
	struct smtp_name name;
	struct span args;
	struct err e;

	smtp_command_verb(line, verbs, 3, &args);
	if (smtp_command_mail(args, ALL, &mail, &e))
		read_again(&mail.from);
	if (smtp_command_rcpt(args, &to, &e))
		read_again(&to);
	if (smtp_command_name(args, NULL, &name, &e) && name.kind == SMTP_NAME_HOST)
		chunks_must(domain_is_canonical(domain_span(&name.host)));
}

static void
read_reply(struct span in)
{
	struct smtp_reply r = { 0 };
	size_t used = 0;
	struct span text;
	struct err e;

	while (!r.done && smtp_reply_next(&r, in, &text, &used, &e) == SMTP_REPLY_LINE) {
		chunks_must(
		    used >= 5 && used <= SMTP_REPLY_LINE_MAX && r.lines <= SMTP_REPLY_LINES_MAX);
		chunks_must(r.code >= 200 && r.code < 600 && text.n <= used);
		in = span_sub(in, used, in.n);
	}
	if (r.done) {
		chunks_must(!smtp_reply_err(&r, &e));
		chunks_must(line_is_text(span_str(e.text)));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n), line;
	size_t used;
	struct err e;

	read_reply(in);
	if (line_next_most(in, SMTP_COMMAND_MAX, &line, &used, &e) == LINE_READY)
		read_command(line);
	return 0;
}
