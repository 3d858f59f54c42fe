/* run — `oms run`: the role within the daemon's frame; see run.h and common/daemon/daemon.h. */
#include "oms/run.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/daemon/check_conf.h"
#include "common/daemon/daemon.h"
#include "common/dkim/dkim_keys.h"
#include "common/http/http.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/sts/sts.h"
#include "common/tls/tls.h"
#include "oms/fetch/fetch_service.h"
#include "oms/oms.h"
#include "oms/queue/notifier.h"
#include "oms/smtp/smtp_caps.h"
#include "oms/store/store.h"
#include "oms/submission/local_socket.h"
#include "oms/submission/submission_service.h"
#include "oms/submit/submit_service.h"
#include "oms/verbs.h"

/* -- workers -------------------------------------------------------------------------------------- */

static void
make_worker(struct oms *o, unsigned n)
{
	const struct daemon_worker *tools = daemon_worker(o->daemon, n);
	struct oms_worker *w = &o->worker[n];

	w->oms = o;
	w->index = n;
	w->loop = tools->loop;
	w->dns = tools->dns;
	w->spf = tools->spf;
	w->desk = tools->desk;
	w->notifier = notifier_new(w);
}

/* -- policies of MTA-STS -------------------------------------------------------------------------- */

/* Each worker keeps them for its pairs; the folder is one. */
static bool
open_policies(struct oms *o, const struct conf *c, struct err *e)
{
	char folder[CONF_PATH_BYTES];
	struct sts_settings s = {
		.folder = folder,
		.http = o->http,
		.tls = o->tls,
		.offload = o->offload,
		.on_unknown = daemon_crl_wanted,
		.arg = o->daemon,
		.allow_private = c->allow_private_peers,
	};

	snprintf(folder, sizeof folder, "%.*s/sts", CONF_PATH_BYTES - 8,
	    c->role[CONF_ROLE_OMS].folder);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_set_errno(e, REFUSAL_os_error, errno, "%s", folder);
	for (unsigned n = 0; n < o->n_workers; n++) {
		s.loop = o->worker[n].loop;
		s.dns = o->worker[n].dns;
		o->worker[n].sts = sts_new(&s);
	}
	return true;
}

/* -- the daemon's callbacks -------------------------------------------------------------------------- */

static void
stop(void **role)
{
	struct oms *o = *role;

	if (o == NULL)
		return;
	local_socket_free(&o->local);
	oms_store_close(&o->store);
	for (unsigned n = 0; n < o->n_workers; n++)
		loop_drain(workers_loop(o->workers, n));
	loop_drain(daemon_loop(o->daemon));
	for (unsigned n = 0; n < o->n_workers; n++)
		notifier_free(&o->worker[n].notifier); /* after the store's last answers */
	for (unsigned n = 0; n < o->n_workers; n++)
		if (o->worker[n].sts != NULL)
			sts_free(&o->worker[n].sts);
	if (o->http != NULL)
		http_free(&o->http);
	for (unsigned n = 0; n < o->n_workers; n++)
		loop_drain(workers_loop(o->workers, n));
	smtp_caps_free(&o->smtp_caps);
	dkim_holder_free(&o->dkim);
	free(o->worker);
	free(o);
	*role = NULL;
}

/* One sweep: first expired letters, then the letters of removed users that are no longer kept. */
struct sweep {
	struct oms *oms;
	struct accounts_set *accounts;
	size_t next; /* of the removed users */
	int64_t now_s;
	struct err why; /* the first fault */
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static void
sweep_end(struct sweep *s)
{
	accounts_set_put(&s->accounts);
	s->done(s->arg, s->why.why == REFUSAL_NONE ? NULL : &s->why);
	free(s);
}

static void forget_users(void *arg, const struct err *e);

/* One whose records cannot be read is forgotten, too. */
static void
looked_for_user(void *arg, bool known, const struct err *e)
{
	struct sweep *s = arg;
	const struct account_removed *r = accounts_removed_at(s->accounts, s->next - 1);

	if (e != NULL ? e->why != REFUSAL_storage : !known) {
		forget_users(s, NULL);
		return;
	}
	log_fact(LOG_INFO, "user.forgotten", "user=%s", log_str(r->owner));
	oms_store_forget_user(s->oms->store, r->owner, s->now_s, daemon_loop(s->oms->daemon),
	    forget_users, s);
}

/* A fault keeps no other user from being forgotten.  At the end of the daemon, `stop` has closed the store before the
 * last write completes. */
static void
forget_users(void *arg, const struct err *e)
{
	struct sweep *s = arg;
	const struct account_removed *r;

	if (e != NULL && s->why.why == REFUSAL_NONE)
		s->why = *e;
	while (s->oms->store != NULL && (r = accounts_removed_at(s->accounts, s->next++)) != NULL) {
		if (r->until_s > s->now_s)
			continue;
		oms_store_knows_user(s->oms->store, r->owner, daemon_loop(s->oms->daemon),
		    looked_for_user, s);
		return;
	}
	sweep_end(s);
}

static void
sweep(void *role, void (*done)(void *arg, const struct err *e), void *arg)
{
	struct oms *o = role;
	struct sweep *s = memory_new(sizeof *s);

	*s = (struct sweep) {
		.oms = o,
		.accounts = accounts_set_get(o->accounts),
		.now_s = clock_wall_ms() / 1000,
		.done = done,
		.arg = arg,
	};
	oms_store_sweep(o->store, s->now_s, daemon_loop(o->daemon), forget_users, s);
}

static void
on_generation(void *role)
{
	struct oms *o = role;
	struct err e;

	if (!dkim_holder_reload(o->dkim, &e))
		log_fact(LOG_ERROR, "dkim.keys_kept", "why=%s text=%s", refusal_word(e.why),
		    log_str(e.text));
	notifier_unblock(o);
}

static bool
open_keys(struct oms *o, const struct conf *c, struct err *e)
{
	char folder[CONF_PATH_BYTES];

	oms_dkim_folder(c, folder);
	return dkim_holder_new(folder, &o->dkim, e);
}

static bool
start(struct daemon *d, void **role, struct err *e)
{
	struct oms *o = *role = memory_new(sizeof *o);
	struct conf *c = daemon_conf(d);
	bool good;

	o->daemon = d;
	o->accounts = daemon_accounts(d);
	o->tls = daemon_tls(d);
	o->workers = daemon_workers(d);
	o->offload = daemon_offload(d);
	o->n_workers = workers_count(o->workers);
	o->worker = memory_array(o->n_workers, sizeof *o->worker);
	good = oms_store_open_as(
	    &(struct kv_opening) {
		.folder = c->role[CONF_ROLE_OMS].folder,
		.size = c->role[CONF_ROLE_OMS].folder_bytes,
		.offload = o->offload,
		.stops = daemon_must_stop,
	    },
	    &o->store, e);
	o->smtp_caps = smtp_caps_new();
	good = good && http_new(&o->http, e);
	for (unsigned n = 0; n < o->n_workers && good; n++)
		make_worker(o, n);
	good = good && open_policies(o, c, e) && open_keys(o, c, e);
	conf_unref(&c);
	if (good) {
		tls_holder_on_generation(o->tls, on_generation, o);
		notifier_begin(o);
		good = local_socket_new(o, &o->local, e);
	}
	return good;
}

struct status {
	struct oms *oms;
	struct json *out;
	void (*done)(void *arg);
	void *arg;
};

static void
counted(void *arg, const struct oms_store_counts *c, const struct err *e)
{
	struct status *s = arg;

	if (e == NULL) {
		json_put_int(s->out, "letters", (int64_t)c->letters);
		json_put_int(s->out, "writes", (int64_t)c->writes);
		json_put_int(s->out, "commits", (int64_t)c->commits);
		json_put_int(s->out, "spool_used", (int64_t)c->used_bytes);
		json_put_int(s->out, "spool_size", (int64_t)c->size_bytes);
		json_put_int(s->out, "domains_remembered", (int64_t)c->domains);
	}
	json_put_int(s->out, "fetched_octets", (int64_t)atomic_load(&s->oms->fetched_octets));
	s->done(s->arg);
	free(s);
}

static void
status(void *role, struct json *out, void (*done)(void *arg), void *arg)
{
	struct status *s = memory_new(sizeof *s);

	*s = (struct status) { role, out, done, arg };
	oms_store_counts(s->oms->store, daemon_loop(s->oms->daemon), counted, s);
}

/* -- the role ------------------------------------------------------------------------------ */

static void
on_fetch(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	fetch_service_incoming(&((struct oms *)role)->worker[worker], in);
}

static void
on_submit(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	submit_service_incoming(&((struct oms *)role)->worker[worker], in);
}

static void
on_submission(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	submission_service_incoming(&((struct oms *)role)->worker[worker], TLS_SUBMISSION, in);
}

static void
on_submissions(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	submission_service_incoming(&((struct oms *)role)->worker[worker], TLS_SUBMISSIONS, in);
}

static const struct daemon_listener listeners[] = {
	{ CONF_LISTEN_FETCH, false, on_fetch },
	{ CONF_LISTEN_SUBMIT, false, on_submit },
	{ CONF_LISTEN_SUBMISSION, true, on_submission },
	{ CONF_LISTEN_SUBMISSIONS, true, on_submissions },
	{ 0, false, NULL },
};
static const struct daemon_role role = {
	.name = "oms",
	.index = CONF_ROLE_OMS,
	.folder = "spool",
	.listeners = listeners,
	.control = oms_control,
	.start = start,
	.stop = stop,
	.sweep_ms = OMS_SWEEP_MS,
	.sweep = sweep,
	.status = status,
};

int
oms_run(struct options *o)
{
	return daemon_run(&role, o);
}

int
oms_check(struct options *o)
{
	return check_conf(o, &role);
}
