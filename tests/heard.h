/* heard — what a fake role of an engine was told, in order, for a transcript to ask about. */
#ifndef TESTS_HEARD_H
#define TESTS_HEARD_H

#include <stdio.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* "what ok" or "what word", after a comma. */
static inline void
heard_add(struct buf *heard, const char *what, const struct err *e)
{
	buf_addf(heard, "%s%s %s", heard->len ? ", " : "", what, e ? refusal_word(e->why) : "ok");
}

/* Is this what was said since the last time?  Forgets it. */
static inline bool
heard_is(struct buf *heard, struct span text)
{
	bool same = span_eq(text, buf_span(heard));

	if (!same)
		printf("# heard: %.*s\n", SPAN_FMT(buf_span(heard)));
	buf_reset(heard);
	return same;
}

#endif
