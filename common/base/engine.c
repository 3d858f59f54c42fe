/* engine — the few lines that all engines share; see engine.h. */
#include "common/base/engine.h"

#include <assert.h>

void
engine_payload_take(struct engine *e, struct source *s, uint64_t offset, uint64_t n)
{
	assert(e->payload.source == NULL);
	if (n == 0) {
		s->free(s);
		return;
	}
	e->payload = (struct payload) { s, offset, n };
}

void
engine_clear(struct engine *e)
{
	buf_clear(&e->out);
	if (e->payload.source != NULL)
		e->payload.source->free(e->payload.source);
	e->payload = (struct payload) { 0 };
}
