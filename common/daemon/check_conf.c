/* check_conf — the verb `check`; see check_conf.h. */
#include "common/daemon/check_conf.h"
#include "common/daemon/accounts_missing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/conf/conf_keys.h"
#include "common/conf/conf_listens.h"
#include "common/daemon/ask.h"
#include "common/daemon/check_host.h"
#include "common/daemon/daemon_private.h"
#include "common/dns/dns_resolver.h"
#include "common/net/bind.h"
#include "common/net/listen.h"
#include "common/pki/judge.h"

struct check {
	struct options *options;
	const struct daemon_role *role;
	struct conf *conf;
	struct trust *trust; /* NULL: it cannot be read */
	struct jail jail;    /* the daemon's user */
	size_t n_faults;
	struct err first;   /* of them */
	struct buf faults;  /* the others, one a line */
	struct json *notes; /* texts */
	struct buf noted;   /* the same, one a line */
};

static void
fault(struct check *c, const struct err *why)
{
	struct err e = *why;

	if (!span_starts(span_str(e.text), span_str(c->conf->file)))
		err_prefix(&e, "%s", c->conf->file);
	e.why = REFUSAL_config;
	if (c->n_faults++ == 0)
		c->first = e;
	else
		buf_addf(&c->faults, "%s\n", e.text);
}

static void note(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
note(struct check *c, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	json_push_str(c->notes, text);
	buf_addf(&c->noted, "%s: %s\n", c->conf->file, text);
}

/* -- our own certificates ----------------------------------------------------------------------- */

/* host: of this host in SMTP; else of a mail domain. */
static void
cure_of(const char *name, bool host, const struct chain *chain, enum refusal why, struct buf *out)
{
	if (why == REFUSAL_certificate_expired)
		buf_addf(out, "renew it");
	else if (why == REFUSAL_certificate_name || why == REFUSAL_certificate_wildcard) {
		buf_addf(out, "it names ");
		chain_names_list(chain, out);
		buf_addf(out, "; get one for %s", name);
		if (!host)
			buf_addf(out, " or tillcalled.%s", name);
	} else if (why == REFUSAL_certificate_untrusted)
		buf_addf(out,
		    "put the CA's intermediate certificates after it in the same file (most CAs call "
		    "that fullchain), or the CA's own certificate into the trust folder");
	else if (why == REFUSAL_certificate_early)
		buf_addf(out, "set the clock, or wait");
	else
		buf_addf(out, "get another one");
}

/* Judges the certificate as a peer would, except for revocation, which peers find out themselves. */
static void
judge_own(struct check *c, const char *name, bool host, const struct chain *chain)
{
	const struct judge_rules rules = { .domain = name, .host = host ? name : NULL };
	int64_t now_s = clock_wall_ms() / 1000, left_s = chain_not_after_s(chain) - now_s;
	struct buf cure = BUF_INIT;
	char until[CLOCK_DATE_BYTES];
	struct err e, why;

	if (c->trust != NULL && !judge_chain_by(c->trust, chain, &rules, now_s, NULL, &why) &&
	    why.why != REFUSAL_revocation_unknown) {
		cure_of(name, host, chain, why.why, &cure);
		err_set(&e, REFUSAL_config,
		    "certificate of %s: peers would refuse it, for %s [%s]: %.*s", name, why.text,
		    refusal_word(why.why), SPAN_FMT(buf_span(&cure)));
		fault(c, &e);
		buf_clear(&cure);
	} else if (left_s < CHECK_CONF_SOON_S) {
		clock_date(chain_not_after_s(chain), until);
		note(c, "the certificate of %s ends at %s, in %lld days: renew it", name, until,
		    (long long)(left_s / 86400));
	}
}

static void
check_identity(struct check *c, const struct tls_files *f, bool host)
{
	const struct guard_user u = { c->jail.uid, c->jail.gid };
	struct chain *chain = NULL;
	struct err e;

	if (tls_files_read(f, &u, &chain, &e))
		judge_own(c, f->domain, host, chain);
	else
		fault(c, &e);
	chain_unref(&chain);
}

static void
check_identities(struct check *c)
{
	const struct conf_smtp *s = &c->conf->smtp;

	for (size_t i = 0; i < c->conf->n_domains; i++) {
		const struct conf_domain *d = &c->conf->domains[i];

		check_identity(c, &(struct tls_files) { d->name.text, d->certificate, d->key },
		    false);
	}
	if (s->given)
		check_identity(c, &(struct tls_files) { s->name.text, s->certificate, s->key },
		    true);
}

/* -- the rest ----------------------------------------------------------------------------------- */

/* Only the daemon and root can read the cache; for others it is left out. */
static void
check_trust(struct check *c)
{
	const struct conf *conf = c->conf;
	const struct guard_user u = { c->jail.uid, c->jail.gid };
	char cache[CONF_PATH_BYTES];
	struct err e;

	daemon_cache(c->role, conf, cache);
	if (access(cache, R_OK | X_OK) < 0)
		cache[0] = '\0';
	if (!trust_load(conf->trust, conf->crls, cache, &u, TRUST_STRICT, &c->trust, &e))
		fault(c, &e);
	else if (trust_skipped(c->trust) > 0)
		note(c, "%u of the files and CRLs to go by would be left out; see above",
		    trust_skipped(c->trust));
}

/* Without accounts file there is nobody yet, which is said by a note. */
static void
check_postmaster(struct check *c, struct accounts *a)
{
	const char *address = c->conf->smtp.postmaster;
	struct accounts_set *set = accounts_set_get(a);
	struct err e;

	if (*address != '\0' && !accounts_are_missing(set) &&
	    accounts_find(set, span_str(address)) == NULL) {
		err_set(&e, REFUSAL_config,
		    "postmaster of smtp: there is no user %s: make one:  %s user add %s", address,
		    c->options->command.data, address);
		fault(c, &e);
	}
	/* RFC 5321 4.5.1: a server that takes mail has a postmaster */
	if (*address == '\0' && c->conf->listens[CONF_LISTEN_SMTP].n > 0) {
		err_set(&e, REFUSAL_config,
		    "postmaster of smtp: nobody reads what comes by listen-smtp for postmaster and "
		    "abuse; write: postmaster = \"USER@%s\"",
		    c->conf->domains[0].name.text);
		fault(c, &e);
	}
	accounts_set_put(&set);
}

static void
check_accounts(struct check *c)
{
	struct accounts *a = NULL;
	struct buf text = BUF_INIT;
	struct err e;

	if (!accounts_new(c->conf->accounts, &a, &e)) {
		fault(c, &e);
	} else if (!jail_can_read(&c->jail, c->conf->accounts, &e)) {
		err_prefix(&e, "accounts");
		fault(c, &e);
	} else if (accounts_missing(c->options, c->conf, NULL, &text)) {
		note(c, "%.*s", SPAN_FMT(buf_span(&text)));
	}
	if (a != NULL)
		check_postmaster(c, a);
	accounts_free(&a);
	buf_clear(&text);
}

/* False: nothing can be asked of it. */
static bool
check_resolver(struct check *c)
{
	struct dns_resolver r;
	struct buf zone = BUF_INIT;
	struct err e;
	bool good = dns_resolver_parse(&r, c->conf->resolver, &e) &&
	    (r.kind != DNS_RESOLVER_ZONE || dns_resolver_read_zone(&r, &zone, &e));

	if (!good)
		fault(c, &e);
	else if (dns_resolver_lacks_anchor(c->conf->resolver))
		note(c,
		    "DNSSEC would not be judged, for there is no root anchor: " DNS_RESOLVER_ANCHOR_CURE,
		    c->conf->resolver);
	buf_clear(&zone);
	return good;
}

static void
check_folders(struct check *c)
{
	const char *folder = c->conf->role[c->role->index].folder;
	struct err e;

	if (!daemon_folders_fit(c->role, c->conf, &c->jail, &e))
		fault(c, &e);
	else if (!jail_can_tell(&c->jail) && access(folder, F_OK) < 0)
		note(c, "%s: only root can tell whether %s can be made", c->role->folder, folder);
}

static void
note_out_of_reach(void *arg, const struct err *why)
{
	note(arg, "%s", why->text);
}

/* Binds as the start does, and listens nowhere.  runs: the daemon does, or may, and has the addresses. */
static void
check_listen(struct check *c, struct listen *l, const struct conf_key *of, const char *at,
    bool runs)
{
	struct err e;

	if (listen_open(l, at, (uint16_t)of->min, NULL, NULL, &e) || (runs && errno == EADDRINUSE))
		return;
	if (errno == EACCES && !jail_can_tell(&c->jail)) {
		note(c, "%s: only root can tell whether %s can be bound", of->name, at);
		return;
	}
	err_prefix(&e, "%s", of->name);
	fault(c, &e);
}

static void
check_addresses(struct check *c, bool runs)
{
	const struct conf_role *section = &c->conf->role[c->role->index];
	struct listen *l;
	struct err e;

	if (!listen_new(&l, &(struct listen_limits) { 0 }, &e)) {
		fault(c, &e);
		return;
	}
	for (const struct daemon_listener *of = c->role->listeners; of->accepted != NULL; of++)
		for (size_t i = 0; i < c->conf->listens[of->key].n; i++)
			check_listen(c, l, conf_key_of_listener(of->key),
			    c->conf->listens[of->key].at[i], runs);
	listen_free(&l);
	if (!bind_source_fits(section->connect_from, &e)) {
		err_prefix(&e, "connect-from");
		fault(c, &e);
	}
}

static void
check_network(struct check *c)
{
	enum control_use use;
	struct err e;

	if (!control_look(c->conf->role[c->role->index].control, &use, &e)) {
		err_prefix(&e, "control");
		fault(c, &e);
	}
	if (conf_listens_fit(c->conf, c->role->index, &e))
		check_addresses(c, use == CONTROL_ANSWERS || use == CONTROL_HIDDEN);
}

static void
fault_of_host(void *arg, const struct err *why)
{
	fault(arg, why);
}

static void
check_smtp(struct check *c, bool dns)
{
	struct err e;

	if (!bind_source_fits(c->conf->smtp.connect_from, &e)) {
		err_prefix(&e, "connect-from of smtp");
		fault(c, &e);
	}
	if (dns)
		check_host_name(&c->conf->smtp, c->conf->resolver, fault_of_host, c);
}

static void
check_all(struct check *c)
{
	struct err e;
	bool dns;

	if (!daemon_conf_fits(c->role, c->conf, &e) ||
	    !conf_listens_fit_others(c->conf, c->role->index, &e))
		fault(c, &e);
	if (jail_user(&c->jail, c->conf->user, &e)) {
		check_folders(c);
		check_accounts(c);
		check_network(c);
		check_trust(c);
		check_identities(c);
		daemon_out_of_reach(c->conf, &c->jail, note_out_of_reach, c);
	} else {
		fault(c, &e);
	}
	dns = check_resolver(c);
	if (c->conf->smtp.given)
		check_smtp(c, dns);
}

/* -- telling ------------------------------------------------------------------------------------ */

static void
show_good_json(struct check *c)
{
	struct json *j = json_new();
	struct buf out = BUF_INIT;

	json_put_str(j, "configuration", c->conf->file);
	json_put_bool(j, "good", true);
	json_put_int(j, "trusted_cas", trust_count(c->trust));
	json_put_int(j, "crls", trust_crl_count(c->trust));
	json_put_int(j, "trust_files_skipped", trust_skipped(c->trust));
	json_put_bool(j, "dnssec_anchor_missing", dns_resolver_lacks_anchor(c->conf->resolver));
	json_put_take(j, "notes", c->notes);
	c->notes = NULL;
	json_write(j, &out);
	printf("%.*s\n", SPAN_FMT(buf_span(&out)));
	json_free(&j);
	buf_clear(&out);
}

static void
show_good(struct check *c)
{
	struct buf out = BUF_INIT;

	if (c->options->json) {
		show_good_json(c);
		return;
	}
	if (c->options->verbose)
		conf_print(c->conf, true, &out);
	else
		buf_addf(&out, "%s: no fault found\n", c->conf->file);
	buf_add(&out, c->noted.data, c->noted.len);
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
}

/* options_fail prints the first. */
static int
show_faults(struct check *c)
{
	if (!c->options->json && c->faults.len > 0)
		fwrite(c->faults.data, 1, c->faults.len, stderr);
	return options_fail(c->options, &c->first);
}

const struct options_option check_conf_options[] = {
	{ "running", 0, NULL, "show the configuration that the running daemon has in force" },
	{ NULL, 0, NULL, NULL },
};

static void
show_in_force(void *arg, const struct json *line)
{
	const char *text = json_get_str(line, "line");

	(void)arg;
	printf("%s\n", text == NULL ? "" : text);
}

int
check_conf(struct options *o, const struct daemon_role *r)
{
	const struct ask in_force = { "configuration", r->index, show_in_force, NULL, false };
	struct check c = { .options = o, .role = r };
	int status = 0;
	struct err e;

	if (options_has(o, "running"))
		return ask_daemon(o, &in_force, NULL);
	if (!daemon_load_conf(o, &c.conf, &e))
		return options_fail(o, &e);
	c.notes = json_list();
	check_all(&c);
	if (c.n_faults == 0)
		show_good(&c);
	else
		status = show_faults(&c);
	trust_unref(&c.trust);
	conf_unref(&c.conf);
	buf_clear(&c.faults);
	buf_clear(&c.noted);
	json_free(&c.notes);
	return status;
}
