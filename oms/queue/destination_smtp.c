/* destination_smtp — a pair's letters by SMTP: what the road tells, and what is recorded of it; see destination.h.
 *
 * The road is chosen at each attempt, when DNS names no server of ours and is believed (downgrade.h): then what is
 * due, and no more, goes in one attempt.  Nothing hurries a letter that an SMTP server has put off (greylisting),
 * but the CRL that it waited for.
 *
 * Disk: the store has each answer before the attempt goes on to the end; and before a dot leaves, that the letter may
 *       be given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/conf/conf.h"
#include "common/loop/loop.h"
#include "oms/queue/destination_private.h"

#define BROKEN_MAX 8 /* sessions that broke, one after another, without a letter that was taken */

static bool
is_open(const struct destination *d, struct err *e)
{
	return daemon_open_for_work(d->worker->oms->daemon, e);
}

static void
free_carriage(struct destination *d)
{
	struct carriage *c = d->carriage;

	for (size_t i = 0; i < c->n; i++)
		oms_delivery_clear(&c->deliveries[i]);
	free(c);
	d->carriage = NULL;
}

/* The attempt is over, and all of it is recorded. */
static void
end_if_over(struct destination *d)
{
	if (!d->carriage->ended || d->carriage->writing > 0)
		return;
	free_carriage(d);
	destination_pump(d);
}

/* -- outcomes ------------------------------------------------------------------------------------------- */

/* Where the store failed, the letter stays due. */
static void
recorded(void *arg, const struct err *e)
{
	struct destination *d = arg;

	if (e != NULL)
		log_fact_of(domain_span(&d->peer), LOG_ERROR, "notify.store",
		    "own=%s peer=%s word=%s text=%s", d->own.text, d->peer.text,
		    refusal_word(e->why), log_str(e->text));
	d->carriage->writing--;
	end_if_over(d);
}

static void
record(struct destination *d, size_t i)
{
	struct carriage *c = d->carriage;
	struct conf *conf = daemon_conf(d->worker->oms->daemon);
	uint32_t random;

	random_bytes(&random, sizeof random);
	oms_delivery_reschedule(&c->deliveries[i], clock_steady_ms(), random,
	    conf->smtp_out.give_up_s);
	conf_unref(&conf);
	c->recorded[i] = true;
	c->writing++;
	oms_store_attempted(d->worker->oms->store, &c->deliveries[i], 1, d->worker->loop, recorded,
	    d);
}

static void
fail(struct oms_delivery *d, const struct err *why, bool final)
{
	for (size_t k = 0; k < d->n_recipients; k++) {
		struct oms_recipient *r = &d->recipients[k];

		if (r->state == SUBMIT_WAITING && final)
			oms_recipient_said(r, SUBMIT_REFUSED, why, clock_wall_ms() / 1000);
		else if (r->state == SUBMIT_WAITING)
			oms_recipient_failed(r, why);
	}
}

/* -- what the road tells ---------------------------------------------------------------------------------- */

static void
on_slow(void *role)
{
	destination_end_attempt(role); /* others may try their hosts meanwhile */
}

static void
given(void *arg, const struct err *e)
{
	struct destination *d = arg;
	struct carriage *c = d->carriage;
	struct oms_delivery *it = &c->deliveries[c->given];
	struct err why;

	if (e != NULL)
		why = *e;
	if (e == NULL && oms_delivery_give(it, it, &c->giving, &why))
		smtp_road_given(d->smtp, NULL);
	else
		smtp_road_given(d->smtp, &why);
}

static bool
has_smarthost(const struct destination *d)
{
	struct conf *conf = daemon_conf(d->worker->oms->daemon);
	char host[DOMAIN_BYTES];
	uint16_t port;
	bool has = conf_smarthost(&conf->smtp_out, host, &port);

	conf_unref(&conf);
	return has;
}

static void
on_giving(void *role, size_t i, const char *host, const char *secured)
{
	struct destination *d = role;
	struct carriage *c = d->carriage;
	struct err e;

	destination_end_attempt(d);
	if (!is_open(d, &e)) {
		smtp_road_given(d->smtp, &e);
		return;
	}
	c->given = i;
	c->giving = (struct oms_giving) {
		.now_s = clock_wall_ms() / 1000,
		.host = domain_copy(host),
	};
	snprintf(c->giving.secured, sizeof c->giving.secured, "%s%s",
	    strcmp(secured, "-") == 0 ? "none" : secured, has_smarthost(d) ? "+relay" : "");
	oms_store_give(d->worker->oms->store, &c->deliveries[i], &c->giving, d->worker->loop, given,
	    d);
}

static void
on_answered(void *role, size_t i)
{
	struct destination *d = role;
	struct err e;

	if (is_open(d, &e))
		record(d, i);
}

static bool
is_taken(const struct oms_delivery *d)
{
	for (size_t k = 0; k < d->n_recipients; k++)
		if (d->recipients[k].state == SUBMIT_BY_SMTP)
			return true;
	return false;
}

/* One letter at which each session breaks must not keep the others back: where some have had their turn, the others
 * stay due, and have the next session without it. */
static bool
has_come_on(struct destination *d)
{
	const struct carriage *c = d->carriage;
	bool some = false;

	for (size_t i = 0; i < c->n; i++) {
		some = some || c->recorded[i];
		if (c->recorded[i] && is_taken(&c->deliveries[i]))
			d->broken = 0;
	}
	return some;
}

static void
on_ended(void *role, const struct err *why, bool final)
{
	struct destination *d = role;
	struct carriage *c = d->carriage;
	struct err e;

	destination_end_attempt(d);
	d->blocked = false;
	c->ended = true;
	if (!is_open(d, &e)) /* the store has closed; what was not recorded stays due */
		return;
	if (why != NULL && !final && has_come_on(d) && d->broken++ < BROKEN_MAX) {
		end_if_over(d);
		return;
	}
	d->broken = 0;
	for (size_t i = 0; i < c->n; i++)
		if (!c->recorded[i]) {
			if (why != NULL)
				fail(&c->deliveries[i], why, final);
			record(d, i);
		}
	if (why != NULL) {
		destination_fail_due(d, why, 0);
		d->final = final;
	}
	end_if_over(d);
}

static const struct smtp_road_ops ops = {
	.slow = on_slow,
	.giving = on_giving,
	.answered = on_answered,
	.ended = on_ended,
};

/* -- the destination's part -------------------------------------------------------------------------------- */

bool
destination_take_smtp(struct destination *d, struct err *e)
{
	struct conf *conf = daemon_conf(d->worker->oms->daemon);
	bool on = smtp_road_is_on(conf, d->peer.text);

	(void)conf_smtp_out_excepts(conf, domain_span(&d->peer), e);
	conf_unref(&conf);
	if (!on)
		return false;
	d->by_smtp = true;
	d->hurry = false;
	d->road = OMS_ROAD_SMTP;
	d->road_known = true;
	return true;
}

void
destination_carry(struct destination *d, struct oms_due *due)
{
	struct carriage *c = memory_new(sizeof *c);

	memcpy(c->deliveries, due->deliveries, due->n * sizeof *due->deliveries);
	c->n = due->n;
	due->n = 0;
	for (size_t i = 0; i < c->n; i++)
		c->deliveries[i].road = OMS_ROAD_SMTP;
	d->carriage = c;
	d->unblocked = false;
	if (d->smtp == NULL)
		d->smtp = smtp_road_new(d->worker, d->own.text, d->peer.text, &ops, d);
	smtp_road_begin(d->smtp, c->deliveries, c->n);
}

void
destination_free_smtp(struct destination *d)
{
	if (d->smtp != NULL)
		smtp_road_free(&d->smtp);
	if (d->carriage != NULL)
		free_carriage(d);
}
