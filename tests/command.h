/* command — the options of a tool's command line, as a table. */
#ifndef TESTS_COMMAND_H
#define TESTS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* One of text, n and flag is set. */
struct command_option {
	const char *name; /* without its dashes */
	const char **text;
	bool *flag; /* it has no value */
	long *n, least, most;
};

#define COMMAND_OPTIONS_MAX 40

/* Reads --NAME VALUE and --NAME.  False: an option is not in the table, or there is something else.  Ends the program
 * where a number is none, or is not from `least` to `most`. */
bool command_options(int argc, char **argv, const char *program, const struct command_option *table,
    size_t n);

#endif
