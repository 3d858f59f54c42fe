/* store_give — a letter that came by SMTP is put into all its recipients' mailboxes, or into none; see store.h.
 *
 * As store_accept: first it looks at what the payer takes and which papers are kept.  CRLs that are new are kept before,
 * by operations of their own; all the rest is one operation on the letter (part_letter_given.c).
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/part_given.h"
#include "ims/store/store_paper_private.h"
#include "ims/store/store_private.h"

#define FACT_OCTETS 2048 /* that the notice of a recipient puts, at most about */

/* -- claims -------------------------------------------------------------------------------------------------------- */

struct ims_claim {
	struct ims_store *store; /* a reference */
	struct ims_under_way way;
};

struct ims_claim *
ims_store_claim_new(struct ims_store *s, struct span payer, uint64_t octets)
{
	struct ims_claim *c = memory_new(sizeof *c);

	c->store = ims_store_hold(s);
	c->way.octets = octets;
	domain_copy_span(&c->way.from_domain, payer);
	ims_under_way_begin(s, &c->way);
	return c;
}

void
ims_store_claim_free(struct ims_claim **c)
{
	if (*c == NULL)
		return;
	ims_under_way_end((*c)->store, &(*c)->way, 0);
	ims_store_let_go(&(*c)->store);
	free(*c);
	*c = NULL;
}

/* -- room ---------------------------------------------------------------------------------------------------------- */

struct of_room {
	struct kv_question question;
	const struct ims_claim *claim;
	struct domain payer;
	uint64_t octets, size;
	uint64_t sender_limit, mailbox_limit;
	uint64_t sender_has; /* by the sum alone */
	bool scarce, full;   /* so much is not free */
	ims_store_done *done;
	void *arg;
};

static void
look_for_room(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_room *q = arg;
	struct ims_share here;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, why) || !ims_mailbox_has_room(m.notices, why))
		return;
	ims_mailbox_share(t, domain_span(&q->payer), &here);
	ims_mailbox_has_share(&here, q->octets, q->mailbox_limit, why);
}

static void
look_for_sum(struct kv_txn *t, void *arg)
{
	struct of_room *q = arg;
	struct ims_share sum;

	ims_sender_sum(t, &sum);
	q->sender_has = sum.octets;
	q->scarce = !kv_has_free(t, q->size / IMS_SHARE_SCARCE);
	q->full = !kv_has_free(t, q->octets);
}

static bool
has_share(const struct of_room *q, struct ims_store *s, struct err *e)
{
	uint64_t has = q->sender_has + ims_claimed(s, &q->claim->way);
	enum ims_fit fit;

	if (q->sender_limit == 0)
		return true;
	fit = ims_share_fit(has + q->octets, q->sender_limit, q->size);
	return fit == IMS_FITS || (fit == IMS_FITS_UNLESS_SCARCE && !q->scarce) ||
	    !RULE(sender_share) || err_word(e, REFUSAL_sender_share);
}

static void
tell_room(struct kv_question *question, const struct err *e)
{
	struct of_room *q = (struct of_room *)question;
	struct err why;

	if (e == NULL && RULE(system_full) && q->full) {
		err_word(&why, REFUSAL_system_full);
		e = &why;
	}
	if (e == NULL && !has_share(q, ims_store_of(question), &why))
		e = &why;
	q->done(q->arg, e);
}

struct kv_question *
ims_store_room(struct ims_store *s, const struct ims_room *r, struct loop *l, ims_store_done *done,
    void *arg)
{
	struct of_room *q = memory_new(sizeof *q);

	q->question.next = kv_question_answer;
	q->question.tell = tell_room;
	q->claim = r->claim;
	q->payer = r->claim->way.from_domain;
	q->octets = r->claim->way.octets;
	q->size = s == NULL ? 0 : s->size;
	q->sender_limit = r->sender_limit;
	q->mailbox_limit = r->mailbox_limit;
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_judge(&q->question, ims_part_mailbox(r->user), look_for_room, q);
	kv_question_look(&q->question, ims_part_sender(domain_span(&q->payer)), look_for_sum, q);
	return &q->question;
}

/* -- giving -------------------------------------------------------------------------------------------------------- */

struct give {
	struct ims_giving what; /* first: what is applied */
	struct kv_op op;
	struct ims_store *store; /* a reference */
	struct loop *loop;
	struct body_kept kept;
	struct buf evidence, cites;
	struct ims_under_way under_way;
	uint64_t papers_take; /* those that are new */
	size_t waiting;       /* for papers */
	struct err why;       /* the first refusal */
	ims_store_done *done;
	void *arg;
};

/* What was taken back may still name the file for a moment: the letter is asked. */
static void
over(struct give *g, const struct err *e)
{
	uint64_t took = e == NULL ? ims_giving_takes(&g->what) + g->papers_take : 0;

	ims_under_way_end(g->store, &g->under_way, took);
	if (e != NULL && g->store != NULL)
		ims_file_dropped(g->store, g->kept.name, g->loop);
	ims_store_let_go(&g->store);
	body_kept_clear(&g->kept);
	g->done(g->arg, e);
	buf_clear(&g->evidence);
	buf_clear(&g->cites);
	free(g);
}

static void
given(void *arg, const struct err *e)
{
	over(arg, e);
}

static void
take(struct give *g)
{
	g->op = (struct kv_op) {
		.part = ims_part_letter(&g->what.given->id),
		.apply = ims_letter_op_give,
		.done = given,
		.arg = g,
		.octets = g->what.given->head.n + g->what.octets.n + g->evidence.len +
		    g->cites.len + g->what.given->n_to * FACT_OCTETS,
	};
	kv_store_take(ims_base(g->store), &g->op, g->loop);
}

/* Nothing cites a paper before it is durable. */
static void
paper_kept(void *arg, const struct err *e)
{
	struct ims_paper_op *k = arg;
	struct give *g = k->of;

	if (e != NULL && g->why.why == REFUSAL_NONE)
		g->why = *e;
	free(k);
	if (--g->waiting > 0)
		return;
	if (g->why.why == REFUSAL_NONE)
		take(g);
	else
		over(g, &g->why);
}

/* No paper is kept for a letter that will find no room. */
static bool
has_room(const struct give *g)
{
	uint64_t limit = g->what.given->evidence->sender_limit,
		 takes = ims_giving_takes(&g->what) + g->papers_take;

	return limit == 0 ||
	    ims_share_fit(g->what.sender_has + takes, limit, g->what.store_size) != IMS_FITS_NOT;
}

static void
take_papers(struct give *g, const struct ims_papers *papers)
{
	struct kv_op *ops[IMS_PAPERS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < papers->n && has_room(g); i++)
		if (papers->paper[i].crl != NULL)
			ops[n++] = &ims_paper_op_new(&papers->paper[i],
			    domain_span(&g->what.given->payer), g->what.given->evidence->received_s,
			    paper_kept, g)
					->op;
	g->waiting = n;
	if (n > 0)
		kv_store_take_several(ims_base(g->store), ops, n, g->loop);
	else
		take(g);
}

static void
pack_evidence(struct give *g, const struct ims_papers *papers)
{
	const struct ims_given *of = g->what.given;
	struct ims_evidence_record r = { .n_papers = papers->n,
		.by_smtp = true,
		.ehlo = domain_span(&of->marks->ehlo),
		.results = of->results,
		.host = span_str(of->evidence->host),
		.spf = span_str(of->evidence->spf[0]),
		.received_s = of->evidence->received_s };

	for (size_t i = 0; i < papers->n; i++)
		memcpy(r.paper[i], papers->paper[i].digest, DIGEST_BYTES);
	ims_evidence_pack(&g->evidence, &r);
}

static void
papers_chosen(void *arg, const struct ims_papers *papers, const struct ims_sender_is *sender,
    const struct err *e)
{
	struct give *g = arg;

	if (e != NULL) {
		over(g, e);
		return;
	}
	pack_evidence(g, papers);
	for (size_t i = 0; i < papers->n; i++)
		g->papers_take += ims_paper_cite(&g->cites, &papers->paper[i],
		    g->what.given->evidence->received_s);
	g->what.evidence = buf_span(&g->evidence);
	g->what.papers = buf_span(&g->cites);
	g->what.groups = sender->has_mailboxes;
	g->what.sender_has = sender->sum.octets + g->papers_take +
	    ims_under_way_count(g->store, &g->under_way,
		ims_giving_takes(&g->what) + g->papers_take);
	take_papers(g, papers);
}

void
ims_store_give_take(struct ims_store *s, const struct ims_given *of, struct body_kept *kept,
    struct ims_claim **claim, struct loop *loop, ims_store_done *done, void *arg)
{
	struct give *g = memory_new(sizeof *g);

	g->store = ims_store_hold(s);
	g->loop = loop;
	g->kept = *kept;
	*kept = (struct body_kept) { .size = 0 };
	g->what = (struct ims_giving) { .given = of,
		.file = g->kept.name,
		.size = g->kept.size,
		.store_size = s == NULL ? 0 : s->size };
	if (g->kept.name[0] == '\0')
		g->what.octets = buf_span(&g->kept.octets);
	g->done = done;
	g->arg = arg;
	domain_copy_span(&g->under_way.from_domain, domain_span(&of->payer));
	g->under_way.octets = ims_giving_takes(&g->what);
	if (claim != NULL)
		ims_store_claim_free(claim);
	ims_under_way_begin(s, &g->under_way);
	ims_papers_choose(s, (struct span) { 0 }, of->evidence, domain_span(&of->payer), loop,
	    papers_chosen, g);
}
