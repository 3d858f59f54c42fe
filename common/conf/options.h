/* options — `name [options] verb [arguments]`, from one table of verbs, options and help.
 *
 * The table is data: the parser, --help, the guess at a misspelt word, completion and the
 * manual's synopsis all come from it, so they cannot disagree.  A verb may be two words
 * ("user add").  Options may come before or after the verb, and between its arguments.
 *
 * Common to every verb: -C FILE, --json, -q, -v, --no-color, -h, --version; `help [VERB]` is a
 * verb of every program.  Usage errors end with status 64 on stderr, in one line with the cure.
 *
 * Threads: the main thread, at the start (getopt_long keeps its place in globals).
 */
#ifndef COMMON_CONF_OPTIONS_H
#define COMMON_CONF_OPTIONS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define OPTIONS_MAX        32  /* options of one verb with the common ones */
#define OPTIONS_VALUES_MAX 256 /* options on one command line, repeats included */

struct options;

struct options_option {
	const char *name;  /* "hold-limit" for --hold-limit */
	char letter;       /* 'd' for -d; 0: none */
	const char *value; /* "DAYS"; NULL: takes none */
	const char *help;
};

struct options_verb {
	const char *name;
	const char *arguments; /* "ADDRESS [NAME]..."; "" : none */
	int min, max;          /* how many; max -1: any number */
	const char *help;
	const struct options_option *options; /* ended by a row without a name; NULL: none */
	/* Returns the exit status; usually options_done or options_fail. */
	int (*run)(struct options *o);
	bool raw; /* everything after the verb is an argument */
};

/* A word that people try for a command that has another name or does not exist. */
struct options_hint {
	const char *word;
	const char *verb; /* NULL: there is no such command yet */
};

struct options_program {
	const char *name;                 /* for --version: "oms" */
	const char *about;                /* one line */
	const struct options_verb *verbs; /* ended by a row without a name */
	const char *bare;                 /* the default verb; NULL: help */
	const struct options_hint *hints; /* ended by a row without a word; NULL: none */
};

struct options {
	const struct options_program *program;
	const struct options_verb *verb;
	const char *called; /* argv[0]'s last part */
	struct buf command; /* the same with -C FILE and -A NAME as given, for cures; ends in NUL */
	const char *conf_file; /* -C; NULL: not given */
	bool json, quiet, verbose, no_color;
	int n_args;
	char **args; /* the verb's arguments; args[n_args] == NULL */
	struct {
		const struct options_option *option;
		const char *value;
	} given[OPTIONS_VALUES_MAX];
	size_t n_given;
};

/* The whole of main: parses, runs the verb, returns the exit status.  Ignores SIGPIPE: it
 * is no fault if the reader of standard output leaves. */
int options_main(const struct options_program *p, int argc, char **argv);

bool options_has(const struct options *o, const char *name);
/* The last value (NULL: not given), and the i-th one (NULL: there are fewer). */
const char *options_value(const struct options *o, const char *name);
const char *options_value_at(const struct options *o, const char *name, size_t i);

/* Appends a word as a shell reads it: as it is, or between single quotes. */
void options_add_word(struct buf *out, const char *word);

/* Prints the error on stderr, as `oms: text [word, status N]` or with --json as an object, and
 * returns the exit status of its row. */
int options_fail(const struct options *o, const struct err *e);
/* The same, and a line with the cure below it: "start it:  oms run" */
int options_fail_cure(const struct options *o, const struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds the text of --help, for one verb or (NULL) the program. */
void options_help(const struct options *o, const struct options_verb *v, struct buf *out);
int options_usage(const struct options *o, const char *fmt, ...) /* status 64 */
    __attribute__((format(printf, 2, 3)));

#endif
