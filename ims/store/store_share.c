/* store_share — the IMS's mailboxes: sums of senders' domains, and which mailboxes there are; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "ims/store/store_private.h"

/* -- known senders ----------------------------------------------------------------------------------------- */

struct of_known {
	struct kv_question question;
	struct domain from_domain;
	bool had;
	ims_store_knows_done *done;
	void *arg;
};

/* The same work, whether it is there or not. */
static void
look_for_known(struct kv_txn *t, void *arg)
{
	struct of_known *q = arg;

	q->had = ims_mailbox_knows(t, domain_span(&q->from_domain));
}

static void
tell_known(struct kv_question *question, const struct err *e)
{
	struct of_known *q = (struct of_known *)question;

	q->done(q->arg, e == NULL && q->had);
}

struct kv_question *
ims_store_knows(struct ims_store *s, const char *user, struct span from_domain, struct loop *l,
    ims_store_knows_done *done, void *arg)
{
	struct of_known *q = memory_new(sizeof *q);

	q->question.next = kv_question_answer;
	q->question.tell = tell_known;
	domain_copy_span(&q->from_domain, from_domain);
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_look(&q->question, ims_part_mailbox(user), look_for_known, q);
	return &q->question;
}

/* -- one sum ------------------------------------------------------------------------------------------------- */

struct of_share {
	struct kv_question question;
	struct domain domain;
	bool in_mailbox;
	struct ims_share sum;
	ims_store_share_done *done;
	void *arg;
};

static void
look_for_share(struct kv_txn *t, void *arg)
{
	struct of_share *q = arg;

	if (q->in_mailbox)
		ims_mailbox_share(t, domain_span(&q->domain), &q->sum);
	else
		ims_sender_sum(t, &q->sum);
}

static void
tell_share(struct kv_question *question, const struct err *e)
{
	struct of_share *q = (struct of_share *)question;

	q->done(q->arg, &q->sum, e);
}

struct kv_question *
ims_store_share(struct ims_store *s, const char *from_domain, const char *user, struct loop *l,
    ims_store_share_done *done, void *arg)
{
	struct of_share *q = memory_new(sizeof *q);

	q->question.next = kv_question_answer;
	q->question.tell = tell_share;
	q->domain = domain_copy(from_domain);
	q->in_mailbox = user != NULL;
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_look(&q->question,
	    user != NULL ? ims_part_mailbox(user) : ims_part_sender(span_str(from_domain)),
	    look_for_share, q);
	return &q->question;
}

/* -- pages of a directory: names, then what each has --------------------------------------------------------------- */

struct entry {
	struct of_list *of;
	char name[IMS_STORE_USER_BYTES];
	struct ims_share sum;
};

struct of_list {
	struct kv_question question;
	unsigned kind;
	struct kv_dir_at at; /* where to read next */
	struct entry *entries;
	size_t n, max;
	size_t before; /* found in the shards before */
	bool more;
	ims_store_mailboxes_done *mailboxes;
	ims_store_senders_done *senders;
	void *arg;
};

static bool
take_name(void *arg, const struct kv_fact *f)
{
	struct of_list *q = arg;

	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	if (span_copy(f->name, q->entries[q->n].name, sizeof q->entries[q->n].name))
		q->n++;
	return true;
}

static void
look_for_names(struct kv_txn *t, void *arg)
{
	struct of_list *q = arg;

	q->n = q->before;
	q->more = false;
	kv_each_fact(t, FACT_LISTED, span_of(q->at.name, q->at.n), (struct span) { 0 }, take_name,
	    q);
}

static void
look_for_sum(struct kv_txn *t, void *arg)
{
	struct entry *x = arg;
	struct ims_mailbox_is m;
	struct err e;

	x->sum = (struct ims_share) { 0, 0 };
	if (x->of->kind == PART_SENDERS)
		ims_sender_sum(t, &x->sum);
	else if (ims_mailbox_is(t, &m, &e))
		x->sum.notices = m.notices;
	else
		kv_pardon(t);
}

static void
look_at_shard(struct of_list *q)
{
	kv_question_look(&q->question, kv_dir_shard(q->kind, q->at.shard), look_for_names, q);
}

static void
names_found(struct kv_question *question)
{
	struct of_list *q = (struct of_list *)question;

	if (!q->more && q->at.shard + 1 < KV_DIR_SHARDS) {
		q->at.shard++;
		q->at.n = 0;
		q->before = q->n;
		look_at_shard(q);
		return;
	}
	question->next = kv_question_answer;
	for (size_t i = 0; i < q->n; i++) {
		struct entry *x = &q->entries[i];

		x->of = q;
		kv_question_look(question,
		    q->kind == PART_SENDERS ? ims_part_sender(span_str(x->name))
					    : ims_part_mailbox(x->name),
		    look_for_sum, x);
	}
	if (q->n == 0)
		kv_question_answer(question);
}

static void
tell_mailboxes(struct kv_question *question, const struct err *e)
{
	struct of_list *q = (struct of_list *)question;
	size_t n = e == NULL ? q->n : 0;
	struct ims_mailbox *rows = memory_array(n + 1, sizeof *rows);

	for (size_t i = 0; i < n; i++) {
		memcpy(rows[i].user, q->entries[i].name, sizeof rows[i].user);
		rows[i].notices = q->entries[i].sum.notices;
	}
	q->mailboxes(q->arg, rows, n, e == NULL && q->more, e);
	free(rows);
}

static void
tell_senders(struct kv_question *question, const struct err *e)
{
	struct of_list *q = (struct of_list *)question;
	size_t n = e == NULL ? q->n : 0;
	struct ims_sender *rows = memory_array(n + 1, sizeof *rows);

	for (size_t i = 0; i < n; i++) {
		domain_set(&rows[i].domain, span_str(q->entries[i].name));
		rows[i].sum = q->entries[i].sum;
	}
	q->senders(q->arg, rows, n, e == NULL && q->more, e);
	free(rows);
}

static void
clear_list(struct kv_question *question)
{
	free(((struct of_list *)question)->entries);
}

static struct of_list *
list_new(unsigned kind, const char *after, size_t max, void *arg)
{
	struct of_list *q = memory_new(sizeof *q);
	size_t n = strlen(after);

	q->question.next = names_found;
	q->question.clear = clear_list;
	q->kind = kind;
	q->entries = memory_array(max, sizeof *q->entries);
	q->max = max;
	q->arg = arg;
	if (n > 0) {
		q->at.shard = kv_dir_part(kind, span_str(after)).name[0];
		memcpy(q->at.name, after,
		    n + 1); /* the first name after it begins with it and a NUL */
		q->at.n = n + 1;
	}
	return q;
}

struct kv_question *
ims_store_mailboxes(struct ims_store *s, const char *after, size_t max, struct loop *l,
    ims_store_mailboxes_done *done, void *arg)
{
	struct of_list *q = list_new(PART_MAILBOXES, after, max, arg);

	q->question.tell = tell_mailboxes;
	q->mailboxes = done;
	kv_question_begin(&q->question, ims_base(s), l);
	look_at_shard(q);
	return &q->question;
}

struct kv_question *
ims_store_senders(struct ims_store *s, const char *after, size_t max, struct loop *l,
    ims_store_senders_done *done, void *arg)
{
	struct of_list *q = list_new(PART_SENDERS, after, max, arg);

	q->question.tell = tell_senders;
	q->senders = done;
	kv_question_begin(&q->question, ims_base(s), l);
	look_at_shard(q);
	return &q->question;
}

/* -- one mailbox ------------------------------------------------------------------------------------------------ */

struct of_mailbox {
	struct kv_question question;
	uint64_t notices;
	ims_store_has *done;
	void *arg;
};

static void
look_for_mailbox(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_mailbox *q = arg;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, why))
		return;
	q->notices = m.notices;
	if (m.user[0] == '\0')
		err_word(why, REFUSAL_no_such_user);
}

static void
tell_mailbox(struct kv_question *question, const struct err *e)
{
	struct of_mailbox *q = (struct of_mailbox *)question;

	q->done(q->arg, q->notices, e);
}

struct kv_question *
ims_store_has_mailbox(struct ims_store *s, const char *user, struct loop *l, ims_store_has *done,
    void *arg)
{
	struct of_mailbox *q = memory_new(sizeof *q);

	q->question.next = kv_question_answer;
	q->question.tell = tell_mailbox;
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_judge(&q->question, ims_part_mailbox(user), look_for_mailbox, q);
	return &q->question;
}
