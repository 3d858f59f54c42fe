/* designation — SRV, then A and AAAA of each target; see designation.h. */
#include "common/dns/designation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/dns/finding_private.h"
#include "common/dns/hosts_private.h"
#include "common/text/address_scope.h"
#include "common/text/idn.h"

#define PORT_HTTPS        443
#define PORT_UNPRIVILEGED 1024

struct designation_query {
	struct finding_query shared;
	designation_done *done;
	void *arg;
};

/* What a domain names for a service. */
struct servers {
	struct finding f;
	char name[DNS_NAME_BYTES + 33]; /* service.domain */
	struct dns_query *asked;        /* SRV, or whether the domain is there at all */
	struct hosts hosts;
	struct designation_target *targets;
	size_t n, n_named; /* n: those of use */
	bool secure, vouched, named, unsure;
	uint32_t ttl_s;
	struct err why; /* the last rule that left something out */
};

static uint32_t
drawn(void *arg, uint32_t bound)
{
	uint64_t r;

	(void)arg;
	random_bytes(&r, sizeof(r));
	return (uint32_t)(r % ((uint64_t)bound + 1));
}

/* Each query gets its own order of equal targets. */
static void
deliver(struct finding *f, struct finding_query *waiting, uint32_t ttl_s)
{
	const struct servers *s = (struct servers *)f;
	struct designation_query *q = (struct designation_query *)waiting;
	struct designation_target *t = NULL;
	struct designation d = { .n = s->n,
		.secure = s->secure,
		.vouched = s->vouched && s->n == 0,
		.named = s->named,
		.whole = s->n == s->n_named && !s->unsure,
		.unsure = s->unsure,
		.ttl_s = ttl_s };

	if (s->n > 0) {
		t = memory_array(s->n, sizeof *t);
		memcpy(t, s->targets, s->n * sizeof *t);
		designation_order(t, s->n, drawn, NULL);
	}
	d.targets = t;
	q->done(q->arg, &d, s->n > 0 ? NULL : &s->why);
	free(t);
}

/* An uncertain result serves only the queries that wait for it. */
static void
finish(struct servers *s)
{
	finding_over(&s->f, !s->unsure && (s->n > 0 || !refusal_temporary(s->why.why)), s->ttl_s);
}

static void
refuse(struct servers *q)
{
	q->n = 0;
	finish(q);
}

/* -- order ------------------------------------------------------------------------------------- */

static void
move_to_front(struct designation_target *t, size_t from)
{
	struct designation_target chosen = t[from];

	memmove(t + 1, t, from * sizeof(*t));
	t[0] = chosen;
}

/* Moves one of t[0..n) to the front, chosen by weight.  Targets of weight 0 come first before the
 * draw, so that they have their small chance. */
static void
draw(struct designation_target *t, size_t n, uint32_t (*rnd)(void *, uint32_t), void *arg)
{
	uint32_t sum = 0, point;
	size_t i;

	for (i = 0; i < n; i++)
		sum += t[i].weight;
	for (i = 1; i < n; i++)
		if (t[i].weight == 0)
			move_to_front(t, i);
	point = rnd(arg, sum);
	sum = 0;
	for (i = 0; i + 1 < n; i++) {
		sum += t[i].weight;
		if (sum >= point)
			break;
	}
	move_to_front(t, i);
}

static int
by_priority(const void *a, const void *b)
{
	const struct designation_target *x = a, *y = b;

	return (x->priority > y->priority) - (x->priority < y->priority);
}

void
designation_order(struct designation_target *t, size_t n,
    uint32_t (*rnd)(void *arg, uint32_t bound), void *arg)
{
	size_t first = 0, end;

	if (n == 0)
		return;
	qsort(t, n, sizeof(*t), by_priority);
	for (; first < n; first++) {
		for (end = first; end < n && t[end].priority == t[first].priority; end++)
			;
		draw(t + first, end - first, rnd, arg);
	}
}

/* -- addresses --------------------------------------------------------------------------------- */

static void
drop_empty_targets(struct servers *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->n; i++)
		if (q->targets[i].n > 0)
			q->targets[kept++] = q->targets[i];
	q->n = kept;
}

/* Where no target is left, an absence may hide a good one; otherwise vouched is not told (deliver). */
static void
addresses_found(void *arg)
{
	struct servers *q = arg;
	const struct hosts *h = &q->hosts;

	q->vouched = q->vouched && h->vouched;
	q->unsure = h->unsure;
	if (h->why.why != REFUSAL_NONE)
		q->why = h->why;
	if (h->ttl_s < q->ttl_s)
		q->ttl_s = h->ttl_s;
	hosts_clear(&q->hosts);
	drop_empty_targets(q);
	finish(q);
}

static void
ask_addresses(struct servers *q)
{
	q->hosts = (struct hosts) { .dns = q->f.dns,
		.domain = q->f.domain,
		.peer = finding_peer(&q->f),
		.about = q->name,
		.allow_private = q->f.allow_private,
		.done = addresses_found,
		.arg = q };
	hosts_begin(&q->hosts, q->n);
	for (size_t i = 0; i < q->n; i++) {
		struct designation_target *t = &q->targets[i];

		q->hosts.one[i] = (struct hosts_one) { .name = t->host,
			.port = t->port,
			.address = t->address,
			.n = &t->n };
	}
	hosts_ask(&q->hosts);
}

/* -- SRV --------------------------------------------------------------------------------------- */

/* rdata = priority weight port target */
static bool
read_target(struct designation_target *t, struct span rdata)
{
	size_t at = 0;

	memset(t, 0, sizeof(*t));
	return dns_rdata_u16(rdata, &at, &t->priority) && dns_rdata_u16(rdata, &at, &t->weight) &&
	    dns_rdata_u16(rdata, &at, &t->port) && dns_rdata_name(rdata, &at, t->host);
}

static void
add_target(struct servers *q, struct span rdata)
{
	struct designation_target *t = &q->targets[q->n];
	struct domain host;
	struct err e;

	if (!read_target(t, rdata) || t->host[0] == '\0')
		return; /* "." beside others names nothing */
	q->named = true;
	q->n_named++;
	if (!idn_a_label(span_str(t->host), &host, &e)) {
		err_set(&q->why, REFUSAL_unreachable, "%s: %s is no name of a host (%s)", q->name,
		    t->host, e.text);
		return;
	}
	span_copy(domain_span(&host), t->host, sizeof t->host);
	if (RULE(bad_port) && t->port < PORT_UNPRIVILEGED && t->port != PORT_HTTPS)
		err_set(&q->why, REFUSAL_bad_port, "%s: %s is named with port %u", q->name, t->host,
		    (unsigned)t->port);
	else
		q->n++;
}

static void
take_targets(struct servers *q, const struct dns_answer *a)
{
	struct designation_target only;

	if (RULE(too_many_targets) && a->n > DESIGNATION_TARGETS_MAX) {
		q->named = true;
		err_set(&q->why, REFUSAL_too_many_targets, "%s names %zu servers", q->name, a->n);
		refuse(q);
		return;
	}
	if (RULE(takes_no_mail) && a->n == 1 && read_target(&only, a->rdata[0]) &&
	    only.host[0] == '\0') {
		err_set(&q->why, REFUSAL_takes_no_mail, "%s says that there is no such service",
		    q->name);
		refuse(q);
		return;
	}
	q->targets = memory_array(a->n, sizeof *q->targets);
	err_set(&q->why, REFUSAL_unreachable, "%s names no host with an address", q->name);
	for (size_t i = 0; i < a->n && q->n < DESIGNATION_TARGETS_MAX; i++)
		add_target(q, a->rdata[i]);
	if (q->n == 0) {
		refuse(q);
		return;
	}
	ask_addresses(q);
}

/* No SRV records: is there a domain at all? */
static void
domain_answered(void *arg, const struct dns_answer *a)
{
	struct servers *q = arg;

	q->asked = NULL;
	q->vouched = q->vouched && a->secure;
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		dns_err(a, q->f.domain, &q->why);
	else if (RULE(no_such_domain) && a->status == DNS_NXDOMAIN)
		err_set(&q->why, REFUSAL_no_such_domain, "there is no domain %s", q->f.domain);
	refuse(q);
}

static void
srv_answered(void *arg, const struct dns_answer *a)
{
	struct servers *q = arg;

	q->asked = NULL;
	q->secure = q->vouched = a->secure;
	q->ttl_s = a->ttl_s;
	switch (a->status) {
	case DNS_OK:
		take_targets(q, a);
		return;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		if (RULE(no_designation))
			err_set(&q->why, REFUSAL_no_designation, "there is no %s in DNS", q->name);
		q->asked = dns_ask_about(q->f.dns, span_str(q->f.domain), finding_peer(&q->f),
		    span_str(q->f.domain), DNS_SOA, domain_answered, q);
		return;
	default:
		dns_err(a, q->name, &q->why);
		refuse(q);
	}
}

/* -- asking ------------------------------------------------------------------------------------ */

static void
begin(struct finding *f)
{
	struct servers *q = (struct servers *)f;

	snprintf(q->name, sizeof q->name, "%s.%s", f->what, f->domain);
	q->asked = dns_ask_about(f->dns, span_str(f->domain), finding_peer(f), span_str(q->name),
	    DNS_SRV, srv_answered, q);
}

static void
clear(struct finding *f)
{
	struct servers *q = (struct servers *)f;

	dns_cancel(&q->asked);
	hosts_clear(&q->hosts);
	free(q->targets);
}

static const struct finding_kind servers_kind = { sizeof(struct servers), begin, deliver, clear };

struct designation_query *
designation_find(struct dns *dns, const char *service, const char *domain,
    const struct sockaddr *peer, bool allow_private, designation_done *done, void *arg)
{
	const struct finding_key key = { &servers_kind, service, domain, allow_private };
	struct designation_query *q = memory_new(sizeof *q);

	q->done = done;
	q->arg = arg;
	finding_ask(dns, &key, peer, &q->shared);
	return q;
}

bool
designation_is_known(struct dns *dns, const char *service, const char *domain, bool allow_private)
{
	const struct finding_key key = { &servers_kind, service, domain, allow_private };
	const struct servers *s = (const struct servers *)finding_at_hand(dns, &key);

	return s != NULL && s->n > 0;
}

void
designation_cancel(struct designation_query **q)
{
	if (*q != NULL)
		finding_leave(&(*q)->shared);
	*q = NULL;
}

bool
designation_has(const struct designation *d, const struct sockaddr *address)
{
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->targets[i].n; k++)
			if (address_same_host((const struct sockaddr *)&d->targets[i].address[k],
				address))
				return true;
	return false;
}
