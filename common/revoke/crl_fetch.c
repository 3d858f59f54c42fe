/* crl_fetch — the thread and its requests; see crl_fetch.h. */
#include "common/revoke/crl_fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/dns/dns.h"
#include "common/http/http.h"
#include "common/loop/loop.h"
#include "common/pki/crl_check.h"
#include "common/pki/crl_set.h"
#include "common/pki/judge_note.h"
#include "common/revoke/crl_cache.h"
#include "common/revoke/crl_sources.h"

struct crl_fetch {
	char *cache, *resolver;
	struct tls_holder *tls;
	pthread_t thread;
	struct loop *loop;
	struct dns *dns;
	struct http *http;
	struct crl_sources *sources;
	bool ended; /* loop_run has returned for good */
	/* shared */
	pthread_mutex_t lock;
	pthread_cond_t quiet;
	unsigned wanted, busy; /* chains waiting; those, and downloads */
	struct {
		char leaf[65];
		int64_t mono_ms;
	} used[CRL_FETCH_USED_MAX];
};

struct wish {
	struct crl_fetch *fetch;
	struct chain *chain;
	struct judgement judgement;
	bool good; /* what it lacks is nothing: it was used */
};

/* -- how busy --------------------------------------------------------------------------------------- */

static void
busier(void *arg)
{
	struct crl_fetch *f = arg;

	pthread_mutex_lock(&f->lock);
	f->busy++;
	pthread_mutex_unlock(&f->lock);
}

static void
less_busy(void *arg)
{
	struct crl_fetch *f = arg;

	pthread_mutex_lock(&f->lock);
	if (--f->busy == 0)
		pthread_cond_broadcast(&f->quiet);
	pthread_mutex_unlock(&f->lock);
}

bool
crl_fetch_wait(struct crl_fetch *f, int64_t timeout_ms)
{
	struct timespec until;
	int r = 0;
	bool quiet;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&f->lock);
	while (f->busy > 0 && r == 0)
		r = pthread_cond_timedwait(&f->quiet, &f->lock, &until);
	quiet = f->busy == 0;
	pthread_mutex_unlock(&f->lock);
	return quiet;
}

/* -- requests ----------------------------------------------------------------------------------------- */

static bool
is_listed(const struct judgement *j, const char *url)
{
	for (unsigned i = 0; i < j->n_urls; i++)
		if (strcmp(j->urls[i], url) == 0)
			return true;
	return false;
}

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

/* A CRL of the issuer is here and still fresh, for example the operator's. */
static bool
has_fresh(struct trust *t, X509 *cert)
{
	STACK_OF(X509_CRL) *crls = crl_set_of(trust_crls(t), cert);
	struct crl_facts facts;
	bool fresh = false;

	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		crl_check_facts(sk_X509_CRL_value(crls, i), &facts);
		fresh |= facts.next_s > now_s();
	}
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return fresh;
}

/* Fetches for the whole path, not only the CRL that was missing: otherwise the next certificate on it
 * would be refused next. */
static void
want_path(struct crl_fetch *f, struct trust *t, STACK_OF(X509) *path, const struct judgement *asked)
{
	for (int i = 0; i + 1 < sk_X509_num(path); i++) {
		X509 *cert = sk_X509_value(path, i);
		struct judgement j = { .n_urls = 0 };
		bool fresh = has_fresh(t, cert);

		judge_note_urls(&j, cert);
		for (unsigned k = 0; k < j.n_urls; k++)
			if (!fresh || is_listed(asked, j.urls[k]))
				crl_sources_want(f->sources, sk_X509_value(path, i + 1), j.urls[k]);
	}
}

static void
each_url(STACK_OF(X509) *path, void (*fn)(void *arg, X509 *issuer, const char *url), void *arg)
{
	for (int i = 0; i + 1 < sk_X509_num(path); i++) {
		struct judgement j = { .n_urls = 0 };

		judge_note_urls(&j, sk_X509_value(path, i));
		for (unsigned k = 0; k < j.n_urls; k++)
			fn(arg, sk_X509_value(path, i + 1), j.urls[k]);
	}
}

static void
use(void *sources, X509 *issuer, const char *url)
{
	crl_sources_used(sources, issuer, url);
}

static void
on_wish(void *arg)
{
	struct wish *w = arg;
	struct crl_fetch *f = w->fetch;
	struct tls *tls;
	STACK_OF(X509) *path;

	pthread_mutex_lock(&f->lock);
	f->wanted--;
	pthread_mutex_unlock(&f->lock);
	if (!f->ended) {
		tls = tls_holder_get(f->tls);
		path = judge_path(tls_trust(tls), w->chain, now_s());
		if (w->good)
			each_url(path, use, f->sources);
		else
			want_path(f, tls_trust(tls), path, &w->judgement);
		sk_X509_pop_free(path, X509_free);
		tls_unref(&tls);
	}
	less_busy(f);
	chain_unref(&w->chain);
	free(w);
}

static void
post(struct crl_fetch *f, const struct chain *c, const struct judgement *j)
{
	struct wish *w = memory_new(sizeof *w);

	w->fetch = f;
	w->chain = chain_ref((struct chain *)c);
	if (j != NULL)
		w->judgement = *j;
	w->good = j == NULL;
	loop_post(f->loop, on_wish, w);
}

/* The lock is held. */
static bool
take_place(struct crl_fetch *f, unsigned max)
{
	if (f->wanted >= max)
		return false;
	f->wanted++;
	f->busy++;
	return true;
}

void
crl_fetch_wanted(void *arg, const struct chain *c, const struct judgement *j)
{
	struct crl_fetch *f = arg;
	bool room;

	pthread_mutex_lock(&f->lock);
	room = take_place(f, CRL_FETCH_WANTED_MAX);
	pthread_mutex_unlock(&f->lock);
	if (room)
		post(f, c, j);
}

/* The lock is held.  Chains that share a place are noted more often. */
static bool
use_is_news(struct crl_fetch *f, const char *leaf, int64_t mono_ms)
{
	unsigned at = (unsigned)strtoul((char[]) { leaf[0], leaf[1], leaf[2], leaf[3], '\0' }, NULL,
			  16) %
	    CRL_FETCH_USED_MAX;

	if (strcmp(f->used[at].leaf, leaf) == 0 &&
	    mono_ms - f->used[at].mono_ms < CRL_FETCH_USED_S * 1000)
		return false;
	/* Chains that lack a CRL come first. */
	if (!take_place(f, CRL_FETCH_WANTED_MAX / 2))
		return false;
	span_copy(span_str(leaf), f->used[at].leaf, sizeof f->used[at].leaf);
	f->used[at].mono_ms = mono_ms;
	return true;
}

void
crl_fetch_used(void *arg, const struct chain *c)
{
	struct crl_fetch *f = arg;
	bool news;

	pthread_mutex_lock(&f->lock);
	news = use_is_news(f, chain_fingerprint(c), clock_mono_ms());
	pthread_mutex_unlock(&f->lock);
	if (news)
		post(f, c, NULL);
}

static void
touch(void *cache, X509 *issuer, const char *url)
{
	char hex[CRL_CACHE_HEX];

	crl_cache_hex(issuer, url, hex);
	crl_cache_touch(cache, hex);
}

void
crl_fetch_used_in(const char *cache, struct tls_holder *h, const struct chain *c)
{
	struct tls *tls = tls_holder_get(h);
	STACK_OF(X509) *path = judge_path(tls_trust(tls), c, now_s());

	each_url(path, touch, (char *)cache);
	sk_X509_pop_free(path, X509_free);
	tls_unref(&tls);
}

static void
on_all(void *arg)
{
	struct crl_fetch *f = arg;

	if (!f->ended)
		crl_sources_all_due(f->sources);
	less_busy(f);
}

void
crl_fetch_all(struct crl_fetch *f)
{
	busier(f);
	loop_post(f->loop, on_all, f);
}

/* -- life ----------------------------------------------------------------------------------------------- */

static void *
run(void *arg)
{
	struct crl_fetch *f = arg;

	crl_sources_read(f->sources);
	loop_run(f->loop);
	return NULL;
}

static void
destroy(struct crl_fetch *f)
{
	crl_sources_free(&f->sources);
	http_free(&f->http);
	if (f->loop != NULL)
		loop_drain(f->loop); /* transfers that were abandoned come home */
	if (f->dns != NULL)
		dns_free(&f->dns);
	if (f->loop != NULL)
		loop_free(&f->loop);
	pthread_cond_destroy(&f->quiet);
	pthread_mutex_destroy(&f->lock);
	free(f->cache);
	free(f->resolver);
	free(f);
}

bool
crl_fetch_new(struct crl_fetch **out, const struct crl_fetch_settings *s, struct tls_holder *h,
    struct err *e)
{
	struct crl_fetch *f = memory_new(sizeof *f);
	pthread_condattr_t attr;
	bool ok;
	int r;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->quiet, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&f->lock, NULL);
	f->cache = memory_text(s->cache);
	f->resolver = memory_text(s->resolver);
	f->tls = h;
	ok = loop_new(&f->loop, e) && dns_new(&f->dns, f->loop, f->resolver, e) &&
	    http_new(&f->http, e);
	if (ok)
		f->sources = crl_sources_new(&(struct crl_sources_settings) { .cache = f->cache,
		    .allow_private = s->allow_private,
		    .refresh_ms = s->refresh_ms > 1000 ? s->refresh_ms : 1000,
		    .tls = h,
		    .loop = f->loop,
		    .dns = f->dns,
		    .http = f->http,
		    .busier = busier,
		    .less_busy = less_busy,
		    .arg = f });
	if (ok && (r = thread_start(&f->thread, run, f)) != 0)
		ok = err_set_errno(e, REFUSAL_os_error, r, "the thread that fetches CRLs");
	if (ok)
		*out = f;
	else
		destroy(f);
	return ok;
}

void
crl_fetch_free(struct crl_fetch **fp)
{
	struct crl_fetch *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	f->ended = true;
	loop_drain(f->loop); /* wishes on their way */
	destroy(f);
}
