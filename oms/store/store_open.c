/* store_open — the OMS's spool: opening it and closing it; see store.h. */
#include <stdio.h>

#include "common/store/body_orphans.h"
#include "oms/store/store_private.h"

static void
look_for_orphans(struct oms_store *s)
{
	body_orphans_start(s->base.bodies, &(struct body_asker) { .ask = oms_ask_files, .arg = s });
}

static void
give_up(struct oms_store *s)
{
	kv_store_give_up(&s->base);
	oms_store_drop(&s);
}

bool
oms_store_open_as(const struct kv_opening *o, struct oms_store **out, struct err *e)
{
	struct oms_store *s = oms_store_new(NULL);
	char path[4096];

	snprintf(path, sizeof path, "%s/bodies", o->folder);
	if (!kv_store_open(&s->base, o, &oms_upgrade, e) ||
	    !kv_store_open_bodies(&s->base, path, o->size, o->offload, e) ||
	    !oms_format_open(s->base.kv, o, e)) {
		give_up(s);
		return false;
	}
	look_for_orphans(s);
	*out = s;
	return true;
}

bool
oms_store_open(const char *folder, uint64_t size, struct offload *o, struct oms_store **out,
    struct err *e)
{
	return oms_store_open_as(&(struct kv_opening) { .folder = folder,
				     .size = size,
				     .offload = o },
	    out, e);
}

bool
oms_store_open_on(struct kv *kv, const char *bodies, uint64_t size, struct offload *o,
    struct oms_store **out, struct err *e)
{
	struct oms_store *s = oms_store_new(kv);

	if (!kv_store_open_bodies(&s->base, bodies, size, o, e)) {
		give_up(s);
		return false;
	}
	look_for_orphans(s);
	*out = s;
	return true;
}

void
oms_store_close(struct oms_store **s)
{
	if (*s == NULL)
		return;
	kv_store_close(&(*s)->base);
	oms_store_drop(s);
}
