/* store_open — the OMS's spool: opening it and closing it; see store.h. */
#include <stdio.h>

#include "common/store/body_orphans.h"
#include "oms/store/store_private.h"

/* Bodies count against the size. */
static bool
open_bodies(struct oms_store *s, const char *folder, uint64_t size, struct offload *o,
    struct err *e)
{
	if (!bodies_open(folder, size, o, &s->bodies, e))
		return false;
	kv_share(s->kv, bodies_used, s->bodies);
	return true;
}

static void
look_for_orphans(struct oms_store *s)
{
	body_orphans_start(s->bodies, &(struct body_asker) { .ask = oms_ask_files, .arg = s });
}

bool
oms_store_open_as(const struct oms_store_opening *o, struct oms_store **out, struct err *e)
{
	struct oms_store *s = oms_store_new(NULL);
	char path[4096];

	snprintf(path, sizeof path, "%s/bodies", o->folder);
	if (!oms_store_migrate(s, o, e) || !open_bodies(s, path, o->size, o->offload, e) ||
	    !oms_format_open(s->kv, o, e)) {
		s->old[0] = '\0'; /* it stays: this is no stop in order */
		oms_store_close(&s);
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
	return oms_store_open_as(&(struct oms_store_opening) { .folder = folder,
				     .size = size,
				     .offload = o },
	    out, e);
}

bool
oms_store_open_on(struct kv *kv, const char *bodies, uint64_t size, struct offload *o,
    struct oms_store **out, struct err *e)
{
	struct oms_store *s = oms_store_new(kv);

	if (!open_bodies(s, bodies, size, o, e)) {
		oms_store_close(&s);
		return false;
	}
	look_for_orphans(s);
	*out = s;
	return true;
}

/* What an older version left goes once we have closed in order. */
void
oms_store_close(struct oms_store **s)
{
	if (*s == NULL)
		return;
	if ((*s)->bodies != NULL)
		body_orphans_stop((*s)->bodies);
	kv_close(&(*s)->kv);
	if ((*s)->old[0] != '\0')
		oms_store_remove_old((*s)->old);
	oms_store_drop(s);
}
