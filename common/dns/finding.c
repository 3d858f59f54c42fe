/* finding — queries that join, and results that are kept; see finding_private.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/dns/finding_private.h"
#include "common/loop/loop.h"

#define BUCKETS 256

LIST_HEAD(finding_list, finding);

/* Of one struct dns. */
struct findings {
	uint64_t seed;
	size_t n_done;
	TAILQ_HEAD(finding_done, finding) done;
	struct finding_list bucket[BUCKETS];
};

static void
finding_free(struct finding *f)
{
	f->kind->clear(f);
	LIST_REMOVE(f, same);
	if (f->done) {
		TAILQ_REMOVE(&f->of->done, f, link);
		f->of->n_done--;
	}
	free(f);
}

static void
query_free(struct finding_query *q)
{
	loop_timer_free(&q->later);
	free(q);
}

const struct sockaddr *
finding_peer(const struct finding *f)
{
	return f->peer.ss_family == AF_UNSPEC ? NULL : (const struct sockaddr *)&f->peer;
}

/* -- results ----------------------------------------------------------------------------------- */

static bool
is_fresh(const struct finding *f, int64_t now_ms, uint64_t generation)
{
	return !f->done ||
	    (f->certain && now_ms < f->done_ms + DNS_LEAST_S * 1000 && f->generation == generation);
}

/* The query gets the TTL that is left.  What it does may ask again, so the finding must not be forgotten meanwhile. */
static void
deliver(struct finding *f, struct finding_query *q)
{
	int64_t age_s = (clock_mono_ms() - f->done_ms) / 1000;
	bool outer = f->delivering;

	TAILQ_REMOVE(&f->asking, q, link);
	q->finding = NULL;
	f->delivering = true;
	f->kind->deliver(f, q, f->ttl_s > age_s ? f->ttl_s - (uint32_t)age_s : 0);
	f->delivering = outer;
	query_free(q);
}

void
finding_over(struct finding *f, bool certain, uint32_t ttl_s)
{
	struct finding_query *q;

	f->ttl_s = ttl_s < DNS_LEAST_S ? DNS_LEAST_S : ttl_s;
	f->certain = certain;
	f->done = f->delivering = true;
	f->done_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&f->of->done, f, link);
	f->of->n_done++;
	/* Queries that are added meanwhile are at the end of the list and have a timer. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a query is freed after it left the list */
	while ((q = TAILQ_FIRST(&f->asking)) != NULL && q->later == NULL)
		deliver(f, q);
	f->delivering = false;
	if (!certain)
		finding_free(f);
}

/* Frees results that are too old or too many, but not one that is being delivered. */
static void
forget_old(struct findings *all, int64_t now_ms, uint64_t generation)
{
	struct finding *f = TAILQ_FIRST(&all->done), *next;

	for (; f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		if (!f->delivering && TAILQ_EMPTY(&f->asking) &&
		    (!is_fresh(f, now_ms, generation) || all->n_done > FINDINGS_KEPT))
			finding_free(f);
		else if (is_fresh(f, now_ms, generation) && all->n_done <= FINDINGS_KEPT)
			break;
	}
}

/* -- asking ------------------------------------------------------------------------------------ */

static void
findings_free(void *p)
{
	struct findings *all = p;
	struct finding *f;
	struct finding_query *q;

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

static struct findings *
findings_of(struct dns *dns)
{
	struct findings *all = dns_local(dns);

	if (all != NULL)
		return all;
	all = memory_new(sizeof *all);
	random_bytes(&all->seed, sizeof all->seed);
	TAILQ_INIT(&all->done);
	dns_set_local(dns, all, findings_free);
	return all;
}

static struct finding_list *
bucket_of(struct findings *all, const char *domain)
{
	return &all->bucket[span_hash(span_str(domain), all->seed) % BUCKETS];
}

static struct finding *
find_equal(struct findings *all, const struct finding_key *key, uint64_t generation)
{
	struct finding *f;

	LIST_FOREACH (f, bucket_of(all, key->domain), same)
		if (f->kind == key->kind && f->allow_private == key->allow_private &&
		    strcmp(f->domain, key->domain) == 0 && strcmp(f->what, key->what) == 0 &&
		    is_fresh(f, clock_mono_ms(), generation))
			return f;
	return NULL;
}

static struct finding *
begin(struct dns *dns, struct findings *all, const struct finding_key *key,
    const struct sockaddr *peer)
{
	struct finding *f = memory_new(key->kind->bytes);

	f->of = all;
	f->kind = key->kind;
	f->dns = dns;
	f->allow_private = key->allow_private;
	if (peer != NULL)
		memcpy(&f->peer, peer,
		    peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						: sizeof(struct sockaddr_in));
	f->generation = dns_generation(dns);
	TAILQ_INIT(&f->asking);
	span_copy(span_str(key->what), f->what, sizeof f->what);
	span_copy(span_str(key->domain), f->domain, sizeof f->domain);
	LIST_INSERT_HEAD(bucket_of(all, f->domain), f, same);
	f->kind->begin(f);
	return f;
}

/* The result was there when it was asked for. */
static void
deliver_later(void *arg)
{
	struct finding_query *q = arg;

	deliver(q->finding, q);
}

void
finding_ask(struct dns *dns, const struct finding_key *key, const struct sockaddr *peer,
    struct finding_query *q)
{
	struct findings *all = findings_of(dns);
	uint64_t generation = dns_generation(dns);
	struct finding *f;

	forget_old(all, clock_mono_ms(), generation);
	f = find_equal(all, key, generation);
	if (f == NULL)
		f = begin(dns, all, key, peer);
	q->finding = f;
	TAILQ_INSERT_TAIL(&f->asking, q, link);
	if (f->done) {
		q->later = loop_timer_new(dns_loop(dns), deliver_later, q);
		loop_timer_set_ms(q->later, 0);
	}
}

const struct finding *
finding_at_hand(struct dns *dns, const struct finding_key *key)
{
	const struct finding *f = find_equal(findings_of(dns), key, dns_generation(dns));

	return f != NULL && f->done ? f : NULL;
}

void
finding_leave(struct finding_query *q)
{
	struct finding *f = q->finding;

	if (f != NULL) {
		TAILQ_REMOVE(&f->asking, q, link);
		if (!f->done && TAILQ_EMPTY(&f->asking))
			finding_free(f);
	}
	query_free(q);
}
