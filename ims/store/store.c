/* store — the IMS's mailboxes: opening and counting; see store.h. */
#include "ims/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/store/body_orphans.h"
#include "ims/store/store_private.h"

const struct kv_schema ims_schema = { ims_parts, IMS_PARTS, NULL };

int64_t
ims_now_s(void)
{
	return clock_wall_ms() / 1000;
}

/* -- opening -------------------------------------------------------------------------------------------------- */

/* Which letter names a file?  Each name has the letter's key (ims_store_body_in). */
struct asking {
	struct body_page *page;
	atomic_size_t waiting;
	struct one_file {
		struct ims_naming what; /* first: what is applied */
		struct kv_op op;
		struct asking *of;
	} file[BODY_PAGE];
};

static void
file_asked(void *arg, const struct err *e)
{
	struct one_file *f = arg;
	struct asking *a = f->of;

	a->page->named[f - a->file] = e != NULL || f->what.named;
	if (atomic_fetch_sub(&a->waiting, 1) > 1)
		return;
	body_page_answered(a->page);
	free(a);
}

static void
ask_letters(void *arg, struct body_page *p)
{
	struct ims_store *s = arg;
	struct asking *a = memory_new(sizeof *a);
	struct err e;

	a->page = p;
	atomic_init(&a->waiting, p->n + 1);
	for (size_t i = 0; i < p->n; i++) {
		struct one_file *f = &a->file[i];
		struct kv_part part;

		f->of = a;
		f->what.file = p->name[i];
		if (!ims_part_of_file(p->name[i], &part, f->what.domain_hash)) {
			file_asked(f, NULL);
			continue;
		}
		f->op = (struct kv_op) {
			.part = part,
			.apply = ims_letter_op_names,
			.done = file_asked,
			.arg = f,
			.frees = true,
		};
		if (!kv_take(s->kv, &f->op, &e))
			file_asked(f, &e);
	}
	if (atomic_fetch_sub(&a->waiting, 1) > 1)
		return;
	body_page_answered(p);
	free(a);
}

static struct ims_store *
new_store(struct kv *kv, uint64_t size)
{
	struct ims_store *s = memory_new(sizeof *s);

	atomic_init(&s->holders, 1);
	pthread_mutex_init(&s->lock, NULL);
	random_bytes(&s->run, sizeof s->run);
	s->size = size;
	s->kv = kv;
	return s;
}

/* Bodies count against the size; orphans among them are looked for. */
static bool
begin(struct ims_store *s, const char *folder, struct offload *o, struct err *e)
{
	if (!bodies_open(folder, s->size, o, &s->bodies, e))
		return false;
	kv_share(s->kv, bodies_used, s->bodies);
	ims_begin_sweeps(s);
	body_orphans_start(s->bodies, &(struct body_asker) { .ask = ask_letters, .arg = s });
	return true;
}

bool
ims_store_open_as(const struct ims_store_opening *o, struct ims_store **out, struct err *e)
{
	struct ims_store *s = new_store(NULL, o->size);
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
	struct ims_store *s = new_store(kv, size);

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

struct ims_store *
ims_store_hold(struct ims_store *s)
{
	if (s != NULL)
		atomic_fetch_add(&s->holders, 1);
	return s;
}

void
ims_store_let_go(struct ims_store **sp)
{
	struct ims_store *s = *sp;

	*sp = NULL;
	if (s == NULL || atomic_fetch_sub(&s->holders, 1) > 1)
		return;
	ims_files_forgotten(s);
	bodies_free(&s->bodies);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void
ims_store_seen_max(struct ims_store *s, uint64_t entries)
{
	s->seen_max = entries;
}

struct bodies *
ims_store_bodies(struct ims_store *s)
{
	return s->bodies;
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
	return body_begin(s->bodies, kv_key_span(&key), kv_key_span(&attempt), l);
}

struct kv *
ims_store_kv(struct ims_store *s)
{
	return s->kv;
}

/* -- damage ------------------------------------------------------------------------------------------------------ */

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

/* -- counting: each shard of a directory keeps sums ------------------------------------------------------------- */

struct shard {
	struct ims_share sum; /* notices */
	uint64_t entries;
};

struct counting {
	struct ims_question question;
	struct shard shard[KV_DIR_SHARDS]; /* mailboxes */
	struct shard papers[KV_DIR_SHARDS];
	ims_store_counted *done;
	void *arg;
};

static void
look_at_shard(struct kv_txn *t, void *arg, struct err *why)
{
	struct shard *x = arg;

	(void)why;
	ims_list_sums(t, &x->entries, &x->sum);
}

static void
tell_counts(struct ims_question *q, const struct err *e)
{
	struct counting *c = (struct counting *)q;
	struct ims_store_counts out = { .mailboxes = 0 };
	struct kv_counts k = { .writes = 0 };

	if (e == NULL)
		kv_get_counts(q->store->kv, &k);
	out.writes = k.writes;
	out.commits = k.commits;
	out.used_bytes = k.used_bytes;
	out.size_bytes = k.size_bytes;
	if (q->store != NULL)
		out.damaged = ims_damage_count(q->store);
	for (unsigned i = 0; i < KV_DIR_SHARDS; i++) {
		out.mailboxes += c->shard[i].entries;
		out.notices += c->shard[i].sum.notices;
		out.papers += c->papers[i].entries;
	}
	c->done(c->arg, &out, e);
}

void
ims_store_counts(struct ims_store *s, struct loop *l, ims_store_counted *done, void *arg)
{
	struct counting *c = memory_new(sizeof *c);

	c->question.next = ims_answer;
	c->question.tell = tell_counts;
	c->done = done;
	c->arg = arg;
	ims_ask(&c->question, s, l);
	for (unsigned i = 0; i < KV_DIR_SHARDS; i++) {
		ims_look(&c->question, kv_dir_shard(PART_MAILBOXES, i), look_at_shard,
		    &c->shard[i]);
		ims_look(&c->question, kv_dir_shard(PART_PAPERS, i), look_at_shard, &c->papers[i]);
	}
}
