/* link — one connection at a time to the user's own servers; see link.h. */
#include "mc/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/dns/designation.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/text/idn.h"
#include "mc/revocation.h"

_Static_assert(TLS_EXPORTER_BYTES == 32, "link_binding gives 32 octets");

struct link {
	struct loop *loop;
	struct dns *dns;
	struct tls_holder *tls;
	struct revocation revocation;
	struct loop_timer *timer;
	bool allow_private;
	struct domain domain;
	/* finding */
	struct designation_query *query;
	struct designation_target *targets;
	size_t n_targets;
	bool found;
	struct err why; /* the last failure; REFUSAL_NONE: none */
	/* the connection */
	struct conn *conn;
	struct client *client;
	char host[DOMAIN_BYTES];
	uint16_t port;
	bool up, settled; /* settled: up, or gone without */
	bool gone, late;
};

/* -- the loop, in turns ------------------------------------------------------------------------- */

static void
too_late(void *arg)
{
	struct link *l = arg;

	l->late = true;
	loop_stop(l->loop);
}

/* Runs the loop until a flag is set; it stops at each event that sets one. */
static bool
wait_for(struct link *l, const bool *until, const bool *over, int64_t timeout_ms)
{
	int64_t end = loop_now_ms(l->loop) + timeout_ms;

	l->late = false;
	while (!*until && !*over && !l->late) {
		int64_t left = end - loop_now_ms(l->loop);

		if (timeout_ms > 0)
			loop_timer_set_ms(l->timer, left > 0 ? left : 0);
		loop_run(l->loop);
	}
	loop_timer_cancel(l->timer);
	return *until;
}

void
link_wake(struct link *l)
{
	loop_stop(l->loop);
}

/* -- finding ------------------------------------------------------------------------------------ */

static void
on_designation(void *arg, const struct designation *d, const struct err *why)
{
	struct link *l = arg;

	l->query = NULL;
	l->found = true;
	if (why != NULL) {
		l->why = *why;
	} else {
		l->targets = memory_array(d->n, sizeof *l->targets);
		memcpy(l->targets, d->targets, d->n * sizeof *l->targets);
		l->n_targets = d->n;
	}
	link_wake(l);
}

static bool
find(struct link *l, const char *service, struct fault *f)
{
	bool never = false;

	free(l->targets);
	l->targets = NULL;
	l->n_targets = 0;
	l->found = false;
	l->query = designation_find(l->dns, service, l->domain.text, NULL, l->allow_private,
	    on_designation, l);
	if (!wait_for(l, &l->found, &never, LINK_SEARCH_MS)) {
		designation_cancel(&l->query);
		return err_set(&f->err, REFUSAL_dns_failed, "%s.%s: no answer for %d s", service,
		    l->domain.text, LINK_SEARCH_MS / 1000);
	}
	if (l->n_targets > 0)
		return true;
	f->err = l->why; /* which names what was asked for */
	f->finding_own = true;
	return false;
}

/* -- the connection ----------------------------------------------------------------------------- */

static void
on_up(struct conn *c, void *role)
{
	struct link *l = role;

	l->up = l->settled = true;
	conn_set_engine(c, &l->client->engine);
	link_wake(l);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct link *l = role;
	struct err closed;

	(void)c;
	l->conn = NULL;
	l->settled = l->gone = true;
	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (l->up) {
		l->up = false;
		client_lost(l->client, why != NULL ? why : &closed);
	} else
		l->why = why != NULL ? *why : closed;
	link_wake(l);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

static bool
try_once(struct link *l, const struct sockaddr_storage *address, const char *alpn, int64_t left_ms)
{
	const struct conn_target to = {
		.kind = TLS_TO_SERVER,
		.address = (const struct sockaddr *)address,
		.domain = l->domain.text,
		.alpn = alpn,
		.timeout_ms = left_ms < LINK_CONNECT_MS ? left_ms : LINK_CONNECT_MS,
	};
	bool never = false;

	l->up = l->settled = l->gone = false;
	l->conn = conn_connect(l->loop, &to, l->tls, &events, l);
	(void)wait_for(l, &l->settled, &never, 0);
	return l->up;
}

/* A CRL that was missing may be here by now. */
static bool
try_address(struct link *l, const struct sockaddr_storage *address, const char *alpn,
    int64_t left_ms)
{
	return try_once(l, address, alpn, left_ms) ||
	    (l->why.why == REFUSAL_revocation_unknown && revocation_fetch(&l->revocation) &&
		try_once(l, address, alpn, left_ms));
}

bool
link_connect(struct link *l, const char *service, const char *alpn, struct client *client,
    struct fault *f)
{
	int64_t end = loop_now_ms(l->loop) + LINK_SEARCH_MS;
	unsigned tries = 0;

	*f = (struct fault) { .err = { .why = REFUSAL_NONE } };
	l->host[0] = '\0';
	if (!find(l, service, f))
		return false;
	l->client = client;
	for (size_t t = 0; t < l->n_targets; t++)
		for (size_t a = 0; a < l->targets[t].n; a++) {
			int64_t left = end - loop_now_ms(l->loop);

			if (left <= 0)
				break;
			snprintf(l->host, sizeof l->host, "%s", l->targets[t].host);
			l->port = l->targets[t].port;
			tries++;
			if (try_address(l, &l->targets[t].address[a], alpn, left))
				return true;
		}
	f->err = l->why;
	return err_prefix(&f->err, "%s port %u%s", l->host, l->port,
	    tries > 1 ? ", the last one tried" : "");
}

bool
link_wait(struct link *l, const bool *until, int64_t timeout_ms)
{
	return wait_for(l, until, &l->gone, timeout_ms);
}

void
link_close(struct link *l)
{
	bool never = false;

	if (l->conn == NULL)
		return;
	conn_close(l->conn);
	if (!wait_for(l, &l->gone, &never, CONN_LINGER_MS + 1000)) {
		conn_drop(l->conn, NULL);
		(void)wait_for(l, &l->gone, &never, 0);
	}
}

bool
link_is_up(const struct link *l)
{
	return l->up;
}

const char *
link_host(const struct link *l)
{
	return l->host;
}

uint16_t
link_port(const struct link *l)
{
	return l->port;
}

void
link_kick(struct link *l)
{
	if (l->conn != NULL)
		conn_kick(l->conn);
}

bool
link_binding(const struct link *l, unsigned char out[32])
{
	return l->conn != NULL && conn_exporter(l->conn, out);
}

/* -- life --------------------------------------------------------------------------------------- */

bool
link_new(struct link **out, const struct config *c, struct err *e)
{
	struct link *l = memory_new(sizeof *l);
	const struct tls_settings settings = { .trust = c->trust,
		.crls = c->crls,
		.cache = l->revocation.folder,
		.user = { (uid_t)-1, (gid_t)-1 } };
	const char *at = strrchr(c->address, '@');

	revocation_open(&l->revocation, c);
	l->allow_private = c->allow_private;
	l->gone = true;
	if (RULE(bad_address) && at == NULL)
		err_set(e, REFUSAL_bad_address, "\"%s\" is not local@domain", c->address);
	else if (idn_a_label(span_str(at + 1), &l->domain, e) && loop_new(&l->loop, e) &&
	    dns_new(&l->dns, l->loop, c->resolver, e) && tls_holder_new(&l->tls, &settings, e)) {
		l->timer = loop_timer_new(l->loop, too_late, l);
		revocation_begin(&l->revocation, l->tls);
		*out = l;
		return true;
	}
	link_free(&l);
	return false;
}

void
link_free(struct link **lp)
{
	struct link *l = *lp;

	if (l == NULL)
		return;
	link_close(l);
	free(l->targets);
	if (l->timer != NULL)
		loop_timer_free(&l->timer);
	if (l->dns != NULL)
		dns_free(&l->dns);
	if (l->loop != NULL)
		loop_free(&l->loop);
	revocation_clear(&l->revocation);
	if (l->tls != NULL)
		tls_holder_free(&l->tls);
	free(l);
	*lp = NULL;
}
