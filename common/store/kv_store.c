/* kv_store — what each store on kv has; see kv_store.h. */
#include "common/store/kv_store.h"

#include <stdio.h>

#include "common/store/body_orphans.h"
#include "common/store/kv_upgrade.h"

void
kv_store_init(struct kv_store *s, struct kv *kv, void (*clear)(struct kv_store *s))
{
	atomic_init(&s->holders, 1);
	s->kv = kv;
	s->clear = clear;
}

struct kv_store *
kv_store_hold(struct kv_store *s)
{
	if (s != NULL)
		atomic_fetch_add(&s->holders, 1);
	return s;
}

void
kv_store_let_go(struct kv_store *s)
{
	if (s == NULL || atomic_fetch_sub(&s->holders, 1) > 1)
		return;
	bodies_free(&s->bodies);
	s->clear(s);
}

bool
kv_store_open(struct kv_store *s, const struct kv_opening *o, const struct kv_upgrade_plan *plan,
    struct err *e)
{
	bool is_old;

	if (!kv_upgrade_open(o, plan, &s->kv, &is_old, e))
		return false;
	if (is_old) {
		s->plan = plan;
		snprintf(s->folder, sizeof s->folder, "%s", o->folder);
	}
	return true;
}

bool
kv_store_open_bodies(struct kv_store *s, const char *folder, uint64_t size, struct offload *o,
    struct err *e)
{
	if (!bodies_open(folder, size, o, &s->bodies, e))
		return false;
	kv_share(s->kv, bodies_used, s->bodies);
	return true;
}

void
kv_store_close(struct kv_store *s)
{
	if (s->bodies != NULL)
		body_orphans_stop(s->bodies);
	kv_close(&s->kv);
	if (s->plan != NULL)
		kv_upgrade_remove_old(s->folder, s->plan);
}

void
kv_store_give_up(struct kv_store *s)
{
	s->plan = NULL;
	kv_store_close(s);
}
