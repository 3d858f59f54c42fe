/* store_fetch — leases a letter, keeps its body, or releases it; see store.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "ims/store/store_private.h"

struct change {
	struct ims_letter_op what; /* first: what is applied */
	struct kv_op op;
	struct ims_store *store;
	struct body_kept kept; /* keep */
	ims_store_leased *leased;
	ims_store_kept *is_kept;
	ims_store_done *done;
	void *arg;
	struct ims_letter lease; /* keep, release: which they end */
};

static struct change *
change_new(struct ims_store *s, const struct ims_letter *l, void *arg)
{
	struct change *c = memory_new(sizeof *c);

	c->store = ims_store_hold(s);
	c->what = (struct ims_letter_op) {
		.id = l->id,
		.from_domain = l->from_domain,
		.own_domain = l->own_domain,
		.fence = l->fence,
		.run = s == NULL ? 0 : s->run,
		.now_s = ims_now_s(),
	};
	c->arg = arg;
	return c;
}

static void
fill(struct change *c, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    void (*done)(void *arg, const struct err *e), size_t octets, bool frees)
{
	c->op = (struct kv_op) {
		.part = ims_part_letter(&c->what.id),
		.apply = apply,
		.done = done,
		.arg = c,
		.octets = 1024 + octets,
		.frees = frees,
	};
}

static void
take(struct change *c, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    void (*done)(void *arg, const struct err *e), size_t octets, bool frees, struct loop *loop)
{
	fill(c, apply, done, octets, frees);
	kv_store_take(ims_base(c->store), &c->op, loop);
}

static void
leased(void *arg, const struct err *e)
{
	struct change *c = arg;

	ims_store_let_go(&c->store);
	c->leased(c->arg, e == NULL ? &c->what.letter : NULL, e);
	free(c);
}

void
ims_store_lease(struct ims_store *s, const struct ims_letter *l, struct loop *loop,
    ims_store_leased *done, void *arg)
{
	struct kv_part part = ims_part_letter(&l->id);
	struct change *c;
	uint64_t owner;

	if (s != NULL && s->base.kv != NULL && kv_owns(s->base.kv, &part, &owner) && owner == 0) {
		ims_lease_ask(s, l, loop, done, arg);
		return;
	}
	c = change_new(s, l, arg);
	c->leased = done;
	take(c, ims_letter_op_lease, leased, 0, false, loop);
}

static void
kept(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL)
		ims_lease_end(c->store, &c->lease);
	if (e != NULL && c->store != NULL)
		body_remove(c->store->base.bodies, c->kept.name);
	ims_store_let_go(&c->store);
	body_kept_clear(&c->kept);
	c->is_kept(c->arg, e == NULL ? c->what.round : 0, e);
	free(c);
}

static void
under_lease(struct change *c, const struct ims_letter *l)
{
	c->lease = *l;
	if (ims_lease_passed_on(c->store, l))
		c->what.fence = 0; /* that of no lease */
	c->what.in_memory = ims_lease_is(c->store, l, &c->what.lease_of);
}

void
ims_store_keep_take(struct ims_store *s, const struct ims_letter *l, struct body_kept *body,
    struct loop *loop, ims_store_kept *done, void *arg)
{
	struct change *c = change_new(s, l, arg);

	c->kept = *body;
	body->octets = (struct buf)BUF_INIT;
	c->what.file = c->kept.name;
	c->what.octets = buf_span(&c->kept.octets);
	c->is_kept = done;
	under_lease(c, l);
	take(c, ims_letter_op_keep, kept, c->kept.octets.len, false, loop);
}

static void
changed(void *arg, const struct err *e)
{
	struct change *c = arg;

	ims_store_let_go(&c->store);
	c->done(c->arg, e);
	free(c);
}

static void
released(void *arg, const struct err *e)
{
	struct change *c = arg;

	ims_lease_end(c->store, &c->lease);
	changed(c, e);
}

void
ims_store_release(struct ims_store *s, const struct ims_letter *l, enum mailbox_state state,
    enum refusal why, struct loop *loop, ims_store_done *done, void *arg)
{
	struct change *c = change_new(s, l, arg);

	c->what.state = state;
	c->what.why = why;
	c->done = done;
	under_lease(c, l);
	take(c, ims_letter_op_release, released, 0, true, loop);
}

/* -- acknowledged --------------------------------------------------------------------------------------------- */

struct acked {
	size_t left;
	struct err why; /* the first */
	ims_store_done *done;
	void *arg;
};

static void
one_acked(void *arg, const struct err *e)
{
	struct acked *a = arg;

	if (e != NULL && a->why.why == REFUSAL_NONE)
		a->why = *e;
	if (--a->left > 0)
		return;
	a->done(a->arg, a->why.why == REFUSAL_NONE ? NULL : &a->why);
	free(a);
}

static struct kv_op *
ack_op(struct ims_store *s, const struct ims_ack *o, struct acked *all)
{
	struct ims_letter l = { .id = o->id,
		.from_domain = o->from_domain,
		.own_domain = o->own_domain };
	struct change *c = change_new(s, &l, all);

	c->what.round = o->round;
	c->what.declined = o->declined;
	c->done = one_acked;
	fill(c, ims_letter_op_acked, changed, 0, true);
	return &c->op;
}

void
ims_store_acked_several(struct ims_store *s, const struct ims_ack *acks, size_t n,
    struct loop *loop, ims_store_done *done, void *arg)
{
	struct kv_op **ops = memory_array(n, sizeof *ops);
	struct acked *all = memory_new(sizeof *all);

	*all = (struct acked) { .left = n, .done = done, .arg = arg };
	for (size_t i = 0; i < n; i++)
		ops[i] = ack_op(s, &acks[i], all);
	kv_store_take_several(ims_base(s), ops, n, loop);
	free(ops);
}

void
ims_store_acked(struct ims_store *s, const struct ims_ack *o, struct loop *loop,
    ims_store_done *done, void *arg)
{
	ims_store_acked_several(s, o, 1, loop, done, arg);
}
