/* submit_client — the user's side of submit; see submit_client.h. */
#include "proto/submit_client.h"

#include "proto/id.h"

enum kind { LETTER, PAGE, NOOP, QUIT }; /* LETTER: FROM to MESSAGE; PAGE: STATUS, OUTBOX */

static struct submit_client *
self(struct client *c)
{
	return (struct submit_client *)c;
}

static struct client *
client_of(struct submit_client *m)
{
	return &m->sasl.client;
}

static void *
role_of(struct submit_client *m)
{
	return m->sasl.role;
}

/* -- replies to a letter ------------------------------------------------------------------- */

static struct submit_sent
shift(struct submit_client *m)
{
	struct submit_sent s = m->sent[m->head];

	m->head = (m->head + 1) % SUBMIT_CLIENT_LETTERS;
	m->count--;
	return s;
}

static size_t
replies_of(const struct submit_sent *s)
{
	return 1 + s->n_to + (s->hold ? 1 : 0) + 1;
}

static void
on_refused(struct submit_client *m, const struct submit_sent *s, size_t i, const struct err *e)
{
	if (m->ops->refused == NULL)
		return;
	if (i == 0)
		m->ops->refused(role_of(m), s->arg, SUBMIT_PART_FROM, 0, e);
	else if (i <= s->n_to)
		m->ops->refused(role_of(m), s->arg, SUBMIT_PART_TO, i - 1, e);
	else
		m->ops->refused(role_of(m), s->arg, SUBMIT_PART_HOLD, 0, e);
}

/* A 250 without an id after it is a bad reply. */
static void
on_taken(struct submit_client *m, const struct reply *r)
{
	struct span text = r->text, word = span_cut(&text, ' ');
	struct ulid id;
	struct err e;

	if (r->code >= 300) {
		reply_err(r, &e);
		m->ops->taken(role_of(m), shift(m).arg, NULL, &e);
	} else if (!id_parse(word, &id, &e)) {
		e.why = REFUSAL_bad_reply;
		m->ops->taken(role_of(m), shift(m).arg, NULL, &e);
		client_lost(client_of(m), &e);
	} else {
		m->ops->taken(role_of(m), shift(m).arg, &id, NULL);
	}
}

static void
on_letter(struct submit_client *m, const struct reply *r)
{
	struct submit_sent *s = &m->sent[m->head];
	size_t i = s->seen++;
	struct err e;

	if (i + 1 == replies_of(s)) {
		on_taken(m, r);
	} else if (r->code >= 300) {
		reply_err(r, &e);
		on_refused(m, s, i, &e);
	}
}

/* -- pages --------------------------------------------------------------------------------- */

static bool
on_row(void *arg, struct row *r, struct err *e)
{
	struct submit_client *m = arg;
	struct submit_letter l;
	struct submit_recipient to;

	m->more = span_eq(r->word, SPAN_LIT("more"));
	if (span_eq(r->word, SPAN_LIT("letter"))) {
		if (!submit_letter_read(r, &l, e))
			return false;
		m->ops->letter(role_of(m), client_of(m)->arg, &l);
	} else if (span_eq(r->word, SPAN_LIT("rcpt"))) {
		if (!submit_recipient_read(r, &to, e))
			return false;
		m->ops->recipient(role_of(m), client_of(m)->arg, &to);
	}
	return true;
}

static void
on_payload(struct client *c, int kind, void *arg, struct span piece)
{
	struct err e;

	(void)kind;
	(void)arg;
	if (!row_feed(&self(c)->kept, piece, on_row, self(c), &e))
		client_lost(c, &e);
}

static void
on_end(struct client *c, int kind, void *arg)
{
	struct submit_client *m = self(c);
	struct err e;
	bool whole = m->kept.len == 0;

	(void)kind;
	if (!whole)
		err_set(&e, REFUSAL_bad_reply, "the last row is incomplete");
	m->ops->page_end(role_of(m), arg, m->more, whole ? NULL : &e);
	if (!whole)
		client_lost(c, &e);
}

static void
on_page(struct submit_client *m, void *arg, const struct reply *r)
{
	struct err e;

	buf_reset(&m->kept);
	m->more = false;
	if (r->code < 300) {
		if (r->octets > ROW_PAGE_MAX) {
			err_set(&e, REFUSAL_bad_reply, "a page of more than 1 MiB");
			client_lost(client_of(m), &e);
		}
		return;
	}
	reply_err(r, &e);
	m->ops->page_end(role_of(m), arg, false, &e);
}

/* -- all replies --------------------------------------------------------------------------- */

static void
on_quit(struct submit_client *m)
{
	struct err e;

	err_set(&e, REFUSAL_closing, "the session was ended");
	client_lost(client_of(m), &e);
}

static void
on_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	if (sasl_client_reply(c, kind, r) || r->code < 200 || !client_fits(c, r, kind == PAGE))
		return;
	switch ((enum kind)kind) {
	case LETTER:
		on_letter(self(c), r);
		break;
	case PAGE:
		on_page(self(c), arg, r);
		break;
	case NOOP:
		break;
	case QUIT:
		on_quit(self(c));
		break;
	}
}

static void
on_dropped(struct client *c, int kind, void *arg, const struct err *e)
{
	struct submit_client *m = self(c);

	if (kind == PAGE)
		m->ops->page_end(role_of(m), arg, false, e);
}

static void
on_lost(struct client *c, const struct err *e)
{
	struct submit_client *m = self(c);

	while (m->count > 0)
		m->ops->taken(role_of(m), shift(m).arg, NULL, e);
	sasl_client_lost(c, e);
	m->ops->lost(role_of(m), e);
}

/* -- letters ------------------------------------------------------------------------------- */

bool
submit_client_may_send(const struct submit_client *m)
{
	return !m->sasl.client.over && !m->quitting && m->count < SUBMIT_CLIENT_LETTERS &&
	    m->sasl.client.engine.payload.source == NULL;
}

/* False: *e is set, and the caller removes what was added. */
static bool
add_path(struct buf *out, const char *verb, const char *address, struct err *e)
{
	struct address a;

	if (!address_parse(span_str(address), &a, e))
		return false;
	buf_addf(out, "%s <%s>\r\n", verb, address);
	return true;
}

static bool
add_lines(struct buf *out, const struct submit_draft *d, struct err *e)
{
	if (RULE(no_recipient) && d->n_to == 0)
		return err_word(e, REFUSAL_no_recipient);
	if (RULE(too_many_recipients) && d->n_to > SUBMIT_RECIPIENTS_MAX)
		return err_word(e, REFUSAL_too_many_recipients);
	if (!submit_token_is_good(span_str(d->token)))
		return err_set(e, REFUSAL_bad_syntax, "the token is malformed");
	if (!add_path(out, "FROM", d->from, e))
		return false;
	for (size_t i = 0; i < d->n_to; i++)
		if (!add_path(out, "TO", d->to[i], e))
			return false;
	if (d->hold_days > 0)
		buf_addf(out, "HOLD %u\r\n", d->hold_days);
	buf_addf(out, "MESSAGE %llu %s\r\n", (unsigned long long)d->octets, d->token);
	return true;
}

static bool
add_letter(struct submit_client *m, const struct submit_draft *d, void *arg, struct err *e)
{
	struct buf *out = &client_of(m)->engine.out;
	size_t start = out->len;
	struct submit_sent s = { .arg = arg, .n_to = d->n_to, .hold = d->hold_days > 0 };

	if (RULE(too_many_outstanding) && !submit_client_may_send(m))
		return err_word(e, REFUSAL_too_many_outstanding);
	if (!add_lines(out, d, e)) {
		out->len = start;
		return false;
	}
	if (!client_expect(client_of(m), LETTER, NULL, replies_of(&s))) {
		out->len = start;
		return err_word(e, REFUSAL_too_many_outstanding);
	}
	m->sent[(m->head + m->count++) % SUBMIT_CLIENT_LETTERS] = s;
	return true;
}

bool
submit_client_send(struct submit_client *m, const struct submit_draft *d, struct span body,
    void *arg, struct err *e)
{
	if (RULE(bad_syntax) && d->octets != body.n)
		return err_set(e, REFUSAL_bad_syntax, "the letter has %zu octets, not %llu", body.n,
		    (unsigned long long)d->octets);
	if (!add_letter(m, d, arg, e))
		return false;
	buf_add(&client_of(m)->engine.out, body.p, body.n);
	return true;
}

bool
submit_client_send_take(struct submit_client *m, const struct submit_draft *d, struct source *body,
    void *arg, struct err *e)
{
	if (!add_letter(m, d, arg, e)) {
		body->free(body);
		return false;
	}
	engine_payload_take(&client_of(m)->engine, body, 0, d->octets);
	return true;
}

/* -- other requests ------------------------------------------------------------------------ */

static bool
is_free(const struct submit_client *m)
{
	return !m->quitting && m->sasl.client.engine.payload.source == NULL;
}

bool
submit_client_auth(struct submit_client *m, const char *mechanism)
{
	return is_free(m) && sasl_client_begin(&m->sasl, mechanism);
}

bool
submit_client_status(struct submit_client *m, const struct ulid *id, void *arg)
{
	char digits[ULID_STR_BYTES];

	ulid_str(id, digits);
	return is_free(m) && client_request(client_of(m), PAGE, arg, "STATUS %s", digits);
}

bool
submit_client_outbox(struct submit_client *m, const struct ulid *after, void *arg)
{
	char digits[ULID_STR_BYTES];

	if (!is_free(m))
		return false;
	if (after == NULL)
		return client_request(client_of(m), PAGE, arg, "OUTBOX");
	ulid_str(after, digits);
	return client_request(client_of(m), PAGE, arg, "OUTBOX %s", digits);
}

bool
submit_client_noop(struct submit_client *m)
{
	return is_free(m) && client_request(client_of(m), NOOP, NULL, "NOOP");
}

bool
submit_client_quit(struct submit_client *m)
{
	if (!is_free(m) || !client_request(client_of(m), QUIT, NULL, "QUIT"))
		return false;
	m->quitting = true;
	return true;
}

void
submit_client_init(struct submit_client *m, const struct submit_client_ops *ops, void *role)
{
	static const struct client_ops mine = {
		on_reply,
		on_payload,
		on_end,
		on_lost,
		on_dropped,
	};

	*m = (struct submit_client) { .ops = ops };
	sasl_client_init(&m->sasl, &mine, &ops->sasl, role);
}

void
submit_client_clear(struct submit_client *m)
{
	client_clear(client_of(m));
	buf_clear(&m->kept);
	m->head = m->count = 0;
}
