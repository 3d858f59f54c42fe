/* fetch_server — the OMS's side of fetch; see fetch_server.h. */
#include "proto/fetch_server.h"

#include "proto/reply.h"

enum { NEW = 1, READY = 2 };

static struct fetch_server *
self(struct server *s)
{
	return (struct fetch_server *)s;
}

/* -- replies, in the order of the requests ------------------------------------------------------ */

static struct fetch_pending *
pending_at(struct fetch_server *f, size_t i)
{
	return &f->queue[(f->head + i) % FETCH_AHEAD];
}

/* Of this kind, and not answered. */
static struct fetch_pending *
pending_find(struct fetch_server *f, uint64_t request, bool octets)
{
	for (size_t i = 0; i < f->count; i++) {
		struct fetch_pending *p = pending_at(f, i);

		if (p->request == request && p->octets == octets && !p->answered)
			return p;
	}
	return NULL;
}

/* Replies to later requests follow its own. */
static struct fetch_pending *
enqueue(struct fetch_server *f, bool octets)
{
	struct fetch_pending *p = pending_at(f, f->count++);

	p->request = f->server.request;
	p->octets = octets;
	p->answered = false;
	p->offset = f->offset;
	f->letters += octets;
	server_hold(&f->server, &p->later);
	f->server.full = f->count == FETCH_AHEAD || f->letters == FETCH_LETTERS_AHEAD;
	return p;
}

static void
move(struct buf *from, struct buf *to)
{
	buf_add(to, from->data, from->len);
	buf_clear(from);
}

static void
leave(struct fetch_server *f)
{
	struct fetch_pending *p = pending_at(f, 0);

	move(&p->later, &f->server.engine.out);
	f->letters -= p->octets;
	f->head = (f->head + 1) % FETCH_AHEAD;
	f->count--;
	f->server.full = false;
	f->server.stirred = true;
	if (f->count == 0)
		server_release(&f->server);
}

/* The first leaves with its octets; while they do, nothing else may. */
static void
flush(struct fetch_server *f)
{
	struct engine *e = &f->server.engine;

	while (f->count > 0 && pending_at(f, 0)->answered && e->payload.source == NULL &&
	    !e->closing) {
		struct fetch_pending *p = pending_at(f, 0);

		move(&p->reply, &e->out);
		if (p->source != NULL)
			engine_payload_take(e, p->source, p->offset, p->left);
		p->source = NULL;
		f->server.pace.sent_to = e->payload.offset;
		if (e->payload.source == NULL)
			leave(f);
	}
}

static void
payload_sent(struct engine *e)
{
	struct fetch_server *f = (struct fetch_server *)e;

	if (f->count > 0)
		leave(f);
	flush(f);
	f->sent(e);
}

/* -- answers ------------------------------------------------------------------------------- */

/* The reply to HELLO, DONE and DECLINE, which carries no octets. */
static void
grant(struct fetch_server *f)
{
	if (f->server.state == NEW) {
		f->server.state = READY;
		server_reply(&f->server, 250, "2.0.0", "letters for %s", f->peer.text);
	} else {
		server_reply(&f->server, 250, "2.0.0", "noted");
	}
}

/* An id is a capability, so a peer that tries many unknown ones is disconnected. */
static void
note_unknown(struct fetch_server *f)
{
	struct err e;

	if (++f->unknown < FETCH_UNKNOWN_MAX || !RULE(too_many_errors))
		return;
	err_word(&e, REFUSAL_too_many_errors);
	server_end(&f->server, &e);
}

/* A refused HELLO ends the session. */
static void
refuse(struct fetch_server *f, const struct err *e)
{
	if (f->server.state == NEW) {
		server_end(&f->server, e);
		return;
	}
	server_refuse(&f->server, e);
	if (e->why == REFUSAL_unknown_id)
		note_unknown(f);
}

static void
reply_to_change(struct fetch_server *f, const struct err *e)
{
	if (e == NULL)
		grant(f);
	else
		refuse(f, e);
}

static void
reply_with_octets(struct fetch_server *f, struct fetch_pending *p, const struct fetch_found *found)
{
	uint64_t left = p->offset < found->size ? found->size - p->offset : 0;
	struct err e;

	if (RULE(bad_offset) && p->offset > found->size) {
		found->source->free(found->source);
		err_word(&e, REFUSAL_bad_offset);
		server_refuse(&f->server, &e);
		return;
	}
	reply_add_payload(&p->reply, 250, "2.0.0", left, "here it is");
	p->source = found->source;
	p->left = left;
}

/* While it is answered, what is said is its reply. */
static void
answer(struct fetch_server *f, struct fetch_pending *p, const struct fetch_found *found,
    const struct err *e)
{
	p->answered = true;
	server_hold(&f->server, &p->reply);
	if (e == NULL && p->octets)
		reply_with_octets(f, p, found);
	else
		reply_to_change(f, e);
	server_hold(&f->server, &pending_at(f, f->count - 1)->later);
	flush(f);
}

bool
fetch_server_answer(struct fetch_server *f, uint64_t request, const struct err *e)
{
	struct fetch_pending *p = pending_find(f, request, false);

	if (f->server.state == NEW) {
		if (!server_answered(&f->server, request))
			return false;
		reply_to_change(f, e);
		return true;
	}
	if (p == NULL || f->server.engine.closing)
		return false;
	answer(f, p, NULL, e);
	return true;
}

bool
fetch_server_found_take(struct fetch_server *f, uint64_t request, const struct fetch_found *found,
    const struct err *e)
{
	struct fetch_pending *p = pending_find(f, request, true);

	if (p == NULL || f->server.engine.closing) {
		if (e == NULL)
			found->source->free(found->source);
		return false;
	}
	answer(f, p, found, e);
	return true;
}

/* What the role said of a request at once, or nothing yet. */
static enum outcome
settle(struct fetch_server *f, enum outcome o, bool octets, const struct fetch_found *found,
    const struct err *e)
{
	struct fetch_pending *p = enqueue(f, octets);

	if (o != PENDING)
		answer(f, p, found, o == DONE ? NULL : e);
	return DONE;
}

/* -- requests ------------------------------------------------------------------------------ */

/* hello = "HELLO" SP domain */
static enum outcome
do_hello(struct server *s, struct span args, struct err *e)
{
	struct fetch_server *f = self(s);

	if (!domain_parse(args, f->ops->a_label, &f->peer, e))
		return REFUSED;
	switch (f->ops->hello(s->role, f->peer.text, e)) {
	case DONE:
		grant(f);
		return DONE;
	case REFUSED:
		refuse(f, e);
		return DONE;
	default:
		return PENDING;
	}
}

/* summary = "SUMMARY" SP id */
static enum outcome
do_summary(struct server *s, struct span args, struct err *e)
{
	struct fetch_server *f = self(s);
	struct fetch_found found = { 0 };
	struct ulid id;

	if (!id_parse(args, &id, e))
		return REFUSED;
	f->offset = 0;
	return settle(f, f->ops->summary(s->role, &id, &found, e), true, &found, e);
}

/* offset = number */
static bool
parse_offset(struct span args, uint64_t *offset, struct err *e)
{
	*offset = 0;
	if (RULE(bad_syntax) && !span_u64(args, offset))
		return err_set(e, REFUSAL_bad_syntax, "the offset is not a number");
	return true;
}

/* fetch = "FETCH" SP id [ SP offset ] */
static enum outcome
do_fetch(struct server *s, struct span args, struct err *e)
{
	struct fetch_server *f = self(s);
	struct fetch_found found = { 0 };
	struct span rest = args, word = span_cut(&rest, ' ');
	struct ulid id;

	f->offset = 0;
	if (!id_parse(word, &id, e) || (word.n < args.n && !parse_offset(rest, &f->offset, e)))
		return REFUSED;
	return settle(f, f->ops->fetch(s->role, &id, f->offset, &found, e), true, &found, e);
}

/* done = "DONE" SP id */
static enum outcome
do_done(struct server *s, struct span args, struct err *e)
{
	struct ulid id;

	if (!id_parse(args, &id, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->done(s->role, &id, e), false, NULL, e);
}

/* decline = "DECLINE" SP id */
static enum outcome
do_decline(struct server *s, struct span args, struct err *e)
{
	struct ulid id;

	if (!id_parse(args, &id, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->decline(s->role, &id, e), false, NULL, e);
}

/* clang-format off */
static const struct verb	 verbs[] = {
	{ "HELLO",	NEW,		do_hello },
	{ "SUMMARY",	READY,		do_summary },
	{ "FETCH",	READY,		do_fetch },
	{ "DONE",	READY,		do_done },
	{ "DECLINE",	READY,		do_decline },
	{ "NOOP",	NEW | READY,	server_do_noop },
	{ "QUIT",	NEW | READY,	server_do_quit },
};
/* clang-format on */

void
fetch_server_init(struct fetch_server *f, const struct fetch_server_ops *ops, void *role)
{
	*f = (struct fetch_server) { .ops = ops };
	server_init(&f->server, verbs, sizeof verbs / sizeof verbs[0], &ops->server, role);
	f->server.state = NEW;
	f->server.greets = true;
	f->server.ahead = true;
	f->sent = f->server.engine.sent;
	f->server.engine.sent = payload_sent;
}

void
fetch_server_clear(struct fetch_server *f)
{
	for (; f->count > 0; f->count--) {
		struct fetch_pending *p = pending_at(f, f->count - 1);

		buf_clear(&p->reply);
		buf_clear(&p->later);
		if (p->source != NULL)
			p->source->free(p->source);
	}
	server_clear(&f->server);
}
