/* source — octets in memory, and before those of another source; see source.h. */
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

/* -- one after another -------------------------------------------------------------------------- */

struct joined {
	struct source source; /* first */
	struct buf head;
	struct source *rest;
};

static void
joined_woken(void *arg)
{
	struct joined *j = arg;

	j->source.wake(j->source.wake_arg);
}

static ssize_t
joined_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct joined *j = (struct joined *)s;

	if (offset >= j->head.len) {
		j->rest->wake = joined_woken;
		j->rest->wake_arg = j;
		return j->rest->read(j->rest, offset - j->head.len, dst, n);
	}
	if (n > j->head.len - offset)
		n = (size_t)(j->head.len - offset);
	memcpy(dst, j->head.data + offset, n);
	return (ssize_t)n;
}

static void
joined_free(struct source *s)
{
	struct joined *j = (struct joined *)s;

	j->rest->free(j->rest);
	buf_clear(&j->head);
	free(j);
}

struct source *
source_joined_take(struct buf *head, struct source *rest)
{
	struct joined *j = memory_new(sizeof *j);

	*j = (struct joined) { .source = { .read = joined_read, .free = joined_free },
		.head = *head,
		.rest = rest };
	*head = (struct buf)BUF_INIT;
	return &j->source;
}
