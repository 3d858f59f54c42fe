/* daemon_control — what a running daemon is told: status, stop, reload; see daemon.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/conf/conf_keys.h"
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

/* What cannot change while we run stays as it is, and is named. */
static void
keep_late(const struct daemon *d, struct conf *fresh, struct buf *late)
{
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (!k->late ||
		    (k->section != CONF_ROOT && k->section != CONF_OMS + d->role->index))
			continue;
		if (conf_key_keep(k, fresh, d->conf))
			buf_addf(late, "%s%s", late->len > 0 ? " " : "", k->name);
	}
}

/* late: the keys that were changed and want a restart. */
static bool
reload(struct daemon *d, struct buf *late, struct err *e)
{
	struct conf *fresh = NULL, *old;
	struct tls_files *files;
	struct tls_settings s;
	bool ok;

	if (!conf_load(d->conf->file, CONF_FOR_RELOAD, &fresh, NULL, e))
		return false;
	s = daemon_tls_settings(d, fresh, &files);
	ok = daemon_conf_fits(d->role, fresh, e) && tls_holder_reload(d->tls, &s, e);
	free(files);
	if (!ok) {
		conf_unref(&fresh);
		return false;
	}
	keep_late(d, fresh, late);
	if (late->len > 0)
		log_fact(LOG_WARN, "daemon.restart_wanted", "changed=%s",
		    log_value(buf_span(late)));
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
	struct buf late = BUF_INIT;
	struct err e;

	if (reload(d, &late, &e))
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
	bool ok = reload(d, &late, &e);

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
	conf_print(d->conf, &text);
	for (rest = buf_span(&text); rest.n > 0;) {
		line = json_new();
		json_put_span(line, "line", span_cut(&rest, '\n'));
		control_line_take(r, line);
	}
	buf_clear(&text);
	control_end(r, NULL);
}

const struct control_verb daemon_verbs[] = {
	{ "configuration", do_configuration },
	{ "status", do_status },
	{ "stop", do_stop },
	{ "reload", do_reload },
	{ NULL, NULL },
};
