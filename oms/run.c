/* run — `oms run`: the role behind the daemon's frame; see run.h and common/svc/daemon.h. */
#include "oms/run.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/svc/daemon.h"
#include "common/svc/loop.h"
#include "common/svc/workers.h"
#include "oms/notifier.h"
#include "oms/oms.h"
#include "oms/serve.h"
#include "oms/store.h"
#include "oms/submit.h"
#include "oms/verbs.h"

#define FETCH_PORT	1470
#define SUBMIT_PORT	1472

/* -- what the parts ask --------------------------------------------------------------------------- */

struct conf *
oms_conf(struct oms *o)
{
	struct conf	*c;

	pthread_mutex_lock(&o->lock);
	c = conf_ref(o->conf);
	pthread_mutex_unlock(&o->lock);
	return c;
}

bool
oms_open(struct oms *o, struct err *e)
{
	return !atomic_load(&o->closing) || err_set(e, REFUSAL_closing, "%s", "");
}

/* -- workers -------------------------------------------------------------------------------------- */

static bool
make_worker(struct oms *o, unsigned n, struct err *e)
{
	struct oms_worker	*w = &o->worker[n];

	w->oms = o;
	w->index = n;
	w->loop = workers_loop(o->workers, n);
	w->auth = auth_new(&accounts_auth_ops, o->accounts);
	w->notifier = notifier_new(w);
	if (!dns_new(&w->dns, w->loop, o->conf->resolver, e))
		return false;
	spf_new(&w->spf, w->loop, w->dns);
	return true;
}

/* After the store has given its last answers. */
static void
free_worker(struct oms_worker *w)
{
	notifier_free(&w->notifier);
	if (w->spf != NULL)
		spf_free(&w->spf);
	if (w->dns != NULL)
		dns_free(&w->dns);
	if (w->auth != NULL)
		auth_free(&w->auth);
}

/* -- the daemon's callbacks -------------------------------------------------------------------------- */

static void
stop(void **role)
{
	struct oms	*o = *role;

	if (o == NULL)
		return;
	atomic_store(&o->closing, true);
	loop_timer_free(&o->sweep);
	oms_store_close(&o->store);
	for (unsigned n = 0; n < o->n_workers; n++)
		if (o->worker[n].loop != NULL)
			loop_drain(o->worker[n].loop);
	loop_drain(daemon_loop(o->daemon));
	for (unsigned n = 0; n < o->n_workers; n++)
		free_worker(&o->worker[n]);
	conf_unref(&o->conf);
	pthread_mutex_destroy(&o->lock);
	free(o->worker);
	free(o);
	*role = NULL;
}

static void
swept(void *arg, const struct err *e)
{
	struct oms	*o = arg;

	if (e != NULL)
		log_fact(LOG_ERROR, "store.sweep", "word=%s text=%s", refusal_word(e->why),
		    log_str(e->text));
	if (o->sweep != NULL)
		loop_timer_set_ms(o->sweep, OMS_SWEEP_MS);
}

static void
sweep(void *arg)
{
	struct oms	*o = arg;

	oms_store_sweep(o->store, clock_wall_ms() / 1000, daemon_loop(o->daemon), swept, o);
}

static bool
start(struct daemon *d, void **role, struct err *e)
{
	struct oms	*o = memory_new(sizeof *o);
	bool		 good;

	o->daemon = d;
	o->accounts = daemon_accounts(d);
	o->tls = daemon_tls(d);
	o->workers = daemon_workers(d);
	o->offload = daemon_offload(d);
	o->conf = daemon_conf(d);
	o->n_workers = workers_count(o->workers);
	pthread_mutex_init(&o->lock, NULL);
	o->worker = memory_array(o->n_workers, sizeof *o->worker);
	good = oms_store_open(o->conf->oms.spool, o->conf->oms.spool_bytes, o->offload, &o->store, e);
	for (unsigned n = 0; n < o->n_workers && good; n++)
		good = make_worker(o, n, e);
	*role = o;
	if (!good || !notifier_begin(o, e)) {
		stop(role);
		return false;
	}
	o->sweep = loop_timer_new(daemon_loop(d), sweep, o);
	loop_timer_set_ms(o->sweep, OMS_SWEEP_MS);
	return true;
}

static void
reloaded(void *role, struct daemon *d)
{
	struct oms	*o = role;
	struct conf	*new = daemon_conf(d), *old;

	pthread_mutex_lock(&o->lock);
	old = o->conf;
	o->conf = new;
	pthread_mutex_unlock(&o->lock);
	conf_unref(&old);
}

static void
closing(void *role, struct daemon *d)
{
	atomic_store(&((struct oms *)role)->closing, true);
	daemon_stopped(d);
}

static void
status(void *role, struct json *out)
{
	struct oms		*o = role;
	struct oms_store_counts	 c;

	oms_store_counts(o->store, &c);
	json_put_int(out, "letters", (int64_t)c.letters);
	json_put_int(out, "writes", (int64_t)c.writes);
	json_put_int(out, "commits", (int64_t)c.commits);
	json_put_int(out, "spool_used", (int64_t)c.used_bytes);
	json_put_int(out, "spool_size", (int64_t)c.size_bytes);
	json_put_int(out, "fetched_octets", (int64_t)atomic_load(&o->fetched_octets));
}

/* -- what it consists of ------------------------------------------------------------------------------ */

static const struct conf_listens *
at_fetch(const struct conf *c)
{
	return &c->oms.fetch;
}

static const struct conf_listens *
at_submit(const struct conf *c)
{
	return &c->oms.submit;
}

static void
on_fetch(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	serve_incoming(&((struct oms *)role)->worker[worker], in);
}

static void
on_submit(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	submit_incoming(&((struct oms *)role)->worker[worker], in);
}

static bool
given(const struct conf *c)
{
	return c->oms.given;
}

static const char *
folder(const struct conf *c)
{
	return c->oms.spool;
}

static const char *
control_socket(const struct conf *c)
{
	return c->oms.control;
}

int
oms_run(struct options *o)
{
	static const struct daemon_listener	 listeners[] = {
		{ "fetch", FETCH_PORT, at_fetch, on_fetch },
		{ "submit", SUBMIT_PORT, at_submit, on_submit },
		{ NULL, 0, NULL, NULL }
	};
	static const struct daemon_role		 role = {
		.name = "oms", .listeners = listeners, .control = oms_control, .given = given,
		.folder = folder, .socket = control_socket, .start = start, .reloaded = reloaded,
		.closing = closing, .stop = stop, .status = status,
	};

	return daemon_run(&role, o);
}
