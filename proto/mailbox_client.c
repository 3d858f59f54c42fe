/* mailbox_client — the user's side of mailbox; see mailbox_client.h. */
#include "proto/mailbox_client.h"

enum kind { LIST, OCTETS, CHANGE, NOOP, QUIT }; /* OCTETS: SUMMARY and READ */

static struct mailbox_client *
self(struct client *c)
{
	return (struct mailbox_client *)c;
}

static struct client *
client_of(struct mailbox_client *m)
{
	return &m->sasl.client;
}

static void *
role_of(struct mailbox_client *m)
{
	return m->sasl.role;
}

/* -- payloads ------------------------------------------------------------------------------ */

static bool
on_row(void *arg, struct row *r, struct err *e)
{
	struct mailbox_client *m = arg;
	struct mailbox_notice n;

	m->more = span_eq(r->word, SPAN_LIT("more"));
	if (!span_eq(r->word, SPAN_LIT("notice")))
		return true;
	if (!mailbox_notice_read(r, &n, e))
		return false;
	m->ops->notice(role_of(m), client_of(m)->arg, &n);
	return true;
}

static void
on_payload(struct client *c, int kind, void *arg, struct span piece)
{
	struct mailbox_client *m = self(c);
	struct err e;

	if (kind == OCTETS)
		m->ops->payload(role_of(m), arg, piece);
	else if (!row_feed(&m->kept, piece, on_row, m, &e))
		client_lost(c, &e);
}

static void
on_end(struct client *c, int kind, void *arg)
{
	struct mailbox_client *m = self(c);
	struct err e;
	bool whole = kind != LIST || m->kept.len == 0;

	if (!whole)
		err_set(&e, REFUSAL_bad_reply, "the last row has no end");
	m->ops->end(role_of(m), arg, m->more, whole ? NULL : &e);
	if (!whole)
		client_lost(c, &e);
}

/* -- replies ------------------------------------------------------------------------------- */

/* progress = "150" SP "2.0.0" SP got SP size */
static void
on_progress(struct mailbox_client *m, void *arg, const struct reply *r)
{
	struct span size = r->text, got = span_cut(&size, ' ');
	uint64_t a, b;

	if (m->ops->progress != NULL && span_u64(got, &a) && span_u64(size, &b))
		m->ops->progress(role_of(m), arg, a, b);
}

static void
on_granted(struct mailbox_client *m, enum kind kind, void *arg, const struct reply *r)
{
	struct err e;
	bool good = true;

	buf_reset(&m->kept);
	m->more = false;
	if (kind == CHANGE)
		m->ops->end(role_of(m), arg, false, NULL);
	else if (kind == OCTETS)
		good = m->ops->found(role_of(m), arg, r->octets, &e);
	else if (r->octets > ROW_PAGE_MAX)
		good = err_set(&e, REFUSAL_bad_reply, "a page of more than 1 MiB");
	if (!good)
		client_lost(client_of(m), &e);
}

static void
on_quit(struct mailbox_client *m)
{
	struct err e;

	err_set(&e, REFUSAL_closing, "the session was ended");
	client_lost(client_of(m), &e);
}

static void
on_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	struct mailbox_client *m = self(c);
	struct err e;

	if (sasl_client_reply(c, kind, r))
		return;
	if (r->code < 200) {
		if (kind == OCTETS)
			on_progress(m, arg, r);
		return;
	}
	if (!client_fits(c, r, kind == OCTETS || kind == LIST))
		return;
	if (kind == QUIT) {
		on_quit(m);
	} else if (kind != NOOP && r->code < 300) {
		on_granted(m, (enum kind)kind, arg, r);
	} else if (kind != NOOP) {
		reply_err(r, &e);
		m->ops->end(role_of(m), arg, false, &e);
	}
}

static void
on_dropped(struct client *c, int kind, void *arg, const struct err *e)
{
	struct mailbox_client *m = self(c);

	if (kind == LIST || kind == OCTETS || kind == CHANGE)
		m->ops->end(role_of(m), arg, false, e);
}

static void
on_lost(struct client *c, const struct err *e)
{
	struct mailbox_client *m = self(c);

	sasl_client_lost(c, e);
	m->ops->lost(role_of(m), e);
}

/* -- requests ------------------------------------------------------------------------------ */

static bool
ask(struct mailbox_client *m, enum kind kind, void *arg, const char *verb, uint64_t number,
    const char *rest)
{
	return !m->quitting &&
	    client_request(client_of(m), (int)kind, arg, "%s %llu%s", verb,
		(unsigned long long)number, rest);
}

bool
mailbox_client_auth(struct mailbox_client *m, const char *mechanism)
{
	return !m->quitting && sasl_client_begin(&m->sasl, mechanism);
}

bool
mailbox_client_list(struct mailbox_client *m, uint64_t after, void *arg)
{
	return ask(m, LIST, arg, "LIST", after, "");
}

bool
mailbox_client_summary(struct mailbox_client *m, uint64_t number, void *arg)
{
	return ask(m, OCTETS, arg, "SUMMARY", number, "");
}

bool
mailbox_client_read(struct mailbox_client *m, uint64_t number, uint64_t offset, void *arg)
{
	if (offset == 0)
		return ask(m, OCTETS, arg, "READ", number, "");
	return !m->quitting &&
	    client_request(client_of(m), OCTETS, arg, "READ %llu %llu", (unsigned long long)number,
		(unsigned long long)offset);
}

bool
mailbox_client_mark(struct mailbox_client *m, uint64_t number, unsigned set, unsigned cleared,
    void *arg)
{
	struct buf words = BUF_INIT;
	bool sent;

	buf_add(&words, " ", 1);
	mailbox_flags_write(&words, set, cleared);
	buf_add(&words, "", 1);
	sent = ask(m, CHANGE, arg, "MARK", number, words.data);
	buf_clear(&words);
	return sent;
}

bool
mailbox_client_drop(struct mailbox_client *m, uint64_t number, void *arg)
{
	return ask(m, CHANGE, arg, "DROP", number, "");
}

bool
mailbox_client_decline(struct mailbox_client *m, uint64_t number, void *arg)
{
	return ask(m, CHANGE, arg, "DECLINE", number, "");
}

bool
mailbox_client_noop(struct mailbox_client *m)
{
	return !m->quitting && client_request(client_of(m), NOOP, NULL, "NOOP");
}

bool
mailbox_client_quit(struct mailbox_client *m)
{
	if (m->quitting || !client_request(client_of(m), QUIT, NULL, "QUIT"))
		return false;
	m->quitting = true;
	return true;
}

void
mailbox_client_init(struct mailbox_client *m, const struct mailbox_client_ops *ops, void *role)
{
	static const struct client_ops mine = {
		on_reply,
		on_payload,
		on_end,
		on_lost,
		on_dropped,
	};

	*m = (struct mailbox_client) { .ops = ops };
	sasl_client_init(&m->sasl, &mine, &ops->sasl, role);
}

void
mailbox_client_clear(struct mailbox_client *m)
{
	client_clear(client_of(m));
	buf_clear(&m->kept);
}
