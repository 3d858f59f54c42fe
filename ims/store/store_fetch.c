/* store_fetch — leases a letter, keeps its body, or releases it; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "ims/store/store_private.h"

struct change {
	struct db_write write;
	struct ims_store *store; /* valid until the write is applied */
	struct bodies *bodies;   /* valid until done, which may run after the store was closed */
	struct db_key key;
	struct ims_letter letter; /* lease: the result; else: holds the fence */
	int64_t now_s;
	struct body_kept kept;    /* keep */
	enum mailbox_state state; /* release */
	enum refusal why;
	ims_store_leased *leased;
	ims_store_done *done;
	void *arg;
};

static void
refused(void *arg)
{
	struct change *c = arg;

	c->write.done(c, &c->write.why);
}

static struct change *
change_new(struct ims_store *s, const struct ims_letter *l, void *arg)
{
	struct change *c = memory_new(sizeof *c);

	c->store = s;
	c->bodies = bodies_ref(s->bodies);
	c->key = ims_key_letter(&l->id, domain_span(&l->from_domain));
	c->letter = *l;
	c->now_s = clock_wall_ms() / 1000;
	c->arg = arg;
	return c;
}

static void
submit(struct change *c, struct loop *loop, size_t octets)
{
	c->write.arg = c;
	c->write.home = loop;
	c->write.octets = 1024 + octets;
	if (!db_write_take(c->store->db, &c->write, &c->write.why))
		loop_post(loop, refused, c);
}

/* -- lease ----------------------------------------------------------------------------------------- */

static bool
apply_lease(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_letter_record r;
	bool taken;
	struct domain own;

	own = c->letter.own_domain;
	if (!ims_letter_get(t, c->store, &c->key, c->now_s, &r, e))
		return false;
	if (!ims_letter_lease(&r.facts, &r.lease, c->store->run, c->now_s, &taken, e))
		return false;
	if (taken)
		ims_letter_put(t, &c->key, &r);
	c->letter = r.facts;
	c->letter.own_domain = own;
	return !db_fault(t, e);
}

static void
leased(void *arg, const struct err *e)
{
	struct change *c = arg;

	bodies_free(&c->bodies);
	c->leased(c->arg, e == NULL ? &c->letter : NULL, e);
	free(c);
}

void
ims_store_lease(struct ims_store *s, const struct ims_letter *l, struct loop *loop,
    ims_store_leased *done, void *arg)
{
	struct change *c = change_new(s, l, arg);

	c->leased = done;
	c->write.apply = apply_lease;
	c->write.done = leased;
	submit(c, loop, 0);
}

/* -- keep, release -------------------------------------------------------------------------------------- */

static bool
apply_keep(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_letter_record r;

	if (!ims_letter_get(t, c->store, &c->key, c->now_s, &r, e) ||
	    !ims_letter_keep(&r.facts, c->letter.fence, e))
		return false;
	memcpy(r.file, c->kept.name, sizeof r.file);
	if (r.file[0] == '\0')
		db_put(t, BODY, db_key_span(&c->key), buf_span(&c->kept.octets));
	ims_letter_put(t, &c->key, &r);
	ims_notified_here(t, &c->key, &r.facts);
	return !db_fault(t, e);
}

static bool
apply_release(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_letter_record r;

	if (!ims_letter_get(t, c->store, &c->key, c->now_s, &r, e) ||
	    !ims_letter_release(&r.facts, c->letter.fence, c->state, c->why, e))
		return false;
	ims_letter_put(t, &c->key, &r);
	return !db_fault(t, e);
}

static void
changed(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e != NULL)
		body_remove(c->bodies, c->kept.name);
	bodies_free(&c->bodies);
	body_kept_clear(&c->kept);
	c->done(c->arg, e);
	free(c);
}

void
ims_store_keep_take(struct ims_store *s, const struct ims_letter *l, struct body_kept *kept,
    struct loop *loop, ims_store_done *done, void *arg)
{
	struct change *c = change_new(s, l, arg);

	c->kept = *kept;
	kept->octets = (struct buf)BUF_INIT;
	c->done = done;
	c->write.apply = apply_keep;
	c->write.done = changed;
	submit(c, loop, c->kept.octets.len);
}

void
ims_store_release(struct ims_store *s, const struct ims_letter *l, enum mailbox_state state,
    enum refusal why, struct loop *loop, ims_store_done *done, void *arg)
{
	struct change *c = change_new(s, l, arg);

	c->state = state;
	c->why = why;
	c->done = done;
	c->write.apply = apply_release;
	c->write.done = changed;
	c->write.frees = true;
	submit(c, loop, 0);
}
