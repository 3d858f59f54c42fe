/* chunks — plays the same input to the same engine twice, at once and in pieces: the same must come
 * out, and be heard. */
#ifndef TESTS_FUZZ_CHUNKS_H
#define TESTS_FUZZ_CHUNKS_H

#include <stdint.h>
#include <stdlib.h>

#include "tests/drive.h"
#include "tests/hesitant.h"

struct chunks_kind {
	/* A fresh engine and its role, which says in *heard what it is told. */
	void *(*make)(struct engine **e, struct buf *heard);
	bool (*answer)(void *role); /* completes what waits; false: nothing does */
	void (*end)(void *role);    /* frees both */
};

static inline void
chunks_must(bool holds)
{
	if (!holds)
		abort();
}

static inline void
chunks_drain(struct engine *e, struct buf *out)
{
	char piece[64];

	hesitant_wake(&e->payload);
	while (e->out.len > 0 || e->payload.source != NULL) {
		ssize_t got;

		buf_add(out, e->out.data, e->out.len);
		buf_reset(&e->out);
		if (e->payload.source == NULL)
			return;
		hesitant_put(&e->payload);
		if ((got = engine_payload_read(e, piece, sizeof piece)) == SOURCE_WAIT)
			return;
		chunks_must(got > 0);
		buf_add(out, piece, (size_t)got);
		engine_payload_moved(e, (size_t)got);
	}
}

static inline void
chunks_play(const struct chunks_kind *k, struct span in, size_t chunk, struct buf *out,
    struct buf *heard)
{
	struct buf held = BUF_INIT;
	struct engine *e;
	void *role = k->make(&e, heard);
	size_t before;

	e->now_ms = 1;
	for (size_t at = 0; at == 0 || at < in.n; at += chunk) {
		drive(e, &held, span_sub(in, at, chunk), chunk);
		do {
			chunks_drain(e, out);
			before = held.len;
			drive_again(e, &held);
		} while (k->answer(role) || held.len != before || e->out.len > 0 ||
		    e->payload.source != NULL);
		chunks_must(e->closing || held.len < ENGINE_WINDOW_BYTES);
	}
	buf_addf(out, "%s", e->closing ? "closed" : "open");
	k->end(role);
	buf_clear(&held);
}

static inline void
chunks_compare(const struct chunks_kind *k, struct span in, size_t chunk)
{
	struct buf out[2] = { BUF_INIT, BUF_INIT }, heard[2] = { BUF_INIT, BUF_INIT };

	chunks_play(k, in, in.n + 1, &out[0], &heard[0]);
	chunks_play(k, in, chunk, &out[1], &heard[1]);
	chunks_must(span_eq(buf_span(&out[0]), buf_span(&out[1])));
	chunks_must(span_eq(buf_span(&heard[0]), buf_span(&heard[1])));
	for (int i = 0; i < 2; i++) {
		buf_clear(&out[i]);
		buf_clear(&heard[i]);
	}
}

#endif
