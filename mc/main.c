/* mc — mail that stays with its sender until it is called for: the user's command. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/conf/options.h"
#include "mc/mime.h"
#include "mc/out.h"
#include "mc/verbs.h"
#include "proto/submit.h"

#define ACCOUNT                                                                                    \
	{                                                                                          \
		"account", 'A', "NAME", "the account of that name; several can be set up"          \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, NULL, NULL                                                                \
	}

static const struct options_option setup_options[] = {
	{ "replace", 0, NULL, "replace the account that is set up here" },
	ACCOUNT,
	END,
};

static const struct options_option send_options[] = {
	{ "recipients", 't', NULL, "also send to the addresses in To, Cc and Bcc" },
	{ "hold", 0, "DAYS", "how long it is kept for the recipients, 1 to 366" },
	{ "wait", 0, "SECONDS", "how long to wait for the first news (2; 0: not)" },
	ACCOUNT,
	END,
};

static const struct options_option list_options[] = {
	{ "held", 0, NULL, "only those whose body is still with the sender" },
	ACCOUNT,
	END,
};

static const struct options_option show_options[] = {
	{ "raw", 0, NULL, "the exact octets, to a file or a pipe" },
	{ "headers", 0, NULL, "all header fields, nothing else" },
	ACCOUNT,
	END,
};

static const struct options_option fetch_options[] = {
	{ "all", 0, NULL, "every letter that is still with its sender" },
	ACCOUNT,
	END,
};

static const struct options_option outbox_options[] = {
	ACCOUNT,
	END,
};

_Static_assert(SUBMIT_HOLD_DAYS_MAX == 366, "the help of --hold says so");

static const struct options_verb verbs[] = {
	{ "setup", "[ADDRESS]", 0, 1, "find your servers and sign in for the first time",
	    setup_options, verb_setup, false },
	{ "send", "[ADDRESS]...", 0, -1, "send the letter on standard input", send_options,
	    verb_send, false },
	{ "list", "", 0, 0, "what was announced to you", list_options, verb_list, false },
	{ "show", "NUMBER", 1, 1, "read a letter; it is fetched if it is held", show_options,
	    verb_show, false },
	{ "fetch", "NUMBER...", 0, -1, "have letters fetched from their senders", fetch_options,
	    verb_fetch, false },
	{ "outbox", "[ID]", 0, 1, "what became of the letters you sent", outbox_options,
	    verb_outbox, false },
	{ "sendmail", "[ARGUMENT]...", 0, -1, "send as sendmail(8) does, for programs", NULL,
	    verb_sendmail, true },
	{ "mailq", "", 0, 0, "the letters of sendmail that wait on this machine", outbox_options,
	    verb_mailq, false },
	{ "flush", "", 0, 0, "send them now", outbox_options, verb_flush, false },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false },
};

/* clang-format off */
static const struct options_hint hints[] = {
	{ "read", "show" },	{ "view", "show" },	{ "open", "show" },	{ "cat", "show" },
	{ "print", "show" },	{ "inbox", "list" },	{ "ls", "list" },	{ "mail", "list" },
	{ "new", "list" },	{ "check", "list" },	{ "get", "fetch" },	{ "download", "fetch" },
	{ "pull", "fetch" },	{ "sent", "outbox" },	{ "status", "outbox" },	{ "queue", "outbox" },
	{ "login", "setup" },	{ "init", "setup" },	{ "config", "setup" },	{ "account", "setup" },
	{ "submit", "send" },	{ "post", "send" },	{ "write", "send" },	{ "compose", "send" },
	{ "delete", NULL },	{ "rm", NULL },		{ "remove", NULL },	{ "drop", NULL },
	{ "reply", NULL },	{ "answer", NULL },	{ "forward", NULL },	{ "resend", NULL },
	{ "search", NULL },	{ "find", NULL },	{ "save", NULL },	{ "extract", NULL },
	{ "recall", NULL },	{ "cancel", NULL },	{ "refuse", NULL },	{ "decline", NULL },
	{ "reject", NULL },	{ "spam", NULL },	{ "move", NULL },	{ "mv", NULL },
	{ "archive", NULL },	{ "trust", NULL },	{ "block", NULL },	{ "verify", NULL },
	{ NULL, NULL },
};
/* clang-format on */

static const struct options_program program = {
	"mc",
	"mail that stays with its sender until it is called for",
	verbs,
	"list",
	hints,
};

/* By a link of that name it is the verb: `sendmail -t` is `mc sendmail -t`.  *out is new, or argv. */
static int
called_as(int argc, char **argv, char ***out)
{
	static char *const names[] = { "sendmail", "mailq", "newaliases" };
	const char *slash = strrchr(argv[0], '/'), *called = slash != NULL ? slash + 1 : argv[0];

	*out = argv;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(called, names[i]) != 0)
			continue;
		*out = memory_array((size_t)argc + 4, sizeof **out);
		(*out)[0] = "mc";
		(*out)[1] = "sendmail";
		(*out)[2] = i == 1 ? "-bp" : i == 2 ? "-bi" : "-bm";
		memcpy(*out + 3, argv + 1, (size_t)argc * sizeof *argv);
		return argc + 2;
	}
	return argc;
}

int
main(int argc, char **argv)
{
	char **words = argv;
	int n;
	static const struct rlimit no_core = { 0, 0 };
	int status;

	(void)setrlimit(RLIMIT_CORE, &no_core); /* passwords and letters are in memory */
	umask(077);
	log_open("mc", LOG_ERROR);
	out_locale();
	mime_start();
	n = argc > 0 ? called_as(argc, argv, &words) : 0;
	status = options_main(&program, n, words);
	mime_stop();
	if (n != argc)
		free(words);
	return status;
}
