/* delivery — what one letter's recipients at one domain may become; see delivery.h. */
#include "oms/policy/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES (SUBMIT_BY_SMTP + 1)

/* One more than the state, so that 0 is "nothing changes". */
#define TO(state) (SUBMIT_##state + 1)

static const unsigned char table[STATES][OMS_EVENTS] = {
	[SUBMIT_WAITING] = {
		[OMS_TRIED] = TO(WAITING),
		[OMS_NOTICED] = TO(NOTIFIED),
		[OMS_REFUSED] = TO(REFUSED),
		[OMS_GIVEN] = TO(BY_SMTP),
		[OMS_DONE] = TO(FETCHED),
		[OMS_DECLINED] = TO(REFUSED),
		[OMS_EXPIRED] = TO(EXPIRED),
	},
	[SUBMIT_NOTIFIED] = {
		[OMS_NOTICED] = TO(NOTIFIED),
		[OMS_HANDED_OUT] = TO(HANDED_OUT),
		[OMS_DONE] = TO(FETCHED),
		[OMS_DECLINED] = TO(REFUSED),
		[OMS_EXPIRED] = TO(EXPIRED),
	},
	[SUBMIT_HANDED_OUT] = {
		[OMS_DONE] = TO(FETCHED),
		[OMS_DECLINED] = TO(REFUSED),
		[OMS_EXPIRED] = TO(EXPIRED),
	},
};

const char *
oms_event_name(enum oms_event event)
{
	static const char *const names[OMS_EVENTS] = {
		[OMS_TRIED] = "tried",
		[OMS_NOTICED] = "noticed",
		[OMS_REFUSED] = "refused",
		[OMS_GIVEN] = "given",
		[OMS_HANDED_OUT] = "handed-out",
		[OMS_DONE] = "done",
		[OMS_DECLINED] = "declined",
		[OMS_EXPIRED] = "expired",
	};

	return names[event];
}

static bool
changes(enum submit_state state, enum oms_event event)
{
	return table[state][event] != 0;
}

enum submit_state
oms_recipient_next(enum submit_state state, enum oms_event event)
{
	return changes(state, event) ? (enum submit_state)(table[state][event] - 1) : state;
}

void
oms_delivery_clear(struct oms_delivery *d)
{
	buf_clear(&d->statement);
	free(d->recipients);
	d->recipients = NULL;
	d->n_recipients = 0;
}

static void
put_words(struct oms_recipient *r, const struct err *e)
{
	span_copy(span_str(e->why == REFUSAL_NONE ? "" : refusal_word(e->why)), r->word,
	    sizeof r->word);
	r->by = e->said ? SUBMIT_SPEAKER_PEER : SUBMIT_SPEAKER_OMS;
	span_copy(span_sub(span_str(e->text), 0, sizeof r->text - 1), r->text, sizeof r->text);
}

/* -- looking ------------------------------------------------------------------------------------ */

bool
oms_recipient_is_over(const struct oms_recipient *r)
{
	return r->state != SUBMIT_WAITING && r->state != SUBMIT_NOTIFIED &&
	    r->state != SUBMIT_HANDED_OUT;
}

bool
oms_delivery_is_over(const struct oms_delivery *d)
{
	for (size_t i = 0; i < d->n_recipients; i++)
		if (!oms_recipient_is_over(&d->recipients[i]))
			return false;
	return true;
}

size_t
oms_deliveries_open(const struct oms_delivery *d, size_t n)
{
	size_t open = 0;

	for (size_t i = 0; i < n; i++)
		open += !oms_delivery_is_over(&d[i]);
	return open;
}

bool
oms_delivery_is_single(const struct oms_delivery *d)
{
	return d->n_recipients == 1;
}

bool
oms_delivery_waits(const struct oms_delivery *d)
{
	for (size_t i = 0; i < d->n_recipients; i++)
		if (d->recipients[i].state == SUBMIT_WAITING)
			return true;
	return false;
}

static struct oms_effects
effects(struct oms_delivery *d, bool was_over, bool changed)
{
	if (!oms_delivery_waits(d))
		d->next_ms = 0;
	return (struct oms_effects) {
		.changed = changed,
		.over = !was_over && oms_delivery_is_over(d),
	};
}

/* -- results of attempts ------------------------------------------------------------------------ */

/* Did the last DONE or DECLINE come during this attempt?  One that came before says nothing of a notice that the attempt
 * finds there: a crash may have kept us from recording the attempt that made it, after that answer. */
static bool
settled_during(const struct oms_delivery *now, const struct oms_delivery *said)
{
	return said->sent && now->settles != said->settles && now->settled_sends == now->sends;
}

/* Was this the first attempt that was sent?  If a recipient had a notice before, then an earlier one was, and a
 * crash kept us from recording it. */
static bool
is_first(const struct oms_delivery *now, const struct oms_delivery *said)
{
	for (size_t i = 0; i < said->n_recipients; i++)
		if (said->recipients[i].known)
			return false;
	return now->sends == 0;
}

/* Does the domain's last DONE or DECLINE include this recipient, whose notice we record only now?  It does
 * if the delivery has one recipient.  If it has several, the domain may have meant another's copy, and this
 * recipient's would be lost.  It meant all if this recipient's notice existed by then: the answer came during this
 * attempt, and the peer had the notice before, or no other attempt can have told the domain of anybody. */
static bool
was_meant(const struct oms_recipient *r, const struct oms_delivery *now,
    const struct oms_delivery *said)
{
	if (now->settles == 0)
		return false;
	return oms_delivery_is_single(now) ||
	    (settled_during(now, said) && (r->known || is_first(now, said)));
}

static bool
was_handed(const struct oms_recipient *r, const struct oms_delivery *now,
    const struct oms_delivery *said)
{
	return now->handed_s != said->handed_s ||
	    (now->handed_s != 0 && (r->known || oms_delivery_is_single(now)));
}

static void
settle(struct oms_recipient *r, bool declined, int64_t now_s)
{
	r->state = oms_recipient_next(r->state, declined ? OMS_DECLINED : OMS_DONE);
	r->since_s = now_s;
	r->text[0] = '\0';
	span_copy(span_str(declined ? refusal_word(REFUSAL_declined) : ""), r->word,
	    sizeof r->word);
}

/* The domain was notified, and may have acted before we recorded the notification. */
static void
catch_up(struct oms_recipient *r, const struct oms_delivery *now, const struct oms_delivery *said)
{
	if (r->state != SUBMIT_NOTIFIED)
		return;
	if (was_meant(r, now, said))
		settle(r, now->declined, r->since_s);
	else if (was_handed(r, now, said))
		r->state = oms_recipient_next(r->state, OMS_HANDED_OUT);
}

static enum oms_event
answer_of(const struct oms_recipient *said)
{
	switch (said->state) {
	case SUBMIT_NOTIFIED:
		return OMS_NOTICED;
	case SUBMIT_REFUSED:
		return OMS_REFUSED;
	case SUBMIT_BY_SMTP:
		return OMS_GIVEN;
	default:
		return OMS_TRIED;
	}
}

struct oms_effects
oms_delivery_attempted(struct oms_delivery *now, const struct oms_delivery *said)
{
	bool was_over = oms_delivery_is_over(now);

	for (size_t i = 0; i < now->n_recipients && i < said->n_recipients; i++) {
		struct oms_recipient *r = &now->recipients[i];
		enum oms_event event = answer_of(&said->recipients[i]);
		enum submit_state next = oms_recipient_next(r->state, event);

		if (!changes(r->state, event))
			continue;
		*r = said->recipients[i];
		r->state = next;
		catch_up(r, now, said);
	}
	if (settled_during(now, said) && is_first(now, said)) /* it was told by that attempt */
		now->settled_sends = 1;
	now->sends += said->sent;
	now->tries = said->tries;
	now->road = said->road;
	if (said->next_ms != 0)
		now->next_ms = said->next_ms;
	return effects(now, was_over, true);
}

static void
give_up(struct oms_recipient *r, uint64_t tries, int64_t now_s)
{
	struct err last = { .why = REFUSAL_given_up, .said = r->by == SUBMIT_SPEAKER_PEER }, e;

	span_copy(span_str(r->text), last.text, sizeof last.text);
	err_quote(&last, address_domain(span_str(r->address)).p);
	err_set(&e, REFUSAL_given_up, "given up after %llu tries: %s", (unsigned long long)tries,
	    last.text);
	r->state = oms_recipient_next(r->state, OMS_REFUSED);
	r->since_s = now_s;
	put_words(r, &e);
}

void
oms_delivery_reschedule(struct oms_delivery *d, int64_t now_ms, uint32_t random, int64_t give_up_s)
{
	const struct oms_retry r = {
		.road = d->road,
		.tries = d->tries++,
		.random = random,
		.now_ms = now_ms,
		.born_ms = ulid_wall_ms(&d->id),
		.give_up_s = give_up_s,
		.hold_until_s = d->hold_until_s,
	};

	d->next_ms = 0;
	if (!oms_delivery_waits(d) || (d->next_ms = oms_retry_next_ms(&r)) != 0)
		return;
	for (size_t i = 0; i < d->n_recipients; i++)
		if (d->recipients[i].state == SUBMIT_WAITING)
			give_up(&d->recipients[i], d->tries, now_ms / 1000);
}

/* -- by SMTP ------------------------------------------------------------------------------------- */

bool
oms_recipient_is_given(const struct oms_recipient *r)
{
	return r->given_s != 0;
}

void
oms_recipient_failed(struct oms_recipient *r, const struct err *why)
{
	struct err since = *why, e;

	if (!oms_recipient_is_given(r)) {
		put_words(r, why);
		return;
	}
	err_quote(&since, address_domain(span_str(r->address)).p);
	err_set(&e, REFUSAL_answer_unknown,
	    "%s was given the letter, and its answer is not known; since then: %s", r->host.text,
	    since.text);
	put_words(r, &e);
}

void
oms_recipient_said(struct oms_recipient *r, enum submit_state to, const struct err *said,
    int64_t now_s)
{
	bool took = to == SUBMIT_BY_SMTP;

	if (!took && r->giving && !r->unsure) {
		r->given_s = 0;
		r->host.text[0] = r->secured[0] = '\0';
	}
	if (to == SUBMIT_WAITING) {
		oms_recipient_failed(r, said);
		return;
	}
	r->state = to;
	r->since_s = now_s;
	put_words(r, said);
}

static void
give(struct oms_recipient *r, const struct oms_giving *g)
{
	struct err e;

	r->unsure = oms_recipient_is_given(r);
	r->given_s = g->now_s;
	r->host = g->host;
	memcpy(r->secured, g->secured, sizeof r->secured);
	err_set(&e, REFUSAL_answer_unknown, "%s was given the letter, and its answer is not known",
	    g->host.text);
	put_words(r, &e);
}

bool
oms_delivery_give(struct oms_delivery *now, const struct oms_delivery *said,
    const struct oms_giving *g, struct err *e)
{
	bool some = false, held = g->now_s < now->hold_until_s;

	for (size_t i = 0; held && i < now->n_recipients && i < said->n_recipients; i++)
		if (now->recipients[i].state == SUBMIT_WAITING && said->recipients[i].giving) {
			give(&now->recipients[i], g);
			some = true;
		}
	if (RULE(gone) && !some)
		return err_set(e, REFUSAL_gone, "nobody waits for the letter any more");
	now->road = OMS_ROAD_SMTP;
	return true;
}

/* -- serving ------------------------------------------------------------------------------------- */

bool
oms_delivery_may_be_served(const struct oms_delivery *d, struct err *e)
{
	bool some = false, recalled = false;

	for (size_t i = 0; i < d->n_recipients; i++) {
		enum submit_state s = d->recipients[i].state;

		recalled = recalled || s == SUBMIT_RECALLED;
		some = some || s == SUBMIT_WAITING || s == SUBMIT_NOTIFIED ||
		    s == SUBMIT_HANDED_OUT || s == SUBMIT_FETCHED;
	}
	if (RULE(recalled) && recalled)
		return err_word(e, REFUSAL_recalled);
	if (RULE(unknown_id) && !some)
		return err_word(e, REFUSAL_unknown_id);
	return true;
}

struct oms_effects
oms_delivery_hand_out(struct oms_delivery *d, int64_t now_s)
{
	bool changed = d->handed_s == 0;

	if (changed)
		d->handed_s = now_s;
	for (size_t i = 0; i < d->n_recipients; i++) {
		struct oms_recipient *r = &d->recipients[i];

		if (!changes(r->state, OMS_HANDED_OUT))
			continue;
		r->state = oms_recipient_next(r->state, OMS_HANDED_OUT);
		r->since_s = now_s;
		changed = true;
	}
	return (struct oms_effects) { .changed = changed };
}

struct oms_effects
oms_delivery_settle(struct oms_delivery *d, bool declined, int64_t now_s)
{
	if (oms_delivery_is_over(d))
		return (struct oms_effects) { .changed = false };
	for (size_t i = 0; i < d->n_recipients; i++) {
		struct oms_recipient *r = &d->recipients[i];

		if (changes(r->state, OMS_DONE) &&
		    (r->state != SUBMIT_WAITING || oms_delivery_is_single(d)))
			settle(r, declined, now_s);
	}
	d->settles++;
	d->declined = declined;
	d->settled_sends = d->sends;
	return effects(d, false, true);
}

struct oms_effects
oms_delivery_expire(struct oms_delivery *d, int64_t now_s)
{
	bool was_over = oms_delivery_is_over(d);

	if (was_over)
		return (struct oms_effects) { .changed = false };
	for (size_t i = 0; i < d->n_recipients; i++) {
		struct oms_recipient *r = &d->recipients[i];

		if (!changes(r->state, OMS_EXPIRED))
			continue;
		r->state = oms_recipient_next(r->state, OMS_EXPIRED);
		r->since_s = now_s;
	}
	d->next_ms = 0;
	return effects(d, was_over, true);
}
