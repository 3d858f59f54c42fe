/* store_change — marks, drops and declines one notice for its user; see store.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "ims/store/store_private.h"

struct change {
	struct ims_changing what; /* first: what is applied */
	struct kv_op op;
	struct ims_store *store;
	struct loop *loop;
	char file[BODY_NAME_BYTES]; /* of a body that may have no letter any more */
	ims_store_done *done;
	void *arg;
};

static void
changed(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL)
		ims_file_dropped(c->store, c->file, c->loop);
	ims_store_let_go(&c->store);
	c->done(c->arg, e);
	free(c);
}

static void
take(struct ims_store *s, const struct change *what, struct kv_part part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), struct loop *l)
{
	struct change *c = memory_new(sizeof *c);

	*c = *what;
	c->store = ims_store_hold(s);
	c->loop = l;
	c->what.now_s = ims_now_s();
	c->op = (struct kv_op) {
		.part = part,
		.apply = apply,
		.done = changed,
		.arg = c,
		.octets = 2048,
		.frees = true, /* a mark replaces a record, a drop deletes one */
	};
	kv_store_take(ims_base(s), &c->op, l);
}

void
ims_store_mark(struct ims_store *s, const char *user, uint64_t number, unsigned set,
    unsigned cleared, struct loop *loop, ims_store_done *done, void *arg)
{
	struct change c = {
		.what = { .number = number, .set = set, .cleared = cleared },
		.done = done,
		.arg = arg,
	};

	take(s, &c, ims_part_mailbox(user), ims_mailbox_mark, loop);
}

/* -- drop, decline: the letter is looked at before ---------------------------------------------------------- */

struct dropping {
	struct kv_question question;
	struct kv_part mailbox;
	uint64_t number;
	bool declined;
	struct ims_notice_record notice;
	struct ims_letter_record letter;
	bool has_letter;
	int64_t now_s;
	ims_store_done *done;
	void *arg;
};

static void
look_for_notice(struct kv_txn *t, void *arg, struct err *why)
{
	struct dropping *d = arg;

	ims_mailbox_notice(t, d->number, &d->notice, why);
}

static void
look_for_letter(struct kv_txn *t, void *arg, struct err *why)
{
	struct dropping *d = arg;

	d->has_letter = ims_letter_now(t, ims_store_of(&d->question), ims_notice_payer(&d->notice),
	    d->now_s, &d->letter, why);
	if (why->why == REFUSAL_no_such_number)
		why->why = REFUSAL_NONE;
}

static void
notice_found(struct kv_question *question)
{
	struct dropping *d = (struct dropping *)question;

	question->next = kv_question_answer;
	kv_question_judge(question, ims_part_letter(&d->notice.id), look_for_letter, d);
}

static void
drop(struct kv_question *question, const struct err *e)
{
	struct dropping *d = (struct dropping *)question;
	struct change c = {
		.what = { .number = d->number,
		    .has_letter = d->has_letter,
		    .letter = d->letter.facts.state },
		.done = d->done,
		.arg = d->arg,
	};

	if (e != NULL) {
		d->done(d->arg, e);
		return;
	}
	if (d->has_letter && !d->declined)
		span_copy(span_str(d->letter.file), c.file, sizeof c.file);
	take(ims_store_of(question), &c, d->mailbox,
	    d->declined ? ims_mailbox_decline : ims_mailbox_drop, question->loop);
}

void
ims_store_drop(struct ims_store *s, const char *user, uint64_t number, bool declined,
    struct loop *loop, ims_store_done *done, void *arg)
{
	struct dropping *d = memory_new(sizeof *d);

	d->mailbox = ims_part_mailbox(user);
	d->number = number;
	d->declined = declined;
	d->now_s = ims_now_s();
	d->done = done;
	d->arg = arg;
	d->question.next = notice_found;
	d->question.tell = drop;
	kv_question_begin(&d->question, ims_base(s), loop);
	kv_question_judge(&d->question, d->mailbox, look_for_notice, d);
}
