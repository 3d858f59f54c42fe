/* daemon_control — what a running daemon is told: status, stop, reload; see daemon.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/daemon_private.h"
#include "common/daemon/held_back.h"
#include "common/loop/workers.h"
#include "common/net/listen.h"

static void
put_trust(const struct daemon *d, struct json *o)
{
	struct tls *t = tls_holder_get(d->tls);

	json_put_int(o, "trusted_cas", trust_count(tls_trust(t)));
	json_put_int(o, "crls", trust_crl_count(tls_trust(t)));
	json_put_int(o, "trust_files_skipped", trust_skipped(tls_trust(t)));
	tls_unref(&t);
}

static void
do_status(void *arg, struct control_request *r, const struct json *request)
{
	struct daemon *d = arg;
	struct json *o = json_new(), *domains = json_list();

	(void)request;
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
	if (d->role->status != NULL)
		d->role->status(d->state, o);
	control_line_take(r, o);
	control_end(r, NULL);
}

static void
do_stop(void *arg, struct control_request *r, const struct json *request)
{
	(void)request;
	control_end(r, NULL);
	daemon_stop(arg);
}

/* The same text in the same order; what is not given is zero. */
static bool
same_listens(const struct conf_listens *a, const struct conf_listens *b)
{
	return a->given == b->given && a->n == b->n && memcmp(a->at, b->at, sizeof a->at) == 0;
}

/* What cannot change while we run. */
static const char *
wants_restart(const struct daemon *d, const struct conf *fresh)
{
	const struct conf *old = d->conf;
	const struct conf_role *was = daemon_section(d, old), *is = daemon_section(d, fresh);

	if (strcmp(was->folder, is->folder) != 0)
		return "the folder";
	if (strcmp(was->control, is->control) != 0)
		return "control";
	for (const struct daemon_listener *l = d->role->listeners; l->name != NULL; l++)
		if (!same_listens(daemon_listens(l, was), daemon_listens(l, is)))
			return l->name;
	if (strcmp(old->user, fresh->user) != 0)
		return "user";
	if (strcmp(old->accounts, fresh->accounts) != 0)
		return "accounts";
	if (old->workers != fresh->workers)
		return "workers";
	if (old->log_level != fresh->log_level)
		return "log-level";
	if (old->crl_refresh_s != fresh->crl_refresh_s)
		return "crl-refresh";
	if (old->allow_private_crl_hosts != fresh->allow_private_crl_hosts)
		return "allow-private-crl-hosts";
	return NULL;
}

static bool
reload(struct daemon *d, struct err *e)
{
	struct conf *fresh = NULL, *old;
	struct tls_files *files;
	struct tls_settings s;
	const char *late;
	bool ok;

	if (!conf_load(d->conf->file, CONF_FOR_RUN, &fresh, NULL, e))
		return false;
	if (!daemon_section(d, fresh)->given) {
		conf_unref(&fresh);
		return err_set(e, REFUSAL_config, "there is no section %s any more", d->role->name);
	}
	s = daemon_tls_settings(d, fresh, &files);
	ok = tls_holder_reload(d->tls, &s, e);
	free(files);
	if (!ok) {
		conf_unref(&fresh);
		return false;
	}
	late = wants_restart(d, fresh);
	if (late != NULL)
		log_fact(LOG_WARN, "daemon.restart_wanted", "changed=%s", log_str(late));
	pthread_mutex_lock(&d->lock);
	old = d->conf;
	d->conf = fresh;
	pthread_mutex_unlock(&d->lock);
	conf_unref(&old);
	return true;
}

void
daemon_reload(struct daemon *d)
{
	struct err e;

	if (reload(d, &e))
		log_fact(LOG_INFO, "daemon.reloaded", "file=%s", log_str(d->conf->file));
	else
		log_fact(LOG_ERROR, "daemon.reload_failed", "why=%s text=%s", refusal_word(e.why),
		    log_str(e.text));
}

static void
do_reload(void *arg, struct control_request *r, const struct json *request)
{
	struct daemon *d = arg;
	struct err e;
	bool ok = reload(d, &e);

	(void)request;
	log_fact(ok ? LOG_INFO : LOG_ERROR, ok ? "daemon.reloaded" : "daemon.reload_failed",
	    "by=control");
	control_end(r, ok ? NULL : &e);
}

const struct control_verb daemon_verbs[] = {
	{ "status", do_status },
	{ "stop", do_stop },
	{ "reload", do_reload },
	{ NULL, NULL },
};
