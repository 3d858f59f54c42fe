/* sendmail_args — arguments of sendmail, one a line: each is an option, a value or a recipient, and nothing is read twice. */
#include <stdlib.h>
#include <string.h>

#include "common/base/span.h"
#include "mc/sendmail_args.h"

#define ARGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_one_of(const char *s, char *const *argv)
{
	for (; *argv != NULL; argv++)
		if (s >= *argv && s <= *argv + strlen(*argv))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1), *argv[ARGS_MAX + 1];
	const char *to[ARGS_MAX];
	struct sendmail_args a;
	size_t words = 0;
	struct err e;

	memcpy(text, data, n);
	text[n] = '\0';
	for (char *at = text; words < ARGS_MAX && at != NULL;) {
		char *end = strchr(at, '\n');

		if (end != NULL)
			*end = '\0';
		argv[words++] = at;
		at = end == NULL ? NULL : end + 1;
	}
	argv[words] = NULL;
	if (sendmail_args_parse(&a, to, argv, &e)) {
		must(a.n_to <= words);
		for (size_t i = 0; i < a.n_to; i++)
			must(is_one_of(a.to[i], argv));
		must(a.from == NULL || is_one_of(a.from, argv));
		must(a.name == NULL || is_one_of(a.name, argv));
	} else {
		must(e.why == REFUSAL_usage);
	}
	free(text);
	return 0;
}
