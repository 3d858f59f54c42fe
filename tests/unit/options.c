/* options — what a command line means, and what is said when it means nothing. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conf/options.h"

static struct options seen;
static const char *seen_verb;
static char *seen_args[16];
static char seen_values[256];

static int
note(struct options *o)
{
	seen = *o;
	seen_verb = o->verb->name;
	for (int i = 0; i <= o->n_args; i++)
		seen_args[i] = o->args[i];
	seen_values[0] = '\0';
	for (size_t i = 0; i < o->n_given; i++)
		snprintf(seen_values + strlen(seen_values),
		    sizeof seen_values - strlen(seen_values), "%s=%s;", o->given[i].option->name,
		    o->given[i].value != NULL ? o->given[i].value : "");
	return 0;
}

static const struct options_option list_options[] = {
	{ "held", 0, NULL, "only those that the sender holds" },
	{ "from", 'f', "ADDRESS", "only of this sender" },
	{ NULL, 0, NULL, NULL },
};
static const struct options_verb verbs[] = {
	{ "run", "", 0, 0, "serve", NULL, note, false },
	{ "list", "[DOMAIN]...", 0, -1, "what is there", list_options, note, false },
	{ "user add", "ADDRESS", 1, 1, "make a mailbox", NULL, note, false },
	{ "user list", "", 0, 0, "mailboxes", NULL, note, false },
	{ "sendmail", "...", 0, -1, "as sendmail(8)", NULL, note, true },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false },
};
static const struct options_hint hints[] = {
	{ "serve", "run" },
	{ "ruin", "user list" },
	{ "stop", NULL },
	{ NULL, NULL },
};
static const struct options_program plain = { "oms", "keeps mail", verbs, NULL, hints };
static const struct options_program bare = { "mc", "reads mail", verbs, "list", NULL };

/* Runs a line (words parted by spaces) with stdout and stderr in files; out gets both. */
static int
run_of(const struct options_program *p, const char *line, char out[4096])
{
	static char words[1024]; /* what is seen borrows from it */
	char *argv[32];
	int argc = 0, saved[2] = { dup(1), dup(2) }, fd = memfd_create("out", 0);
	int status;
	ssize_t n;

	snprintf(words, sizeof words, "%s", line);
	for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	fflush(stdout);
	dup2(fd, 1);
	dup2(fd, 2);
	seen_verb = NULL;
	status = options_main(p, argc, argv);
	fflush(stdout);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	n = pread(fd, out, 4095, 0);
	out[n > 0 ? n : 0] = '\0';
	close(fd);
	close(saved[0]);
	close(saved[1]);
	return status;
}

static void
assert_runs(const char *line, const char *verb, const char *values, int n_args)
{
	char out[4096];

	assert_int_equal(run_of(&plain, line, out), 0);
	assert_string_equal(out, "");
	assert_non_null(seen_verb);
	assert_string_equal(seen_verb, verb);
	assert_string_equal(seen_values, values);
	assert_int_equal(seen.n_args, n_args);
}

static void
assert_says(const struct options_program *p, const char *line, int status, const char *what)
{
	char out[4096];

	assert_int_equal(run_of(p, line, out), status);
	if (strstr(out, what) == NULL)
		fail_msg("%s: \"%s\" is not in: %s", line, what, out);
}

static void
meanings(void **state)
{
	(void)state;
	assert_runs("/usr/bin/oms run", "run", "", 0);
	assert_string_equal(seen.called, "oms");
	assert_null(seen.conf_file);
	assert_runs("oms -C x run", "run", "config=x;", 0);
	assert_string_equal(seen.conf_file, "x");
	assert_runs("oms run -C x --config=y -qv", "run", "config=x;config=y;quiet=;verbose=;", 0);
	assert_string_equal(seen.conf_file, "y");
	assert_true(seen.quiet && seen.verbose && !seen.json && seen.no_color);
	assert_runs("oms --json user add a@b --quiet", "user add", "json=;quiet=;", 1);
	assert_true(seen.json);
	assert_runs("oms list a --held b -f x c --from=y", "list", "held=;from=x;from=y;", 3);
	assert_runs("oms list a -- --held b -- c", "list", "", 5);
	assert_runs("oms list -f -- a", "list", "from=--;", 1);
	assert_runs("oms sendmail -t -i --json -- a", "sendmail", "", 5);
}

static void
values(void **state)
{
	char out[4096];

	(void)state;
	assert_int_equal(run_of(&bare, "mc -f x --from y", out), 0);
	assert_string_equal(seen_verb, "list");
	assert_string_equal(options_value(&seen, "from"), "y");
	assert_string_equal(options_value_at(&seen, "from", 0), "x");
	assert_string_equal(options_value_at(&seen, "from", 1), "y");
	assert_null(options_value_at(&seen, "from", 2));
	assert_null(options_value(&seen, "held"));
	assert_false(options_has(&seen, "held"));
	assert_int_equal(run_of(&bare, "mc", out), 0);
	assert_string_equal(seen_verb, "list");
}

static void
faults(void **state)
{
	(void)state;
	assert_says(&plain, "oms", 64, "what? All commands: oms --help");
	assert_says(&plain, "oms rnu", 64, "no command \"rnu\"; did you mean  oms run ?");
	assert_says(&plain, "oms usr add x", 64,
	    "no command \"usr add\"; did you mean  oms user add x ?");
	/* The whole command again, with what was typed besides. */
	assert_says(&plain, "oms -C /f rnu", 64, "did you mean  oms -C /f run ?");
	assert_says(&plain, "oms -C a;b lst c$d -f x", 64,
	    "did you mean  oms -C 'a;b' list 'c$d' -f x ?");
	/* What a word means counts more than how it is spelt. */
	assert_says(&plain, "oms serve", 64, "no command \"serve\"; did you mean  oms run ?");
	assert_says(&plain, "oms ruin", 64, "no command \"ruin\"; did you mean  oms user list ?");
	assert_says(&plain, "oms stop now", 64,
	    "no command \"stop\": oms cannot do that yet; all it can: oms --help");
	assert_says(&plain, "oms user", 64, "user what? There is: user add, user list");
	assert_says(&plain, "oms user zzzzzz", 64, "user what?");
	assert_says(&plain, "oms frobnicate", 64,
	    "no command \"frobnicate\"; all of them: oms --help");
	assert_says(&plain, "oms user add", 64, "user add needs ADDRESS; try: oms user add --help");
	assert_says(&plain, "oms user add a b", 64, "\"b\" is one word too many for user add");
	assert_says(&plain, "oms list --hold", 64, "no option --hold; did you mean --held?");
	assert_says(&plain, "oms run --held", 64, "no option --held");
	assert_says(&plain, "oms list --from", 64, "--from needs its ADDRESS");
	assert_says(&plain, "oms list -f", 64, "--from needs its ADDRESS");
	assert_says(&plain, "oms list --held=yes", 64, "--held takes no value");
	assert_says(&plain, "oms list -x", 64, "no option -x");
	assert_says(&bare, "mc --held run", 64, "--held is not for run");
	assert_says(&plain, "oms rnu", 64, "[usage, status 64]");
	assert_says(&plain, "oms rnu --json", 64, "{\"error\":{\"code\":\"usage\",\"status\":64,");
	assert_null(seen_verb);
}

static void
help(void **state)
{
	(void)state;
	assert_says(&plain, "oms --version", 0, "oms " VERSION "\n");
	assert_says(&plain, "oms run --version", 0, "oms " VERSION "\n");
	assert_says(&plain, "oms --help", 0, "user add ADDRESS");
	assert_says(&plain, "oms -h", 0, "--config=FILE");
	assert_says(&plain, "/x/name help", 0, "usage: name [options] command");
	assert_says(&plain, "oms help list", 0, "-f, --from=ADDRESS");
	assert_says(&plain, "oms help user add", 0, "make a mailbox");
	assert_says(&plain, "oms user add --help", 0, "make a mailbox");
	assert_says(&plain, "oms help lst", 64, "did you mean  oms list ?");
	assert_says(&bare, "mc --help", 0, "usage: mc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meanings),
		cmocka_unit_test(values),
		cmocka_unit_test(faults),
		cmocka_unit_test(help),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
