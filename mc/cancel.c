/* cancel — what is said of an interrupt; see cancel.h. */
#include "mc/cancel.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/text/json.h"
#include "mc/out.h"

#define SAID_BYTES 1024
#define COLUMNS    400 /* of a progress line, at most */

static const struct {
	const char *what;
	bool cure; /* the outbox tells */
} states[CANCEL_STATES] = {
	[CANCEL_NOTHING_SENT] = { "nothing was sent", false },
	[CANCEL_MAYBE_SENT] = { "it may have been sent", true },
	[CANCEL_SENT] = { "the letter was sent", true },
	[CANCEL_NOT_SHOWN] = { "the letter is not shown", false },
};

/* A handler reads nothing else. */
static volatile sig_atomic_t now, terminal;
static char said[CANCEL_STATES][SAID_BYTES];
static char blank[COLUMNS + 3]; /* erases the line that the cursor is in */

static void
say(const struct options *o, enum cancel_state state, struct buf *out)
{
	struct json *j, *in;

	if (!o->json) {
		buf_addf(out, "%s: cancelled: %s", o->called, states[state].what);
		if (states[state].cure)
			buf_addf(out, ": see  %s outbox", o->command.data);
		buf_addf(out, "\n");
		return;
	}
	j = json_new();
	in = json_new();
	json_put_str(in, "code", "cancelled");
	json_put_int(in, "status", 130);
	json_put_bool(in, "temporary", false);
	json_put_str(in, "text", states[state].what);
	json_put_str(in, "what", "cancelled");
	json_put_str(in, "host", NULL);
	if (states[state].cure) {
		struct buf cure = BUF_INIT;

		buf_addf(&cure, "%s outbox", o->command.data);
		json_put_span(in, "cure", buf_span(&cure));
		buf_clear(&cure);
	} else {
		json_put_str(in, "cure", NULL);
	}
	json_put_take(j, "error", in);
	json_write(j, out);
	buf_addf(out, "\n");
	json_free(&j);
}

/* Only calls that are safe in a handler.  Nobody can be told that this one failed. */
static void
put(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static void
on_interrupt(int number)
{
	if (terminal)
		put(blank); /* the progress, and "^C" after it */
	put(said[now]);
	signal(number, SIG_DFL);
	raise(number); /* comes when this returns */
}

void
cancel_begin(const struct options *o, enum cancel_state state)
{
	struct sigaction was, to = { .sa_handler = on_interrupt };
	struct out out;

	for (int i = 0; i < CANCEL_STATES; i++) {
		struct buf text = BUF_INIT;

		say(o, (enum cancel_state)i, &text);
		span_copy(span_sub(buf_span(&text), 0, SAID_BYTES - 1), said[i], SAID_BYTES);
		buf_clear(&text);
	}
	out_init(&out, STDERR_FILENO);
	terminal = out.terminal;
	snprintf(blank, sizeof blank, "\r%*s\r",
	    (int)(out.columns > 1 && out.columns <= COLUMNS ? out.columns - 1 : 1), "");
	now = (sig_atomic_t)state;
	if (sigaction(SIGINT, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaction(SIGINT, &to, NULL);
}

void
cancel_now(enum cancel_state state)
{
	now = (sig_atomic_t)state;
}

void
cancel_end(void)
{
	struct sigaction was;

	if (sigaction(SIGINT, NULL, &was) == 0 && was.sa_handler == on_interrupt)
		signal(SIGINT, SIG_DFL);
}
