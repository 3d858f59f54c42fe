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

/* When the peer must have left the first state. */
static int64_t
entry_ms(const struct server *s)
{
	return s->born_ms + (s->greets ? SERVER_HELLO_MS : SERVER_SIGN_IN_MS);
}

static void
set_deadline(struct server *s)
{
	int64_t idle = s->engine.now_ms + SERVER_IDLE_MS, life = s->born_ms + SERVER_LIFE_MS;
	int64_t entry = entry_ms(s);

	s->engine.deadline_ms = idle < life ? idle : life;
	if (s->rate_ms != 0 && s->rate_ms < s->engine.deadline_ms)
		s->engine.deadline_ms = s->rate_ms;
	/* Our own time to judge the peer does not count. */
	if (is_unknown(s) && !s->waiting && entry < s->engine.deadline_ms)
		s->engine.deadline_ms = entry;
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
	if (RULE(idle) && s->signs_in && s->state == 1 && s->engine.now_ms >= entry_ms(s))
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
	s->came = 0;
	s->rate_ms = 0;
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
		s->came = piece.n;
		if (piece.n < s->expect)
			return 0;
		payload_over(s, piece);
		return piece.n;
	}
	if (!s->skipping && piece.n > 0)
		s->take_octets(s, piece);
	s->expect -= piece.n;
	s->came += piece.n;
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

static void
begin_minute(struct server *s)
{
	s->rate_ms = s->engine.now_ms + SERVER_RATE_MS;
	s->rate_mark = s->came;
}

/* The minute runs while a payload is due and we are ready to take it.  True: it began or ended. */
static bool
watch_rate(struct server *s)
{
	bool runs = payload_due(s) && may_take(s);

	if (runs == (s->rate_ms != 0))
		return false;
	s->rate_ms = 0;
	if (runs)
		begin_minute(s);
	return true;
}

static size_t
feed(struct engine *engine, struct span in)
{
	struct server *s = (struct server *)engine;
	size_t taken = 0;

	if (s->born_ms == 0)
		s->born_ms = engine->now_ms;
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
	bool moved = s->engine.payload.source != NULL && s->engine.payload.offset != s->sent_to;

	s->sent_to = s->engine.payload.offset;
	if (s->engine.payload.source != NULL)
		return s->engine.payload.waiting || moved;
	return s->waiting || s->full || s->held_replies != NULL;
}

/* Over the last minute. */
static bool
payload_is_slow(struct server *s)
{
	return RULE(too_slow) && s->came - s->rate_mark < SERVER_RATE_OCTETS;
}

static void
end_too_slow(struct server *s)
{
	struct err e;

	err_set(&e, REFUSAL_too_slow, "less than %d octets a second came for %d s", SERVER_RATE_MIN,
	    SERVER_RATE_MS / 1000);
	server_end(s, &e);
}

static void
tick(struct engine *engine)
{
	struct server *s = (struct server *)engine;
	bool old = engine->now_ms >= s->born_ms + SERVER_LIFE_MS;

	if (engine->closing) {
		engine->deadline_ms = 0;
	} else if (!old && s->rate_ms != 0 && engine->now_ms >= s->rate_ms && !payload_is_slow(s)) {
		begin_minute(s);
		set_deadline(s);
	} else if (!old && s->rate_ms != 0 && engine->now_ms >= s->rate_ms) {
		end_too_slow(s);
		engine->deadline_ms = s->ending ? engine->now_ms + SERVER_IDLE_MS : 0;
	} else if (!old && (is_patient(s) || !RULE(idle))) {
		set_deadline(s);
	} else if (engine->payload.source != NULL || s->ending) {
		abandon_payload(engine);
	} else {
		s->waiting = false;
		server_end_with(s, RULE(too_slow) && old ? REFUSAL_too_slow : REFUSAL_idle);
		engine->deadline_ms = s->ending ? engine->now_ms + SERVER_IDLE_MS : 0;
	}
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
	};
}

void
server_clear(struct server *s)
{
	engine_clear(&s->engine);
}
