/* store_open — the IMS's mailboxes: opening them and closing them; see store.h. */
#include <stdio.h>

#include "common/store/body_orphans.h"
#include "ims/store/store_private.h"

static bool
begin(struct ims_store *s, const char *bodies, struct offload *o, struct err *e)
{
	if (!kv_store_open_bodies(&s->base, bodies, s->size, o, e))
		return false;
	ims_begin_sweeps(s);
	body_orphans_start(s->base.bodies, &(struct body_asker) { .ask = ims_ask_files, .arg = s });
	return true;
}

static void
give_up(struct ims_store *s)
{
	kv_store_give_up(&s->base);
	ims_store_let_go(&s);
}

bool
ims_store_open_as(const struct kv_opening *o, struct ims_store **out, struct err *e)
{
	struct ims_store *s = ims_store_new(NULL, o->size);
	char path[4096];

	snprintf(path, sizeof path, "%s/store/bodies", o->folder);
	if (!kv_store_open(&s->base, o, &ims_upgrade, e) || !begin(s, path, o->offload, e)) {
		give_up(s);
		return false;
	}
	*out = s;
	return true;
}

bool
ims_store_open(const char *folder, uint64_t size, struct offload *o, struct ims_store **out,
    struct err *e)
{
	return ims_store_open_as(&(struct kv_opening) { .folder = folder,
				     .size = size,
				     .offload = o },
	    out, e);
}

bool
ims_store_open_on(struct kv *kv, const char *bodies, uint64_t size, struct offload *o,
    struct ims_store **out, struct err *e)
{
	struct ims_store *s = ims_store_new(kv, size);

	if (!begin(s, bodies, o, e)) {
		give_up(s);
		return false;
	}
	*out = s;
	return true;
}

void
ims_store_close(struct ims_store **s)
{
	if (*s == NULL)
		return;
	kv_store_close(&(*s)->base);
	ims_store_let_go(s);
}
