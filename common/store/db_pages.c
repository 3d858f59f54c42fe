/* db_pages — repeats a page that does not fit with fewer rows; see db_pages.h. */
#include "common/store/db_pages.h"

#include "common/loop/loop.h"

#define PAGE_OCTETS 65536        /* a page deletes, and puts little */
#define PAGE_LEAVES (256 * 1024) /* room for a page of one row */

static void
end(void *arg)
{
	struct db_pages *p = arg;
	struct err why = p->why;

	p->done(p->arg, why.why == REFUSAL_NONE ? NULL : &why);
}

static void
finish(struct db_pages *p)
{
	if (p->home != NULL)
		loop_post(p->home, end, p);
	else
		end(p);
}

static bool
apply_page(struct db_txn *t, void *arg, struct err *e)
{
	struct db_pages *p = arg;

	return p->apply(t, p->arg, p->rows, e);
}

/* On the writer's thread, where the store exists.  True: another page is to be applied. */
static bool
is_to_go_on(struct db_pages *p, const struct err *e)
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

static bool
take_page(struct db *d, struct db_pages *p, struct err *e)
{
	p->write.leaves = p->rows > 1 ? PAGE_LEAVES : 0;
	return db_write_take(d, &p->write, e);
}

static void
applied(void *arg, const struct err *e)
{
	struct db_pages *p = arg;
	struct err closing;

	if (!is_to_go_on(p, e) || !take_page(p->write.db, p, &closing))
		finish(p);
}

void
db_pages_take(struct db *d, struct db_pages *p)
{
	p->rows = p->most;
	p->why = (struct err) { .why = REFUSAL_NONE };
	p->write = (struct db_write) {
		.apply = apply_page,
		.done = applied,
		.arg = p,
		.octets = PAGE_OCTETS,
		.frees = true,
	};
	if (!take_page(d, p, &p->why))
		finish(p);
}
