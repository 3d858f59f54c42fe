/* store_renew — the IMS's mailboxes: letters renew their papers, papers end, many at once; see store_renew_private.h.
 *
 * Operations of one step are taken together, so they share a commit; each step is durable before the next:
 * papers that end, papers that are renewed, letters that say when they are next.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/store_renew_private.h"

struct renewal;

struct one {
	union { /* first: what is applied */
		struct ims_keeping keeping;
		struct ims_renewing renewing;
	};
	struct kv_op op;
	struct renewal *of;
	bool (*apply)(struct kv_txn *t, void *arg, struct err *e);
	bool damaged;
};

struct renewal {
	struct kv_question question; /* first */
	int64_t now_s;
	struct ims_thing thing[IMS_THINGS];
	size_t n;
	struct letter {
		const struct ims_thing *thing;
		/* a page of its evidence, where the next begins, and what it cites: digests */
		struct kv_key evidence, next;
		struct buf papers;
		bool more;
	} letter[IMS_THINGS];
	size_t n_letters;
	struct buf papers; /* of these pages, each once, in order */
	size_t paper;      /* those before it are renewed */
	/* operations under way */
	struct one one[IMS_THINGS];
	size_t n_ops, waiting;
	void (*then)(struct renewal *r);
	ims_store_done *done;
	void *arg;
};

/* -- operations ---------------------------------------------------------------------------------------------------- */

bool
ims_apply_past_damage(struct kv_txn *t, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    void *arg, bool *damaged, struct err *e)
{
	struct err other;

	*damaged = false;
	if (apply(t, arg, e) && !kv_fault(t, e))
		return true;
	if (e->why == REFUSAL_storage) {
		kv_pardon(t);
		*damaged = !kv_fault(t, &other);
	}
	return false;
}

bool
ims_is_beyond_repair(const struct err *e, bool damaged)
{
	return (e->why == REFUSAL_storage && damaged) || e->why == REFUSAL_internal;
}

static bool
apply_one(struct kv_txn *t, void *arg, struct err *e)
{
	struct one *o = arg;

	return ims_apply_past_damage(t, o->apply, o, &o->damaged, e);
}

static void
one_done(void *arg, const struct err *e)
{
	struct one *o = arg;
	struct renewal *r = o->of;

	if (e != NULL && ims_is_beyond_repair(e, o->damaged))
		ims_damage_found(ims_store_of(&r->question), &o->op.part);
	else if (e != NULL && r->question.why.why == REFUSAL_NONE)
		r->question.why = *e;
	if (--r->waiting > 0)
		return;
	r->n_ops = 0;
	if (r->question.why.why != REFUSAL_NONE)
		kv_question_answer(&r->question);
	else
		r->then(r);
}

/* One more of the next step; the caller fills in what is applied. */
static struct one *
add(struct renewal *r, struct kv_part part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), size_t octets)
{
	struct one *o = &r->one[r->n_ops++];

	*o = (struct one) { .of = r, .apply = apply };
	o->op = (struct kv_op) {
		.part = part,
		.apply = apply_one,
		.done = one_done,
		.arg = o,
		.octets = octets,
		.frees = true,
	};
	return o;
}

static void
take_all(struct renewal *r, void (*then)(struct renewal *r))
{
	struct kv_op *ops[IMS_THINGS];

	r->then = then;
	r->waiting = r->n_ops;
	for (size_t i = 0; i < r->n_ops; i++)
		ops[i] = &r->one[i].op;
	if (r->n_ops == 0)
		then(r);
	else
		kv_store_take_several(r->question.store, ops, r->n_ops, r->question.loop);
}

/* -- letters -------------------------------------------------------------------------------------------------------- */

static void
answer(struct renewal *r)
{
	kv_question_answer(&r->question);
}

static void
letters_renewed(struct renewal *r)
{
	for (size_t i = 0; i < r->n_letters; i++)
		if (r->one[i].renewing.damaged)
			ims_damage_found(ims_store_of(&r->question), &r->letter[i].thing->part);
	answer(r);
}

static void
renew_letters(struct renewal *r)
{
	for (size_t i = 0; i < r->n_letters; i++) {
		const struct ims_thing *thing = r->letter[i].thing;
		struct one *o = add(r, thing->part, ims_letter_renewed, 1024);

		o->renewing.now_s = r->now_s;
		memcpy(o->renewing.domain_hash, thing->domain_hash, sizeof thing->domain_hash);
	}
	take_all(r, letters_renewed);
}

static void look_at_pages(struct renewal *r);

static void
page_renewed(struct renewal *r)
{
	bool more = false;

	for (size_t i = 0; i < r->n_letters; i++) {
		r->letter[i].evidence = r->letter[i].next;
		more = more || r->letter[i].more;
	}
	if (more)
		look_at_pages(r);
	else
		renew_letters(r);
}

static void
renew_papers(struct renewal *r)
{
	for (; r->n_ops < IMS_THINGS; r->paper++) {
		struct span digest = span_sub(buf_span(&r->papers), r->paper * DIGEST_BYTES,
		    DIGEST_BYTES);

		if (digest.n < DIGEST_BYTES)
			break;
		add(r, kv_part_of(PART_PAPER, digest), ims_paper_keep, 1024)->keeping =
		    (struct ims_keeping) { .until_s = r->now_s + PAPER_KEEP_S, .now_s = r->now_s };
	}
	take_all(r, r->n_ops == 0 ? page_renewed : renew_papers);
}

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_BYTES);
}

/* Letters of one batch cite the same chain and seal. */
static void
papers_found(struct kv_question *q)
{
	struct renewal *r = (struct renewal *)q;
	struct buf all = BUF_INIT;

	buf_reset(&r->papers);
	r->paper = 0;
	for (size_t i = 0; i < r->n_letters; i++)
		buf_add(&all, r->letter[i].papers.data, r->letter[i].papers.len);
	if (all.len > 0)
		qsort(all.data, all.len / DIGEST_BYTES, DIGEST_BYTES, compare_digests);
	for (size_t at = 0; at < all.len; at += DIGEST_BYTES)
		if (at == 0 || compare_digests(all.data + at, all.data + at - DIGEST_BYTES) != 0)
			buf_add(&r->papers, all.data + at, DIGEST_BYTES);
	buf_clear(&all);
	renew_papers(r);
}

static void
look_for_papers(struct kv_txn *t, void *arg)
{
	struct letter *l = arg;

	l->more = ims_letter_papers(t, l->thing->domain_hash, &l->evidence, &l->next, &l->papers);
}

/* The first page of each letter, or that which follows. */
static void
look_at_pages(struct renewal *r)
{
	r->question.next = papers_found;
	for (size_t i = 0; i < r->n_letters; i++) {
		struct letter *l = &r->letter[i];

		buf_reset(&l->papers);
		if (l->more)
			kv_question_look(&r->question, l->thing->part, look_for_papers, l);
	}
}

static void
look_at_letters(struct renewal *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->thing[i].part.kind == PART_LETTER)
			r->letter[r->n_letters++] = (struct letter) { .thing = &r->thing[i],
				.more = true };
	if (r->n_letters > 0)
		look_at_pages(r);
	else
		answer(r);
}

/* -- the whole ------------------------------------------------------------------------------------------------------- */

static void
tell(struct kv_question *q, const struct err *e)
{
	struct renewal *r = (struct renewal *)q;

	r->done(r->arg, e);
}

static void
clear(struct kv_question *q)
{
	struct renewal *r = (struct renewal *)q;

	for (size_t i = 0; i < r->n_letters; i++)
		buf_clear(&r->letter[i].papers);
	buf_clear(&r->papers);
}

void
ims_renew(struct ims_store *s, const struct ims_thing *things, size_t n, int64_t hour_s,
    int64_t now_s, struct loop *l, ims_store_done *done, void *arg)
{
	struct renewal *r = memory_new(sizeof *r);

	r->question.tell = tell;
	r->question.clear = clear;
	r->now_s = now_s;
	r->n = n;
	memcpy(r->thing, things, n * sizeof *things);
	r->done = done;
	r->arg = arg;
	kv_question_begin(&r->question, ims_base(s), l);
	for (size_t i = 0; i < n; i++)
		if (r->thing[i].part.kind == PART_PAPER)
			add(r, r->thing[i].part, ims_paper_expire, 4096)
			    ->keeping = (struct ims_keeping) { .until_s = hour_s, .now_s = now_s };
	take_all(r, look_at_letters);
}
