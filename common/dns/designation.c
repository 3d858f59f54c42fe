/* designation — SRV, then A and AAAA of each target; see designation.h. */
#include "common/dns/designation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/random.h"
#include "common/text/address_scope.h"
#include "common/text/idn.h"

#define PORT_HTTPS        443
#define PORT_UNPRIVILEGED 1024

struct designation_query;

struct lookup { /* of a target's addresses */
	struct designation_query *query;
	struct dns_query *dns; /* NULL: answered */
	size_t target;
	enum dns_type type;
};

struct designation_query {
	struct dns *dns;
	char domain[DNS_NAME_BYTES];
	char name[DNS_NAME_BYTES + 32]; /* service.domain */
	bool allow_private;
	designation_done *done;
	void *arg;
	struct dns_query *asked; /* SRV, or whether the domain is there at all */
	struct lookup lookups[2 * DESIGNATION_TARGETS_MAX];
	size_t waiting; /* lookups not answered yet */
	struct designation_target *targets;
	size_t n, n_named; /* n: those of use */
	bool secure, vouched, named, unsure;
	uint32_t ttl_s;
	struct err why; /* the last rule that left something out */
};

static void
query_free(struct designation_query *q)
{
	dns_cancel(&q->asked);
	for (size_t i = 0; i < 2 * DESIGNATION_TARGETS_MAX; i++)
		dns_cancel(&q->lookups[i].dns);
	free(q->targets);
	free(q);
}

static void
finish(struct designation_query *q)
{
	struct designation d = { .targets = q->targets,
		.n = q->n,
		.secure = q->secure,
		.vouched = q->vouched && q->n == 0,
		.named = q->named,
		.whole = q->n == q->n_named && !q->unsure,
		.unsure = q->unsure,
		.ttl_s = q->ttl_s };

	q->done(q->arg, &d, q->n > 0 ? NULL : &q->why);
	query_free(q);
}

static void
refuse(struct designation_query *q)
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

/* Brings one of t[0..n) to the front, by weight; those of weight 0 stand first meanwhile, so that
 * they have their small chance. */
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

static uint32_t
drawn(void *arg, uint32_t bound)
{
	uint64_t r;

	(void)arg;
	random_bytes(&r, sizeof(r));
	return (uint32_t)(r % ((uint64_t)bound + 1));
}

/* -- addresses --------------------------------------------------------------------------------- */

static void
drop_empty_targets(struct designation_query *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->n; i++)
		if (q->targets[i].n > 0)
			q->targets[kept++] = q->targets[i];
	q->n = kept;
}

static void
add_address(struct designation_query *q, struct designation_target *t, struct span rdata,
    enum dns_type type, bool secure)
{
	struct sockaddr_storage a;

	if (!dns_rdata_address(rdata, type, t->port, &a))
		return;
	if (RULE(private_address) && !q->allow_private && !address_public((struct sockaddr *)&a)) {
		q->vouched = q->vouched && secure;
		if (!q->unsure)
			err_set(&q->why, REFUSAL_private_address,
			    "%s: %s leads to an address that is not public", q->name, t->host);
		return;
	}
	if (t->n < DESIGNATION_ADDRESSES_MAX)
		t->address[t->n++] = a;
}

static void
address_answered(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	struct designation_query *q = l->query;

	l->dns = NULL;
	if (a->status == DNS_OK) {
		for (size_t i = 0; i < a->n; i++)
			add_address(q, &q->targets[l->target], a->rdata[i], l->type, a->secure);
		if (a->ttl_s < q->ttl_s)
			q->ttl_s = a->ttl_s;
	} else if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		q->unsure = true;
		dns_err(a, q->targets[l->target].host, &q->why);
	}
	if (--q->waiting > 0)
		return;
	drop_empty_targets(q);
	finish(q);
}

static void
ask_addresses(struct designation_query *q)
{
	static const enum dns_type types[2] = { DNS_AAAA, DNS_A };

	q->waiting = 2 * q->n;
	for (size_t i = 0; i < 2 * q->n; i++) {
		struct lookup *l = &q->lookups[i];

		*l = (struct lookup) { .query = q, .target = i / 2, .type = types[i % 2] };
		l->dns = dns_ask(q->dns, span_str(q->targets[i / 2].host), l->type,
		    address_answered, l);
	}
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
add_target(struct designation_query *q, struct span rdata)
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
take_targets(struct designation_query *q, const struct dns_answer *a)
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
	q->targets = calloc(DESIGNATION_TARGETS_MAX + 1, sizeof(*q->targets));
	if (q->targets == NULL)
		abort();
	err_set(&q->why, REFUSAL_unreachable, "%s names no host with an address", q->name);
	for (size_t i = 0; i < a->n && q->n < DESIGNATION_TARGETS_MAX; i++)
		add_target(q, a->rdata[i]);
	if (q->n == 0) {
		refuse(q);
		return;
	}
	designation_order(q->targets, q->n, drawn, NULL);
	ask_addresses(q);
}

/* No SRV records: is there a domain at all? */
static void
domain_answered(void *arg, const struct dns_answer *a)
{
	struct designation_query *q = arg;

	q->asked = NULL;
	q->vouched = q->vouched && a->secure;
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		dns_err(a, q->domain, &q->why);
	else if (RULE(no_such_domain) && a->status == DNS_NXDOMAIN)
		err_set(&q->why, REFUSAL_no_such_domain, "there is no domain %s", q->domain);
	refuse(q);
}

static void
srv_answered(void *arg, const struct dns_answer *a)
{
	struct designation_query *q = arg;

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
		q->asked = dns_ask(q->dns, span_str(q->domain), DNS_SOA, domain_answered, q);
		return;
	default:
		dns_err(a, q->name, &q->why);
		refuse(q);
	}
}

struct designation_query *
designation_find(struct dns *dns, const char *service, const char *domain, bool allow_private,
    designation_done *done, void *arg)
{
	struct designation_query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		abort();
	q->dns = dns;
	q->allow_private = allow_private;
	q->done = done;
	q->arg = arg;
	span_copy(span_str(domain), q->domain, sizeof(q->domain));
	snprintf(q->name, sizeof(q->name), "%s.%s", service, q->domain);
	q->asked = dns_ask(dns, span_str(q->name), DNS_SRV, srv_answered, q);
	return q;
}

void
designation_cancel(struct designation_query **qp)
{
	if (*qp != NULL)
		query_free(*qp);
	*qp = NULL;
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
