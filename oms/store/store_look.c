/* store_look — the OMS's spool: outbox, queue, counts; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

/* -- one letter's rows ------------------------------------------------------------------------------ */

static void
recipient_row(struct buf *page, const struct oms_delivery *d, const struct oms_recipient *r)
{
	struct submit_recipient row = {
		.state = r->state,
		.since_s = r->since_s,
		.by = r->by,
		.tries = d->tries,
		.next_s = r->state == SUBMIT_WAITING ? d->next_ms / 1000 : 0,
	};

	span_copy(span_str(r->address), row.to, sizeof row.to);
	span_copy(span_str(r->word), row.word, sizeof row.word);
	span_copy(span_str(r->text), row.text, sizeof row.text);
	submit_recipient_write(page, &row);
}

static bool
delivery_rows(void *arg, struct span key, struct span value)
{
	struct oms_delivery d;
	struct err e;

	(void)key;
	if (!oms_delivery_read(value, &d, &e))
		return true; /* the others are shown */
	for (size_t i = 0; i < d.n_recipients; i++)
		recipient_row(arg, &d, &d.recipients[i]);
	oms_delivery_clear(&d);
	return true;
}

static void
letter_rows(struct db_txn *t, const struct oms_letter *l, struct buf *page)
{
	struct submit_letter row = {
		.id = l->id,
		.date_s = l->date_s,
		.hold_until_s = l->hold_until_s,
		.size = l->size,
	};
	struct db_key k = oms_key_id(&l->id);

	span_copy(span_str(l->from), row.from, sizeof row.from);
	submit_letter_write(page, &row);
	db_each(t, DELIVERY, db_key_span(&k), db_key_span(&k), delivery_rows, page);
}

bool
oms_store_status(struct oms_store *s, const char *user, const struct ulid *id, struct buf *page,
    struct err *e)
{
	struct oms_letter_record r;
	struct db_txn *t;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	good = oms_letter_get(t, id, &r, e);
	if (RULE(unknown_id) && good && strcmp(r.facts.user, user) != 0)
		good = err_word(e, REFUSAL_unknown_id);
	if (good) {
		letter_rows(t, &r.facts, page);
		good = !db_fault(t, e);
	}
	db_read_end(&t);
	return good;
}

struct ids {
	struct ulid id[ROW_PAGE_ROWS + 1];
	size_t n, skip;
	struct ulid after;
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
	if (!ulid_eq(&id, &ids->after))
		ids->id[ids->n++] = id;
	return ids->n <= ROW_PAGE_ROWS;
}

bool
oms_store_outbox(struct oms_store *s, const char *user, const struct ulid *after, struct buf *page,
    bool *more, struct err *e)
{
	struct ids ids = { .n = 0, .skip = strlen(user) + 1 };
	struct db_key prefix = oms_key_named(user, (struct span) { 0 }), from = prefix;
	struct oms_letter_record r;
	struct db_txn *t;
	size_t i = 0;
	bool fault;

	if (after != NULL) {
		ids.after = *after;
		from = oms_key_named(user, span_of(after->b, ULID_BYTES));
	}
	if (!db_read(s->db, &t, e))
		return false;
	db_each(t, OUTBOX, db_key_span(&from), db_key_span(&prefix), take_id, &ids);
	for (; i < ids.n && i < ROW_PAGE_ROWS && page->len < ROW_PAGE_BYTES; i++)
		if (oms_letter_get(t, &ids.id[i], &r, e))
			letter_rows(t, &r.facts, page);
		else
			db_fault(t, e); /* it is logged; the others are shown */
	*more = i < ids.n;
	fault = db_fault(t, e);
	db_read_end(&t);
	return !fault;
}

/* -- the operator's ---------------------------------------------------------------------------------- */

struct entry {
	struct oms_delivery delivery;
	struct oms_letter letter;
	bool good; /* its letter can be read */
};

struct queue {
	struct oms_place *at;
	struct db_key after;
	struct entry *page;
	size_t n, seen, max;
};

static bool
take_delivery(void *arg, struct span key, struct span value)
{
	struct queue *q = arg;
	struct err e;

	if (span_eq(key, db_key_span(&q->after)))
		return true;
	if (q->seen == q->max) {
		q->seen++; /* there is more */
		return false;
	}
	q->seen++;
	memcpy(q->at->id.b, key.p, ULID_BYTES);
	domain_copy_span(&q->at->peer, span_sub(key, ULID_BYTES, key.n));
	q->at->begun = true;
	if (oms_delivery_read(value, &q->page[q->n].delivery, &e))
		q->n++;
	return true;
}

static bool
read_queue(struct oms_store *s, struct queue *q, struct err *e)
{
	struct oms_letter_record r;
	struct db_txn *t;
	bool fault;

	if (!db_read(s->db, &t, e))
		return false;
	db_each(t, DELIVERY, db_key_span(&q->after), (struct span) { 0 }, take_delivery, q);
	for (size_t i = 0; i < q->n; i++) {
		struct entry *x = &q->page[i];

		if ((x->good = oms_letter_get(t, &x->delivery.id, &r, e)))
			x->letter = r.facts;
		else
			db_fault(t, e); /* it is logged; the others are shown */
	}
	fault = db_fault(t, e);
	db_read_end(&t);
	return !fault;
}

bool
oms_store_queue(struct oms_store *s, struct oms_place *at, size_t max,
    void (*fn)(void *arg, const struct oms_letter *l, const struct oms_delivery *d), void *arg,
    bool *more, struct err *e)
{
	struct queue q = { .at = at, .max = max };
	bool good;

	if (at->begun)
		q.after = oms_key_delivery(&at->id, at->peer.text);
	q.page = memory_array(max, sizeof *q.page);
	good = read_queue(s, &q, e);
	for (size_t i = 0; i < q.n; i++) {
		if (good && q.page[i].good)
			fn(arg, &q.page[i].letter, &q.page[i].delivery);
		oms_delivery_clear(&q.page[i].delivery);
	}
	*more = q.seen > max;
	free(q.page);
	return good;
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
