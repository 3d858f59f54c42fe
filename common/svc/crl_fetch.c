/* crl_fetch — the thread, what it knows of, and when each is due; see crl_fetch.h. */
#include "common/svc/crl_fetch.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/svc/crl_cache.h"
#include "common/svc/crl_check.h"
#include "common/svc/digest.h"
#include "common/svc/http_get.h"
#include "common/svc/loop.h"

#define LATER_MS	500	/* until another look, where enough downloads are under way */

/* One URL of one issuer. */
struct source {
	struct source		*next;
	struct crl_fetch	*fetch;
	struct crl_cache_from	 from;
	struct loop_timer	*timer;		/* when it is due */
	struct http_get		*get;		/* under way */
	unsigned		 failures;	/* one after the other */
	int64_t			 next_s;	/* when what is kept ends; 0: none is */
	size_t			 octets;
	unsigned char		 digest[DIGEST_BYTES];
};

struct crl_fetch {
	char			*cache, *resolver;
	bool			 allow_private;
	int64_t			 refresh_ms;
	struct tls_holder	*tls;
	pthread_t		 thread;
	struct loop		*loop;
	struct dns		*dns;
	struct source		*sources;
	size_t			 n;
	unsigned		 at_once;
	bool			 ended;		/* loop_run has returned for good */
	/* shared */
	pthread_mutex_t		 lock;
	pthread_cond_t		 quiet;
	unsigned		 wanted, busy;	/* chains waiting; those, and downloads */
};

struct wish {
	struct crl_fetch	*fetch;
	struct chain		*chain;
	struct judgement	 judgement;
};

static void due(void *arg);

/* -- how busy --------------------------------------------------------------------------------------- */

static void
busier(struct crl_fetch *f)
{
	pthread_mutex_lock(&f->lock);
	f->busy++;
	pthread_mutex_unlock(&f->lock);
}

static void
less_busy(struct crl_fetch *f)
{
	pthread_mutex_lock(&f->lock);
	if (--f->busy == 0)
		pthread_cond_broadcast(&f->quiet);
	pthread_mutex_unlock(&f->lock);
}

bool
crl_fetch_wait(struct crl_fetch *f, int64_t timeout_ms)
{
	struct timespec	 until;
	int		 r = 0;
	bool		 quiet;

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

/* -- when ------------------------------------------------------------------------------------------- */

/* n, times something between from and to hundredths. */
static int64_t
jitter(int64_t n, unsigned from, unsigned to)
{
	uint32_t	 r;

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
	unsigned	 doublings = s->failures > 8 ? 8 : s->failures - 1;
	int64_t		 ms = (int64_t)CRL_FETCH_PAUSE_MS << doublings;

	if (ms > CRL_FETCH_PAUSE_MAX_MS)
		ms = CRL_FETCH_PAUSE_MAX_MS;
	if (ms > s->fetch->refresh_ms)
		ms = s->fetch->refresh_ms;
	loop_timer_set_ms(s->timer, jitter(ms, 80, 120));
}

static void
set_due(struct source *s)
{
	int64_t	 left_ms = (s->next_s - now_s()) * 1000, ms = jitter(s->fetch->refresh_ms, 70, 90);

	if (left_ms > 0 && jitter(left_ms, 50, 80) < ms)
		ms = jitter(left_ms, 50, 80);
	loop_timer_set_ms(s->timer, ms);
}

/* -- what is kept -------------------------------------------------------------------------------------- */

static struct source *
find(const struct crl_fetch *f, const char *hex)
{
	struct source	*s = f->sources;

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

static bool
drop_oldest(struct crl_fetch *f, const struct source *but)
{
	struct source	**oldest = NULL, *s;

	for (struct source **at = &f->sources; *at != NULL; at = &(*at)->next)
		if (*at != but && (*at)->get == NULL &&
		    (oldest == NULL || (*at)->from.wanted_s < (*oldest)->from.wanted_s))
			oldest = at;
	if (oldest == NULL)
		return false;
	s = *oldest;
	*oldest = s->next;
	f->n--;
	log_fact(LOG_INFO, "crl.dropped", "url=%s", log_str(s->from.url));
	crl_cache_remove(f->cache, s->from.hex);
	source_free(s);
	return true;
}

static size_t
octets_kept(const struct crl_fetch *f)
{
	size_t	 n = 0;

	for (const struct source *s = f->sources; s != NULL; s = s->next)
		n += s->octets;
	return n;
}

/* Takes from->issuer. */
static struct source *
add(struct crl_fetch *f, const struct crl_cache_from *from)
{
	struct source	*s = memory_new(sizeof *s);

	s->fetch = f;
	s->from = *from;
	s->timer = loop_timer_new(f->loop, due, s);
	s->next = f->sources;
	f->sources = s;
	f->n++;
	return s;
}

static void
note_kept(struct source *s, X509_CRL *crl, struct span der)
{
	struct crl_facts	 facts;

	crl_check_facts(crl, &facts);
	s->next_s = facts.next_s;
	s->octets = der.n;
	digest_sha256(der, s->digest);
}

/* What was here before a restart; due soon, not all at once. */
static void
found(void *arg, const struct crl_cache_from *from)
{
	struct crl_fetch	*f = arg;
	struct source		*s = add(f, from);
	struct buf		 der = BUF_INIT;
	struct err		 e;
	X509_CRL		*crl;

	if (crl_cache_get(f->cache, from->hex, &der) &&
	    (crl = crl_check_parse(buf_span(&der), &e)) != NULL) {
		note_kept(s, crl, buf_span(&der));
		X509_CRL_free(crl);
	}
	buf_clear(&der);
	loop_timer_set_ms(s->timer, jitter(f->refresh_ms < 60000 ? f->refresh_ms : 60000, 1, 90));
	while (f->n > CRL_FETCH_MAX && drop_oldest(f, s))
		continue;
}

/* -- taking what came ---------------------------------------------------------------------------------- */

static void
failed(struct source *s, const struct err *e)
{
	s->failures++;
	log_fact(LOG_WARN, "crl.failed", "url=%s times=%u word=%s why=%s", log_str(s->from.url),
	    s->failures, refusal_word(e->why), log_str(e->text));
	pause_for(s);
}

static X509_CRL *
kept_before(const struct source *s)
{
	struct buf	 der = BUF_INIT;
	X509_CRL	*crl = NULL;
	struct err	 e;

	if (crl_cache_get(s->fetch->cache, s->from.hex, &der))
		crl = crl_check_parse(buf_span(&der), &e);
	buf_clear(&der);
	return crl;
}

static bool
not_older(const struct source *s, X509_CRL *crl, struct err *e)
{
	X509_CRL		*before = kept_before(s);
	bool			 older = crl_check_older(crl, before);
	struct crl_facts	 a, b;

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
	struct crl_fetch	*f = s->fetch;
	struct crl_facts	 facts;
	char			 date[CLOCK_DATE_BYTES];

	while (octets_kept(f) - s->octets + der.n > CRL_FETCH_OCTETS && drop_oldest(f, s))
		continue;
	if (!crl_cache_put(f->cache, s->from.hex, der, e))
		return false;
	note_kept(s, crl, der);
	crl_check_facts(crl, &facts);
	clock_date(facts.next_s, date);
	log_fact(LOG_INFO, "crl.taken", "url=%s number=%s octets=%zu until=%s", log_str(s->from.url),
	    log_str(facts.number), der.n, date);
	tls_holder_look(f->tls);
	return true;
}

/* The same again is no news; and where the file has gone meanwhile, it is. */
static bool
is_kept(const struct source *s, struct span der)
{
	unsigned char	 digest[DIGEST_BYTES];
	struct buf	 old = BUF_INIT;
	bool		 same = false;

	if (s->octets == der.n && crl_cache_get(s->fetch->cache, s->from.hex, &old)) {
		digest_sha256(der, digest);
		same = memcmp(digest, s->digest, sizeof digest) == 0 && old.len == der.n;
	}
	buf_clear(&old);
	return same;
}

static bool
take(struct source *s, struct span der, struct err *e)
{
	X509_CRL	*crl;
	bool		 ok;

	if (!is_kept(s, der)) {
		if ((crl = crl_check_parse(der, e)) == NULL)
			return false;
		ok = crl_check(crl, s->from.issuer, now_s(), CRL_FETCH_SKEW_S, e) &&
		    not_older(s, crl, e) && keep(s, crl, der, e);
		X509_CRL_free(crl);
		if (!ok)
			return false;
	}
	return s->next_s > now_s() || err_set(e, REFUSAL_bad_reply, "the CRL there has come to its end");
}

static void
came(void *arg, struct span body, const struct err *e)
{
	struct source		*s = arg;
	struct crl_fetch	*f = s->fetch;
	struct err		 why;

	s->get = NULL;
	f->at_once--;
	if (e != NULL) {
		failed(s, e);
	} else if (take(s, body, &why)) {
		s->failures = 0;
		set_due(s);
	} else {
		failed(s, &why);
	}
	less_busy(f);
}

static void
due(void *arg)
{
	struct source		*s = arg;
	struct crl_fetch	*f = s->fetch;

	if (s->get != NULL)
		return;
	if (f->at_once == CRL_FETCH_AT_ONCE) {
		loop_timer_set_ms(s->timer, jitter(LATER_MS, 50, 150));
		return;
	}
	f->at_once++;
	busier(f);
	s->get = http_get(f->loop, f->dns, s->from.url, f->allow_private, came, s);
}

/* -- what is asked for ----------------------------------------------------------------------------------- */

static void
want(struct crl_fetch *f, X509 *issuer, const char *url)
{
	struct crl_cache_from	 from = { .wanted_s = now_s() };
	struct source		*s;
	struct err		 e;

	crl_cache_hex(issuer, url, from.hex);
	if ((s = find(f, from.hex)) != NULL) {
		crl_cache_touch(f->cache, from.hex);
		s->from.wanted_s = from.wanted_s;
		if (s->failures == 0 && s->next_s <= from.wanted_s)
			due(s);
		return;
	}
	if (!span_copy(span_str(url), from.url, sizeof from.url) ||
	    (f->n == CRL_FETCH_MAX && !drop_oldest(f, NULL)))
		return;
	X509_up_ref(issuer);
	from.issuer = issuer;
	if (!crl_cache_put_from(f->cache, &from, &e))
		log_fact(LOG_ERROR, "crl.cache", "why=%s", log_str(e.text));
	due(add(f, &from));
}

static bool
is_listed(const struct judgement *j, const char *url)
{
	for (unsigned i = 0; i < j->n_urls; i++)
		if (strcmp(j->urls[i], url) == 0)
			return true;
	return false;
}

/* Some CRL of the issuer's is here and good still: the operator's perhaps. */
static bool
has_fresh(struct trust *t, X509 *cert)
{
	STACK_OF(X509_CRL)	*crls = trust_crls(t, cert);
	struct crl_facts	 facts;
	bool			 fresh = false;

	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		crl_check_facts(sk_X509_CRL_value(crls, i), &facts);
		fresh |= facts.next_s > now_s();
	}
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return fresh;
}

/* Not what was judged to be missing alone: the next certificate of the path would be the next to
 * be refused. */
static void
want_path(struct crl_fetch *f, struct trust *t, STACK_OF(X509) *path, const struct judgement *asked)
{
	for (int i = 0; i + 1 < sk_X509_num(path); i++) {
		X509			*cert = sk_X509_value(path, i);
		struct judgement	 j = { .n_urls = 0 };
		bool			 fresh = has_fresh(t, cert);

		judge_note_urls(&j, cert);
		for (unsigned k = 0; k < j.n_urls; k++)
			if (!fresh || is_listed(asked, j.urls[k]))
				want(f, sk_X509_value(path, i + 1), j.urls[k]);
	}
}

static void
on_wish(void *arg)
{
	struct wish		*w = arg;
	struct crl_fetch	*f = w->fetch;
	struct tls		*tls;
	STACK_OF(X509)		*path;

	pthread_mutex_lock(&f->lock);
	f->wanted--;
	pthread_mutex_unlock(&f->lock);
	if (!f->ended) {
		tls = tls_holder_get(f->tls);
		path = judge_path(tls_trust(tls), w->chain, now_s());
		want_path(f, tls_trust(tls), path, &w->judgement);
		sk_X509_pop_free(path, X509_free);
		tls_unref(&tls);
	}
	less_busy(f);
	chain_unref(&w->chain);
	free(w);
}

void
crl_fetch_wanted(void *arg, const struct chain *c, const struct judgement *j)
{
	struct crl_fetch	*f = arg;
	struct wish		*w;
	bool			 room;

	pthread_mutex_lock(&f->lock);
	if ((room = f->wanted < CRL_FETCH_WANTED_MAX)) {
		f->wanted++;
		f->busy++;
	}
	pthread_mutex_unlock(&f->lock);
	if (!room)
		return;
	w = memory_new(sizeof *w);
	w->fetch = f;
	w->chain = chain_ref((struct chain *)c);
	w->judgement = *j;
	loop_post(f->loop, on_wish, w);
}

static void
on_all(void *arg)
{
	struct crl_fetch	*f = arg;

	for (struct source *s = f->sources; s != NULL && !f->ended; s = s->next)
		due(s);
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
	struct crl_fetch	*f = arg;

	crl_cache_each(f->cache, found, f);
	loop_run(f->loop);
	return NULL;
}

/* Signals are the main thread's. */
static int
start_thread(struct crl_fetch *f)
{
	sigset_t	 all, before;
	int		 r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void
destroy(struct crl_fetch *f)
{
	while (f->sources != NULL) {
		struct source	*s = f->sources;

		f->sources = s->next;
		source_free(s);
	}
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
	struct crl_fetch	*f = memory_new(sizeof *f);
	pthread_condattr_t	 attr;
	bool			 ok;
	int			 r;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->quiet, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&f->lock, NULL);
	f->cache = memory_text(s->cache);
	f->resolver = memory_text(s->resolver);
	f->allow_private = s->allow_private;
	f->refresh_ms = s->refresh_ms > 1000 ? s->refresh_ms : 1000;
	f->tls = h;
	ok = loop_new(&f->loop, e) && dns_new(&f->dns, f->loop, f->resolver, e);
	if (ok && (r = start_thread(f)) != 0)
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
	struct crl_fetch	*f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	f->ended = true;
	loop_drain(f->loop);		/* wishes on their way */
	destroy(f);
}
