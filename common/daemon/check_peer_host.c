/* check_peer_host — TLS and HELLO with one address of a peer; see check_peer.h. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "common/base/clock.h"
#include "common/daemon/check_peer_private.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/pki/crl_check.h"
#include "common/pki/crl_set.h"
#include "common/revoke/crl_fetch.h"
#include "common/text/address_text.h"

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
said(void *arg, const struct err *e)
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
	v->engine = v->peer->role->hello(v->peer->own.text, said, v);
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

static const struct conn_events events = { .up = on_up, .gone = on_gone };

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
tell_crl(struct check_peer *p, X509_CRL *crl)
{
	struct crl_facts f;
	int64_t now_s = clock_wall_ms() / 1000, age = now_s;
	char next[CLOCK_DATE_BYTES] = "never";

	crl_check_facts(crl, &f);
	age -= f.this_s;
	if (f.next_s > 0)
		clock_date(f.next_s, next);
	check_say(p, f.next_s > now_s ? CHECK_OK : CHECK_NOTE, "crl", NULL,
	    "number %s, %" PRId64 " h %02" PRId64 " min old, %s %s",
	    f.number[0] != '\0' ? f.number : "-", age / 3600, age / 60 % 60,
	    f.next_s > now_s ? "the next by" : "stale since", next);
}

static void
tell_crls(struct check_peer *p, const struct visit *v, struct tls_holder *h)
{
	struct tls *t = tls_holder_get(h);
	STACK_OF(X509_CRL) *crls = crl_set_of(trust_crls(tls_trust(t)), chain_leaf(v->chain));

	for (int i = 0; i < sk_X509_CRL_num(crls); i++)
		tell_crl(p, sk_X509_CRL_value(crls, i));
	if (sk_X509_CRL_num(crls) == 0)
		check_say(p, CHECK_NOTE, "crl", NULL, "no CRL of %s is here",
		    chain_issuer(v->chain));
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	tls_unref(&t);
}

static void
tell_certificate(struct check_peer *p, const struct visit *v)
{
	struct buf names = BUF_INIT;
	char until[CLOCK_DATE_BYTES];
	bool soon;

	if (v->chain == NULL)
		return;
	chain_names_list(v->chain, &names);
	clock_date(chain_not_after_s(v->chain), until);
	soon = chain_not_after_s(v->chain) - clock_wall_ms() / 1000 < CHECK_PEER_SOON_S;
	check_say(p, v->up && !soon ? CHECK_OK : CHECK_NOTE, "certificate", NULL,
	    "names %.*s; by %s; until %s%s; SHA-256 %s", SPAN_FMT(buf_span(&names)),
	    chain_issuer(v->chain), until, soon ? ", which is soon" : "",
	    chain_fingerprint(v->chain));
	buf_clear(&names);
}

static void
tell(struct check_peer *p, const struct check_host *h, const struct visit *v,
    struct tls_holder *tls)
{
	char at[ADDRESS_TEXT_BYTES];

	address_text(&h->address, at);
	if (v->up)
		check_say(p, CHECK_OK, "connection", NULL, "%s (%s): TLS 1.3, judged good", at,
		    h->name);
	else
		check_say(p, CHECK_FAIL, "connection", &v->why, "%s (%s)", at, h->name);
	tell_certificate(p, v);
	if (v->chain != NULL)
		tell_crls(p, v, tls);
	if (!v->up)
		return;
	if (!v->answered)
		check_say(p, CHECK_FAIL, "hello", &v->why, "%s", at);
	else if (v->hello.why != REFUSAL_NONE)
		check_say(p, CHECK_FAIL, "hello", &v->hello, "%s refuses %s", at, p->own.text);
	else
		check_say(p, CHECK_OK, "hello", NULL, "%s welcomes %s", at, p->own.text);
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
	check_say(p, CHECK_NOTE, "crl", NULL, "the daemon does not have it yet; fetched now");
	chain_unref(&v->chain);
	if (fetch_in(p, folder, h, v, &tls, &e))
		tell(p, h, v, tls);
	else
		check_say(p, CHECK_FAIL, "crl", &e, "%s", folder);
	tls_holder_free(&tls);
	remove_folder(folder);
}

void
check_peer_host(struct check_peer *p, const struct check_host *h)
{
	struct visit v;

	visit(&v, p, h, p->tls);
	if (v.why.why == REFUSAL_revocation_unknown && !v.up)
		fetch_and_visit(p, h, &v);
	else
		tell(p, h, &v, p->tls);
	chain_unref(&v.chain);
}
