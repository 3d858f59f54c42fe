/* smtp_stuffed — a dot-stuffed source; see smtp_stuffed.h. */
#include "proto/smtp/smtp_stuffed.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

struct stuffed {
	struct source source; /* first */
	struct source *letter;
	uint64_t at, n; /* octets of the letter that were read, and all */
	struct smtp_dots *dots;
	size_t len, gone; /* of `wire` */
	char piece[SMTP_STUFFED_PIECE];
	char wire[2 * SMTP_STUFFED_PIECE]; /* each octet a dot: twice as many */
};

static void
woken(void *arg)
{
	struct stuffed *x = arg;

	x->source.wake(x->source.wake_arg);
}

/* 1: more is in `wire`; 0: the letter is over; else as read of struct source. */
static ssize_t
fill(struct stuffed *x)
{
	uint64_t left = x->n - x->at;
	struct span in;
	ssize_t got;

	if (left == 0)
		return 0;
	x->letter->wake = woken;
	x->letter->wake_arg = x;
	got = x->letter->read(x->letter, x->at, x->piece,
	    left < sizeof x->piece ? (size_t)left : sizeof x->piece);
	if (got <= 0 || (uint64_t)got > left)
		return got == SOURCE_WAIT ? got : -1;
	x->at += (uint64_t)got;
	in = span_of(x->piece, (size_t)got);
	x->gone = 0;
	x->len = smtp_dots_put(x->dots, &in, x->wire, sizeof x->wire);
	return 1;
}

static ssize_t
stuffed_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct stuffed *x = (struct stuffed *)s;
	ssize_t got;

	(void)offset; /* a mover asks for each octet once, in order */
	if (x->gone == x->len && (got = fill(x)) <= 0)
		return got;
	if (n > x->len - x->gone)
		n = x->len - x->gone;
	memcpy(dst, x->wire + x->gone, n);
	x->gone += n;
	return (ssize_t)n;
}

static void
stuffed_free(struct source *s)
{
	struct stuffed *x = (struct stuffed *)s;

	x->letter->free(x->letter);
	free(x);
}

struct source *
smtp_stuffed_take(struct source *letter, uint64_t n, struct smtp_dots *dots)
{
	struct stuffed *x = memory_new(sizeof *x);

	x->source = (struct source) { .read = stuffed_read, .free = stuffed_free };
	x->letter = letter;
	x->n = n;
	x->dots = dots;
	return &x->source;
}
