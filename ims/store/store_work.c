/* store_work — runs work over many notices; see store_work_private.h. */
#include "ims/store/store_work_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"

#define ROW_OCTETS 512          /* a row's change deletes, and puts little */
#define LEAVES     (256 * 1024) /* room for a write of one row */

struct ims_work *
ims_work_new(struct ims_store *s, const struct ims_work_kind *const *kinds)
{
	struct ims_work *w = memory_new(sizeof *w);

	w->store = ims_store_hold(s);
	w->bodies = s == NULL ? NULL : bodies_ref(s->bodies);
	w->kinds = kinds;
	w->rows = memory_array(IMS_WORK_PAGE, sizeof *w->rows);
	return w;
}

static void
end(struct ims_work *w)
{
	bool good = w->why.why == REFUSAL_NONE || w->why.why == REFUSAL_closing;

	ims_store_let_go(&w->store);
	bodies_free(&w->bodies);
	w->done(w->arg, w->notices, good ? NULL : &w->why);
	free(w->rows);
	free(w);
}

/* -- a page ------------------------------------------------------------------------------------------- */

struct of_page {
	struct ims_question question;
	struct ims_work *work;
};

static bool
take_key(void *arg, struct span key, struct span value)
{
	struct ims_work *w = arg;
	const struct ims_work_kind *kind = *w->kinds;

	(void)value;
	if (kind->within != NULL && !kind->within(w, key))
		return false;
	if (span_eq(key, db_key_span(&w->at)))
		return true;
	if (w->n == IMS_WORK_PAGE) {
		w->more = true;
		return false;
	}
	w->rows[w->n].user[0] = '\0';
	db_key_copy(&w->rows[w->n++].key, key);
	return true;
}

static bool
look_for_rows(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct ims_work *w = ((struct of_page *)question)->work;
	const struct ims_work_kind *kind = *w->kinds;
	struct db_key prefix = kind->prefix(w);
	struct span from = db_key_span(w->at.n > 0 ? &w->at : &prefix);

	w->n = 0;
	w->more = false;
	if (kind->alone)
		take_key(w, db_key_span(&prefix), (struct span) { 0 });
	else
		db_each(t, kind->table, from, db_key_span(&prefix), take_key, w);
	for (size_t i = 0; i < w->n; i++)
		if (!kind->user(t, w, db_key_span(&w->rows[i].key), w->rows[i].user))
			db_fault(t, e); /* is logged; the row is changed without its mailbox */
	return true;
}

static void change_rows(struct ims_work *w);

static void
tell_rows(struct ims_question *question, const struct err *e)
{
	struct ims_work *w = ((struct of_page *)question)->work;

	if (e == NULL) {
		change_rows(w);
		return;
	}
	w->why = *e;
	end(w);
}

static void
ask_for_page(struct ims_work *w)
{
	struct of_page *q = memory_new(sizeof *q);

	q->question.look = look_for_rows;
	q->question.tell = tell_rows;
	q->work = w;
	w->before = w->notices;
	ims_ask(&q->question, w->store, w->loop);
}

void
ims_work_start_take(struct ims_work *w)
{
	ask_for_page(w);
}

/* -- its writes ----------------------------------------------------------------------------------------- */

/* The rows of one mailbox. */
struct group {
	struct db_write write;
	struct ims_work *work;
	const struct ims_work_row *rows; /* of the page */
	size_t n;
	struct ims_work_done did;
};

static bool
apply_group(struct db_txn *t, void *arg, struct err *e)
{
	struct group *g = arg;

	g->did.notices = 0;
	g->did.n_files = 0;
	for (size_t i = 0; i < g->n; i++)
		(*g->work->kinds)->change(t, g->work, &g->rows[i], &g->did);
	return !db_fault(t, e);
}

static void
page_over(struct ims_work *w)
{
	if (w->progress != NULL && w->notices > w->before)
		w->progress(w->arg, w->notices);
	if (w->why.why != REFUSAL_NONE) {
		end(w);
		return;
	}
	if (!w->more) {
		w->kinds++;
		w->at.n = 0;
	}
	if (*w->kinds == NULL)
		end(w);
	else
		ask_for_page(w);
}

static void take_halves(struct group *g);

static void
group_over(void *arg, const struct err *e)
{
	struct group *g = arg;
	struct ims_work *w = g->work;

	if (e == NULL) {
		for (size_t i = 0; i < g->did.n_files; i++)
			body_remove(w->bodies, g->did.file[i]);
		w->notices += g->did.notices;
	} else if (e->why == REFUSAL_system_full && g->n > 1) {
		take_halves(g);
	} else if (w->why.why == REFUSAL_NONE) {
		w->why = *e;
	}
	free(g);
	if (--w->waiting == 0)
		page_over(w);
}

static struct group *
group_new(struct ims_work *w, const struct ims_work_row *rows, size_t n)
{
	struct group *g = memory_new(sizeof *g);

	g->work = w;
	g->rows = rows;
	g->n = n;
	g->write = (struct db_write) {
		.apply = apply_group,
		.done = group_over,
		.arg = g,
		.home = w->loop,
		.octets = ROW_OCTETS * n,
		.frees = true,
		.leaves = n > 1 ? LEAVES : 0,
	};
	return g;
}

/* The store may be closed by now: then its writes were the last. */
static void
take(struct ims_work *w, struct group *first, size_t n)
{
	struct db_write *next;
	struct err e;

	w->waiting += n;
	if (w->store->db == NULL)
		err_word(&e, REFUSAL_closing);
	else if (db_writes_take(w->store->db, &first->write, &e))
		return;
	for (struct db_write *g = &first->write; g != NULL; g = next) {
		next = g->next;
		group_over(g->arg, &e);
	}
}

static void
take_halves(struct group *g)
{
	struct group *a = group_new(g->work, g->rows, g->n / 2),
		     *b = group_new(g->work, g->rows + g->n / 2, g->n - g->n / 2);

	a->write.next = &b->write;
	take(g->work, a, 2);
}

static int
by_user(const void *a, const void *b)
{
	return strcmp(((const struct ims_work_row *)a)->user,
	    ((const struct ims_work_row *)b)->user);
}

static void
change_rows(struct ims_work *w)
{
	struct group *first = NULL, *g, *last = NULL;
	struct db_key at = w->n > 0 ? w->rows[w->n - 1].key : w->at;
	size_t n = 0, end;

	qsort(w->rows, w->n, sizeof *w->rows, by_user);
	for (size_t i = 0; i < w->n; i = end, n++) {
		for (end = i + 1; end < w->n && by_user(&w->rows[i], &w->rows[end]) == 0; end++)
			continue;
		g = group_new(w, &w->rows[i], end - i);
		if (first == NULL)
			first = g;
		else
			last->write.next = &g->write;
		last = g;
	}
	w->at = at;
	if (first == NULL)
		page_over(w);
	else
		take(w, first, n);
}
