/* cancel — what is said of an interrupt; see cancel.h. */
#include "mc/cancel.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A handler reads nothing else. */
static volatile sig_atomic_t now, json, terminal;

#define ERROR(what, cure)                                                                          \
	"{\"error\":{\"code\":\"cancelled\",\"status\":130,\"temporary\":false,\"text\":\"" what   \
	"\",\"what\":\"cancelled\",\"host\":null,\"cure\":" cure "}}\n"

static const struct {
	const char *text, *json;
} said[CANCEL_STATES] = {
	[CANCEL_NOTHING_SENT] = { "mc: cancelled: nothing was sent\n",
	    ERROR("nothing was sent", "null") },
	[CANCEL_MAYBE_SENT] = { "mc: cancelled: it may have been sent: see  mc outbox\n",
	    ERROR("it may have been sent", "\"mc outbox\"") },
	[CANCEL_SENT] = { "mc: cancelled: the letter was sent: see  mc outbox\n",
	    ERROR("the letter was sent", "\"mc outbox\"") },
	[CANCEL_NOT_SHOWN] = { "mc: cancelled: the letter is not shown\n",
	    ERROR("the letter is not shown", "null") },
};

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
		put("\n"); /* after "^C" or the progress */
	put(json ? said[now].json : said[now].text);
	signal(number, SIG_DFL);
	raise(number); /* comes when this returns */
}

void
cancel_begin(const struct options *o, enum cancel_state state)
{
	struct sigaction was, to = { .sa_handler = on_interrupt };

	json = o->json;
	terminal = isatty(STDERR_FILENO) == 1;
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
