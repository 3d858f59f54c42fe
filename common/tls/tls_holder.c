/* tls_holder — keeps the newest generation and checks whether a newer one is due; see tls.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/tls/tls_private.h"

struct tls_holder {
	pthread_mutex_t lock; /* of current */
	struct tls *current;
	atomic_ullong generation; /* of current */
	pthread_mutex_t making;   /* one generation at a time; guards settings */
	struct tls_settings settings;
	uint64_t failed; /* signature of the folders whose fault was logged */
	void (*wanted)(void *arg, const struct chain *c, const struct judgement *j);
	void *wanted_arg;
	void (*used)(void *arg, const struct chain *c);
	void *used_arg;
	void (*changed)(void *arg);
	void *changed_arg;
	/* watching: the loop's thread */
	struct loop *loop;
	struct offload *offload;
	struct loop_timer *timer;
	int64_t interval_ms;
	bool looking, gone;
};

/* -- settings ----------------------------------------------------------------------------------- */

static char *
copy_text(const char *s)
{
	return memory_text(s == NULL ? "" : s);
}

static struct tls_files
copy_files(const struct tls_files *f)
{
	return (struct tls_files) { copy_text(f->domain), copy_text(f->certificate),
		copy_text(f->key) };
}

static void
settings_copy(struct tls_settings *to, const struct tls_settings *from)
{
	struct tls_files *f = memory_array(from->n_identities + 1, sizeof *f);

	*to = *from;
	to->trust = copy_text(from->trust);
	to->crls = copy_text(from->crls);
	to->cache = copy_text(from->cache);
	for (size_t i = 0; i < from->n_identities; i++)
		f[i] = copy_files(&from->identities[i]);
	to->identities = f;
	if (from->host != NULL) {
		/* After the domains', so that it is freed with them. */
		f[from->n_identities] = copy_files(from->host);
		to->host = &f[from->n_identities];
	}
}

static void
settings_clear(struct tls_settings *s)
{
	size_t n = s->n_identities + (s->host != NULL);

	for (size_t i = 0; i < n; i++) {
		free((char *)s->identities[i].domain);
		free((char *)s->identities[i].certificate);
		free((char *)s->identities[i].key);
	}
	free((struct tls_files *)s->identities);
	free((char *)s->trust);
	free((char *)s->crls);
	free((char *)s->cache);
	*s = (struct tls_settings) { 0 };
}

/* -- generations -------------------------------------------------------------------------------- */

bool
tls_holder_new(struct tls_holder **out, const struct tls_settings *s, struct err *e)
{
	struct tls_holder *h;
	struct tls *t;

	if (!tls_load(s, &t, e))
		return false;
	h = memory_new(sizeof *h);
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->making, NULL);
	h->current = t;
	atomic_init(&h->generation, tls_generation(t));
	settings_copy(&h->settings, s);
	*out = h;
	return true;
}

static void
holder_free(struct tls_holder *h)
{
	tls_unref(&h->current);
	settings_clear(&h->settings);
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->making);
	free(h);
}

void
tls_holder_free(struct tls_holder **hp)
{
	struct tls_holder *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	tls_holder_unwatch(h);
	if (h->looking)
		h->gone = true; /* looked() frees it */
	else
		holder_free(h);
}

struct tls *
tls_holder_get(struct tls_holder *h)
{
	struct tls *t;

	pthread_mutex_lock(&h->lock);
	t = tls_ref(h->current);
	pthread_mutex_unlock(&h->lock);
	return t;
}

uint64_t
tls_holder_generation(struct tls_holder *h)
{
	return atomic_load(&h->generation);
}

static void
swap_generation(struct tls_holder *h, struct tls *t)
{
	struct tls *old;

	pthread_mutex_lock(&h->lock);
	old = h->current;
	h->current = t;
	atomic_store(&h->generation, tls_generation(t));
	pthread_mutex_unlock(&h->lock);
	tls_unref(&old);
	if (h->changed != NULL)
		h->changed(h->changed_arg);
}

bool
tls_holder_reload(struct tls_holder *h, const struct tls_settings *s, struct err *e)
{
	struct tls *t;
	bool ok;

	pthread_mutex_lock(&h->making);
	if ((ok = tls_make(s, h->current, TLS_RELOAD, &t, e))) {
		settings_clear(&h->settings);
		settings_copy(&h->settings, s);
		swap_generation(h, t);
	}
	pthread_mutex_unlock(&h->making);
	return ok;
}

/* -- watching ----------------------------------------------------------------------------------- */

void
tls_holder_look(struct tls_holder *h)
{
	struct tls *t;
	struct err e;
	uint64_t now;

	pthread_mutex_lock(&h->making);
	if (tls_outdated(h->current, &h->settings)) {
		now = tls_folders_signature(&h->settings);
		if (tls_make(&h->settings, h->current, TLS_WATCH, &t, &e)) {
			h->failed = 0;
			swap_generation(h, t);
		} else if (h->failed != now) {
			h->failed = now;
			log_fact(LOG_ERROR, "tls.reload", "kept=old why=%s", log_str(e.text));
		}
	}
	pthread_mutex_unlock(&h->making);
}

/* On an offload thread. */
static void
look(void *arg)
{
	tls_holder_look(arg);
}

static void
looked(void *arg)
{
	struct tls_holder *h = arg;

	h->looking = false;
	if (h->gone)
		holder_free(h);
	else if (h->timer != NULL)
		loop_timer_set_ms(h->timer, h->interval_ms);
}

static void
on_due(void *arg)
{
	struct tls_holder *h = arg;
	struct err e;

	h->looking = true;
	if (offload_run(h->offload, h->loop, look, looked, h, &e))
		return;
	h->looking = false;
	loop_timer_set_ms(h->timer, h->interval_ms);
}

void
tls_holder_watch(struct tls_holder *h, struct loop *l, struct offload *o, int64_t interval_ms)
{
	tls_holder_unwatch(h);
	h->loop = l;
	h->offload = o;
	h->interval_ms = interval_ms;
	h->timer = loop_timer_new(l, on_due, h);
	if (!h->looking)
		loop_timer_set_ms(h->timer, interval_ms);
}

void
tls_holder_unwatch(struct tls_holder *h)
{
	loop_timer_free(&h->timer);
}

/* -- who is told --------------------------------------------------------------------------------- */

void
tls_holder_on_generation(struct tls_holder *h, void (*changed)(void *arg), void *arg)
{
	h->changed = changed;
	h->changed_arg = arg;
}

/* -- CRLs that are missing, or in use ---------------------------------------------------------------------- */

void
tls_holder_on_unknown(struct tls_holder *h,
    void (*wanted)(void *arg, const struct chain *c, const struct judgement *j), void *arg)
{
	h->wanted = wanted;
	h->wanted_arg = arg;
}

void
tls_holder_unknown(struct tls_holder *h, const struct chain *c, const struct judgement *j)
{
	if (h->wanted != NULL)
		h->wanted(h->wanted_arg, c, j);
}

void
tls_holder_on_good(struct tls_holder *h, void (*used)(void *arg, const struct chain *c), void *arg)
{
	h->used = used;
	h->used_arg = arg;
}

void
tls_holder_good(struct tls_holder *h, const struct chain *c)
{
	if (h->used != NULL)
		h->used(h->used_arg, c);
}
