/* run — `ims run`: the role behind the daemon's frame; see run.h and common/svc/daemon.h. */
#include "ims/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/svc/daemon.h"
#include "common/svc/loop.h"
#include "common/svc/workers.h"
#include "ims/accept.h"
#include "ims/debts.h"
#include "ims/fetcher.h"
#include "ims/ims.h"
#include "ims/mailbox.h"
#include "ims/store.h"
#include "ims/verbs.h"

#define NOTIFY_PORT	1471
#define MAILBOX_PORT	1473

/* -- what the parts ask --------------------------------------------------------------------------- */

struct conf *
ims_conf(struct ims *i)
{
	struct conf	*c;

	pthread_mutex_lock(&i->lock);
	c = conf_ref(i->conf);
	pthread_mutex_unlock(&i->lock);
	return c;
}

bool
ims_open(struct ims *i, struct err *e)
{
	return !atomic_load(&i->closing) || err_set(e, REFUSAL_closing, "%s", "");
}

/* -- workers -------------------------------------------------------------------------------------- */

static bool
make_worker(struct ims *i, unsigned n, struct err *e)
{
	struct ims_worker	*w = &i->worker[n];

	w->ims = i;
	w->index = n;
	w->loop = workers_loop(i->workers, n);
	w->auth = auth_new(&accounts_auth_ops, i->accounts);
	w->fetcher = fetcher_new(w);
	if (!dns_new(&w->dns, w->loop, i->conf->resolver, e))
		return false;
	spf_new(&w->spf, w->loop, w->dns);
	w->debts = debts_new(w);
	return true;
}

static void
free_worker(struct ims_worker *w)
{
	debts_free(&w->debts);
	fetcher_free(&w->fetcher);
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
	struct ims	*i = *role;

	if (i == NULL)
		return;
	loop_timer_free(&i->sweep);
	for (unsigned n = 0; n < i->n_workers; n++)
		free_worker(&i->worker[n]);
	ims_store_close(&i->store);
	for (unsigned n = 0; n < i->n_workers; n++)
		loop_drain(i->worker[n].loop);
	loop_drain(daemon_loop(i->daemon));
	conf_unref(&i->conf);
	pthread_mutex_destroy(&i->lock);
	free(i->worker);
	free(i);
	*role = NULL;
}

static void
swept(void *arg, const struct err *e)
{
	struct ims	*i = arg;

	if (e != NULL)
		log_fact(LOG_ERROR, "store.sweep", "word=%s text=%s", refusal_word(e->why),
		    log_str(e->text));
	if (i->sweep != NULL)
		loop_timer_set_ms(i->sweep, IMS_SWEEP_MS);
}

static void
sweep(void *arg)
{
	struct ims	*i = arg;

	ims_store_sweep(i->store, clock_wall_ms() / 1000, daemon_loop(i->daemon), swept, i);
}

static bool
start(struct daemon *d, void **role, struct err *e)
{
	struct ims	*i = memory_new(sizeof *i);
	bool		 good;

	i->daemon = d;
	i->accounts = daemon_accounts(d);
	i->tls = daemon_tls(d);
	i->workers = daemon_workers(d);
	i->offload = daemon_offload(d);
	i->conf = daemon_conf(d);
	i->n_workers = workers_count(i->workers);
	pthread_mutex_init(&i->lock, NULL);
	i->worker = memory_array(i->n_workers, sizeof *i->worker);
	good = ims_store_open(i->conf->ims.store, i->conf->ims.store_bytes, i->offload, &i->store, e);
	for (unsigned n = 0; n < i->n_workers && good; n++)
		good = make_worker(i, n, e);
	*role = i;
	if (!good) {
		stop(role);
		return false;
	}
	i->sweep = loop_timer_new(daemon_loop(d), sweep, i);
	loop_timer_set_ms(i->sweep, IMS_SWEEP_MS);
	return true;
}

static void
reloaded(void *role, struct daemon *d)
{
	struct ims	*i = role;
	struct conf	*new = daemon_conf(d), *old;

	pthread_mutex_lock(&i->lock);
	old = i->conf;
	i->conf = new;
	pthread_mutex_unlock(&i->lock);
	conf_unref(&old);
}

static void
closing(void *role, struct daemon *d)
{
	atomic_store(&((struct ims *)role)->closing, true);
	daemon_stopped(d);
}

static void
status(void *role, struct json *out)
{
	struct ims_store_counts	 c;

	ims_store_counts(((struct ims *)role)->store, &c);
	json_put_int(out, "mailboxes", (int64_t)c.mailboxes);
	json_put_int(out, "notices", (int64_t)c.notices);
	json_put_int(out, "writes", (int64_t)c.writes);
	json_put_int(out, "commits", (int64_t)c.commits);
	json_put_int(out, "store_used", (int64_t)c.used_bytes);
	json_put_int(out, "store_size", (int64_t)c.size_bytes);
}

/* -- what it consists of ------------------------------------------------------------------------------ */

static const struct conf_listens *
at_notify(const struct conf *c)
{
	return &c->ims.notify;
}

static const struct conf_listens *
at_mailbox(const struct conf *c)
{
	return &c->ims.mailbox;
}

static void
on_notify(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	accept_incoming(&((struct ims *)role)->worker[worker], in);
}

static void
on_mailbox(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	mailbox_incoming(&((struct ims *)role)->worker[worker], in);
}

static bool
given(const struct conf *c)
{
	return c->ims.given;
}

static const char *
folder(const struct conf *c)
{
	return c->ims.store;
}

static const char *
control_socket(const struct conf *c)
{
	return c->ims.control;
}

int
ims_run(struct options *o)
{
	static const struct daemon_listener	 listeners[] = {
		{ "notify", NOTIFY_PORT, at_notify, on_notify },
		{ "mailbox", MAILBOX_PORT, at_mailbox, on_mailbox },
		{ NULL, 0, NULL, NULL }
	};
	static const struct daemon_role		 role = {
		.name = "ims", .listeners = listeners, .control = ims_control, .given = given,
		.folder = folder, .socket = control_socket, .start = start, .reloaded = reloaded,
		.closing = closing, .stop = stop, .status = status,
	};

	return daemon_run(&role, o);
}
