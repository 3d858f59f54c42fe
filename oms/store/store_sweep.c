/* store_sweep — the OMS's spool: expires letters and forgets outcomes; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/db_pages.h"
#include "oms/store/store_private.h"

#define LETTERS_MAX 200 /* a page */
#define ROWS_MAX    2048

/* A page's row is a delivery that expires, a letter that has none, or a domain. */
struct sweep {
	struct db_pages pages;
	struct oms_store *store;
	int64_t now_s;
	/* this page's */
	size_t rows; /* that it may still have */
	struct ulid id[LETTERS_MAX];
	int64_t at_s[LETTERS_MAX];
	char file[LETTERS_MAX][BODY_NAME_BYTES];
	size_t n, max; /* letters */
	size_t whole;  /* how many of them are dealt with; the next page goes on with the others */
	struct oms_news news;
	struct oms_peers peers;
	size_t peers_over, peers_page; /* those of the pages before; of this page */
	/* not "": only this user's letters are removed, all of them */
	char user[OMS_STORE_USER_BYTES];
	struct ulid after; /* the last of them that was dealt with */
	oms_store_done *done;
	void *arg;
};

static bool
take_end(void *arg, struct span key, struct span value)
{
	struct sweep *w = arg;

	(void)value;
	if (key.n != 24 || oms_key_time(key, 0) > w->now_s)
		return false;
	w->at_s[w->n] = oms_key_time(key, 0);
	memcpy(w->id[w->n++].b, key.p + 8, ULID_BYTES);
	return w->n < w->max;
}

/* -- one letter ------------------------------------------------------------------------------------------ */

struct peers {
	struct domain *name;
	size_t n;
};

static bool
take_peer(void *arg, struct span key, struct span value)
{
	struct peers *p = arg;

	(void)value;
	if (p->n < SUBMIT_RECIPIENTS_MAX &&
	    span_copy(span_sub(key, ULID_BYTES, key.n), p->name[p->n].text, DOMAIN_BYTES))
		p->n++;
	return true;
}

/* Recipients that are not over have expired. */
static bool
expire(struct db_txn *t, struct sweep *w, size_t i, const char *peer, bool *whole, struct err *e)
{
	struct oms_delivery d;
	int64_t was_ms;
	bool good = true;

	if (!oms_delivery_get(t, &w->id[i], peer, &d, e))
		return e->why == REFUSAL_unknown_id;
	was_ms = d.next_ms;
	oms_news_before(&w->news, &d);
	if (!oms_delivery_is_over(&d) && w->rows == 0) {
		*whole = false;
	} else if (oms_delivery_expire(&d, w->now_s).over) {
		w->rows--;
		oms_news_after(&w->news, &d);
		oms_delivery_put(t, &d, was_ms);
		good = oms_letter_delivery_over(t, &d.id, w->now_s, w->file[i], e);
	}
	oms_delivery_clear(&d);
	return good;
}

static bool
forget(struct db_txn *t, const struct oms_letter_record *r, const struct peers *p, struct err *e)
{
	struct db_key k = oms_key_id(&r->facts.id);
	struct oms_token token;
	struct span value;

	db_del(t, LETTER, db_key_span(&k));
	db_del(t, BODY, db_key_span(&k));
	for (size_t i = 0; i < p->n; i++) {
		struct db_key d = oms_key_delivery(&r->facts.id, p->name[i].text);

		db_del(t, DELIVERY, db_key_span(&d));
	}
	k = oms_key_named(r->facts.user, span_of(r->facts.id.b, ULID_BYTES));
	db_del(t, OUTBOX, db_key_span(&k));
	k = oms_key_named(r->facts.user, span_str(r->token));
	if (db_get(t, TOKEN, db_key_span(&k), &value) && oms_token_read(value, &token) &&
	    oms_token_goes_with(&token, &r->facts.id))
		db_del(t, TOKEN, db_key_span(&k));
	return oms_user_drop_outcome(t, r, e);
}

/* Works on letter i.  *whole: it is dealt with; false: the page has no rows left for it. */
typedef bool deal_with(struct db_txn *t, struct sweep *w, size_t i, bool *whole, struct err *e);

static bool
expire_all(struct db_txn *t, struct sweep *w, size_t i, const struct peers *p, bool *whole,
    struct err *e)
{
	for (size_t n = 0; n < p->n && *whole; n++)
		if (!expire(t, w, i, p->name[n].text, whole, e))
			return false;
	return true;
}

static bool
end_letter(struct db_txn *t, struct sweep *w, size_t i, bool *whole, struct err *e)
{
	struct db_key k = oms_key_id(&w->id[i]);
	struct oms_letter_record r;
	struct peers p = { .n = 0 };
	bool good = true;

	if (!oms_letter_get(t, &w->id[i], &r, e))
		return e->why == REFUSAL_unknown_id;
	p.name = memory_array(SUBMIT_RECIPIENTS_MAX, sizeof *p.name);
	db_each(t, DELIVERY, db_key_span(&k), db_key_span(&k), take_peer, &p);
	switch (oms_life_end(&r.life, r.facts.hold_until_s, w->now_s)) {
	case OMS_END_EXPIRE:
		good = expire_all(t, w, i, &p, whole, e);
		break;
	case OMS_END_FORGET:
		good = forget(t, &r, &p, e);
		break;
	case OMS_END_NONE:
		break;
	}
	free(p.name);
	return good;
}

/* Deals with the letters that were gathered. */
static bool
deal_with_all(struct db_txn *t, struct sweep *w, deal_with *deal, struct err *e)
{
	bool whole = true;

	w->whole = 0;
	for (size_t i = 0; i < w->n && whole && w->rows > 0; i++) {
		size_t rows = w->rows;

		w->file[i][0] = '\0';
		if (!deal(t, w, i, &whole, e))
			db_pardon(t); /* a damaged letter stays; the others go */
		if (db_fault(t, e))
			return false;
		w->rows -= w->rows == rows;
		w->whole += whole;
	}
	return !db_fault(t, e);
}

/* -- one user -------------------------------------------------------------------------------------------- */

static bool
take_letter(void *arg, struct span key, struct span value)
{
	struct sweep *w = arg;
	size_t skip = strlen(w->user) + 1;
	struct ulid id;

	(void)value;
	if (key.n != skip + ULID_BYTES)
		return true;
	memcpy(id.b, key.p + skip, ULID_BYTES);
	if (!ulid_eq(&id, &w->after))
		w->id[w->n++] = id;
	return w->n < w->max;
}

/* Whatever its state.  Its ends stay in the table; at their time they name no letter. */
static bool
drop_letter(struct db_txn *t, struct sweep *w, size_t i, bool *whole, struct err *e)
{
	struct db_key k = oms_key_id(&w->id[i]);
	struct oms_letter_record r;
	struct peers p = { .n = 0 };
	bool good;

	if (!oms_letter_get(t, &w->id[i], &r, e))
		return e->why == REFUSAL_unknown_id;
	p.name = memory_array(SUBMIT_RECIPIENTS_MAX, sizeof *p.name);
	db_each(t, DELIVERY, db_key_span(&k), db_key_span(&k), take_peer, &p);
	good = expire_all(t, w, i, &p, whole, e) && (!*whole || forget(t, &r, &p, e));
	free(p.name);
	return good;
}

static void
begin_page(struct sweep *w, size_t rows)
{
	size_t left = w->peers.n - w->peers_over;

	oms_news_begin(&w->news);
	w->peers_page = left < rows ? left : rows;
	w->rows = rows - w->peers_page;
	w->n = 0;
	w->max = w->rows < LETTERS_MAX ? w->rows : LETTERS_MAX;
}

static bool
apply_user(struct db_txn *t, void *arg, size_t rows, struct err *e)
{
	struct sweep *w = arg;
	struct db_key prefix = oms_key_named(w->user, (struct span) { 0 });
	struct db_key from = oms_key_named(w->user, span_of(w->after.b, ULID_BYTES));

	begin_page(w, rows);
	db_each(t, OUTBOX, db_key_span(&from), db_key_span(&prefix), take_letter, w);
	return deal_with_all(t, w, drop_letter, e);
}

/* -- all ------------------------------------------------------------------------------------------------- */

static bool
end_and_unlist(struct db_txn *t, struct sweep *w, size_t i, bool *whole, struct err *e)
{
	struct db_key end = oms_key_end(w->at_s[i], &w->id[i]);
	bool good = end_letter(t, w, i, whole, e);

	if (!good)
		db_pardon(t);
	if (*whole)
		db_del(t, END, db_key_span(&end));
	return good;
}

static bool
apply_sweep(struct db_txn *t, void *arg, size_t rows, struct err *e)
{
	struct sweep *w = arg;

	begin_page(w, rows);
	oms_peers_forget(t, &w->peers, w->peers_over, w->peers_page, w->now_s);
	if (w->max > 0)
		db_each(t, END, (struct span) { 0 }, (struct span) { 0 }, take_end, w);
	return deal_with_all(t, w, end_and_unlist, e);
}

/* A full page may be the last one; then the next is empty. */
static bool
follow_up(void *arg)
{
	struct sweep *w = arg;

	oms_news_log(&w->news);
	for (size_t i = 0; i < w->whole; i++)
		body_remove(w->store->bodies, w->file[i]);
	if (w->whole > 0)
		w->after = w->id[w->whole - 1];
	w->peers_over += w->peers_page;
	return w->n == w->max || w->whole < w->n;
}

static void
sweep_done(void *arg, const struct err *e)
{
	struct sweep *w = arg;

	oms_news_clear(&w->news);
	oms_store_drop(&w->store);
	w->done(w->arg, e);
	free(w);
}

static struct sweep *
sweep_new(struct oms_store *s, int64_t now_s, oms_store_done *done, void *arg)
{
	struct sweep *w = memory_new(sizeof *w);

	w->store = oms_store_hold(s);
	w->now_s = now_s;
	w->done = done;
	w->arg = arg;
	return w;
}

static void
begin(struct sweep *w, bool (*apply)(struct db_txn *t, void *arg, size_t rows, struct err *e),
    struct loop *l)
{
	w->pages = (struct db_pages) {
		.apply = apply,
		.follow = follow_up,
		.done = sweep_done,
		.arg = w,
		.home = l,
		.most = ROWS_MAX,
	};
	db_pages_take(w->store->db, &w->pages);
}

void
oms_store_sweep(struct oms_store *s, int64_t now_s, struct loop *l, oms_store_done *done, void *arg)
{
	struct sweep *w = sweep_new(s, now_s, done, arg);

	oms_peers_look(s, now_s, &w->peers);
	begin(w, apply_sweep, l);
}

void
oms_store_forget_user(struct oms_store *s, const char *user, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg)
{
	struct sweep *w = sweep_new(s, now_s, done, arg);

	span_copy(span_str(user), w->user, sizeof w->user);
	begin(w, apply_user, l);
}
