/* store_read — the IMS's mailboxes: what a mailbox has, and the body of a letter; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/source.h"
#include "ims/store/store_private.h"

/* -- rows ------------------------------------------------------------------------------------------ */

static void
fill_row(struct ims_row *row, uint64_t number, const struct ims_notice_record *n)
{
	row->number = number;
	row->received_s = n->received_s;
	row->date_s = n->date_s;
	row->flags = n->flags;
	row->declined = n->declined;
	span_copy(span_str(n->from), row->from, sizeof row->from);
	span_copy(span_str(n->to), row->to, sizeof row->to);
	span_copy(span_str(n->issuer), row->issuer, sizeof row->issuer);
}

static bool
get_row(struct db_txn *t, struct ims_store *s, uint64_t number, const struct ims_notice_record *n,
    int64_t now_s, struct ims_row *row, struct err *e)
{
	struct db_key k = ims_key_letter(&n->id, address_domain(span_str(n->from)));
	struct ims_letter_record r;

	if (!ims_letter_get(t, s, &k, now_s, &r, e))
		return false;
	row->letter = r.facts;
	/* Another of our domains may have been notified first; the fetch uses the domain of this notice. */
	domain_copy_span(&row->letter.own_domain, address_domain(span_str(n->to)));
	fill_row(row, number, n);
	return true;
}

/* -- one notice -------------------------------------------------------------------------------------- */

struct of_notice {
	struct ims_question question;
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	int64_t now_s;
	struct ims_row row;
	ims_store_found *done;
	void *arg;
};

static bool
look_for_notice(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_notice *q = (struct of_notice *)question;
	struct ims_notice_record n;

	return ims_notice_get(t, q->user, q->number, &n, e) &&
	    get_row(t, question->store, q->number, &n, q->now_s, &q->row, e);
}

static void
tell_notice(struct ims_question *question, const struct err *e)
{
	struct of_notice *q = (struct of_notice *)question;

	q->done(q->arg, e == NULL ? &q->row : NULL, e);
}

struct ims_question *
ims_store_notice(struct ims_store *s, const char *user, uint64_t number, struct loop *l,
    ims_store_found *done, void *arg)
{
	struct of_notice *q = memory_new(sizeof *q);

	q->question.look = look_for_notice;
	q->question.tell = tell_notice;
	span_copy(span_str(user), q->user, sizeof q->user);
	q->number = number;
	q->now_s = clock_wall_ms() / 1000;
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}

/* -- a page of notices --------------------------------------------------------------------------------- */

struct of_page {
	struct ims_question question;
	char user[IMS_STORE_USER_BYTES];
	uint64_t after;
	int64_t now_s;
	struct db_txn *t; /* while it is read */
	struct ims_row *rows;
	size_t n, max;
	bool more;
	ims_store_listed *done;
	void *arg;
};

/* A damaged notice, or the notice of a damaged letter, is logged and left out. */
static bool
take_notice(void *arg, struct span key, struct span value)
{
	struct of_page *q = arg;
	uint64_t number = ims_key_number(key);
	struct ims_notice_record n;
	struct err e;

	if (number <= q->after || !ims_notice_read(value, &n, &e))
		return true;
	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	if (get_row(q->t, q->question.store, number, &n, q->now_s, &q->rows[q->n], &e))
		q->n++;
	else
		db_fault(q->t, &e);
	return true;
}

static bool
look_for_page(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_page *q = (struct of_page *)question;
	struct db_key prefix = ims_key_user(q->user), from = ims_key_numbered(q->user, q->after);

	q->t = t;
	q->rows = memory_array(q->max, sizeof *q->rows);
	db_each(t, NOTICE, db_key_span(&from), db_key_span(&prefix), take_notice, q);
	return !db_fault(t, e);
}

static void
tell_page(struct ims_question *question, const struct err *e)
{
	struct of_page *q = (struct of_page *)question;

	q->done(q->arg, q->rows, e == NULL ? q->n : 0, e == NULL && q->more, e);
}

static void
clear_page(struct ims_question *question)
{
	free(((struct of_page *)question)->rows);
}

struct ims_question *
ims_store_list(struct ims_store *s, const char *user, uint64_t after, size_t max, struct loop *l,
    ims_store_listed *done, void *arg)
{
	struct of_page *q = memory_new(sizeof *q);

	q->question.look = look_for_page;
	q->question.tell = tell_page;
	q->question.clear = clear_page;
	span_copy(span_str(user), q->user, sizeof q->user);
	q->after = after;
	q->now_s = clock_wall_ms() / 1000;
	q->max = max;
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}

/* -- a body -------------------------------------------------------------------------------------------- */

struct of_body {
	struct ims_question question;
	struct db_key letter;
	int64_t now_s;
	char file[BODY_NAME_BYTES]; /* "": inline */
	struct source *body;
	struct loop *loop;
	ims_store_body_found *done;
	void *arg;
};

static bool
look_for_body(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_body *q = (struct of_body *)question;
	struct ims_letter_record r;
	struct span octets;

	if (!ims_letter_get(t, question->store, &q->letter, q->now_s, &r, e))
		return false;
	if (r.facts.state != MAILBOX_HERE)
		return err_set(e, REFUSAL_internal, "the letter is not here");
	memcpy(q->file, r.file, sizeof q->file);
	if (r.file[0] != '\0')
		return true;
	if (!db_get(t, BODY, db_key_span(&q->letter), &octets))
		return !db_fault(t, e) && err_set(e, REFUSAL_storage, "a body is missing");
	q->body = source_bytes(octets);
	return true;
}

/* The file is opened when the reading has ended: an open reading keeps old pages alive. */
static void
tell_body(struct ims_question *question, const struct err *e)
{
	struct of_body *q = (struct of_body *)question;

	if (e == NULL && q->body == NULL)
		body_open(question->store->bodies, q->file, q->loop, q->done, q->arg);
	else
		q->done(q->arg, q->body, e);
}

void
ims_store_body(struct ims_store *s, const struct ims_letter *letter, struct loop *l,
    ims_store_body_found *done, void *arg)
{
	struct of_body *q = memory_new(sizeof *q);

	q->question.look = look_for_body;
	q->question.tell = tell_body;
	q->letter = ims_key_letter(&letter->id, domain_span(&letter->from_domain));
	q->now_s = clock_wall_ms() / 1000;
	q->loop = l;
	q->done = done;
	q->arg = arg;
	(void)ims_ask(&q->question, s, l);
}

/* -- mailboxes ------------------------------------------------------------------------------------------ */

struct of_mailbox {
	struct ims_question question;
	char user[IMS_STORE_USER_BYTES];
	uint64_t notices;
	ims_store_has *done;
	void *arg;
};

static bool
look_for_mailbox(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_mailbox *q = (struct of_mailbox *)question;
	struct ims_mailbox_record m;
	struct span value;

	if (!db_get(t, MAILBOX, span_str(q->user), &value))
		return !db_fault(t, e) && err_word(e, REFUSAL_no_such_user);
	if (!ims_mailbox_read(value, &m, e))
		return false;
	q->notices = m.notices;
	return true;
}

static void
tell_mailbox(struct ims_question *question, const struct err *e)
{
	struct of_mailbox *q = (struct of_mailbox *)question;

	q->done(q->arg, q->notices, e);
}

struct ims_question *
ims_store_has_mailbox(struct ims_store *s, const char *user, struct loop *l, ims_store_has *done,
    void *arg)
{
	struct of_mailbox *q = memory_new(sizeof *q);

	q->question.look = look_for_mailbox;
	q->question.tell = tell_mailbox;
	span_copy(span_str(user), q->user, sizeof q->user);
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}

struct of_mailboxes {
	struct ims_question question;
	char after[IMS_STORE_USER_BYTES];
	struct ims_mailbox *rows;
	size_t n, max;
	bool more;
	ims_store_mailboxes_done *done;
	void *arg;
};

static bool
take_mailbox(void *arg, struct span key, struct span value)
{
	struct of_mailboxes *q = arg;
	struct ims_mailbox_record r;
	struct err e;

	if (span_eq(key, span_str(q->after)) || key.n >= IMS_STORE_USER_BYTES ||
	    !ims_mailbox_read(value, &r, &e))
		return true;
	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	span_copy(key, q->rows[q->n].user, IMS_STORE_USER_BYTES);
	q->rows[q->n++].notices = r.notices;
	return true;
}

static bool
look_for_mailboxes(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_mailboxes *q = (struct of_mailboxes *)question;

	q->rows = memory_array(q->max, sizeof *q->rows);
	db_each(t, MAILBOX, span_str(q->after), (struct span) { 0 }, take_mailbox, q);
	return !db_fault(t, e);
}

static void
tell_mailboxes(struct ims_question *question, const struct err *e)
{
	struct of_mailboxes *q = (struct of_mailboxes *)question;

	q->done(q->arg, q->rows, e == NULL ? q->n : 0, e == NULL && q->more, e);
}

static void
clear_mailboxes(struct ims_question *question)
{
	free(((struct of_mailboxes *)question)->rows);
}

struct ims_question *
ims_store_mailboxes(struct ims_store *s, const char *after, size_t max, struct loop *l,
    ims_store_mailboxes_done *done, void *arg)
{
	struct of_mailboxes *q = memory_new(sizeof *q);

	q->question.look = look_for_mailboxes;
	q->question.tell = tell_mailboxes;
	q->question.clear = clear_mailboxes;
	span_copy(span_str(after), q->after, sizeof q->after);
	q->max = max;
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}
