/* client — what the four client engines share; see client.h. */
#include "proto/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "proto/line.h"

struct expectation {
	int kind;
	void *arg;
	size_t left; /* replies to come */
};

static void
set_deadline(struct client *c)
{
	if (c->in_payload)
		c->engine.deadline_ms = c->rate_ms;
	else
		c->engine.deadline_ms = c->count == 0 ? 0 : c->engine.now_ms + c->reply_ms;
	if (c->life_ms != 0 &&
	    (c->engine.deadline_ms == 0 || c->engine.deadline_ms > c->born_ms + c->life_ms))
		c->engine.deadline_ms = c->born_ms + c->life_ms;
}

bool
client_is_old(const struct client *c, int64_t now_ms)
{
	return c->life_ms != 0 && c->born_ms != 0 &&
	    now_ms >= c->born_ms + c->life_ms - c->reply_ms;
}

static void
begin_minute(struct client *c)
{
	c->rate_mark = c->payload;
	c->rate_ms = c->engine.now_ms + CLIENT_RATE_MS;
}

static void
grow(struct client *c)
{
	size_t cap = c->cap ? c->cap * 2 : 8;
	struct expectation *ring = memory_array(cap, sizeof *ring);

	for (size_t i = 0; i < c->count; i++)
		ring[i] = c->expect[(c->head + i) % c->cap];
	free(c->expect);
	c->expect = ring;
	c->cap = cap;
	c->head = 0;
}

bool
client_expect(struct client *c, int kind, void *arg, size_t n)
{
	if (c->over || c->count >= CLIENT_EXPECT_MAX)
		return false;
	if (c->count == c->cap)
		grow(c);
	c->expect[(c->head + c->count++) % c->cap] = (struct expectation) { kind, arg, n };
	c->asked = true;
	return true;
}

bool
client_request(struct client *c, int kind, void *arg, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > LINE_MAX_BYTES - 2 || !line_is_text(span_of(line, (size_t)n)) ||
	    !client_expect(c, kind, arg, 1))
		return false;
	buf_add(&c->engine.out, line, (size_t)n);
	buf_add(&c->engine.out, "\r\n", 2);
	return true;
}

static void
drop_all(struct client *c, const struct err *e)
{
	bool cut_short = c->in_payload;
	size_t left = c->ops->dropped != NULL ? c->count : 0;

	c->in_payload = false;
	c->count = 0;
	if (cut_short && c->ops->dropped != NULL)
		c->ops->dropped(c, c->kind, c->arg, e);
	for (size_t i = 0; i < left; i++) {
		struct expectation *x = &c->expect[(c->head + i) % c->cap];

		c->ops->dropped(c, x->kind, x->arg, e);
	}
}

void
client_lost(struct client *c, const struct err *e)
{
	if (c->over)
		return;
	c->over = true;
	c->engine.deadline_ms = 0;
	c->engine.closing = true;
	drop_all(c, e);
	c->ops->lost(c, e);
}

bool
client_fits(struct client *c, const struct reply *r, bool octets)
{
	struct err e;

	if (r->code / 100 != 3 && r->has_payload == (octets && r->code < 300))
		return true;
	err_set(&e, REFUSAL_bad_reply, "a reply %d that does not fit its request", r->code);
	c->in_payload = true; /* so that its request is dropped with the others */
	client_lost(c, &e);
	return false;
}

static void
take_reply(struct client *c, struct span line)
{
	struct expectation *at, x;
	struct reply r;
	struct err e;

	if (!reply_parse(line, &r, &e)) {
		client_lost(c, &e);
		return;
	}
	if (r.code == 421 || c->count == 0 || (r.has_payload && c->ops->payload == NULL)) {
		if (r.code >= 400)
			reply_err(&r, &e);
		else
			err_set(&e, REFUSAL_bad_reply, "a reply that nobody asked for");
		client_lost(c, &e);
		return;
	}
	at = &c->expect[c->head];
	x = *at;
	if (r.code >= 200) {
		if (--at->left == 0) {
			c->head = (c->head + 1) % c->cap;
			c->count--;
		}
		c->in_payload = r.has_payload;
		c->payload = r.octets;
		begin_minute(c);
		c->kind = x.kind;
		c->arg = x.arg;
	}
	c->ops->reply(c, x.kind, x.arg, &r);
}

static size_t
take_payload(struct client *c, struct span in)
{
	struct span piece = span_sub(in, 0, c->payload < in.n ? (size_t)c->payload : in.n);

	c->payload -= piece.n;
	if (piece.n > 0)
		c->ops->payload(c, c->kind, c->arg, piece);
	if (c->payload == 0 && !c->over) {
		c->in_payload = c->full = false;
		c->ops->end(c, c->kind, c->arg);
	}
	return piece.n;
}

static size_t
take_line(struct client *c, struct span in)
{
	struct span line;
	size_t used = 0;
	struct err e;

	switch (line_next(in, &line, &used, &e)) {
	case LINE_MORE:
		return 0;
	case LINE_BAD:
		err_prefix(&e, "in a reply");
		e.why = REFUSAL_bad_reply;
		client_lost(c, &e);
		return 0;
	case LINE_READY:
		break;
	}
	take_reply(c, line);
	return used;
}

static size_t
feed(struct engine *engine, struct span in)
{
	struct client *c = (struct client *)engine;
	size_t taken = 0, n;

	if (c->born_ms == 0)
		c->born_ms = engine->now_ms;
	while (!engine->closing && !c->full) {
		struct span rest = span_sub(in, taken, in.n);
		bool was = c->in_payload;

		n = was ? take_payload(c, rest) : take_line(c, rest);
		taken += n;
		if (n == 0 && was && !c->in_payload)
			continue; /* a payload of no octets is over */
		if (n == 0)
			break;
	}
	if ((taken > 0 || c->asked) && !engine->closing)
		set_deadline(c);
	c->asked = false;
	return engine->closing ? in.n : taken;
}

static void
payload_sent(struct engine *engine)
{
	set_deadline((struct client *)engine);
}

static void
tick_payload(struct client *c)
{
	struct err e;

	if (c->full || c->rate_mark - c->payload >= CLIENT_RATE_OCTETS) {
		begin_minute(c);
		set_deadline(c);
		return;
	}
	err_set(&e, REFUSAL_unreachable, "less than %d octets a second came for %d s",
	    CLIENT_RATE_MIN, CLIENT_RATE_MS / 1000);
	client_lost(c, &e);
}

/* A peer that goes on taking our payload is not silent. */
static void
tick(struct engine *engine)
{
	struct client *c = (struct client *)engine;
	struct err e;

	if (RULE(too_slow) && c->life_ms != 0 && engine->now_ms >= c->born_ms + c->life_ms) {
		err_word(&e, REFUSAL_too_slow);
		client_lost(c, &e);
		return;
	}
	if (c->in_payload) {
		tick_payload(c);
		return;
	}
	if (engine->payload.source != NULL && engine->payload.offset != c->sent_to) {
		c->sent_to = engine->payload.offset;
		set_deadline(c);
		return;
	}
	err_set(&e, REFUSAL_unreachable, "no answer for %lld s", (long long)(c->reply_ms / 1000));
	client_lost(c, &e);
}

void
client_pause(struct client *c, bool paused)
{
	c->full = paused;
}

void
client_init(struct client *c, const struct client_ops *ops)
{
	*c = (struct client) {
		.engine = { .feed = feed, .tick = tick, .sent = payload_sent },
		.ops = ops,
		.reply_ms = CLIENT_REPLY_MS,
	};
}

void
client_clear(struct client *c)
{
	engine_clear(&c->engine);
	free(c->expect);
	c->expect = NULL;
	c->head = c->count = c->cap = 0;
}
