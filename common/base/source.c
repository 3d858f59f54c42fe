/* source — octets in memory; see source.h. */
#include "common/base/source.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

struct bytes {
	struct source source; /* first */
	size_t n;
	char octets[];
};

static ssize_t
bytes_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct bytes *b = (struct bytes *)s;
	size_t left = offset < b->n ? b->n - (size_t)offset : 0;

	if (left == 0)
		return -1;
	if (n > left)
		n = left;
	memcpy(dst, b->octets + offset, n);
	return (ssize_t)n;
}

static void
bytes_free(struct source *s)
{
	free(s);
}

struct source *
source_bytes(struct span octets)
{
	struct bytes *b = memory_new(sizeof *b + octets.n);

	b->source = (struct source) { .read = bytes_read, .free = bytes_free };
	b->n = octets.n;
	if (octets.n > 0)
		memcpy(b->octets, octets.p, octets.n);
	return &b->source;
}
