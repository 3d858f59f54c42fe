/* command — see command.h. */
#include "tests/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static long
number(const struct command_option *o, const char *program)
{
	char *end;
	long n = strtol(optarg, &end, 10);

	if (*optarg == '\0' || *end != '\0' || n < o->least || n > o->most) {
		fprintf(stderr, "%s: %s is not a number from %ld to %ld\n", program, optarg,
		    o->least, o->most);
		exit(64);
	}
	return n;
}

static void
take(const struct command_option *o, const char *program)
{
	if (o->text != NULL)
		*o->text = optarg;
	else if (o->n != NULL)
		*o->n = number(o, program);
	else
		*o->flag = true;
}

bool
command_options(int argc, char **argv, const char *program, const struct command_option *table,
    size_t n)
{
	struct option longs[COMMAND_OPTIONS_MAX + 1] = { { NULL, 0, NULL, 0 } };
	int i, got;

	if (n > COMMAND_OPTIONS_MAX)
		abort();
	for (size_t k = 0; k < n; k++)
		longs[k] = (struct option) { table[k].name, table[k].flag == NULL, NULL, 0 };
	while ((got = getopt_long(argc, argv, "", longs, &i)) == 0)
		take(&table[i], program);
	return got == -1 && optind == argc;
}
