/* notify_client — the OMS's side of notify; see notify_client.h. */
#include "proto/notify_client.h"

#include "common/base/hex.h"

enum kind { HELLO, SEAL, NOOP, QUIT };

static struct notify_client *
self(struct client *c)
{
	return (struct notify_client *)c;
}

/* -- replies ---------------------------------------------------------------------------------- */

/* False: refused, and *e says why.  A 3xx reply has no meaning here and says nothing of the letter. */
static bool
accepted(const struct reply *r, struct err *e)
{
	if (r->code < 300)
		return true;
	if (r->code < 400)
		return err_set(e, REFUSAL_internal, "a reply %d means nothing here", r->code);
	return reply_err(r, e);
}

static void
on_hello(struct notify_client *n, const struct reply *r)
{
	struct err e;

	if (accepted(r, &e)) {
		n->ready = true;
		n->ops->hello(n->role, NULL);
		return;
	}
	n->ops->hello(n->role, &e);
	client_lost(&n->client, &e);
}

/* The last reply of a batch makes room for the next batch before the role is called. */
static void
on_sealed(struct notify_client *n, const struct reply *r)
{
	struct notify_sent *s = &n->sent[n->head], over = *s;
	struct err e;
	bool good = accepted(r, &e);

	over.answered = ++s->answered;
	if (over.answered == over.expected) {
		n->head = (n->head + 1) % NOTIFY_SEALS_MAX;
		n->count--;
	}
	n->ops->result(n->role, over.arg, over.answered - 1, r->text, good ? NULL : &e);
	if (over.answered == over.expected)
		n->ops->batch_end(n->role, over.arg, over.answered, NULL);
}

static void
on_quit(struct notify_client *n)
{
	struct err e;

	err_set(&e, REFUSAL_closing, "the session was ended");
	client_lost(&n->client, &e);
}

static void
on_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	(void)arg;
	if (r->code < 200)
		return;
	switch ((enum kind)kind) {
	case HELLO:
		on_hello(self(c), r);
		break;
	case SEAL:
		on_sealed(self(c), r);
		break;
	case NOOP:
		break;
	case QUIT:
		on_quit(self(c));
		break;
	}
}

static void
on_lost(struct client *c, const struct err *e)
{
	struct notify_client *n = self(c);

	n->ready = false;
	while (n->count > 0) {
		struct notify_sent s = n->sent[n->head];

		n->head = (n->head + 1) % NOTIFY_SEALS_MAX;
		n->count--;
		n->ops->batch_end(n->role, s.arg, s.answered, e);
	}
	n->ops->lost(n->role, e);
}

/* -- batches ------------------------------------------------------------------------------------ */

static size_t
replies_of(const struct notify_letter *l)
{
	return l->recipients == NULL ? 1 : l->n_recipients;
}

/* Refuses what the other side would have to refuse or could not even count. */
static bool
check(const struct notify_letter *letters, size_t n, struct span seal, struct span signature,
    struct err *e)
{
	if (RULE(too_many_statements) && n > SEAL_STATEMENTS_MAX)
		return err_word(e, REFUSAL_too_many_statements);
	if (RULE(bad_seal_form) && (seal.n > SEAL_MAX_BYTES || signature.n > SEAL_SIGNATURE_MAX))
		return err_set(e, REFUSAL_bad_seal_form, "seal or signature is too long");
	for (size_t i = 0; i < n; i++) {
		const struct notify_letter *l = &letters[i];

		if (RULE(statement_too_big) && l->statement.n > STATEMENT_MAX_BYTES)
			return err_word(e, REFUSAL_statement_too_big);
		if (RULE(no_recipient) && replies_of(l) == 0)
			return err_word(e, REFUSAL_no_recipient);
		if (RULE(too_many_recipients) && replies_of(l) > STATEMENT_RECIPIENTS_MAX)
			return err_word(e, REFUSAL_too_many_recipients);
	}
	if (RULE(no_recipient) && n == 0)
		return err_set(e, REFUSAL_no_recipient, "a batch without statements");
	return true;
}

static bool
add_recipient(struct buf *out, const struct notify_recipient *r, struct err *e)
{
	struct address a;

	if (!address_parse_canonical(r->address, &a, e))
		return false;
	buf_add(out, "RCPT <", 6);
	buf_add(out, r->address.p, r->address.n);
	buf_add(out, "> ", 2);
	hex_add(out, r->salt, STATEMENT_SALT_BYTES);
	buf_add(out, "\r\n", 2);
	return true;
}

static bool
add_letter(struct buf *out, const struct notify_letter *l, struct err *e)
{
	if (l->recipients != NULL)
		for (size_t i = 0; i < l->n_recipients; i++)
			if (!add_recipient(out, &l->recipients[i], e))
				return false;
	buf_addf(out, "STATEMENT %zu\r\n", l->statement.n);
	buf_add(out, l->statement.p, l->statement.n);
	return true;
}

static bool
add_batch(struct buf *out, const struct notify_letter *letters, size_t n, struct span seal,
    enum seal_alg alg, struct span signature, struct err *e)
{
	size_t start = out->len;

	for (size_t i = 0; i < n; i++)
		if (!add_letter(out, &letters[i], e))
			return false;
	buf_addf(out, "SEAL %zu %s %zu\r\n", seal.n, seal_alg_name(alg), signature.n);
	buf_add(out, seal.p, seal.n);
	buf_add(out, signature.p, signature.n);
	if (RULE(batch_too_big) && out->len - start > NOTIFY_BATCH_BYTES)
		return err_word(e, REFUSAL_batch_too_big);
	return true;
}

bool
notify_client_may_send(const struct notify_client *c)
{
	return c->ready && c->count < NOTIFY_SEALS_MAX;
}

bool
notify_client_send(struct notify_client *c, const struct notify_letter *letters, size_t n,
    struct span seal, enum seal_alg alg, struct span signature, void *arg, struct err *e)
{
	struct buf *out = &c->client.engine.out;
	size_t start = out->len, replies = 0;

	if (RULE(bad_sequence) && !c->ready)
		return err_set(e, REFUSAL_bad_sequence, "no batch before the welcome");
	if (RULE(too_many_outstanding) && c->count >= NOTIFY_SEALS_MAX)
		return err_word(e, REFUSAL_too_many_outstanding);
	if (!check(letters, n, seal, signature, e))
		return false;
	for (size_t i = 0; i < n; i++)
		replies += replies_of(&letters[i]);
	if (!add_batch(out, letters, n, seal, alg, signature, e)) {
		out->len = start;
		return false;
	}
	if (!client_expect(&c->client, SEAL, NULL, replies)) {
		out->len = start;
		return err_word(e, REFUSAL_too_many_outstanding);
	}
	c->sent[(c->head + c->count++) % NOTIFY_SEALS_MAX] = (struct notify_sent) { .arg = arg,
		.expected = replies };
	return true;
}

/* -- the rest -------------------------------------------------------------------------------------- */

void
notify_client_hello(struct notify_client *c, const char *domain)
{
	client_request(&c->client, HELLO, NULL, "HELLO %s", domain);
}

void
notify_client_noop(struct notify_client *c)
{
	client_request(&c->client, NOOP, NULL, "NOOP");
}

void
notify_client_quit(struct notify_client *c)
{
	c->ready = false;
	client_request(&c->client, QUIT, NULL, "QUIT");
}

void
notify_client_init(struct notify_client *c, const struct notify_client_ops *ops, void *role)
{
	static const struct client_ops mine = { .reply = on_reply, .lost = on_lost };

	*c = (struct notify_client) { .ops = ops, .role = role };
	client_init(&c->client, &mine);
	c->client.life_ms = CLIENT_LIFE_MS;
}

void
notify_client_clear(struct notify_client *c)
{
	client_clear(&c->client);
	c->head = c->count = 0;
	c->ready = false;
}
