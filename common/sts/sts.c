/* sts — a domain's TXT record, then its policy by https; see sts.h. */
#include "common/sts/sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/dns/dns.h"
#include "common/http/http.h"
#include "common/loop/loop.h"
#include "common/sts/sts_file_private.h"
#include "common/tls/tls.h"

#define BUCKETS   1024
#define URL_BYTES (DOMAIN_BYTES + 64)

TAILQ_HEAD(sts_queries, sts_query);

struct sts_query {
	struct entry *entry; /* NULL: it is being told */
	TAILQ_ENTRY(sts_query) link;
	bool is_next; /* in `told` */
	sts_done *done;
	void *arg;
};

/* What is known of a domain, and what is under way. */
struct entry {
	struct sts *of;
	LIST_ENTRY(entry) same; /* of its bucket */
	TAILQ_ENTRY(entry) link;
	char domain[DOMAIN_BYTES];
	bool has; /* a policy */
	struct sts_kept kept;
	struct err failed; /* the last fetch; REFUSAL_NONE: it did not fail */
	char failed_id[STS_ID_BYTES];
	int64_t retry_ms;      /* monotonic */
	char id[STS_ID_BYTES]; /* that DNS says now */
	struct dns_query *asked;
	struct http_get *get;
	struct sts_queries asking, told; /* told: those to whom the present result goes */
	bool telling;
};

struct sts {
	struct sts_settings set;
	struct sts_saver *saver;
	uint64_t seed;
	size_t n, policies, octets;
	TAILQ_HEAD(entries, entry) by_use; /* that not used for the longest first */
	LIST_HEAD(entry_list, entry) bucket[BUCKETS];
};

static int64_t
now_s(const struct sts *s)
{
	return s->set.now_s != NULL ? s->set.now_s() : clock_wall_ms() / 1000;
}

/* -- what is kept -------------------------------------------------------------------------------- */

static struct entry_list *
bucket_of(struct sts *s, const char *domain)
{
	return &s->bucket[span_hash(span_str(domain), s->seed) % BUCKETS];
}

static struct entry *
entry_of(struct sts *s, const char *domain)
{
	struct entry *e;

	LIST_FOREACH (e, bucket_of(s, domain), same)
		if (strcmp(e->domain, domain) == 0) {
			TAILQ_REMOVE(&s->by_use, e, link);
			TAILQ_INSERT_TAIL(&s->by_use, e, link);
			return e;
		}
	e = memory_new(sizeof *e);
	e->of = s;
	span_copy(span_str(domain), e->domain, sizeof e->domain);
	TAILQ_INIT(&e->asking);
	TAILQ_INIT(&e->told);
	LIST_INSERT_HEAD(bucket_of(s, domain), e, same);
	TAILQ_INSERT_TAIL(&s->by_use, e, link);
	s->n++;
	return e;
}

static void
forget_policy(struct entry *e)
{
	if (!e->has)
		return;
	e->has = false;
	e->of->policies--;
	e->of->octets -= e->kept.text.len;
	buf_clear(&e->kept.text);
}

static void
queries_free(struct sts_queries *list)
{
	struct sts_query *q;

	while ((q = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, q, link);
		free(q);
	}
}

static void
entry_free(struct entry *e)
{
	dns_cancel(&e->asked);
	http_get_cancel(&e->get);
	queries_free(&e->asking);
	queries_free(&e->told);
	forget_policy(e);
	LIST_REMOVE(e, same);
	TAILQ_REMOVE(&e->of->by_use, e, link);
	e->of->n--;
	free(e);
}

static bool
is_busy(const struct entry *e)
{
	return e->asked != NULL || e->get != NULL || e->telling || !TAILQ_EMPTY(&e->asking);
}

static void
remove_policy(struct entry *e)
{
	if (e->has)
		sts_save(e->of->saver, e->domain, NULL);
	forget_policy(e);
}

static void
make_room(struct sts *s)
{
	struct entry *e = TAILQ_FIRST(&s->by_use), *next;

	for (; e != NULL && (s->n > STS_DOMAINS_MAX || s->octets > STS_OCTETS_MAX); e = next) {
		next = TAILQ_NEXT(e, link);
		if (is_busy(e))
			continue;
		remove_policy(e);
		entry_free(e);
	}
}

/* Takes k's text. */
static void
keep(struct entry *e, struct sts_kept *k)
{
	forget_policy(e);
	e->kept = *k;
	e->has = true;
	e->of->policies++;
	e->of->octets += k->text.len;
}

/* -- telling ------------------------------------------------------------------------------------- */

static bool
pauses(const struct entry *e)
{
	return e->failed.why != REFUSAL_NONE && clock_mono_ms() < e->retry_ms;
}

/* is_kept: nobody has confirmed now what was kept. */
static void
tell(struct entry *e, bool is_kept, const struct err *why)
{
	struct sts *s = e->of;
	const struct sts_found f = { .policy = e->has ? &e->kept.policy : NULL,
		.id = e->has ? e->kept.id : "",
		.until_s = e->has ? e->kept.until_s : 0,
		.kept = e->has && is_kept };
	struct sts_query *q;

	TAILQ_FOREACH (q, &e->asking, link)
		q->is_next = true;
	TAILQ_CONCAT(&e->told, &e->asking, link);
	e->telling = true;
	while ((q = TAILQ_FIRST(&e->told)) != NULL) {
		TAILQ_REMOVE(&e->told, q, link);
		q->entry = NULL;
		q->done(q->arg, &f, why);
		free(q);
	}
	e->telling = false;
	if (!e->has && !pauses(e) && !is_busy(e))
		entry_free(e);
	make_room(s);
}

/* -- the policy ----------------------------------------------------------------------------------- */

static void
fetch_failed(struct entry *e, const struct err *why)
{
	e->failed = *why;
	memcpy(e->failed_id, e->id, sizeof e->failed_id);
	e->retry_ms = clock_mono_ms() +
	    (why->why == REFUSAL_revocation_unknown ? STS_CRL_PAUSE_MS : STS_PAUSE_MS);
	log_fact_of(span_str(e->domain), LOG_WARN, "sts.failed", "domain=%s word=%s kept=%s why=%s",
	    log_str(e->domain), refusal_word(why->why), e->has ? "yes" : "no", log_str(why->text));
	tell(e, true, &e->failed);
}

static void
take(struct entry *e, struct span body)
{
	struct sts_kept k = { .fetched_s = now_s(e->of) };
	bool is_new = !e->has || strcmp(e->kept.id, e->id) != 0;
	struct err why;

	buf_add(&k.text, body.p, body.n);
	if (!sts_policy_parse(buf_span(&k.text), &k.policy, &why)) {
		buf_clear(&k.text);
		fetch_failed(e, &why);
		return;
	}
	memcpy(k.domain, e->domain, sizeof k.domain);
	memcpy(k.id, e->id, sizeof k.id);
	k.until_s = k.fetched_s + k.policy.max_age_s;
	keep(e, &k);
	e->failed.why = REFUSAL_NONE;
	sts_save(e->of->saver, e->domain, &e->kept);
	if (is_new)
		log_fact_of(span_str(e->domain), LOG_INFO, "sts.taken",
		    "domain=%s id=%s mode=%s seconds=%u", log_str(e->domain), log_str(e->id),
		    sts_mode_word(e->kept.policy.mode), (unsigned)e->kept.policy.max_age_s);
	tell(e, false, NULL);
}

static void
came(void *arg, struct span body, const struct err *why)
{
	struct entry *e = arg;

	e->get = NULL;
	if (why != NULL)
		fetch_failed(e, why);
	else
		take(e, body);
}

static void
fetch(struct entry *e)
{
	const struct sts_settings *set = &e->of->set;
	struct tls *tls = tls_holder_get(set->tls);
	const struct http_trust trust = { tls_trust(tls), set->on_unknown, set->arg };
	char url[URL_BYTES], port[8] = "";

	if (set->port != 0)
		snprintf(port, sizeof port, ":%u", (unsigned)set->port);
	snprintf(url, sizeof url, "https://mta-sts.%s%s/.well-known/mta-sts.txt", e->domain, port);
	e->get = http_get(set->http, set->loop, set->dns,
	    &(struct http_ask) { .url = url,
		.allow_private = set->allow_private,
		.most_bytes = STS_TEXT_MAX,
		.most_ms = STS_FETCH_MS,
		.redirects = 0,
		.trust = &trust,
		.media = "text/plain" },
	    came, e);
	tls_unref(&tls);
}

/* -- the TXT record ------------------------------------------------------------------------------- */

static bool
is_fresh(const struct entry *e, int64_t now)
{
	int64_t age_s = now - e->kept.fetched_s;

	return e->has && strcmp(e->kept.id, e->id) == 0 && age_s >= 0 && age_s < STS_FRESH_S &&
	    age_s < (e->kept.until_s - e->kept.fetched_s + 1) / 2;
}

static void
answered(void *arg, const struct dns_answer *a)
{
	struct entry *e = arg;
	int64_t now = now_s(e->of);
	struct err why;

	e->asked = NULL;
	if (e->has && e->kept.until_s <= now)
		remove_policy(e);
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		dns_err(a, e->domain, &why);
		tell(e, true, &why);
	} else if (!sts_record_read(a->rdata, a->n, e->id)) {
		tell(e, true, NULL);
	} else if (is_fresh(e, now)) {
		tell(e, false, NULL);
	} else if (pauses(e) && strcmp(e->failed_id, e->id) == 0) {
		tell(e, true, &e->failed);
	} else {
		fetch(e);
	}
}

static void
ask(struct entry *e)
{
	char name[DNS_NAME_BYTES + 16];

	snprintf(name, sizeof name, "_mta-sts.%s", e->domain);
	e->asked = dns_ask_about(e->of->set.dns, span_str(e->domain), NULL, span_str(name), DNS_TXT,
	    answered, e);
}

struct sts_query *
sts_find(struct sts *s, const char *domain, sts_done *done, void *arg)
{
	struct sts_query *q = memory_new(sizeof *q);
	struct entry *e = entry_of(s, domain);

	q->entry = e;
	q->done = done;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&e->asking, q, link);
	if (e->asked == NULL && e->get == NULL)
		ask(e);
	return q;
}

/* The look-up goes on: its result is of use to the next who asks. */
void
sts_cancel(struct sts_query **qp)
{
	struct sts_query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	if (q->entry != NULL)
		TAILQ_REMOVE(q->is_next ? &q->entry->told : &q->entry->asking, q, link);
	free(q);
}

/* -- life ------------------------------------------------------------------------------------------ */

size_t
sts_count(const struct sts *s)
{
	return s->policies;
}

static void
add_kept(void *arg, struct sts_kept *k)
{
	struct sts *s = arg;
	struct entry *e = entry_of(s, k->domain);

	keep(e, k);
	if (k->until_s <= now_s(s)) {
		remove_policy(e);
		entry_free(e);
	}
}

struct sts *
sts_new(const struct sts_settings *set)
{
	struct sts *s = memory_new(sizeof *s);

	s->set = *set;
	s->set.folder = NULL;
	s->saver = sts_saver_new(set->folder, set->loop, set->offload);
	random_bytes(&s->seed, sizeof s->seed);
	TAILQ_INIT(&s->by_use);
	sts_file_each(set->folder, add_kept, s);
	make_room(s);
	return s;
}

void
sts_free(struct sts **sp)
{
	struct sts *s = *sp;
	struct entry *e;

	*sp = NULL;
	if (s == NULL)
		return;
	while ((e = TAILQ_FIRST(&s->by_use)) != NULL)
		entry_free(e);
	sts_saver_free(&s->saver);
	free(s);
}
