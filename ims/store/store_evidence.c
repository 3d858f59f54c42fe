/* store_evidence — keeps with each letter what lets a third party check the sender's promise.
 *
 * What many letters have in common, the sender's chain, the seal and CRLs, are papers (part.h).
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/part_given.h"
#include "ims/store/store_private.h"

struct paper {
	unsigned char digest[DIGEST_BYTES];
	struct buf octets;
};

struct of_evidence {
	struct kv_question question;
	uint64_t number; /* 0: by id */
	struct ulid id;
	struct domain payer, own;
	enum mailbox_road road;
	unsigned char statement[IMS_STATEMENT_BYTES];
	struct ims_kept kept;
	struct paper paper[IMS_PAPERS_MAX];
	size_t n_papers;
	bool has_seal;
	ims_store_evidence_found *done;
	void *arg;
};

static void
clear_kept(struct ims_kept *k)
{
	buf_clear(&k->statement);
	buf_clear(&k->seal);
	buf_clear(&k->signature);
	buf_clear(&k->chain);
	buf_clear(&k->crls);
	buf_clear(&k->spf);
	buf_clear(&k->results);
}

static void
copy(struct buf *to, struct span s)
{
	if (s.n > 0)
		buf_add(to, s.p, s.n);
}

static void
fill(struct of_evidence *q, const struct ims_evidence_record *r)
{
	struct ims_kept *k = &q->kept;

	clear_kept(k);
	*k = (struct ims_kept) { .received_s = r->received_s };
	copy(&k->statement, r->statement);
	copy(&k->seal, r->seal);
	copy(&k->signature, r->signature);
	copy(&k->spf, r->spf);
	copy(&k->results, r->results);
	k->by_smtp = r->by_smtp;
	span_copy(r->ehlo, k->ehlo, sizeof k->ehlo);
	span_copy(r->alg, k->alg, sizeof k->alg);
	span_copy(r->host, k->host, sizeof k->host);
	q->n_papers = r->n_papers;
	q->has_seal = r->has_seal;
	for (size_t i = 0; i < r->n_papers; i++)
		memcpy(q->paper[i].digest, r->paper[i], DIGEST_BYTES);
}

static bool
find_evidence(struct kv_txn *t, const struct of_evidence *q, struct span *value, struct err *why)
{
	if (q->number == 0)
		return ims_letter_any_evidence(t, value, why);
	if (q->road == MAILBOX_SMTP)
		return ims_letter_given_evidence(t, domain_span(&q->payer), value, why);
	return ims_letter_evidence(t, domain_span(&q->payer), domain_span(&q->own), q->statement,
	    value, why);
}

static void
look_for_evidence(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_evidence *q = arg;
	struct ims_evidence_record r;
	struct span value = { 0 };

	if (find_evidence(t, q, &value, why) && ims_evidence_read(value, &r, why))
		fill(q, &r);
}

static void
look_for_notice(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_evidence *q = arg;
	struct ims_notice_record n;

	if (!ims_mailbox_notice(t, q->number, &n, why))
		return;
	q->id = n.id;
	domain_copy_span(&q->payer, ims_notice_payer(&n));
	domain_copy_span(&q->own, address_domain(span_str(n.to)));
	q->road = n.road;
	memcpy(q->statement, n.statement, sizeof q->statement);
}

static void
look_for_paper(struct kv_txn *t, void *arg, struct err *why)
{
	struct paper *p = arg;

	buf_reset(&p->octets);
	ims_paper_read(t, &p->octets, why);
}

static void
papers_found(struct kv_question *question)
{
	struct of_evidence *q = (struct of_evidence *)question;

	for (size_t i = 0; i < q->n_papers; i++)
		copy(i == 0                     ? &q->kept.chain
			: i == 1 && q->has_seal ? &q->kept.seal
						: &q->kept.crls,
		    buf_span(&q->paper[i].octets));
	kv_question_answer(question);
}

static void
evidence_found(struct kv_question *question)
{
	struct of_evidence *q = (struct of_evidence *)question;

	question->next = papers_found;
	if (q->n_papers == 0) {
		papers_found(question);
		return;
	}
	for (size_t i = 0; i < q->n_papers; i++)
		kv_question_judge(question, ims_part_paper(q->paper[i].digest), look_for_paper,
		    &q->paper[i]);
}

static void
notice_found(struct kv_question *question)
{
	struct of_evidence *q = (struct of_evidence *)question;

	question->next = evidence_found;
	kv_question_judge(question, ims_part_letter(&q->id), look_for_evidence, q);
}

static void
tell_evidence(struct kv_question *question, const struct err *e)
{
	struct of_evidence *q = (struct of_evidence *)question;

	q->done(q->arg, e == NULL ? &q->kept : NULL, e);
}

static void
clear_evidence(struct kv_question *question)
{
	struct of_evidence *q = (struct of_evidence *)question;

	clear_kept(&q->kept);
	for (size_t i = 0; i < IMS_PAPERS_MAX; i++)
		buf_clear(&q->paper[i].octets);
}

static struct of_evidence *
evidence_new(ims_store_evidence_found *done, void *arg)
{
	struct of_evidence *q = memory_new(sizeof *q);

	q->question.tell = tell_evidence;
	q->question.clear = clear_evidence;
	q->done = done;
	q->arg = arg;
	return q;
}

struct kv_question *
ims_store_evidence(struct ims_store *s, const char *user, uint64_t number, struct loop *l,
    ims_store_evidence_found *done, void *arg)
{
	struct of_evidence *q = evidence_new(done, arg);

	q->number = number;
	q->question.next = notice_found;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_judge(&q->question, ims_part_mailbox(user), look_for_notice, q);
	return &q->question;
}

struct kv_question *
ims_store_evidence_of(struct ims_store *s, const struct ulid *id, struct loop *l,
    ims_store_evidence_found *done, void *arg)
{
	struct of_evidence *q = evidence_new(done, arg);

	q->id = *id;
	kv_question_begin(&q->question, ims_base(s), l);
	notice_found(&q->question);
	return &q->question;
}
