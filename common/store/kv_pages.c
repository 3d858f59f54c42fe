/* kv_pages — repeats a page that does not fit with fewer rows; see kv_pages.h. */
#include "common/store/kv_pages.h"

#include "common/loop/loop.h"

#define PAGE_OCTETS 65536        /* a page deletes, and puts little */
#define PAGE_LEAVES (256 * 1024) /* space for a page of one row */

static void
end(void *arg)
{
	struct kv_pages *p = arg;
	struct err why = p->why;

	p->done(p->arg, why.why == REFUSAL_NONE ? NULL : &why);
}

static bool
apply_page(struct kv_txn *t, void *arg, struct err *e)
{
	struct kv_pages *p = arg;

	return p->apply(t, p->arg, p->rows, e);
}

static bool
take_page(struct kv_pages *p, struct err *e)
{
	p->op.part = p->part;
	p->op.leaves = p->rows > 1 ? PAGE_LEAVES : 0;
	return kv_take(p->kv, &p->op, e);
}

/* True: another page is to be applied. */
static bool
is_to_go_on(struct kv_pages *p, const struct err *e)
{
	if (e == NULL) {
		p->rows = p->rows < p->most / 2 ? 2 * p->rows : p->most;
		return p->follow(p->arg);
	}
	if (e->why == REFUSAL_system_full && p->rows > 1) {
		p->rows /= 2;
		return true;
	}
	p->why = *e;
	return false;
}

static void
applied(void *arg, const struct err *e)
{
	struct kv_pages *p = arg;

	if (!is_to_go_on(p, e) || !take_page(p, &p->why))
		end(p);
}

void
kv_pages_take(struct kv *k, struct kv_pages *p)
{
	p->kv = k;
	p->rows = p->most;
	p->why = (struct err) { .why = REFUSAL_NONE };
	p->op = (struct kv_op) {
		.apply = apply_page,
		.done = applied,
		.arg = p,
		.home = p->home,
		.octets = PAGE_OCTETS,
		.frees = true,
	};
	if (!take_page(p, &p->why))
		loop_post(p->home, end, p);
}
