/* fetch_run — one letter on its way here; see fetch_run.h. */
#include "ims/fetch/fetch_run.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "ims/fetch/acknowledger.h"
#include "ims/fetch/fetch_dial.h"
#include "ims/fetch/fetch_link.h"
#include "ims/fetch/fetch_pair.h"
#include "ims/fetch/fetch_verdict.h"
#include "ims/fetch/fetcher.h"

#define SHARED_MOST 3 /* warm sessions that it is asked for on; then it has one of its own */

struct fetch_run {
	struct ims_worker *worker;
	struct ims_letter letter; /* with the lease's fence */
	const struct fetch_run_ops *ops;
	void *arg;
	struct fetch_want want;
	char host[DNS_NAME_BYTES]; /* that was asked last */
	unsigned shared;           /* warm sessions it was asked for on */
	struct dial *dial;         /* of sessions of its own; NULL: it has none */
	struct fetch_link *link;
	struct fetch_verdict verdict;
	struct sockaddr_storage
	    asked; /* by a warm session, which did not give it; no family: none */
	struct err asked_why;
	struct err why; /* of the end */
	bool busy;      /* the store or the spool has us */
	bool freed;     /* and will find this */
};

static void
log_run(const struct fetch_run *r, enum log_level level, const char *event, const struct err *e)
{
	char id[ULID_STR_BYTES];

	ulid_str(&r->letter.id, id);
	log_fact_of(domain_span(&r->letter.from_domain), level, event,
	    "id=%s from=%s own=%s host=%s size=%llu word=%s text=%s", id,
	    r->letter.from_domain.text, r->letter.own_domain.text,
	    r->host[0] == '\0' ? "-" : r->host, (unsigned long long)r->letter.size,
	    e == NULL ? "ok" : refusal_word(e->why), e == NULL ? "-" : log_str(e->text));
}

/* -- the end ------------------------------------------------------------------------------------------ */

/* A session of its own has nothing else to bring. */
static void
forget(struct fetch_run *r)
{
	fetch_pair_forget(&r->want);
	if (r->want.in != NULL)
		body_abort_take(r->want.in);
	r->want.in = NULL;
	fetch_link_drop(&r->link);
}

static void
destroy(struct fetch_run *r)
{
	forget(r);
	dial_free(&r->dial);
	free(r);
}

static void
settle(struct fetch_run *r, const struct err *e)
{
	struct err quoted;

	log_run(r, e == NULL ? LOG_INFO : LOG_WARN, e == NULL ? "fetch.here" : "fetch.failed", e);
	if (e != NULL) {
		quoted = *e;
		err_quote(&quoted, r->letter.from_domain.text);
		e = &quoted;
	}
	r->ops->settled(r->arg, &r->letter, e);
}

static void
over(struct fetch_run *r)
{
	void (*report_end)(void *) = r->ops->over;
	void *to = r->arg;

	destroy(r);
	report_end(to);
}

/* True where the run was given up while the store worked: it is no more. */
static bool
is_freed(struct fetch_run *r)
{
	bool freed = r->freed;

	r->busy = false;
	if (freed)
		destroy(r);
	return freed;
}

/* -- giving up: what the store is to remember ---------------------------------------------------------- */

static void
released(void *arg, const struct err *e)
{
	struct fetch_run *r = arg;
	bool freed = r->freed;
	struct err why = r->why;

	(void)e; /* a lost lease is somebody else's by now */
	r->busy = false;
	if (freed) {
		destroy(r);
		return;
	}
	settle(r, &why);
	over(r);
}

/* What of the refusals is the end of the letter, and what only of this try. */
static enum mailbox_state
state_after(enum refusal why)
{
	switch (why) {
	case REFUSAL_broken_promise:
		return MAILBOX_BAD_SEAL;
	case REFUSAL_recalled:
		return MAILBOX_RECALLED;
	case REFUSAL_gone:
		return MAILBOX_GONE;
	default:
		return MAILBOX_HELD;
	}
}

static void
give_up(struct fetch_run *r, const struct err *why)
{
	enum mailbox_state state = state_after(why->why);

	r->why = *why;
	forget(r);
	r->busy = true;
	r->letter.state = state;
	r->letter.why = state == MAILBOX_HELD ? REFUSAL_NONE : r->why.why;
	ims_store_release(r->worker->ims->store, &r->letter, state, r->letter.why, r->worker->loop,
	    released, r);
}

/* -- keeping ------------------------------------------------------------------------------------------------ */

/* May it take more than the request that made it? */
static bool
may_ask(struct fetch_run *r, struct err *e)
{
	if (!fetch_link_is_vouched(r->link, e))
		return false;
	if (RULE(not_designated) && dial_is_stale(r->dial, loop_now_ms(r->worker->loop)))
		return err_set(e, REFUSAL_not_designated, "what DNS said of %s has run out",
		    r->host);
	return true;
}

/* On the session that it has, or later.  Where it is not said, it stays owed: ims/fetch/acknowledger. */
static void
send_done(struct fetch_run *r, uint64_t round)
{
	struct ims_ack a = { .id = r->letter.id, .round = round };
	struct err why;

	a.from_domain = r->letter.from_domain;
	a.own_domain = r->letter.own_domain;
	if (r->link == NULL) {
		fetch_pair_done(r->worker->fetch_pairs, &r->letter, round);
	} else if (!may_ask(r, &why)) {
		log_run(r, LOG_WARN, "fetch.unsaid", &why);
		acknowledger_soon(r->worker->ims);
	} else if (fetch_link_done(r->link, &a)) {
		fetch_link_kick(r->link);
	}
	fetch_link_leave(&r->link);
}

static void
kept(void *arg, uint64_t round, const struct err *e)
{
	struct fetch_run *r = arg;
	struct err why;

	if (e != NULL)
		why = *e;
	if (is_freed(r))
		return;
	if (e != NULL) {
		give_up(r, &why);
		return;
	}
	r->letter.state = MAILBOX_HERE;
	acknowledger_heard(r->worker->ims, r->letter.own_domain.text, r->letter.from_domain.text);
	settle(r, NULL);
	send_done(r, round);
	over(r);
}

static void
synced(void *arg, struct body_kept *k, const struct err *e)
{
	struct fetch_run *r = arg;
	struct err why;

	if (e != NULL)
		why = *e;
	if (r->freed && k != NULL) {
		body_remove(ims_store_bodies(r->worker->ims->store), k->name);
		body_kept_clear(k);
	}
	if (is_freed(r))
		return;
	if (e != NULL) {
		give_up(r, &why);
		return;
	}
	if (RULE(broken_promise) &&
	    (k->size != r->letter.size || memcmp(k->digest, r->letter.digest, DIGEST_BYTES) != 0)) {
		body_remove(ims_store_bodies(r->worker->ims->store), k->name);
		body_kept_clear(k);
		err_set(&why, REFUSAL_broken_promise, "size or digest is not what was announced");
		give_up(r, &why);
		return;
	}
	r->busy = true;
	ims_store_keep_take(r->worker->ims->store, &r->letter, k, r->worker->loop, kept, r);
}

/* -- sessions ---------------------------------------------------------------------------------------------- */

static void
remember_host(struct fetch_run *r, const char *host)
{
	snprintf(r->host, sizeof r->host, "%s", host);
}

static void
on_progress(void *arg, uint64_t got)
{
	struct fetch_run *r = arg;

	r->ops->progress(r->arg, got);
}

static void
on_came(void *arg, const char *host)
{
	struct fetch_run *r = arg;
	struct body_in *in = r->want.in;

	remember_host(r, host);
	r->want.in = NULL;
	r->busy = true;
	body_end_take(in, synced, r);
}

static void
on_failed(void *arg, const struct err *e)
{
	give_up(arg, e);
}

/* -- a session of its own: one target after the other ----------------------------------------------------- */

static void next_hop(struct fetch_run *r);

static void
own_up(void *role)
{
	struct fetch_run *r = role;

	fetch_link_ask(r->link, &r->want);
}

/* own_ended follows. */
static void
own_back(void *role, struct fetch_want *w)
{
	(void)role;
	(void)w;
}

static void
own_does_nothing(void *role)
{
	(void)role;
}

static void
own_lost(void *role)
{
	((struct fetch_run *)role)->link = NULL;
}

/* Another target may still have it; a letter that was recalled is so everywhere, and one that is not what
 * was announced is evidence. */
static bool
is_final(enum refusal why)
{
	return why == REFUSAL_recalled || why == REFUSAL_broken_promise;
}

static void
refused_by_target(struct fetch_run *r, const struct err *e)
{
	fetch_link_drop(&r->link);
	if (is_final(e->why)) {
		give_up(r, e);
		return;
	}
	fetch_verdict_add(&r->verdict, dial_target(r->dial), e);
	next_hop(r);
}

static void
own_ended(void *role, const struct err *why, bool welcomed)
{
	if (!welcomed)
		refused_by_target(role, why);
}

static const struct fetch_link_ops own_ops = {
	.up = own_up,
	.back = own_back,
	.answered = own_does_nothing,
	.wanted = own_does_nothing,
	.stuck = own_does_nothing,
	.lost = own_lost,
	.ended = own_ended,
};

static void
next_hop(struct fetch_run *r)
{
	struct err why;

	while (r->asked.ss_family != AF_UNSPEC &&
	    dial_is_next(r->dial, (const struct sockaddr *)&r->asked)) {
		dial_skip(r->dial);
		fetch_verdict_add(&r->verdict, dial_target(r->dial), &r->asked_why);
	}
	if (!dial_is_over(r->dial)) {
		r->link = fetch_link_new(r->worker, r->dial, r->letter.own_domain.text,
		    r->letter.from_domain.text, "one", &own_ops, r);
		remember_host(r, fetch_link_host(r->link));
		return;
	}
	fetch_verdict_end(&r->verdict, dial_is_whole(r->dial), &why);
	give_up(r, &why);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct fetch_run *r = arg;

	(void)d;
	if (why != NULL)
		give_up(r, why);
	else
		next_hop(r);
}

static void
find(struct fetch_run *r)
{
	r->dial = fetch_dial(r->worker, r->letter.from_domain.text, r->letter.own_domain.text,
	    found, r);
}

/* -- the warm session --------------------------------------------------------------------------------------- */

static void
ask(struct fetch_run *r)
{
	if (r->letter.size > FETCH_SHARED_MAX || r->shared == SHARED_MOST) {
		find(r);
		return;
	}
	r->shared++;
	fetch_pair_ask(r->worker->fetch_pairs, &r->want);
}

static void
on_again(void *arg, const char *host, const struct err *e)
{
	struct fetch_run *r = arg;

	if (r->dial != NULL) {
		refused_by_target(r, e);
		return;
	}
	remember_host(r, host);
	ask(r);
}

/* After the warm session the other targets are asked, too. */
static void
on_refused(void *arg, const struct sockaddr *by, const char *host, const struct err *e)
{
	struct fetch_run *r = arg;

	remember_host(r, host);
	if (r->dial != NULL) {
		refused_by_target(r, e);
		return;
	}
	if (is_final(e->why)) {
		give_up(r, e);
		return;
	}
	memcpy(&r->asked, by,
	    by->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	r->asked_why = *e;
	find(r);
}

static const struct fetch_want_ops want_ops = {
	.progress = on_progress,
	.came = on_came,
	.refused = on_refused,
	.again = on_again,
	.failed = on_failed,
};

/* -- the beginning ------------------------------------------------------------------------------------------ */

/* It may be here already, or over: then the store's word is the answer. */
static void
answer_from_store(struct fetch_run *r)
{
	struct err e;

	if (r->letter.state == MAILBOX_HERE) {
		settle(r, NULL);
	} else {
		err_word(&e, r->letter.why != REFUSAL_NONE ? r->letter.why : REFUSAL_gone);
		settle(r, &e);
	}
	over(r);
}

static void
leased(void *arg, const struct ims_letter *l, const struct err *e)
{
	struct fetch_run *r = arg;
	struct err why;

	if (e != NULL)
		why = *e;
	if (e == NULL)
		r->letter = *l;
	if (is_freed(r))
		return;
	if (e != NULL) {
		settle(r, &why);
		over(r);
		return;
	}
	if (r->letter.state != MAILBOX_FETCHING) {
		answer_from_store(r);
		return;
	}
	ask(r);
}

struct fetch_run *
fetch_run_new(struct ims_worker *w, const struct ims_letter *l, const struct fetch_run_ops *ops,
    void *arg)
{
	struct fetch_run *r = memory_new(sizeof *r);

	r->worker = w;
	r->letter = *l;
	r->ops = ops;
	r->arg = arg;
	r->want = (struct fetch_want) { .ops = &want_ops, .arg = r, .letter = &r->letter };
	r->busy = true;
	ims_store_lease(w->ims->store, l, w->loop, leased, r);
	return r;
}

void
fetch_run_free(struct fetch_run **rp)
{
	struct fetch_run *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	r->freed = true;
	if (!r->busy)
		destroy(r);
}
