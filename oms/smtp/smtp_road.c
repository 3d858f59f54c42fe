/* smtp_road — one attempt by SMTP: DNS, policies, hosts in turn; see smtp_road.h.  Letters: smtp_road_letter.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/conf/conf.h"
#include "common/loop/loop.h"
#include "common/text/address_text.h"
#include "oms/smtp/smtp_caps.h"
#include "oms/smtp/smtp_road_private.h"

#define PASSWORD_BYTES 1024 /* of the file */

static void next_host(struct smtp_road *r);

/* -- the end of an attempt ------------------------------------------------------------------------ */

static void
tell_end(void *arg)
{
	struct smtp_road *r = arg;
	bool has_why = r->why.why != REFUSAL_NONE;
	struct err why = r->why;
	bool final = r->final;

	sts_cancel(&r->policy_asked); /* a policy that comes now is none of the next attempt's */
	conf_unref(&r->conf);
	free(r->hosts);
	r->hosts = NULL;
	r->n_hosts = r->host = 0;
	buf_clear(&r->password);
	buf_clear(&r->policy_text);
	r->policy = (struct sts_policy) { 0 };
	r->d = NULL;
	r->busy = false;
	r->ops->ended(r->role, has_why ? &why : NULL, final);
}

/* The role hears it in a turn of its own, and not before it has answered `giving`. */
void
smtp_road_over(struct smtp_road *r)
{
	if (!r->giving)
		loop_timer_set_ms(r->later, 0);
	r->over = true;
}

static void
on_later(void *arg)
{
	struct smtp_road *r = arg;

	if (r->over) {
		r->over = false;
		tell_end(r);
	}
}

static void
fail(struct smtp_road *r, const struct err *why, bool final)
{
	r->why = *why;
	r->final = final;
	smtp_road_over(r);
}

/* -- a host's session ----------------------------------------------------------------------------- */

static void
log_attempt(const struct smtp_road *r, const struct smtp_session_end *end, const struct err *why)
{
	const struct smtp_session *s = r->session;

	log_fact_of(domain_span(&r->peer), why == NULL ? LOG_INFO : LOG_WARN, "smtp.attempt",
	    "own=%s peer=%s host=%s address=%s tls=%s issuer=%s wanted=%s reached=%s stage=%s "
	    "letters=%u recipients=%u word=%s code=%d text=%s",
	    r->own.text, r->peer.text, r->hosts[r->host].host, log_str(smtp_session_address(s)),
	    smtp_session_tls(s), log_str(smtp_session_issuer(s)), smtp_session_wanted(s),
	    smtp_session_reached(s), smtp_client_stage(end->stage), r->letters, r->accepted,
	    why == NULL ? "-" : refusal_word(why->why), end->code,
	    log_str(why == NULL ? "-" : why->text));
}

static void
next_address(struct smtp_road *r)
{
	const struct exchange_host *h = &r->hosts[r->host];

	if (++r->address < h->n) {
		smtp_road_connect(r);
		return;
	}
	r->host++;
	next_host(r);
}

static void
on_ended(void *role, const struct smtp_session_end *end, const struct err *why)
{
	struct smtp_road *r = role;
	const char *host = r->hosts[r->host].host;

	log_attempt(r, end, why);
	r->session = NULL;
	if (end->code == 421)
		smtp_caps_halve(r->worker->oms->smtp_caps, host);
	else if (end->was_ready && why == NULL)
		smtp_caps_served(r->worker->oms->smtp_caps, host);
	if (end->was_ready) {
		smtp_road_letter_lost(r, why);
		r->why = (struct err) { .why = REFUSAL_NONE };
		if (why != NULL)
			r->why = *why;
		smtp_road_over(r);
		return;
	}
	r->why = *why;
	if (end->stage == SMTP_STAGE_BANNER && end->code == 0) {
		next_address(r); /* this one does not answer; another of the same host may */
		return;
	}
	r->host++;
	next_host(r);
}

static void
on_slow(void *role)
{
	struct smtp_road *r = role;

	r->ops->slow(r->role);
}

static const struct smtp_session_ops session_ops = {
	.slow = on_slow,
	.ready = smtp_road_ready,
	.recipient = smtp_road_recipient,
	.giving = smtp_road_giving,
	.done = smtp_road_done,
	.ended = on_ended,
};

void
smtp_road_connect(struct smtp_road *r)
{
	const struct exchange_host *h = &r->hosts[r->host];
	const struct smtp_session_to to = {
		.loop = r->worker->loop,
		.tls = r->worker->oms->tls,
		.limit = daemon_limit(r->worker->oms->daemon),
		.most = smtp_caps_of(r->worker->oms->smtp_caps, h->host),
		.address = (const struct sockaddr *)&h->address[r->address],
		.host = h->host,
		.name = r->conf->smtp.name.text,
		.from = r->conf->smtp.connect_from,
		.offload = r->worker->oms->offload,
		.user = span_str(r->smarthost ? r->conf->smtp_out.user : ""),
		.password = buf_span(&r->password),
		.tls_first = r->smarthost && address_port(&h->address[r->address]) != 587,
		.rules = {
			.tlsa = r->tlsa,
			.n_tlsa = r->n_tlsa,
			.base = r->base,
			.domain = r->peer.text,
			.policy = !r->smarthost && r->policy.mode == STS_ENFORCE,
			.mode = r->conf->smtp_out.certificate,
			.dane_mode = conf_peer(r->conf, domain_span(&r->peer))->smtp_out_dane,
		},
	};

	r->letters = r->accepted = 0;
	r->session = smtp_session_new(&to, &session_ops, r);
}

/* -- hosts in turn -------------------------------------------------------------------------------- */

static void
forget_tlsa(struct smtp_road *r)
{
	buf_clear(&r->tlsa_octets);
	free(r->tlsa);
	r->tlsa = NULL;
	r->n_tlsa = 0;
}

static void
keep_tlsa(struct smtp_road *r, const struct tlsa *t)
{
	size_t at = 0;

	for (size_t i = 0; i < t->n; i++)
		buf_add(&r->tlsa_octets, t->records[i].p, t->records[i].n);
	r->tlsa = memory_array(t->n + 1, sizeof *r->tlsa);
	for (size_t i = 0; i < t->n; at += t->records[i++].n)
		r->tlsa[i] = span_of(r->tlsa_octets.data + at, t->records[i].n);
	r->n_tlsa = t->n;
	snprintf(r->base, sizeof r->base, "%s",
	    t->status == TLSA_SECURE ? t->base : r->hosts[r->host].host);
}

static void
tlsa_found(void *arg, const struct tlsa *t, const struct err *why)
{
	struct smtp_road *r = arg;
	const char *host = r->hosts[r->host].host;
	struct err e;

	(void)why;
	r->tlsa_asked = NULL;
	if (!smtp_secure_may_try(host, t->status, r->smarthost ? NULL : &r->policy, &e)) {
		log_fact_of(domain_span(&r->peer), LOG_WARN, "smtp.left_out",
		    "own=%s peer=%s host=%s word=%s text=%s", r->own.text, r->peer.text, host,
		    refusal_word(e.why), log_str(e.text));
		r->why = e;
		r->host++;
		next_host(r);
		return;
	}
	forget_tlsa(r);
	keep_tlsa(r, t);
	r->address = 0;
	smtp_road_connect(r);
}

static void
next_host(struct smtp_road *r)
{
	while (r->host < r->n_hosts && r->hosts[r->host].n == 0)
		r->host++;
	if (r->host >= r->n_hosts) {
		smtp_road_over(r);
		return;
	}
	r->tlsa_asked = tlsa_find(r->worker->dns, r->peer.text, r->hosts[r->host].host,
	    address_port(&r->hosts[r->host].address[0]), tlsa_found, r);
}

/* -- DNS and policies ----------------------------------------------------------------------------- */

static void
set_out(struct smtp_road *r)
{
	if (r->finding == NULL && r->policy_asked == NULL && !r->over)
		next_host(r);
}

static void
policy_found(void *arg, const struct sts_found *f, const struct err *why)
{
	struct smtp_road *r = arg;

	(void)why; /* a policy that cannot be fetched and is not kept binds nobody (RFC 8461 5) */
	r->policy_asked = NULL;
	if (f->policy != NULL) {
		r->policy = *f->policy;
		buf_add(&r->policy_text, f->policy->text.p, f->policy->text.n);
		r->policy.text = buf_span(&r->policy_text);
	}
	set_out(r);
}

/* In the words for one who writes to the domain. */
static struct err
as_recipient(const struct err *why)
{
	struct err e = *why;

	if (why->why == REFUSAL_no_mx)
		e.why = REFUSAL_no_designation;
	if (why->why == REFUSAL_null_mx)
		e.why = REFUSAL_takes_no_mail;
	return e;
}

static bool
cut(struct smtp_road *r, struct exchange *x, struct err *e)
{
	const char *const names[] = { r->conf->smtp.name.text };
	struct sockaddr_storage address;
	const struct exchange_own own = { names, 1, &address,
		address_read(span_str(r->conf->smtp.connect_from), 0, &address) ? 1 : 0 };

	return r->smarthost || exchange_cut(x, &own, e);
}

static void
found(void *arg, struct exchange *x, const struct err *why)
{
	struct smtp_road *r = arg;
	struct err e;

	r->finding = NULL;
	if (why != NULL) {
		e = as_recipient(why);
		fail(r, &e, x->vouched && !r->smarthost && !refusal_temporary(e.why));
		return;
	}
	if (!cut(r, x, &e)) {
		fail(r, &e, false);
		return;
	}
	r->hosts = memory_array(x->n, sizeof *r->hosts);
	memcpy(r->hosts, x->hosts, x->n * sizeof *r->hosts);
	r->n_hosts = x->n;
	r->host = 0;
	err_set(&r->why, REFUSAL_unreachable, "no server of %s answers", r->peer.text);
	set_out(r);
}

/* The file's first line.  It is read anew for each attempt, so that a new password counts at once. */
static bool
read_password(struct smtp_road *r, struct err *e)
{
	const char *path = r->conf->smtp_out.password;
	char *end;

	if (*path == '\0')
		return true;
	if (!file_read(path, PASSWORD_BYTES, &r->password))
		return err_set(e, REFUSAL_no_input, "smtp-out-password: %s cannot be read", path);
	end = r->password.len == 0 ? NULL : memchr(r->password.data, '\n', r->password.len);
	if (end != NULL)
		r->password.len = (size_t)(end - r->password.data);
	return true;
}

static void
ask(struct smtp_road *r)
{
	struct err e;
	struct exchange_ask q = {
		.domain = r->peer.text,
		.port = (uint16_t)r->conf->smtp_out.port,
		.allow_private = r->conf->allow_private_peers,
	};

	r->smarthost = conf_smarthost(&r->conf->smtp_out, r->smart, &q.port);
	if (r->smarthost) {
		q.domain = r->smart;
		q.is_host = true;
		if (!read_password(r, &e)) {
			fail(r, &e, false);
			return;
		}
	} else if (r->worker->sts != NULL) {
		r->policy_asked = sts_find(r->worker->sts, r->peer.text, policy_found, r);
	}
	r->finding = exchange_find(r->worker->dns, &q, found, r);
}

/* -- the road ------------------------------------------------------------------------------------- */

bool
smtp_road_is_on(const struct conf *c, const char *peer)
{
	return conf_smtp_out_is_on(c, span_str(peer));
}

struct smtp_road *
smtp_road_new(struct oms_worker *w, const char *own, const char *peer,
    const struct smtp_road_ops *ops, void *role)
{
	struct smtp_road *r = memory_new(sizeof *r);

	r->worker = w;
	r->own = domain_copy(own);
	r->peer = domain_copy(peer);
	r->ops = ops;
	r->role = role;
	r->later = loop_timer_new(w->loop, on_later, r);
	return r;
}

void
smtp_road_free(struct smtp_road **rp)
{
	struct smtp_road *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	exchange_cancel(&r->finding);
	sts_cancel(&r->policy_asked);
	tlsa_cancel(&r->tlsa_asked);
	smtp_session_free(&r->session);
	smtp_road_letter_clear(r);
	forget_tlsa(r);
	buf_clear(&r->password);
	buf_clear(&r->policy_text);
	free(r->hosts);
	conf_unref(&r->conf);
	loop_timer_free(&r->later);
	free(r);
}

void
smtp_road_begin(struct smtp_road *r, struct oms_delivery *d, size_t n)
{
	struct err e;

	r->busy = true;
	r->over = r->final = false;
	r->why = (struct err) { .why = REFUSAL_NONE };
	r->d = d;
	r->n = n;
	r->at = 0;
	r->conf = daemon_conf(r->worker->oms->daemon);
	if (RULE(smtp_off) && !smtp_road_is_on(r->conf, r->peer.text)) {
		err_set(&e, REFUSAL_smtp_off, "no letters go to %s by SMTP", r->peer.text);
		fail(r, &e, false);
	} else {
		ask(r);
	}
}

bool
smtp_road_is_idle(const struct smtp_road *r)
{
	return !r->busy;
}
