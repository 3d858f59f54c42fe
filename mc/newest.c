/* newest — the newest letters of an outbox; see newest.h. */
#include "mc/newest.h"

#include <stdlib.h>

#include "common/base/memory.h"

void
newest_init(struct newest *b, size_t max)
{
	*b = (struct newest) { .max = max };
}

void
newest_clear(struct newest *b)
{
	for (size_t i = 0; i < b->n; i++)
		sent_clear(&b->letters[i]);
	free(b->letters);
	newest_init(b, b->max);
}

void
newest_take(struct newest *b, struct sent_letter *l)
{
	if (b->n < b->max) {
		b->letters = memory_resize(b->letters, b->n + 1, sizeof *b->letters);
		b->letters[b->n++] = *l;
		return;
	}
	sent_clear(&b->letters[b->oldest]);
	b->letters[b->oldest] = *l;
	b->oldest = (b->oldest + 1) % b->max;
	b->dropped++;
}

const struct sent_letter *
newest_at(const struct newest *b, size_t i)
{
	return &b->letters[(b->oldest + b->n - 1 - i) % b->n];
}
