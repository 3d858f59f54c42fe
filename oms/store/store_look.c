/* store_look — the OMS's spool: outbox and queue; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

/* -- letters with their deliveries --------------------------------------------------------------- */

/* A letter that is read, and what of it is shown. */
struct shown {
	struct oms_listed letter;
	struct domain after; /* deliveries to peers after this one; "": all */
	struct err why;
};

static void
listed_clear(struct oms_listed *x)
{
	for (size_t i = 0; i < x->n; i++)
		oms_delivery_clear(&x->deliveries[i]);
	free(x->deliveries);
	*x = (struct oms_listed) { .n = 0 };
}

static bool
take_delivery(void *arg, struct oms_stored *s)
{
	struct shown *x = arg;
	struct oms_listed *l = &x->letter;

	if (x->after.text[0] != '\0' && strcmp(s->d.peer.text, x->after.text) <= 0) {
		oms_delivery_clear(&s->d);
		return true;
	}
	l->deliveries = memory_resize(l->deliveries, l->n + 1, sizeof *l->deliveries);
	l->deliveries[l->n++] = s->d;
	return true;
}

static void
look_letter(struct kv_txn *t, void *arg)
{
	struct shown *x = arg;
	struct oms_letter_record r;

	listed_clear(&x->letter);
	x->why.why = REFUSAL_NONE;
	if (!oms_letter_get(t, &r, &x->why)) {
		kv_pardon(t); /* it is logged; the others are shown */
		return;
	}
	x->letter.letter = r.facts;
	oms_each_stored(t, take_delivery, x);
}

static void
shown_look(struct kv_question *q, struct shown *x, const struct ulid *id)
{
	struct kv_part part = oms_part_letter(id);

	memset(x, 0, sizeof *x);
	kv_question_look(q, part, look_letter, x);
}

/* -- one user's ------------------------------------------------------------------------------------ */

struct list {
	struct kv_question question;
	char user[OMS_STORE_USER_BYTES];
	struct ulid room[OMS_STORE_LIST_PAGE];
	struct oms_ids ids;
	struct shown *shown; /* of each id */
	size_t n_shown;
	struct oms_listed *page;
	size_t n;
	bool more;
	oms_store_listed *done;
	void *arg;
};

static void
tell_list(struct kv_question *q, const struct err *e)
{
	struct list *x = (struct list *)q;

	x->done(x->arg, x->page, e == NULL ? x->n : 0, e == NULL && x->more, e);
}

static void
clear_list(struct kv_question *q)
{
	struct list *x = (struct list *)q;

	for (size_t i = 0; i < x->n_shown; i++)
		listed_clear(&x->shown[i].letter);
	free(x->shown);
	free(x->page);
}

static struct list *
list_new(const char *user, void (*next)(struct kv_question *q), oms_store_listed *done, void *arg)
{
	struct list *x = memory_new(sizeof *x);

	x->question = (struct kv_question) {
		.next = next,
		.tell = tell_list,
		.clear = clear_list,
	};
	span_copy(span_str(user), x->user, sizeof x->user);
	x->ids = (struct oms_ids) { .id = x->room, .max = OMS_STORE_LIST_PAGE };
	x->done = done;
	x->arg = arg;
	return x;
}

static void
show(struct list *x, size_t n)
{
	x->shown = memory_array(n + 1, sizeof *x->shown);
	x->page = memory_array(n + 1, sizeof *x->page);
	x->n_shown = n;
}

static void
status_read(struct kv_question *q)
{
	struct list *x = (struct list *)q;

	q->why = x->shown[0].why;
	if (q->why.why == REFUSAL_NONE && RULE(unknown_id) &&
	    strcmp(x->shown[0].letter.letter.user, x->user) != 0)
		err_word(&q->why, REFUSAL_unknown_id);
	x->page[0] = x->shown[0].letter;
	x->n = 1;
	kv_question_answer(q);
}

struct kv_question *
oms_store_status(struct oms_store *s, const char *user, const struct ulid *id, struct loop *l,
    oms_store_listed *done, void *arg)
{
	struct list *x = list_new(user, status_read, done, arg);

	show(x, 1);
	kv_question_begin(&x->question, &s->base, l);
	shown_look(&x->question, &x->shown[0], id);
	return &x->question;
}

/* Whole letters, as many as a page takes. */
static void
letters_read(struct kv_question *q)
{
	struct list *x = (struct list *)q;
	size_t recipients = 0, i = 0;

	for (; i < x->n_shown && recipients < OMS_STORE_LIST_RECIPIENTS; i++) {
		const struct oms_listed *l = &x->shown[i].letter;

		if (x->shown[i].why.why != REFUSAL_NONE)
			continue;
		for (size_t k = 0; k < l->n; k++)
			recipients += l->deliveries[k].n_recipients;
		x->page[x->n++] = *l;
	}
	x->more = i < x->n_shown || x->ids.more;
	kv_question_answer(q);
}

static void
ids_read(struct kv_question *q)
{
	struct list *x = (struct list *)q;

	if (x->ids.n == 0) {
		kv_question_answer(q);
		return;
	}
	show(x, x->ids.n);
	q->next = letters_read;
	for (size_t i = 0; i < x->ids.n; i++)
		shown_look(q, &x->shown[i], &x->ids.id[i]);
}

struct kv_question *
oms_store_outbox(struct oms_store *s, const char *user, const struct ulid *after, struct loop *l,
    oms_store_listed *done, void *arg)
{
	struct list *x = list_new(user, ids_read, done, arg);
	struct kv_part part = oms_part_user(user);

	x->ids.begun = after != NULL;
	if (after != NULL)
		x->ids.from = *after;
	kv_question_begin(&x->question, &s->base, l);
	kv_question_look(&x->question, part, oms_look_ids, &x->ids);
	return &x->question;
}

/* -- the operator's ---------------------------------------------------------------------------------- */

/* Users one after the other, each one's letters, each letter's deliveries; one more than the page has. */
struct queue {
	struct kv_question question;
	struct oms_place at; /* the walk is here */
	bool found;          /* at.user is a user */
	struct ulid room[OMS_STORE_LIST_PAGE + 1];
	struct oms_ids ids;
	struct shown *shown;
	size_t n_shown;
	struct oms_listed *page;
	size_t n, max;
	struct oms_place next; /* of the last one of the page */
	bool more;
	oms_store_queued *done;
	void *arg;
};

static bool
take_user(void *arg, const struct kv_fact *f)
{
	struct queue *q = arg;

	if (f->name.n != OMS_HASH_BYTES)
		return true;
	memcpy(q->at.user, f->name.p, OMS_HASH_BYTES);
	q->found = true;
	return false;
}

/* The first user that is not before at.user. */
static void
look_user(struct kv_txn *t, void *arg)
{
	struct queue *q = arg;

	q->found = false;
	kv_each_fact(t, OMS_FACT, span_of(q->at.user, OMS_HASH_BYTES), SPAN_LIT(""), take_user, q);
}

static void users_read(struct kv_question *question);
static void walk_on(struct queue *q);

static void
find_user(struct queue *q)
{
	struct kv_part part = kv_dir_shard(OMS_USERS, q->at.shard);

	q->question.next = users_read;
	kv_question_look(&q->question, part, look_user, q);
}

static void
clear_shown(struct queue *q)
{
	for (size_t i = 0; i < q->n_shown; i++)
		listed_clear(&q->shown[i].letter);
	free(q->shown);
	q->shown = NULL;
	q->n_shown = 0;
}

/* False: the page is full, and this one is too much. */
static bool
add_delivery(struct queue *q, const struct oms_letter *l, struct oms_delivery *d)
{
	struct oms_listed *x = &q->page[q->n];

	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	*x = (struct oms_listed) { .letter = *l, .n = 1 };
	x->deliveries = memory_array(1, sizeof *x->deliveries);
	x->deliveries[0] = *d;
	*d = (struct oms_delivery) { 0 };
	q->n++;
	q->next = q->at;
	q->next.in_user = true;
	q->next.id = l->id;
	q->next.peer = x->deliveries[0].peer;
	return true;
}

static void
letters_of_user_read(struct kv_question *question)
{
	struct queue *q = (struct queue *)question;

	for (size_t i = 0; i < q->n_shown && !q->more; i++) {
		struct oms_listed *l = &q->shown[i].letter;

		for (size_t k = 0; k < l->n && !q->more; k++)
			add_delivery(q, &l->letter, &l->deliveries[k]);
	}
	if (!q->more && q->ids.n > 0) {
		q->at.id = q->ids.id[q->ids.n - 1];
		q->at.peer.text[0] = '\0';
		q->at.in_user = true;
	}
	clear_shown(q);
	if (q->more)
		kv_question_answer(question);
	else
		walk_on(q);
}

/* The user's next letters; of the first, what follows the delivery that was shown last. */
static void
ids_of_user_read(struct kv_question *question)
{
	struct queue *q = (struct queue *)question;

	if (q->ids.n == 0) {
		q->at.in_user = false;
		for (size_t i = OMS_HASH_BYTES; i-- > 0;)
			if (++q->at.user[i] != 0)
				break;
		find_user(q);
		return;
	}
	q->shown = memory_array(q->ids.n, sizeof *q->shown);
	q->n_shown = q->ids.n;
	question->next = letters_of_user_read;
	for (size_t i = 0; i < q->ids.n; i++)
		shown_look(question, &q->shown[i], &q->ids.id[i]);
	if (q->ids.with && ulid_eq(&q->ids.id[0], &q->at.id))
		q->shown[0].after = q->at.peer;
}

static void
walk_on(struct queue *q)
{
	struct kv_part part = kv_part_of(OMS_USER, span_of(q->at.user, OMS_HASH_BYTES));

	q->ids = (struct oms_ids) {
		.id = q->room,
		.max = q->max - q->n + 1,
		.begun = q->at.in_user,
		.with = q->at.peer.text[0] != '\0',
		.from = q->at.id,
	};
	q->question.next = ids_of_user_read;
	kv_question_look(&q->question, part, oms_look_ids, &q->ids);
}

static void
users_read(struct kv_question *question)
{
	struct queue *q = (struct queue *)question;

	if (q->found) {
		walk_on(q);
		return;
	}
	memset(q->at.user, 0, sizeof q->at.user);
	if (++q->at.shard == KV_DIR_SHARDS)
		kv_question_answer(question);
	else
		find_user(q);
}

static void
tell_queue(struct kv_question *question, const struct err *e)
{
	struct queue *q = (struct queue *)question;

	q->done(q->arg, q->page, e == NULL ? q->n : 0, &q->next, e == NULL && q->more, e);
}

static void
clear_queue(struct kv_question *question)
{
	struct queue *q = (struct queue *)question;

	for (size_t i = 0; i < q->n; i++)
		listed_clear(&q->page[i]);
	free(q->page);
	clear_shown(q);
}

struct kv_question *
oms_store_queue(struct oms_store *s, const struct oms_place *at, size_t max, struct loop *l,
    oms_store_queued *done, void *arg)
{
	struct queue *q = memory_new(sizeof *q);

	q->question = (struct kv_question) { .tell = tell_queue, .clear = clear_queue };
	q->at = q->next = *at;
	q->at.shard %= KV_DIR_SHARDS;
	q->max = max < OMS_STORE_LIST_PAGE ? max : OMS_STORE_LIST_PAGE;
	q->page = memory_array(q->max + 1, sizeof *q->page);
	q->done = done;
	q->arg = arg;
	kv_question_begin(&q->question, &s->base, l);
	if (at->in_user)
		walk_on(q);
	else
		find_user(q);
	return &q->question;
}
