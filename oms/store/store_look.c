/* store_look — the OMS's spool: outbox, queue, counts; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

/* -- letters with their deliveries --------------------------------------------------------------- */

static void
listed_clear(struct oms_listed *x)
{
	for (size_t i = 0; i < x->n; i++)
		oms_delivery_clear(&x->deliveries[i]);
	free(x->deliveries);
	*x = (struct oms_listed) { .n = 0 };
}

static void
listed_add(struct oms_listed *x, const struct oms_delivery *d)
{
	x->deliveries = memory_resize(x->deliveries, x->n + 1, sizeof *x->deliveries);
	x->deliveries[x->n++] = *d;
}

/* The page of a question. */
struct listing {
	struct oms_listed *letters;
	size_t n, recipients;
	bool more;
};

static void
listing_reset(struct listing *p)
{
	for (size_t i = 0; i < p->n; i++)
		listed_clear(&p->letters[i]);
	p->n = p->recipients = 0;
	p->more = false;
}

static void
listing_clear(struct listing *p)
{
	listing_reset(p);
	free(p->letters);
}

/* -- one user's ------------------------------------------------------------------------------------ */

struct list {
	struct oms_question question;
	char user[OMS_STORE_USER_BYTES];
	struct ulid id; /* outbox: the last letter of the page before */
	bool begun;     /* there was one */
	struct listing page;
	oms_store_listed *done;
	void *arg;
};

static bool
take_delivery(void *arg, struct span key, struct span value)
{
	struct listing *p = arg;
	struct oms_delivery d;
	struct err e;

	(void)key;
	if (!oms_delivery_read(value, &d, &e))
		return true; /* the others are shown */
	p->recipients += d.n_recipients;
	listed_add(&p->letters[p->n], &d);
	return true;
}

static void
take_letter(struct db_txn *t, struct listing *p, const struct oms_letter *l)
{
	struct db_key k = oms_key_id(&l->id);

	p->letters[p->n] = (struct oms_listed) { .letter = *l };
	db_each(t, DELIVERY, db_key_span(&k), db_key_span(&k), take_delivery, p);
	p->n++;
}

static bool
look_status(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct list *x = (struct list *)q;
	struct oms_letter_record r;

	listing_reset(&x->page);
	if (!oms_letter_get(t, &x->id, &r, e))
		return false;
	if (RULE(unknown_id) && strcmp(r.facts.user, x->user) != 0)
		return err_word(e, REFUSAL_unknown_id);
	take_letter(t, &x->page, &r.facts);
	return true;
}

struct ids {
	struct ulid id[OMS_STORE_LIST_PAGE + 1];
	size_t n, skip;
	const struct ulid *after; /* NULL: none */
};

static bool
take_id(void *arg, struct span key, struct span value)
{
	struct ids *ids = arg;
	struct ulid id;

	(void)value;
	if (key.n < ids->skip + ULID_BYTES)
		return true;
	memcpy(id.b, key.p + ids->skip, ULID_BYTES);
	if (ids->after == NULL || !ulid_eq(&id, ids->after))
		ids->id[ids->n++] = id;
	return ids->n <= OMS_STORE_LIST_PAGE;
}

static bool
look_outbox(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct list *x = (struct list *)q;
	struct ids ids = { .skip = strlen(x->user) + 1, .after = x->begun ? &x->id : NULL };
	struct db_key prefix = oms_key_named(x->user, (struct span) { 0 });
	struct db_key from = x->begun ? oms_key_named(x->user, span_of(x->id.b, ULID_BYTES))
				      : prefix;
	struct oms_letter_record r;
	size_t i = 0;

	listing_reset(&x->page);
	db_each(t, OUTBOX, db_key_span(&from), db_key_span(&prefix), take_id, &ids);
	for (;
	     i < ids.n && i < OMS_STORE_LIST_PAGE && x->page.recipients < OMS_STORE_LIST_RECIPIENTS;
	     i++)
		if (oms_letter_get(t, &ids.id[i], &r, e))
			take_letter(t, &x->page, &r.facts);
		else
			db_fault(t, e); /* it is logged; the others are shown */
	x->page.more = i < ids.n;
	return true;
}

static void
tell_list(struct oms_question *q, const struct err *e)
{
	struct list *x = (struct list *)q;

	if (e != NULL)
		listing_reset(&x->page);
	x->done(x->arg, x->page.letters, x->page.n, x->page.more, e);
}

static void
clear_list(struct oms_question *q)
{
	listing_clear(&((struct list *)q)->page);
}

static struct list *
list_new(const char *user, size_t most, oms_store_listed *done, void *arg)
{
	struct list *x = memory_new(sizeof *x);

	x->question = (struct oms_question) { .tell = tell_list, .clear = clear_list };
	span_copy(span_str(user), x->user, sizeof x->user);
	x->page.letters = memory_array(most, sizeof *x->page.letters);
	x->done = done;
	x->arg = arg;
	return x;
}

struct oms_question *
oms_store_status(struct oms_store *s, const char *user, const struct ulid *id, struct loop *l,
    oms_store_listed *done, void *arg)
{
	struct list *x = list_new(user, 1, done, arg);

	x->question.look = look_status;
	x->id = *id;
	return oms_ask(&x->question, s, l);
}

struct oms_question *
oms_store_outbox(struct oms_store *s, const char *user, const struct ulid *after, struct loop *l,
    oms_store_listed *done, void *arg)
{
	struct list *x = list_new(user, OMS_STORE_LIST_PAGE, done, arg);

	x->question.look = look_outbox;
	x->begun = after != NULL;
	if (after != NULL)
		x->id = *after;
	return oms_ask(&x->question, s, l);
}

/* -- the operator's ---------------------------------------------------------------------------------- */

struct queue {
	struct oms_question question;
	struct oms_place from, next;
	struct db_key after;
	struct listing page;
	size_t seen, max;
	oms_store_queued *done;
	void *arg;
};

static bool
take_queued(void *arg, struct span key, struct span value)
{
	struct queue *q = arg;
	struct oms_delivery d;
	struct err e;

	if (span_eq(key, db_key_span(&q->after)))
		return true;
	if (q->seen == q->max) {
		q->page.more = true;
		return false;
	}
	q->seen++;
	memcpy(q->next.id.b, key.p, ULID_BYTES);
	domain_copy_span(&q->next.peer, span_sub(key, ULID_BYTES, key.n));
	q->next.begun = true;
	if (oms_delivery_read(value, &d, &e)) {
		q->page.letters[q->page.n] = (struct oms_listed) { .n = 0 };
		listed_add(&q->page.letters[q->page.n++], &d);
	}
	return true;
}

static bool
look_queue(struct db_txn *t, struct oms_question *question, struct err *e)
{
	struct queue *q = (struct queue *)question;
	struct oms_letter_record r;
	size_t kept = 0;

	listing_reset(&q->page);
	q->seen = 0;
	q->next = q->from;
	db_each(t, DELIVERY, db_key_span(&q->after), (struct span) { 0 }, take_queued, q);
	for (size_t i = 0; i < q->page.n; i++) {
		struct oms_listed *x = &q->page.letters[i];

		if (oms_letter_get(t, &x->deliveries[0].id, &r, e)) {
			x->letter = r.facts;
			q->page.letters[kept++] = *x;
		} else {
			db_fault(t, e); /* it is logged; the others are shown */
			listed_clear(x);
		}
	}
	q->page.n = kept;
	return true;
}

static void
tell_queue(struct oms_question *question, const struct err *e)
{
	struct queue *q = (struct queue *)question;

	if (e != NULL)
		listing_reset(&q->page);
	q->done(q->arg, q->page.letters, q->page.n, &q->next, q->page.more, e);
}

static void
clear_queue(struct oms_question *question)
{
	listing_clear(&((struct queue *)question)->page);
}

struct oms_question *
oms_store_queue(struct oms_store *s, const struct oms_place *at, size_t max, struct loop *l,
    oms_store_queued *done, void *arg)
{
	struct queue *q = memory_new(sizeof *q);

	q->question = (struct oms_question) {
		.look = look_queue,
		.tell = tell_queue,
		.clear = clear_queue,
	};
	q->from = *at;
	if (at->begun)
		q->after = oms_key_delivery(&at->id, at->peer.text);
	q->max = max < OMS_STORE_LIST_PAGE ? max : OMS_STORE_LIST_PAGE;
	q->page.letters = memory_array(q->max + 1, sizeof *q->page.letters);
	q->done = done;
	q->arg = arg;
	return oms_ask(&q->question, s, l);
}

void
oms_store_counts(struct oms_store *s, struct oms_store_counts *out)
{
	struct db_counts c;
	struct db_txn *t;
	struct err e;

	db_counts(s->db, &c);
	*out = (struct oms_store_counts) { 0, c.writes, c.commits, c.used_bytes, c.size_bytes, 0 };
	if (!db_read(s->db, &t, &e))
		return;
	out->letters = db_entries(t, LETTER);
	out->domains = db_entries(t, PEER);
	db_read_end(&t);
}
