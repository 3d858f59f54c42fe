/* store_read — the IMS's mailboxes: what a mailbox has, and the body of a letter; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/source.h"
#include "ims/store/part_given.h"
#include "ims/store/store_private.h"

/* -- rows ------------------------------------------------------------------------------------------------------ */

/* A notice, whose letter is looked at next. */
struct looked {
	struct ims_row row;
	struct kv_question *of;
	struct ulid id;
	struct domain payer;
	int64_t now_s;
	bool found;
	struct err why;
};

static void
fill_row(struct looked *r, uint64_t number, const struct ims_notice_record *n)
{
	r->id = n->id;
	r->row.number = number;
	r->row.received_s = n->received_s;
	r->row.date_s = n->date_s;
	r->row.flags = n->flags;
	r->row.declined = n->declined;
	r->row.road = n->road;
	r->row.marks = n->marks;
	domain_copy_span(&r->payer, ims_notice_payer(n));
	span_copy(span_str(n->from), r->row.from, sizeof r->row.from);
	span_copy(span_str(n->to), r->row.to, sizeof r->row.to);
	span_copy(span_str(n->issuer), r->row.issuer, sizeof r->row.issuer);
}

static void
look_for_letter(struct kv_txn *t, void *arg)
{
	struct looked *r = arg;
	struct ims_letter_record l;

	r->found = ims_letter_now(t, ims_store_of(r->of), domain_span(&r->payer), r->now_s, &l,
	    &r->why);
	if (!r->found) {
		kv_pardon(t); /* it was logged; the others are shown */
		return;
	}
	r->row.letter = l.facts;
	/* Another of our domains may have been notified first; the fetch uses the domain of this notice. */
	domain_copy_span(&r->row.letter.own_domain, address_domain(span_str(r->row.to)));
}

/* -- one notice ------------------------------------------------------------------------------------------------ */

struct of_notice {
	struct kv_question question;
	struct looked row;
	uint64_t number;
	ims_store_found *done;
	void *arg;
};

static void
look_for_notice(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_notice *q = arg;
	struct ims_notice_record n;

	if (ims_mailbox_notice(t, q->number, &n, why))
		fill_row(&q->row, q->number, &n);
}

static void
notice_found(struct kv_question *question)
{
	struct of_notice *q = (struct of_notice *)question;

	question->next = kv_question_answer;
	kv_question_look(question, ims_part_letter(&q->row.id), look_for_letter, &q->row);
}

static void
tell_notice(struct kv_question *question, const struct err *e)
{
	struct of_notice *q = (struct of_notice *)question;

	if (e == NULL && !q->row.found)
		e = &q->row.why;
	q->done(q->arg, e == NULL ? &q->row.row : NULL, e);
}

struct kv_question *
ims_store_notice(struct ims_store *s, const char *user, uint64_t number, struct loop *l,
    ims_store_found *done, void *arg)
{
	struct of_notice *q = memory_new(sizeof *q);

	q->question.next = notice_found;
	q->question.tell = tell_notice;
	q->number = number;
	q->row.now_s = ims_now_s();
	q->row.of = &q->question;
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_judge(&q->question, ims_part_mailbox(user), look_for_notice, q);
	return &q->question;
}

/* -- a page of notices ----------------------------------------------------------------------------------------- */

struct of_page {
	struct kv_question question;
	uint64_t after;
	struct looked *found;
	struct ims_row *rows; /* those whose letters can be read */
	size_t n, n_rows, max;
	int64_t now_s;
	bool more;
	ims_store_listed *done;
	void *arg;
};

static void
look_for_page(struct kv_txn *t, void *arg)
{
	struct of_page *q = arg;
	struct ims_notice_record n;
	uint64_t number = q->after;
	struct err e;

	q->n = 0;
	while ((q->more = ims_mailbox_next(t, &number, &n, &e)) && q->n < q->max)
		fill_row(&q->found[q->n++], number, &n);
}

static void
page_found(struct kv_question *question)
{
	struct of_page *q = (struct of_page *)question;

	question->next = kv_question_answer;
	for (size_t i = 0; i < q->n; i++) {
		q->found[i].of = question;
		q->found[i].now_s = q->now_s;
		kv_question_look(question, ims_part_letter(&q->found[i].id), look_for_letter,
		    &q->found[i]);
	}
	if (q->n == 0)
		kv_question_answer(question);
}

static void
tell_page(struct kv_question *question, const struct err *e)
{
	struct of_page *q = (struct of_page *)question;

	for (size_t i = 0; i < q->n && e == NULL; i++)
		if (q->found[i].found)
			q->rows[q->n_rows++] = q->found[i].row;
	q->done(q->arg, q->rows, q->n_rows, e == NULL && q->more, e);
}

static void
clear_page(struct kv_question *question)
{
	free(((struct of_page *)question)->found);
	free(((struct of_page *)question)->rows);
}

struct kv_question *
ims_store_list(struct ims_store *s, const char *user, uint64_t after, size_t max, struct loop *l,
    ims_store_listed *done, void *arg)
{
	struct of_page *q = memory_new(sizeof *q);

	q->question.next = page_found;
	q->question.tell = tell_page;
	q->question.clear = clear_page;
	q->after = after;
	q->max = max;
	q->found = memory_array(max, sizeof *q->found);
	q->rows = memory_array(max, sizeof *q->rows);
	q->now_s = ims_now_s();
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_look(&q->question, ims_part_mailbox(user), look_for_page, q);
	return &q->question;
}

/* -- a body ---------------------------------------------------------------------------------------------------- */

struct of_body {
	struct kv_question question;
	struct domain from_domain;
	int64_t now_s;
	char file[BODY_NAME_BYTES]; /* "": inline */
	struct buf head;            /* by SMTP: what comes before the body */
	struct source *body;
	ims_store_body_found *done;
	void *arg;
};

static bool
look_for_head(struct kv_txn *t, struct of_body *q, struct err *why)
{
	struct span head;

	if (!ims_letter_head(t, domain_span(&q->from_domain), &head, why))
		return false;
	buf_add(&q->head, head.p, head.n);
	return true;
}

static void
look_for_body(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_body *q = arg;
	struct span domain = domain_span(&q->from_domain), octets;
	struct ims_letter_record r;

	if (q->body != NULL)
		q->body->free(q->body);
	q->body = NULL;
	buf_reset(&q->head);
	if (!ims_letter_is(t, domain, ims_store_of(&q->question)->run, q->now_s, &r, why))
		return;
	if (r.facts.state != MAILBOX_HERE) {
		err_set(why, REFUSAL_internal, "the letter is not here");
		return;
	}
	if (r.facts.road == MAILBOX_SMTP && !look_for_head(t, q, why))
		return;
	memcpy(q->file, r.file, sizeof q->file);
	if (r.file[0] == '\0' && ims_letter_body(t, domain, &octets, why))
		q->body = source_bytes(octets);
}

/* A letter whose body is in a file, and its head is not. */
struct opening {
	struct buf head;
	ims_store_body_found *done;
	void *arg;
};

static void
file_opened(void *arg, struct source *body, const struct err *e)
{
	struct opening *o = arg;

	if (e == NULL && o->head.len > 0)
		body = source_joined_take(&o->head, body);
	o->done(o->arg, body, e);
	buf_clear(&o->head);
	free(o);
}

static void
open_file(struct of_body *q)
{
	struct opening *o = memory_new(sizeof *o);

	o->head = q->head;
	q->head = (struct buf)BUF_INIT;
	o->done = q->done;
	o->arg = q->arg;
	body_open(q->question.store->bodies, q->file, q->question.loop, file_opened, o);
}

static void
tell_body(struct kv_question *question, const struct err *e)
{
	struct of_body *q = (struct of_body *)question;

	if (e == NULL && q->body == NULL) {
		open_file(q);
		return;
	}
	if (e == NULL && q->head.len > 0)
		q->body = source_joined_take(&q->head, q->body);
	q->done(q->arg, q->body, e);
}

static void
clear_body(struct kv_question *question)
{
	buf_clear(&((struct of_body *)question)->head);
}

void
ims_store_body(struct ims_store *s, const struct ims_letter *letter, struct loop *l,
    ims_store_body_found *done, void *arg)
{
	struct of_body *q = memory_new(sizeof *q);

	q->question.next = kv_question_answer;
	q->question.tell = tell_body;
	q->question.clear = clear_body;
	q->from_domain = letter->from_domain;
	q->now_s = ims_now_s();
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, ims_base(s), l);
	kv_question_judge(&q->question, ims_part_letter(&letter->id), look_for_body, q);
}
