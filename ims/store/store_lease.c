/* store_lease — leases in memory, where no other process can have the letter; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "ims/store/store_private.h"

/* -- the table, under the store's lock -------------------------------------------------------------------- */

static struct ims_held **
find(struct ims_store *s, const struct ims_letter *l)
{
	struct ims_held **h = &s->held[span_hash(span_of(&l->id, sizeof l->id), s->run) % IMS_HELD];

	while (*h != NULL &&
	    !(ulid_eq(&(*h)->id, &l->id) &&
		domain_eq(&(*h)->from_domain, domain_span(&l->from_domain))))
		h = &(*h)->next;
	return h;
}

static bool
is_void(const struct ims_held *h, int64_t now_s)
{
	return h->fence != 0 &&
	    (h->since_s + IMS_LEASE_S < now_s || h->since_s > now_s + IMS_LEASE_S);
}

static void
let_go(struct ims_held **h)
{
	struct ims_held *gone = *h;

	*h = gone->next;
	free(gone);
}

/* False: somebody else has it. */
static bool
take(struct ims_store *s, const struct ims_letter *l, int64_t now_s)
{
	struct ims_held **h, *made = NULL;

	pthread_mutex_lock(&s->lock);
	h = find(s, l);
	if (*h != NULL && is_void(*h, now_s))
		let_go(h);
	if (*h == NULL || !RULE(fetch_running)) {
		made = memory_new(sizeof *made);
		*made = (struct ims_held) { .next = *h,
			.id = l->id,
			.from_domain = l->from_domain,
			.since_s = now_s };
		*h = made;
	}
	pthread_mutex_unlock(&s->lock);
	return made != NULL;
}

/* Larger than those of this run and that of the record; and than those of earlier runs, if the clock went on. */
static uint64_t
number(struct ims_store *s, const struct ims_letter *l, uint64_t of)
{
	uint64_t fence = (uint64_t)clock_wall_us();
	struct ims_held **h;

	pthread_mutex_lock(&s->lock);
	if (fence <= l->fence)
		fence = l->fence + 1;
	if (fence <= s->last_fence)
		fence = s->last_fence + 1;
	s->last_fence = fence;
	h = find(s, l);
	if (*h != NULL)
		(*h)->fence = fence, (*h)->of = of;
	pthread_mutex_unlock(&s->lock);
	return fence;
}

bool
ims_lease_is(struct ims_store *s, const struct ims_letter *l, uint64_t *of)
{
	struct ims_held **h;
	bool is;

	if (s == NULL || l->fence == 0)
		return false;
	pthread_mutex_lock(&s->lock);
	h = find(s, l);
	is = *h != NULL && (*h)->fence == l->fence;
	if (is)
		*of = (*h)->of;
	pthread_mutex_unlock(&s->lock);
	return is;
}

bool
ims_lease_passed_on(struct ims_store *s, const struct ims_letter *l)
{
	struct ims_held **h;
	bool passed_on;

	if (s == NULL)
		return false;
	pthread_mutex_lock(&s->lock);
	h = find(s, l);
	passed_on = *h != NULL && (*h)->fence != l->fence && (*h)->fence != 0;
	pthread_mutex_unlock(&s->lock);
	return passed_on;
}

void
ims_lease_end(struct ims_store *s, const struct ims_letter *l)
{
	struct ims_held **h;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	h = find(s, l);
	if (*h != NULL && (*h)->fence == l->fence)
		let_go(h);
	pthread_mutex_unlock(&s->lock);
}

bool
ims_letter_now(struct kv_txn *t, struct ims_store *s, struct span from_domain, int64_t now_s,
    struct ims_letter_record *r, struct err *e)
{
	struct ims_held **h;

	if (!ims_letter_is(t, from_domain, s->run, now_s, r, e))
		return false;
	pthread_mutex_lock(&s->lock);
	h = find(s, &r->facts);
	if (*h != NULL && (*h)->fence != 0 && (*h)->of == r->lease.by && !is_void(*h, now_s))
		ims_letter_leased(&r->facts, (*h)->fence);
	pthread_mutex_unlock(&s->lock);
	return true;
}

/* -- taking one ------------------------------------------------------------------------------------------- */

struct leasing {
	struct kv_question question;
	struct ims_letter what; /* who asks for which */
	struct ims_letter_record found;
	int64_t now_s;
	bool taken;
	ims_store_leased *done;
	void *arg;
};

static void
look_for_letter(struct kv_txn *t, void *arg, struct err *why)
{
	struct leasing *q = arg;

	ims_letter_is(t, domain_span(&q->what.from_domain), ims_store_of(&q->question)->run,
	    q->now_s, &q->found, why);
}

/* Somebody else fetches it: by a lease here, or by one in its record. */
static bool
is_running(const struct leasing *q, const struct ims_letter *l, bool open, struct err *e)
{
	if (RULE(fetch_running) && (l->state == MAILBOX_FETCHING || (open && !q->taken)))
		return err_word(e, REFUSAL_fetch_running), true;
	return false;
}

/* Takes it after all where it was for a letter of this id that is gone. */
static void
take_again(struct ims_store *s, struct leasing *q)
{
	struct ims_held **h;

	pthread_mutex_lock(&s->lock);
	h = find(s, &q->what);
	if (*h != NULL && (*h)->fence != 0 && (*h)->of != q->found.lease.by) {
		(*h)->fence = 0;
		(*h)->since_s = q->now_s;
		q->taken = true;
	}
	pthread_mutex_unlock(&s->lock);
}

/* The lease was taken before the letter was read, so nobody else has begun to fetch it since. */
static void
tell(struct kv_question *question, const struct err *e)
{
	struct leasing *q = (struct leasing *)question;
	struct ims_letter l = q->found.facts;
	bool open = e == NULL && ims_letter_leased(&l, l.fence);
	struct err running;

	if (open && !q->taken)
		take_again(ims_store_of(question), q);
	if (e == NULL && is_running(q, &q->found.facts, open, &running))
		e = &running;
	l.own_domain = q->what.own_domain;
	if (open && e == NULL)
		l.fence = number(ims_store_of(question), &l, q->found.lease.by);
	else if (q->taken)
		ims_lease_end(ims_store_of(question), &q->what);
	q->done(q->arg, e == NULL ? &l : NULL, e);
}

void
ims_lease_ask(struct ims_store *s, const struct ims_letter *l, struct loop *loop,
    ims_store_leased *done, void *arg)
{
	struct leasing *q = memory_new(sizeof *q);
	struct kv_part part = ims_part_letter(&l->id);

	q->question.next = kv_question_answer;
	q->question.tell = tell;
	q->what = *l;
	q->what.fence = 0;
	q->now_s = ims_now_s();
	q->done = done;
	q->arg = arg;
	q->taken = take(s, l, q->now_s);
	kv_question_begin(&q->question, ims_base(s), loop);
	kv_question_judge(&q->question, part, look_for_letter, q);
}
