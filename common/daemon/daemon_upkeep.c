/* daemon_upkeep — what a daemon does now and then on its main thread; see daemon.h. */
#include "common/auth/signin.h"
#include "common/base/log.h"
#include "common/daemon/daemon_private.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/share/share_log.h"

#define FIRST_SWEEP_MS 1000 /* after the start: much may have come to its end meanwhile */

static void
review(void *arg)
{
	signin_desk_review(arg);
}

/* Removed users' sessions end on whatever worker they are; the time of some may be over. */
static void
review_sessions(struct daemon *d)
{
	uint64_t reading = accounts_reading(d->accounts);

	if (reading == d->accounts_reading)
		return;
	d->accounts_reading = reading;
	for (unsigned i = 0; i < workers_count(d->workers); i++)
		loop_post(workers_loop(d->workers, i), review, d->worker[i].desk);
	if (!d->sweeping)
		loop_timer_set_ms(d->sweep, 0);
}

static void
on_look(void *arg)
{
	struct daemon *d = arg;
	struct err e;

	if (!accounts_refresh(d->accounts, &e))
		log_fact(LOG_ERROR, "accounts.damaged", "text=%s", log_str(e.text));
	review_sessions(d);
	share_log_tell(d->share, loop_now_ms(d->loop));
	loop_timer_set_ms(d->look, DAEMON_ACCOUNTS_MS);
}

static void
swept(void *arg, const struct err *e)
{
	struct daemon *d = arg;

	if (e != NULL)
		log_fact(LOG_ERROR, "store.sweep", "word=%s text=%s", refusal_word(e->why),
		    log_str(e->text));
	d->sweeping = false;
	if (d->sweep != NULL)
		loop_timer_set_ms(d->sweep, d->role->sweep_ms);
}

static void
on_sweep(void *arg)
{
	struct daemon *d = arg;

	d->sweeping = true;
	d->role->sweep(d->state, swept, d);
}

void
daemon_upkeep_begin(struct daemon *d)
{
	d->look = loop_timer_new(d->loop, on_look, d);
	d->sweep = loop_timer_new(d->loop, on_sweep, d);
	loop_timer_set_ms(d->look, DAEMON_ACCOUNTS_MS);
	loop_timer_set_ms(d->sweep, FIRST_SWEEP_MS);
}

void
daemon_upkeep_end(struct daemon *d)
{
	loop_timer_free(&d->look);
	loop_timer_free(&d->sweep);
}
