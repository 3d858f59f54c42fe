/* store — the IMS's mailboxes: what all of it shares, its bodies, and damage that is found; see store.h. */
#include "ims/store/store.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "ims/store/store_private.h"

int64_t
ims_now_s(void)
{
	return clock_wall_ms() / 1000;
}

static void
forget_files(struct ims_store *s)
{
	struct ims_named_file *f = s->named, *next;

	for (; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
}

static void
forget_leases(struct ims_store *s)
{
	struct ims_held *h, *next;

	for (size_t i = 0; i < IMS_HELD; i++)
		for (h = s->held[i]; h != NULL; h = next) {
			next = h->next;
			free(h);
		}
}

static void
clear(struct kv_store *base)
{
	struct ims_store *s = (struct ims_store *)base;

	forget_files(s);
	forget_leases(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct ims_store *
ims_store_new(struct kv *kv, uint64_t size)
{
	struct ims_store *s = memory_new(sizeof *s);

	kv_store_init(&s->base, kv, clear);
	pthread_mutex_init(&s->lock, NULL);
	random_bytes(&s->run, sizeof s->run);
	s->size = size;
	return s;
}

struct kv_store *
ims_base(struct ims_store *s)
{
	return s == NULL ? NULL : &s->base;
}

struct ims_store *
ims_store_of(const struct kv_question *q)
{
	return (struct ims_store *)q->store;
}

struct ims_store *
ims_store_hold(struct ims_store *s)
{
	kv_store_hold(ims_base(s));
	return s;
}

void
ims_store_let_go(struct ims_store **s)
{
	kv_store_let_go(ims_base(*s));
	*s = NULL;
}

void
ims_store_seen_max(struct ims_store *s, uint64_t entries)
{
	s->seen_max = entries;
}

struct bodies *
ims_store_bodies(struct ims_store *s)
{
	return s->base.bodies;
}

/* One lease may begin several bodies: one for each host that it tries. */
struct body_in *
ims_store_body_in(struct ims_store *s, const struct ims_letter *letter, struct loop *l)
{
	struct kv_key attempt = { .n = 0 };
	struct kv_key key = ims_letter_key(&letter->id, domain_span(&letter->from_domain));
	unsigned char random[8];

	random_bytes(random, sizeof random);
	kv_key_add_u64(&attempt, letter->fence);
	kv_key_add(&attempt, span_of(random, sizeof random));
	return body_begin(s->base.bodies, kv_key_span(&key), kv_key_span(&attempt), l);
}

struct kv *
ims_store_kv(struct ims_store *s)
{
	return s->base.kv;
}

/* -- damage -------------------------------------------------------------------------------------------------------- */

void
ims_damage_found(struct ims_store *s, const struct kv_part *part)
{
	char name[2 * KV_NAME_MAX + 1];
	size_t i = 0;
	bool is_new;

	pthread_mutex_lock(&s->lock);
	while (i < s->n_damage && !kv_part_eq(&s->damage[i], part))
		i++;
	is_new = i == s->n_damage && i < IMS_DAMAGE_MAX;
	if (is_new)
		s->damage[s->n_damage++] = *part;
	pthread_mutex_unlock(&s->lock);
	if (!is_new)
		return;
	hex_str(name, part->name, part->n);
	log_fact_of(SPAN_LIT("store"), LOG_ERROR, "store.unreadable", "partition=%s name=%s",
	    ims_parts[part->kind].name, name);
}

uint64_t
ims_damage_count(struct ims_store *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_damage;
	pthread_mutex_unlock(&s->lock);
	return n;
}
