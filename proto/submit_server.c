/* submit_server — the OMS's side of submit; see submit_server.h. */
#include "proto/submit_server.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "proto/id.h"

static struct submit_server *
self(struct server *s)
{
	return (struct submit_server *)s;
}

static struct server *
server_of(struct submit_server *m)
{
	return &m->sasl.server;
}

/* -- the envelope -------------------------------------------------------------------------- */

static void
forget(struct submit_server *m)
{
	free(m->letter);
	m->letter = NULL;
	m->faulty = false;
}

/* The places of the recipients, 32 KiB, are not zeroed. */
static void
begin(struct submit_server *m)
{
	struct submit_envelope *l = memory_resize(NULL, 1, sizeof *l);

	forget(m);
	l->from[0] = l->token[0] = '\0';
	l->n_to = 0;
	l->hold_days = 0;
	l->octets = 0;
	m->letter = l;
}

/* A letter is accepted with its whole envelope or not at all, so the first refusal refuses MESSAGE too. */
static enum outcome
fault(struct submit_server *m, const char *what, const struct err *e)
{
	if (!m->faulty && m->letter != NULL) {
		m->faulty = true;
		m->fault = *e;
		err_prefix(&m->fault, "%s", what);
	}
	server_refuse(server_of(m), e);
	return DONE;
}

/* The place for the next address.  It is kept by counting n_to up. */
static char *
next_to(struct submit_server *m)
{
	return m->letter->to[m->letter->n_to];
}

static enum outcome
settle_from(struct submit_server *m, enum outcome o, const struct err *e)
{
	m->asked = SUBMIT_ASK_FROM;
	if (o == PENDING)
		return PENDING;
	if (o == REFUSED)
		return fault(m, "the sender", e);
	server_reply(server_of(m), 250, "2.1.0", "from %s", m->letter->from);
	return DONE;
}

static enum outcome
settle_to(struct submit_server *m, enum outcome o, const struct err *e)
{
	m->asked = SUBMIT_ASK_TO;
	if (o == PENDING)
		return PENDING;
	if (o == REFUSED)
		return fault(m, next_to(m), e);
	server_reply(server_of(m), 250, "2.1.5", "to %s", next_to(m));
	m->letter->n_to++;
	return DONE;
}

/* from = "FROM" SP "<" address ">" */
static enum outcome
do_from(struct server *s, struct span args, struct err *e)
{
	struct submit_server *m = self(s);
	struct address a;

	begin(m);
	if (!address_parse_path(args, &a, e) ||
	    !address_canonical(&a, m->ops->a_label, m->letter->from, e))
		return settle_from(m, REFUSED, e);
	return settle_from(m, m->ops->from(s->role, m->letter->from, e), e);
}

static bool
is_known(const struct submit_envelope *l, const char *address)
{
	for (size_t i = 0; i < l->n_to; i++)
		if (strcmp(l->to[i], address) == 0)
			return true;
	return false;
}

static bool
has_from(const struct submit_server *m, struct err *e)
{
	if (m->letter == NULL)
		return err_set(e, REFUSAL_bad_sequence, "FROM comes first");
	return true;
}

/* to = "TO" SP "<" address ">" */
static enum outcome
do_to(struct server *s, struct span args, struct err *e)
{
	struct submit_server *m = self(s);
	struct address a;
	char address[ADDRESS_STR_BYTES];

	if (!has_from(m, e))
		return REFUSED;
	if (!address_parse_path(args, &a, e) || !address_canonical(&a, m->ops->a_label, address, e))
		return fault(m, "a recipient", e);
	if (is_known(m->letter, address)) {
		server_reply(s, 250, "2.1.5", "to %s, once", address);
		return DONE;
	}
	if (m->letter->n_to == SUBMIT_RECIPIENTS_MAX) { /* no RULE: the array has no more room */
		err_word(e, REFUSAL_too_many_recipients);
		return fault(m, address, e);
	}
	memcpy(next_to(m), address, sizeof address);
	return settle_to(m, m->ops->to(s->role, next_to(m), e), e);
}

/* hold = "HOLD" SP days */
static enum outcome
do_hold(struct server *s, struct span args, struct err *e)
{
	struct submit_server *m = self(s);
	uint64_t days = 0;

	if (!has_from(m, e))
		return REFUSED;
	if (!span_u64(args, &days) ||
	    (RULE(bad_hold) && (days == 0 || days > SUBMIT_HOLD_DAYS_MAX))) {
		err_set(e, REFUSAL_bad_hold, "a letter is held for 1 to %d days",
		    SUBMIT_HOLD_DAYS_MAX);
		return fault(m, "the time to hold", e);
	}
	m->letter->hold_days = (unsigned)days;
	server_reply(s, 250, "2.0.0", "for %u days", m->letter->hold_days);
	return DONE;
}

/* -- the letter ---------------------------------------------------------------------------- */

static enum outcome
settle_message(struct submit_server *m, enum outcome o, const struct ulid *id, const struct err *e)
{
	char digits[ULID_STR_BYTES];

	m->asked = SUBMIT_ASK_MESSAGE;
	if (o == PENDING)
		return PENDING;
	if (o == DONE) {
		ulid_str(id, digits);
		server_reply(server_of(m), 250, "2.0.0", "%s", digits);
	} else {
		server_refuse(server_of(m), e);
	}
	forget(m);
	return DONE;
}

bool
submit_server_taken(struct submit_server *m, uint64_t request, const struct ulid *id,
    const struct err *e)
{
	if (m->asked != SUBMIT_ASK_MESSAGE || !server_answered(server_of(m), request))
		return false;
	settle_message(m, e == NULL ? DONE : REFUSED, id, e);
	return true;
}

void
submit_server_pause(struct submit_server *m, bool paused)
{
	server_of(m)->full = paused;
}

static void
message_octets(struct server *s, struct span in)
{
	self(s)->ops->body(s->role, in);
}

static enum outcome
message_end(struct server *s, struct span whole, struct err *e)
{
	struct ulid id;

	(void)whole;
	s->full = false;
	return settle_message(self(s), self(s)->ops->end(s->role, &id, e), &id, e);
}

/* The octets follow, whether the letter is refused or not. */
static enum outcome
settle_begin(struct submit_server *m, enum outcome o, uint64_t octets)
{
	m->asked = SUBMIT_ASK_BEGIN;
	if (o == DONE)
		server_expect(server_of(m), octets, message_octets, message_end);
	if (o == REFUSED) {
		forget(m);
		server_skip(server_of(m), octets);
	}
	return o;
}

bool
submit_server_answer(struct submit_server *m, uint64_t request, const struct err *e)
{
	enum outcome o = e == NULL ? DONE : REFUSED;

	if ((m->asked != SUBMIT_ASK_FROM && m->asked != SUBMIT_ASK_TO &&
		m->asked != SUBMIT_ASK_BEGIN) ||
	    !server_answered(server_of(m), request))
		return false;
	if (m->asked == SUBMIT_ASK_FROM)
		settle_from(m, o, e);
	else if (m->asked == SUBMIT_ASK_TO)
		settle_to(m, o, e);
	else if (settle_begin(m, o, m->letter->octets) == REFUSED)
		server_refuse(server_of(m), e);
	return true;
}

/* Checks that need no octet of the letter. */
static enum outcome
judge(struct submit_server *m, uint64_t octets, struct span token, struct err *e)
{
	if (!has_from(m, e))
		return REFUSED;
	if (m->faulty) {
		*e = m->fault;
		return REFUSED;
	}
	if (RULE(no_recipient) && m->letter->n_to == 0) {
		err_word(e, REFUSAL_no_recipient);
		return REFUSED;
	}
	if (!submit_token_is_good(token) ||
	    !span_copy(token, m->letter->token, sizeof m->letter->token)) {
		err_set(e, REFUSAL_bad_syntax,
		    "a token has 1 to %d letters, digits, \"-\", \"_\" or \".\"", SUBMIT_TOKEN_MAX);
		return REFUSED;
	}
	m->letter->octets = octets;
	return m->ops->begin(server_of(m)->role, m->letter, e);
}

/* The session ends where the octets cannot be counted, are too many for any letter, or are from nobody who
 * is signed in: they are not read past. */
static bool
is_countable(struct server *s, struct span octets, uint64_t *n)
{
	struct err e;

	if (!span_u64(octets, n))
		err_set(&e, REFUSAL_bad_syntax, "MESSAGE does not say how many octets follow");
	else if (RULE(message_too_big) && *n > SUBMIT_SIZE_MAX)
		err_word(&e, REFUSAL_message_too_big);
	else if (RULE(auth_required) && s->state == SASL_NEW)
		err_word(&e, REFUSAL_auth_required);
	else
		return true;
	server_end(s, &e);
	return false;
}

/* message = "MESSAGE" SP octets SP token CRLF octets*OCTET */
static enum outcome
do_message(struct server *s, struct span args, struct err *e)
{
	struct submit_server *m = self(s);
	struct span token = args, octets = span_cut(&token, ' ');
	uint64_t n;

	if (!is_countable(s, octets, &n))
		return DONE;
	return settle_begin(m, judge(m, n, token, e), n);
}

/* -- the outbox ---------------------------------------------------------------------------- */

static enum outcome
settle_page(struct submit_server *m, enum outcome o, struct buf *page, bool more,
    const struct err *e)
{
	m->asked = SUBMIT_ASK_PAGE;
	if (o == DONE) {
		if (more)
			row_more(page);
		server_reply_octets(server_of(m), 250, "2.0.0", buf_span(page), "rows");
	}
	if (o == REFUSED)
		server_refuse(server_of(m), e);
	buf_clear(page);
	return o == PENDING ? PENDING : DONE;
}

bool
submit_server_page(struct submit_server *m, uint64_t request, struct span rows, bool more,
    const struct err *e)
{
	struct buf page = BUF_INIT;

	if (m->asked != SUBMIT_ASK_PAGE || !server_answered(server_of(m), request))
		return false;
	if (e == NULL)
		buf_add(&page, rows.p, rows.n);
	settle_page(m, e == NULL ? DONE : REFUSED, &page, more, e);
	return true;
}

/* status = "STATUS" SP id */
static enum outcome
do_status(struct server *s, struct span args, struct err *e)
{
	struct submit_server *m = self(s);
	struct buf page = BUF_INIT;
	struct ulid id;

	if (!id_parse(args, &id, e))
		return REFUSED;
	return settle_page(m, m->ops->status(s->role, &id, &page, e), &page, false, e);
}

/* outbox = "OUTBOX" [ SP id ] */
static enum outcome
do_outbox(struct server *s, struct span args, struct err *e)
{
	struct submit_server *m = self(s);
	struct buf page = BUF_INIT;
	bool more = false;
	struct ulid after;
	enum outcome o;

	if (args.n > 0 && !id_parse(args, &after, e))
		return REFUSED;
	o = m->ops->outbox(s->role, args.n > 0 ? &after : NULL, &page, &more, e);
	return settle_page(m, o, &page, more, e);
}

/* clang-format off */
static const struct verb	 verbs[] = {
	{ "AUTH",	SASL_NEW,		sasl_server_do_auth },
	{ "FROM",	SASL_READY,		do_from },
	{ "TO",		SASL_READY,		do_to },
	{ "HOLD",	SASL_READY,		do_hold },
	{ "MESSAGE",	SASL_NEW | SASL_READY,	do_message },
	{ "STATUS",	SASL_READY,		do_status },
	{ "OUTBOX",	SASL_READY,		do_outbox },
	{ "NOOP",	SASL_NEW | SASL_READY,	server_do_noop },
	{ "QUIT",	SASL_NEW | SASL_READY,	server_do_quit },
};
/* clang-format on */

void
submit_server_init(struct submit_server *m, const struct submit_server_ops *ops, void *role)
{
	*m = (struct submit_server) { .ops = ops };
	sasl_server_init(&m->sasl, verbs, sizeof verbs / sizeof verbs[0], &ops->sasl, role);
}

void
submit_server_clear(struct submit_server *m)
{
	forget(m);
	server_clear(server_of(m));
}
