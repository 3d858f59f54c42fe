/* store_files — the OMS's spool: does a letter name the file of a body?  See common/store/body_orphans.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/store/body_orphans.h"
#include "oms/store/store_private.h"

struct page {
	struct body_page *of;
	atomic_size_t waiting;
};

/* The key of a name leads to the letter that may name it.  An operation that puts nothing, for there is no loop
 * that a read could come back to. */
struct asked {
	struct kv_op op; /* first */
	struct page *page;
	size_t i;
};

static void
answered(struct page *p)
{
	if (atomic_fetch_sub(&p->waiting, 1) > 1)
		return;
	body_page_answered(p->of);
	free(p);
}

/* A letter that cannot be read may name any file of its key. */
static bool
look(struct kv_txn *t, void *arg, struct err *e)
{
	struct asked *a = arg;
	struct oms_letter_record r;
	bool *named = &a->page->of->named[a->i];

	*named = true;
	if (oms_letter_get(t, &r, e))
		*named = strcmp(r.file, a->page->of->name[a->i]) == 0;
	else if (e->why == REFUSAL_unknown_id)
		*named = false;
	kv_pardon(t);
	return true;
}

static void
looked(void *arg, const struct err *e)
{
	struct asked *a = arg;
	struct page *p = a->page;

	if (e != NULL)
		p->of->named[a->i] = true; /* it is not known */
	free(a);
	answered(p);
}

static void
ask(struct oms_store *s, struct page *p, size_t i)
{
	unsigned char key[BODY_KEY_MAX];
	struct asked *a = memory_new(sizeof *a);
	struct err e;
	size_t n;

	a->page = p;
	a->i = i;
	err_word(&e, REFUSAL_closing);
	if (body_name_key(p->of->name[i], key, &n) && n == ULID_BYTES && s->base.kv != NULL) {
		a->op = (struct kv_op) {
			.part = kv_part_of(OMS_LETTER, span_of(key, n)),
			.apply = look,
			.done = looked,
			.arg = a,
			.octets = 64,
			.frees = true,
		};
		if (kv_take(s->base.kv, &a->op, &e))
			return;
	}
	looked(a, &e);
}

void
oms_ask_files(void *store, struct body_page *of)
{
	struct page *p = memory_new(sizeof *p);
	size_t n = of->n;

	p->of = of;
	atomic_init(&p->waiting, n + 1);
	for (size_t i = 0; i < n; i++)
		ask(store, p, i); /* NOLINT(clang-analyzer-unix.Malloc): the same */
	answered(p);              /* NOLINT(clang-analyzer-unix.Malloc): it counted until now */
}
