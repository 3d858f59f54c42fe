/* options — the command line, from one table; see options.h.  Help is in options_help.c. */
#include "common/conf/options.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/base/nearest.h"
#include "common/conf/options_private.h"
#include "common/text/json.h"

#define ROW 256 /* getopt's value of the table's i-th row is ROW + i */

/* The options of one command line, in getopt's form. */
struct grammar {
	const struct options_option *rows[OPTIONS_MAX];
	size_t n;
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
};

static void
grammar_add(struct grammar *g, const struct options_option *o)
{
	size_t at = strlen(g->letters);

	for (; o != NULL && o->name != NULL && g->n < OPTIONS_MAX; o++, g->n++) {
		g->rows[g->n] = o;
		g->longs[g->n] = (struct option) { o->name,
			o->value != NULL ? required_argument : no_argument, NULL, ROW + (int)g->n };
		if (o->letter == 0)
			continue;
		g->letters[at++] = o->letter;
		if (o->value != NULL)
			g->letters[at++] = ':';
		g->letters[at] = '\0';
	}
}

static void
grammar_init(struct grammar *g, const struct options_verb *v)
{
	*g = (struct grammar) { .letters = "+:" };
	if (v != NULL)
		grammar_add(g, v->options);
	grammar_add(g, options_common);
}

static const struct options_option *
grammar_find(const struct grammar *g, int got)
{
	if (got >= ROW)
		return g->rows[got - ROW];
	for (size_t i = 0; i < g->n; i++)
		if (got != 0 && g->rows[i]->letter == got)
			return g->rows[i];
	return NULL;
}

/* Reports the fault, and what may be written instead. */
static int
bad_option(const struct options *o, const struct grammar *g, int got, const char *word)
{
	const struct options_option *known = grammar_find(g, optopt);
	struct nearest guess;
	struct span name = span_str(word + strspn(word, "-"));

	if (got == ':' && known != NULL)
		return options_usage(o, "--%s needs its %s", known->name, known->value);
	if (known != NULL)
		return options_usage(o, "--%s takes no value", known->name);
	if (optopt != 0)
		return options_usage(o, "no option -%c", optopt);
	name = span_cut(&name, '=');
	nearest_init(&guess, name);
	for (size_t i = 0; i < g->n; i++)
		nearest_offer(&guess, g->rows[i]->name);
	if (guess.best != NULL)
		return options_usage(o, "no option --%.*s; did you mean --%s?", SPAN_FMT(name),
		    guess.best);
	return options_usage(o, "no option --%.*s", SPAN_FMT(name));
}

static int
keep(struct options *o, const struct options_option *option, const char *value)
{
	if (o->n_given == OPTIONS_VALUES_MAX)
		return options_usage(o, "more than %d options", OPTIONS_VALUES_MAX);
	o->given[o->n_given].option = option;
	o->given[o->n_given++].value = value;
	return 0;
}

/* One word; all that are left after "--".  A "--" that was the value of the
 * option just read is none.  True: all are taken (asked again, getopt would begin anew). */
static bool
take_words(struct options *o, int argc, char **argv, const char *value)
{
	const char *before = argv[optind - 1];
	bool all = before != value && strcmp(before, "--") == 0;

	do
		o->args[o->n_args++] = argv[optind++];
	while (all && optind < argc);
	return optind >= argc;
}

/* Reads options and words from argv[1] on, options wherever they occur, words into o->args; a
 * leading word ends it where stop_at_word is set.  Returns 0 or the exit status. */
static int
scan(struct options *o, const struct grammar *g, int argc, char **argv, bool stop_at_word)
{
	const char *value = NULL;

	optind = 0;
	opterr = 0;
	for (;;) {
		int got = getopt_long(argc, argv, g->letters, g->longs, NULL);
		int status = 0;

		if (got == '?' || got == ':')
			return bad_option(o, g, got, argv[optind - 1]);
		if (got != -1) {
			value = optarg;
			status = keep(o, grammar_find(g, got), value);
			if (status != 0)
				return status;
			continue;
		}
		if (optind >= argc || stop_at_word || take_words(o, argc, argv, value))
			return 0;
	}
}

void
options_add_word(struct buf *out, const char *word)
{
	if (word[0] != '\0' &&
	    word[strspn(word,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"/._-+,:@%=")] == '\0') {
		buf_addf(out, "%s", word);
		return;
	}
	buf_addf(out, "'");
	for (; *word != '\0'; word++)
		buf_addf(out, *word == '\'' ? "'\\''" : "%c", *word);
	buf_addf(out, "'");
}

/* -C FILE, and mc's -A NAME. */
static void
set_command(struct options *o)
{
	const char *account = options_value(o, "account");

	o->conf_file = options_value(o, "config");
	buf_reset(&o->command);
	buf_addf(&o->command, "%s", o->called);
	if (o->conf_file != NULL) {
		buf_addf(&o->command, " -C ");
		options_add_word(&o->command, o->conf_file);
	}
	if (account != NULL) {
		buf_addf(&o->command, " -A ");
		options_add_word(&o->command, account);
	}
	buf_add(&o->command, "", 1);
}

static const struct options_verb *
verb_named(const struct options_program *p, const char *name)
{
	for (const struct options_verb *v = p->verbs; name != NULL && v->name != NULL; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

/* "user add" for argv = { "user", "add", ... }; how many words it took. */
static const struct options_verb *
verb_find(const struct options_program *p, int argc, char **argv, int *words)
{
	const struct options_verb *v = NULL;
	char two[128];

	*words = 2;
	if (argc >= 2 && snprintf(two, sizeof two, "%s %s", argv[0], argv[1]) < (int)sizeof two)
		v = verb_named(p, two);
	if (v == NULL && argc >= 1) {
		*words = 1;
		v = verb_named(p, argv[0]);
	}
	return v;
}

/* Says what to type instead: the whole command, with the words that were typed after its name. */
static int
did_you_mean(const struct options *o, const char *typed, const char *verb, char **rest)
{
	struct buf b = BUF_INIT;
	int status;

	for (; *rest != NULL; rest++) {
		buf_addf(&b, " ");
		options_add_word(&b, *rest);
	}
	status = options_usage(o, "no command \"%s\"; did you mean  %s %s%.*s ?", typed,
	    o->command.data, verb, SPAN_FMT(buf_span(&b)));
	buf_clear(&b);
	return status;
}

/* Explains a word that is no misspelt command.  -1: there is no hint for it. */
static int
no_verb_of_that_name(const struct options *o, char **argv)
{
	const struct options_hint *h = o->program->hints;

	while (h != NULL && h->word != NULL && strcmp(h->word, argv[0]) != 0)
		h++;
	if (h == NULL || h->word == NULL)
		return -1;
	if (h->verb == NULL)
		return options_usage(o,
		    "no command \"%s\": %s cannot do that yet; all it can: %s --help", argv[0],
		    o->called, o->called);
	return did_you_mean(o, argv[0], h->verb, argv + 1);
}

static int
no_verb(const struct options *o, int argc, char **argv)
{
	struct buf typed = BUF_INIT, family = BUF_INIT;
	struct nearest one, two;
	size_t n = strlen(argv[0]);
	int status = no_verb_of_that_name(o, argv);

	if (status >= 0)
		return status;
	buf_addf(&typed, "%s %s", argv[0], argc > 1 ? argv[1] : "");
	nearest_init(&one, span_str(argv[0]));
	nearest_init(&two, buf_span(&typed));
	for (const struct options_verb *v = o->program->verbs; v->name != NULL; v++) {
		nearest_offer(&one, v->name);
		nearest_offer(&two, v->name);
		if (strncmp(v->name, argv[0], n) == 0 && v->name[n] == ' ')
			buf_addf(&family, "%s%s", family.len > 0 ? ", " : "", v->name);
	}
	nearest_offer(&one, "help");
	buf_add(&family, "", 1);
	buf_add(&typed, "", 1);
	if (argc > 1 && two.best != NULL)
		status = did_you_mean(o, typed.data, two.best, argv + 2);
	else if (family.len > 1)
		status = options_usage(o, "%s what? There is: %s", argv[0], family.data);
	else if (one.best != NULL)
		status = did_you_mean(o, argv[0], one.best, argv + 1);
	else
		status = options_usage(o, "no command \"%s\"; all of them: %s --help", argv[0],
		    o->called);
	buf_clear(&typed);
	buf_clear(&family);
	return status;
}

static int
print_help(const struct options *o, const struct options_verb *v)
{
	struct buf b = BUF_INIT;

	options_help(o, v, &b);
	fwrite(b.data, 1, b.len, stdout);
	buf_clear(&b);
	return 0;
}

static bool
colourless(void)
{
	const char *term = getenv("TERM"), *wish = getenv("NO_COLOR");

	return (wish != NULL && *wish != '\0') || term == NULL || strcmp(term, "dumb") == 0 ||
	    !isatty(STDOUT_FILENO);
}

/* Applies the common options; -1: go on. */
static int
apply_common(struct options *o)
{
	set_command(o);
	o->json = options_has(o, "json");
	o->quiet = options_has(o, "quiet");
	o->verbose = options_has(o, "verbose");
	o->no_color = options_has(o, "no-color") || colourless();
	if (options_has(o, "help"))
		return print_help(o, o->verb);
	if (options_has(o, "version")) {
		printf("%s %s\n", o->program->name, VERSION);
		return 0;
	}
	return -1;
}

static int
run_verb(struct options *o)
{
	const struct options_verb *v = o->verb;

	if (o->n_args < v->min)
		return options_usage(o, "%s needs %s; try: %s %s --help", v->name, v->arguments,
		    o->called, v->name);
	if (v->max >= 0 && o->n_args > v->max)
		return options_usage(o, "\"%s\" is one word too many for %s; try: %s %s --help",
		    o->args[v->max], v->name, o->called, v->name);
	return v->run(o);
}

/* `help`, or nothing at all. */
static int
help_verb(struct options *o, int argc, char **argv)
{
	const struct options_verb *v;
	int words;

	if (argc == 0)
		return print_help(o, NULL);
	v = verb_find(o->program, argc, argv, &words);
	return v == NULL ? no_verb(o, argc, argv) : print_help(o, v);
}

/* Options before the verb may be common ones or its own. */
static int
check_given(const struct options *o)
{
	struct grammar g;

	grammar_init(&g, o->verb);
	for (size_t i = 0, k; i < o->n_given; i++) {
		for (k = 0; k < g.n; k++)
			if (strcmp(g.rows[k]->name, o->given[i].option->name) == 0)
				break;
		if (k == g.n)
			return options_usage(o, "--%s is not for %s", o->given[i].option->name,
			    o->verb->name);
	}
	return 0;
}

/* The verb's own part of the line: `words` of it are its name. */
static int
verb_line(struct options *o, int argc, char **argv, int words)
{
	struct grammar g;
	int status = check_given(o);

	if (status == 0 && o->verb->raw) {
		for (int i = words; i < argc; i++)
			o->args[o->n_args++] = argv[i];
	} else if (status == 0 && argc > 0) {
		grammar_init(&g, o->verb);
		status = scan(o, &g, argc - words + 1, argv + words - 1, false);
	}
	o->args[o->n_args] = NULL;
	return status;
}

static int
dispatch(struct options *o, int argc, char **argv)
{
	const struct options_verb *bare = verb_named(o->program, o->program->bare);
	struct grammar g;
	int words = 0, status, left;

	for (int i = 1; i < argc && !o->json; i++) /* so that usage errors obey it too */
		o->json = strcmp(argv[i], "--json") == 0;
	grammar_init(&g, bare);
	status = scan(o, &g, argc, argv, true);
	if (status != 0)
		return status;
	set_command(o);
	left = argc - optind;
	argv += optind;
	if (left > 0 && strcmp(argv[0], "help") == 0)
		return help_verb(o, left - 1, argv + 1);
	if (left > 0)
		o->verb = verb_find(o->program, left, argv, &words);
	else if (!options_has(o, "help"))
		o->verb = bare;
	if (left > 0 && o->verb == NULL)
		return no_verb(o, left, argv);
	status = o->verb != NULL ? verb_line(o, left, argv, words) : 0;
	if (status != 0)
		return status;
	status = apply_common(o);
	if (status >= 0)
		return status;
	return o->verb != NULL ? run_verb(o)
			       : options_usage(o, "what? All commands: %s --help", o->called);
}

/* Ends the output; a status of 0 becomes that of output that could not be written.  A reader that
 * leaves early, as `head` does, is no fault. */
static int
end_output(const struct options *o, int status)
{
	struct err e;

	if ((fflush(stdout) == 0 && !ferror(stdout)) || status != 0)
		return status;
	if (file_has_no_reader(STDOUT_FILENO))
		return 0;
	err_set(&e, REFUSAL_cannot_write, "standard output");
	return options_fail(o, &e);
}

int
options_main(const struct options_program *p, int argc, char **argv)
{
	struct options o = { .program = p, .called = p->name };
	int status;

	signal(SIGPIPE, SIG_IGN); /* end_output says what becomes of it */
	if (argc > 0 && argv[0] != NULL) {
		const char *slash = strrchr(argv[0], '/');

		o.called = slash != NULL ? slash + 1 : argv[0];
	}
	o.args = memory_array((size_t)argc + 1, sizeof *o.args);
	status = end_output(&o, dispatch(&o, argc, argv));
	free(o.args);
	buf_clear(&o.command);
	return status;
}

bool
options_has(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_given; i++)
		if (strcmp(o->given[i].option->name, name) == 0)
			return true;
	return false;
}

const char *
options_value(const struct options *o, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < o->n_given; i++)
		if (strcmp(o->given[i].option->name, name) == 0)
			value = o->given[i].value;
	return value;
}

const char *
options_value_at(const struct options *o, const char *name, size_t nth)
{
	for (size_t i = 0; i < o->n_given; i++)
		if (strcmp(o->given[i].option->name, name) == 0 && nth-- == 0)
			return o->given[i].value;
	return NULL;
}
