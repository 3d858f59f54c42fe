/* vast — a source of as many octets as one likes, each known by its offset; counts its readers. */
#ifndef TESTS_VAST_H
#define TESTS_VAST_H

#include "common/base/engine.h"

struct vast {
	struct source source; /* first */
	size_t freed;
	uint64_t read; /* octets */
};

static inline char
vast_octet(uint64_t offset)
{
	return (char)(offset * 31 + (offset >> 8));
}

static inline ssize_t
vast_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = vast_octet(offset + i);
	((struct vast *)s)->read += n;
	return (ssize_t)n;
}

static inline void
vast_free(struct source *s)
{
	((struct vast *)s)->freed++;
}

static inline struct vast
vast_make(void)
{
	return (struct vast) { .source = { .read = vast_read, .free = vast_free } };
}

#endif
