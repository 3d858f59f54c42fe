/* store_open — the IMS's mailboxes: opening them and closing them; see store.h. */
#include <stdio.h>

#include "common/store/body_orphans.h"
#include "ims/store/store_private.h"

/* Bodies count against the size; orphans among them are looked for. */
static bool
begin(struct ims_store *s, const char *folder, struct offload *o, struct err *e)
{
	if (!bodies_open(folder, s->size, o, &s->bodies, e))
		return false;
	kv_share(s->kv, bodies_used, s->bodies);
	ims_begin_sweeps(s);
	body_orphans_start(s->bodies, &(struct body_asker) { .ask = ims_ask_files, .arg = s });
	return true;
}

bool
ims_store_open_as(const struct ims_store_opening *o, struct ims_store **out, struct err *e)
{
	struct ims_store *s = ims_store_new(NULL, o->size);
	char path[4096];

	snprintf(path, sizeof path, "%s/store/bodies", o->folder);
	if (!ims_store_migrate(s, o, e) || !begin(s, path, o->offload, e)) {
		s->old[0] = '\0'; /* it stays: this is no stop in order */
		ims_store_close(&s);
		return false;
	}
	*out = s;
	return true;
}

bool
ims_store_open(const char *folder, uint64_t size, struct offload *o, struct ims_store **out,
    struct err *e)
{
	return ims_store_open_as(&(struct ims_store_opening) { .folder = folder,
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
		ims_store_close(&s);
		return false;
	}
	*out = s;
	return true;
}

/* What an older version left goes once we have closed in order. */
void
ims_store_close(struct ims_store **s)
{
	if (*s == NULL)
		return;
	if ((*s)->bodies != NULL)
		body_orphans_stop((*s)->bodies);
	kv_close(&(*s)->kv);
	if ((*s)->old[0] != '\0')
		ims_store_remove_old((*s)->old);
	ims_store_let_go(s);
}
