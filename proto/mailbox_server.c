/* mailbox_server — the IMS's side of mailbox; see mailbox_server.h. */
#include "proto/mailbox_server.h"

static struct mailbox_server *
self(struct server *s)
{
	return (struct mailbox_server *)s;
}

static struct server *
server_of(struct mailbox_server *m)
{
	return &m->sasl.server;
}

/* -- answers ------------------------------------------------------------------------------- */

static enum outcome
settle(struct mailbox_server *m, enum outcome o, const struct err *e)
{
	m->asked = MAILBOX_ASK_CHANGE;
	if (o == DONE)
		server_reply(server_of(m), 250, "2.0.0", "done");
	if (o == REFUSED)
		server_refuse(server_of(m), e);
	return o == PENDING ? PENDING : DONE;
}

bool
mailbox_server_answer(struct mailbox_server *m, uint64_t request, const struct err *e)
{
	if (m->asked != MAILBOX_ASK_CHANGE || !server_answered(server_of(m), request))
		return false;
	settle(m, e == NULL ? DONE : REFUSED, e);
	return true;
}

static enum outcome
settle_page(struct mailbox_server *m, enum outcome o, struct buf *page, bool more,
    const struct err *e)
{
	m->asked = MAILBOX_ASK_LIST;
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
mailbox_server_page(struct mailbox_server *m, uint64_t request, struct span rows, bool more,
    const struct err *e)
{
	struct buf page = BUF_INIT;

	if (m->asked != MAILBOX_ASK_LIST || !server_answered(server_of(m), request))
		return false;
	if (e == NULL)
		buf_add(&page, rows.p, rows.n);
	settle_page(m, e == NULL ? DONE : REFUSED, &page, more, e);
	return true;
}

static void
hand_out(struct mailbox_server *m, const struct mailbox_found *found)
{
	struct err e;

	if (RULE(bad_offset) && m->offset > found->size) {
		found->source->free(found->source);
		err_word(&e, REFUSAL_bad_offset);
		server_refuse(server_of(m), &e);
		return;
	}
	server_reply_take(server_of(m), 250, "2.0.0", found->source, m->offset,
	    m->offset < found->size ? found->size - m->offset : 0, "here it is");
}

static enum outcome
settle_found(struct mailbox_server *m, enum outcome o, const struct mailbox_found *found,
    const struct err *e)
{
	m->asked = MAILBOX_ASK_FOUND;
	if (o == DONE)
		hand_out(m, found);
	if (o == REFUSED)
		server_refuse(server_of(m), e);
	return o == PENDING ? PENDING : DONE;
}

bool
mailbox_server_found_take(struct mailbox_server *m, uint64_t request,
    const struct mailbox_found *found, const struct err *e)
{
	if (m->asked != MAILBOX_ASK_FOUND || !server_answered(server_of(m), request)) {
		if (e == NULL)
			found->source->free(found->source);
		return false;
	}
	settle_found(m, e == NULL ? DONE : REFUSED, found, e);
	return true;
}

bool
mailbox_server_progress(struct mailbox_server *m, uint64_t request, uint64_t got, uint64_t size)
{
	struct server *s = server_of(m);

	if (m->asked != MAILBOX_ASK_FOUND || !s->waiting || s->request != request)
		return false;
	if (s->engine.out.len < ENGINE_OUT_BYTES / 2)
		server_reply(s, 150, "2.0.0", "%llu %llu", (unsigned long long)got,
		    (unsigned long long)size);
	return true;
}

/* -- requests ------------------------------------------------------------------------------ */

/* n = number, and not 0 */
static bool
parse_number(struct span s, uint64_t *n, struct err *e)
{
	*n = 0;
	if (RULE(bad_syntax) && (!span_u64(s, n) || *n == 0))
		return err_set(e, REFUSAL_bad_syntax, "a letter is named by its number");
	return true;
}

/* list = "LIST" [ SP n ] */
static enum outcome
do_list(struct server *s, struct span args, struct err *e)
{
	struct mailbox_server *m = self(s);
	struct buf page = BUF_INIT;
	uint64_t after = 0;
	bool more = false;
	enum outcome o;

	if (args.n > 0 && !span_eq(args, SPAN_LIT("0")) && !parse_number(args, &after, e))
		return REFUSED;
	o = m->ops->list(s->role, after, &page, &more, e);
	return settle_page(m, o, &page, more, e);
}

/* summary = "SUMMARY" SP n */
static enum outcome
do_summary(struct server *s, struct span args, struct err *e)
{
	struct mailbox_server *m = self(s);
	struct mailbox_found found = { 0 };
	uint64_t n;

	if (!parse_number(args, &n, e))
		return REFUSED;
	m->offset = 0;
	return settle_found(m, m->ops->summary(s->role, n, &found, e), &found, e);
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

/* read = "READ" SP n [ SP offset ] */
static enum outcome
do_read(struct server *s, struct span args, struct err *e)
{
	struct mailbox_server *m = self(s);
	struct mailbox_found found = { 0 };
	struct span rest = args, word = span_cut(&rest, ' ');
	uint64_t n;

	m->offset = 0;
	if (!parse_number(word, &n, e) || (word.n < args.n && !parse_offset(rest, &m->offset, e)))
		return REFUSED;
	return settle_found(m, m->ops->read(s->role, n, &found, e), &found, e);
}

/* mark = "MARK" SP n SP flags */
static enum outcome
do_mark(struct server *s, struct span args, struct err *e)
{
	struct span rest = args, word = span_cut(&rest, ' ');
	unsigned set, cleared;
	uint64_t n;

	if (!parse_number(word, &n, e) || !mailbox_flags_parse(rest, &set, &cleared, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->mark(s->role, n, set, cleared, e), e);
}

/* drop = "DROP" SP n */
static enum outcome
do_drop(struct server *s, struct span args, struct err *e)
{
	uint64_t n;

	if (!parse_number(args, &n, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->drop(s->role, n, e), e);
}

/* decline = "DECLINE" SP n */
static enum outcome
do_decline(struct server *s, struct span args, struct err *e)
{
	uint64_t n;

	if (!parse_number(args, &n, e))
		return REFUSED;
	return settle(self(s), self(s)->ops->decline(s->role, n, e), e);
}

/* clang-format off */
static const struct verb	 verbs[] = {
	{ "AUTH",	SASL_NEW,		sasl_server_do_auth },
	{ "LIST",	SASL_READY,		do_list },
	{ "SUMMARY",	SASL_READY,		do_summary },
	{ "READ",	SASL_READY,		do_read },
	{ "MARK",	SASL_READY,		do_mark },
	{ "DROP",	SASL_READY,		do_drop },
	{ "DECLINE",	SASL_READY,		do_decline },
	{ "NOOP",	SASL_NEW | SASL_READY,	server_do_noop },
	{ "QUIT",	SASL_NEW | SASL_READY,	server_do_quit },
};
/* clang-format on */

void
mailbox_server_init(struct mailbox_server *m, const struct mailbox_server_ops *ops, void *role)
{
	*m = (struct mailbox_server) { .ops = ops };
	sasl_server_init(&m->sasl, verbs, sizeof verbs / sizeof verbs[0], &ops->sasl, role);
}

void
mailbox_server_clear(struct mailbox_server *m)
{
	server_clear(server_of(m));
}
