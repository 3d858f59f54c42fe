/* send — sends a letter on standard input to the user's OMS; see verbs.h and mc.1.
 *
 * Flow:  1 of 8.  The letter is sent only when the server has said that it is on disk.  If the
 *        connection breaks before that, mc tries again with the same token, so that the server
 *        cannot take one letter twice.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/random.h"
#include "mc/cancel.h"
#include "mc/measure.h"
#include "mc/progress.h"
#include "mc/recipients.h"
#include "mc/sent.h"
#include "mc/verbs.h"

#define TRIES       3
#define WAIT_S      2 /* for the first news */
#define WAIT_MAX_S  3600
#define POLL_MS     150
#define MOST_OCTETS (UINT64_C(4) << 30) /* the server has a limit of its own */

struct sending {
	const struct options *options;
	struct account account;
	struct letter letter;
	struct submission *server;
	struct out out; /* standard error */
	struct progress progress;
	unsigned hold_days; /* 0: not said, the server's usual time */
	unsigned wait_s;
	char token[SUBMISSION_TOKEN_BYTES];
	bool begun; /* the server may have got octets of it */
	struct ulid id;
};

static bool
number_option(const struct options *o, const char *name, unsigned least, unsigned most,
    unsigned *out, int *status)
{
	const char *value = options_value(o, name);
	uint64_t n;

	if (value == NULL)
		return true;
	if (!span_u64(span_str(value), &n) || n < least || n > most) {
		*status = options_usage(o, "--%s %s: write a number from %u to %u", name, value,
		    least, most);
		return false;
	}
	*out = (unsigned)n;
	return true;
}

static void
pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static bool
take_recipient(void *letter, const char *address, struct err *e)
{
	return letter_to(letter, address, e);
}

/* An argument has the form of a To field: commas separate addresses, and each may have a name. */
static bool
read_argument(struct letter *l, const char *argument, struct err *e)
{
	struct span value = span_str(argument);

	if (RULE(bad_address) && span_trim(value).n == 0)
		return err_set(e, REFUSAL_bad_address, "an address is empty");
	return recipients_each(value, take_recipient, l, e);
}

static bool
read_letter(struct sending *s, struct err *e)
{
	struct compose how = { .own = s->account.config.address,
		.wall_s = clock_wall_ms() / 1000,
		.from_header = options_has(s->options, "recipients"),
		.most = MOST_OCTETS };
	unsigned char token[16];
	struct out out;

	random_bytes(how.random, sizeof how.random);
	random_bytes(token, sizeof token);
	hex_str(s->token, token, sizeof token);
	for (int i = 0; i < s->options->n_args; i++)
		if (!read_argument(&s->letter, s->options->args[i], e))
			return false;
	if (RULE(no_recipient) && s->letter.n_to == 0 && !how.from_header)
		return err_set(e, REFUSAL_no_recipient, "no address was given");
	if (isatty(STDIN_FILENO) == 1 && !s->options->quiet) {
		out_init(&out, STDERR_FILENO);
		out_wrapf(&out, 0, 2,
		    "Write the letter: header, an empty line, text; end with Ctrl-D.\n");
	}
	if (!compose_read(&s->letter, STDIN_FILENO, &how, e))
		return false;
	return !RULE(no_recipient) || s->letter.n_to > 0 ||
	    err_set(e, REFUSAL_no_recipient, "To, Cc and Bcc hold no address");
}

/* Whether the same may be tried again at once: the connection broke, or there was none. */
static bool
is_passing(const struct fault *f)
{
	return f->err.why == REFUSAL_unreachable || f->err.why == REFUSAL_tls_truncated ||
	    f->err.why == REFUSAL_tls_failed || f->err.why == REFUSAL_closing ||
	    f->err.why == REFUSAL_too_many_connections;
}

static void
on_read(void *arg, uint64_t octets)
{
	struct sending *s = arg;

	if (octets >= letter_size(&s->letter))
		cancel_now(CANCEL_MAYBE_SENT);
	progress_step(&s->progress, octets, letter_size(&s->letter));
}

static bool
send_once(struct sending *s, struct fault *f)
{
	bool ok;

	if (!submission_open(&s->server, &s->account, f) ||
	    !submission_sign_in(s->server, &s->account, f))
		return false;
	s->begun = true;
	progress_begin(&s->progress, s->options->quiet ? NULL : &s->out, "sending");
	ok = submission_send(s->server, &s->letter, s->hold_days, s->token, &s->id, f);
	progress_end(&s->progress);
	return ok;
}

static bool
send_letter(struct sending *s, struct fault *f)
{
	for (int i = 1; !send_once(s, f); i++) {
		submission_close(&s->server);
		if (i == TRIES || !is_passing(f))
			return false;
		pause_ms(500L * i);
	}
	return true;
}

static bool
is_settled(const struct sent_letter *l)
{
	for (size_t i = 0; i < l->n_recipients; i++)
		if (l->recipients[i].state == SUBMIT_WAITING)
			return false;
	return true;
}

/* Waits for the first news of the recipients.  The letter is safe, so no news is not a failure. */
static void
await_news(struct sending *s, struct sent_letter *l)
{
	int64_t end = clock_mono_ms() + (int64_t)s->wait_s * 1000;
	struct fault f;

	while (submission_status(s->server, &s->id, l, &f) && !is_settled(l) &&
	    clock_mono_ms() < end) {
		sent_clear(l);
		pause_ms(POLL_MS);
	}
}

static void
print_json(const struct sending *s, struct out *out, const struct sent_letter *l)
{
	struct json *o = json_new();
	struct buf b = BUF_INIT;
	char id[ULID_STR_BYTES];

	ulid_str(&s->id, id);
	json_put_str(o, "id", id);
	json_put_str(o, "host", submission_host(s->server));
	sent_put_date(o, "hold_until", l->letter.hold_until_s);
	json_put_int(o, "size", (int64_t)letter_size(&s->letter));
	json_put_int(o, "status", sent_status(l));
	sent_put_recipients(o, l, submission_host(s->server));
	json_write(o, &b);
	out_json_line(out, buf_span(&b));
	json_free(&o);
	buf_clear(&b);
}

/* Reports who will not get the letter, as far as is known; returns the exit status. */
static int
print_refused(const struct sending *s, const struct sent_letter *l)
{
	const struct submit_recipient *worst = sent_worst(l);
	struct fault f = { .host = "" };
	char what[ADDRESS_STR_BYTES + 64];
	size_t refused = 0;

	if (worst == NULL)
		return 0;
	for (size_t i = 0; i < l->n_recipients; i++)
		refused += l->recipients[i].state == SUBMIT_REFUSED;
	if (l->n_recipients == 1)
		snprintf(what, sizeof what, "%s will not get the letter", worst->to);
	else
		snprintf(what, sizeof what, "%zu of %zu recipients will not get the letter: %s",
		    refused, l->n_recipients, worst->to);
	err_set(&f.err, sent_refusal(worst), "%s", worst->text);
	f.stranger = worst->by != SUBMIT_SPEAKER_OMS;
	snprintf(f.host, sizeof f.host, "%s", sent_speaker(worst, submission_host(s->server)));
	(void)fault_print(s->options, what, &f, NULL);
	return sent_status(l);
}

static int
print_result(const struct sending *s, const struct sent_letter *l)
{
	char whole[ULID_STR_BYTES], id[MEASURE_BYTES], until[MEASURE_BYTES];
	int64_t now_s = clock_wall_ms() / 1000;
	struct out out;
	struct err e;

	out_init(&out, STDOUT_FILENO);
	ulid_str(&s->id, whole);
	measure_id(id, span_str(whole));
	measure_day(until, l->letter.hold_until_s, now_s);
	if (s->options->json)
		print_json(s, &out, l);
	else if (s->options->quiet)
		out_textf(&out, "%s\n", whole);
	else {
		out_wrapf(&out, 0, 4, "%s  kept at %s%s%s\n", id, submission_host(s->server),
		    l->letter.hold_until_s != 0 ? " until " : "",
		    l->letter.hold_until_s != 0 ? until : "");
		sent_print_recipients(&out, l, submission_host(s->server), now_s);
	}
	/* The letter was sent: a program must not send it again because this could not be printed. */
	if (!out_ok(&out, &e))
		(void)fault_print_err(s->options, "the letter was sent; saying so", &e, NULL);
	return print_refused(s, l);
}

static int
run(struct sending *s)
{
	struct sent_letter l = { .recipients = NULL };
	struct fault f;
	struct err e;
	int status;

	if (!account_load(&s->account, s->options, &status))
		return status;
	if (!read_letter(s, &e))
		return fault_print_err(s->options, "nothing was sent", &e, NULL);
	if (!send_letter(s, &f))
		return s->begun && is_passing(&f)
		    ? fault_print(s->options, "it is not known whether the letter was taken", &f,
			  "look before you send it again:  %s outbox")
		    : fault_print(s->options, "nothing was sent", &f, NULL);
	cancel_now(CANCEL_SENT);
	await_news(s, &l);
	status = print_result(s, &l);
	sent_clear(&l);
	return status;
}

int
verb_send(struct options *o)
{
	struct sending s = { .options = o, .wait_s = WAIT_S };
	int status;

	if (!number_option(o, "hold", 1, SUBMIT_HOLD_DAYS_MAX, &s.hold_days, &status) ||
	    !number_option(o, "wait", 0, WAIT_MAX_S, &s.wait_s, &status))
		return status;
	out_init(&s.out, STDERR_FILENO);
	letter_init(&s.letter);
	s.letter.on_read = on_read;
	s.letter.on_read_arg = &s;
	cancel_begin(o, CANCEL_NOTHING_SENT);
	status = run(&s);
	cancel_end();
	letter_clear(&s.letter);
	submission_close(&s.server);
	account_clear(&s.account);
	return status;
}
