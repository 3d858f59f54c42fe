/* crl_sources — the sources, when each is due, and keeping what was fetched; see crl_sources.h. */
#include "common/revoke/crl_sources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/http/http.h"
#include "common/loop/loop.h"
#include "common/pki/crl_check.h"
#include "common/pki/trust.h"
#include "common/revoke/crl_cache.h"
#include "common/text/digest.h"

#define SOON_MS  60000 /* at most, from a start until the first look */
#define LATER_MS 500   /* until another look, where enough downloads are under way */

/* One URL of one issuer. */
struct source {
	struct source *next;
	struct crl_sources *all;
	struct crl_cache_from from;
	struct loop_timer *timer; /* when it is due */
	struct http_get *get;     /* under way */
	unsigned failures;        /* one after the other */
	int64_t next_s;           /* when what is kept ends; 0: none is */
	size_t octets;
	unsigned char digest[DIGEST_BYTES];
};

struct crl_sources {
	struct crl_sources_settings set;
	struct source *first;
	size_t n;
	unsigned at_once;
};

_Static_assert(CRL_SOURCES_MAX <= TRUST_FILES_MAX, "a folder's files");

static void due(void *arg);

/* -- when ------------------------------------------------------------------------------------------- */

/* n times a random number of hundredths between from and to. */
static int64_t
jitter(int64_t n, unsigned from, unsigned to)
{
	uint32_t r;

	random_bytes(&r, sizeof r);
	return n / 100 * (int64_t)(from + r % (to - from)) + n % 100;
}

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

static void
pause_for(struct source *s)
{
	unsigned doublings = s->failures > 8 ? 8 : s->failures - 1;
	int64_t ms = (int64_t)CRL_SOURCES_PAUSE_MS << doublings;

	if (ms > CRL_SOURCES_PAUSE_MAX_MS)
		ms = CRL_SOURCES_PAUSE_MAX_MS;
	if (ms > s->all->set.refresh_ms)
		ms = s->all->set.refresh_ms;
	loop_timer_set_ms(s->timer, jitter(ms, 80, 120));
}

static void
set_due(struct source *s)
{
	int64_t left_ms = (s->next_s - now_s()) * 1000, ms = jitter(s->all->set.refresh_ms, 70, 90);

	if (left_ms > 0 && jitter(left_ms, 50, 80) < ms)
		ms = jitter(left_ms, 50, 80);
	loop_timer_set_ms(s->timer, ms);
}

/* -- what is kept -------------------------------------------------------------------------------------- */

static struct source *
find(const struct crl_sources *all, const char *hex)
{
	struct source *s = all->first;

	while (s != NULL && strcmp(s->from.hex, hex) != 0)
		s = s->next;
	return s;
}

static void
source_free(struct source *s)
{
	if (s->get != NULL)
		http_get_cancel(&s->get);
	loop_timer_free(&s->timer);
	X509_free(s->from.issuer);
	free(s);
}

static void
drop(struct crl_sources *all, struct source **at)
{
	struct source *s = *at;

	*at = s->next;
	all->n--;
	log_fact_of(span_str(s->from.url), LOG_INFO, "crl.dropped", "url=%s", log_str(s->from.url));
	crl_cache_remove(all->set.cache, s->from.hex);
	source_free(s);
}

static bool
drop_oldest(struct crl_sources *all, const struct source *but)
{
	struct source **oldest = NULL;

	for (struct source **at = &all->first; *at != NULL; at = &(*at)->next)
		if (*at != but && (*at)->get == NULL &&
		    (oldest == NULL || (*at)->from.wanted_s < (*oldest)->from.wanted_s))
			oldest = at;
	if (oldest == NULL)
		return false;
	drop(all, oldest);
	return true;
}

static size_t
octets_kept(const struct crl_sources *all)
{
	size_t n = 0;

	for (const struct source *s = all->first; s != NULL; s = s->next)
		n += s->octets;
	return n;
}

/* Takes from->issuer. */
static struct source *
add(struct crl_sources *all, const struct crl_cache_from *from)
{
	struct source *s = memory_new(sizeof *s);

	s->all = all;
	s->from = *from;
	s->timer = loop_timer_new(all->set.loop, due, s);
	s->next = all->first;
	all->first = s;
	all->n++;
	return s;
}

static void
note_kept(struct source *s, X509_CRL *crl, struct span der)
{
	struct crl_facts facts;

	crl_check_facts(crl, &facts);
	s->next_s = facts.next_s;
	s->octets = der.n;
	digest_sha256(der, s->digest);
}

/* The sources of before a restart, due soon, but not all at once. */
static void
found(void *arg, const struct crl_cache_from *from)
{
	struct crl_sources *all = arg;
	struct source *s = add(all, from);
	struct buf der = BUF_INIT;
	struct err e;
	X509_CRL *crl;

	if (crl_cache_get(all->set.cache, from->hex, &der) &&
	    (crl = crl_check_parse(buf_span(&der), &e)) != NULL) {
		note_kept(s, crl, buf_span(&der));
		X509_CRL_free(crl);
	}
	buf_clear(&der);
	loop_timer_set_ms(s->timer,
	    jitter(all->set.refresh_ms < SOON_MS ? all->set.refresh_ms : SOON_MS, 1, 90));
	while (all->n > CRL_SOURCES_MAX && drop_oldest(all, s))
		continue;
}

/* -- keeping what was fetched -------------------------------------------------------------------------- */

static void
failed(struct source *s, const struct err *e)
{
	s->failures++;
	log_fact_of(span_str(s->from.url), LOG_WARN, "crl.failed", "url=%s times=%u word=%s why=%s",
	    log_str(s->from.url), s->failures, refusal_word(e->why), log_str(e->text));
	pause_for(s);
}

static X509_CRL *
kept_before(const struct source *s)
{
	struct buf der = BUF_INIT;
	X509_CRL *crl = NULL;
	struct err e;

	if (crl_cache_get(s->all->set.cache, s->from.hex, &der))
		crl = crl_check_parse(buf_span(&der), &e);
	buf_clear(&der);
	return crl;
}

static bool
not_older(const struct source *s, X509_CRL *crl, struct err *e)
{
	X509_CRL *before = kept_before(s);
	bool older = crl_check_older(crl, before);
	struct crl_facts a, b;

	if (older) {
		crl_check_facts(crl, &a);
		crl_check_facts(before, &b);
		err_set(e, REFUSAL_bad_reply, "an older CRL: number %s after %s",
		    a.number[0] != '\0' ? a.number : "-", b.number[0] != '\0' ? b.number : "-");
	}
	X509_CRL_free(before);
	return !older;
}

static bool
keep(struct source *s, X509_CRL *crl, struct span der, struct err *e)
{
	struct crl_sources *all = s->all;
	struct crl_facts facts;
	char date[CLOCK_DATE_BYTES];

	while (octets_kept(all) - s->octets + der.n > CRL_SOURCES_OCTETS && drop_oldest(all, s))
		continue;
	if (!crl_cache_put(all->set.cache, s->from.hex, der, e))
		return false;
	note_kept(s, crl, der);
	crl_check_facts(crl, &facts);
	clock_date(facts.next_s, date);
	log_fact_of(span_str(s->from.url), LOG_INFO, "crl.taken",
	    "url=%s number=%s octets=%zu until=%s", log_str(s->from.url), log_str(facts.number),
	    der.n, date);
	tls_holder_look(all->set.tls);
	return true;
}

/* The same CRL again is no news, unless its file has gone meanwhile. */
static bool
is_kept(const struct source *s, struct span der)
{
	unsigned char digest[DIGEST_BYTES];
	struct buf old = BUF_INIT;
	bool same = false;

	if (s->octets == der.n && crl_cache_get(s->all->set.cache, s->from.hex, &old)) {
		digest_sha256(der, digest);
		same = memcmp(digest, s->digest, sizeof digest) == 0 && old.len == der.n;
	}
	buf_clear(&old);
	return same;
}

static bool
take(struct source *s, struct span der, struct err *e)
{
	X509_CRL *crl;
	bool ok;

	if (!is_kept(s, der)) {
		if ((crl = crl_check_parse(der, e)) == NULL)
			return false;
		ok = crl_check(crl, s->from.issuer, now_s(), CRL_SOURCES_SKEW_S, e) &&
		    not_older(s, crl, e) && keep(s, crl, der, e);
		X509_CRL_free(crl);
		if (!ok)
			return false;
	}
	return s->next_s > now_s() ||
	    err_set(e, REFUSAL_bad_reply, "the CRL there has come to its end");
}

static void
came(void *arg, struct span body, const struct err *e)
{
	struct source *s = arg;
	struct crl_sources *all = s->all;
	struct err why;

	s->get = NULL;
	all->at_once--;
	if (e != NULL) {
		failed(s, e);
	} else if (take(s, body, &why)) {
		s->failures = 0;
		set_due(s);
	} else {
		failed(s, &why);
	}
	all->set.less_busy(all->set.arg);
}

static void
due(void *arg)
{
	struct source *s = arg, **at;
	struct crl_sources *all = s->all;

	if (s->get != NULL)
		return;
	if (now_s() - s->from.wanted_s > CRL_SOURCES_UNUSED_S) {
		for (at = &all->first; *at != s; at = &(*at)->next)
			continue;
		drop(all, at);
		return;
	}
	if (all->at_once == CRL_SOURCES_AT_ONCE) {
		loop_timer_set_ms(s->timer, jitter(LATER_MS, 50, 150));
		return;
	}
	all->at_once++;
	all->set.busier(all->set.arg);
	s->get = http_get(all->set.http, all->set.loop, all->set.dns,
	    &(struct http_ask) {
		.url = s->from.url,
		.allow_private = all->set.allow_private,
		.most_bytes = CRL_SOURCES_CRL_BYTES,
		.most_ms = CRL_SOURCES_CRL_MS,
		.redirects = CRL_SOURCES_REDIRECTS,
	    },
	    came, s);
}

/* -- what is asked for ----------------------------------------------------------------------------------- */

static void
touch(struct source *s)
{
	crl_cache_touch(s->all->set.cache, s->from.hex);
	s->from.wanted_s = now_s();
}

void
crl_sources_used(struct crl_sources *all, struct x509_st *issuer, const char *url)
{
	char hex[CRL_CACHE_HEX];
	struct source *s;

	crl_cache_hex(issuer, url, hex);
	s = find(all, hex);
	if (s != NULL)
		touch(s);
}

void
crl_sources_want(struct crl_sources *all, struct x509_st *issuer, const char *url)
{
	struct crl_cache_from from = { .wanted_s = now_s() };
	struct source *s;
	struct err e;

	crl_cache_hex(issuer, url, from.hex);
	if ((s = find(all, from.hex)) != NULL) {
		touch(s);
		if (s->failures == 0 && s->next_s <= from.wanted_s)
			due(s);
		return;
	}
	if (!span_copy(span_str(url), from.url, sizeof from.url) ||
	    (all->n == CRL_SOURCES_MAX && !drop_oldest(all, NULL)))
		return;
	X509_up_ref(issuer);
	from.issuer = issuer;
	if (!crl_cache_put_from(all->set.cache, &from, &e))
		log_fact_of(SPAN_LIT("cache"), LOG_ERROR, "crl.cache", "why=%s", log_str(e.text));
	due(add(all, &from));
}

void
crl_sources_all_due(struct crl_sources *all)
{
	for (struct source *s = all->first, *next; s != NULL; s = next) {
		next = s->next;
		due(s);
	}
}

/* -- life ----------------------------------------------------------------------------------------------- */

struct crl_sources *
crl_sources_new(const struct crl_sources_settings *set)
{
	struct crl_sources *all = memory_new(sizeof *all);

	all->set = *set;
	return all;
}

void
crl_sources_read(struct crl_sources *all)
{
	crl_cache_each(all->set.cache, found, all);
}

void
crl_sources_free(struct crl_sources **ap)
{
	struct crl_sources *all = *ap;

	*ap = NULL;
	if (all == NULL)
		return;
	while (all->first != NULL) {
		struct source *s = all->first;

		all->first = s->next;
		source_free(s);
	}
	free(all);
}
