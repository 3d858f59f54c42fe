/* store_work — the IMS's mailboxes: many notices, page by page; see store.h.
 *
 * Work goes from mailbox to mailbox.  In each it reads a page of notices, looks at their letters, and has one operation end
 * those whose time has come.  Each page is durable before the next is read, so after a crash new work finds what
 * is left.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/store_renew_private.h"

#define OLDEST_S                                                                                   \
	((int64_t)500 * 86400) /* where the cursor cannot be read, hours from there on are swept */
#define BACK_S      86400      /* more than what passes between two sweeps */
#define PAGE_LEAVES (256 * 1024) /* space for a page of one row */

struct work;

struct looked {
	struct work *of;
	struct ims_notice_record notice;
	bool has_notice, has_letter;
	bool damaged; /* the notice or its letter is */
	bool goes;
	struct ims_letter_record letter;
};

struct work {
	struct ims_question question; /* first; as long as the work */
	/* what is to be done */
	bool sweeps;
	struct domain from_domain;       /* "": of all */
	char user[IMS_STORE_USER_BYTES]; /* "": of all */
	bool opened;
	int64_t now_s, keep_s;
	/* where it is */
	bool everywhere; /* in each mailbox, before the hours: they were told of a longer keep_s */
	int64_t hour, kept_s;
	unsigned shard;
	struct kv_key after; /* names of facts from this on: of an hour, a sender, a directory */
	struct kv_key next;  /* of the page that follows */
	struct ims_thing thing[IMS_THINGS];
	size_t n_before; /* of the page: found in shards before */
	size_t n_things, at;
	struct kv_part mailbox;
	struct ims_numbers numbers;
	struct kv_key remainder; /* where the page of what is remembered begins */
	struct looked *looked;
	size_t most; /* rows of a page of a mailbox; fewer while space is short */
	/* the operation under way */
	struct step {
		union { /* first: what is applied */
			struct ims_ending ending;
			int64_t cursor[2]; /* hour, keep_s */
		};
		struct ims_op op;
		struct work *of;
		bool (*apply)(struct kv_txn *t, void *arg, struct err *e);
		void (*then)(struct work *w);
		void (*again)(struct work *w); /* with fewer rows; NULL: it has one */
		void (*skip)(struct work *w);  /* its partition is damaged */
		bool damaged;
	} step;
	struct ims_ended ended[MAILBOX_PAGE];
	uint64_t notices; /* dropped so far */
	bool passed_over; /* something that is damaged */
	void (*progress)(void *arg, uint64_t notices);
	void (*purged)(void *arg, uint64_t notices, const struct err *e);
	ims_store_done *swept;
	void *arg;
};

static struct work *
of_question(struct ims_question *q)
{
	return (struct work *)q;
}

/* When the store is closed the work ends early and without an error. */
static void
tell(struct ims_question *q, const struct err *e)
{
	struct work *w = of_question(q);
	struct err damage;

	if (e != NULL && e->why == REFUSAL_closing)
		e = NULL;
	if (w->sweeps) {
		w->swept(w->arg, e);
		return;
	}
	if (e == NULL && w->passed_over) {
		err_set(&damage, REFUSAL_storage, "the rest is done; what cannot be read was left");
		e = &damage;
	}
	w->purged(w->arg, w->notices, e);
}

static void
clear(struct ims_question *q)
{
	free(of_question(q)->looked);
}

/* What is damaged, or breaks a bound, would do so each time: the work goes on without it.  The operator is told by the
 * log, by the counts of the store, and by what a purge answers. */
static void
pass_over(struct work *w, const struct kv_part *part)
{
	w->passed_over = true;
	ims_damage_found(w->question.store, part);
}

static bool
apply_step(struct kv_txn *t, void *arg, struct err *e)
{
	struct step *s = arg;

	return ims_apply_past_damage(t, s->apply, s, &s->damaged, e);
}

/* A page that finds no space is repeated with half as many rows, so a store is never too full for what frees. */
static void
step_done(void *arg, const struct err *e)
{
	struct step *s = arg;
	struct work *w = s->of;

	if (e == NULL) {
		w->most = s->again != NULL && w->most < MAILBOX_PAGE / 2 ? 2 * w->most
									 : MAILBOX_PAGE;
		s->then(w);
	} else if (e->why == REFUSAL_system_full && s->again != NULL && w->most > 1) {
		w->most /= 2;
		s->again(w);
	} else if (s->skip != NULL && ims_is_beyond_repair(e, s->damaged)) {
		pass_over(w, &s->op.op.part);
		s->skip(w);
	} else {
		w->question.why = *e;
		ims_answer(&w->question);
	}
}

/* then: also where the partition is damaged, unless skips is false. */
static void
take(struct work *w, struct kv_part part, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    size_t octets, void (*then)(struct work *w), bool skips)
{
	w->step.of = w;
	w->step.apply = apply;
	w->step.then = then;
	w->step.again = NULL;
	w->step.skip = skips ? then : NULL;
	w->step.op.op = (struct kv_op) {
		.part = part,
		.apply = apply_step,
		.done = step_done,
		.arg = &w->step,
		.octets = octets,
		.frees = true,
	};
	ims_take(w->question.store, &w->step.op, w->question.loop);
}

static void next_thing(struct work *w);

/* A page of w->most rows; `again` reads it anew.  skip: where the mailbox is damaged. */
static void
take_page(struct work *w, bool (*apply)(struct kv_txn *t, void *arg, struct err *e), size_t octets,
    void (*then)(struct work *w), void (*again)(struct work *w), void (*skip)(struct work *w))
{
	w->step.of = w;
	w->step.apply = apply;
	w->step.then = then;
	w->step.again = again;
	w->step.skip = skip;
	w->step.op.op = (struct kv_op) {
		.part = w->mailbox,
		.apply = apply_step,
		.done = step_done,
		.arg = &w->step,
		.octets = octets,
		.frees = true,
		.leaves = w->most > 1 ? PAGE_LEAVES : 0,
	};
	ims_take(w->question.store, &w->step.op, w->question.loop);
}

/* -- one mailbox ---------------------------------------------------------------------------------------------------- */

static void mailbox_over(struct work *w);
static void read_page(struct work *w);

static void
look_for_numbers(struct kv_txn *t, void *arg, struct err *why)
{
	struct work *w = arg;
	struct err e;

	(void)why;
	ims_mailbox_numbers(t, &w->numbers);
	for (size_t i = 0; i < w->numbers.n; i++) {
		struct looked *x = &w->looked[i];

		x->has_notice = ims_mailbox_notice(t, w->numbers.number[i], &x->notice, &e);
		x->damaged = !x->has_notice && e.why != REFUSAL_no_such_number;
		if (!x->has_notice)
			kv_pardon(t);
	}
}

static void
look_for_letter(struct kv_txn *t, void *arg, struct err *why)
{
	struct looked *x = arg;
	struct err e;

	(void)why;
	x->has_letter = ims_letter_now(t, x->of->question.store,
	    address_domain(span_str(x->notice.from)), x->of->now_s, &x->letter, &e);
	x->damaged = !x->has_letter && e.why != REFUSAL_no_such_number;
	if (!x->has_letter)
		kv_pardon(t);
}

/* False: nothing becomes of it.  A notice whose letter cannot be read stays until its mailbox is deleted. */
static bool
judge(const struct work *w, const struct looked *x, struct ims_ended *r)
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
page_ended(struct work *w)
{
	for (size_t i = 0; i < w->numbers.n; i++)
		if (w->looked[i].goes && w->looked[i].has_letter)
			ims_file_dropped(w->question.store, w->looked[i].letter.file,
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
end_page(struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->numbers.n; i++) {
		struct looked *x = &w->looked[i];
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
		take_page(w, ims_mailbox_end, 1024 * n, page_ended, read_page, next_thing);
}

static void
letters_found(struct ims_question *q)
{
	end_page(of_question(q));
}

static void
numbers_found(struct ims_question *q)
{
	struct work *w = of_question(q);
	bool any = false;

	q->next = letters_found;
	for (size_t i = 0; i < w->numbers.n; i++) {
		w->looked[i].of = w;
		w->looked[i].has_letter = false;
		if (!w->looked[i].has_notice)
			continue;
		any = true;
		ims_look(q, ims_part_letter(&w->looked[i].notice.id), look_for_letter,
		    &w->looked[i]);
	}
	if (!any)
		end_page(w);
}

static void
read_page(struct work *w)
{
	w->question.next = numbers_found;
	w->numbers.most = w->most;
	ims_look(&w->question, w->mailbox, look_for_numbers, w);
}

static void expire_entries(struct work *w);

static void
entries_expired(struct work *w)
{
	if (w->step.ending.more)
		expire_entries(w);
	else
		read_page(w);
}

/* Notices are in the order of what is due when their entries have ended; where these are damaged, some are. */
static void
expire_entries(struct work *w)
{
	w->step.ending = (struct ims_ending) {
		.now_s = w->now_s,
		.most = w->most,
		.entries_only = true,
	};
	take_page(w, ims_mailbox_expire, 65536, entries_expired, expire_entries, read_page);
}

static void
begin_mailbox(struct work *w, struct kv_part mailbox)
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

/* -- what is remembered; then the next thing ----------------------------------------------------------------------------- */

static void
remainder_ended(struct work *w)
{
	w->remainder = w->step.ending.next;
	if (w->step.ending.more && w->step.ending.has_notices)
		begin_mailbox(w, w->mailbox);
	else if (w->step.ending.more)
		mailbox_over(w);
	else
		next_thing(w);
}

static void
mailbox_over(struct work *w)
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
	    65536, remainder_ended, mailbox_over, next_thing);
}

static void read_things(struct work *w);

static void
next_thing(struct work *w)
{
	while (w->at < w->n_things && w->thing[w->at].part.kind != PART_MAILBOX)
		w->at++;
	if (w->at < w->n_things)
		begin_mailbox(w, w->thing[w->at++].part);
	else
		read_things(w);
}

/* A look may run several times: each begins where the page begins. */
static void
begin_page(struct work *w)
{
	w->n_things = w->n_before;
	w->at = 0;
	w->next = w->after;
}

/* False: it is empty, and was the last. */
static bool
page_has_things(struct work *w)
{
	w->after = w->next;
	return w->n_things > 0;
}

/* -- a sender: the mailboxes that state what it takes of them ---------------------------------------------------------------- */

static bool
take_mailbox(void *arg, const struct kv_fact *f)
{
	struct work *w = arg;

	if (w->n_things == IMS_THINGS)
		return false;
	kv_key_after(&w->next, f->name);
	if (f->name.n == 1 + PART_HASH)
		w->thing[w->n_things++].part = kv_part_of(PART_MAILBOX,
		    span_sub(f->name, 1, PART_HASH));
	return true;
}

static void
look_for_mailboxes(struct kv_txn *t, void *arg, struct err *why)
{
	struct work *w = arg;

	(void)why;
	begin_page(w);
	kv_each_fact(t, FACT_TAKES, kv_key_span(&w->after), SPAN_LIT("m"), take_mailbox, w);
}

static void
mailboxes_found(struct ims_question *q)
{
	struct work *w = of_question(q);

	if (page_has_things(w))
		next_thing(w);
	else
		ims_answer(q);
}

/* -- each mailbox ------------------------------------------------------------------------------------------------------------ */

static bool
take_listed(void *arg, const struct kv_fact *f)
{
	struct work *w = arg;

	if (w->n_things == IMS_THINGS)
		return false;
	kv_key_after(&w->next, f->name);
	w->thing[w->n_things++].part = kv_part_hash(PART_MAILBOX, f->name, PART_HASH);
	return true;
}

static void
look_for_listed(struct kv_txn *t, void *arg, struct err *why)
{
	struct work *w = arg;

	(void)why;
	begin_page(w);
	kv_each_fact(t, FACT_LISTED, kv_key_span(&w->after), (struct span) { 0 }, take_listed, w);
}

static void
shard_found(struct ims_question *q)
{
	struct work *w = of_question(q);

	if (page_has_things(w)) {
		next_thing(w);
		return;
	}
	w->after.n = 0;
	if (++w->shard == KV_DIR_SHARDS) {
		w->shard = 0;
		w->everywhere = false;
	}
	read_things(w);
}

/* -- an hour ----------------------------------------------------------------------------------------------------------------- */

static const unsigned char cursor_name[5]; /* the hour 0 has the cursor */

static bool
take_thing(void *arg, const struct kv_fact *f)
{
	struct work *w = arg;
	unsigned kind = f->name.n > 0 ? (unsigned char)f->name.p[0] : IMS_PARTS;
	struct ims_thing *x = &w->thing[w->n_things];

	if (w->n_things == IMS_THINGS)
		return false;
	kv_key_after(&w->next, f->name);
	if (kind == PART_LETTER && f->name.n == 1 + PART_LETTER_AT) {
		memcpy(x->domain_hash, f->name.p + 1 + ULID_BYTES, PART_SHORT);
		x->part = kv_part_of(kind, span_sub(f->name, 1, ULID_BYTES));
		w->n_things++;
	} else if ((kind == PART_MAILBOX && f->name.n == 1 + PART_HASH) ||
	    (kind == PART_PAPER && f->name.n == 1 + DIGEST_BYTES)) {
		x->part = kv_part_of(kind, span_sub(f->name, 1, f->name.n));
		w->n_things++;
	}
	return true;
}

static void
look_for_things(struct kv_txn *t, void *arg, struct err *why)
{
	struct work *w = arg;

	(void)why;
	begin_page(w);
	kv_each_fact(t, FACT_LOOK, kv_key_span(&w->after), (struct span) { 0 }, take_thing, w);
}

static struct kv_part
cursor_part(void)
{
	return kv_part_of(PART_EXPIRY, span_of(cursor_name, sizeof cursor_name));
}

static void
look_for_cursor(struct kv_txn *t, void *arg, struct err *why)
{
	struct work *w = arg;
	struct span value;

	(void)why;
	w->hour = (w->now_s - BACK_S) / EXPIRY_S;
	w->kept_s = 0;
	if (kv_get(t, SPAN_LIT("c"), &value)) {
		w->hour = (int64_t)kv_key_u64(value, 0);
		w->kept_s = (int64_t)kv_key_u64(value, 8);
	}
	kv_pardon(t);
	if (w->hour >
	    w->now_s / EXPIRY_S) /* the clock was ahead: hours before have something again */
		w->hour = (w->now_s - BACK_S) / EXPIRY_S;
	w->everywhere = w->keep_s < w->kept_s;
}

static bool
put_cursor(struct kv_txn *t, void *arg, struct err *e)
{
	const int64_t *cursor = arg;
	struct kv_key k = { .n = 0 };

	(void)e;
	kv_key_add_u64(&k, (uint64_t)cursor[0]);
	kv_key_add_u64(&k, (uint64_t)cursor[1]);
	kv_put(t, SPAN_LIT("c"), kv_key_span(&k));
	return true;
}

/* A store that was never swept is swept from when it was made. */
struct beginning {
	int64_t now_s; /* first: what is applied */
	struct kv_op op;
};

static bool
put_first_cursor(struct kv_txn *t, void *arg, struct err *e)
{
	int64_t cursor[2] = { *(const int64_t *)arg / EXPIRY_S, 0 };
	struct span value;

	if (kv_get(t, SPAN_LIT("c"), &value))
		return true;
	if (kv_fault(t, e))
		cursor[0] -= OLDEST_S / EXPIRY_S;
	kv_pardon(t);
	return put_cursor(t, cursor, e);
}

static void
first_cursor_put(void *arg, const struct err *e)
{
	(void)e; /* the first sweep puts one */
	free(arg);
}

void
ims_begin_sweeps(struct ims_store *s)
{
	struct beginning *b = memory_new(sizeof *b);
	struct err e;

	b->now_s = ims_now_s();
	b->op = (struct kv_op) {
		.part = cursor_part(),
		.apply = put_first_cursor,
		.done = first_cursor_put,
		.arg = b,
		.octets = 64,
		.frees = true,
	};
	if (!kv_take(s->kv, &b->op, &e))
		first_cursor_put(b, &e);
}

static void
cursor_put(struct work *w)
{
	ims_answer(&w->question);
}

/* This hour is looked at again by the next sweep. */
static void
hours_over(struct work *w)
{
	struct ims_store *s = w->question.store;

	if (s == NULL || (w->hour == s->swept_hour && w->keep_s == w->kept_s)) {
		ims_answer(&w->question);
		return;
	}
	s->swept_hour = w->hour;
	w->step.cursor[0] = w->hour;
	w->step.cursor[1] = w->keep_s;
	take(w, cursor_part(), put_cursor, 256, cursor_put, false);
}

static void
next_hour(struct work *w)
{
	w->shard = 0;
	if (w->hour >= w->now_s / EXPIRY_S) {
		hours_over(w);
		return;
	}
	w->hour++;
	read_things(w);
}

static void
things_renewed(void *arg, const struct err *e)
{
	struct work *w = arg;

	if (e == NULL) {
		next_thing(w);
		return;
	}
	w->question.why = *e;
	ims_answer(&w->question);
}

/* Letters and papers at once, then one mailbox after the other. */
static void
end_things(struct work *w)
{
	size_t n = 0;

	w->n_before = 0;
	for (size_t i = 0; i < w->n_things; i++)
		n += w->thing[i].part.kind != PART_MAILBOX;
	if (n > 0)
		ims_renew(w->question.store, w->thing, w->n_things, w->hour * EXPIRY_S, w->now_s,
		    w->question.loop, things_renewed, w);
	else
		next_thing(w);
}

/* A page has things of several shards. */
static void
things_found(struct ims_question *q)
{
	struct work *w = of_question(q);

	w->after = w->next;
	if (w->n_things == IMS_THINGS) {
		end_things(w);
		return;
	}
	w->after.n = 0;
	w->n_before = w->n_things;
	if (++w->shard < EXPIRY_SHARDS)
		read_things(w);
	else if (w->n_things > 0)
		end_things(w);
	else
		next_hour(w);
}

static struct kv_part
part_of_hour(int64_t hour, unsigned shard)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u64(&k, (uint64_t)hour);
	kv_key_add_u8(&k, shard);
	return kv_part_of(PART_EXPIRY, span_sub(kv_key_span(&k), 4, 5));
}

static void
read_things(struct work *w)
{
	if (w->everywhere) {
		w->question.next = shard_found;
		ims_look(&w->question, kv_dir_shard(PART_MAILBOXES, w->shard), look_for_listed, w);
	} else if (w->sweeps) {
		if (w->shard == EXPIRY_SHARDS) {
			next_hour(w);
			return;
		}
		w->question.next = things_found;
		ims_look(&w->question, part_of_hour(w->hour, w->shard), look_for_things, w);
	} else if (w->user[0] != '\0') {
		ims_answer(&w->question);
	} else {
		w->question.next = mailboxes_found;
		ims_look(&w->question, ims_part_sender(domain_span(&w->from_domain)),
		    look_for_mailboxes, w);
	}
}

static void
cursor_found(struct ims_question *q)
{
	read_things(of_question(q));
}

/* -- beginning ----------------------------------------------------------------------------------------------------------------- */

static struct work *
work_new(void *arg)
{
	struct work *w = memory_new(sizeof *w);

	w->looked = memory_array(MAILBOX_PAGE, sizeof *w->looked);
	w->most = MAILBOX_PAGE;
	w->question.tell = tell;
	w->question.clear = clear;
	w->arg = arg;
	return w;
}

void
ims_store_sweep(struct ims_store *s, int64_t now_s, int64_t keep_s, struct loop *loop,
    ims_store_done *done, void *arg)
{
	struct work *w = work_new(arg);

	w->sweeps = true;
	w->now_s = now_s;
	w->keep_s = keep_s;
	w->swept = done;
	ims_files_asked_again(s, loop);
	ims_ask(&w->question, s, loop);
	w->question.next = cursor_found;
	ims_look(&w->question, cursor_part(), look_for_cursor, w);
}

void
ims_store_purge(struct ims_store *s, const struct ims_purge *p)
{
	struct work *w = work_new(p->arg);

	if (p->from_domain != NULL)
		w->from_domain = domain_copy(p->from_domain);
	if (p->user != NULL)
		span_copy(span_str(p->user), w->user, sizeof w->user);
	w->opened = p->opened;
	w->now_s = ims_now_s();
	w->progress = p->progress;
	w->purged = p->done;
	ims_ask(&w->question, s, p->loop);
	if (p->user != NULL)
		begin_mailbox(w, ims_part_mailbox(p->user));
	else
		read_things(w);
}
