/* load_notices — an oms of our own that tells an ims of letters which nobody will ever fetch. */
#include "tests/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/pki/sign.h"
#include "common/tls/tls.h"
#include "proto/notify_client.h"

#define HOLD_S (7 * 24 * 3600)

struct sealed {
	struct caller *caller; /* NULL: free */
	int64_t sent_us;
	size_t n;
	struct ulid id[SEAL_STATEMENTS_MAX];
	unsigned char digest[SEAL_STATEMENTS_MAX][DIGEST_BYTES];
	struct notify_recipient recipient[SEAL_STATEMENTS_MAX];
	char address[SEAL_STATEMENTS_MAX][ADDRESS_STR_BYTES];
	struct buf statement[SEAL_STATEMENTS_MAX];
	struct buf seal;
};

struct caller {
	struct notify_client client;
	struct load *load;
	struct notices *all;
	struct conn *conn;
	bool up, welcome;
	struct sealed sealed[NOTIFY_SEALS_MAX];
};

struct notices {
	struct load *load;
	struct tls *tls;
	struct caller *callers;
	char from[ADDRESS_STR_BYTES];
};

/* -- batches -------------------------------------------------------------------------------------- */

static bool
make_statement(const struct caller *c, struct sealed *b, size_t i, struct err *e)
{
	const struct load_options *o = &c->load->o;
	struct statement st = { .recipient_domain = span_str(o->domain) };
	unsigned char random[10], hash[1][STATEMENT_HASH_BYTES];

	random_bytes(random, sizeof random);
	ulid_make(&b->id[i], clock_wall_ms(), random);
	random_bytes(b->digest[i], sizeof b->digest[i]);
	random_bytes(b->recipient[i].salt, sizeof b->recipient[i].salt);
	load_numbered(o->recipient, load_turn(c->load), b->address[i]);
	b->recipient[i].address = span_str(b->address[i]);
	statement_hash(digest_sha256, b->recipient[i].salt, b->recipient[i].address, hash[0]);
	st.id = b->id[i];
	st.date_s = clock_wall_ms() / 1000;
	st.hold_until_s = st.date_s + HOLD_S;
	st.size = (uint64_t)o->size;
	memcpy(st.digest, b->digest[i], sizeof st.digest);
	memcpy(st.summary_digest, b->digest[i], sizeof st.summary_digest);
	st.summary_size = st.size < 600 ? st.size : 600;
	buf_reset(&b->statement[i]);
	return address_parse(span_str(c->all->from), &st.from, e) &&
	    statement_write(&b->statement[i], &st, hash, 1, e);
}

static bool
make_seal(struct caller *c, struct sealed *b, struct err *e)
{
	unsigned char digests[SEAL_STATEMENTS_MAX][STATEMENT_HASH_BYTES];

	for (b->n = 0; b->n < (size_t)c->load->o.per_seal && load_take(c->load); b->n++) {
		if (!make_statement(c, b, b->n, e))
			return false;
		digest_sha256(buf_span(&b->statement[b->n]), digests[b->n]);
	}
	buf_reset(&b->seal);
	return b->n == 0 ||
	    seal_write(&b->seal, span_str(c->load->o.own), span_str(c->load->o.domain),
		clock_wall_ms() / 1000, digests, b->n, e);
}

static void
on_sealed(void *arg, const char *alg, struct span signature, const struct err *e)
{
	struct sealed *b = arg;
	struct caller *c = b->caller;
	struct notify_letter letters[SEAL_STATEMENTS_MAX];
	enum seal_alg a;
	struct err why;

	for (size_t i = 0; i < b->n; i++)
		letters[i] = (struct notify_letter) { buf_span(&b->statement[i]), &b->recipient[i],
			1 };
	if (e == NULL && c->welcome && seal_alg_parse(span_str(alg), &a) &&
	    notify_client_send(&c->client, letters, b->n, buf_span(&b->seal), a, signature, b,
		&why)) {
		conn_kick(c->conn);
		return;
	}
	b->caller = NULL;
	if (e == NULL && !c->welcome)
		err_set(&why, REFUSAL_unreachable, "the session ended before the seal was made");
	load_refused(c->load, e != NULL ? e : &why);
	if (c->conn != NULL)
		conn_close(c->conn);
}

static void
fill(struct caller *c)
{
	struct err e;
	bool open = false;

	for (long i = 0; c->welcome && i < c->load->o.window; i++) {
		struct sealed *b = &c->sealed[i];

		if (b->caller == NULL) {
			b->sent_us = load_now_us();
			if (!make_seal(c, b, &e)) {
				load_refused(c->load, &e);
				continue;
			}
			if (b->n == 0)
				continue;
			b->caller = c;
			sign_run(c->load->loop,
			    tls_identity_key(tls_identity(c->all->tls, c->load->o.own)),
			    buf_span(&b->seal), on_sealed, b);
		}
		open = true;
	}
	if (c->welcome && !open && c->conn != NULL)
		conn_close(c->conn);
}

/* -- answers ---------------------------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct caller *c = role;

	c->welcome = e == NULL;
	if (e != NULL)
		load_refused(c->load, e);
	fill(c);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	struct caller *c = role;
	struct sealed *b = arg;

	(void)text;
	if (e != NULL)
		load_refused(c->load, e);
	else
		load_acked(c->load, b->sent_us, &b->id[index], b->digest[index], b->address[index]);
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct caller *c = role;
	struct sealed *b = arg;

	(void)answered;
	b->caller = NULL;
	if (e == NULL)
		fill(c);
}

static void
on_lost(void *role, const struct err *e)
{
	struct caller *c = role;

	(void)e;
	c->welcome = false;
}

static const struct notify_client_ops ops = { on_hello, on_result, on_batch_end, on_lost };

/* -- connections -------------------------------------------------------------------------------------- */

static const struct conn_events events;

static void
on_up(struct conn *conn, void *role)
{
	struct caller *c = role;

	c->up = true;
	notify_client_init(&c->client, &ops, c);
	notify_client_hello(&c->client, c->load->o.own);
	conn_set_engine(conn, &c->client.client.engine);
}

static void
on_gone(struct conn *conn, void *role, const struct err *why)
{
	struct caller *c = role;
	struct err closed;

	(void)conn;
	c->conn = NULL;
	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (c->up) {
		client_lost(&c->client.client, why != NULL ? why : &closed);
		notify_client_clear(&c->client);
	}
	c->up = c->welcome = false;
	if (why != NULL) {
		c->load->broken++;
		load_refused(c->load, why);
	}
	if (c->load->o.again && !c->load->stopping && load_now_us() < c->load->end_us)
		c->conn = load_connect(c->load, NOTIFY_ALPN, &events, c);
	else
		load_closed(c->load);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

void *
load_notices(struct load *l)
{
	struct notices *a = memory_new(sizeof *a);
	struct buf from = BUF_INIT;

	a->load = l;
	a->tls = tls_holder_get(l->tls);
	buf_addf(&from, "load@%s", l->o.own);
	if (!span_copy(buf_span(&from), a->from, sizeof a->from))
		exit(64);
	buf_clear(&from);
	a->callers = memory_array((size_t)l->o.connections, sizeof *a->callers);
	for (long i = 0; i < l->o.connections; i++) {
		struct caller *c = &a->callers[i];

		c->load = l;
		c->all = a;
		l->open++;
		c->conn = load_connect(l, NOTIFY_ALPN, &events, c);
	}
	return a;
}

void
load_notices_free(void *all)
{
	struct notices *a = all;

	for (long i = 0; i < a->load->o.connections; i++)
		for (size_t k = 0; k < NOTIFY_SEALS_MAX; k++) {
			struct sealed *b = &a->callers[i].sealed[k];

			for (size_t j = 0; j < SEAL_STATEMENTS_MAX; j++)
				buf_clear(&b->statement[j]);
			buf_clear(&b->seal);
		}
	tls_unref(&a->tls);
	free(a->callers);
	free(a);
}
