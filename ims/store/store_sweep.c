/* store_sweep — the IMS's mailboxes: ends what has come to its time, hour by hour; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/store_work_private.h"

#define OLDEST_S                                                                                   \
	((int64_t)500 * 86400) /* where the cursor cannot be read, hours from there on are swept */
#define BACK_S 86400           /* more than what passes between two sweeps */

static void read_things(struct ims_work *w);

/* -- each mailbox -------------------------------------------------------------------------------------------------- */

static bool
take_listed(void *arg, const struct kv_fact *f)
{
	struct ims_work *w = arg;

	if (w->n_things == IMS_THINGS)
		return false;
	kv_key_after(&w->next, f->name);
	w->thing[w->n_things++].part = kv_part_hash(PART_MAILBOX, f->name, PART_HASH);
	return true;
}

static void
look_for_listed(struct kv_txn *t, void *arg)
{
	struct ims_work *w = arg;

	ims_work_begin_page(w);
	kv_each_fact(t, FACT_LISTED, kv_key_span(&w->after), (struct span) { 0 }, take_listed, w);
}

static void
shard_found(struct kv_question *q)
{
	struct ims_work *w = ims_work_of(q);

	if (ims_work_has_things(w)) {
		ims_work_next(w);
		return;
	}
	w->after.n = 0;
	if (++w->shard == KV_DIR_SHARDS) {
		w->shard = 0;
		w->everywhere = false;
	}
	read_things(w);
}

/* -- the cursor ---------------------------------------------------------------------------------------------------- */

static const unsigned char cursor_name[5]; /* the hour 0 has the cursor */

static struct kv_part
cursor_part(void)
{
	return kv_part_of(PART_EXPIRY, span_of(cursor_name, sizeof cursor_name));
}

static void
look_for_cursor(struct kv_txn *t, void *arg)
{
	struct ims_work *w = arg;
	struct span value;

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
	if (!kv_take(s->base.kv, &b->op, &e))
		first_cursor_put(b, &e);
}

/* -- an hour ------------------------------------------------------------------------------------------------------- */

static bool
take_thing(void *arg, const struct kv_fact *f)
{
	struct ims_work *w = arg;
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
look_for_things(struct kv_txn *t, void *arg)
{
	struct ims_work *w = arg;

	ims_work_begin_page(w);
	kv_each_fact(t, FACT_LOOK, kv_key_span(&w->after), (struct span) { 0 }, take_thing, w);
}

static void
cursor_put(struct ims_work *w)
{
	kv_question_answer(&w->question);
}

/* This hour is looked at again by the next sweep. */
static void
hours_over(struct ims_work *w)
{
	struct ims_store *s = ims_store_of(&w->question);

	if (s == NULL || (w->hour == s->swept_hour && w->keep_s == w->kept_s)) {
		kv_question_answer(&w->question);
		return;
	}
	s->swept_hour = w->hour;
	w->step.cursor[0] = w->hour;
	w->step.cursor[1] = w->keep_s;
	ims_work_take(w, cursor_part(), put_cursor, 256, cursor_put, false);
}

static void
next_hour(struct ims_work *w)
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
	struct ims_work *w = arg;

	if (e == NULL) {
		ims_work_next(w);
		return;
	}
	w->question.why = *e;
	kv_question_answer(&w->question);
}

/* Letters and papers at once, then one mailbox after the other. */
static void
end_things(struct ims_work *w)
{
	size_t n = 0;

	w->n_before = 0;
	for (size_t i = 0; i < w->n_things; i++)
		n += w->thing[i].part.kind != PART_MAILBOX;
	if (n > 0)
		ims_renew(ims_store_of(&w->question), w->thing, w->n_things, w->hour * EXPIRY_S,
		    w->now_s, w->question.loop, things_renewed, w);
	else
		ims_work_next(w);
}

/* A page has things of several shards. */
static void
things_found(struct kv_question *q)
{
	struct ims_work *w = ims_work_of(q);

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
read_things(struct ims_work *w)
{
	if (w->everywhere) {
		w->question.next = shard_found;
		kv_question_look(&w->question, kv_dir_shard(PART_MAILBOXES, w->shard),
		    look_for_listed, w);
	} else if (w->shard == EXPIRY_SHARDS) {
		next_hour(w);
	} else {
		w->question.next = things_found;
		kv_question_look(&w->question, part_of_hour(w->hour, w->shard), look_for_things, w);
	}
}

static void
cursor_found(struct kv_question *q)
{
	read_things(ims_work_of(q));
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

/* When the store is closed the sweep ends early and without an error. */
static void
tell(struct kv_question *q, const struct err *e)
{
	struct ims_work *w = ims_work_of(q);

	if (e != NULL && e->why == REFUSAL_closing)
		e = NULL;
	w->swept(w->arg, e);
}

void
ims_store_sweep(struct ims_store *s, int64_t now_s, int64_t keep_s, struct loop *loop,
    ims_store_done *done, void *arg)
{
	struct ims_work *w = ims_work_new(tell, read_things, arg);

	w->sweeps = true;
	w->now_s = now_s;
	w->keep_s = keep_s;
	w->swept = done;
	ims_files_asked_again(s, loop);
	kv_question_begin(&w->question, ims_base(s), loop);
	w->question.next = cursor_found;
	kv_question_look(&w->question, cursor_part(), look_for_cursor, w);
}
