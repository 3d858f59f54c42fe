/* kv_step — the steps of a run: one callback in its partition each; see kv_private.h. */
#include "common/base/planted.h"
#include "common/store/kv_private.h"

/* The fault of a damaged row is only that of this step. */
static bool
end(struct kv_txn *t, bool good, size_t mark, size_t effects, struct err *e)
{
	if (kv_fault(t, e))
		good = false;
	else if (!good && e->why == REFUSAL_NONE)
		err_word(e, REFUSAL_storage);
	if (good)
		return true;
	t->lost = false;
	kv_pardon(t);
	kv_set_undo(&t->run->set, mark);
	t->run->n_effects = effects;
	return false;
}

bool
kv_run_apply(struct kv_run *r, const struct kv_part *part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *arg, struct err *e)
{
	struct kv_txn t;
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;

	kv_run_txn(&t, r, part, KV_PARENT_OP);
	t.may_await = true;
	e->why = REFUSAL_NONE;
	return end(&t, apply(&t, arg, e), mark, effects, e);
}

/* The same n is the same statement, also if a later owner repeats it. */
static bool
is_newer(struct kv_version a, struct kv_version b)
{
	if (a.n == b.n)
		return PLANTED(effect_twice);
	if (PLANTED(effect_reordered) || PLANTED(fence_ignored))
		return a.n > b.n || PLANTED(effect_reordered);
	return a.fence != b.fence ? a.fence > b.fence : a.n > b.n;
}

bool
kv_run_receive(struct kv_run *r, const struct kv_effect *f, size_t parent, struct err *e)
{
	const struct kv_kind *kind = &r->kv->schema.kinds[f->to.kind];
	struct kv_txn t;
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;
	struct kv_fact was;
	enum refusal refused;
	bool known, good;

	kv_run_txn(&t, r, &f->to, parent);
	t.may_await = true;
	known = kv_fact_get(&t, f->fact.what, f->fact.name, &was, &refused);
	t.lost = !known && kv_fault(&t, e);
	if (kind->receive == NULL)
		kv_was_damaged(&t);
	e->why = REFUSAL_NONE;
	if (known && !is_newer(f->fact.version, was.version))
		return !f->awaited || refused == REFUSAL_NONE ||
		    is_newer(was.version, f->fact.version) || err_word(e, refused);
	t.receives = true;
	good = (kind->receive == NULL ||
	    kind->receive(&t, &f->from, known && !was.gone ? &was : NULL, &f->fact,
		r->kv->schema.arg, e));
	if (good)
		kv_fact_put(&t, &f->fact, t.keeps ? t.keep : f->fact.value, REFUSAL_NONE);
	return end(&t, good, mark, effects, e);
}

void
kv_run_refuse(struct kv_run *r, const struct kv_effect *f, const struct err *why)
{
	struct kv_txn t;
	struct kv_fact fact;
	enum refusal refused;

	kv_run_txn(&t, r, &f->to, KV_PARENT_NONE);
	if (!kv_fact_get(&t, f->fact.what, f->fact.name, &fact, &refused)) {
		fact = f->fact;
		fact.gone = true;
	}
	if (is_newer(fact.version, f->fact.version))
		return;
	fact.version = f->fact.version;
	kv_fact_put(&t, &fact, fact.value, why->why);
}

static bool
forget_gone(void *arg, struct span key, struct span value)
{
	struct kv_run *r = arg;
	struct kv_fact fact;
	enum refusal refused;

	if (kv_fact_open(0, (struct span) { 0 }, value, &fact, &refused) && fact.gone)
		kv_set_del(&r->set, key);
	return true;
}

void
kv_run_forget_gone(struct kv_run *r, const struct kv_part *part)
{
	struct kv_txn t;
	struct kv_view_key all;

	kv_run_txn(&t, r, part, KV_PARENT_NONE);
	kv_key_begin(&all, part);
	kv_key_append(&all, &(unsigned char) { KV_KEY_FACT }, 1);
	kv_each_in(&t, kv_view_span(&all), kv_view_span(&all), forget_gone, r);
}

bool
kv_run_refused(struct kv_run *r, const struct kv_effect *f, const struct err *why, struct err *e)
{
	const struct kv_kind *kind = &r->kv->schema.kinds[f->from.kind];
	struct kv_txn t;
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;

	kv_run_txn(&t, r, &f->from, KV_PARENT_NONE);
	e->why = REFUSAL_NONE;
	return kind->refused == NULL ||
	    end(&t, kind->refused(&t, &f->to, &f->fact, why, r->kv->schema.arg, e), mark, effects,
		e);
}

void
kv_look_at(struct kv *k, const struct kv_view *view, void *of, struct kv_look *l, struct err *e)
{
	struct kv_txn t = { .kv = k, .view = view, .of = of };

	kv_txn_begin(&t, &l->part);
	e->why = REFUSAL_NONE;
	l->look(&t, l->arg);
	if (kv_fault(&t, e))
		kv_pardon(&t);
}
