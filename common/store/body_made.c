/* body_made — what this process makes and removes while the folder is looked through; see body_orphans_private.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/store/body_orphans_private.h"

static unsigned
bucket_of(struct span name)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619U;
	return h % BODY_MADE_BUCKETS;
}

bool
body_made_has(struct body_orphans *o, const char *file)
{
	struct span name = span_str(file);
	struct body_made *m;

	if (body_name_is_temporary(file))
		name.n -= strlen(BODY_TEMPORARY);
	pthread_mutex_lock(&o->lock);
	for (m = o->made[bucket_of(name)]; m != NULL && !span_eq(span_str(m->name), name);)
		m = m->next;
	pthread_mutex_unlock(&o->lock);
	return m != NULL;
}

void
body_orphans_made(struct bodies *b, const char *name)
{
	struct body_orphans *o = b->orphans;
	struct body_made *m, **at;

	if (o == NULL)
		return;
	m = memory_new(sizeof *m);
	span_copy(span_str(name), m->name, sizeof m->name);
	at = &o->made[bucket_of(span_str(name))];
	pthread_mutex_lock(&o->lock);
	if (!o->over) {
		m->next = *at;
		*at = m;
		m = NULL;
	}
	pthread_mutex_unlock(&o->lock);
	free(m);
}

void
body_made_forget(struct body_orphans *o)
{
	for (unsigned i = 0; i < BODY_MADE_BUCKETS; i++)
		for (struct body_made *m; (m = o->made[i]) != NULL;) {
			o->made[i] = m->next;
			free(m);
		}
}

bool
body_orphans_removal_take(struct bodies *b, struct body_removal *r)
{
	struct body_orphans *o = b->orphans;
	bool taken;

	if (o == NULL || body_made_has(o, r->name))
		return false;
	pthread_mutex_lock(&o->lock);
	if ((taken = !o->over)) {
		r->next = o->removals;
		o->removals = r;
	}
	pthread_mutex_unlock(&o->lock);
	return taken;
}

void
body_orphans_free(struct bodies *b)
{
	struct body_orphans *o = b->orphans;

	if (o == NULL)
		return;
	body_made_forget(o);
	pthread_cond_destroy(&o->idle);
	pthread_mutex_destroy(&o->lock);
	free(o);
	b->orphans = NULL;
}
