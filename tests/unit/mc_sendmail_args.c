/* sendmail_args — the arguments of the programs that call sendmail, one row each; and what no program may mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mc/sendmail_args.h"

#define WORDS_MAX 32

/* Splits at blanks. */
static bool
parse(const char *line, char *text, struct sendmail_args *a, const char **to, struct err *e)
{
	char *argv[WORDS_MAX + 1], *rest;
	size_t n = 0;

	strcpy(text, line);
	for (char *w = strtok_r(text, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest))
		argv[n++] = strcmp(w, "''") == 0 ? w + 2 : w;
	argv[n] = NULL;
	return sendmail_args_parse(a, to, argv, e);
}

/* mode, -t, -i, sender, name, recipients */
static void
callers(void **state)
{
	static const struct {
		const char *caller, *line, *want;
	} rows[] = {
		{ "mutt", "-oem -oi -f bob@example.org -- a b secret",
		    "send . i bob@example.org - a b secret" },
		{ "git send-email", "-i a b bob", "send . i - - a b bob" },
		{ "git send-email, envelope sender", "-f bob -i a b bob",
		    "send . i bob - a b bob" },
		{ "mcom", "-t", "send t . - -" },
		{ "mcom, again", "-- a b", "send . . - - a b" },
		{ "cron", "-FCronDaemon -i -B8BITMIME -oem root", "send . i - CronDaemon root" },
		{ "php", "-t -i", "send t i - -" },
		{ "php, with a sender", "-t -i -fwww@example.org", "send t i www@example.org -" },
		{ "mdadm, sudo", "-t", "send t . - -" },
		{ "alpine", "-bs -odb -oem", "smtp . . - -" },
		{ "smartd", "root admin@example.org", "send . . - - root admin@example.org" },
		{ "joined letters", "-ti", "send t i - -" },
		{ "a value after joined letters", "-tif bob x", "send t i bob - x" },
		{ "options after recipients", "a -i b", "send . i - - a b" },
		{ "a recipient that looks like an option", "-i -- -t", "send . i - - -t" },
		{ "nobody", "-f '' x", "send . .  - x" },
		{ "nobody, in brackets", "-f <> x", "send . . <> - x" },
		{ "all that is not used",
		    "-m -v -n -U -G -N never -R hdrs -Vid -h 3 -Lx -p y -X /f -C /c -Am -d0.1 -O A=b -em -oQ/x x",
		    "send . . - - x" },
		{ "mailq", "-bp", "mailq . . - -" },
		{ "newaliases", "-bi", "newaliases . . - -" },
		{ "a queue that is run", "-q15m", "flush . . - -" },
		{ "the same", "-q", "flush . . - -" },
		{ "-r", "-r bob -bm x", "send . . bob - x" },
	};
	static const char *const modes[] = { "send", "smtp", "mailq", "newaliases", "flush" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *to[WORDS_MAX];
		char text[256], got[512];
		struct sendmail_args a;
		struct err e;
		int n;

		assert_true(parse(rows[i].line, text, &a, to, &e));
		n = snprintf(got, sizeof got, "%s %s %s %s %s", modes[a.mode],
		    a.from_header ? "t" : ".", a.dots_stay ? "i" : ".",
		    a.from == NULL ? "-" : a.from, a.name == NULL ? "-" : a.name);
		for (size_t k = 0; k < a.n_to; k++)
			n += snprintf(got + n, sizeof got - (size_t)n, " %s", a.to[k]);
		assert_string_equal(got, rows[i].want);
	}
}

static void
refused(void **state)
{
	static const char *const lines[] = { "-x", "-tx a", "-bd", "-bt", "-bsx", "-b", "-f",
		"-tif", "--read-recipients", "-iF" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const char *to[WORDS_MAX];
		struct sendmail_args a;
		char text[256];
		struct err e;

		assert_false(parse(lines[i], text, &a, to, &e));
		assert_int_equal(e.why, REFUSAL_usage);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("mc_sendmail_args", tests, NULL, NULL);
}
