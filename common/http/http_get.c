/* http_get — a URL, its host's addresses, a transfer, and the next URL where it is redirected; see http.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/http/http_transfer_private.h"
#include "common/loop/loop.h"
#include "common/pki/trust.h"
#include "common/text/address_scope.h"

struct http_get {
	struct http *http;
	struct loop *loop;
	struct dns *dns;
	http_done *done;
	void *arg;
	struct http_ask ask;     /* without the URL */
	struct http_trust trust; /* ask.trust, where it is not NULL */
	int64_t until_ms;
	struct loop_timer *deadline, *soon; /* soon: what failed at once is told */
	struct err why;                     /* of what failed last */
	struct http_url url;
	unsigned redirects;
	struct dns_query *asking[2]; /* A, AAAA */
	struct sockaddr_storage address[HTTP_ADDRESSES];
	size_t n;
	struct http_transfer *transfer;
};

static void start(struct http_get *g);

/* -- the end ---------------------------------------------------------------------------------------- */

static void
destroy(struct http_get *g)
{
	if (g->transfer != NULL)
		http_transfer_abandon(g->http, g->transfer);
	for (int i = 0; i < 2; i++)
		if (g->asking[i] != NULL)
			dns_cancel(&g->asking[i]);
	loop_timer_free(&g->deadline);
	loop_timer_free(&g->soon);
	trust_unref(&g->trust.trust);
	free(g);
}

static void
deliver(struct http_get *g, struct span body, const struct err *e)
{
	http_done *done = g->done;
	void *arg = g->arg;
	struct err why;

	if (e != NULL)
		why = *e;
	destroy(g);
	done(arg, body, e == NULL ? NULL : &why);
}

static void
tell(void *arg)
{
	struct http_get *g = arg;

	deliver(g, span_of(NULL, 0), &g->why);
}

/* On the loop's next turn, so that done is not called inside http_get. */
static void
fail(struct http_get *g)
{
	loop_timer_set_ms(g->soon, 0);
}

static void
late(void *arg)
{
	struct http_get *g = arg;

	err_set(&g->why, REFUSAL_too_slow, "%s: not done in %lld s", g->url.host,
	    (long long)(g->ask.most_ms / 1000));
	tell(g);
}

/* -- the answer --------------------------------------------------------------------------------------- */

static void
redirect(struct http_get *g, const char *location)
{
	struct http_url to;

	if (++g->redirects > g->ask.redirects) {
		err_set(&g->why, REFUSAL_bad_reply, "%s: more than %u redirects", g->url.host,
		    g->ask.redirects);
		fail(g);
	} else if (!http_url_follow(&g->url, span_str(location), &to, &g->why)) {
		err_prefix(&g->why, "redirected by %s", g->url.host);
		fail(g);
	} else {
		g->url = to;
		start(g);
	}
}

static void
over(void *arg, struct http_transfer *t)
{
	struct http_get *g = arg;

	g->transfer = NULL;
	if (t->why.why != REFUSAL_NONE) {
		g->why = t->why;
		err_prefix(&g->why, "%s", g->url.host);
		tell(g);
	} else if (http_head_redirects(&t->head)) {
		redirect(g, t->head.location);
	} else if (t->head.status != 200) {
		err_set(&g->why, REFUSAL_bad_reply, "%s answers %d", g->url.host, t->head.status);
		tell(g);
	} else if (g->ask.media != NULL &&
	    !span_eq_nocase(span_str(t->head.media), span_str(g->ask.media))) {
		err_set(&g->why, REFUSAL_bad_reply, "%s does not answer with %s", g->url.host,
		    g->ask.media);
		tell(g);
	} else {
		deliver(g, buf_span(&t->body), NULL);
	}
}

/* -- resolving ------------------------------------------------------------------------------------------ */

static void
add_address(struct http_get *g, const struct sockaddr_storage *a)
{
	if (g->n < HTTP_ADDRESSES)
		g->address[g->n++] = *a;
}

static void
resolved(struct http_get *g)
{
	if (g->n > 0) {
		g->transfer = http_transfer_new(&g->url, g->address, g->n, &g->ask, g->until_ms);
		g->transfer->home = g->loop;
		g->transfer->over = over;
		g->transfer->arg = g;
		http_transfer_start(g->http, g->transfer);
		return;
	}
	if (g->why.why == REFUSAL_NONE)
		err_set(&g->why, REFUSAL_unreachable, "%s has no address", g->url.host);
	fail(g);
}

static void
on_dns(struct http_get *g, enum dns_type type, const struct dns_answer *a)
{
	struct sockaddr_storage address;

	if (a->status == DNS_NXDOMAIN)
		err_set(&g->why, REFUSAL_no_such_domain, "there is no %s", g->url.host);
	else if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		dns_err(a, g->url.host, &g->why);
	for (size_t i = 0; i < a->n; i++)
		if (dns_rdata_address(a->rdata[i], type, g->url.port, &address))
			add_address(g, &address);
	if (g->asking[0] == NULL && g->asking[1] == NULL)
		resolved(g);
}

static void
on_a(void *arg, const struct dns_answer *a)
{
	struct http_get *g = arg;

	g->asking[0] = NULL;
	on_dns(g, DNS_A, a);
}

static void
on_aaaa(void *arg, const struct dns_answer *a)
{
	struct http_get *g = arg;

	g->asking[1] = NULL;
	on_dns(g, DNS_AAAA, a);
}

static void
start(struct http_get *g)
{
	struct sockaddr_storage literal;
	struct span host = span_str(g->url.host);

	g->n = 0;
	g->why = (struct err) { .why = REFUSAL_NONE };
	if (address_scope_parse(host, g->url.port, &literal)) {
		add_address(g, &literal);
		resolved(g);
		return;
	}
	g->asking[0] = dns_ask(g->dns, host, DNS_A, on_a, g);
	g->asking[1] = dns_ask(g->dns, host, DNS_AAAA, on_aaaa, g);
}

/* -- life ------------------------------------------------------------------------------------------------ */

struct http_get *
http_get(struct http *h, struct loop *l, struct dns *dns, const struct http_ask *ask,
    http_done *done, void *arg)
{
	struct http_get *g = memory_new(sizeof *g);

	g->http = h;
	g->loop = l;
	g->dns = dns;
	g->done = done;
	g->arg = arg;
	g->ask = *ask;
	g->ask.url = NULL;
	if (ask->trust != NULL) {
		g->trust = *ask->trust;
		trust_ref(g->trust.trust);
		g->ask.trust = &g->trust;
	}
	g->until_ms = loop_now_ms(l) + ask->most_ms;
	g->deadline = loop_timer_new(l, late, g);
	g->soon = loop_timer_new(l, tell, g);
	loop_timer_set_ms(g->deadline, ask->most_ms);
	if (http_url_parse(span_str(ask->url), ask->trust != NULL, &g->url, &g->why))
		start(g);
	else
		fail(g);
	return g;
}

void
http_get_cancel(struct http_get **gp)
{
	if (*gp != NULL)
		destroy(*gp);
	*gp = NULL;
}
