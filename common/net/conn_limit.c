/* conn_limit — locked tables: the places of each host, the failures of each port; see conn_limit.h. */
#include "common/net/conn_limit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"

#define BUCKETS   1024
#define KEY_WORDS 3 /* an IPv6 address; 0, 1 + port, or FLOW and a domain */
#define FLOW      (1ULL << 63)

TAILQ_HEAD(places, conn_place);

struct entry {
	struct entry *next; /* in its bucket */
	uint64_t key[KEY_WORDS];
};

/* What one domain has at one address. */
struct flow {
	struct entry entry; /* first */
	unsigned n_places;  /* of all states but REFUSED */
	unsigned n_held, n_unanswered, n_leaving, n_waiting;
	struct places waiting;
	TAILQ_ENTRY(flow) link; /* while n_waiting > 0 */
};

/* An address that has places.  Its key ends in 0. */
struct host {
	struct entry entry; /* first */
	unsigned n_places;  /* of all states but REFUSED */
	unsigned n_held, n_unanswered, n_leaving;
	struct places held;
	TAILQ_HEAD(flows, flow) waiting; /* in the order of their turns */
};

/* A port of an address that has places, or has failed. */
struct door {
	struct entry entry; /* first */
	unsigned n_places;
	unsigned failures;     /* in turn */
	int64_t not_before_ms; /* of the next try */
	struct conn_place
	    *prober;            /* holds a place, to find out whether it answers again; or NULL */
	bool remembered;        /* only for its failures */
	TAILQ_ENTRY(door) link; /* of those */
};

TAILQ_HEAD(doors, door);

enum place_state { HELD, WAITING, REFUSED };

struct conn_place {
	TAILQ_ENTRY(conn_place) link; /* of the list that its state names */
	struct conn_limit *limit;
	struct host *host; /* REFUSED: NULL, as flow and door are */
	struct flow *flow;
	struct door *door;
	struct conn_caller caller;
	enum place_state state;
	bool answered;
	bool leaving;
	int64_t until_ms; /* REFUSED */
};

struct conn_limit {
	pthread_mutex_t lock;
	uint64_t secret;
	uint64_t n_unnamed; /* places of no domain, ever */
	bool closed;
	struct entry *bucket[BUCKETS]; /* hosts, flows and doors */
	struct doors remembered;       /* oldest first */
	unsigned n_remembered;
};

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

/* -- hosts, flows and doors: under the lock -------------------------------------------------------- */

/* An IPv4 address counts as the IPv6 address it is mapped to (tls_peer_init). */
static void
key_of(const struct sockaddr_storage *a, uint64_t key[KEY_WORDS])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;

	memset(key, 0, KEY_WORDS * sizeof *key);
	if (a->ss_family == AF_INET6) {
		memcpy(key, &v6->sin6_addr, sizeof v6->sin6_addr);
		key[2] = 1U + ntohs(v6->sin6_port);
	} else {
		memset((char *)key + 10, 0xff, 2);
		memcpy((char *)key + 12, &v4->sin_addr, 4);
		key[2] = 1U + ntohs(v4->sin_port);
	}
}

static struct entry **
find(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	uint64_t h = l->secret;
	struct entry **at;

	for (int i = 0; i < KEY_WORDS; i++)
		h = (h ^ key[i] ^ (h >> 29)) * 0x9e3779b97f4a7c15U;
	at = &l->bucket[(h >> 48) % BUCKETS];
	while (*at != NULL && memcmp((*at)->key, key, sizeof(*at)->key) != 0)
		at = &(*at)->next;
	return at;
}

/* The entry of this key; a new one has `bytes`, of which all others are 0. */
static void *
entry_of(struct conn_limit *l, const uint64_t key[KEY_WORDS], size_t bytes)
{
	struct entry **at = find(l, key);

	if (*at == NULL) {
		*at = memory_new(bytes);
		memcpy((*at)->key, key, sizeof(*at)->key);
	}
	return *at;
}

static void
drop(struct conn_limit *l, struct entry *x)
{
	*find(l, x->key) = x->next;
	free(x);
}

static struct host *
host_of(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	const uint64_t address[KEY_WORDS] = { key[0], key[1], 0 };
	struct host *h = entry_of(l, address, sizeof *h);

	if (h->n_places++ == 0) {
		TAILQ_INIT(&h->held);
		TAILQ_INIT(&h->waiting);
	}
	return h;
}

/* domain: NULL: a flow of its own. */
static struct flow *
flow_of(struct conn_limit *l, const uint64_t key[KEY_WORDS], const char *domain)
{
	uint64_t word = domain != NULL ? span_hash(span_str(domain), l->secret) : l->n_unnamed++;
	const uint64_t mine[KEY_WORDS] = { key[0], key[1], word | FLOW };
	struct flow *f = entry_of(l, mine, sizeof *f);

	if (f->n_places++ == 0)
		TAILQ_INIT(&f->waiting);
	return f;
}

static void
recall(struct conn_limit *l, struct door *d)
{
	TAILQ_REMOVE(&l->remembered, d, link);
	l->n_remembered--;
	d->remembered = false;
}

static struct door *
door_of(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	struct door *d = entry_of(l, key, sizeof *d);

	if (d->remembered)
		recall(l, d);
	d->n_places++;
	return d;
}

static void
forget_door(struct conn_limit *l, struct door *d)
{
	if (d->remembered)
		recall(l, d);
	drop(l, &d->entry);
}

/* A door without places is kept only for its failures, up to CONN_DOORS_REMEMBERED. */
static void
let_go(struct conn_limit *l, struct host *h, struct flow *f, struct door *d)
{
	if (--h->n_places == 0)
		drop(l, &h->entry);
	if (--f->n_places == 0)
		drop(l, &f->entry);
	if (--d->n_places > 0)
		return;
	if (d->failures == 0) {
		forget_door(l, d);
		return;
	}
	d->remembered = true;
	TAILQ_INSERT_TAIL(&l->remembered, d, link);
	if (++l->n_remembered > CONN_DOORS_REMEMBERED)
		forget_door(l, TAILQ_FIRST(&l->remembered));
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

/* Of those that wait, as far as the ports and the connections that are not answered are concerned. */
static struct conn_place *
first_to_connect(const struct host *h, const struct flow *f)
{
	struct conn_place *p;

	if (!leaves_enough(CONN_UNANSWERED, h->n_unanswered, f->n_unanswered))
		return NULL;
	TAILQ_FOREACH (p, &f->waiting, link)
		if (!port_is_tried(p))
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
	let_go(p->limit, p->host, p->flow, p->door);
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
	key_of(to, key);
	pthread_mutex_lock(&l->lock);
	p->host = host_of(l, key);
	p->flow = flow_of(l, key, caller->domain);
	p->door = door_of(l, key);
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
		let_go(l, p->host, p->flow, p->door);
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
		forget_door(*lp, TAILQ_FIRST(&(*lp)->remembered));
	pthread_mutex_destroy(&(*lp)->lock);
	free(*lp);
	*lp = NULL;
}
