/* drive — moves octets into an engine as a mover does: in chunks, and again what was not taken. */
#ifndef TESTS_DRIVE_H
#define TESTS_DRIVE_H

#include "common/base/engine.h"

/* Appends `in` to what is held, piece by piece; what the engine does not take stays in *held. */
static inline void
drive(struct engine *e, struct buf *held, struct span in, size_t chunk)
{
	size_t at = 0;

	do {
		struct span piece = span_sub(in, at, chunk);

		buf_add(held, piece.p, piece.n);
		at += piece.n;
		buf_drop(held, e->feed(e, buf_span(held)));
	} while (at < in.n);
}

/* The mover's call after an answer: no new octets, and the held ones again. */
static inline void
drive_again(struct engine *e, struct buf *held)
{
	buf_drop(held, e->feed(e, buf_span(held)));
}

#endif
