/* check_peer — from the domain's name to its hosts, and SPF; see check_peer.h. */
#include "common/daemon/check_peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/daemon/check_peer_private.h"
#include "common/daemon/check_spf.h"
#include "common/daemon/jail.h"
#include "common/loop/loop.h"
#include "common/text/address_text.h"
#include "common/text/idn.h"
#include "common/text/json.h"

const struct options_option check_peer_options[] = {
	{ "as", 0, "D", "as which of our domains; else the first of the configuration" },
	{ NULL, 0, NULL, NULL },
};

struct search {
	struct check_peer *peer;
	const char *service;
	struct check_hosts *hosts;
	struct err why;
};

/* -- saying ---------------------------------------------------------------------------------------- */

static void
say_json(const struct check_peer *p, const char *level, const char *what, const struct err *why,
    const char *text)
{
	struct json *j = json_new();
	struct buf line = BUF_INIT;

	json_put_str(j, "peer", p->domain.text);
	json_put_str(j, "result", level);
	json_put_str(j, "what", what);
	json_put_str(j, "text", text);
	if (why != NULL) {
		json_put_str(j, "word", refusal_word(why->why));
		json_put_bool(j, "temporary", refusal_temporary(why->why));
		json_put_str(j, "why", why->text);
	}
	json_write(j, &line);
	printf("%.*s\n", SPAN_FMT(buf_span(&line)));
	buf_clear(&line);
	json_free(&j);
}

void
check_say(struct check_peer *p, enum check_level level, const char *what, const struct err *why,
    const char *fmt, ...)
{
	static const char *const words[] = { "ok", "note", "FAIL" };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->failures += level == CHECK_FAIL;
	if (p->options->json)
		say_json(p, words[level], what, why, text);
	else if (why != NULL)
		printf("%-4s  %-12s %s%s%s [%s]\n", words[level], what, text,
		    *text != '\0' ? ": " : "", why->text, refusal_word(why->why));
	else if (level != CHECK_OK || !p->options->quiet)
		printf("%-4s  %-12s %s\n", words[level], what, text);
	fflush(stdout);
}

/* -- who is designated ----------------------------------------------------------------------------- */

static void
add_host(struct check_hosts *hosts, const char *name, const struct sockaddr_storage *address)
{
	struct check_host *h;

	if (hosts->n == CHECK_PEER_HOSTS_MAX)
		return;
	h = &hosts->at[hosts->n++];
	snprintf(h->name, sizeof h->name, "%s", name);
	h->address = *address;
}

static void
tell_target(struct search *s, const struct designation_target *t, bool secure)
{
	struct buf addresses = BUF_INIT;
	char text[ADDRESS_HOST_BYTES];

	for (size_t i = 0; i < t->n; i++) {
		address_host(&t->address[i], text);
		buf_addf(&addresses, "%s%s", i > 0 ? ", " : "", text);
		add_host(s->hosts, t->host, &t->address[i]);
	}
	check_say(s->peer, CHECK_OK, "designation", NULL,
	    "%s: %s port %u, priority %u, weight %u: %.*s%s", s->service, t->host,
	    (unsigned)t->port, (unsigned)t->priority, (unsigned)t->weight,
	    SPAN_FMT(buf_span(&addresses)), secure ? " (DNSSEC)" : "");
	buf_clear(&addresses);
}

static void
on_found(void *arg, const struct designation *d, const struct err *why)
{
	struct search *s = arg;

	if (why != NULL)
		s->why = *why;
	for (size_t i = 0; why == NULL && i < d->n; i++)
		tell_target(s, &d->targets[i], d->secure);
	loop_stop(s->peer->loop);
}

/* False: *why is set. */
static bool
find(struct check_peer *p, const char *service, struct check_hosts *hosts, struct err *why)
{
	struct search s = { p, service, hosts, { .why = REFUSAL_NONE } };

	hosts->n = 0;
	(void)designation_find(p->dns, service, p->domain.text, p->conf->allow_private_peers,
	    on_found, &s);
	loop_run(p->loop);
	if (s.why.why == REFUSAL_NONE)
		return true;
	*why = s.why;
	return false;
}

/* -- SPF of those that send for it ----------------------------------------------------------------- */

static void
check_sender(struct check_peer *p, const struct check_host *h, bool *told)
{
	char address[ADDRESS_HOST_BYTES];
	struct check_spf c;
	struct err e;

	address_host(&h->address, address);
	if (!check_spf_run(&c, p->conf->resolver, address, h->name, p->domain.text, &e)) {
		check_say(p, CHECK_FAIL, "spf", &e, "%s", address);
	} else {
		if (!*told && c.record.len > 0)
			check_say(p, CHECK_NOTE, "spf", NULL, "%.*s",
			    SPAN_FMT(buf_span(&c.record)));
		*told = true;
		if (spf_accept(&c.verdict, &e))
			check_say(p, CHECK_OK, "spf", NULL, "%s (%s): pass", address, h->name);
		else
			check_say(p, CHECK_FAIL, "spf", &e, "%s (%s)", address, h->name);
	}
	check_spf_clear(&c);
}

static void
check_senders(struct check_peer *p, const struct check_hosts *connected)
{
	struct check_hosts *senders = calloc(1, sizeof *senders);
	struct err why;
	bool told = false;

	if (senders == NULL)
		abort();
	if (strcmp(p->role->service, DESIGNATION_FETCH) == 0)
		*senders = *connected;
	else if (!find(p, DESIGNATION_FETCH, senders, &why))
		check_say(p, refusal_temporary(why.why) ? CHECK_FAIL : CHECK_NOTE, "designation",
		    &why, "%s: letters from there could not be fetched", DESIGNATION_FETCH);
	for (size_t i = 0; i < senders->n; i++)
		check_sender(p, &senders->at[i], &told);
	free(senders);
}

/* -- all of it ------------------------------------------------------------------------------------- */

struct tls_settings
check_settings(const struct check_peer *p, const struct tls_files *own, const char *cache)
{
	return (struct tls_settings) {
		.trust = p->conf->trust,
		.crls = p->conf->crls,
		.cache = cache,
		.user = conf_user(p->conf),
		.identities = own,
		.n_identities = own != NULL ? 1 : 0,
	};
}

/* Without our own key we can still look at theirs. */
static bool
open_tls(struct check_peer *p, const struct conf_domain *d, struct err *e)
{
	const struct tls_files own = { d->name.text, d->certificate, d->key };
	struct tls_settings s = check_settings(p, &own, p->cache);

	p->has_identity = true;
	if (tls_holder_new(&p->tls, &s, e)) {
		check_say(p, CHECK_OK, "identity", NULL, "%s, certificate %s", d->name.text,
		    d->certificate);
		return true;
	}
	check_say(p, CHECK_FAIL, "identity", e, "%s", d->name.text);
	p->has_identity = false;
	s = check_settings(p, NULL, p->cache);
	return tls_holder_new(&p->tls, &s, e);
}

static bool
open_all(struct check_peer *p, struct err *e)
{
	const char *as = options_value(p->options, "as");
	const struct conf_domain *d;

	if (!conf_load(conf_path(p->options->conf_file), CONF_FOR_VERBS, &p->conf, NULL, e))
		return false;
	if (!p->conf->role[p->role->index].given)
		return err_set(e, REFUSAL_config, "%s has no section for this daemon",
		    p->conf->file);
	d = as != NULL ? conf_domain(p->conf, span_str(as)) : p->conf->domains;
	if (d == NULL || p->conf->n_domains == 0)
		return err_set(e, REFUSAL_usage, "%s is not one of the domains in %s",
		    as != NULL ? as : "nothing", p->conf->file);
	p->own = d->name;
	snprintf(p->cache, sizeof p->cache, "%.*s/crl-cache", CONF_PATH_BYTES - 16,
	    p->conf->role[p->role->index].folder);
	if (access(p->cache, R_OK | X_OK) < 0)
		p->cache[0] = '\0';
	return loop_new(&p->loop, e) && dns_new(&p->dns, p->loop, p->conf->resolver, e) &&
	    open_tls(p, d, e);
}

static void
close_all(struct check_peer *p)
{
	if (p->dns != NULL)
		dns_free(&p->dns);
	if (p->loop != NULL)
		loop_free(&p->loop);
	if (p->tls != NULL)
		tls_holder_free(&p->tls);
	conf_unref(&p->conf);
}

static void
check_all(struct check_peer *p)
{
	struct check_hosts *hosts = calloc(1, sizeof *hosts);
	struct err why;

	if (hosts == NULL)
		abort();
	if (find(p, p->role->service, hosts, &why))
		for (size_t i = 0; i < hosts->n; i++)
			check_peer_host(p, &hosts->at[i]);
	else
		check_say(p, CHECK_FAIL, "designation", &why, "%s", p->role->service);
	check_senders(p, hosts);
	free(hosts);
}

int
check_peer(struct options *o, const struct check_peer_role *r)
{
	struct check_peer *p = calloc(1, sizeof *p);
	struct err e;
	int status;

	if (p == NULL)
		abort();
	p->options = o;
	p->role = r;
	log_open(o->called, o->verbose ? LOG_DEBUG : LOG_ERROR);
	if (!idn_a_label(span_str(o->args[0]), &p->domain, &e)) {
		free(p);
		return options_usage(o, "%s: %s", o->args[0], e.text);
	}
	if (open_all(p, &e)) {
		check_all(p);
		status = p->failures > 0 ? 1 : 0;
	} else {
		status = options_fail(o, &e);
	}
	close_all(p);
	free(p);
	return status;
}
