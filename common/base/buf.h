/* buf — a growable octet buffer that owns its storage.
 *
 * Invariant: data[0..len) is valid; cap >= len; data == NULL iff cap == 0.
 * Memory:    growth never fails; the process aborts when memory runs out
 *            (the supervisor restarts it, and nothing is acknowledged before it
 *            is on disk).  Callers bound the size; each names its limit.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "common/base/span.h"

struct buf {
	char *data;
	size_t len, cap;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *b, size_t n);    /* forget the first n bytes; n <= len */
struct span buf_span(const struct buf *b); /* valid until the next change */
void buf_reset(struct buf *b);             /* len = 0, storage kept */
void buf_clear(struct buf *b);             /* free; usable again at once */
/* Makes room for n more octets after len and returns where they go; after writing k <= n of
 * them the caller adds k to len. */
char *buf_room(struct buf *b, size_t n);

#endif
