/* conn_limit — whose turn it is to connect to a host; see conn_limit.h. */
#include "common/net/conn_limit.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/net/conn_limit_private.h"

struct conn_limit *
conn_limit_new(void)
{
	struct conn_limit *l = memory_new(sizeof *l);

	pthread_mutex_init(&l->lock, NULL);
	random_bytes(&l->secret, sizeof l->secret);
	TAILQ_INIT(&l->remembered);
	return l;
}

void
conn_limit_close(struct conn_limit *l)
{
	pthread_mutex_lock(&l->lock);
	l->closed = true;
	pthread_mutex_unlock(&l->lock);
}

/* -- telling ------------------------------------------------------------------------------------ */

static void
call(void *arg)
{
	struct conn_caller *c = arg;

	c->fn(c->loop, c->id);
	free(c);
}

/* Posts a copy: the place may have left by the time the loop runs it. */
static void
wake(const struct conn_place *p)
{
	struct conn_caller *c = memory_new(sizeof *c);

	*c = p->caller;
	loop_post(c->loop, call, c);
}

/* -- whose turn it is: under the lock -------------------------------------------------------------- */

/* Of `most`, all hold `held` and one domain `own`: may it have one more?  It leaves as many as it has. */
static bool
leaves_enough(unsigned most, unsigned held, unsigned own)
{
	return most - held > own;
}

/* One at a time tries a port that failed. */
static bool
port_is_tried(const struct conn_place *p)
{
	return p->caller.backs_off && p->door->failures > 0 && p->door->prober != NULL;
}

/* The host asked for fewer connections of this kind than it could have. */
static bool
is_modest(const struct conn_place *p, const struct flow *f)
{
	return p->caller.most > 0 && f->n_held >= p->caller.most;
}

/* Of those that wait, as far as the ports and the connections that are not answered are concerned. */
static struct conn_place *
first_to_connect(const struct host *h, const struct flow *f)
{
	struct conn_place *p;

	if (!leaves_enough(CONN_UNANSWERED, h->n_unanswered, f->n_unanswered))
		return NULL;
	TAILQ_FOREACH (p, &f->waiting, link)
		if (!port_is_tried(p) && !is_modest(p, f))
			break;
	return p;
}

static bool
has_room(const struct host *h, const struct flow *f)
{
	return leaves_enough(CONN_PER_HOST, h->n_held, f->n_held);
}

/* For each number of places that a domain may hold: how many domains hold that number and wait only until
 * somebody leaves. */
struct crowd {
	unsigned domains[CONN_PER_HOST + 1];
};

static struct crowd
crowd_of(const struct host *h)
{
	struct crowd c = { { 0 } };
	const struct flow *f;

	TAILQ_FOREACH (f, &h->waiting, link)
		if (!has_room(h, f) && first_to_connect(h, f) != NULL)
			c.domains[f->n_held]++;
	return c;
}

/* Others of its domain wait, or domains that hold fewer places than its own will hold. */
static bool
is_wanted(const struct conn_place *p, const struct crowd *c)
{
	const struct host *h = p->host;
	const struct flow *f = p->flow;
	unsigned n = 0;

	if (p->leaving)
		return true;
	if (f->n_waiting > f->n_leaving && !has_room(h, f) && first_to_connect(h, f) != NULL)
		return true;
	for (unsigned i = 0; i < f->n_held - f->n_leaving; i++)
		n += c->domains[i];
	return n > h->n_leaving;
}

static void
wake_holders(const struct host *h)
{
	const struct crowd c = crowd_of(h);
	const struct conn_place *p;

	TAILQ_FOREACH (p, &h->held, link)
		if (!p->leaving && is_wanted(p, &c))
			wake(p);
}

/* -- states: under the lock ------------------------------------------------------------------------- */

static void
note_answer(struct conn_place *p)
{
	if (p->answered)
		return;
	p->answered = true;
	p->host->n_unanswered--;
	p->flow->n_unanswered--;
}

/* Its domain has begun a connection, or ended one: the others' turns come first. */
static void
end_turn(struct flow *f, struct host *h)
{
	if (f->n_waiting == 0)
		return;
	TAILQ_REMOVE(&h->waiting, f, link);
	TAILQ_INSERT_TAIL(&h->waiting, f, link);
}

static void
leave_held(struct conn_place *p)
{
	note_answer(p);
	TAILQ_REMOVE(&p->host->held, p, link);
	p->host->n_held--;
	p->host->n_leaving -= p->leaving;
	p->flow->n_held--;
	p->flow->n_leaving -= p->leaving;
	if (p->door->prober == p)
		p->door->prober = NULL;
	end_turn(p->flow, p->host);
}

static void
leave_waiting(struct conn_place *p)
{
	struct flow *f = p->flow;

	TAILQ_REMOVE(&f->waiting, p, link);
	if (--f->n_waiting == 0)
		TAILQ_REMOVE(&p->host->waiting, f, link);
}

static void
hold(struct conn_place *p)
{
	struct host *h = p->host;
	struct flow *f = p->flow;

	leave_waiting(p);
	p->state = HELD;
	TAILQ_INSERT_TAIL(&h->held, p, link);
	h->n_held++;
	h->n_unanswered++;
	f->n_held++;
	f->n_unanswered++;
	if (p->caller.backs_off && p->door->failures > 0)
		p->door->prober = p;
	end_turn(f, h);
}

static struct conn_place *
next_to_hold(const struct host *h)
{
	struct conn_place *p = NULL;
	const struct flow *f;

	if (h->n_held == CONN_PER_HOST || h->n_unanswered == CONN_UNANSWERED)
		return NULL;
	TAILQ_FOREACH (f, &h->waiting, link)
		if (has_room(h, f) && (p = first_to_connect(h, f)) != NULL)
			break;
	return p;
}

/* After whatever may have freed a place, or asked for one.  asking: its caller looks by itself; may be NULL. */
static void
serve(struct host *h, const struct conn_place *asking)
{
	struct conn_place *p;

	while ((p = next_to_hold(h)) != NULL) {
		hold(p);
		if (p != asking)
			wake(p);
	}
	wake_holders(h);
}

/* The place is in no list any more. */
static void
refuse(struct conn_place *p)
{
	p->until_ms = p->door->not_before_ms;
	conn_limit_let_go(p->limit, p->host, p->flow, p->door);
	p->state = REFUSED;
	p->host = NULL;
	p->flow = NULL;
	p->door = NULL;
}

static void
refuse_waiting(struct flow *f, const struct door *d)
{
	struct conn_place *p, *next;

	for (p = TAILQ_FIRST(&f->waiting); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->door != d || !p->caller.backs_off)
			continue;
		leave_waiting(p);
		refuse(p); /* the flow may go with its last place */
		wake(p);
	}
}

/* `h` and `d` keep the place that reports. */
static void
refuse_all(struct host *h, const struct door *d)
{
	struct flow *f, *next;

	for (f = TAILQ_FIRST(&h->waiting); f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		refuse_waiting(f, d);
	}
}

/* -- places ------------------------------------------------------------------------------------- */

static void
enter(struct conn_place *p, int64_t now_ms)
{
	struct host *h = p->host;
	struct flow *f = p->flow;

	if (p->caller.backs_off && p->door->failures > 0 && now_ms < p->door->not_before_ms) {
		refuse(p);
		return;
	}
	p->state = WAITING;
	TAILQ_INSERT_TAIL(&f->waiting, p, link);
	if (f->n_waiting++ == 0)
		TAILQ_INSERT_TAIL(&h->waiting, f, link);
	if (!p->limit->closed)
		serve(h, p);
}

struct conn_place *
conn_limit_enter(struct conn_limit *l, const struct sockaddr_storage *to,
    const struct conn_caller *caller, int64_t now_ms)
{
	struct conn_place *p = memory_new(sizeof *p);
	uint64_t key[KEY_WORDS];

	p->limit = l;
	p->caller = *caller;
	p->caller.domain = NULL;
	conn_limit_key(to, key);
	pthread_mutex_lock(&l->lock);
	p->host = conn_limit_host(l, key);
	p->flow = conn_limit_flow(l, key, caller->domain);
	p->door = conn_limit_door(l, key);
	enter(p, now_ms);
	pthread_mutex_unlock(&l->lock);
	return p;
}

bool
conn_place_is_held(const struct conn_place *p)
{
	bool held;

	pthread_mutex_lock(&p->limit->lock);
	held = p->state == HELD;
	pthread_mutex_unlock(&p->limit->lock);
	return held;
}

bool
conn_place_is_refused(const struct conn_place *p, int64_t *until_ms)
{
	bool refused;

	pthread_mutex_lock(&p->limit->lock);
	refused = p->state == REFUSED;
	*until_ms = p->until_ms;
	pthread_mutex_unlock(&p->limit->lock);
	return refused;
}

/* Several that were connecting fail together: that is one failure. */
static void
note_failure(struct door *d, int64_t now_ms)
{
	int64_t pause_ms = CONN_DOOR_PAUSE_MAX_MS;

	if (d->failures > 0 && now_ms < d->not_before_ms)
		return;
	if (d->failures < 5)
		pause_ms = (int64_t)CONN_DOOR_PAUSE_MS << d->failures;
	d->failures++;
	d->not_before_ms = now_ms + pause_ms;
}

void
conn_place_report(struct conn_place *p, bool answers, int64_t now_ms)
{
	struct conn_limit *l = p->limit;
	struct door *d = p->door;

	pthread_mutex_lock(&l->lock);
	if (answers || d->prober == p)
		d->prober = NULL;
	if (answers)
		d->failures = 0;
	else
		note_failure(d, now_ms);
	if (answers)
		note_answer(p);
	if (!l->closed) {
		if (!answers)
			refuse_all(p->host, d);
		serve(p->host, NULL);
	}
	pthread_mutex_unlock(&l->lock);
}

bool
conn_place_is_wanted(struct conn_place *p)
{
	bool wanted = false;

	pthread_mutex_lock(&p->limit->lock);
	if (p->state == HELD) {
		const struct crowd c = crowd_of(p->host);

		wanted = is_wanted(p, &c);
		p->host->n_leaving += wanted && !p->leaving;
		p->flow->n_leaving += wanted && !p->leaving;
		p->leaving = wanted;
	}
	pthread_mutex_unlock(&p->limit->lock);
	return wanted;
}

void
conn_place_leave(struct conn_place **pp)
{
	struct conn_place *p = *pp;
	struct conn_limit *l;

	if (p == NULL)
		return;
	*pp = NULL;
	l = p->limit;
	pthread_mutex_lock(&l->lock);
	if (p->state == HELD)
		leave_held(p);
	else if (p->state == WAITING)
		leave_waiting(p);
	if (p->state != REFUSED) {
		if (!l->closed)
			serve(p->host, NULL);
		conn_limit_let_go(l, p->host, p->flow, p->door);
	}
	pthread_mutex_unlock(&l->lock);
	free(p);
}

void
conn_limit_free(struct conn_limit **lp)
{
	if (*lp == NULL)
		return;
	while (!TAILQ_EMPTY(&(*lp)->remembered))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it leaves the list */
		conn_limit_forget_door(*lp, TAILQ_FIRST(&(*lp)->remembered));
	pthread_mutex_destroy(&(*lp)->lock);
	free(*lp);
	*lp = NULL;
}
