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
	e->payload = (struct payload) { .source = s, .offset = offset, .left = n };
}

void
engine_payload_take_to_end(struct engine *e, struct source *s)
{
	assert(e->payload.source == NULL);
	e->payload = (struct payload) { .source = s, .to_end = true };
}

void
engine_clear(struct engine *e)
{
	buf_clear(&e->out);
	if (e->payload.source != NULL)
		e->payload.source->free(e->payload.source);
	e->payload = (struct payload) { 0 };
}

size_t
engine_window(const struct engine *e)
{
	return e->narrow ? ENGINE_NARROW_BYTES : ENGINE_WINDOW_BYTES;
}

static void
woken(void *arg)
{
	struct engine *e = arg;

	e->payload.waiting = false;
	if (e->wake != NULL)
		e->wake(e->wake_arg);
}

ssize_t
engine_payload_read(struct engine *e, char *dst, size_t n)
{
	struct payload *p = &e->payload;
	ssize_t got;

	if (p->waiting)
		return SOURCE_WAIT;
	if (!p->to_end && n > p->left)
		n = (size_t)p->left;
	p->source->wake = woken;
	p->source->wake_arg = e;
	got = p->source->read(p->source, p->offset, dst, n);
	p->waiting = got == SOURCE_WAIT;
	if (p->waiting || (got == 0 && p->to_end))
		return got;
	return got > 0 && (size_t)got <= n ? got : -1;
}

void
engine_payload_moved(struct engine *e, size_t n)
{
	struct payload *p = &e->payload;

	assert(p->to_end || n <= p->left);
	p->offset += n;
	if (!p->to_end)
		p->left -= n;
	if (p->to_end ? n > 0 : p->left > 0)
		return;
	p->source->free(p->source);
	*p = (struct payload) { 0 };
	if (e->sent != NULL)
		e->sent(e);
}
