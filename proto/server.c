/* server — what the four server engines share; see server.h.  Their replies: server_reply.c. */
#include "proto/server.h"

#include <assert.h>

#include "proto/line.h"

/* Nobody has said, or proved, who the peer is. */
static bool
is_unknown(const struct server *s)
{
	return (s->greets || s->signs_in) && s->state == 1;
}

/* -- deadlines ---------------------------------------------------------------------------- */

static const struct pace_limits limits = { .idle_ms = SERVER_IDLE_MS, .life_ms = SERVER_LIFE_MS };

/* How long the peer may stay in the first state. */
static int64_t
entry_ms(const struct server *s)
{
	return s->greets ? SERVER_HELLO_MS : SERVER_SIGN_IN_MS;
}

static void
set_deadline(struct server *s)
{
	/* Our own time to judge the peer does not count. */
	bool entering = is_unknown(s) && !s->waiting;

	s->engine.deadline_ms = pace_deadline(&s->pace, s->engine.now_ms,
	    entering ? entry_ms(s) : 0);
}

bool
server_answered(struct server *s, uint64_t request)
{
	if (!s->waiting || s->request != request)
		return false;
	s->waiting = false;
	s->stirred = true;
	return true;
}

/* -- one request -------------------------------------------------------------------------- */

static bool
is_legal(const struct server *s, const struct verb *v, struct err *e)
{
	if ((v->legal_in & s->state) != 0)
		return true;
	if (RULE(auth_required) && s->signs_in && s->state == 1)
		return err_word(e, REFUSAL_auth_required);
	if (RULE(bad_sequence))
		return err_set(e, REFUSAL_bad_sequence, "%s is not allowed now", v->name);
	return true;
}

static enum outcome
dispatch(struct server *s, struct span line, struct err *e)
{
	struct span args = line, name = span_cut(&args, ' ');
	enum outcome (*own)(struct server *, struct span, struct err *) = s->line;

	s->line = NULL;
	if (own != NULL)
		return own(s, line, e);
	for (size_t i = 0; i < s->n_verbs; i++)
		if (span_eq(name, span_str(s->verbs[i].name)))
			return is_legal(s, &s->verbs[i], e) ? s->verbs[i].run(s, args, e) : REFUSED;
	if (!RULE(unknown_verb))
		return DONE;
	err_word(e, REFUSAL_unknown_verb);
	return REFUSED;
}

static void
settle(struct server *s, enum outcome o, const struct err *e)
{
	if (o == PENDING)
		s->waiting = true;
	if (o == REFUSED)
		server_refuse(s, e);
	if (RULE(too_many_errors) && s->errors >= SERVER_ERRORS_MAX && !s->engine.closing &&
	    !s->ending)
		server_end_with(s, REFUSAL_too_many_errors);
}

/* Replies are kept for whoever does not read them, so nobody has many of them before it is known who asks. */
static bool
may_ask_more(const struct server *s, struct err *e)
{
	if (!RULE(too_many_errors) || !is_unknown(s) || s->request <= SERVER_UNKNOWN_MAX)
		return true;
	return err_set(e, REFUSAL_too_many_errors, "more than %d requests before %s",
	    SERVER_UNKNOWN_MAX, s->greets ? "HELLO" : "signing in");
}

static size_t
take_line(struct server *s, struct span in)
{
	struct span line;
	size_t used = 0;
	struct err e;

	switch (line_next(in, &line, &used, &e)) {
	case LINE_MORE:
		return 0;
	case LINE_BAD:
		server_end(s, &e);
		return 0;
	case LINE_READY:
		break;
	}
	s->request++;
	/* The refusal of the try before it may have been held back until now. */
	if (RULE(idle) && s->signs_in && s->state == 1 &&
	    s->engine.now_ms >= s->pace.born_ms + entry_ms(s))
		server_end_with(s, REFUSAL_idle);
	else if (!s->ops->admit(s->role, &e) || !may_ask_more(s, &e))
		server_end(s, &e);
	else
		settle(s, dispatch(s, line, &e), &e);
	return used;
}

/* -- payloads ------------------------------------------------------------------------------ */

static void
expect(struct server *s, uint64_t n, bool whole)
{
	assert(s->end == NULL && !s->skipping);
	s->expect = n;
	s->whole = whole;
	pace_payload(&s->pace);
}

void
server_expect_whole(struct server *s, uint64_t n,
    enum outcome (*end)(struct server *s, struct span whole, struct err *e))
{
	assert(n <= ENGINE_WINDOW_BYTES / 2);
	expect(s, n, true);
	s->end = end;
}

void
server_expect(struct server *s, uint64_t n, void (*take_octets)(struct server *s, struct span in),
    enum outcome (*end)(struct server *s, struct span whole, struct err *e))
{
	expect(s, n, false);
	s->take_octets = take_octets;
	s->end = end;
}

void
server_expect_line(struct server *s,
    enum outcome (*line)(struct server *s, struct span line, struct err *e))
{
	s->line = line;
}

void
server_skip(struct server *s, uint64_t n)
{
	expect(s, n, false);
	s->skipping = n > 0;
}

static void
payload_over(struct server *s, struct span whole)
{
	enum outcome (*end)(struct server *, struct span, struct err *) = s->end;
	struct err e;

	s->end = NULL;
	s->skipping = false;
	s->expect = 0;
	if (end == NULL)
		return;
	/* The line that announced the payload may be minutes old. */
	if (!s->ops->admit(s->role, &e))
		server_end(s, &e);
	else
		settle(s, end(s, whole, &e), &e);
}

static size_t
take_payload(struct server *s, struct span in)
{
	struct span piece = span_sub(in, 0, s->expect < in.n ? (size_t)s->expect : in.n);

	if (s->whole && !s->skipping) {
		s->pace.came = piece.n;
		if (piece.n < s->expect)
			return 0;
		payload_over(s, piece);
		return piece.n;
	}
	if (!s->skipping && piece.n > 0)
		s->take_octets(s, piece);
	s->expect -= piece.n;
	pace_came(&s->pace, piece.n);
	if (s->expect == 0)
		payload_over(s, (struct span) { 0 });
	return piece.n;
}

/* -- the engine ------------------------------------------------------------------------------ */

static bool
may_take(const struct server *s)
{
	return !s->engine.closing && !s->ending && !s->waiting && !s->full &&
	    (s->engine.payload.source == NULL || s->ahead) &&
	    s->engine.out.len < ENGINE_OUT_BYTES &&
	    (s->held_replies == NULL || s->held_replies->len < ENGINE_OUT_BYTES);
}

static bool
payload_due(const struct server *s)
{
	return s->end != NULL || s->skipping;
}

/* The minute runs while a payload is due and we are ready to take it. */
static bool
watch_rate(struct server *s)
{
	return pace_watch(&s->pace, s->engine.now_ms, payload_due(s) && may_take(s));
}

static size_t
feed(struct engine *engine, struct span in)
{
	struct server *s = (struct server *)engine;
	size_t taken = 0;

	pace_begin(&s->pace, engine->now_ms);
	while (may_take(s)) {
		struct span rest = span_sub(in, taken, in.n);
		bool due = payload_due(s);
		size_t n = due ? take_payload(s, rest) : take_line(s, rest);

		taken += n;
		if (n == 0 && !(due && !payload_due(s)))
			break;
	}
	if ((watch_rate(s) || taken > 0 || s->stirred || engine->deadline_ms == 0) &&
	    !engine->closing)
		set_deadline(s);
	s->stirred = false;
	engine->owing = s->waiting || s->held_replies != NULL;
	engine->narrow = is_unknown(s);
	return engine->closing || s->ending ? in.n : taken;
}

static void
payload_sent(struct engine *engine)
{
	set_deadline((struct server *)engine);
}

/* The peer would take a reply after half a payload for the rest of it, so the only way is to close. */
static void
abandon_payload(struct engine *engine)
{
	engine_clear(engine);
	engine->closing = true;
	engine->deadline_ms = 0;
}

/* The peer is not idle while it waits for our disk or DNS, or while it reads a payload. */
static bool
is_patient(struct server *s)
{
	bool moved = pace_moved(&s->pace, s->engine.payload.offset) &&
	    s->engine.payload.source != NULL;

	if (s->engine.payload.source != NULL)
		return s->engine.payload.waiting || moved;
	return s->waiting || s->full || s->held_replies != NULL;
}

static void
end_too_slow(struct server *s)
{
	struct err e;

	err_set(&e, REFUSAL_too_slow, "less than %d octets a second came for %d s", PACE_RATE_MIN,
	    PACE_RATE_MS / 1000);
	server_end(s, &e);
}

/* A reply would not be understood where half of a payload has left, or where replies are held back. */
static void
end_late(struct server *s, enum refusal why)
{
	if (s->engine.payload.source != NULL || s->ending) {
		abandon_payload(&s->engine);
		return;
	}
	s->waiting = false;
	server_end_with(s, why);
}

static void
tick(struct engine *engine)
{
	struct server *s = (struct server *)engine;

	if (engine->closing) {
		engine->deadline_ms = 0;
		return;
	}
	switch (pace_tick(&s->pace, engine->now_ms, is_patient(s))) {
	case PACE_GOES_ON:
		set_deadline(s);
		return;
	case PACE_SLOW:
		end_too_slow(s);
		break;
	case PACE_OLD:
		end_late(s, RULE(too_slow) ? REFUSAL_too_slow : REFUSAL_idle);
		break;
	case PACE_IDLE:
		end_late(s, REFUSAL_idle);
		break;
	}
	engine->deadline_ms = s->ending && !engine->closing ? engine->now_ms + SERVER_IDLE_MS : 0;
}

void
server_init(struct server *s, const struct verb *verbs, size_t n_verbs,
    const struct server_ops *ops, void *role)
{
	*s = (struct server) {
		.engine = { .feed = feed, .tick = tick, .sent = payload_sent },
		.verbs = verbs,
		.n_verbs = n_verbs,
		.ops = ops,
		.role = role,
		.state = 1,
		.pace = { .limits = &limits },
	};
}

void
server_clear(struct server *s)
{
	engine_clear(&s->engine);
}
