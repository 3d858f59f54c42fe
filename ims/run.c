/* run — `ims run`: starts and stops the role of the receiving side; see run.h. */
#include "ims/run.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/daemon/check_conf.h"
#include "common/daemon/daemon.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "ims/fetch/acknowledger.h"
#include "ims/fetch/fetch_pair.h"
#include "ims/fetch/fetcher.h"
#include "ims/ims.h"
#include "ims/mailbox/mailbox_service.h"
#include "ims/nearly_full.h"
#include "ims/notify/notify_service.h"
#include "ims/smtp/smtp_service.h"
#include "ims/store/store.h"
#include "ims/upkeep.h"
#include "ims/verbs.h"

/* -- workers -------------------------------------------------------------------------------------- */

static void
make_worker(struct ims *i, unsigned n)
{
	const struct daemon_worker *tools = daemon_worker(i->daemon, n);
	struct ims_worker *w = &i->worker[n];

	w->ims = i;
	w->index = n;
	w->loop = tools->loop;
	w->dns = tools->dns;
	w->spf = tools->spf;
	w->desk = tools->desk;
	w->fetch_pairs = fetch_pairs_new(w, acknowledger_soon);
	w->fetcher = fetcher_new(w);
	w->acknowledger = acknowledger_new(w);
}

/* -- the daemon's callbacks -------------------------------------------------------------------------- */

static void
stop(void **role)
{
	struct ims *i = *role;

	if (i == NULL)
		return;
	for (unsigned n = 0; n < i->n_workers; n++) {
		acknowledger_free(&i->worker[n].acknowledger);
		fetcher_free(&i->worker[n].fetcher);
		fetch_pairs_free(&i->worker[n].fetch_pairs);
	}
	ims_store_close(&i->store);
	for (unsigned n = 0; n < i->n_workers; n++)
		loop_drain(workers_loop(i->workers, n));
	loop_drain(daemon_loop(i->daemon));
	free(i->worker);
	free(i);
	*role = NULL;
}

static bool
start(struct daemon *d, void **role, struct err *e)
{
	struct ims *i = *role = memory_new(sizeof *i);
	struct conf *c = daemon_conf(d);
	bool good;

	i->daemon = d;
	i->accounts = daemon_accounts(d);
	i->tls = daemon_tls(d);
	i->workers = daemon_workers(d);
	i->offload = daemon_offload(d);
	i->n_workers = workers_count(i->workers);
	i->heard = acknowledger_heard;
	i->worker = memory_array(i->n_workers, sizeof *i->worker);
	good = ims_store_open_as(
	    &(struct kv_opening) {
		.folder = c->role[CONF_ROLE_IMS].folder,
		.size = c->role[CONF_ROLE_IMS].folder_bytes,
		.offload = i->offload,
		.stops = daemon_must_stop,
	    },
	    &i->store, e);
	conf_unref(&c);
	for (unsigned n = 0; n < i->n_workers && good; n++)
		make_worker(i, n);
	return good;
}

struct counting {
	struct ims *ims;
	struct json *out;
	void (*done)(void *arg);
	void *arg;
};

static void
counted(void *arg, const struct ims_store_counts *c, const struct err *e)
{
	struct counting *x = arg;
	struct json *out = x->out;

	(void)e; /* what was read is shown */
	json_put_int(out, "mailboxes", (int64_t)c->mailboxes);
	json_put_int(out, "notices", (int64_t)c->notices);
	json_put_int(out, "papers", (int64_t)c->papers);
	json_put_int(out, "writes", (int64_t)c->writes);
	json_put_int(out, "commits", (int64_t)c->commits);
	json_put_int(out, "unreadable", (int64_t)c->damaged);
	json_put_int(out, "store_used", (int64_t)c->used_bytes);
	json_put_int(out, "store_size", (int64_t)c->size_bytes);
	nearly_full_put(x->ims->store, c, out, daemon_loop(x->ims->daemon), x->done, x->arg);
	free(x);
}

static void
status(void *role, struct json *out, void (*done)(void *arg), void *arg)
{
	struct ims *i = role;
	struct counting *x = memory_new(sizeof *x);

	*x = (struct counting) { i, out, done, arg };
	ims_store_counts(i->store, daemon_loop(i->daemon), counted, x);
}

/* -- the role ------------------------------------------------------------------------------ */

static void
on_notify(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	notify_service_incoming(&((struct ims *)role)->worker[worker], in);
}

static void
on_mailbox(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	mailbox_service_incoming(&((struct ims *)role)->worker[worker], in);
}

static void
on_smtp(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in)
{
	(void)d;
	smtp_service_incoming(&((struct ims *)role)->worker[worker], in);
}

static const struct daemon_listener listeners[] = {
	{ CONF_LISTEN_NOTIFY, false, on_notify },
	{ CONF_LISTEN_MAILBOX, false, on_mailbox },
	{ CONF_LISTEN_SMTP, true, on_smtp },
	{ 0, false, NULL },
};
static const struct daemon_role role = {
	.name = "ims",
	.index = CONF_ROLE_IMS,
	.folder = "store",
	.listeners = listeners,
	.control = ims_control,
	.start = start,
	.stop = stop,
	.sweep_ms = IMS_SWEEP_MS,
	.sweep = ims_upkeep,
	.status = status,
};

int
ims_run(struct options *o)
{
	return daemon_run(&role, o);
}

int
ims_check(struct options *o)
{
	return check_conf(o, &role);
}
