/* store_paper — chooses what the evidence of a batch cites; see store_paper_private.h. */
#include "ims/store/store_paper_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"

#define SEAL           1 /* among the papers */
#define CANDIDATES_MAX 8 /* kept CRLs of one scope and in force that are looked at */

struct candidate {
	struct one *of;
	unsigned char digest[DIGEST_BYTES];
	bool silent, ends_early;
};

/* A paper that is looked at. */
struct one {
	struct choosing *of;
	struct ims_paper *paper;
	bool kept, ends_early;
	struct candidate *candidate; /* CANDIDATES_MAX; NULL: none is looked for */
	size_t n;
};

struct choosing {
	struct kv_question question;
	int64_t received_s, until_s;
	struct ims_papers papers;
	struct one one[IMS_PAPERS_MAX];
	struct ims_sender_is sender;
	ims_papers_chosen *done;
	void *arg;
};

/* -- is it kept? ------------------------------------------------------------------------------------------------ */

static void
look_for_paper(struct kv_txn *t, void *arg)
{
	struct one *x = arg;
	struct ims_paper_is p;

	x->kept = ims_paper_is(t, &p) && p.until_s >= x->of->received_s && !p.undecided;
	x->ends_early = x->kept && p.until_s < x->of->until_s;
}

static void
look_for_sum(struct kv_txn *t, void *arg)
{
	struct choosing *c = arg;

	ims_sender_is(t, &c->sender);
}

/* -- a CRL that is kept already ---------------------------------------------------------------------------------- */

/* Facts are sorted by nextUpdate, from the time of receipt on. */
static bool
take_candidate(void *arg, const struct kv_fact *f)
{
	struct one *x = arg;
	struct reader r = reader_of(f->value);
	int64_t this_s = (int64_t)read_u64(&r);
	struct span digest = span_sub(f->name, 8, DIGEST_BYTES);

	if (reader_done(&r) && digest.n == DIGEST_BYTES && this_s <= x->of->received_s) {
		x->candidate[x->n].of = x;
		memcpy(x->candidate[x->n++].digest, digest.p, DIGEST_BYTES);
	}
	return x->n < CANDIDATES_MAX;
}

static void
look_for_candidates(struct kv_txn *t, void *arg)
{
	struct one *x = arg;
	struct kv_key from = { .n = 0 };

	x->n = 0;
	kv_key_add_u64(&from, (uint64_t)x->of->received_s);
	kv_each_fact(t, FACT_CRL, kv_key_span(&from), (struct span) { 0 }, take_candidate, x);
}

static void
name_of_search(const struct candidate *c, unsigned char name[DIGEST_BYTES])
{
	const struct crl_octets *crl = c->of->paper->crl;
	struct buf both = BUF_INIT;

	put_bytes(&both, c->digest, DIGEST_BYTES);
	put_bytes(&both, crl->serial, crl->serial_n);
	digest_sha256(buf_span(&both), name);
	buf_clear(&both);
}

static bool
is_known(struct ims_store *s, const unsigned char name[DIGEST_BYTES], bool *silent)
{
	struct ims_silent *known = &s->silent[name[0] % IMS_SILENT_MAX];
	bool found;

	pthread_mutex_lock(&s->lock);
	if ((found = memcmp(known->name, name, DIGEST_BYTES) == 0))
		*silent = known->silent;
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void
note_known(struct ims_store *s, const unsigned char name[DIGEST_BYTES], bool silent)
{
	struct ims_silent *known = &s->silent[name[0] % IMS_SILENT_MAX];

	pthread_mutex_lock(&s->lock);
	memcpy(known->name, name, DIGEST_BYTES);
	known->silent = silent;
	pthread_mutex_unlock(&s->lock);
}

/* Silent: the kept CRL does not contain the certificate's serial number.  An older CRL may list a certificate
 * that was on hold and no longer is, and would make the evidence fail.  Searches for the DER of the number;
 * any match, even a coincidence, makes us keep the new CRL.  The result is remembered, since reading a long
 * CRL takes milliseconds. */
static void
look_for_serial(struct kv_txn *t, void *arg)
{
	struct candidate *c = arg;
	const struct crl_octets *crl = c->of->paper->crl;
	struct ims_store *s = ims_store_of(&c->of->of->question);
	unsigned char name[DIGEST_BYTES];
	struct buf octets = BUF_INIT;
	struct ims_paper_is p;
	struct err e;

	c->silent = false;
	c->ends_early = !ims_paper_is(t, &p) || p.until_s < c->of->of->until_s;
	name_of_search(c, name);
	if (is_known(s, name, &c->silent))
		return;
	if (ims_paper_read(t, &octets, &e)) {
		c->silent = memmem(octets.data, octets.len, crl->serial, crl->serial_n) == NULL;
		note_known(s, name, c->silent);
	} else {
		kv_pardon(t);
	}
	buf_clear(&octets);
}

/* -- in steps ------------------------------------------------------------------------------------------------------ */

static bool
may_be_replaced(const struct one *x)
{
	return !x->kept && x->paper->crl != NULL && x->paper->crl->shared;
}

static void
serials_found(struct kv_question *question)
{
	struct choosing *c = (struct choosing *)question;

	for (size_t i = 0; i < c->papers.n; i++) {
		struct one *x = &c->one[i];
		bool other = false;

		for (size_t n = 0; n < x->n && !other; n++)
			if ((other = x->candidate[n].silent)) {
				memcpy(x->paper->digest, x->candidate[n].digest, DIGEST_BYTES);
				x->kept = true;
				x->ends_early = x->candidate[n].ends_early;
			}
		x->paper->ends_early = x->ends_early;
		if (other || (x->kept && !x->ends_early)) {
			x->paper->octets = (struct span) { 0 };
			x->paper->crl = NULL;
		}
	}
	kv_question_answer(question);
}

static void
candidates_found(struct kv_question *question)
{
	struct choosing *c = (struct choosing *)question;
	size_t n = 0;

	question->next = serials_found;
	for (size_t i = 0; i < c->papers.n; i++)
		n += c->one[i].n;
	if (n == 0) {
		serials_found(question);
		return;
	}
	for (size_t i = 0; i < c->papers.n; i++)
		for (n = 0; n < c->one[i].n; n++)
			kv_question_look(question, ims_part_paper(c->one[i].candidate[n].digest),
			    look_for_serial, &c->one[i].candidate[n]);
}

static void
papers_found(struct kv_question *question)
{
	struct choosing *c = (struct choosing *)question;
	bool any = false;

	question->next = candidates_found;
	for (size_t i = 0; i < c->papers.n; i++)
		any = any || may_be_replaced(&c->one[i]);
	if (!any) {
		serials_found(question);
		return;
	}
	for (size_t i = 0; i < c->papers.n; i++) {
		struct one *x = &c->one[i];

		if (!may_be_replaced(x))
			continue;
		x->candidate = memory_array(CANDIDATES_MAX, sizeof *x->candidate);
		kv_question_look(question,
		    kv_part_of(PART_SCOPE,
			span_of(x->paper->crl->scope, sizeof x->paper->crl->scope)),
		    look_for_candidates, x);
	}
}

/* With the evidence. */
static void
leave_seal(struct ims_papers *p)
{
	p->has_seal = false;
	p->n--;
	memmove(&p->paper[SEAL], &p->paper[SEAL + 1], (p->n - SEAL) * sizeof p->paper[0]);
}

static void
tell(struct kv_question *question, const struct err *e)
{
	struct choosing *c = (struct choosing *)question;

	if (c->sender.has_papers && c->papers.has_seal && c->papers.paper[SEAL].octets.n > 0)
		leave_seal(&c->papers);
	c->done(c->arg, &c->papers, &c->sender, e);
}

static void
clear(struct kv_question *question)
{
	struct choosing *c = (struct choosing *)question;

	for (size_t i = 0; i < c->papers.n; i++)
		free(c->one[i].candidate);
}

static void
fill_papers(struct ims_papers *p, struct span seal, const struct ims_evidence *ev)
{
	if (ev->chain.n > 0) {
		p->paper[p->n].octets = ev->chain;
		memcpy(p->paper[p->n++].digest, ev->chain_digest, DIGEST_BYTES);
	}
	if ((p->has_seal = seal.n > 0)) {
		p->paper[p->n].octets = seal;
		digest_sha256(seal, p->paper[p->n++].digest);
	}
	for (size_t i = 0; i < ev->n_crls; i++) {
		struct ims_paper *x = &p->paper[p->n++];

		x->octets = ev->crls[i].der;
		x->crl = &ev->crls[i];
		memcpy(x->digest, ev->crls[i].digest, DIGEST_BYTES);
	}
}

struct ims_paper_op *
ims_paper_op_new(const struct ims_paper *p, struct span domain, int64_t received_s,
    void (*done)(void *arg, const struct err *e), void *of)
{
	struct ims_paper_op *k = memory_new(sizeof *k);

	k->of = of;
	k->what = (struct ims_keeping) {
		.octets = p->octets,
		.domain = domain,
		.until_s = received_s + PAPER_KEEP_S,
		.now_s = received_s,
		.crl = p->crl,
	};
	k->op = (struct kv_op) {
		.part = ims_part_paper(p->digest),
		.apply = ims_paper_keep,
		.done = done,
		.arg = k,
		.octets = 1024 + p->octets.n,
	};
	return k;
}

uint64_t
ims_paper_cite(struct buf *cites, const struct ims_paper *p, int64_t received_s)
{
	if (p->crl == NULL && (p->octets.n > 0 || p->ends_early))
		ims_citing_add(cites, p->digest, p->octets, received_s + PAPER_KEEP_S);
	return p->octets.n > 0 && !p->ends_early ? ims_takes(DIGEST_BYTES, p->octets.n) : 0;
}

void
ims_papers_choose(struct ims_store *s, struct span seal, const struct ims_evidence *ev,
    struct span from_domain, struct loop *l, ims_papers_chosen *done, void *arg)
{
	struct choosing *c = memory_new(sizeof *c);

	c->question.next = papers_found;
	c->question.tell = tell;
	c->question.clear = clear;
	c->received_s = ev->received_s;
	c->until_s = ev->received_s + PAPER_KEEP_S;
	c->done = done;
	c->arg = arg;
	fill_papers(&c->papers, seal, ev);
	kv_question_begin(&c->question, ims_base(s), l);
	kv_question_look(&c->question, ims_part_sender(from_domain), look_for_sum, c);
	for (size_t i = 0; i < c->papers.n; i++) {
		c->one[i].of = c;
		c->one[i].paper = &c->papers.paper[i];
		kv_question_look(&c->question, ims_part_paper(c->papers.paper[i].digest),
		    look_for_paper, &c->one[i]);
	}
}
