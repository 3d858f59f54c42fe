/* fetch_run — one letter on its way here; see fetch_run.h.  With one target: fetch_session.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "ims/fetch/acknowledger.h"
#include "ims/fetch/fetch_dial.h"
#include "ims/fetch/fetch_private.h"
#include "ims/fetch/fetcher.h"

static void
log_run(const struct fetch_run *r, enum log_level level, const char *event, const struct err *e)
{
	char id[ULID_STR_BYTES];

	ulid_str(&r->letter.id, id);
	log_fact_of(domain_span(&r->letter.from_domain), level, event,
	    "id=%s from=%s own=%s host=%s size=%llu word=%s text=%s", id,
	    r->letter.from_domain.text, r->letter.own_domain.text,
	    r->dial == NULL ? "-" : dial_host(r->dial), (unsigned long long)r->letter.size,
	    e == NULL ? "ok" : refusal_word(e->why), e == NULL ? "-" : log_str(e->text));
}

/* -- the end ------------------------------------------------------------------------------------------ */

static void
destroy(struct fetch_run *r)
{
	fetch_session_forget(r);
	if (r->in != NULL)
		body_abort_take(r->in);
	dial_free(&r->dial);
	free(r);
}

static void
settle(struct fetch_run *r, const struct err *e)
{
	struct err quoted;

	r->settled = true;
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

static void
ended(void *arg)
{
	struct fetch_run *r = arg;

	if (!is_freed(r))
		over(r);
}

static void
acked(struct fetch_run *r)
{
	r->busy = true;
	loop_post(r->worker->loop, ended, r);
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
	fetch_session_forget(r);
	r->busy = true;
	r->letter.state = state;
	r->letter.why = state == MAILBOX_HELD ? REFUSAL_NONE : r->why.why;
	ims_store_release(r->worker->ims->store, &r->letter, state, r->letter.why, r->worker->loop,
	    released, r);
}

/* -- keeping ------------------------------------------------------------------------------------------------ */

/* Where DONE is not said now, it stays owed: ims/fetch/acknowledger. */
static void
send_done(struct fetch_run *r)
{
	struct err why;

	if (r->session != NULL && !fetch_session_may_ask(r, &why)) {
		log_run(r, LOG_WARN, "fetch.unsaid", &why);
		acknowledger_soon(r->worker->ims);
	} else if (r->session != NULL &&
	    fetch_client_done(&r->session->client, &r->letter.id, NULL)) {
		conn_kick(r->session->conn);
		return;
	}
	over(r);
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
	r->round = round;
	acknowledger_heard(r->worker->ims, r->letter.own_domain.text, r->letter.from_domain.text);
	settle(r, NULL);
	send_done(r);
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

static void
came(struct fetch_run *r)
{
	struct body_in *in = r->in;

	r->in = NULL;
	r->busy = true;
	body_end_take(in, synced, r);
}

/* -- targets -------------------------------------------------------------------------------------------- */

static void
next_hop(struct fetch_run *r)
{
	struct err why;

	if (!dial_is_over(r->dial)) {
		fetch_session_begin(r);
		return;
	}
	fetch_verdict_end(&r->verdict, dial_is_whole(r->dial), &why);
	give_up(r, &why);
}

/* Another target may still have it; a letter that was recalled is so everywhere, and one that is not what
 * was announced is evidence. */
static void
refused(struct fetch_run *r, const struct err *e)
{
	if (r->in != NULL)
		body_abort_take(r->in);
	r->in = NULL;
	fetch_session_forget(r);
	if (e->why == REFUSAL_recalled || e->why == REFUSAL_broken_promise) {
		give_up(r, e);
		return;
	}
	fetch_verdict_add(&r->verdict, dial_target(r->dial), e);
	next_hop(r);
}

static const struct fetch_session_ops session_ops = { came, refused, acked, over };

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
	find(r);
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
	r->session_ops = &session_ops;
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

bool
fetch_run_settled(const struct fetch_run *r)
{
	return r->settled;
}
