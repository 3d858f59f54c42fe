/* smtp_server — octets, time and answers; see smtp_server.h.  Its commands: smtp_server_command.c. */
#include "proto/smtp/smtp_server.h"

#include "proto/line.h"
#include "proto/smtp/smtp_server_private.h"

static const struct pace_limits limits = { .idle_ms = SMTP_SERVER_IDLE_MS,
	.life_ms = SMTP_SERVER_LIFE_MS };

/* Nobody has proved who the peer is. */
static bool
is_unknown(const struct smtp_server *s)
{
	return !s->secured || (s->config->submission && !s->signed_in);
}

/* -- replies ------------------------------------------------------------------------------------ */

static void
reply_refusal(struct smtp_server *s, const struct err *e, const char *contact)
{
	int code = refusal_code(e->why);

	smtp_reply_add_refusal(&s->engine.out, e, contact);
	if (code / 10 == 50 || code == 555)
		s->errors++;
	else if (code / 100 == 5)
		s->refusals++;
	if (code == 421)
		s->engine.closing = true;
}

void
smtp_server_refuse(struct smtp_server *s, const struct err *e)
{
	reply_refusal(s, e, NULL);
	if (s->ops->fault != NULL)
		s->ops->fault(s->role, e);
}

void
smtp_server_refuse_for_role(struct smtp_server *s, const struct err *e)
{
	reply_refusal(s, e, s->config->contact);
}

void
smtp_server_end(struct smtp_server *s, const struct err *e)
{
	smtp_server_refuse(s, e);
	s->engine.closing = true;
}

void
smtp_server_end_with(struct smtp_server *s, enum refusal why)
{
	struct err e;

	err_word(&e, why);
	smtp_server_end(s, &e);
}

void
smtp_server_forget(struct smtp_server *s)
{
	if (s->state == SMTP_MAIL || s->state == SMTP_RCPT)
		s->ops->reset(s->role);
	if (s->state != SMTP_START)
		s->state = SMTP_READY;
	s->recipients = 0;
	s->content = s->too_big = false;
}

/* -- commands ------------------------------------------------------------------------------------- */

static bool
has_too_many_faults(const struct smtp_server *s)
{
	return RULE(too_many_errors) &&
	    (s->errors >= SMTP_SERVER_ERRORS_MAX || s->refusals >= SMTP_SERVER_REFUSALS_MAX ||
		s->idlers > SMTP_SERVER_IDLERS_MAX);
}

static void
end_at_too_many(struct smtp_server *s)
{
	if (!s->engine.closing && !s->waiting && has_too_many_faults(s))
		smtp_server_end_with(s, REFUSAL_too_many_errors);
}

static size_t
take_line(struct smtp_server *s, struct span in)
{
	struct span line;
	size_t used = 0;
	struct err e;

	switch (line_next_most(in, s->challenged ? SMTP_AUTH_LINE_MAX : SMTP_COMMAND_MAX, &line,
	    &used, &e)) {
	case LINE_MORE:
		return 0;
	case LINE_BAD:
		smtp_server_end(s, &e);
		return 0;
	case LINE_READY:
		break;
	}
	s->request++;
	if (!s->ops->admit(s->role, &e))
		smtp_server_end(s, &e);
	else if (s->challenged)
		smtp_server_auth_line(s, line);
	else
		smtp_server_command(s, line, used == in.n);
	end_at_too_many(s);
	return used;
}

/* -- content -------------------------------------------------------------------------------------- */

/* What comes after the limit is read and forgotten, so that the reply can be 552. */
static void
take_piece(struct smtp_server *s, struct span piece)
{
	s->octets += piece.n;
	if (RULE(message_too_big) && s->octets > s->config->size_max)
		s->too_big = true;
	if (!s->too_big)
		s->ops->octets(s->role, piece);
}

static void
end_content(struct smtp_server *s)
{
	struct err e;

	s->content = false;
	s->idlers = 0;
	if (s->too_big) {
		err_word(&e, REFUSAL_message_too_big);
		smtp_server_refuse(s, &e);
		smtp_server_forget(s);
	} else if (!s->ops->admit(s->role, &e)) {
		smtp_server_end(s, &e);
		smtp_server_forget(s);
	} else {
		s->request++;
		smtp_server_settle(s, SMTP_ASKED_END, s->ops->end(s->role, s->request, &e), &e,
		    NULL);
	}
	end_at_too_many(s);
}

static size_t
take_content(struct smtp_server *s, struct span in)
{
	struct span piece = { 0 };
	size_t used = 0;
	struct err e;

	switch (smtp_data_next(&s->data, in, &piece, &used, &e)) {
	case SMTP_DATA_PIECE:
		take_piece(s, piece);
		break;
	case SMTP_DATA_MORE:
		break;
	case SMTP_DATA_END:
		end_content(s);
		break;
	case SMTP_DATA_BAD:
		smtp_server_end(s, &e);
		smtp_server_forget(s);
		break;
	}
	pace_came(&s->pace, used);
	return used;
}

/* -- the engine ----------------------------------------------------------------------------------- */

static void
set_deadline(struct smtp_server *s)
{
	bool entering = is_unknown(s) && !s->waiting;

	s->engine.deadline_ms = pace_deadline(&s->pace, s->engine.now_ms,
	    entering ? SMTP_SERVER_ENTRY_MS : 0);
}

static bool
may_take(const struct smtp_server *s)
{
	return !s->engine.closing && !s->engine.wants_tls && !s->waiting && !s->full &&
	    s->engine.out.len < ENGINE_OUT_BYTES;
}

/* Its answer would have come before what is here now. */
static void
see_early(struct smtp_server *s, struct span rest)
{
	if (RULE(early_octets) && s->waiting && s->asked == SMTP_ASKED_DATA && rest.n > 0) {
		s->waiting = false;
		smtp_server_end_with(s, REFUSAL_early_octets);
		smtp_server_forget(s);
	}
}

static size_t
feed(struct engine *engine, struct span in)
{
	struct smtp_server *s = (struct smtp_server *)engine;
	size_t taken = 0, n = 1;
	bool watched;

	pace_begin(&s->pace, engine->now_ms);
	while (n > 0 && taken < in.n && may_take(s)) {
		struct span rest = span_sub(in, taken, in.n);

		n = s->content ? take_content(s, rest) : take_line(s, rest);
		taken += n;
	}
	see_early(s, span_sub(in, taken, in.n));
	watched = pace_watch(&s->pace, engine->now_ms, s->content && may_take(s));
	if ((watched || taken > 0 || s->stirred || engine->deadline_ms == 0) && !engine->closing)
		set_deadline(s);
	s->stirred = false;
	engine->owing = s->waiting;
	engine->narrow = is_unknown(s);
	return engine->closing ? in.n : taken;
}

static void
end_late(struct smtp_server *s, enum refusal why)
{
	struct err e;

	s->waiting = false;
	if (why == REFUSAL_too_slow && s->content)
		err_set(&e, why, "less than %d octets a second came for %d s", PACE_RATE_MIN,
		    PACE_RATE_MS / 1000);
	else
		err_word(&e, why);
	smtp_server_end(s, &e);
	smtp_server_forget(s);
	s->engine.deadline_ms = 0;
}

static void
tick(struct engine *engine)
{
	struct smtp_server *s = (struct smtp_server *)engine;

	if (engine->closing) {
		engine->deadline_ms = 0;
		return;
	}
	switch (pace_tick(&s->pace, engine->now_ms, s->waiting || s->full)) {
	case PACE_GOES_ON:
		set_deadline(s);
		break;
	case PACE_IDLE:
		end_late(s, REFUSAL_idle);
		break;
	case PACE_OLD:
	case PACE_SLOW:
		end_late(s, RULE(too_slow) ? REFUSAL_too_slow : REFUSAL_idle);
		break;
	}
}

/* The session forgets what came in plain (RFC 3207 4.2). */
static void
secured(struct engine *engine)
{
	struct smtp_server *s = (struct smtp_server *)engine;

	engine->wants_tls = false;
	s->secured = true;
	s->state = SMTP_START;
	s->extended = false;
	s->idlers = 0;
}

/* -- answers -------------------------------------------------------------------------------------- */

/* True: it is the one that is waited for. */
static bool
is_due(struct smtp_server *s, uint64_t request)
{
	if (!s->waiting || s->request != request)
		return false;
	s->waiting = false;
	s->stirred = true;
	return true;
}

bool
smtp_server_answer(struct smtp_server *s, uint64_t request, const struct err *e, const char *text)
{
	if (s->asked == SMTP_ASKED_AUTH || !is_due(s, request))
		return false;
	smtp_server_settle(s, s->asked, e == NULL ? DONE : REFUSED, e, text);
	end_at_too_many(s);
	return true;
}

bool
smtp_server_answer_auth(struct smtp_server *s, uint64_t request, const struct sasl_said *said,
    const struct err *e)
{
	if (s->asked != SMTP_ASKED_AUTH || !is_due(s, request))
		return false;
	if (e == NULL)
		smtp_server_auth_said(s, said);
	else
		smtp_server_auth_refused(s, e);
	end_at_too_many(s);
	return true;
}

void
smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config,
    const struct smtp_server_ops *ops, void *role)
{
	*s = (struct smtp_server) {
		.engine = { .feed = feed, .tick = tick, .secured = secured },
		.pace = { .limits = &limits },
		.config = config,
		.ops = ops,
		.role = role,
		.state = SMTP_START,
		.secured = !config->starttls,
	};
	smtp_reply_addf(&s->engine.out, false, 220, NULL, "%s ESMTP", config->name);
}

void
smtp_server_clear(struct smtp_server *s)
{
	engine_clear(&s->engine);
}
