/* buf — growable octet buffer; see buf.h. */
#include "common/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
grow(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 128;

	if (more > SIZE_MAX / 2 - b->len)
		abort();
	while (cap < b->len + more)
		cap *= 2;
	if (cap == b->cap)
		return;
	if ((b->data = realloc(b->data, cap)) == NULL)
		abort();
	b->cap = cap;
}

static inline void
reserve(struct buf *b, size_t more)
{
	if (more > b->cap - b->len)
		grow(b, more);
}

void
buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	reserve(b, n);
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
}

/* Formatted again only where it did not fit. */
void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t room = b->cap - b->len;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if ((size_t)n >= room) {
		reserve(b, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

char *
buf_room(struct buf *b, size_t n)
{
	reserve(b, n);
	return b->data + b->len;
}

void
buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

struct span
buf_span(const struct buf *b)
{
	return (struct span) { b->data, b->len };
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
}

void
buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}
