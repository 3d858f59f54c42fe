/* temp — names of scratch files and folders: in $TMPDIR, which tests/run gives to each test and removes, else
 * in /tmp. */
#ifndef TESTS_TEMP_H
#define TESTS_TEMP_H

#include <stdio.h>
#include <stdlib.h>

/* name: as mkstemp and mkdtemp want it. */
static inline void
temp_name(char *out, size_t cap, const char *name)
{
	const char *folder = getenv("TMPDIR");
	int n = snprintf(out, cap, "%s/%s", folder != NULL ? folder : "/tmp", name);

	if (n < 0 || (size_t)n >= cap) {
		fprintf(stderr, "TMPDIR is too long: %s\n", folder);
		abort();
	}
}

#endif
