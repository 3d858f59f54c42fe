/* setup — the first run: finds the servers, asks for the password, signs in at both; see verbs.h.
 *
 * Nothing is written before both servers have let the user in, and nothing is sent to a server
 * before its certificate was found good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/dns/designation.h"
#include "common/text/idn.h"
#include "common/text/json.h"
#include "mc/inbox.h"
#include "mc/out.h"
#include "mc/submission.h"
#include "mc/verbs.h"

struct setup {
	const struct options *options;
	const char *typed; /* the address */
	struct account account;
	struct inbox *mailbox;
	struct submission *submit;
	struct out out;
	const char *failed; /* what was being done */
};

/* Asks for it on the terminal; elsewhere it must be in the command.  False: it is not known. */
static bool
ask_address(struct setup *s, char line[ADDRESS_STR_BYTES + 2])
{
	if (s->options->json || isatty(STDIN_FILENO) != 1 || !s->out.terminal)
		return false;
	out_textf(&s->out, "Your address: ");
	if (fgets(line, ADDRESS_STR_BYTES + 2, stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	s->typed = line;
	return *line != '\0';
}

static bool
take_address(struct setup *s, const char *typed, struct err *e)
{
	const struct config_choice which = account_choice(s->options);
	struct config *c = &s->account.config;
	struct address a;
	char canonical[ADDRESS_STR_BYTES];

	s->failed = typed;
	if (!config_begin(c, &which, e) || !address_parse(span_str(typed), &a, e) ||
	    !address_canonical(&a, idn_a_label, canonical, e))
		return false;
	snprintf(c->address, sizeof c->address, "%s", canonical);
	return true;
}

/* Reads one line of the terminal; anything but "y" or "yes" is no. */
static bool
is_yes(struct setup *s)
{
	char line[16] = "";

	out_textf(&s->out, "  Replace it? [y/N] ");
	if (fgets(line, sizeof line, stdin) == NULL)
		out_textf(&s->out, "\n");
	return line[0] == 'y' || line[0] == 'Y';
}

/* Another account is replaced only if the user says so. */
static bool
may_replace(struct setup *s, struct err *e)
{
	const struct config_choice which = account_choice(s->options);
	const struct config *c = &s->account.config;
	struct config *old = memory_new(sizeof *old);
	struct err why;
	bool known = config_load(old, &which, &why), ok;

	ok = !RULE(account_exists) || access(c->file, F_OK) != 0 ||
	    options_has(s->options, "replace") || (known && strcmp(old->address, c->address) == 0);
	if (!ok && !s->options->json && isatty(STDIN_FILENO) == 1 && s->out.terminal) {
		out_wrapf(&s->out, 2, 4, "%s is the account of %s.", c->file,
		    known ? old->address : "somebody");
		ok = is_yes(s);
	}
	if (!ok)
		err_set(e, REFUSAL_account_exists, "%s is the account of %s", c->file,
		    known ? old->address : "somebody, and cannot be read");
	free(old);
	return ok;
}

static void
print_server(struct setup *s, const char *what, const char *host, uint16_t port,
    const char *service)
{
	if (!s->options->json && !s->options->quiet)
		out_wrapf(&s->out, 2, 14, "%-10s  %s port %u     SRV %s, certificate good\n", what,
		    host, (unsigned)port, service);
}

static bool
find_servers(struct setup *s, struct fault *f)
{
	if (!s->options->json && !s->options->quiet)
		out_textf(&s->out, "%s\n", strchr(s->account.config.address, '@') + 1);
	s->failed = "the server that receives for you";
	if (!inbox_open(&s->mailbox, &s->account, f))
		return false;
	print_server(s, "receiving", inbox_host(s->mailbox), inbox_port(s->mailbox),
	    DESIGNATION_MAILBOX);
	s->failed = "the server that sends for you";
	if (!submission_open(&s->submit, &s->account, f))
		return false;
	print_server(s, "sending", submission_host(s->submit), submission_port(s->submit),
	    DESIGNATION_SUBMIT);
	return true;
}

static bool
sign_in(struct setup *s, struct fault *f)
{
	char prompt[CONFIG_VALUE_BYTES + 32];

	*f = (struct fault) { .host = "" };
	s->failed = "the password";
	snprintf(prompt, sizeof prompt, "Password for %s", s->account.config.address);
	if (!password_read(prompt, false, s->account.password, &f->err))
		return false;
	s->failed = "signing in where you receive";
	if (!inbox_sign_in(s->mailbox, &s->account, f))
		return false;
	s->failed = "signing in where you send";
	return submission_sign_in(s->submit, &s->account, f);
}

static void
print_json(struct setup *s)
{
	struct json *o = json_new();
	struct buf b = BUF_INIT;
	char at[300];

	json_put_str(o, "address", s->account.config.address);
	snprintf(at, sizeof at, "%s:%u", inbox_host(s->mailbox), (unsigned)inbox_port(s->mailbox));
	json_put_str(o, "mailbox", at);
	snprintf(at, sizeof at, "%s:%u", submission_host(s->submit),
	    (unsigned)submission_port(s->submit));
	json_put_str(o, "submit", at);
	json_put_str(o, "file", s->account.config.file);
	json_write(o, &b);
	out_json_line(&s->out, buf_span(&b));
	buf_clear(&b);
	json_free(&o);
}

static void
print_result(struct setup *s)
{
	const char *command = s->options->command.data;

	if (s->options->json)
		print_json(s);
	else if (!s->options->quiet) {
		out_wrapf(&s->out, 2, 4,
		    "signed in at both servers\nwritten %s and %s (mode 0600)\n",
		    s->account.config.file, s->account.config.password_file);
		out_wrapf(&s->out, 0, 2,
		    "\n"
		    "Letters stay with their senders until you open them. Where you are the only one of "
		    "your\ndomain, a sender can tell from that when you did.\n\n"
		    "See your letters:  %s list\n"
		    "Send one to yourself:  echo Hello | %s send %s\n",
		    command, command, s->account.config.address);
	}
}

int
verb_setup(struct options *o)
{
	struct setup s = { .options = o, .typed = o->args[0] };
	struct fault f = { .host = "" };
	char line[ADDRESS_STR_BYTES + 2];
	bool taken;
	int status = 0;

	out_init(&s.out, STDOUT_FILENO);
	if (s.typed == NULL && !ask_address(&s, line))
		return options_usage(o, "setup needs your address; try: %s setup --help",
		    o->called);
	taken = take_address(&s, s.typed, &f.err);
	if (taken && !may_replace(&s, &f.err))
		status = fault_print_err(o, "nothing was changed", &f.err, NULL);
	else if (!taken || !find_servers(&s, &f) || !sign_in(&s, &f))
		status = fault_print(o, s.failed, &f, NULL);
	else if (!config_save(&s.account.config, s.account.password, &f.err))
		status = fault_print_err(o, "your configuration", &f.err, NULL);
	else
		print_result(&s);
	if (status == 0 && !out_ok(&s.out, &f.err))
		status = fault_print_err(o, "output", &f.err, NULL);
	inbox_close(&s.mailbox);
	submission_close(&s.submit);
	account_clear(&s.account);
	return status;
}
