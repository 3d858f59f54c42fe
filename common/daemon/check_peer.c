/* check_peer — from the domain's name to its hosts, TLS and HELLO with each, and SPF; see check_peer.h. */
#include "common/daemon/check_peer.h"

#include <openssl/x509.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/daemon/check_spf.h"
#include "common/daemon/jail.h"
#include "common/dns/designation.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/pki/crl_check.h"
#include "common/pki/crl_set.h"
#include "common/revoke/crl_fetch.h"
#include "common/text/address_text.h"
#include "common/text/idn.h"
#include "common/text/json.h"
#include "common/tls/tls.h"

const struct options_option check_peer_options[] = {
	{ "as", 0, "DOMAIN",
	    "the domain of ours that asks; usually the first of the configuration" },
	{ NULL, 0, NULL, NULL },
};

struct check_host {
	char name[DNS_NAME_BYTES];
	struct sockaddr_storage address;
};

struct check_hosts {
	struct check_host at[CHECK_PEER_HOSTS_MAX];
	size_t n;
};

struct check_peer {
	struct options *options;
	const struct check_peer_role *role;
	struct conf *conf;
	struct domain domain, own;
	bool has_identity;
	char cache[CONF_PATH_BYTES]; /* the daemon's; "" : out of reach */
	struct loop *loop;
	struct dns *dns;
	struct tls_holder *tls;
	unsigned failures;
};

enum check_level { CHECK_OK, CHECK_NOTE, CHECK_FAIL };

struct search {
	struct check_peer *peer;
	const char *service;
	struct check_hosts *hosts;
	struct err why;
};

/* -- saying ---------------------------------------------------------------------------------------- */

static void
print_json(const struct check_peer *p, const char *level, const char *what, const struct err *why,
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

static void print_line(struct check_peer *p, enum check_level level, const char *what,
    const struct err *why, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* One line; why NULL: nothing was refused. */
static void
print_line(struct check_peer *p, enum check_level level, const char *what, const struct err *why,
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
		print_json(p, words[level], what, why, text);
	else if (why != NULL)
		printf("%-4s  %-12s %s%s%s [%s]\n", words[level], what, text,
		    *text != '\0' ? ": " : "", why->text, refusal_word(why->why));
	else if (level != CHECK_OK || !p->options->quiet)
		printf("%-4s  %-12s %s\n", words[level], what, text);
	fflush(stdout);
}

/* -- designated hosts ----------------------------------------------------------------------------- */

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
print_target(struct search *s, const struct designation_target *t, bool secure)
{
	struct buf addresses = BUF_INIT;
	char text[ADDRESS_HOST_BYTES];

	for (size_t i = 0; i < t->n; i++) {
		address_host(&t->address[i], text);
		buf_addf(&addresses, "%s%s", i > 0 ? ", " : "", text);
		add_host(s->hosts, t->host, &t->address[i]);
	}
	print_line(s->peer, CHECK_OK, "designation", NULL,
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
		print_target(s, &d->targets[i], d->secure);
	loop_stop(s->peer->loop);
}

/* False: *why is set. */
static bool
find(struct check_peer *p, const char *service, struct check_hosts *hosts, struct err *why)
{
	struct search s = { p, service, hosts, { .why = REFUSAL_NONE } };

	hosts->n = 0;
	(void)designation_find(p->dns, service, p->domain.text, NULL, p->conf->allow_private_peers,
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
		print_line(p, CHECK_FAIL, "spf", &e, "%s", address);
	} else {
		if (!*told && c.record.len > 0)
			print_line(p, CHECK_NOTE, "spf", NULL, "%.*s",
			    SPAN_FMT(buf_span(&c.record)));
		*told = true;
		if (spf_accept(&c.verdict, &e))
			print_line(p, CHECK_OK, "spf", NULL, "%s (%s): pass", address, h->name);
		else
			print_line(p, CHECK_FAIL, "spf", &e, "%s (%s)", address, h->name);
	}
	check_spf_clear(&c);
}

static void
check_senders(struct check_peer *p, const struct check_hosts *connected)
{
	struct check_hosts *senders = memory_new(sizeof *senders);
	struct err why;
	bool told = false;

	if (strcmp(p->role->service, DESIGNATION_FETCH) == 0)
		*senders = *connected;
	else if (!find(p, DESIGNATION_FETCH, senders, &why))
		print_line(p, refusal_temporary(why.why) ? CHECK_FAIL : CHECK_NOTE, "designation",
		    &why, "%s: letters from there could not be fetched", DESIGNATION_FETCH);
	for (size_t i = 0; i < senders->n; i++)
		check_sender(p, &senders->at[i], &told);
	free(senders);
}

static struct tls_settings
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

struct visit {
	struct check_peer *peer;
	struct conn *conn;
	struct loop_timer *timer;
	struct engine *engine;
	struct chain *chain; /* what was shown; NULL: nothing */
	bool up, answered, gone;
	struct err why;   /* not up; REFUSAL_NONE: up */
	struct err hello; /* refused; REFUSAL_NONE: welcomed */
};

/* -- a visit ------------------------------------------------------------------------------------------ */

static void
take_hello_reply(void *arg, const struct err *e)
{
	struct visit *v = arg;

	v->answered = true;
	if (e != NULL)
		v->hello = *e;
}

static void
on_up(struct conn *c, void *role)
{
	struct visit *v = role;

	v->up = true;
	if (conn_peer(c)->chain != NULL)
		v->chain = chain_ref(conn_peer(c)->chain);
	v->engine = v->peer->role->hello(v->peer->own.text, take_hello_reply, v);
	conn_set_engine(c, v->engine);
	loop_timer_set_ms(v->timer, CHECK_PEER_HELLO_MS);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct visit *v = role;

	if (v->chain == NULL && conn_peer(c)->chain != NULL)
		v->chain = chain_ref(conn_peer(c)->chain);
	if (why != NULL)
		v->why = *why;
	else if (!v->answered)
		err_set(&v->why, REFUSAL_unreachable, "the connection was closed");
	v->gone = true;
	loop_stop(v->peer->loop);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

static void
on_late(void *arg)
{
	struct visit *v = arg;
	struct err e;

	err_set(&e, REFUSAL_too_slow, "no answer to HELLO in %d s", CHECK_PEER_HELLO_MS / 1000);
	conn_drop(v->conn, &e);
}

static void
visit(struct visit *v, struct check_peer *p, const struct check_host *h, struct tls_holder *tls)
{
	struct conn_target to = {
		.kind = TLS_TO_PEER,
		.address = (const struct sockaddr *)&h->address,
		.own = p->has_identity ? p->own.text : NULL,
		.domain = p->domain.text,
		.alpn = p->role->alpn,
		.from = p->conf->role[p->role->index].connect_from,
		.timeout_ms = CHECK_PEER_CONNECT_MS,
	};

	*v = (struct visit) { .peer = p };
	v->timer = loop_timer_new(p->loop, on_late, v);
	v->conn = conn_connect(p->loop, &to, tls, &events, v);
	while (!v->gone)
		loop_run(p->loop);
	loop_timer_free(&v->timer);
	if (v->engine != NULL)
		p->role->hello_free(&v->engine);
}

/* -- what is known of its revocation ---------------------------------------------------------------- */

static void
print_crl(struct check_peer *p, X509_CRL *crl)
{
	struct crl_facts f;
	int64_t now_s = clock_wall_ms() / 1000, age = now_s;
	char next[CLOCK_DATE_BYTES] = "never";

	crl_check_facts(crl, &f);
	age -= f.this_s;
	if (f.next_s > 0)
		clock_date(f.next_s, next);
	print_line(p, f.next_s > now_s ? CHECK_OK : CHECK_NOTE, "crl", NULL,
	    "number %s, %" PRId64 " h %02" PRId64 " min old, %s %s",
	    f.number[0] != '\0' ? f.number : "-", age / 3600, age / 60 % 60,
	    f.next_s > now_s ? "the next by" : "stale since", next);
}

static void
print_crls(struct check_peer *p, const struct visit *v, struct tls_holder *h)
{
	struct tls *t = tls_holder_get(h);
	STACK_OF(X509_CRL) *crls = crl_set_of(trust_crls(tls_trust(t)), chain_leaf(v->chain));

	for (int i = 0; i < sk_X509_CRL_num(crls); i++)
		print_crl(p, sk_X509_CRL_value(crls, i));
	if (sk_X509_CRL_num(crls) == 0)
		print_line(p, CHECK_NOTE, "crl", NULL, "no CRL of %s is here",
		    chain_issuer(v->chain));
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	tls_unref(&t);
}

static void
print_certificate(struct check_peer *p, const struct visit *v)
{
	struct buf names = BUF_INIT;
	char until[CLOCK_DATE_BYTES];
	bool soon;

	if (v->chain == NULL)
		return;
	chain_names_list(v->chain, &names);
	clock_date(chain_not_after_s(v->chain), until);
	soon = chain_not_after_s(v->chain) - clock_wall_ms() / 1000 < CHECK_PEER_SOON_S;
	print_line(p, v->up && !soon ? CHECK_OK : CHECK_NOTE, "certificate", NULL,
	    "names %.*s; by %s; until %s%s; SHA-256 %s", SPAN_FMT(buf_span(&names)),
	    chain_issuer(v->chain), until, soon ? ", which is soon" : "",
	    chain_fingerprint(v->chain));
	buf_clear(&names);
}

static void
print_visit(struct check_peer *p, const struct check_host *h, const struct visit *v,
    struct tls_holder *tls)
{
	char at[ADDRESS_TEXT_BYTES];

	address_text(&h->address, at);
	if (v->up)
		print_line(p, CHECK_OK, "connection", NULL, "%s (%s): TLS 1.3, judged good", at,
		    h->name);
	else
		print_line(p, CHECK_FAIL, "connection", &v->why, "%s (%s)", at, h->name);
	print_certificate(p, v);
	if (v->chain != NULL)
		print_crls(p, v, tls);
	if (!v->up)
		return;
	if (!v->answered)
		print_line(p, CHECK_FAIL, "hello", &v->why, "%s", at);
	else if (v->hello.why != REFUSAL_NONE)
		print_line(p, CHECK_FAIL, "hello", &v->hello, "%s refuses %s", at, p->own.text);
	else
		print_line(p, CHECK_OK, "hello", NULL, "%s welcomes %s", at, p->own.text);
}

/* -- a CRL that the daemon has not ------------------------------------------------------------------ */

/* The daemon would fetch it now and connect later; this does both at once, in a folder aside. */
static bool
fetch_in(struct check_peer *p, const char *folder, const struct check_host *h, struct visit *v,
    struct tls_holder **tls, struct err *e)
{
	const struct conf_domain *d = conf_domain(p->conf, domain_span(&p->own));
	const struct tls_files own = { d->name.text, d->certificate, d->key };
	struct tls_settings s = check_settings(p, p->has_identity ? &own : NULL, folder);
	const struct crl_fetch_settings settings = {
		.cache = folder,
		.resolver = p->conf->resolver,
		.allow_private = p->conf->allow_private_crl_hosts,
		.refresh_ms = 3600 * 1000,
	};
	struct crl_fetch *fetch = NULL;

	if (!tls_holder_new(tls, &s, e) || !crl_fetch_new(&fetch, &settings, *tls, e))
		return false;
	tls_holder_on_unknown(*tls, crl_fetch_wanted, fetch);
	visit(v, p, h, *tls);
	if (v->why.why == REFUSAL_revocation_unknown &&
	    crl_fetch_wait(fetch, CHECK_PEER_FETCH_MS)) {
		chain_unref(&v->chain);
		visit(v, p, h, *tls);
	}
	tls_holder_on_unknown(*tls, NULL, NULL);
	crl_fetch_free(&fetch);
	return true;
}

static void
remove_folder(const char *folder)
{
	char path[CONF_PATH_BYTES];
	DIR *d = opendir(folder);
	struct dirent *f;

	while (d != NULL && (f = readdir(d)) != NULL)
		if (snprintf(path, sizeof path, "%s/%s", folder, f->d_name) < (int)sizeof path)
			unlink(path);
	if (d != NULL)
		closedir(d);
	rmdir(folder);
}

static void
fetch_and_visit(struct check_peer *p, const struct check_host *h, struct visit *v)
{
	char folder[] = "/tmp/tillcalled-check.XXXXXX";
	struct tls_holder *tls = NULL;
	struct err e;

	if (mkdtemp(folder) == NULL)
		return;
	print_line(p, CHECK_NOTE, "crl", NULL, "the daemon does not have it yet; fetched now");
	chain_unref(&v->chain);
	if (fetch_in(p, folder, h, v, &tls, &e))
		print_visit(p, h, v, tls);
	else
		print_line(p, CHECK_FAIL, "crl", &e, "%s", folder);
	tls_holder_free(&tls);
	remove_folder(folder);
}

/* Connects, and reports the results. */
static void
check_peer_host(struct check_peer *p, const struct check_host *h)
{
	struct visit v;

	visit(&v, p, h, p->tls);
	if (v.why.why == REFUSAL_revocation_unknown && !v.up)
		fetch_and_visit(p, h, &v);
	else
		print_visit(p, h, &v, p->tls);
	chain_unref(&v.chain);
}

/* -- all of it ------------------------------------------------------------------------------------- */

/* Without our own key we can still look at theirs. */
static bool
open_tls(struct check_peer *p, const struct conf_domain *d, struct err *e)
{
	const struct tls_files own = { d->name.text, d->certificate, d->key };
	struct tls_settings s = check_settings(p, &own, p->cache);

	p->has_identity = true;
	if (tls_holder_new(&p->tls, &s, e)) {
		print_line(p, CHECK_OK, "identity", NULL, "%s, certificate %s", d->name.text,
		    d->certificate);
		return true;
	}
	print_line(p, CHECK_FAIL, "identity", e, "%s", d->name.text);
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
	struct check_hosts *hosts = memory_new(sizeof *hosts);
	struct err why;

	if (find(p, p->role->service, hosts, &why))
		for (size_t i = 0; i < hosts->n; i++)
			check_peer_host(p, &hosts->at[i]);
	else
		print_line(p, CHECK_FAIL, "designation", &why, "%s", p->role->service);
	check_senders(p, hosts);
	free(hosts);
}

int
check_peer(struct options *o, const struct check_peer_role *r)
{
	struct check_peer *p = memory_new(sizeof *p);
	struct err e;
	int status;

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
