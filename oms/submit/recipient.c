/* recipient — refuses a recipient whose domain takes no mail; see recipient.h. */
#include "oms/submit/recipient.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/conf/conf.h"
#include "common/dns/designation.h"
#include "common/dns/exchange.h"
#include "common/loop/loop.h"
#include "common/store/kv_question.h"
#include "oms/queue/downgrade.h"

struct recipient_check {
	struct oms_worker *worker;
	struct domain domain;
	struct designation_query *query;
	struct exchange_query *exchange;
	struct kv_question *question; /* is the domain remembered? */
	struct err why;               /* what DNS said */
	bool vouched, secure;         /* as of a designation */
	bool by_smtp;                 /* DNS has said so */
	bool smarthost;               /* letters by SMTP go there */
	struct loop_timer *timer;
	int64_t began_ms;
	struct recipient_checks *of;
};

static void
cancel(struct recipient_check **cp)
{
	struct recipient_check *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	if (c->query != NULL)
		designation_cancel(&c->query);
	if (c->exchange != NULL)
		exchange_cancel(&c->exchange);
	kv_question_drop(&c->question);
	loop_timer_free(&c->timer);
	free(c);
}

static void
finish(struct recipient_check *c, const struct err *e)
{
	struct recipient_checks *r = c->of;
	int64_t took_ms = loop_now_ms(c->worker->loop) - c->began_ms;

	if (took_ms > RECIPIENT_PROMPT_MS)
		r->slow_ms += took_ms - RECIPIENT_PROMPT_MS;
	r->by_smtp = r->by_smtp || (c->by_smtp && e == NULL);
	cancel(&r->check);
	r->done(r->arg, r->address, e);
}

/* -- by SMTP ------------------------------------------------------------------------------------------ */

/* A smarthost may know more ways to a domain than its MX. */
static bool
refuses(const struct recipient_check *c, enum refusal why)
{
	return why == REFUSAL_no_such_domain ||
	    (!c->smarthost && (why == REFUSAL_no_mx || why == REFUSAL_null_mx));
}

/* The words of the recipient's side: no_mx and null_mx are said of a sender. */
static void
exchange_found(void *arg, struct exchange *x, const struct err *why)
{
	struct recipient_check *c = arg;
	struct err e;

	(void)x;
	c->exchange = NULL;
	c->by_smtp = why == NULL || c->smarthost;
	if (why == NULL || !refuses(c, why->why)) {
		finish(c, NULL);
		return;
	}
	e = *why;
	if (why->why == REFUSAL_no_mx)
		err_set(&e, REFUSAL_no_designation,
		    "%s names no server for mail, neither one of ours nor by an MX record",
		    c->domain.text);
	else if (why->why == REFUSAL_null_mx)
		err_set(&e, REFUSAL_takes_no_mail, "%s says by its MX record that it takes no mail",
		    c->domain.text);
	finish(c, &e);
}

/* False: no letter goes anywhere by SMTP.  True: the check goes on, or is over. */
static bool
ask_exchange(struct recipient_check *c)
{
	struct conf *conf = daemon_conf(c->worker->oms->daemon);
	bool on = conf_smtp_out_is_on(conf, domain_span(&c->domain));
	bool excepted = conf_smtp_out_excepts(conf, domain_span(&c->domain), &c->why);
	const struct exchange_ask ask = {
		.domain = c->domain.text,
		.names_only = true,
		.port = EXCHANGE_PORT,
		.allow_private = conf->allow_private_peers,
	};
	char host[DOMAIN_BYTES];
	uint16_t port;

	c->smarthost = conf_smarthost(&conf->smtp_out, host, &port);
	conf_unref(&conf);
	if (on)
		c->exchange = exchange_find(c->worker->dns, &ask, exchange_found, c);
	if (excepted) {
		struct err e = c->why;

		finish(c, &e);
	}
	return on || excepted;
}

static void
looked(void *arg, const struct oms_peer *p, const struct err *unread)
{
	struct recipient_check *c = arg;
	const struct downgrade_memory m = { p, unread };
	const int64_t now_s = clock_wall_ms() / 1000;
	const struct err why = c->why;
	struct err e;

	c->question = NULL;
	if (downgrade_may_smtp(m, c->secure, &why, now_s, &e) && ask_exchange(c))
		return;
	finish(c, downgrade_refuses(m, c->vouched, &why, now_s) ? &why : NULL);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct recipient_check *c = arg;

	c->query = NULL;
	if (why == NULL) {
		finish(c, NULL);
		return;
	}
	c->why = *why;
	c->vouched = d->vouched;
	c->secure = d->secure;
	c->question = oms_store_peer(c->worker->oms->store, c->domain.text, c->worker->loop, looked,
	    c);
}

static void
too_slow(void *arg)
{
	finish(arg, NULL);
}

static bool
is_known(struct oms_worker *w, const char *address)
{
	struct conf *conf = daemon_conf(w->oms->daemon);
	struct domain domain;
	bool known;

	domain_set(&domain, address_domain(span_str(address)));
	known = designation_is_known(w->dns, DESIGNATION_NOTIFY, domain.text,
	    conf->allow_private_peers);
	conf_unref(&conf);
	return known;
}

static struct recipient_check *
begin(struct recipient_checks *r, struct oms_worker *w, int64_t most_ms)
{
	struct conf *conf = daemon_conf(w->oms->daemon);
	struct recipient_check *c = memory_new(sizeof *c);

	c->worker = w;
	domain_set(&c->domain, address_domain(span_str(r->address)));
	c->began_ms = loop_now_ms(w->loop);
	c->of = r;
	c->query = designation_find(w->dns, DESIGNATION_NOTIFY, c->domain.text, NULL,
	    conf->allow_private_peers, found, c);
	conf_unref(&conf);
	c->timer = loop_timer_new(w->loop, too_slow, c);
	loop_timer_set_ms(c->timer, most_ms);
	return c;
}

/* Slow DNS delays a letter by RECIPIENT_CHECK_MS in all, not for each recipient. */
bool
recipient_check(struct recipient_checks *r, struct oms_worker *w, const char *address,
    recipient_checked *done, void *arg)
{
	int64_t most_ms = RECIPIENT_CHECK_MS - r->slow_ms;

	if (most_ms <= 0 || is_known(w, address))
		return false;
	most_ms += RECIPIENT_PROMPT_MS;
	span_copy(span_str(address), r->address, sizeof r->address);
	r->done = done;
	r->arg = arg;
	r->check = begin(r, w, most_ms < RECIPIENT_CHECK_MS ? most_ms : RECIPIENT_CHECK_MS);
	return true;
}

void
recipient_checks_clear(struct recipient_checks *r)
{
	cancel(&r->check);
	*r = (struct recipient_checks) { 0 };
}
