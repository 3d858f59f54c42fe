/* memory — allocation that cannot fail; see memory.h. */
#include "common/base/memory.h"

#include <stdlib.h>
#include <string.h>

void *
memory_array(size_t count, size_t n)
{
	void *p = calloc(count, n);

	if (p == NULL)
		abort();
	return p;
}

void *
memory_new(size_t n)
{
	return memory_array(1, n);
}

void *
memory_resize(void *p, size_t count, size_t n)
{
	void *q = reallocarray(p, count, n);

	if (q == NULL)
		abort();
	return q;
}

char *
memory_text(const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		abort();
	return p;
}
