/* load_list — one look into a mailbox: every notice in it, a line each. */
#include "tests/load.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/hex.h"
#include "common/base/memory.h"
#include "proto/mailbox_client.h"

struct reader {
	struct mailbox_client client;
	struct load *load;
	struct conn *conn;
	struct auth_client *auth;
	struct auth_cache cache;
	uint64_t last;
	bool up, all;
};

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	struct reader *r = role;
	char id[ULID_STR_BYTES], hex[2 * MAILBOX_DIGEST_BYTES + 1];

	(void)arg;
	ulid_str(&n->id, id);
	hex_str(hex, n->digest, sizeof n->digest);
	printf("%llu %s %s %s\n", (unsigned long long)n->number, mailbox_state_name(n->state), id,
	    n->has_digest ? hex : "-");
	r->last = n->number;
	r->load->acked++;
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct reader *r = role;

	(void)arg;
	if (e != NULL)
		load_refused(r->load, e);
	r->all = e == NULL && !more;
	if (e == NULL && more && mailbox_client_list(&r->client, r->last, NULL))
		return;
	if (r->conn != NULL)
		conn_close(r->conn);
}

static enum outcome
on_step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return load_step(((struct reader *)role)->auth, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	struct reader *r = role;

	auth_client_free(&r->auth);
	if (e == NULL) {
		mailbox_client_list(&r->client, 0, NULL);
		return;
	}
	load_refused(r->load, e);
	if (r->conn != NULL)
		conn_close(r->conn);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)role;
	(void)arg;
	return err_set(e, REFUSAL_bad_reply, "%llu octets nobody asked for",
	    (unsigned long long)octets);
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	(void)role;
	(void)arg;
	(void)piece;
}

static void
on_lost(void *role, const struct err *e)
{
	(void)role;
	(void)e;
}

static const struct mailbox_client_ops ops = {
	.sasl = { .step = on_step, .signed_in = on_signed_in },
	.notice = on_notice,
	.found = on_found,
	.payload = on_payload,
	.end = on_end,
	.lost = on_lost,
};

static void
on_up(struct conn *c, void *role)
{
	struct reader *r = role;
	unsigned char binding[AUTH_BINDING_BYTES];
	char password[LOAD_PASSWORD_BYTES];
	struct err e;

	r->up = true;
	load_password(r->load, password);
	mailbox_client_init(&r->client, &ops, r);
	if (!conn_exporter(c, binding) ||
	    !auth_client_new(span_str(r->load->o.user), span_str(password),
		span_of(binding, sizeof binding), &r->cache, &r->auth, &e)) {
		conn_close(c);
		return;
	}
	mailbox_client_auth(&r->client, auth_client_mechanism(r->auth));
	conn_set_engine(c, &r->client.sasl.client.engine);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct reader *r = role;
	struct err closed;

	(void)c;
	r->conn = NULL;
	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (!r->all)
		load_refused(r->load, why != NULL ? why : &closed);
	if (r->up) {
		client_lost(&r->client.sasl.client, why != NULL ? why : &closed);
		mailbox_client_clear(&r->client);
	}
	if (r->auth != NULL)
		auth_client_free(&r->auth);
	load_closed(r->load);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

void *
load_list(struct load *l)
{
	struct reader *r = memory_new(sizeof *r);

	r->load = l;
	l->open = 1;
	r->conn = load_connect(l, MAILBOX_ALPN, &events, r);
	return r;
}

void
load_list_free(void *all)
{
	free(all);
}
