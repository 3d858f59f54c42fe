/* load_mailbox — a user's session at a mailbox; see load_mailbox.h. */
#include "tests/load_mailbox.h"

void
load_mailbox_leave(struct load_mailbox *m)
{
	if (m->conn != NULL)
		conn_close(m->conn);
}

enum outcome
load_mailbox_step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return load_step(((struct load_mailbox *)role)->auth, message, last, out, e);
}

void
load_mailbox_signed_in(void *role, const struct err *e)
{
	struct load_mailbox *m = role;

	auth_client_free(&m->auth);
	if (e == NULL) {
		m->kind->ready(m);
		return;
	}
	load_refused(m->load, e);
	load_mailbox_leave(m);
}

void
load_mailbox_lost(void *role, const struct err *e)
{
	(void)role;
	(void)e;
}

static void
on_up(struct conn *c, void *role)
{
	struct load_mailbox *m = role;

	m->up = true;
	mailbox_client_init(&m->client, m->kind->ops, m);
	m->auth = load_sign_in(c, m->user, m->password, &m->cache);
	if (m->auth == NULL) {
		conn_close(c);
		return;
	}
	mailbox_client_auth(&m->client, auth_client_mechanism(m->auth));
	conn_set_engine(c, &m->client.sasl.client.engine);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct load_mailbox *m = role;
	struct err closed;

	(void)c;
	m->conn = NULL;
	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (m->up) {
		client_lost(&m->client.sasl.client, why != NULL ? why : &closed);
		mailbox_client_clear(&m->client);
	}
	if (m->auth != NULL)
		auth_client_free(&m->auth);
	m->kind->gone(m, why);
	load_closed(m->load);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

void
load_mailbox_begin(struct load_mailbox *m)
{
	m->conn = load_connect(m->load, MAILBOX_ALPN, &events, m);
}
