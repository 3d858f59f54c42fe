/* fetch_link — one session with one address of a sender's OMS; see fetch_link.h. */
#include "ims/fetch/fetch_link.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "proto/fetch_client.h"

/* One that is not answered yet. */
struct fetch_request {
	TAILQ_ENTRY(fetch_request) next;
	struct fetch_want *want; /* NULL: DONE, or a letter that nobody wants any more */
	uint64_t octets;         /* of the letter */
	bool done;
	bool begun; /* its octets come */
	struct ims_ack ack;
};

TAILQ_HEAD(requests, fetch_request);

struct fetch_link {
	struct fetch_client client; /* first: what conn moves */
	struct ims_worker *worker;
	struct domain own, from;
	struct sockaddr_storage address;
	char host[DNS_NAME_BYTES];
	const char *kind;
	const struct fetch_link_ops *ops;
	void *role; /* NULL: it ends once all is answered */
	struct conn *conn;
	struct loop_timer *timer;
	struct requests requests;
	struct fetch_request *head; /* whose time runs */
	size_t dones;               /* of the requests */
	struct requests acked;      /* DONE is answered, and the store is not told yet */
	size_t n_acked;
	struct err why; /* of the end */
	bool up, welcomed, heard;
	bool quitting;
	bool cut;  /* nothing that comes counts any more */
	bool over; /* the role and all wants were told */
};

/* -- DONE is answered ---------------------------------------------------------------------------------- */

static void
struck(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL) /* then it is said once more: ims/fetch/acknowledger */
		log_fact_of(SPAN_LIT("store"), LOG_WARN, "fetch.store", "word=%s text=%s",
		    refusal_word(e->why), log_str(e->text));
}

/* Where one came to be pending anew meanwhile, it has another round. */
static void
strike_out(struct fetch_link *l)
{
	struct fetch_request *q;
	struct ims_ack *acked;
	size_t n = 0;

	if (l->n_acked == 0)
		return;
	acked = memory_array(l->n_acked, sizeof *acked);
	while ((q = TAILQ_FIRST(&l->acked)) != NULL) {
		acked[n++] = q->ack;
		TAILQ_REMOVE(&l->acked, q, next);
		free(q);
	}
	l->n_acked = 0;
	ims_store_acked_several(l->worker->ims->store, acked, n, l->worker->loop, struck, NULL);
	free(acked);
}

static void
done_answered(struct fetch_link *l, struct fetch_request *q, const struct err *e)
{
	TAILQ_REMOVE(&l->requests, q, next);
	l->dones--;
	if (e == NULL) {
		TAILQ_INSERT_TAIL(&l->acked, q, next);
		l->n_acked++;
	} else {
		free(q);
	}
	if (l->dones == 0 || l->n_acked == FETCH_DONES)
		strike_out(l);
}

/* -- the end ------------------------------------------------------------------------------------------- */

/* Why it ended, for the reader: a broken link between the servers is not hers, and a 421 between the two
 * would end her own session. */
static void
why_ended(const struct fetch_link *l, const struct err *why, struct err *e)
{
	if (why == NULL || why->why == REFUSAL_NONE)
		err_set(e, REFUSAL_unreachable, "%s closed the connection", l->host);
	else if (why->why == REFUSAL_tls_truncated || refusal_code(why->why) == 421)
		err_set(e, REFUSAL_unreachable, "%s broke off: %s", l->host,
		    why->text[0] != '\0' ? why->text : refusal_sentence(why->why));
	else
		*e = *why;
}

/* Takes the request.  NULL: nobody wants its letter. */
static struct fetch_want *
take_want(struct fetch_link *l, struct fetch_request *q)
{
	struct fetch_want *w = q->want;

	TAILQ_REMOVE(&l->requests, q, next);
	if (l->head == q)
		l->head = NULL;
	if (w != NULL)
		w->link = NULL, w->request = NULL;
	free(q);
	return w;
}

static void
give_back(struct fetch_link *l, struct fetch_request *q, void *role, const struct err *e)
{
	bool begun = q->begun;
	struct fetch_want *w = take_want(l, q);

	if (w == NULL)
		return;
	if (w->in != NULL)
		body_abort_take(w->in);
	w->in = NULL;
	if (!l->welcomed && role != NULL)
		l->ops->back(role, w);
	else if (l->heard && !begun)
		w->ops->again(w->arg, l->host, e);
	else
		w->ops->refused(w->arg, (struct sockaddr *)&l->address, l->host, e);
}

static void
end(struct fetch_link *l, const struct err *why)
{
	struct fetch_request *q;
	void *role = l->role;
	struct err e;

	if (l->over)
		return;
	l->over = true;
	l->role = NULL;
	why_ended(l, l->why.why != REFUSAL_NONE ? &l->why : why, &e);
	loop_timer_cancel(l->timer);
	strike_out(l);
	if (role != NULL)
		l->ops->lost(role);
	while ((q = TAILQ_FIRST(&l->requests)) != NULL)
		give_back(l, q, role, &e);
	if (role != NULL)
		l->ops->ended(role, &e, l->welcomed);
}

static void
cut_off(struct fetch_link *l, const struct err *e)
{
	l->cut = true;
	l->why = *e;
	conn_drop(l->conn, e);
}

static void
quit(struct fetch_link *l)
{
	if (l->over || l->quitting || l->cut)
		return;
	l->quitting = true;
	if (!l->up || !fetch_client_quit(&l->client)) {
		conn_close(l->conn);
		return;
	}
	loop_timer_set_ms(l->timer, FETCH_QUIT_MS);
	conn_kick(l->conn);
}

/* The time of the first request runs; or there is none. */
static void
go_on(struct fetch_link *l)
{
	struct fetch_request *first = TAILQ_FIRST(&l->requests);

	if (l->over || l->quitting || !l->welcomed)
		return;
	if (first == NULL && l->role == NULL)
		quit(l);
	else if (first == NULL || l->head != first)
		loop_timer_set_ms(l->timer, first == NULL ? FETCH_IDLE_MS : FETCH_TURN_MS);
	l->head = first;
}

/* -- replies ------------------------------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct fetch_link *l = role;

	if (e != NULL) {
		l->why = *e;
		return; /* lost follows */
	}
	l->welcomed = true;
	log_fact_of(domain_span(&l->from), LOG_INFO, "fetch.ready", "own=%s from=%s host=%s for=%s",
	    l->own.text, l->from.text, l->host, l->kind);
	go_on(l);
}

/* The body, and so the link, still exists. */
static void
disk_ready(void *link)
{
	struct fetch_link *l = link;

	client_pause(&l->client.client, false);
	conn_kick(l->conn);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	struct fetch_link *l = role;
	struct fetch_request *q = arg;

	if (l->cut)
		return err_word(e, REFUSAL_closing);
	l->heard = q->begun = true;
	if (octets != q->octets)
		return err_set(e, REFUSAL_broken_promise, "%llu octets were announced, %llu come",
		    (unsigned long long)q->octets, (unsigned long long)octets);
	if (q->want == NULL)
		return true;
	q->want->in = ims_store_body_in(l->worker->ims->store, q->want->letter, l->worker->loop);
	body_when_ready(q->want->in, disk_ready, l);
	return true;
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	struct fetch_link *l = role;
	struct fetch_want *w = ((struct fetch_request *)arg)->want;
	struct err e;

	if (l->cut || w == NULL)
		return;
	/* They were asked for while it was good, and may be hours on their way. */
	if (!tls_peer_check(conn_peer(l->conn), l->worker->ims->tls, &e)) {
		cut_off(l, &e);
		return;
	}
	body_add(w->in, piece);
	if (body_full(w->in))
		client_pause(&l->client.client, true);
	w->ops->progress(w->arg, body_size(w->in));
}

static void
letter_answered(struct fetch_link *l, struct fetch_want *w, const struct err *why)
{
	struct err e;

	if (w == NULL)
		return;
	if (why == NULL) {
		w->ops->came(w->arg, l->host);
		return;
	}
	why_ended(l, why, &e);
	w->ops->refused(w->arg, (struct sockaddr *)&l->address, l->host, &e);
}

static void
on_end(void *role, void *arg, const struct err *e)
{
	struct fetch_link *l = role;
	struct fetch_request *q = arg;

	if (l->cut || l->client.client.over)
		return; /* `end` tells all of them */
	l->heard = true;
	if (l->head == q)
		l->head = NULL;
	if (q->done)
		done_answered(l, q, e);
	else
		letter_answered(l, take_want(l, q), e);
	go_on(l);
	if (l->role != NULL)
		l->ops->answered(l->role);
}

static void
on_lost(void *role, const struct err *e)
{
	struct fetch_link *l = role;

	if (!l->cut) /* else forget_conn follows */
		end(l, e);
}

static const struct fetch_client_ops client_ops = {
	.hello = on_hello,
	.found = on_found,
	.payload = on_payload,
	.end = on_end,
	.lost = on_lost,
};

/* -- the connection ------------------------------------------------------------------------------------ */

static void
on_up(struct conn *c, void *role)
{
	struct fetch_link *l = role;

	if (l->role == NULL) {
		conn_drop(c, NULL);
		return;
	}
	l->up = true;
	loop_timer_set_ms(l->timer, FETCH_HELLO_MS);
	conn_set_engine(c, &l->client.client.engine);
	fetch_client_hello(&l->client, l->own.text);
	l->ops->up(l->role);
	conn_kick(c);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct fetch_link *l = role;

	(void)c;
	end(l, why);
	fetch_client_clear(&l->client);
	loop_timer_free(&l->timer);
	free(l);
}

static void
on_wanted(struct conn *c, void *role)
{
	struct fetch_link *l = role;

	(void)c;
	if (l->role != NULL)
		l->ops->wanted(l->role);
}

static const struct conn_events conn_events = {
	.up = on_up,
	.forget_conn = on_gone,
	.wanted = on_wanted,
};

/* -- time ---------------------------------------------------------------------------------------------- */

/* The first request is slow: the letters after it go elsewhere.  DONE may wait. */
static void
let_go(struct fetch_link *l)
{
	struct fetch_request *q, *next = TAILQ_NEXT(TAILQ_FIRST(&l->requests), next);
	struct err e;

	err_set(&e, REFUSAL_unreachable, "%s is slow", l->host);
	if (l->role != NULL)
		l->ops->stuck(l->role);
	while ((q = next) != NULL) {
		struct fetch_want *w = q->want;

		next = TAILQ_NEXT(q, next);
		if (w == NULL)
			continue;
		fetch_link_forget(w);
		w->ops->again(w->arg, l->host, &e);
	}
}

static void
on_timer(void *arg)
{
	struct fetch_link *l = arg;
	struct err e;

	if (l->quitting) {
		conn_close(l->conn);
	} else if (!l->welcomed) {
		err_set(&e, REFUSAL_unreachable, "%s did not answer HELLO for %d s", l->host,
		    FETCH_HELLO_MS / 1000);
		cut_off(l, &e);
	} else if (TAILQ_EMPTY(&l->requests)) {
		quit(l);
	} else if (TAILQ_NEXT(TAILQ_FIRST(&l->requests), next) != NULL) {
		let_go(l);
	} else {
		loop_timer_set_ms(l->timer, FETCH_TURN_MS);
	}
}

/* -- asked by the role --------------------------------------------------------------------------------- */

struct fetch_link *
fetch_link_new(struct ims_worker *w, struct dial *d, const char *own, const char *from,
    const char *kind, const struct fetch_link_ops *ops, void *role)
{
	struct fetch_link *l = memory_new(sizeof *l);
	const struct sockaddr *to;

	l->worker = w;
	l->own = domain_copy(own);
	l->from = domain_copy(from);
	l->kind = kind;
	l->ops = ops;
	l->role = role;
	TAILQ_INIT(&l->requests);
	TAILQ_INIT(&l->acked);
	l->timer = loop_timer_new(w->loop, on_timer, l);
	fetch_client_init(&l->client, &client_ops, l);
	l->conn = dial_next(d, &conn_events, l);
	to = dial_address(d);
	memcpy(&l->address, to,
	    to->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	snprintf(l->host, sizeof l->host, "%s", dial_host(d));
	return l;
}

void
fetch_link_leave(struct fetch_link **lp)
{
	struct fetch_link *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	l->role = NULL;
	if (TAILQ_EMPTY(&l->requests))
		quit(l);
}

void
fetch_link_drop(struct fetch_link **lp)
{
	struct fetch_link *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	l->role = NULL;
	l->cut = true;
	conn_drop(l->conn, NULL);
}

bool
fetch_link_is_up(const struct fetch_link *l)
{
	return l->up && !l->over && !l->cut && !l->quitting;
}

bool
fetch_link_is_idle(const struct fetch_link *l)
{
	return l->welcomed && TAILQ_EMPTY(&l->requests);
}

bool
fetch_link_was_heard(const struct fetch_link *l)
{
	return l->heard;
}

bool
fetch_link_is_current(const struct fetch_link *l)
{
	return conn_shows_newest(l->conn, l->own.text) && !l->quitting &&
	    !client_is_old(&l->client.client, loop_now_ms(l->worker->loop)) &&
	    !(l->heard && conn_is_wanted(l->conn));
}

bool
fetch_link_is_vouched(struct fetch_link *l, struct err *e)
{
	if (tls_peer_check(conn_peer(l->conn), l->worker->ims->tls, e))
		return true;
	cut_off(l, e);
	return false;
}

const struct sockaddr *
fetch_link_address(const struct fetch_link *l)
{
	return (const struct sockaddr *)&l->address;
}

const char *
fetch_link_host(const struct fetch_link *l)
{
	return l->host;
}

static struct fetch_request *
request_new(struct fetch_link *l)
{
	struct fetch_request *q = memory_new(sizeof *q);

	TAILQ_INSERT_TAIL(&l->requests, q, next);
	return q;
}

static bool
sent(struct fetch_link *l, struct fetch_request *q, bool taken)
{
	if (!taken) {
		TAILQ_REMOVE(&l->requests, q, next);
		free(q);
		return false;
	}
	go_on(l);
	return true;
}

bool
fetch_link_ask(struct fetch_link *l, struct fetch_want *w)
{
	struct fetch_request *q = request_new(l);

	q->octets = w->letter->size;
	if (!sent(l, q, fetch_client_fetch(&l->client, &w->letter->id, 0, q)))
		return false;
	q->want = w;
	w->link = l;
	w->request = q;
	return true;
}

bool
fetch_link_done(struct fetch_link *l, const struct ims_ack *a)
{
	struct fetch_request *q = request_new(l);

	q->done = true;
	q->ack = *a;
	if (!sent(l, q, fetch_client_done(&l->client, &a->id, q)))
		return false;
	l->dones++;
	return true;
}

bool
fetch_link_has_done(const struct fetch_link *l, const struct ims_ack *a)
{
	const struct fetch_request *q;

	TAILQ_FOREACH (q, &l->requests, next)
		if (q->done && ulid_eq(&q->ack.id, &a->id))
			return true;
	return false;
}

void
fetch_link_kick(struct fetch_link *l)
{
	conn_kick(l->conn);
}

/* Its octets are read and dropped. */
void
fetch_link_forget(struct fetch_want *w)
{
	struct fetch_link *l = w->link;

	if (l == NULL)
		return;
	w->request->want = NULL;
	if (w->request->begun && l->client.client.full)
		disk_ready(l);
	w->link = NULL;
	w->request = NULL;
}
