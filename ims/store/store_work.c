/* store_work — the IMS's mailboxes: many notices, page by page; see store_work_private.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "ims/store/store_work_private.h"

#define PAGE_LEAVES (256 * 1024) /* space for a page of one row */

struct ims_work *
ims_work_of(struct kv_question *q)
{
	return (struct ims_work *)q;
}

static void
clear(struct kv_question *q)
{
	free(ims_work_of(q)->looked);
}

/* What is damaged, or breaks a bound, would do so each time: the work goes on without it.  The operator is told by the
 * log, by the counts of the store, and by what a purge answers. */
static void
pass_over(struct ims_work *w, const struct kv_part *part)
{
	w->passed_over = true;
	ims_damage_found(ims_store_of(&w->question), part);
}

static bool
apply_step(struct kv_txn *t, void *arg, struct err *e)
{
	struct ims_step *s = arg;

	return ims_apply_past_damage(t, s->apply, s, &s->damaged, e);
}

/* A page that finds no space is repeated with half as many rows, so a store is never too full for what frees. */
static void
step_done(void *arg, const struct err *e)
{
	struct ims_step *s = arg;
	struct ims_work *w = s->of;

	if (e == NULL) {
		w->most = s->again != NULL && w->most < MAILBOX_PAGE / 2 ? 2 * w->most
									 : MAILBOX_PAGE;
		s->then(w);
	} else if (e->why == REFUSAL_system_full && s->again != NULL && w->most > 1) {
		w->most /= 2;
		s->again(w);
	} else if (s->skip != NULL && ims_is_beyond_repair(e, s->damaged)) {
		pass_over(w, &s->op.part);
		s->skip(w);
	} else {
		w->question.why = *e;
		kv_question_answer(&w->question);
	}
}

void
ims_work_take(struct ims_work *w, struct kv_part part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), size_t octets,
    void (*then)(struct ims_work *w), bool skips)
{
	w->step.of = w;
	w->step.apply = apply;
	w->step.then = then;
	w->step.again = NULL;
	w->step.skip = skips ? then : NULL;
	w->step.op = (struct kv_op) {
		.part = part,
		.apply = apply_step,
		.done = step_done,
		.arg = &w->step,
		.octets = octets,
		.frees = true,
	};
	kv_store_take(w->question.store, &w->step.op, w->question.loop);
}

/* A page of w->most rows; `again` reads it anew.  skip: where the mailbox is damaged. */
static void
take_page(struct ims_work *w, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    size_t octets, void (*then)(struct ims_work *w), void (*again)(struct ims_work *w),
    void (*skip)(struct ims_work *w))
{
	w->step.of = w;
	w->step.apply = apply;
	w->step.then = then;
	w->step.again = again;
	w->step.skip = skip;
	w->step.op = (struct kv_op) {
		.part = w->mailbox,
		.apply = apply_step,
		.done = step_done,
		.arg = &w->step,
		.octets = octets,
		.frees = true,
		.leaves = w->most > 1 ? PAGE_LEAVES : 0,
	};
	kv_store_take(w->question.store, &w->step.op, w->question.loop);
}

/* -- one mailbox --------------------------------------------------------------------------------------------------- */

static void mailbox_over(struct ims_work *w);
static void read_page(struct ims_work *w);

static void
look_for_numbers(struct kv_txn *t, void *arg)
{
	struct ims_work *w = arg;
	struct err e;

	ims_mailbox_numbers(t, &w->numbers);
	for (size_t i = 0; i < w->numbers.n; i++) {
		struct ims_looked *x = &w->looked[i];

		x->has_notice = ims_mailbox_notice(t, w->numbers.number[i], &x->notice, &e);
		x->damaged = !x->has_notice && e.why != REFUSAL_no_such_number;
		if (!x->has_notice)
			kv_pardon(t);
	}
}

static void
look_for_letter(struct kv_txn *t, void *arg)
{
	struct ims_looked *x = arg;
	struct err e;

	x->has_letter = ims_letter_now(t, ims_store_of(&x->of->question),
	    ims_notice_payer(&x->notice), x->of->now_s, &x->letter, &e);
	x->damaged = !x->has_letter && e.why != REFUSAL_no_such_number;
	if (!x->has_letter)
		kv_pardon(t);
}

/* False: nothing becomes of it.  A notice whose letter cannot be read stays until its mailbox is deleted. */
static bool
judge(const struct ims_work *w, const struct ims_looked *x, struct ims_ended *r)
{
	const struct ims_letter *l = x->has_letter ? &x->letter.facts : NULL;

	r->has_letter = x->has_letter;
	r->letter = x->letter.facts.state;
	if (!x->has_notice)
		return false;
	if (w->sweeps) {
		r->end = x->damaged ? IMS_NOTICE_STAYS
				    : ims_notice_end(l, w->now_s, w->keep_s, &r->due_s);
		return true;
	}
	r->end = IMS_NOTICE_GOES;
	if (x->damaged && w->from_domain.text[0] != '\0')
		return false;
	return w->from_domain.text[0] == '\0' ||
	    ims_notice_is_purged(x->has_letter, r->letter, w->opened);
}

static void
page_ended(struct ims_work *w)
{
	for (size_t i = 0; i < w->numbers.n; i++)
		if (w->looked[i].goes && w->looked[i].has_letter)
			ims_file_dropped(ims_store_of(&w->question), w->looked[i].letter.file,
			    w->question.loop);
	w->notices += w->step.ending.dropped;
	if (w->step.ending.dropped > 0 && w->progress != NULL)
		w->progress(w->arg, w->notices);
	w->numbers.after = w->numbers.next;
	if (w->numbers.more)
		read_page(w);
	else
		mailbox_over(w);
}

static void
end_page(struct ims_work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->numbers.n; i++) {
		struct ims_looked *x = &w->looked[i];
		struct kv_part letter = ims_part_letter(&x->notice.id);
		bool judged;

		if (x->damaged)
			pass_over(w, x->has_notice ? &letter : &w->mailbox);
		w->ended[n] = (struct ims_ended) { .number = w->numbers.number[i] };
		judged = judge(w, x, &w->ended[n]);
		x->goes = judged && w->ended[n].end == IMS_NOTICE_GOES;
		n += judged;
	}
	w->step.ending = (struct ims_ending) {
		.rows = w->ended,
		.n = n,
		.forgets = !w->sweeps && w->from_domain.text[0] == '\0',
		.now_s = w->now_s,
		.keep_s = w->keep_s,
	};
	if (n == 0)
		page_ended(w);
	else
		take_page(w, ims_mailbox_end, 1024 * n, page_ended, read_page, ims_work_next);
}

static void
letters_found(struct kv_question *q)
{
	end_page(ims_work_of(q));
}

static void
numbers_found(struct kv_question *q)
{
	struct ims_work *w = ims_work_of(q);
	bool any = false;

	q->next = letters_found;
	for (size_t i = 0; i < w->numbers.n; i++) {
		w->looked[i].of = w;
		w->looked[i].has_letter = false;
		if (!w->looked[i].has_notice)
			continue;
		any = true;
		kv_question_look(q, ims_part_letter(&w->looked[i].notice.id), look_for_letter,
		    &w->looked[i]);
	}
	if (!any)
		end_page(w);
}

static void
read_page(struct ims_work *w)
{
	w->question.next = numbers_found;
	w->numbers.most = w->most;
	kv_question_look(&w->question, w->mailbox, look_for_numbers, w);
}

static void expire_entries(struct ims_work *w);

static void
entries_expired(struct ims_work *w)
{
	if (w->step.ending.more)
		expire_entries(w);
	else
		read_page(w);
}

/* Notices are in the order of what is due when their entries have ended; where these are damaged, some are. */
static void
expire_entries(struct ims_work *w)
{
	w->step.ending = (struct ims_ending) {
		.now_s = w->now_s,
		.most = w->most,
		.entries_only = true,
	};
	take_page(w, ims_mailbox_expire, 65536, entries_expired, expire_entries, read_page);
}

void
ims_work_begin_mailbox(struct ims_work *w, struct kv_part mailbox)
{
	w->mailbox = mailbox;
	w->numbers.after.n = 0;
	w->remainder.n = 0;
	w->numbers.from_domain = domain_span(&w->from_domain);
	w->numbers.due_s = w->sweeps ? w->now_s - w->keep_s : 0;
	if (w->sweeps)
		expire_entries(w);
	else
		read_page(w);
}

/* -- what is remembered; then the next thing ----------------------------------------------------------------------- */

static void
remainder_ended(struct ims_work *w)
{
	w->remainder = w->step.ending.next;
	if (w->step.ending.more && w->step.ending.has_notices)
		ims_work_begin_mailbox(w, w->mailbox);
	else if (w->step.ending.more)
		mailbox_over(w);
	else
		ims_work_next(w);
}

static void
mailbox_over(struct ims_work *w)
{
	w->step.ending = (struct ims_ending) {
		.now_s = w->now_s,
		.keep_s = w->keep_s,
		.from_domain = domain_span(&w->from_domain),
		.after = w->remainder,
		.most = w->most,
	};
	take_page(w,
	    w->sweeps                            ? ims_mailbox_expire
		: w->from_domain.text[0] != '\0' ? ims_mailbox_forget
						 : ims_mailbox_delete,
	    65536, remainder_ended, mailbox_over, ims_work_next);
}

void
ims_work_next(struct ims_work *w)
{
	while (w->at < w->n_things && w->thing[w->at].part.kind != PART_MAILBOX)
		w->at++;
	if (w->at < w->n_things)
		ims_work_begin_mailbox(w, w->thing[w->at++].part);
	else
		w->read_things(w);
}

void
ims_work_begin_page(struct ims_work *w)
{
	w->n_things = w->n_before;
	w->at = 0;
	w->next = w->after;
}

bool
ims_work_has_things(struct ims_work *w)
{
	w->after = w->next;
	return w->n_things > 0;
}

/* -- beginning ----------------------------------------------------------------------------------------------------- */

struct ims_work *
ims_work_new(void (*tell)(struct kv_question *q, const struct err *e),
    void (*read_things)(struct ims_work *w), void *arg)
{
	struct ims_work *w = memory_new(sizeof *w);

	w->looked = memory_array(MAILBOX_PAGE, sizeof *w->looked);
	w->most = MAILBOX_PAGE;
	w->question.tell = tell;
	w->question.clear = clear;
	w->read_things = read_things;
	w->arg = arg;
	return w;
}
