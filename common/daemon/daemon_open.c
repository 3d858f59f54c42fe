/* daemon_open — everything from the configuration to the jail, and the reload; see daemon.h. */
#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/conf/conf_keys.h"
#include "common/conf/conf_listens.h"
#include "common/daemon/accounts_missing.h"
#include "common/daemon/daemon_private.h"
#include "common/dns/dns_resolver.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/loop/workers.h"
#include "common/net/bind.h"
#include "common/net/listen.h"
#include "common/share/share.h"

#define FILES_MAX (1 << 20) /* descriptors asked for, where the system lets us */

bool
daemon_load_conf(const struct options *o, struct conf **out, struct err *e)
{
	struct buf faults = BUF_INIT;
	bool ok = conf_load(conf_path(o->conf_file), CONF_FOR_RUN, out, &faults, e);
	struct span rest = buf_span(&faults);

	if (!ok && !o->json) {
		span_cut(&rest, '\n'); /* the caller prints the first */
		if (rest.n > 0)
			fprintf(stderr, "%.*s", SPAN_FMT(rest));
	}
	buf_clear(&faults);
	return ok;
}

static bool
no_section(const struct daemon_role *r, const struct conf *c, struct err *e)
{
	struct buf lines = BUF_INIT;

	for (const struct daemon_listener *l = r->listeners; l->accepted != NULL; l++) {
		const struct conf_key *k = conf_key_of_listener(l->key);

		if (k->fallback == NULL)
			buf_addf(&lines, "%s = { \"0.0.0.0\", \"::\" } ", k->name);
	}
	err_set(e, REFUSAL_config, "%s: there is no section %s; write: %s { %.*s}", c->file,
	    r->name, r->name, SPAN_FMT(buf_span(&lines)));
	buf_clear(&lines);
	return false;
}

bool
daemon_conf_fits(const struct daemon_role *r, const struct conf *c, struct err *e)
{
	if (!c->role[r->index].given)
		return no_section(r, c, e);
	for (const struct daemon_listener *l = r->listeners; l->accepted != NULL; l++) {
		const struct conf_key *k = conf_key_of_listener(l->key);

		if (k->fallback == NULL && !c->listens[l->key].given)
			return err_set(e, REFUSAL_config,
			    "%s: %s has no %s; write: %s = "
			    "{ \"0.0.0.0\", \"::\" } for all addresses of this host, or \"none\"",
			    c->file, r->name, k->name, k->name);
		if (l->smtp && c->listens[l->key].n > 0 && !c->smtp.given)
			return err_set(e, REFUSAL_config,
			    "%s: %s has %s, and there is no section smtp, which names this host; write: "
			    "smtp { name = \"mail.example.org\" ... }",
			    c->file, r->name, k->name);
	}
	return conf_listens_fit(c, r->index, e);
}

void
daemon_cache(const struct daemon_role *r, const struct conf *c, char out[CONF_PATH_BYTES])
{
	snprintf(out, CONF_PATH_BYTES, "%.*s/crl-cache", CONF_PATH_BYTES - 16,
	    c->role[r->index].folder);
}

/* Each connection is a descriptor. */
static void
raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max < FILES_MAX ? r.rlim_max : FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

bool
daemon_folders_fit(const struct daemon_role *r, const struct conf *c, const struct jail *j,
    struct err *e)
{
	const struct conf_role *section = &c->role[r->index];
	char cache[CONF_PATH_BYTES];
	struct stat st;

	daemon_cache(r, c, cache);
	if (!jail_folder_fits(j, section->folder, e) ||
	    (lstat(cache, &st) == 0 && !jail_folder_fits(j, cache, e)))
		return err_prefix(e, "%s", r->folder);
	return lstat(section->control, &st) == 0 || jail_can_make(j, section->control, e) ||
	    err_prefix(e, "control");
}

static bool
make_folders(struct daemon *d, struct err *e)
{
	const char *folder = daemon_section(d, d->conf)->folder;
	char copy[CONF_PATH_BYTES];
	struct stat st;

	daemon_cache(d->role, d->conf, d->cache);
	if (!daemon_folders_fit(d->role, d->conf, &d->jail, e))
		return false;
	if (!jail_parents(&d->jail, folder, e) || !jail_folder(&d->jail, d->cache, e))
		return false;
	snprintf(copy, sizeof copy, "%s", daemon_section(d, d->conf)->control);
	return stat(dirname(copy), &st) == 0 || jail_parents(&d->jail, copy, e);
}

struct tls_settings
daemon_tls_settings(const struct daemon *d, const struct conf *c, struct tls_files **files)
{
	struct tls_files *host;

	*files = memory_array(c->n_domains + 1, sizeof **files);
	host = &(*files)[c->n_domains];
	*host = (struct tls_files) { c->smtp.name.text, c->smtp.certificate, c->smtp.key };
	for (size_t i = 0; i < c->n_domains; i++)
		(*files)[i] = (struct tls_files) { c->domains[i].name.text,
			c->domains[i].certificate, c->domains[i].key };
	return (struct tls_settings) {
		.trust = c->trust,
		.crls = c->crls,
		.cache = d->cache,
		.user = { d->jail.uid, d->jail.gid },
		.identities = *files,
		.n_identities = c->n_domains,
		.host = c->smtp.given ? host : NULL,
	};
}

static bool
open_tls(struct daemon *d, struct err *e)
{
	struct tls_files *files;
	struct tls_settings s = daemon_tls_settings(d, d->conf, &files);
	bool ok = tls_holder_new(&d->tls, &s, e);

	free(files);
	return ok;
}

static void
on_accepted(void *arg, unsigned worker, struct listen_incoming *in)
{
	const struct daemon_entry *entry = arg;

	entry->listener->accepted(entry->daemon->state, entry->daemon, worker, in);
}

static bool
bind_all(struct daemon *d, struct err *e)
{
	if (!listen_new(&d->listen, &(struct listen_limits) { 0 }, e))
		return false;
	for (const struct daemon_listener *l = d->role->listeners; l->accepted != NULL; l++) {
		const struct conf_key *k = conf_key_of_listener(l->key);
		const struct conf_listens *at = &d->conf->listens[l->key];

		d->entries[l->key] = (struct daemon_entry) { d, l };
		for (size_t i = 0; i < at->n; i++)
			if (!listen_open(d->listen, at->at[i], (uint16_t)k->min, on_accepted,
				&d->entries[l->key], e))
				return err_prefix(e, "%s", k->name);
	}
	return bind_source_fits(daemon_section(d, d->conf)->connect_from, e) ||
	    err_prefix(e, "connect-from");
}

static bool
bind_control(struct daemon *d, struct err *e)
{
	return (control_new(d->loop, daemon_section(d, d->conf)->control, &d->control, e) &&
		   (!d->jail.drop || control_give(d->control, d->jail.uid, d->jail.gid, e))) ||
	    err_prefix(e, "control");
}

/* of: the domain or host that they are of. */
static void
files_out_of_reach(const struct jail *j, const char *of, const char *certificate, const char *key,
    void (*report_file)(void *arg, const struct err *why), void *arg)
{
	struct err e;

	if (jail_can_read(j, certificate, &e) && jail_can_read(j, key, &e))
		return;
	err_prefix(&e, "a renewed certificate of %s needs a restart", of);
	report_file(arg, &e);
}

void
daemon_out_of_reach(const struct conf *c, const struct jail *j,
    void (*report_file)(void *arg, const struct err *why), void *arg)
{
	struct err e;

	for (size_t i = 0; i < c->n_domains; i++)
		files_out_of_reach(j, c->domains[i].name.text, c->domains[i].certificate,
		    c->domains[i].key, report_file, arg);
	if (c->smtp.given)
		files_out_of_reach(j, c->smtp.name.text, c->smtp.certificate, c->smtp.key,
		    report_file, arg);
	if (c->role[CONF_ROLE_OMS].given && *c->smtp_out.password != '\0' &&
	    !jail_can_read(j, c->smtp_out.password, &e)) {
		err_prefix(&e, "smtp-out-password is read at each session");
		report_file(arg, &e);
	}
	if (!jail_can_read(j, c->trust, &e) ||
	    (*c->crls != '\0' && !jail_can_read(j, c->crls, &e))) {
		err_prefix(&e, "renewed CAs and CRLs need a restart");
		report_file(arg, &e);
	}
}

static void
log_out_of_reach(void *arg, const struct err *why)
{
	(void)arg;
	log_fact(LOG_WARN, "daemon.out_of_reach", "text=%s", log_str(why->text));
}

/* Privileges are dropped.  The accounts are read again all the time. */
static bool
check_reach(const struct daemon *d, struct err *e)
{
	const struct conf *c = d->conf;
	struct buf text = BUF_INIT;

	if (!jail_can_read(&d->jail, c->accounts, e))
		return err_prefix(e, "accounts");
	if (accounts_missing(d->options, c, d->accounts, &text)) {
		buf_add(&text, "", 1);
		log_fact(LOG_WARN, "accounts.missing", "text=%s", log_str(text.data));
	}
	if (dns_resolver_lacks_anchor(c->resolver)) {
		buf_reset(&text);
		buf_addf(&text,
		    "DNSSEC is not judged, for there is no root anchor: " DNS_RESOLVER_ANCHOR_CURE,
		    c->resolver);
		buf_add(&text, "", 1);
		log_fact(LOG_WARN, "dns.no-anchor", "cure=%s", log_str(text.data));
	}
	buf_clear(&text);
	daemon_out_of_reach(c, &d->jail, log_out_of_reach, NULL);
	return true;
}

/* With a clock that is years slow, every revoked certificate would still be good. */
static bool
check_clock(struct err *e)
{
	int64_t now_s = clock_wall_ms() / 1000;
	char date[CLOCK_DATE_BYTES];

	if (!RULE(clock_wrong) || now_s >= CLOCK_EARLIEST_S)
		return true;
	clock_date(now_s, date);
	return err_set(e, REFUSAL_clock_wrong,
	    "the clock says %s, before this program was made: set it", date);
}

bool
daemon_open(struct daemon *d, struct err *e)
{
	enum log_level level;

	if (!daemon_load_conf(d->options, &d->conf, e) || !daemon_conf_fits(d->role, d->conf, e))
		return false;
	level = d->options->verbose ? LOG_DEBUG
	    : d->options->quiet     ? LOG_ERROR
				    : d->conf->log_level;
	log_open(d->role->name, level);
	raise_limit();
	daemon_set_shares(d->share, d->conf);
	return check_clock(e) && jail_check(&d->jail, d->conf->user, e) && make_folders(d, e) &&
	    accounts_new(d->conf->accounts, &d->accounts, e) && open_tls(d, e) &&
	    loop_new(&d->loop, e) && workers_new(&d->workers, (unsigned)d->conf->workers, e) &&
	    offload_new(&d->offload, DAEMON_OFFLOAD_THREADS, e) && bind_all(d, e) &&
	    bind_control(d, e) && jail_enter(&d->jail, e) && check_reach(d, e);
}

void
daemon_set_shares(struct share *s, const struct conf *c)
{
	struct share_limits l = {
		.sessions = c->peer_connections,
		.questions = c->peer_questions,
		.unknown = c->role[CONF_ROLE_IMS].unknown_recipients,
		.guesses = c->password_guesses,
	};

	share_limit(s, &l);
}

/* -- again ------------------------------------------------------------------------------------- */

/* Keeps the values that cannot change while we run, and names them. */
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

bool
daemon_reload(struct daemon *d, struct buf *late, struct err *e)
{
	struct conf *fresh = NULL, *old;
	struct tls_files *files;
	struct tls_settings s;
	bool ok;

	if (!conf_load(d->conf->file, CONF_FOR_RELOAD, &fresh, NULL, e))
		return false;
	s = daemon_tls_settings(d, fresh, &files);
	ok = daemon_conf_fits(d->role, fresh, e) &&
	    (bind_source_fits(daemon_section(d, fresh)->connect_from, e) ||
		err_prefix(e, "connect-from")) &&
	    tls_holder_reload(d->tls, &s, e);
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
	daemon_set_shares(d->share, fresh);
	conf_unref(&old);
	return true;
}
