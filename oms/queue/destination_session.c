/* destination_session — what a session tells its destination; see destination.h. */
#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "oms/policy/retry.h"
#include "oms/queue/answered.h"
#include "oms/queue/destination_private.h"
#include "oms/queue/downgrade.h"
#include "oms/queue/notifier.h"

static void
remembered(void *arg, const struct oms_peer *p, const struct err *unread)
{
	struct destination *d = arg;
	const struct downgrade_memory m = { p, unread };
	struct err e = d->absence;
	bool smtp;

	d->memory = NULL;
	smtp = downgrade_may_smtp(m, d->secure, &d->absence, clock_wall_ms() / 1000, &e) &&
	    destination_take_smtp(d, &e);
	notify_session_absent(d->session, smtp ? NULL : &e);
}

static enum outcome
on_found(void *role, const struct designation *found, const struct err *why, struct err *e)
{
	struct destination *d = role;
	struct oms_worker *w = d->worker;

	if (!daemon_open_for_work(w->oms->daemon, e))
		return REFUSED; /* the store has closed */
	downgrade_seen(w->oms->store, d->peer.text, found, clock_wall_ms() / 1000, w->loop);
	if (why == NULL)
		return DONE;
	d->absence = *why;
	d->secure = found->secure;
	d->memory = oms_store_peer(w->oms->store, d->peer.text, w->loop, remembered, d);
	return PENDING;
}

static void
on_slow(void *role)
{
	destination_end_attempt(role); /* others may try their hosts meanwhile */
}

static void
on_ready(void *role)
{
	struct destination *d = role;
	struct err e;

	d->hurry = d->hurry || d->failures > 0;
	d->failures = d->put_offs = 0;
	d->unblocked = false;
	d->road = OMS_ROAD_NATIVE;
	d->road_known = true;
	d->blocked = false;
	destination_end_attempt(d);
	if (daemon_open_for_work(d->worker->oms->daemon, &e))
		answered_note(d->worker->oms->store, d->peer.text, d->worker->loop);
	destination_pump(d);
}

static void
on_wanted(void *role)
{
	destination_pump(role);
}

static int64_t
pause_ms(unsigned failures)
{
	int64_t ms = failures < 6 ? (int64_t)OMS_RETRY_NATIVE_MS << failures
				  : NOTIFIER_PAUSE_MAX_MS;

	return ms < NOTIFIER_PAUSE_MAX_MS ? ms : NOTIFIER_PAUSE_MAX_MS;
}

void
destination_fail_due(struct destination *d, const struct err *why, int64_t in_ms)
{
	d->hurry = d->unblocked = false;
	d->blocked = why->why == REFUSAL_revocation_unknown;
	d->failing = true;
	d->told = 0;
	d->why = *why;
	d->final = false;
	d->put_off_ms = 0;
	d->not_before_ms = loop_now_ms(d->worker->loop) + in_ms;
}

static void
on_ended(void *role, const struct err *why, bool final)
{
	struct destination *d = role;

	if (!d->by_smtp)
		destination_end_attempt(d);
	if (why != NULL) {
		destination_fail_due(d, why, pause_ms(final ? 0 : d->failures++));
		d->final = final;
	}
	destination_pump(d);
}

/* The letters are no older for it, so that they go soon after the host answers others again. */
static void
on_held_back(void *role, const struct err *why, int64_t in_ms)
{
	struct destination *d = role;
	int64_t own_ms = pause_ms(d->put_offs++);

	destination_end_attempt(d);
	if (in_ms < own_ms)
		in_ms = own_ms;
	destination_fail_due(d, why, in_ms);
	d->put_off_ms = in_ms;
	destination_pump(d);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	(void)role;
	sealing_answer(arg, index, text, e, clock_steady_ms());
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct sealing *s = arg;
	struct destination *d = role;

	(void)answered;
	if (s->seal_refused)
		d->singly += s->n;
	sealing_close(s, e, clock_steady_ms());
	if (sealing_waits(s))
		d->hurry = false; /* it has just been tried */
	destination_record(s);
	destination_pump(d);
}

const struct notify_session_ops destination_session_ops = {
	.found = on_found,
	.slow = on_slow,
	.ready = on_ready,
	.wanted = on_wanted,
	.ended = on_ended,
	.held_back = on_held_back,
	.result = on_result,
	.batch_end = on_batch_end,
};
