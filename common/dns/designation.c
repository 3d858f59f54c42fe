/* designation — SRV, then A and AAAA of each target; see designation.h. */
#include "common/dns/designation.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/text/address_scope.h"
#include "common/text/idn.h"

#define PORT_HTTPS        443
#define PORT_UNPRIVILEGED 1024
#define BUCKETS           256
#define DONE_MAX          256 /* findings that are kept; the oldest go first */

struct finding;

LIST_HEAD(findings, finding);

struct lookup { /* of a target's addresses */
	struct finding *finding;
	struct dns_query *dns; /* NULL: answered */
	size_t target;
	enum dns_type type;
};

/* What a domain names for a service: a look-up under way, or its result for a while.  Queries for
 * the same join it. */
struct finding {
	struct designations *of;
	LIST_ENTRY(finding) same;  /* of its bucket */
	TAILQ_ENTRY(finding) link; /* done ones, the oldest first */
	struct dns *dns;
	char service[32], domain[DNS_NAME_BYTES];
	char name[DNS_NAME_BYTES + 33]; /* service.domain */
	struct sockaddr_storage peer;   /* that was the first to make us ask; no family: nobody */
	bool allow_private;
	TAILQ_HEAD(asking, designation_query) asking;
	struct dns_query *asked; /* SRV, or whether the domain is there at all */
	struct lookup *lookups;  /* 2 * n */
	size_t waiting;          /* lookups not answered yet */
	struct designation_target *targets;
	size_t n, n_named; /* n: those of use */
	bool secure, vouched, named, unsure;
	uint32_t ttl_s;
	struct err why; /* the last rule that left something out */
	bool done, delivering;
	int64_t done_ms;
	uint64_t generation;
};

struct designation_query {
	struct finding *finding; /* NULL: the result is being delivered */
	TAILQ_ENTRY(designation_query) link;
	struct loop_timer *later; /* the result was there before anybody asked */
	designation_done *done;
	void *arg;
};

/* Of one struct dns. */
struct designations {
	uint64_t seed;
	size_t n_done;
	TAILQ_HEAD(finished, finding) done;
	struct findings bucket[BUCKETS];
};

static void
finding_free(struct finding *f)
{
	dns_cancel(&f->asked);
	for (size_t i = 0; f->lookups != NULL && i < 2 * f->n; i++)
		dns_cancel(&f->lookups[i].dns);
	LIST_REMOVE(f, same);
	if (f->done) {
		TAILQ_REMOVE(&f->of->done, f, link);
		f->of->n_done--;
	}
	free(f->lookups);
	free(f->targets);
	free(f);
}

static const struct sockaddr *
peer_of(const struct finding *f)
{
	return f->peer.ss_family == AF_UNSPEC ? NULL : (const struct sockaddr *)&f->peer;
}

static void
query_free(struct designation_query *q)
{
	loop_timer_free(&q->later);
	free(q);
}

static uint32_t
drawn(void *arg, uint32_t bound)
{
	uint64_t r;

	(void)arg;
	random_bytes(&r, sizeof(r));
	return (uint32_t)(r % ((uint64_t)bound + 1));
}

/* Each query gets its own order of equal targets, and the TTL that is left. */
static void
deliver(struct finding *f, struct designation_query *q)
{
	int64_t age_s = (clock_mono_ms() - f->done_ms) / 1000;
	struct designation_target *t = NULL;
	struct designation d = { .n = f->n,
		.secure = f->secure,
		.vouched = f->vouched && f->n == 0,
		.named = f->named,
		.whole = f->n == f->n_named && !f->unsure,
		.unsure = f->unsure,
		.ttl_s = f->ttl_s > age_s ? f->ttl_s - (uint32_t)age_s : 0 };

	if (f->n > 0) {
		t = memory_array(f->n, sizeof *t);
		memcpy(t, f->targets, f->n * sizeof *t);
		designation_order(t, f->n, drawn, NULL);
	}
	d.targets = t;
	q->done(q->arg, &d, f->n > 0 ? NULL : &f->why);
	free(t);
}

/* An uncertain result serves only the queries that wait for it. */
static bool
may_keep(const struct finding *f)
{
	return !f->unsure && (f->n > 0 || !refusal_temporary(f->why.why));
}

static bool
is_fresh(const struct finding *f, int64_t now_ms, uint64_t generation)
{
	return !f->done ||
	    (may_keep(f) && now_ms < f->done_ms + DESIGNATION_LEAST_S * 1000 &&
		f->generation == generation);
}

static void
finish(struct finding *f)
{
	struct designation_query *q;

	if (f->ttl_s < DESIGNATION_LEAST_S)
		f->ttl_s = DESIGNATION_LEAST_S;
	f->done = f->delivering = true;
	f->done_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&f->of->done, f, link);
	f->of->n_done++;
	/* Queries that are added meanwhile are at the end of the list and have a timer. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a query is freed after it left the list */
	while ((q = TAILQ_FIRST(&f->asking)) != NULL && q->later == NULL) {
		TAILQ_REMOVE(&f->asking, q, link);
		q->finding = NULL;
		deliver(f, q);
		query_free(q);
	}
	f->delivering = false;
	if (!may_keep(f))
		finding_free(f);
}

static void
refuse(struct finding *q)
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
drop_empty_targets(struct finding *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->n; i++)
		if (q->targets[i].n > 0)
			q->targets[kept++] = q->targets[i];
	q->n = kept;
}

static void
add_address(struct finding *q, struct designation_target *t, struct span rdata, enum dns_type type)
{
	struct sockaddr_storage a;

	if (!dns_rdata_address(rdata, type, t->port, &a))
		return;
	if (RULE(private_address) && !q->allow_private && !address_public((struct sockaddr *)&a)) {
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
	struct finding *q = l->finding;

	l->dns = NULL;
	/* An absence counts: where no target is left, it may hide a good one.  Otherwise vouched is
	 * not told (deliver). */
	q->vouched = q->vouched && a->secure;
	if (a->status == DNS_OK) {
		for (size_t i = 0; i < a->n; i++)
			add_address(q, &q->targets[l->target], a->rdata[i], l->type);
		if (a->ttl_s < q->ttl_s)
			q->ttl_s = a->ttl_s;
	} else if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		q->unsure = true;
		dns_err(a, q->targets[l->target].host, &q->why);
	}
	if (--q->waiting > 0)
		return;
	free(q->lookups);
	q->lookups = NULL;
	drop_empty_targets(q);
	finish(q);
}

static void
ask_addresses(struct finding *q)
{
	static const enum dns_type types[2] = { DNS_AAAA, DNS_A };

	q->waiting = 2 * q->n;
	q->lookups = memory_array(2 * q->n, sizeof *q->lookups);
	for (size_t i = 0; i < 2 * q->n; i++) {
		struct lookup *l = &q->lookups[i];

		*l = (struct lookup) { .finding = q, .target = i / 2, .type = types[i % 2] };
		l->dns = dns_ask_about(q->dns, span_str(q->domain), peer_of(q),
		    span_str(q->targets[i / 2].host), l->type, address_answered, l);
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
add_target(struct finding *q, struct span rdata)
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
take_targets(struct finding *q, const struct dns_answer *a)
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
	struct finding *q = arg;

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
	struct finding *q = arg;

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
		q->asked = dns_ask_about(q->dns, span_str(q->domain), peer_of(q),
		    span_str(q->domain), DNS_SOA, domain_answered, q);
		return;
	default:
		dns_err(a, q->name, &q->why);
		refuse(q);
	}
}

/* -- asking ------------------------------------------------------------------------------------ */

static void
designations_free(void *p)
{
	struct designations *all = p;
	struct finding *f;
	struct designation_query *q;

	for (size_t i = 0; i < BUCKETS; i++)
		while ((f = LIST_FIRST(&all->bucket[i])) != NULL) {
			while ((q = TAILQ_FIRST(&f->asking)) != NULL) {
				TAILQ_REMOVE(&f->asking, q, link);
				query_free(q);
			}
			finding_free(f);
		}
	free(all);
}

static struct designations *
designations_of(struct dns *dns)
{
	struct designations *all = dns_local(dns);

	if (all != NULL)
		return all;
	all = memory_new(sizeof *all);
	random_bytes(&all->seed, sizeof all->seed);
	TAILQ_INIT(&all->done);
	dns_set_local(dns, all, designations_free);
	return all;
}

/* Frees results that are too old or too many, but not one that is being delivered. */
static void
forget_old(struct designations *all, int64_t now_ms, uint64_t generation)
{
	struct finding *f = TAILQ_FIRST(&all->done), *next;

	for (; f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		if (!f->delivering && TAILQ_EMPTY(&f->asking) &&
		    (!is_fresh(f, now_ms, generation) || all->n_done > DONE_MAX))
			finding_free(f);
		else if (is_fresh(f, now_ms, generation) && all->n_done <= DONE_MAX)
			break;
	}
}

static size_t
bucket_of(const struct designations *all, const char *domain)
{
	uint64_t h = all->seed ^ 0xcbf29ce484222325u;

	for (; *domain != '\0'; domain++)
		h = (h ^ (unsigned char)*domain) * 0x100000001b3u;
	return (size_t)(h >> 40) % BUCKETS;
}

static struct finding *
find_finding(const struct designations *all, const char *service, const char *domain,
    bool allow_private, uint64_t generation)
{
	struct finding *f;

	LIST_FOREACH (f, &all->bucket[bucket_of(all, domain)], same)
		if (f->allow_private == allow_private && strcmp(f->domain, domain) == 0 &&
		    strcmp(f->service, service) == 0 && is_fresh(f, clock_mono_ms(), generation))
			return f;
	return NULL;
}

static struct finding *
begin(struct dns *dns, const char *service, const char *domain, const struct sockaddr *peer,
    bool allow_private)
{
	struct designations *all = designations_of(dns);
	struct finding *f = memory_new(sizeof *f);

	f->of = all;
	f->dns = dns;
	f->allow_private = allow_private;
	if (peer != NULL)
		memcpy(&f->peer, peer,
		    peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						: sizeof(struct sockaddr_in));
	f->generation = dns_generation(dns);
	TAILQ_INIT(&f->asking);
	span_copy(span_str(service), f->service, sizeof f->service);
	span_copy(span_str(domain), f->domain, sizeof f->domain);
	snprintf(f->name, sizeof f->name, "%s.%s", f->service, f->domain);
	LIST_INSERT_HEAD(&all->bucket[bucket_of(all, f->domain)], f, same);
	f->asked = dns_ask_about(dns, span_str(f->domain), peer_of(f), span_str(f->name), DNS_SRV,
	    srv_answered, f);
	return f;
}

/* The result was there when it was asked for. */
static void
deliver_later(void *arg)
{
	struct designation_query *q = arg;
	struct finding *f = q->finding;

	TAILQ_REMOVE(&f->asking, q, link);
	deliver(f, q);
	query_free(q);
}

struct designation_query *
designation_find(struct dns *dns, const char *service, const char *domain,
    const struct sockaddr *peer, bool allow_private, designation_done *done, void *arg)
{
	struct designation_query *q = memory_new(sizeof *q);
	struct designations *all = designations_of(dns);
	uint64_t generation = dns_generation(dns);
	struct finding *f;

	forget_old(all, clock_mono_ms(), generation);
	f = find_finding(all, service, domain, allow_private, generation);
	if (f == NULL)
		f = begin(dns, service, domain, peer, allow_private);
	q->finding = f;
	q->done = done;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&f->asking, q, link);
	if (f->done) {
		q->later = loop_timer_new(dns_loop(dns), deliver_later, q);
		loop_timer_set_ms(q->later, 0);
	}
	return q;
}

bool
designation_is_known(struct dns *dns, const char *service, const char *domain, bool allow_private)
{
	const struct finding *f = find_finding(designations_of(dns), service, domain, allow_private,
	    dns_generation(dns));

	return f != NULL && f->done && f->n > 0;
}

/* A look-up that no query waits for is dropped. */
void
designation_cancel(struct designation_query **qp)
{
	struct designation_query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	if (q->finding != NULL) {
		TAILQ_REMOVE(&q->finding->asking, q, link);
		if (!q->finding->done && TAILQ_EMPTY(&q->finding->asking))
			finding_free(q->finding);
	}
	query_free(q);
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
