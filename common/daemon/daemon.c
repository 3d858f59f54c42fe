/* daemon — runs a role until it is told to stop; see daemon.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/daemon_private.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/loop/workers.h"
#include "common/net/conn.h"
#include "common/net/conn_limit.h"
#include "common/net/listen.h"
#include "common/revoke/crl_fetch.h"
#include "common/share/share.h"
#include "common/share/share_log.h"

/* -- stopping -------------------------------------------------------------------------------- */

void
daemon_close(struct daemon *d)
{
	if (atomic_exchange(&d->closing, true))
		return;
	log_fact(LOG_INFO, "daemon.closing", "connections=%u", listen_open_count(d->listen));
	listen_stop(d->listen);
	loop_stop(d->loop);
}

static void
on_stop(void *arg)
{
	daemon_close(arg);
}

void
daemon_stop(struct daemon *d)
{
	loop_post(d->loop, on_stop, d);
}

bool
daemon_open_for_work(struct daemon *d, struct err *e)
{
	return !atomic_load(&d->closing) || err_word(e, REFUSAL_closing);
}

/* -- signals --------------------------------------------------------------------------------- */

/* Blocked in every thread, read in one; before any thread is made. */
static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
on_signals(void *arg, unsigned ready)
{
	struct daemon *d = arg;
	struct signalfd_siginfo s;

	(void)ready;
	while (read(d->signals, &s, sizeof s) == (ssize_t)sizeof s) {
		log_fact(LOG_INFO, "daemon.signal", "number=%u", s.ssi_signo);
		if (s.ssi_signo == SIGHUP)
			daemon_reload(d);
		else
			daemon_close(d);
	}
}

/* -- running --------------------------------------------------------------------------------- */

static bool
start_crl_fetch(struct daemon *d, struct err *e)
{
	const struct crl_fetch_settings s = {
		.cache = d->cache,
		.resolver = d->conf->resolver,
		.allow_private = d->conf->allow_private_crl_hosts,
		.refresh_ms = d->conf->crl_refresh_s * 1000,
	};

	if (!crl_fetch_new(&d->crl_fetch, &s, d->tls, e))
		return false;
	tls_holder_on_unknown(d->tls, crl_fetch_wanted, d->crl_fetch);
	tls_holder_on_good(d->tls, crl_fetch_used, d->crl_fetch);
	return true;
}

/* The workers' threads begin last: until then their loops are this thread's (loop.h), which puts onto them
 * what is theirs. */
static bool
start(struct daemon *d, const sigset_t *signals, struct err *e)
{
	if (!offload_start(d->offload, e))
		return false;
	d->signals = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (d->signals < 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "signalfd");
	d->signals_watch = loop_fd_new(d->loop, d->signals, on_signals, d);
	tls_holder_watch(d->tls, d->loop, d->offload, d->conf->crl_refresh_s * 1000);
	if (!start_crl_fetch(d, e) || !daemon_workers_begin(d, e) ||
	    !d->role->start(d, &d->state, e))
		return false;
	control_add(d->control, daemon_verbs, d);
	if (d->role->control != NULL)
		control_add(d->control, d->role->control, d->state);
	control_serve(d->control);
	if (!loop_fd_want(d->signals_watch, LOOP_READ))
		return err_set_errno(e, REFUSAL_os_error, errno, "signals cannot be watched");
	daemon_upkeep_begin(d);
	return workers_start(d->workers, e) && listen_start(d->listen, d->workers, e);
}

/* The mirror of open and start.  Threads end first, so that this one may touch everything. */
static void
end_threads(struct daemon *d)
{
	struct err e;

	atomic_store(&d->closing, true);
	err_set(&e, REFUSAL_closing, "%s", refusal_sentence(REFUSAL_closing));
	if (d->listen != NULL)
		listen_stop(d->listen);
	if (d->signals_watch != NULL)
		tls_holder_unwatch(d->tls);
	control_free(&d->control);
	if (d->workers != NULL)
		workers_stop(d->workers);
	conn_limit_close(d->limit);
	if (d->offload != NULL)
		offload_stop(d->offload);
	for (unsigned i = 0; d->workers != NULL && i < workers_count(d->workers); i++) {
		loop_drain(workers_loop(d->workers, i)); /* sockets on their way */
		conn_drop_all(workers_loop(d->workers, i), &e);
		loop_drain(workers_loop(d->workers, i));
	}
	if (d->loop != NULL)
		loop_drain(d->loop);
}

static void
end(struct daemon *d)
{
	end_threads(d);
	daemon_upkeep_end(d);
	if (d->state != NULL)
		d->role->stop(&d->state);
	daemon_workers_end(d);
	for (unsigned i = 0; d->workers != NULL && i < workers_count(d->workers); i++)
		loop_drain(workers_loop(d->workers, i));
	crl_fetch_free(&d->crl_fetch);
	loop_fd_free(&d->signals_watch);
	if (d->signals >= 0)
		close(d->signals);
	if (d->offload != NULL)
		offload_free(&d->offload);
	if (d->workers != NULL)
		workers_free(&d->workers);
	if (d->listen != NULL)
		listen_free(&d->listen);
	if (d->loop != NULL)
		loop_free(&d->loop);
	if (d->tls != NULL)
		tls_holder_free(&d->tls);
	conn_limit_free(&d->limit);
	share_log_end();
	share_free(&d->share);
	accounts_free(&d->accounts);
	conf_unref(&d->conf);
	pthread_mutex_destroy(&d->lock);
}

int
daemon_run(const struct daemon_role *r, struct options *o)
{
	struct daemon *d = calloc(1, sizeof *d);
	sigset_t signals;
	struct err e;
	int status = 0;

	if (d == NULL)
		abort();
	d->role = r;
	d->options = o;
	d->signals = -1;
	d->born_ms = clock_mono_ms();
	d->limit = conn_limit_new();
	d->share = share_new();
	share_log_begin(d->share);
	pthread_mutex_init(&d->lock, NULL);
	block_signals(&signals);
	if (daemon_open(d, &e) && start(d, &signals, &e)) {
		log_fact(LOG_INFO, "daemon.ready",
		    "pid=%d version=" VERSION " workers=%u accounts=%s", (int)getpid(),
		    workers_count(d->workers), log_str(d->conf->accounts));
		loop_run(d->loop);
		end(d);
		log_fact(LOG_INFO, "daemon.stopped", "status=0");
	} else {
		end(d);
		status = options_fail(o, &e);
	}
	free(d);
	return status;
}

/* -- what the role asks for ------------------------------------------------------------------ */

struct conf *
daemon_conf(struct daemon *d)
{
	struct conf *c;

	pthread_mutex_lock(&d->lock);
	c = conf_ref(d->conf);
	pthread_mutex_unlock(&d->lock);
	return c;
}

struct accounts *
daemon_accounts(struct daemon *d)
{
	return d->accounts;
}

struct loop *
daemon_loop(struct daemon *d)
{
	return d->loop;
}

struct workers *
daemon_workers(struct daemon *d)
{
	return d->workers;
}

const struct daemon_worker *
daemon_worker(struct daemon *d, unsigned n)
{
	return &d->worker[n];
}

struct offload *
daemon_offload(struct daemon *d)
{
	return d->offload;
}

struct tls_holder *
daemon_tls(struct daemon *d)
{
	return d->tls;
}

struct conn_limit *
daemon_limit(struct daemon *d)
{
	return d->limit;
}

struct share *
daemon_share(struct daemon *d)
{
	return d->share;
}
