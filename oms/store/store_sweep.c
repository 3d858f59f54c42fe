/* store_sweep — the OMS's spool: expires letters, forgets outcomes, users and domains; see store.h. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

#define LETTERS_MAX  200  /* of one round */
#define PLACES_MAX   256  /* expiries that one look finds */
#define DOMAINS_LOOK 1000 /* domains that one sweep examines; the next one continues after them */
#define DOMAINS_MAX  200  /* that one sweep forgets */

/* -- an expiry ------------------------------------------------------------------------------------------ */

static bool
is_another(void *arg, const struct kv_fact *f)
{
	struct span *name = arg;
	bool same = span_eq(f->name, *name);

	if (!same)
		*name = (struct span) { 0 };
	return same;
}

/* One that cannot be read is another one. */
static bool
has_others(struct kv_txn *t, struct span name)
{
	struct err e;
	bool damaged;

	kv_each_fact(t, OMS_FACT, SPAN_LIT(""), SPAN_LIT(""), is_another, &name);
	damaged = kv_fault(t, &e);
	kv_pardon(t);
	return damaged || name.n == 0;
}

static bool
get_told(struct kv_txn *t, uint64_t *letters)
{
	struct span value = { 0 };
	bool is = kv_get(t, SPAN_LIT("E"), &value);
	struct reader r = reader_of(value);

	kv_pardon(t);
	*letters = value.n > 0 ? read_u64(&r) : 0;
	return is;
}

static void
put_told(struct kv_txn *t, uint64_t letters)
{
	struct buf value = BUF_INIT;

	if (letters > 0)
		put_u64(&value, letters);
	kv_put(t, SPAN_LIT("E"), buf_span(&value));
	buf_clear(&value);
}

static void
tell_expiries(struct kv_txn *t, bool gone)
{
	const struct kv_part *here = kv_here(t);
	const struct kv_part expiries = kv_dir_part(OMS_EXPIRIES, span_of(here->name, here->n));
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(here->name, here->n),
		.version = { .n = kv_stamp(t) },
		.gone = gone,
		.value = SPAN_LIT("here"),
	};

	kv_emit(t, &expiries, &f);
}

/* The value of an end: when, and whether the letter is new and may be refused. */
static bool
is_judged(const struct kv_fact *end)
{
	struct reader r = reader_of(end->value);

	read_u64(&r);
	return r.rest.n > 0 && read_u8(&r) != 0;
}

static bool
one_more(struct kv_txn *t, const struct kv_fact *now, uint64_t most, struct err *e)
{
	uint64_t letters, before;
	bool is_told = get_told(t, &letters);

	before = letters;
	if (!oms_crowd_more(t, &letters, now->name, most, is_judged(now), e))
		return false;
	if (!is_told || letters != before)
		put_told(t, letters);
	if (!is_told)
		tell_expiries(t, false);
	return true;
}

static void
one_less(struct kv_txn *t, struct span name, uint64_t most)
{
	uint64_t letters, before;

	if (!has_others(t, name)) {
		kv_del(t, SPAN_LIT("E"));
		tell_expiries(t, true);
	} else if (get_told(t, &letters) && letters > 0) {
		before = letters;
		oms_crowd_less(&letters, most);
		if (letters != before)
			put_told(t, letters);
	}
}

/* The directory lists the minute while a letter ends in it.  A minute of an older format has no row that says so; it
 * tells the directory again. */
bool
oms_expiry_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	const struct oms_bounds *bounds = arg;
	const uint64_t most = bounds == NULL ? OMS_EXPIRY_LETTERS : bounds->expiry;
	bool was_here = kv_was_damaged(t) || was != NULL;

	(void)from;
	if (!was_here && !now->gone)
		return one_more(t, now, most, e);
	if (was_here && now->gone)
		one_less(t, now->name, most);
	return true;
}

/* -- the end of a letter ---------------------------------------------------------------------------------- */

struct sweep;

struct ending {
	struct kv_op op;
	struct sweep *sweep;
	struct ulid id;
	struct kv_part place; /* of the expiry; kind OMS_LETTER: none, the user is forgotten */
	char file[BODY_NAME_BYTES];
	bool lost;     /* which file it had cannot be read */
	unsigned most; /* deliveries in one operation: fewer where there is little space */
	bool more;     /* there are others */
	struct oms_news news;
};

/* A round of looks, then one of operations, until there is nothing left.  A round goes on after the last letter of the
 * one before, whatever became of that: what cannot end keeps no other from its end. */
struct sweep {
	struct kv_question question;
	struct oms_several several;
	struct err why; /* the first fault of a letter */
	int64_t now_s;
	/* "": all whose time has come.  Else this user's letters, all of them. */
	char user[OMS_STORE_USER_BYTES];
	struct ulid room[LETTERS_MAX];
	struct oms_ids ids;
	/* the directory of expiries */
	unsigned shard;
	struct kv_key from; /* the place of that shard at which the next look begins */
	struct kv_part places[PLACES_MAX];
	size_t n_places;
	bool more_places; /* the shard has others after these */
	/* one of them */
	size_t place;
	struct ulid after; /* its letters up to this one have been taken, if `within` */
	bool within;
	bool more; /* it has others than those of the round */
	struct ending *ending;
	size_t n, before; /* letters of the round; those of the places before */
	size_t ended;     /* of them */
	/* domains */
	unsigned char domain[DOMAINS_MAX][OMS_HASH_BYTES];
	struct examined {
		size_t n, examined;
		struct kv_dir_at at;
	} now, was; /* by the look that runs; by those before */
	oms_store_done *done;
	void *arg;
};

struct expiry {
	struct ending *of;
	struct kv_txn *txn;
	unsigned left;
};

static bool
expire(void *arg, struct oms_stored *s)
{
	struct expiry *x = arg;
	struct ending *w = x->of;
	struct err e;

	w->more = x->left == 0 && !oms_delivery_is_over(&s->d);
	if (!w->more) {
		oms_news_before(&w->news, &s->d);
		if (oms_delivery_expire(&s->d, w->sweep->now_s).over) {
			x->left--;
			oms_news_after(&w->news, &s->d);
			oms_stored_put(x->txn, s, true);
			oms_letter_delivery_over(x->txn, w->sweep->now_s, true, w->file, &e);
		}
	}
	oms_delivery_clear(&s->d);
	return !w->more;
}

static void
expire_some(struct kv_txn *t, struct ending *w)
{
	struct expiry x = { w, t, w->most };

	oms_each_stored(t, expire, &x);
}

/* A letter of an older format may lie in another shard of its minute. */
static bool
is_same_minute(const struct kv_part *a, const struct kv_part *b)
{
	return kv_key_u64(span_of(a->name, a->n), 0) == kv_key_u64(span_of(b->name, b->n), 0);
}

/* The letter may lie in this place no longer.  Where it lies otherwise, a later sweep finds it gone. */
static void
leave_place(struct kv_txn *t, struct ending *w, struct oms_letter_record *r, bool forgotten)
{
	struct kv_part place = oms_part_expiry(oms_letter_end_s(r), &w->id);

	if (w->place.kind != OMS_EXPIRY || (!forgotten && is_same_minute(&place, &w->place)))
		return;
	oms_end_gone(t, &w->place, &w->id, ++r->version);
	if (!forgotten)
		oms_letter_put(t, r);
}

/* A letter that cannot be read harms no other.  Its time has come, so its body goes; its records stay until its user is
 * removed, because they do not say whose they are. */
static bool
cannot_end(struct kv_txn *t, struct ending *w, const struct err *why)
{
	kv_pardon(t);
	if (w->place.kind == OMS_EXPIRY) {
		oms_end_gone(t, &w->place, &w->id, UINT64_MAX);
		kv_del(t, SPAN_LIT("B"));
	} else {
		oms_letter_forget(t, &w->id, w->sweep->user);
	}
	w->lost = why->why != REFUSAL_unknown_id;
	return true;
}

/* All deliveries that can be read are over, so nobody waits for the others. */
static bool
close_unread(struct kv_txn *t, struct ending *w, struct oms_letter_record *r, struct err *e)
{
	if (!r->life.body)
		return true;
	r->life.open = 1;
	oms_letter_put(t, r);
	return oms_letter_delivery_over(t, w->sweep->now_s, true, w->file, e) &&
	    oms_letter_get(t, r, e);
}

static bool
apply_end(struct kv_txn *t, void *arg, struct err *e)
{
	struct ending *w = arg;
	bool whole = w->place.kind != OMS_EXPIRY, expires;
	struct oms_letter_record r;
	enum oms_end end;

	w->file[0] = '\0';
	w->more = w->lost = false;
	oms_news_begin(&w->news);
	if (!oms_letter_get(t, &r, e))
		return cannot_end(t, w, e);
	end = oms_life_end(&r.life, r.facts.hold_until_s, w->sweep->now_s);
	expires = whole || end == OMS_END_EXPIRE;
	if (expires)
		expire_some(t, w);
	if (kv_fault(t, e) || !oms_letter_get(t, &r, e))
		return cannot_end(t, w, e);
	if (w->more)
		return true;
	if (expires && !close_unread(t, w, &r, e))
		return cannot_end(t, w, e);
	leave_place(t, w, &r, whole || end == OMS_END_FORGET);
	if (whole || end == OMS_END_FORGET)
		oms_letter_forget(t, &w->id, r.facts.user);
	return true;
}

static void take_ending(struct ending *w);

/* Space is short: half as much at a time, so that the store is not full for what frees. */
static void
end_done(void *arg, const struct err *e)
{
	struct ending *w = arg;
	struct bodies *bodies = w->sweep->several.store->bodies;
	bool again = e == NULL && w->more;

	if (e != NULL && e->why == REFUSAL_system_full && w->most > 1) {
		w->most /= 2;
		again = true;
	}
	if (e == NULL) {
		oms_news_log(&w->news);
		body_remove(bodies, w->file);
	}
	if (e == NULL && w->lost)
		body_remove_key(bodies, span_of(w->id.b, ULID_BYTES));
	oms_news_clear(&w->news);
	if (again) {
		take_ending(w);
		return;
	}
	w->sweep->ended += e == NULL;
	oms_several_end(&w->sweep->several, e);
}

/* -- rounds -------------------------------------------------------------------------------------------------- */

static void look_on(struct sweep *w);

static void
answer(struct sweep *w)
{
	if (w->question.why.why == REFUSAL_NONE)
		w->question.why = w->why;
	kv_question_answer(&w->question);
}

/* The sweep goes on after a letter that could not end, but not when the store has no space for any. */
static void
round_done(struct oms_several *several, const struct err *e)
{
	struct sweep *w = (struct sweep *)((char *)several - offsetof(struct sweep, several));
	bool stops = e != NULL && e->why == REFUSAL_system_full && w->ended == 0;

	free(w->ending);
	w->ending = NULL;
	kv_store_let_go(several->store);
	if (e != NULL && w->why.why == REFUSAL_NONE)
		w->why = *e;
	if (w->n == 0 || stops)
		answer(w);
	else
		look_on(w);
}

static void
take_ending(struct ending *x)
{
	x->op = (struct kv_op) {
		.part = oms_part_letter(&x->id),
		.apply = apply_end,
		.done = end_done,
		.arg = x,
		.octets = 2048,
		.frees = true,
	};
	kv_store_take(x->sweep->several.store, &x->op, x->sweep->question.loop);
}

static void
end_letters(struct sweep *w)
{
	w->several = (struct oms_several) {
		.store = kv_store_hold(w->question.store),
		.waiting = 1,
		.done = round_done,
	};
	w->ended = 0;
	for (size_t i = 0; i < w->n; i++) {
		w->ending[i].sweep = w;
		w->ending[i].most = SUBMIT_RECIPIENTS_MAX;
		w->several.waiting++;
		take_ending(&w->ending[i]);
	}
	oms_several_end(&w->several, NULL);
}

/* -- one user's ------------------------------------------------------------------------------------------------ */

static void
ids_read(struct kv_question *q)
{
	struct sweep *w = (struct sweep *)q;

	w->n = w->ids.n;
	w->ending = memory_array(w->n + 1, sizeof *w->ending);
	for (size_t i = 0; i < w->n; i++) {
		w->ending[i].id = w->ids.id[i];
		w->ending[i].place = oms_part_letter(&w->ids.id[i]);
	}
	if (w->n > 0) {
		w->ids.from = w->ids.id[w->n - 1];
		w->ids.begun = true;
	}
	end_letters(w);
}

static void
look_at_user(struct sweep *w)
{
	struct kv_part part = oms_part_user(w->user);

	w->ids.id = w->room;
	w->ids.max = LETTERS_MAX;
	w->question.next = ids_read;
	kv_question_look(&w->question, part, oms_look_ids, &w->ids);
}

/* -- all ------------------------------------------------------------------------------------------------------ */

struct found {
	struct sweep *sweep;
	struct kv_txn *txn;
};

/* Has the time come?  The minute has: where the end is damaged, the letter itself tells. */
static bool
has_come(const struct found *x, struct span name)
{
	struct kv_fact f;
	struct reader r;
	struct err e;
	bool damaged;

	if (kv_get_fact(x->txn, OMS_FACT, name, &f)) {
		r = reader_of(f.value);
		return (int64_t)read_u64(&r) <= x->sweep->now_s;
	}
	damaged = kv_fault(x->txn, &e);
	kv_pardon(x->txn);
	return damaged;
}

static bool
take_end(void *arg, struct span name)
{
	const struct found *x = arg;
	struct sweep *w = x->sweep;
	struct ending *n = &w->ending[w->n];

	if (name.n != ULID_BYTES || (w->within && memcmp(name.p, w->after.b, ULID_BYTES) == 0) ||
	    !has_come(x, name))
		return true;
	w->more = w->n == LETTERS_MAX;
	if (w->more)
		return false;
	*n = (struct ending) { .place = w->places[w->place] };
	memcpy(n->id.b, name.p, ULID_BYTES);
	w->n++;
	return true;
}

static void
look_place(struct kv_txn *t, void *arg)
{
	struct sweep *w = arg;
	struct found x = { w, t };

	w->n = w->before;
	w->more = false;
	kv_each_fact_name(t, OMS_FACT, span_of(w->after.b, w->within ? ULID_BYTES : 0),
	    SPAN_LIT(""), take_end, &x);
}

static void take_more(struct sweep *w);

static void
place_read(struct kv_question *q)
{
	struct sweep *w = (struct sweep *)q;

	w->within = w->more;
	if (w->more)
		w->after = w->ending[w->n - 1].id;
	else
		w->place++;
	take_more(w);
}

static bool
take_place(void *arg, struct span name)
{
	struct sweep *w = arg;

	if ((int64_t)kv_key_u64(name, 0) > w->now_s / 60)
		return false;
	w->more_places = w->n_places == PLACES_MAX;
	if (w->more_places)
		return false;
	w->places[w->n_places++] = kv_part_of(OMS_EXPIRY, name);
	return true;
}

static void
look_minutes(struct kv_txn *t, void *arg)
{
	struct sweep *w = arg;

	w->n_places = 0;
	w->more_places = false;
	kv_each_fact_name(t, OMS_FACT, kv_key_span(&w->from), SPAN_LIT(""), take_place, w);
}

static void
minutes_read(struct kv_question *q)
{
	struct sweep *w = (struct sweep *)q;
	const struct kv_part *last;

	w->place = 0;
	if (w->more_places) {
		last = &w->places[PLACES_MAX - 1];
		kv_key_after(&w->from, span_of(last->name, last->n));
	} else {
		w->shard++;
		w->from.n = 0;
	}
	take_more(w);
}

/* One place after the other, until there are enough for a round. */
static void
take_more(struct sweep *w)
{
	struct kv_part part = kv_dir_shard(OMS_EXPIRIES, w->shard);

	if (w->n == LETTERS_MAX || (w->place == w->n_places && w->shard == KV_DIR_SHARDS)) {
		end_letters(w);
	} else if (w->place < w->n_places) {
		w->before = w->n;
		w->question.next = place_read;
		kv_question_look(&w->question, w->places[w->place], look_place, w);
	} else {
		w->question.next = minutes_read;
		kv_question_look(&w->question, part, look_minutes, w);
	}
}

static void
look_on(struct sweep *w)
{
	if (w->user[0] != '\0') {
		look_at_user(w);
		return;
	}
	w->n = 0;
	w->ending = memory_array(LETTERS_MAX, sizeof *w->ending);
	take_more(w);
}

/* -- domains ---------------------------------------------------------------------------------------------------- */

struct forgetting {
	struct kv_op op;
	struct sweep *sweep;
};

static bool
apply_forget(struct kv_txn *t, void *arg, struct err *e)
{
	(void)e;
	oms_forget_peer(t, ((struct forgetting *)arg)->sweep->now_s);
	return true;
}

static void
forget_done(void *arg, const struct err *e)
{
	struct forgetting *x = arg;
	struct sweep *w = x->sweep;

	free(x);
	oms_several_end(&w->several, e);
}

static void
domains_done(struct oms_several *several, const struct err *e)
{
	struct sweep *w = (struct sweep *)((char *)several - offsetof(struct sweep, several));

	(void)e; /* the next sweep finds them again */
	kv_store_let_go(several->store);
	look_on(w);
}

static void
forget_domains(struct sweep *w)
{
	w->several = (struct oms_several) {
		.store = kv_store_hold(w->question.store),
		.waiting = 1,
		.done = domains_done,
	};
	for (size_t i = 0; i < w->now.n; i++) {
		struct forgetting *x = memory_new(sizeof *x);

		x->sweep = w;
		x->op = (struct kv_op) {
			.part = kv_part_of(OMS_PEER, span_of(w->domain[i], OMS_HASH_BYTES)),
			.apply = apply_forget,
			.done = forget_done,
			.arg = x,
			.octets = 128,
			.frees = true,
		};
		w->several.waiting++;
		kv_store_take(w->several.store, &x->op, w->question.loop);
	}
	oms_several_end(&w->several, NULL);
}

static bool
take_domain(void *arg, const struct kv_fact *f)
{
	struct sweep *w = arg;
	struct examined *x = &w->now;
	struct reader r = reader_of(f->value);

	if (x->examined == DOMAINS_LOOK || x->n == DOMAINS_MAX)
		return false;
	memcpy(x->at.name, f->name.p, f->name.n);
	x->at.name[f->name.n] = 0;
	x->at.n = f->name.n + 1;
	x->examined++;
	if (f->name.n == OMS_HASH_BYTES && (int64_t)read_u64(&r) <= w->now_s)
		memcpy(w->domain[x->n++], f->name.p, OMS_HASH_BYTES);
	return true;
}

static void
look_domains(struct kv_txn *t, void *arg)
{
	struct sweep *w = arg;

	w->now = w->was;
	kv_each_fact(t, OMS_FACT, span_of(w->was.at.name, w->was.at.n), SPAN_LIT(""), take_domain,
	    w);
}

static void
examine(struct sweep *w)
{
	struct kv_part part = kv_dir_shard(OMS_PEERS, w->was.at.shard);

	kv_question_look(&w->question, part, look_domains, w);
}

static void
domains_read(struct kv_question *q)
{
	struct sweep *w = (struct sweep *)q;

	w->was = w->now;
	if (w->was.examined < DOMAINS_LOOK && w->was.n < DOMAINS_MAX) {
		w->was.at.n = 0;
		if (++w->was.at.shard < KV_DIR_SHARDS) {
			examine(w);
			return;
		}
		w->was.at.shard = 0;
	}
	oms_store_of(q)->peer_next = w->was.at;
	forget_domains(w);
}

static void
begin_domains(struct sweep *w)
{
	w->was = (struct examined) { .at = oms_store_of(&w->question)->peer_next };
	w->question.next = domains_read;
	examine(w);
}

/* -- beginning ------------------------------------------------------------------------------------------------- */

/* When the store is being closed the work ends early and without an error. */
static void
tell_sweep(struct kv_question *q, const struct err *e)
{
	struct sweep *w = (struct sweep *)q;

	w->done(w->arg, e != NULL && e->why == REFUSAL_closing ? NULL : e);
}

static void
clear_sweep(struct kv_question *q)
{
	struct sweep *w = (struct sweep *)q;

	free(w->ending);
}

static struct sweep *
sweep_new(struct oms_store *s, int64_t now_s, struct loop *l, oms_store_done *done, void *arg)
{
	struct sweep *w = memory_new(sizeof *w);

	w->question = (struct kv_question) { .tell = tell_sweep, .clear = clear_sweep };
	w->now_s = now_s;
	w->done = done;
	w->arg = arg;
	kv_question_begin(&w->question, &s->base, l);
	return w;
}

void
oms_store_sweep(struct oms_store *s, int64_t now_s, struct loop *l, oms_store_done *done, void *arg)
{
	begin_domains(sweep_new(s, now_s, l, done, arg));
}

void
oms_store_forget_user(struct oms_store *s, const char *user, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg)
{
	struct sweep *w = sweep_new(s, now_s, l, done, arg);

	span_copy(span_str(user), w->user, sizeof w->user);
	look_on(w);
}
