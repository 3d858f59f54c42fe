/* daemon — runs a role until it is told to stop; see daemon.h.  Its start is in daemon_open.c. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/auth/signin.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/conf/conf_keys.h"
#include "common/daemon/accounts_missing.h"
#include "common/daemon/daemon_private.h"
#include "common/daemon/held_back.h"
#include "common/dns/dns.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/loop/workers.h"
#include "common/net/conn.h"
#include "common/net/conn_limit.h"
#include "common/net/listen.h"
#include "common/revoke/crl_fetch.h"
#include "common/share/share.h"
#include "common/share/share_log.h"
#include "common/spf/spf_home.h"

/* -- stopping -------------------------------------------------------------------------------- */

static void
close_daemon(struct daemon *d)
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
	close_daemon(arg);
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

/* -- what the control socket is asked ---------------------------------------------------------- */

static void
put_trust(const struct daemon *d, struct json *o)
{
	struct tls *t = tls_holder_get(d->tls);

	json_put_int(o, "trusted_cas", trust_count(tls_trust(t)));
	json_put_int(o, "crls", trust_crl_count(tls_trust(t)));
	json_put_int(o, "trust_files_skipped", trust_skipped(tls_trust(t)));
	tls_unref(&t);
}

struct status {
	struct control_request *request;
	struct json *line;
};

static void
show_status(void *arg)
{
	struct status *s = arg;

	control_line_take(s->request, s->line);
	control_end(s->request, NULL);
	free(s);
}

static void
do_status(void *arg, struct control_request *r, const struct json *request)
{
	struct daemon *d = arg;
	struct json *o = json_new(), *domains = json_list();
	struct status *s = memory_new(sizeof *s);

	(void)request;
	*s = (struct status) { r, o };
	json_put_str(o, "program", d->role->name);
	json_put_str(o, "version", VERSION);
	json_put_int(o, "pid", getpid());
	json_put_int(o, "up_s", (clock_mono_ms() - d->born_ms) / 1000);
	json_put_str(o, "configuration", d->conf->file);
	json_put_int(o, "workers", workers_count(d->workers));
	json_put_int(o, "connections", listen_open_count(d->listen));
	for (size_t i = 0; i < d->conf->n_domains; i++)
		json_push_str(domains, d->conf->domains[i].name.text);
	json_put_take(o, "domains", domains);
	put_trust(d, o);
	held_back_put(d->share, clock_mono_ms(), o);
	accounts_missing_put(d->options, d->conf, d->accounts, o);
	if (d->role->status != NULL)
		d->role->status(d->state, o, show_status, s);
	else
		show_status(s);
}

static void
do_stop(void *arg, struct control_request *r, const struct json *request)
{
	(void)request;
	control_end(r, NULL);
	daemon_stop(arg);
}

static void
reload(struct daemon *d)
{
	struct buf late = BUF_INIT;
	struct err e;

	if (daemon_reload(d, &late, &e))
		log_fact(LOG_INFO, "daemon.reloaded", "file=%s", log_str(d->conf->file));
	else
		log_fact(LOG_ERROR, "daemon.reload_failed", "why=%s text=%s", refusal_word(e.why),
		    log_str(e.text));
	buf_clear(&late);
}

static void
do_reload(void *arg, struct control_request *r, const struct json *request)
{
	struct daemon *d = arg;
	struct buf late = BUF_INIT;
	struct json *line;
	struct err e;
	bool ok = daemon_reload(d, &late, &e);

	(void)request;
	if (ok && late.len > 0) {
		line = json_new();
		json_put_span(line, "restart_wanted", buf_span(&late));
		control_line_take(r, line);
	}
	buf_clear(&late);
	log_fact(ok ? LOG_INFO : LOG_ERROR, ok ? "daemon.reloaded" : "daemon.reload_failed",
	    "by=control");
	control_end(r, ok ? NULL : &e);
}

/* The configuration in force, a line of the file's form at a time. */
static void
do_configuration(void *arg, struct control_request *r, const struct json *request)
{
	struct daemon *d = arg;
	struct buf text = BUF_INIT;
	struct span rest;
	struct json *line;

	(void)request;
	conf_print(d->conf, false, &text);
	for (rest = buf_span(&text); rest.n > 0;) {
		line = json_new();
		json_put_span(line, "line", span_cut(&rest, '\n'));
		control_line_take(r, line);
	}
	buf_clear(&text);
	control_end(r, NULL);
}

static const struct control_verb verbs[] = {
	{ "configuration", do_configuration },
	{ "status", do_status },
	{ "stop", do_stop },
	{ "reload", do_reload },
	{ NULL, NULL },
};

/* -- upkeep, on the main thread ---------------------------------------------------------------- */

#define FIRST_SWEEP_MS 1000 /* after the start: much may have expired meanwhile */

static void
review(void *arg)
{
	signin_desk_review(arg);
}

/* Ends the sessions of removed users on all workers, and starts a sweep, since the time of some may be
 * over. */
static void
review_sessions(struct daemon *d)
{
	uint64_t reading = accounts_reading(d->accounts);

	if (reading == d->accounts_reading)
		return;
	d->accounts_reading = reading;
	for (unsigned i = 0; i < workers_count(d->workers); i++)
		loop_post(workers_loop(d->workers, i), review, d->worker[i].desk);
	if (!d->sweeping)
		loop_timer_set_ms(d->sweep, 0);
}

static void
on_look(void *arg)
{
	struct daemon *d = arg;
	struct err e;

	if (!accounts_refresh(d->accounts, &e))
		log_fact(LOG_ERROR, "accounts.damaged", "text=%s", log_str(e.text));
	review_sessions(d);
	share_log_tell(d->share, loop_now_ms(d->loop));
	loop_timer_set_ms(d->look, DAEMON_ACCOUNTS_MS);
}

static void
swept(void *arg, const struct err *e)
{
	struct daemon *d = arg;

	if (e != NULL)
		log_fact(LOG_ERROR, "store.sweep", "word=%s text=%s", refusal_word(e->why),
		    log_str(e->text));
	d->sweeping = false;
	if (d->sweep != NULL)
		loop_timer_set_ms(d->sweep, d->role->sweep_ms);
}

static void
on_sweep(void *arg)
{
	struct daemon *d = arg;

	d->sweeping = true;
	d->role->sweep(d->state, swept, d);
}

static void
begin_upkeep(struct daemon *d)
{
	d->look = loop_timer_new(d->loop, on_look, d);
	d->sweep = loop_timer_new(d->loop, on_sweep, d);
	loop_timer_set_ms(d->look, DAEMON_ACCOUNTS_MS);
	loop_timer_set_ms(d->sweep, FIRST_SWEEP_MS);
}

static void
end_upkeep(struct daemon *d)
{
	loop_timer_free(&d->look);
	loop_timer_free(&d->sweep);
}

/* -- each worker's tools ----------------------------------------------------------------------- */

static bool
make_tools(struct daemon *d, struct err *e)
{
	unsigned n = workers_count(d->workers);
	struct dns *dns[WORKERS_MAX];
	struct spf_home *spf[WORKERS_MAX];

	d->worker = memory_array(n, sizeof *d->worker);
	for (unsigned i = 0; i < n; i++) {
		struct daemon_worker *w = &d->worker[i];

		w->loop = workers_loop(d->workers, i);
		w->desk = signin_desk_new(w->loop, d->accounts, d->share, d->offload);
		if (!dns_new(&w->dns, w->loop, d->conf->resolver, e))
			return false;
		dns_set_share(w->dns, d->share);
		dns[i] = w->dns;
	}
	spf_homes_new(d->workers, dns, spf);
	for (unsigned i = 0; i < n; i++)
		d->worker[i].spf = spf[i];
	return true;
}

static void
free_tools(struct daemon *d)
{
	for (unsigned i = 0; d->worker != NULL && i < workers_count(d->workers); i++) {
		struct daemon_worker *w = &d->worker[i];

		if (w->spf != NULL)
			spf_home_free(&w->spf);
		if (w->dns != NULL)
			dns_free(&w->dns);
		signin_desk_free(&w->desk);
		if (w->loop != NULL)
			loop_drain(w->loop);
	}
	free(d->worker);
	d->worker = NULL;
}

/* -- signals --------------------------------------------------------------------------------- */

/* Blocks the signals in every thread; one thread reads them.  Call it before any thread is made. */
static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
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
			reload(d);
		else
			close_daemon(d);
	}
}

bool
daemon_must_stop(void *arg)
{
	sigset_t waiting;

	(void)arg;
	return sigpending(&waiting) == 0 &&
	    (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1);
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

/* The workers' threads start last.  Until then this thread may use their loops (loop.h) and sets them up. */
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
	if (!start_crl_fetch(d, e) || !make_tools(d, e) || !d->role->start(d, &d->state, e))
		return false;
	control_add(d->control, verbs, d);
	if (d->role->control != NULL)
		control_add(d->control, d->role->control, d->state);
	control_serve(d->control);
	if (!loop_fd_want(d->signals_watch, LOOP_READ))
		return err_set_errno(e, REFUSAL_os_error, errno, "signals cannot be watched");
	begin_upkeep(d);
	return workers_start(d->workers, e) && listen_start(d->listen, d->workers, e);
}

/* Undoes open and start.  The threads end first, so that this one may touch everything. */
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
	end_upkeep(d);
	if (d->state != NULL)
		d->role->stop(&d->state);
	free_tools(d);
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
	struct daemon *d = memory_new(sizeof *d);
	sigset_t signals;
	struct err e;
	int status = 0;

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
		if (e.why == REFUSAL_closing && daemon_must_stop(NULL))
			log_fact(LOG_INFO, "daemon.stopped", "status=0");
		else
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

void
daemon_crl_wanted(void *arg, const struct chain *c, const struct judgement *j)
{
	crl_fetch_wanted(((struct daemon *)arg)->crl_fetch, c, j);
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
