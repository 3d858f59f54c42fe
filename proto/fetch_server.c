/* fetch_server — the OMS's side of fetch; see fetch_server.h. */
#include "proto/fetch_server.h"

enum { NEW = 1, READY = 2 };

static struct fetch_server *
self(struct server *s)
{
	return (struct fetch_server *)s;
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

static enum outcome
settle(struct fetch_server *f, enum outcome o, const struct err *e)
{
	f->asked = FETCH_ASK_CHANGE;
	if (o == DONE)
		grant(f);
	if (o == REFUSED)
		refuse(f, e);
	return o == PENDING ? PENDING : DONE;
}

bool
fetch_server_answer(struct fetch_server *f, uint64_t request, const struct err *e)
{
	if (f->asked != FETCH_ASK_CHANGE || !server_answered(&f->server, request))
		return false;
	settle(f, e == NULL ? DONE : REFUSED, e);
	return true;
}

static void
hand_out(struct fetch_server *f, const struct fetch_found *found)
{
	struct err e;

	if (RULE(bad_offset) && f->offset > found->size) {
		found->source->free(found->source);
		err_word(&e, REFUSAL_bad_offset);
		server_refuse(&f->server, &e);
		return;
	}
	server_reply_take(&f->server, 250, "2.0.0", found->source, f->offset,
	    f->offset < found->size ? found->size - f->offset : 0, "here it is");
}

static enum outcome
settle_found(struct fetch_server *f, enum outcome o, const struct fetch_found *found,
    const struct err *e)
{
	f->asked = FETCH_ASK_OCTETS;
	if (o == DONE)
		hand_out(f, found);
	if (o == REFUSED)
		refuse(f, e);
	return o == PENDING ? PENDING : DONE;
}

bool
fetch_server_found_take(struct fetch_server *f, uint64_t request, const struct fetch_found *found,
    const struct err *e)
{
	if (f->asked != FETCH_ASK_OCTETS || !server_answered(&f->server, request)) {
		if (e == NULL)
			found->source->free(found->source);
		return false;
	}
	settle_found(f, e == NULL ? DONE : REFUSED, found, e);
	return true;
}

/* -- requests ------------------------------------------------------------------------------ */

/* hello = "HELLO" SP domain */
static enum outcome
do_hello(struct server *s, struct span args, struct err *e)
{
	struct fetch_server *f = self(s);

	if (!domain_parse(args, f->ops->a_label, &f->peer, e))
		return REFUSED;
	return settle(f, f->ops->hello(s->role, f->peer.text, e), e);
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
	return settle_found(f, f->ops->summary(s->role, &id, &found, e), &found, e);
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
	return settle_found(f, f->ops->fetch(s->role, &id, f->offset, &found, e), &found, e);
}

/* done = "DONE" SP id */
static enum outcome
do_done(struct server *s, struct span args, struct err *e)
{
	struct ulid id;

	if (!id_parse(args, &id, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->done(s->role, &id, e), e);
}

/* decline = "DECLINE" SP id */
static enum outcome
do_decline(struct server *s, struct span args, struct err *e)
{
	struct ulid id;

	if (!id_parse(args, &id, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->decline(s->role, &id, e), e);
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
}

void
fetch_server_clear(struct fetch_server *f)
{
	server_clear(&f->server);
}
