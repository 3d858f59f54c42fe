/* fault — what went wrong, in three lines; see fault.h. */
#include "mc/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/text/json.h"
#include "mc/config.h"
#include "mc/out.h"
#include "mc/safe.h"
#include "mc/said.h"

#define INDENT      4
#define MARK_COLUMN 78 /* where "[word, status N]" ends, if it fits */

struct cure {
	enum refusal why;
	const char *text; /* see fault.h */
};

/* clang-format off */
static const struct cure cures[] = {
	{ REFUSAL_auth_failed,		"enter address and password again:  %s setup%a" },
	{ REFUSAL_auth_mechanism,	"the server is too old or too new for this program" },
	{ REFUSAL_unreachable,		"try again later; nothing is lost" },
	{ REFUSAL_tls_failed,		"try again later; if it persists, tell the server's operator" },
	{ REFUSAL_tls_truncated,	"try again later; nothing is lost" },
	{ REFUSAL_no_such_domain,	"check the spelling of the domain" },
	{ REFUSAL_no_designation,	"check the spelling; its operator publishes SRV records for it" },
	{ REFUSAL_takes_no_mail,	"check the spelling of the domain" },
	{ REFUSAL_private_address,	"check the spelling; its operator publishes public addresses for it" },
	{ REFUSAL_dns_failed,		"check the network, then try again" },
	{ REFUSAL_dns_bogus,		"somebody may be forging DNS; try again from another network" },
	{ REFUSAL_revocation_unknown,	"try again later; if it persists, tell the server's operator" },
	{ REFUSAL_no_such_user,		"check the spelling of the address" },
	{ REFUSAL_bad_address,		"write it like anna@example.net" },
	{ REFUSAL_address_literal,	"write a domain instead of an IP address" },
	{ REFUSAL_bad_domain,		"check the spelling of the domain" },
	{ REFUSAL_bad_from,		"put your own address into From, or leave From out" },
	{ REFUSAL_no_recipient,		"name them after send, or use those in the letter:  %s send -t" },
	{ REFUSAL_message_too_big,	"send a smaller letter" },
	{ REFUSAL_too_many_recipients,	"send it several times, to fewer at once" },
	{ REFUSAL_bad_message,		"correct the letter: header fields, an empty line, then the text" },
	{ REFUSAL_bad_hold,		"ask for fewer days, or leave out --hold" },
	{ REFUSAL_no_such_number,	"list them:  %s list" },
	{ REFUSAL_unknown_id,		"list them:  %s outbox" },
	{ REFUSAL_gone,			"ask the sender for it again" },
	{ REFUSAL_recalled,		"ask the sender, if you need it" },
	{ REFUSAL_broken_promise,	"it is not shown; tell your operator" },
	{ REFUSAL_fetch_running,	"it is on its way:  %s list" },
	{ REFUSAL_usage,		"usage:  %s help" },
	{ REFUSAL_account_exists,	"replace it:  %s setup%a --replace   keep both:  %p -A %n setup%a" },
	{ REFUSAL_config,		"write it again:  %s setup%a --replace" },
	{ REFUSAL_refused,		"what the server said may help; its operator knows more" },
	{ REFUSAL_cannot_write,		"make room, or choose another place" },
};
/* clang-format on */

static const char *
cure_of(const struct fault *f)
{
	enum refusal why = f->err.why;
	int code = refusal_code(why);

	if (why == REFUSAL_private_address && f->finding_own)
		return "in a private network:  TILLCALLED_ALLOW_PRIVATE=1 %s setup%a";
	for (size_t i = 0; i < sizeof cures / sizeof cures[0]; i++)
		if (cures[i].why == why)
			return cures[i].text;
	if (strncmp(refusal_word(why), "certificate", strlen("certificate")) == 0 ||
	    why == REFUSAL_no_certificate)
		return "nothing was sent; tell the server's operator";
	if (code >= 400 && code < 500)
		return "try again later";
	return "see:  %s help";
}

static void
print_json(struct out *out, const char *what, const struct fault *f, const char *cure)
{
	const struct err *e = &f->err;
	struct json *o = json_new(), *in = json_new();
	struct buf b = BUF_INIT;

	json_put_str(in, "code", refusal_word(e->why));
	json_put_int(in, "status", refusal_status(e->why));
	json_put_bool(in, "temporary", refusal_temporary(e->why));
	json_put_str(in, "text", e->text);
	json_put_str(in, "what", what);
	json_put_str(in, "host", f->host[0] != '\0' ? f->host : NULL);
	json_put_str(in, "cure", cure);
	json_put_take(o, "error", in);
	json_write(o, &b);
	out_json_line(out, buf_span(&b));
	buf_clear(&b);
	json_free(&o);
}

/* What went wrong, in one line or two; a sentence that the text has too is not repeated. */
static void
add_words(struct buf *all, const struct options *o, const struct out *out, const char *what,
    const struct fault *f)
{
	const char *sentence = refusal_sentence(f->err.why), *text = f->err.text;
	bool more = text[0] != '\0' && strcmp(text, sentence) != 0, said = f->host[0] != '\0';
	struct buf line = BUF_INIT;

	buf_addf(&line, "%s: ", o->called);
	safe_add(&line, span_str(what), SAFE_SAID);
	if (!more || f->stranger || strstr(text, sentence) == NULL)
		buf_addf(&line, ": %s", sentence);
	out_wrap(out, all, buf_span(&line), 0, INDENT);
	buf_reset(&line);
	if (said && more) {
		said_add(&line, out, f->host, text, f->stranger, INDENT);
	} else if (said) {
		safe_add(&line, span_str(f->host), SAFE_LINE);
		buf_addf(&line, " says so");
	} else if (more) {
		safe_add(&line, span_str(text), SAFE_SAID);
	}
	if (said || more)
		out_wrap(out, all, buf_span(&line), INDENT, said ? INDENT + 2 : INDENT);
	buf_clear(&line);
}

static void
print_text(const struct options *o, struct out *out, const char *what, const struct fault *f,
    const char *cure)
{
	const struct err *e = &f->err;
	struct buf line = BUF_INIT, all = BUF_INIT;
	char mark[96];
	size_t used,
	    end = out->columns > 0 && out->columns < MARK_COLUMN ? out->columns : MARK_COLUMN;

	add_words(&all, o, out, what, f);
	snprintf(mark, sizeof mark, "[%s, status %d]", refusal_word(e->why),
	    refusal_status(e->why));
	safe_add(&line, span_str(cure), SAFE_LINE);
	used = INDENT + safe_columns(buf_span(&line)) + strlen(mark);
	for (size_t i = used; i < end; i++)
		buf_add(&line, " ", 1);
	buf_addf(&line, "%s%s", used >= end ? "  " : "", mark);
	out_wrap(out, &all, buf_span(&line), INDENT, INDENT);
	out_text(out, buf_span(&all));
	buf_clear(&line);
	buf_clear(&all);
}

/* The address that setup is to take, after a space; none where it is not known: setup asks for it. */
static void
add_address(struct buf *to, const struct options *o)
{
	const struct config_choice which = { o->conf_file, options_value(o, "account") };
	struct config *c = memory_new(sizeof *c);
	const char *address = NULL;
	struct err e;

	if (o->verb != NULL && strcmp(o->verb->name, "setup") == 0)
		address = o->args[0];
	else if (config_load(c, &which, &e))
		address = c->address;
	if (address != NULL) {
		buf_addf(to, " ");
		options_add_word(to, address);
	}
	free(c);
}

/* A name for a further account: the local part of its address, as far as a name may have it. */
static void
add_name(struct buf *to, const struct options *o)
{
	const char *address = o->args[0] != NULL ? o->args[0] : "", *taken;
	size_t n = strspn(address,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	struct span name = n > 0 ? span_of(address, n) : SPAN_LIT("second");

	taken = options_value(o, "account");
	buf_addf(to, "%.*s%s", SPAN_FMT(name),
	    taken != NULL && span_eq(name, span_str(taken)) ? "-2" : "");
}

/* Inserted by hand, since a format must be a literal. */
static void
add_cure(struct buf *to, const struct options *o, const char *form)
{
	for (const char *p; (p = strchr(form, '%')) != NULL && p[1] != '\0'; form = p + 2) {
		buf_add(to, form, (size_t)(p - form));
		if (p[1] == 's')
			buf_addf(to, "%s", o->command.data);
		else if (p[1] == 'p')
			buf_addf(to, "%s", o->called);
		else if (p[1] == 'a')
			add_address(to, o);
		else if (p[1] == 'n')
			add_name(to, o);
		else if (p[1] == '1')
			options_add_word(to, o->args[0]);
	}
	buf_addf(to, "%s", form);
}

int
fault_print(const struct options *o, const char *what, const struct fault *f, const char *cure)
{
	struct out out;
	struct buf text = BUF_INIT;

	add_cure(&text, o, cure != NULL ? cure : cure_of(f));
	buf_add(&text, "", 1);
	out_init(&out, STDERR_FILENO);
	if (o->json)
		print_json(&out, what, f, text.data);
	else
		print_text(o, &out, what, f, text.data);
	buf_clear(&text);
	return refusal_status(f->err.why);
}

int
fault_print_err(const struct options *o, const char *what, const struct err *e, const char *cure)
{
	struct fault f = { .err = *e };

	return fault_print(o, what, &f, cure);
}
