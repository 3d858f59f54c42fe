/* store_look — the OMS's spool: outbox, queue, counts; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "oms/store/store_private.h"

/* -- one letter's rows ------------------------------------------------------------------------------ */

static void
recipient_row(struct buf *page, const struct oms_delivery *d, const struct oms_recipient *r)
{
	struct submit_recipient row = {
		.state = r->state,
		.since_s = r->since_s,
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
	struct oms_key k = oms_key_id(&l->id);

	span_copy(span_str(l->from), row.from, sizeof row.from);
	submit_letter_write(page, &row);
	db_each(t, DELIVERY, oms_key_span(&k), oms_key_span(&k), delivery_rows, page);
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
	struct oms_key prefix = oms_key_named(user, (struct span) { 0 }), from = prefix;
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
	db_each(t, OUTBOX, oms_key_span(&from), oms_key_span(&prefix), take_id, &ids);
	for (; i < ids.n && i < ROW_PAGE_ROWS && page->len < ROW_PAGE_BYTES; i++)
		if (oms_letter_get(t, &ids.id[i], &r, e))
			letter_rows(t, &r.facts, page);
		else
			db_fault(t, e); /* is in the log; the others are shown */
	*more = i < ids.n;
	fault = db_fault(t, e);
	db_read_end(&t);
	return !fault;
}

/* -- the operator's ---------------------------------------------------------------------------------- */

struct queue {
	struct db_txn *t;
	struct span after;
	size_t left;
	struct oms_delivery *page;
	size_t n;
};

static bool
take_delivery(void *arg, struct span key, struct span value)
{
	struct queue *q = arg;
	struct err e;

	if (!span_eq(key, q->after) && oms_delivery_read(value, &q->page[q->n], &e))
		q->n++;
	return q->n < q->left;
}

bool
oms_store_queue(struct oms_store *s, const struct ulid *after_id, const char *after_peer,
    size_t max, bool (*fn)(void *arg, const struct oms_letter *l, const struct oms_delivery *d),
    void *arg, struct err *e)
{
	struct oms_key after = { .n = 0 };
	struct queue q = { .left = max };
	struct oms_letter_record r;
	bool fault, on = true;

	if (after_id != NULL)
		after = oms_key_delivery(after_id, after_peer);
	q.after = oms_key_span(&after);
	if ((q.page = calloc(max + 1, sizeof *q.page)) == NULL)
		abort();
	if (!db_read(s->db, &q.t, e)) {
		free(q.page);
		return false;
	}
	db_each(q.t, DELIVERY, q.after, (struct span) { 0 }, take_delivery, &q);
	for (size_t i = 0; i < q.n; i++) {
		if (on && oms_letter_get(q.t, &q.page[i].id, &r, e))
			on = fn(arg, &r.facts, &q.page[i]);
		else
			db_fault(q.t, e);
		oms_delivery_clear(&q.page[i]);
	}
	fault = db_fault(q.t, e);
	db_read_end(&q.t);
	free(q.page);
	return !fault;
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
