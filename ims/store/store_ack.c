/* store_ack — the IMS's mailboxes: acknowledgements that the senders' OMS must get; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/store_private.h"

/* In the order of the directory of domains, and within a domain of letters. */
struct of_acks {
	struct kv_question question;
	unsigned shard;
	struct kv_key name;   /* of the directory: names from this on */
	struct domain domain; /* whose acknowledgements are read; "": the next is looked for */
	struct kv_key after;  /* of its facts: from this on */
	int64_t now_s;
	bool idle; /* it has none, which is to be noted */
	struct ims_ack *rows;
	size_t n, before, max;
	bool more;
	ims_store_acks_done *done;
	void *arg;
};

static bool
take_ack(void *arg, const struct kv_fact *f)
{
	struct of_acks *q = arg;

	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	if (ims_ack_read(f->value, &q->rows[q->n]))
		q->n++;
	return true;
}

static void
look_for_acks(struct kv_txn *t, void *arg)
{
	struct of_acks *q = arg;

	q->n = q->before;
	q->more = false;
	kv_each_fact(t, FACT_ACK, kv_key_span(&q->after), (struct span) { 0 }, take_ack, q);
	q->idle = ims_acks_are_idle(t, q->now_s);
}

static bool
take_domain(void *arg, const struct kv_fact *f)
{
	struct of_acks *q = arg;

	return !span_copy(f->name, q->domain.text, sizeof q->domain.text);
}

static void
look_for_domain(struct kv_txn *t, void *arg)
{
	struct of_acks *q = arg;

	q->domain.text[0] = '\0';
	kv_each_fact(t, FACT_LISTED, kv_key_span(&q->name), (struct span) { 0 }, take_domain, q);
}

struct noting {
	int64_t now_s; /* first: what is applied */
	struct kv_op op;
};

static void
noted(void *arg, const struct err *e)
{
	(void)e; /* the next who looks notes it */
	free(arg);
}

/* Nobody waits for it. */
static void
note_idle(const struct of_acks *q)
{
	struct noting *n = memory_new(sizeof *n);
	struct err e;

	n->now_s = q->now_s;
	n->op = (struct kv_op) {
		.part = ims_part_acks(domain_span(&q->domain)),
		.apply = ims_acks_idle,
		.done = noted,
		.arg = n,
		.octets = 512,
		.frees = true,
	};
	if (q->question.store->kv == NULL || !kv_take(q->question.store->kv, &n->op, &e))
		noted(n, &e);
}

static void acks_found(struct kv_question *question);
static void domain_found(struct kv_question *question);

static void
read_domain(struct of_acks *q)
{
	q->question.next = acks_found;
	q->before = q->n;
	kv_question_look(&q->question, ims_part_acks(domain_span(&q->domain)), look_for_acks, q);
}

static void
find_domain(struct of_acks *q)
{
	q->question.next = domain_found;
	kv_question_look(&q->question, kv_dir_shard(PART_ACKERS, q->shard), look_for_domain, q);
}

static void
acks_found(struct kv_question *question)
{
	struct of_acks *q = (struct of_acks *)question;

	if (q->more) {
		kv_question_answer(question);
		return;
	}
	if (q->idle)
		note_idle(q);
	q->name.n = q->after.n = 0;
	kv_key_add(&q->name, domain_span(&q->domain));
	kv_key_add_u8(&q->name, 0); /* the next name */
	find_domain(q);
}

static void
domain_found(struct kv_question *question)
{
	struct of_acks *q = (struct of_acks *)question;

	if (q->domain.text[0] != '\0') {
		read_domain(q);
	} else if (++q->shard < KV_DIR_SHARDS) {
		q->name.n = 0;
		find_domain(q);
	} else {
		kv_question_answer(question);
	}
}

static void
tell_acks(struct kv_question *question, const struct err *e)
{
	struct of_acks *q = (struct of_acks *)question;

	q->done(q->arg, q->rows, e == NULL ? q->n : 0, e == NULL && q->more, e);
}

static void
clear_acks(struct kv_question *question)
{
	free(((struct of_acks *)question)->rows);
}

struct kv_question *
ims_store_pending_acks(struct ims_store *s, const struct ims_ack *after, size_t max, struct loop *l,
    ims_store_acks_done *done, void *arg)
{
	struct of_acks *q = memory_new(sizeof *q);

	q->question.tell = tell_acks;
	q->question.clear = clear_acks;
	q->rows = memory_array(max, sizeof *q->rows);
	q->max = max;
	q->now_s = ims_now_s();
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	if (after == NULL) {
		find_domain(q);
		return &q->question;
	}
	q->domain = after->from_domain;
	q->shard = kv_dir_part(PART_ACKERS, domain_span(&q->domain)).name[0];
	q->after = ims_ack_name(after);
	kv_key_add_u8(&q->after, 0); /* the next */
	read_domain(q);
	return &q->question;
}
