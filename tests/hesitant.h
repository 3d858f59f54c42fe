/* hesitant — a source that says SOURCE_WAIT before each piece of another, for movers without a loop. */
#ifndef TESTS_HESITANT_H
#define TESTS_HESITANT_H

#include <stdbool.h>
#include <stdlib.h>

#include "common/base/engine.h"

struct hesitant {
	struct source source; /* first */
	struct source *inner;
	bool ready;
};

static inline ssize_t
hesitant_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct hesitant *h = (struct hesitant *)s;

	if (!h->ready)
		return SOURCE_WAIT;
	h->ready = false;
	return h->inner->read(h->inner, offset, dst, n);
}

static inline void
hesitant_free(struct source *s)
{
	struct hesitant *h = (struct hesitant *)s;

	h->inner->free(h->inner);
	free(h);
}

/* Puts a hesitant source before the payload's, which no mover has read yet. */
static inline void
hesitant_put(struct payload *p)
{
	struct hesitant *h;

	if (p->source == NULL || p->source->read == hesitant_read)
		return;
	if ((h = calloc(1, sizeof *h)) == NULL)
		abort();
	h->source.read = hesitant_read;
	h->source.free = hesitant_free;
	h->inner = p->source;
	p->source = &h->source;
}

/* Wakes the mover, if its payload waits. */
static inline void
hesitant_wake(struct payload *p)
{
	struct hesitant *h = (struct hesitant *)p->source;

	if (h == NULL || !p->waiting)
		return;
	h->ready = true;
	h->source.wake(h->source.wake_arg);
}

#endif
