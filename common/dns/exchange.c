/* exchange — MX, then A and AAAA of each host; see exchange.h. */
#include "common/dns/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/dns/finding_private.h"
#include "common/dns/hosts_private.h"
#include "common/text/address_scope.h"
#include "common/text/idn.h"

struct exchange_query {
	struct finding_query shared;
	exchange_done *done;
	void *arg;
};

struct exchangers {
	struct finding f; /* what: "mx" of names only, "mx PORT", or "host PORT" */
	uint16_t port;    /* 0: names only */
	struct dns_query *asked;
	struct hosts hosts;
	struct exchange_host *all;
	size_t n;
	bool secure, vouched, unsure, usable;
	uint32_t ttl_s;
	struct err why; /* the last rule that left something out */
};

/* -- order ------------------------------------------------------------------------------------- */

static uint32_t
drawn(void *arg, uint32_t bound)
{
	uint64_t r;

	(void)arg;
	random_bytes(&r, sizeof r);
	return (uint32_t)(r % ((uint64_t)bound + 1));
}

static int
by_preference(const void *a, const void *b)
{
	const struct exchange_host *x = a, *y = b;

	return (x->preference > y->preference) - (x->preference < y->preference);
}

/* Each of the equals that are left is drawn with the same chance. */
void
exchange_order(struct exchange_host *h, size_t n, uint32_t (*rnd)(void *arg, uint32_t bound),
    void *arg)
{
	size_t end;

	if (n == 0)
		return;
	qsort(h, n, sizeof *h, by_preference);
	for (size_t first = 0; first + 1 < n; first++) {
		struct exchange_host *chosen, moved;

		for (end = first; end < n && h[end].preference == h[first].preference; end++)
			;
		chosen = &h[first + rnd(arg, (uint32_t)(end - first - 1))];
		moved = *chosen;
		*chosen = h[first];
		h[first] = moved;
	}
}

/* -- the result -------------------------------------------------------------------------------- */

/* Each query gets its own order of equal hosts. */
static void
deliver(struct finding *f, struct finding_query *waiting, uint32_t ttl_s)
{
	const struct exchangers *s = (struct exchangers *)f;
	struct exchange_query *q = (struct exchange_query *)waiting;
	struct exchange x = { .n = s->n,
		.secure = s->secure,
		.vouched = s->vouched && !s->usable,
		.unsure = s->unsure,
		.ttl_s = ttl_s };

	if (s->n > 0) {
		x.hosts = memory_array(s->n, sizeof *x.hosts);
		memcpy(x.hosts, s->all, s->n * sizeof *x.hosts);
		exchange_order(x.hosts, s->n, drawn, NULL);
	}
	q->done(q->arg, &x, s->usable ? NULL : &s->why);
	free(x.hosts);
}

/* An uncertain result serves only the queries that wait for it. */
static void
finish(struct exchangers *s)
{
	finding_over(&s->f, !s->unsure && (s->usable || !refusal_temporary(s->why.why)), s->ttl_s);
}

/* -- addresses --------------------------------------------------------------------------------- */

static void
addresses_found(void *arg)
{
	struct exchangers *s = arg;
	const struct hosts *h = &s->hosts;

	for (size_t i = 0; i < s->n; i++) {
		s->all[i].secure = h->one[i].secure;
		s->usable = s->usable || s->all[i].n > 0;
	}
	s->vouched = s->vouched && h->vouched;
	s->unsure = h->unsure;
	if (h->why.why != REFUSAL_NONE)
		s->why = h->why;
	if (h->ttl_s < s->ttl_s)
		s->ttl_s = h->ttl_s;
	hosts_clear(&s->hosts);
	finish(s);
}

static void
ask_addresses(struct exchangers *s)
{
	s->hosts = (struct hosts) { .dns = s->f.dns,
		.domain = s->f.domain,
		.peer = finding_peer(&s->f),
		.about = s->f.domain,
		.allow_private = s->f.allow_private,
		.done = addresses_found,
		.arg = s };
	hosts_begin(&s->hosts, s->n);
	for (size_t i = 0; i < s->n; i++)
		s->hosts.one[i] = (struct hosts_one) { .name = s->all[i].host,
			.port = s->port,
			.address = s->all[i].address,
			.n = &s->all[i].n };
	hosts_ask(&s->hosts);
}

/* -- MX ---------------------------------------------------------------------------------------- */

/* rdata = preference host */
static bool
read_host(struct exchange_host *h, struct span rdata)
{
	size_t at = 0;

	memset(h, 0, sizeof *h);
	return dns_rdata_u16(rdata, &at, &h->preference) && dns_rdata_name(rdata, &at, h->host);
}

static void
add_host(struct exchangers *s, struct span rdata)
{
	struct exchange_host *h = &s->all[s->n];
	struct domain host;
	struct err e;

	if (!read_host(h, rdata) || h->host[0] == '\0')
		return; /* "." beside others names nothing */
	if (!idn_a_label(span_str(h->host), &host, &e)) {
		err_set(&s->why,
		    e.why == REFUSAL_address_literal ? REFUSAL_address_literal
						     : REFUSAL_unreachable,
		    "%s: the MX %s is no name of a host (%s)", s->f.domain, h->host, e.text);
		return;
	}
	span_copy(domain_span(&host), h->host, sizeof h->host);
	s->n++;
}

static bool
is_null(const struct dns_answer *a)
{
	struct exchange_host only;

	return a->n == 1 && read_host(&only, a->rdata[0]) && only.host[0] == '\0';
}

static void
take_hosts(struct exchangers *s, const struct dns_answer *a)
{
	if (RULE(null_mx) && is_null(a)) {
		err_set(&s->why, REFUSAL_null_mx, "%s says by its MX that it takes no mail",
		    s->f.domain);
		finish(s);
		return;
	}
	if (RULE(too_many_targets) && a->n > EXCHANGE_HOSTS_MAX) {
		err_set(&s->why, REFUSAL_too_many_targets, "%s has %zu MX records", s->f.domain,
		    a->n);
		finish(s);
		return;
	}
	s->all = memory_array(a->n, sizeof *s->all);
	err_set(&s->why, REFUSAL_unreachable, "no MX of %s has an address", s->f.domain);
	for (size_t i = 0; i < a->n && s->n < EXCHANGE_HOSTS_MAX; i++)
		add_host(s, a->rdata[i]);
	if (s->n > 0 && s->port != 0) {
		ask_addresses(s);
		return;
	}
	s->usable = s->n > 0;
	finish(s);
}

static void
mx_answered(void *arg, const struct dns_answer *a)
{
	struct exchangers *s = arg;

	s->asked = NULL;
	s->secure = s->vouched = a->secure;
	s->ttl_s = a->ttl_s;
	switch (a->status) {
	case DNS_OK:
		take_hosts(s, a);
		return;
	case DNS_NODATA:
		if (RULE(no_mx))
			err_set(&s->why, REFUSAL_no_mx, "%s has no MX", s->f.domain);
		break;
	case DNS_NXDOMAIN:
		if (RULE(no_such_domain))
			err_set(&s->why, REFUSAL_no_such_domain, "there is no domain %s",
			    s->f.domain);
		break;
	default:
		dns_err(a, s->f.domain, &s->why);
		break;
	}
	finish(s);
}

/* -- asking ------------------------------------------------------------------------------------ */

/* Nothing but its addresses is asked for. */
static void
take_one_host(struct exchangers *s)
{
	s->all = memory_array(1, sizeof *s->all);
	s->n = 1;
	s->secure = s->vouched = true;
	s->ttl_s = UINT32_MAX;
	span_copy(span_str(s->f.domain), s->all[0].host, sizeof s->all[0].host);
	err_set(&s->why, REFUSAL_unreachable, "%s has no address", s->f.domain);
	ask_addresses(s);
}

static void
begin(struct finding *f)
{
	struct exchangers *s = (struct exchangers *)f;
	struct span what = span_str(f->what);
	uint64_t port = 0;

	bool is_host = span_eq(span_cut(&what, ' '), SPAN_LIT("host"));

	(void)span_u64(what, &port);
	s->port = (uint16_t)port;
	if (is_host) {
		take_one_host(s);
		return;
	}
	s->asked = dns_ask_about(f->dns, span_str(f->domain), finding_peer(f), span_str(f->domain),
	    DNS_MX, mx_answered, s);
}

static void
clear(struct finding *f)
{
	struct exchangers *s = (struct exchangers *)f;

	dns_cancel(&s->asked);
	hosts_clear(&s->hosts);
	free(s->all);
}

struct exchange_query *
exchange_find(struct dns *dns, const struct exchange_ask *ask, exchange_done *done, void *arg)
{
	static const struct finding_kind kind = { sizeof(struct exchangers), begin, deliver,
		clear };
	struct exchange_query *q = memory_new(sizeof *q);
	char what[16] = "mx";

	if (!ask->names_only)
		snprintf(what, sizeof what, "%s %u", ask->is_host ? "host" : "mx",
		    (unsigned)ask->port);
	q->done = done;
	q->arg = arg;
	finding_ask(dns, &(struct finding_key) { &kind, what, ask->domain, ask->allow_private },
	    ask->peer, &q->shared);
	return q;
}

void
exchange_cancel(struct exchange_query **q)
{
	if (*q != NULL)
		finding_leave(&(*q)->shared);
	*q = NULL;
}

/* -- ourselves --------------------------------------------------------------------------------- */

static bool
is_own(const struct exchange_host *h, const struct exchange_own *own)
{
	for (size_t i = 0; i < own->n_names; i++)
		if (span_eq_nocase(span_str(h->host), span_str(own->names[i])))
			return true;
	for (size_t i = 0; i < own->n_addresses; i++)
		for (size_t k = 0; k < h->n; k++)
			if (address_same_host((const struct sockaddr *)&own->addresses[i],
				(const struct sockaddr *)&h->address[k]))
				return true;
	return false;
}

bool
exchange_cut(struct exchange *x, const struct exchange_own *own, struct err *e)
{
	size_t first = 0, kept = 0, usable = 0;

	while (first < x->n && !is_own(&x->hosts[first], own))
		first++;
	if (first == x->n)
		return true;
	while (kept < first && x->hosts[kept].preference < x->hosts[first].preference)
		usable += x->hosts[kept++].n > 0;
	if (kept == 0 && RULE(mx_loop))
		return err_set(e, REFUSAL_mx_loop,
		    "%s is this server, and no MX is nearer to the domain", x->hosts[first].host);
	if (usable == 0)
		return err_set(e, REFUSAL_unreachable,
		    "no MX that is nearer to the domain than %s has an address",
		    x->hosts[first].host);
	x->n = kept;
	return true;
}
