/* kv_run — an operation with all its effects in one write set, for an engine that commits them together.
 *
 * Effects are delivered in the order in which they were emitted.  An effect that cannot be delivered now is put
 * as a row of its own: its key names receiver, source and a number, so the stored effects of a pair are in
 * order.  While a pair has stored effects, later ones of that pair wait after them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/planted.h"
#include "common/base/record.h"
#include "common/store/kv_private.h"

#define PENDING_KEY_MAX (1 + 2 * (1 + KV_NAME_MAX) + 8)
#define PENDING_HEAD    22 /* of the value: what, version, gone, length of the name */

void
kv_run_init(struct kv_run *r, struct kv *k, const struct kv_view *view)
{
	r->kv = k;
	r->view = view;
}

void
kv_run_clear(struct kv_run *r)
{
	kv_set_clear(&r->set);
	free(r->effects);
	free(r->told);
	*r = (struct kv_run) { 0 };
}

void
kv_run_begin(struct kv_run *r, void *of)
{
	kv_set_reset(&r->set);
	r->stores = 0;
	r->asked = false;
	kv_run_follow(r, of);
}

void
kv_run_follow(struct kv_run *r, void *of)
{
	kv_set_settle(&r->set);
	r->of = of;
	r->n_effects = 0;
	r->n_told = 0;
	r->units = 0;
	r->most = KV_COMMIT_UNITS;
	r->tries = SIZE_MAX;
	r->from.n = 0;
	r->waits = (struct kv_load) { 0 };
	r->defers = r->later = r->over = r->more = r->stuck = false;
}

void
kv_run_undo(struct kv_run *r)
{
	kv_set_undo(&r->set, 0);
}

/* -- stored effects ---------------------------------------------------------------------------------------- */

struct pending_key {
	unsigned char b[PENDING_KEY_MAX];
	size_t n;
};

static void
add_part(struct pending_key *k, const struct kv_part *part)
{
	k->b[k->n++] = part->kind;
	memcpy(k->b + k->n, part->name, part->n);
	k->n += part->n;
}

static struct pending_key
pair_key(const struct kv_part *to, const struct kv_part *from)
{
	struct pending_key k = { .b = { KV_KIND_PENDING }, .n = 1 };

	add_part(&k, to);
	add_part(&k, from);
	return k;
}

static struct span
pending_span(const struct pending_key *k)
{
	return span_of(k->b, k->n);
}

/* The engine puts nothing after kv_run_begin but what `stores` tells of. */
static bool
may_be_pending(struct kv_run *r)
{
	if (!r->asked)
		r->pending = r->view->has_pending(r->of);
	r->asked = true;
	return r->stores > 0 || r->pending;
}

static bool
pair_waits(struct kv_run *r, const struct kv_effect *f)
{
	struct pending_key k;
	struct span key;

	if (!may_be_pending(r))
		return false;
	k = pair_key(&f->to, &f->from);
	return kv_run_next_key(r, pending_span(&k), pending_span(&k), &key);
}

static struct kv_load
load_stored(const struct kv_effect *f)
{
	struct kv_load l = kv_load_of((struct span) { 0 }, f->fact.value);

	l.octets += PENDING_KEY_MAX + PENDING_HEAD + f->fact.name.n;
	return l;
}

static void
add_number(struct pending_key *k, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		k->b[k->n++] = (unsigned char)(n >> (56 - 8 * i));
}

static uint64_t
number_of(struct span key)
{
	struct reader r = reader_of(span_sub(key, key.n - 8, 8));

	return read_u64(&r);
}

static uint64_t
next_number(struct kv_run *r, const struct pending_key *pair)
{
	struct pending_key end = *pair;
	struct span key;

	add_number(&end, UINT64_MAX);
	return kv_run_prev_key(r, pending_span(&end), pending_span(pair), &key) ? number_of(key) + 1
										: 0;
}

static void
store(struct kv_run *r, const struct kv_effect *f)
{
	struct pending_key k = pair_key(&f->to, &f->from);
	struct buf b = BUF_INIT;

	if (PLANTED(effect_lost))
		return;
	r->stores++;
	add_number(&k, next_number(r, &k));
	put_u8(&b, f->fact.what);
	put_u64(&b, f->fact.version.fence);
	put_u64(&b, f->fact.version.n);
	put_u8(&b, f->fact.gone);
	put_span(&b, f->fact.name);
	put_bytes(&b, f->fact.value.p, f->fact.value.n);
	kv_set_put(&r->set, pending_span(&k), buf_span(&b));
	buf_clear(&b);
}

static bool
read_part(struct kv_run *r, struct span *key, struct kv_part *out)
{
	unsigned kind = key->n > 0 ? (unsigned char)key->p[0] : KV_KINDS_MAX;
	size_t n = kind < r->kv->schema.n ? r->kv->schema.kinds[kind].name_bytes : 0;

	if (n == 0 || key->n < 1 + n)
		return false;
	*out = kv_part_of(kind, span_sub(*key, 1, n));
	*key = span_sub(*key, 1 + n, key->n);
	return true;
}

static bool
read_pair(struct kv_run *r, struct span key, struct kv_effect *f)
{
	key = span_sub(key, 1, key.n);
	*f = (struct kv_effect) { .parent = KV_PARENT_NONE };
	return read_part(r, &key, &f->to) && read_part(r, &key, &f->from) && key.n == 8;
}

static bool
read_fact(struct span value, struct kv_fact *f)
{
	struct reader v = reader_of(value);

	f->what = read_u8(&v);
	f->version.fence = read_u64(&v);
	f->version.n = read_u64(&v);
	f->gone = read_u8(&v) != 0;
	f->name = read_span(&v);
	f->value = v.rest;
	return !v.bad;
}

/* False: *e, also for a damaged row. */
static bool
read_stored(struct kv_run *r, struct span key, struct kv_effect *f, struct err *e)
{
	struct span value;

	if (read_pair(r, key, f) && kv_run_get(r, key, &value) && read_fact(value, &f->fact))
		return true;
	if (!r->view->fault(r->of, e))
		err_set(e, REFUSAL_storage, "a stored effect cannot be read");
	r->view->pardon(r->of);
	return false;
}

/* -- delivery ---------------------------------------------------------------------------------------------- */

enum outcome {
	APPLIED,
	NEXT_COMMIT, /* there is no room in this one */
	NOT,         /* *e */
};

bool
kv_run_exceeds(const struct kv_run *r)
{
	return r->set.load.octets + r->waits.octets > KV_COMMIT_OCTETS ||
	    r->set.load.pages + r->waits.pages > KV_COMMIT_PAGES;
}

/* What was emitted since waits too. */
static void
count_waiting(struct kv_run *r, size_t from)
{
	for (size_t i = from; i < r->n_effects; i++) {
		struct kv_load l = load_stored(&r->effects[i]);

		r->waits.octets += l.octets;
		r->waits.pages += l.pages;
	}
}

static void
end_waiting(struct kv_run *r, const struct kv_effect *f)
{
	struct kv_load l = load_stored(f);

	r->waits.octets -= l.octets;
	r->waits.pages -= l.pages;
}

static enum outcome
attempt(struct kv_run *r, const struct kv_effect *f, size_t parent, struct err *e)
{
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;
	struct kv_load waits = r->waits;

	if (r->units >= (f->awaited ? KV_COMMIT_UNITS : r->most))
		return NEXT_COMMIT;
	if (!kv_run_receive(r, f, parent, e))
		return NOT;
	count_waiting(r, effects);
	if (kv_run_exceeds(r)) {
		kv_set_undo(&r->set, mark);
		r->n_effects = effects;
		r->waits = waits;
		return NEXT_COMMIT;
	}
	r->units++;
	return APPLIED;
}

static void
log_stuck(struct kv_run *r, const struct kv_effect *f, const struct err *why)
{
	log_fact_of(SPAN_LIT("kv"), LOG_WARN, "kv.effect_waits", "from=%s to=%s why=%s",
	    r->kv->schema.kinds[f->from.kind].name, r->kv->schema.kinds[f->to.kind].name,
	    refusal_word(why->why));
}

/* What its receiver emits is delivered later. */
static enum outcome
attempt_stored(struct kv_run *r, struct span key, struct err *e)
{
	struct kv_effect f;
	enum outcome what;

	if (!read_stored(r, key, &f, e))
		return NOT;
	what = attempt(r, &f, KV_PARENT_NONE, e);
	if (what == APPLIED)
		kv_set_del(&r->set, key);
	return what;
}

/* Applies the stored effects of one pair in their order. */
static enum outcome
drain_pair(struct kv_run *r, const struct kv_part *to, const struct kv_part *from,
    enum outcome (*one)(struct kv_run *r, struct span key, struct err *e), struct err *e)
{
	struct pending_key k = pair_key(to, from);
	enum outcome what = APPLIED;
	struct span key;

	while (what == APPLIED && kv_run_next_key(r, pending_span(&k), pending_span(&k), &key))
		what = one(r, kv_set_copy(&r->set, key), e);
	return what;
}

/* An awaited effect was refused: its source takes back, and what had awaited the source is refused in turn. */
static bool
refuse(struct kv_run *r, size_t i, const struct err *why, struct err *e)
{
	for (;;) {
		struct kv_effect f = r->effects[i];
		size_t effects = r->n_effects;

		if (f.refused)
			return true;
		r->effects[i].refused = true;
		if (!kv_run_refused(r, &f, why, e))
			return false;
		count_waiting(r, effects);
		if (f.parent == KV_PARENT_NONE)
			return true;
		if (f.parent == KV_PARENT_OP)
			break;
		i = f.parent;
		if (!r->effects[i].awaited)
			return true;
	}
	if (r->n_told == r->cap_told) {
		r->cap_told = r->cap_told == 0 ? 4 : 2 * r->cap_told;
		r->told = memory_resize(r->told, r->cap_told, sizeof *r->told);
	}
	r->told[r->n_told++] = (struct kv_told) { i, *why };
	return true;
}

static bool
is_over(struct kv_run *r, struct err *e)
{
	r->over = true;
	return err_set(e, REFUSAL_internal,
	    "an operation awaits or puts more than one commit takes");
}

static bool
deliver(struct kv_run *r, size_t i, struct err *e)
{
	struct kv_effect f = r->effects[i];
	enum outcome what = APPLIED;
	struct err why;

	end_waiting(r, &f);
	if (r->defers && !f.awaited) {
		what = NOT;
		err_word(&why, REFUSAL_system_full);
	} else if (r->later && !f.awaited) {
		what = NEXT_COMMIT;
	} else if (pair_waits(r, &f)) {
		what = r->later ? NEXT_COMMIT : drain_pair(r, &f.to, &f.from, attempt_stored, &why);
		if (what == NEXT_COMMIT && f.awaited) {
			what = NOT; /* for now: the commits after apply the earlier ones */
			r->more = true;
			err_word(&why, REFUSAL_too_many_outstanding);
		}
	}
	if (PLANTED(done_early) && f.awaited)
		what = NEXT_COMMIT;
	if (what == APPLIED)
		what = attempt(r, &f, i, &why);
	if (what == APPLIED)
		return true;
	if (f.awaited && !PLANTED(done_early))
		return what == NOT ? refuse(r, i, &why, e) : is_over(r, e);
	if (what == NOT)
		log_stuck(r, &f, &why);
	r->stuck = r->stuck || what == NOT;
	r->more = r->more || what == NEXT_COMMIT;
	store(r, &f);
	return true;
}

/* What was emitted from that one on, and what that emits in turn. */
static bool
deliver_from(struct kv_run *r, size_t i, struct err *e)
{
	for (; i < r->n_effects; i++)
		if (!deliver(r, i, e))
			return false;
	return !kv_run_exceeds(r) || is_over(r, e);
}

static bool
run_op(struct kv_run *r, const struct kv_op *op, struct err *e)
{
	if (!kv_run_apply(r, &op->part, op->apply, op->arg, e))
		return false;
	r->units = 1;
	count_waiting(r, 0);
	return deliver_from(r, 0, e);
}

/* What its awaited effects need may have been taken by others, or it is the receivers of others that await so much.
 * Then the others are stored, and tear nothing. */
bool
kv_run_op(struct kv_run *r, const struct kv_op *op, struct err *e)
{
	if (run_op(r, op, e))
		return true;
	if (!r->over)
		return false;
	kv_run_undo(r);
	r->n_effects = r->n_told = 0;
	r->waits = (struct kv_load) { 0 };
	r->more = r->stuck = false;
	r->later = true;
	return run_op(r, op, e);
}

/* With all that is emitted because of it, or not at all: what its receiver awaits must find room in the same commit. */
static enum outcome
settle_stored(struct kv_run *r, struct span key, struct err *e)
{
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects, units = r->units;
	size_t stores = r->stores;
	struct kv_load waits = r->waits;
	bool more = r->more, stuck = r->stuck;
	enum outcome what = attempt_stored(r, key, e);

	if (what != APPLIED || deliver_from(r, effects, e))
		return what;
	kv_set_undo(&r->set, mark);
	r->n_effects = effects;
	r->units = units;
	r->stores = stores;
	r->waits = waits;
	r->more = more;
	r->stuck = stuck;
	what = r->over ? NEXT_COMMIT : NOT;
	r->over = false;
	return what;
}

/* What comes next is after the pair of this key; after this key alone if it names no pair. */
static void
pass_over(struct kv_view_key *after, struct span key, bool is_pair)
{
	after->n = 0;
	kv_key_append(after, key.p, is_pair ? key.n - 8 : key.n);
	kv_key_append(after, "\xff\xff\xff\xff\xff\xff\xff\xff", is_pair ? 8 : 0);
	kv_key_append(after, "", 1);
}

/* A stored effect that exceeds a commit of its own cannot be applied, nor can one whose key is damaged: a key is under
 * no CRC until its value is read.  True: `key`, or the pair that it begins, needs no more in this commit. */
static bool
drain_from(struct kv_run *r, struct span key, bool *is_pair)
{
	struct kv_effect f;
	enum outcome what = NOT;
	struct err e;

	*is_pair = read_pair(r, key, &f);
	if (*is_pair)
		what = drain_pair(r, &f.to, &f.from, settle_stored, &e);
	if (what == NEXT_COMMIT && r->units > 0) {
		r->more = true;
		return false;
	}
	if (what != APPLIED) {
		r->stuck = true;
		r->tries--;
	}
	return true;
}

void
kv_run_pending(struct kv_run *r)
{
	static const char all[] = { (char)KV_KIND_PENDING };
	struct span prefix = span_of(all, sizeof all), key;
	bool is_pair;

	if (r->from.n == 0)
		kv_key_append(&r->from, all, sizeof all);
	while (!r->more && r->tries > 0) {
		if (!kv_run_next_key(r, kv_view_span(&r->from), prefix, &key)) {
			r->from.n = 0;
			return;
		}
		key = kv_set_copy(&r->set, key);
		if (drain_from(r, key, &is_pair))
			pass_over(&r->from, key, is_pair);
	}
}
