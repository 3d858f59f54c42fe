/* destination — one pair's letters, gathered, sealed and sent; see destination.h. */
#include "oms/queue/destination_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/pki/sign.h"
#include "oms/policy/retry.h"
#include "oms/queue/answered.h"
#include "oms/queue/notifier.h"

static enum aim next_aim(struct destination *d);

/* -- attempts ---------------------------------------------------------------------------------------- */

struct destination *
destination_of_attempt(struct attempt *a)
{
	return (struct destination *)((char *)a - offsetof(struct destination, attempt));
}

static void
want_session(struct destination *d)
{
	struct conf *conf = daemon_conf(d->worker->oms->daemon);

	notify_session_want(d->session, conf);
	conf_unref(&conf);
}

void
destination_attempt(struct destination *d)
{
	struct err e;

	if (daemon_open_for_work(d->worker->oms->daemon, &e))
		want_session(d);
}

static void
classed(void *arg, const struct oms_peer *p, const struct err *e)
{
	struct destination *d = arg;

	(void)e; /* then the peer counts as one that is not known */
	d->question = NULL;
	if (next_aim(d) != AIM_WAY)
		destination_pump(d);
	else if (attempts_ask(d->attempts, &d->attempt, answered_class(p, d->tries)))
		want_session(d);
}

static void
ask_for_attempt(struct destination *d, const struct oms_due *due)
{
	d->tries = d->failures + d->put_offs;
	if (d->tries == 0)
		d->tries = due->tries;
	d->question = oms_store_peer(d->worker->oms->store, d->peer.text, d->worker->loop, classed,
	    d);
}

void
destination_end_attempt(struct destination *d)
{
	if (d->attempt.state != ATTEMPT_NONE)
		attempts_leave(d->attempts, &d->attempt);
}

/* -- sealings ----------------------------------------------------------------------------------------- */

/* The caller frees *ids. */
static size_t
under_way(const struct destination *d, struct ulid **ids)
{
	size_t n = d->carriage == NULL ? 0 : d->carriage->n;

	for (const struct sealing *s = d->sealings; s != NULL; s = s->next)
		n += s->n;
	*ids = memory_array(n + 1, sizeof **ids);
	n = 0;
	for (const struct sealing *s = d->sealings; s != NULL; s = s->next)
		for (size_t i = 0; i < s->n; i++)
			(*ids)[n++] = s->deliveries[i].id;
	for (size_t i = 0; d->carriage != NULL && i < d->carriage->n; i++)
		(*ids)[n++] = d->carriage->deliveries[i].id;
	return n;
}

void
destination_drop_sealing(struct destination *d, struct sealing *s)
{
	struct sealing **at = &d->sealings;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	sealing_free(&s);
}

static void
log_store(const struct destination *d, const struct err *e)
{
	log_fact_of(domain_span(&d->peer), LOG_ERROR, "notify.store",
	    "own=%s peer=%s word=%s text=%s", d->own.text, d->peer.text, refusal_word(e->why),
	    log_str(e->text));
}

/* Where the store failed, what is due stays due. */
static void
recorded(void *arg, const struct err *e)
{
	struct sealing *s = arg;
	struct destination *d = s->owner;
	bool failed = s->failed;

	if (e != NULL)
		log_store(d, e);
	destination_drop_sealing(d, s);
	if (failed)
		d->failing = e == NULL && d->failing;
	destination_pump(d);
}

void
destination_record(struct sealing *s)
{
	struct destination *d = s->owner;

	oms_store_attempted(d->worker->oms->store, s->deliveries, s->n, d->worker->loop, recorded,
	    s);
}

/* NULL: nothing is due. */
static struct sealing *
gather(struct destination *d, struct oms_due *due)
{
	struct sealing *s;

	if (due->n == 0)
		return NULL;
	s = sealing_new(d);
	memcpy(s->deliveries, due->deliveries, due->n * sizeof *due->deliveries);
	s->n = due->n;
	due->n = 0;
	for (size_t i = 0; i < s->n && d->road_known; i++)
		s->deliveries[i].road = d->road;
	sealing_cut(s, d->singly > 0 ? 0 : NOTIFIER_BATCH_BYTES);
	d->singly -= d->singly > 0;
	s->next = d->sealings;
	d->sealings = s;
	return s;
}

/* -- signing and sending ---------------------------------------------------------------------------- */

static void
not_sent(struct sealing *s, const struct err *e)
{
	sealing_fail(s, e, false, clock_steady_ms());
	destination_record(s);
}

static void
signed_now(void *arg, const char *alg, struct span signature, const struct err *e)
{
	struct sealing *s = arg;
	struct destination *d = s->owner;
	struct notify_client *c = notify_session_client(d->session);
	enum seal_alg a;
	struct err why;

	d->signing = false;
	if (e != NULL) {
		not_sent(s, e);
	} else if (c == NULL || !seal_alg_parse(span_str(alg), &a)) {
		destination_drop_sealing(d, s); /* the session has gone; it stays due */
		destination_pump(d);
	} else if (!notify_session_vouched(d->session)) {
		destination_drop_sealing(d, s); /* on_ended follows with the reason */
	} else if (!sealing_send(s, c, a, signature, &why)) {
		not_sent(s, &why);
	} else {
		notify_session_kick(d->session);
		destination_pump(d);
	}
}

static void
seal(struct destination *d, struct sealing *s)
{
	struct tls *tls = tls_holder_get(d->worker->oms->tls);
	struct err e;

	if (tls_identity(tls, d->own.text) == NULL) {
		err_set(&e, REFUSAL_domain_not_served, "%s is not one of our domains", d->own.text);
		not_sent(s, &e);
	} else if (!sealing_write(s, d->own.text, d->peer.text, clock_wall_ms() / 1000, &e)) {
		not_sent(s, &e);
	} else {
		d->signing = true;
		sign_run(d->worker->loop, notify_session_key(d->session), buf_span(&s->text),
		    signed_now, s);
	}
	tls_unref(&tls);
}

/* -- the destination's turn -------------------------------------------------------------------------- */

/* The longest retry interval of the pair's road. */
static int64_t
longest_ms(const struct destination *d)
{
	return oms_retry_max_ms(d->road_known ? d->road : OMS_ROAD_SMTP);
}

/* When this is due, it is due now.  A due time beyond the longest retry interval was written by a clock that ran
 * fast. */
static bool
is_due(const struct destination *d, int64_t first_ms)
{
	int64_t now_ms = clock_steady_ms();

	return first_ms != 0 &&
	    (d->hurry || first_ms <= now_ms || first_ms > now_ms + longest_ms(d));
}

static void
set_timer(struct destination *d, const struct oms_due *due)
{
	int64_t in_ms = 0, pause_ms;

	d->quiet = due->first_ms == 0;
	if (d->quiet)
		return;
	if (!is_due(d, due->first_ms))
		in_ms = due->first_ms - clock_steady_ms();
	pause_ms = d->not_before_ms - loop_now_ms(d->worker->loop);
	if (in_ms < pause_ms)
		in_ms = pause_ms;
	/* What is due and under way comes back by itself. */
	loop_timer_set_ms(d->timer, in_ms < 100 ? 100 : in_ms);
}

static int64_t
give_up_s(const struct destination *d)
{
	struct conf *conf = daemon_conf(d->worker->oms->daemon);
	int64_t s = conf->smtp_out.give_up_s;

	conf_unref(&conf);
	return s;
}

/* What is due cannot go: each delivery is told why, page by page; all of them only where that ends them. */
static void
fail_page(struct destination *d, struct oms_due *due)
{
	bool enough = d->told >= NOTIFIER_FAIL_MAX && !d->final;
	struct sealing *s = enough ? NULL : gather(d, due);

	if (s == NULL) {
		d->failing = false;
		if (enough && d->road == OMS_ROAD_SMTP)
			d->not_before_ms = loop_now_ms(d->worker->loop) + NOTIFIER_PAUSE_MAX_MS;
		set_timer(d, due);
		return;
	}
	s->failed = true;
	s->give_up_s = give_up_s(d);
	d->told += s->n;
	if (d->put_off_ms > 0)
		sealing_put_off(s, &d->why, clock_steady_ms(), d->put_off_ms);
	else
		sealing_fail(s, &d->why, d->final, clock_steady_ms());
	destination_record(s);
}

static void
give_page(struct destination *d, struct oms_due *due)
{
	d->by_smtp = false;
	if (due->n > 0) {
		destination_carry(d, due);
		return;
	}
	destination_end_attempt(d);
	set_timer(d, due);
}

static void
find_way(struct destination *d, const struct oms_due *due)
{
	if (loop_now_ms(d->worker->loop) < d->not_before_ms || !is_due(d, due->first_ms))
		set_timer(d, due);
	else
		ask_for_attempt(d, due);
}

static void
seal_page(struct destination *d, struct oms_due *due)
{
	bool full = due->n == OMS_STORE_DUE_PAGE;
	struct sealing *s = gather(d, due);

	d->fresh -= d->seen;
	if (s != NULL) {
		if (full)
			d->fresh = NOTIFIER_GATHER;
		seal(d, s);
		return;
	}
	d->hurry = false;
	set_timer(d, due);
	if (notify_session_is_wanted(d->session))
		notify_session_end(d->session);
}

static enum aim
next_aim(struct destination *d)
{
	struct notify_client *c = notify_session_client(d->session);
	struct err e;

	/* When we go down the last answers of the store come after it has closed. */
	if (d->signing || !daemon_open_for_work(d->worker->oms->daemon, &e))
		return AIM_NONE;
	if (d->carriage != NULL)
		return AIM_NONE; /* it comes back here */
	if (d->failing)
		return AIM_FAIL;
	if (d->by_smtp)
		return AIM_GIVE;
	if (c == NULL && (!notify_session_is_idle(d->session) || d->attempt.state != ATTEMPT_NONE))
		return AIM_NONE; /* ready, ended, or its turn comes back here */
	if (c == NULL)           /* recorded comes back here: only then it is known what is due */
		return d->sealings == NULL ? AIM_WAY : AIM_NONE;
	if (!notify_session_is_current(d->session)) {
		notify_session_end(d->session); /* batch_end, or ended, comes back here */
		return AIM_NONE;
	}
	if (!notify_client_may_send(c))
		return AIM_NONE; /* batch_end comes back here */
	if (c->count > 0 && d->fresh < NOTIFIER_GATHER)
		return AIM_NONE; /* so does this: the next sealing gathers meanwhile */
	return AIM_SEAL;
}

/* The destination does what it asked for, if that is still what it needs. */
static void
looked(void *arg, struct oms_due *due, const struct err *e)
{
	struct destination *d = arg;
	enum aim aim = d->aim;

	d->question = NULL;
	if (next_aim(d) != aim || (d->again && e == NULL && due->n == 0 && aim != AIM_WAY)) {
		destination_pump(d);
		return;
	}
	if (e != NULL) {
		log_store(d, e);
		due->first_ms = clock_steady_ms(); /* it may be so */
		if (aim != AIM_WAY)
			due->first_ms += OMS_RETRY_NATIVE_MS;
	}
	if (aim == AIM_FAIL)
		fail_page(d, due);
	else if (aim == AIM_SEAL)
		seal_page(d, due);
	else if (aim == AIM_GIVE)
		give_page(d, due);
	else
		find_way(d, due);
	if (d->again)
		destination_pump(d);
}

static void
ask_what_is_due(struct destination *d)
{
	int64_t now_ms = clock_steady_ms();
	bool all = d->aim == AIM_GIVE ? d->unblocked : d->hurry;
	struct oms_due_query q = {
		.own = d->own.text,
		.peer = d->peer.text,
		.now_ms = all ? INT64_MAX : now_ms,
		.latest_ms = now_ms + longest_ms(d),
	};
	struct ulid *ids;

	if (d->aim != AIM_WAY)
		q.max = d->singly > 0 ? 1 : OMS_STORE_DUE_PAGE;
	d->seen = d->fresh;
	q.n_under_way = under_way(d, &ids);
	q.under_way = ids;
	d->question = oms_store_due(d->worker->oms->store, &q, d->worker->loop, looked, d);
	free(ids);
}

/* One question at a time, so that no delivery is read twice. */
void
destination_pump(struct destination *d)
{
	d->again = d->question != NULL;
	if (d->question == NULL && (d->aim = next_aim(d)) != AIM_NONE)
		ask_what_is_due(d);
}

/* -- asking ---------------------------------------------------------------------------------------- */

bool
destination_is_for(const struct destination *d, const char *own, const char *peer)
{
	return strcmp(d->own.text, own) == 0 && strcmp(d->peer.text, peer) == 0;
}

const char *
destination_own(const struct destination *d)
{
	return d->own.text;
}

const char *
destination_peer(const struct destination *d)
{
	return d->peer.text;
}

static bool
has_nothing_under_way(const struct destination *d)
{
	return d->sealings == NULL && !d->signing && !d->failing && d->question == NULL &&
	    !d->by_smtp && d->carriage == NULL && (d->smtp == NULL || smtp_road_is_idle(d->smtp)) &&
	    notify_session_is_idle(d->session);
}

bool
destination_is_resting(const struct destination *d)
{
	return has_nothing_under_way(d) && d->attempt.state == ATTEMPT_NONE;
}

bool
destination_is_queued(const struct destination *d)
{
	return has_nothing_under_way(d) && d->attempt.state == ATTEMPT_WAITS;
}

bool
destination_has_due(const struct destination *d)
{
	return !d->quiet;
}

void
destination_hurry(struct destination *d)
{
	d->hurry = true;
	destination_wake(d);
}

void
destination_retry(struct destination *d)
{
	if (d->by_smtp || d->carriage != NULL)
		return; /* it is under way */
	d->unblocked = true;
	destination_hurry(d);
}

void
destination_unblock(struct destination *d)
{
	if (!d->blocked)
		return;
	d->blocked = false;
	destination_retry(d);
}

void
destination_wake(struct destination *d)
{
	d->fresh++;
	d->quiet = false;
	destination_pump(d);
}
