/* store_counts — the OMS's spool: how much there is; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

#define USERS_PAGE 64

struct counted_user {
	unsigned char hash[OMS_HASH_BYTES];
	uint64_t listed;
};

struct counts {
	struct kv_question question;
	struct kv_dir_at at;
	struct counted_user user[USERS_PAGE];
	size_t n;     /* of a look */
	size_t users; /* of a page, which may have those of several shards */
	unsigned pages;
	uint64_t domains[KV_DIR_SHARDS];
	struct oms_store_counts answer;
	oms_store_counted *done;
	void *arg;
};

/* -- the kept counter ------------------------------------------------------------------------------------- */

static bool
is_kept(struct counts *c)
{
	struct oms_kept_count *k = &oms_store_of(&c->question)->counted;
	bool good;

	pthread_mutex_lock(&k->lock);
	good = k->at_ms != 0 && clock_mono_ms() - k->at_ms < k->keep_ms;
	if (good)
		c->answer.letters = k->letters;
	pthread_mutex_unlock(&k->lock);
	return good;
}

/* What one page has is read again each time. */
static void
keep(struct counts *c)
{
	struct oms_kept_count *k = &oms_store_of(&c->question)->counted;

	if (c->pages == 0)
		return;
	pthread_mutex_lock(&k->lock);
	k->letters = c->answer.letters;
	k->at_ms = clock_mono_ms();
	pthread_mutex_unlock(&k->lock);
}

void
oms_store_set_keep_ms(struct oms_store *s, int64_t keep_ms)
{
	s->counted.keep_ms = keep_ms;
}

/* -- a page of users --------------------------------------------------------------------------------------- */

static bool
take_user(void *arg, const struct kv_fact *f)
{
	struct counts *c = arg;

	if (f->name.n != OMS_HASH_BYTES)
		return true;
	memcpy(c->user[c->n++].hash, f->name.p, OMS_HASH_BYTES);
	return c->n < USERS_PAGE;
}

static void
look_users(struct kv_txn *t, void *arg)
{
	struct counts *c = arg;

	c->n = 0;
	kv_each_fact(t, OMS_FACT, span_of(c->at.name, c->at.n), SPAN_LIT(""), take_user, c);
}

static void
look_domains(struct kv_txn *t, void *arg)
{
	uint64_t *n = arg;
	struct span value;
	struct reader r;

	*n = 0;
	if (!kv_get(t, SPAN_LIT("N"), &value))
		return;
	r = reader_of(value);
	*n = read_u64(&r);
}

static void users_found(struct kv_question *q);

static void
find_users(struct counts *c)
{
	struct kv_part part = kv_dir_shard(OMS_USERS, c->at.shard);

	c->question.next = users_found;
	kv_question_look(&c->question, part, look_users, c);
}

static void
go_on(void *arg)
{
	struct counts *c = arg;

	if (c->question.dropped)
		kv_question_answer(&c->question);
	else
		find_users(c);
}

/* The loop serves others after each page. */
static void
next_page(struct counts *c)
{
	if (c->at.shard == KV_DIR_SHARDS) {
		keep(c);
		kv_question_answer(&c->question);
		return;
	}
	c->users += c->n;
	if (c->users < USERS_PAGE) {
		find_users(c);
		return;
	}
	c->users = 0;
	c->pages++;
	loop_post(c->question.loop, go_on, c);
}

static void
look_sums(struct kv_txn *t, void *arg)
{
	struct counted_user *u = arg;
	struct oms_sums sums;
	struct err e;

	if (!oms_sums_get(t, &sums, &e))
		kv_pardon(t);
	u->listed = sums.listed;
}

static void
sums_read(struct kv_question *q)
{
	struct counts *c = (struct counts *)q;

	for (size_t i = 0; i < c->n; i++)
		c->answer.letters += c->user[i].listed;
	memcpy(c->at.name, c->user[c->n - 1].hash, OMS_HASH_BYTES);
	c->at.name[OMS_HASH_BYTES] = 0; /* after this user */
	c->at.n = OMS_HASH_BYTES + 1;
	if (c->n < USERS_PAGE) { /* the shard has no more */
		c->at.shard++;
		c->at.n = 0;
	}
	next_page(c);
}

static void
users_found(struct kv_question *q)
{
	struct counts *c = (struct counts *)q;

	if (c->n == 0) {
		c->at.shard++;
		c->at.n = 0;
		next_page(c);
		return;
	}
	q->next = sums_read;
	for (size_t i = 0; i < c->n; i++) {
		struct kv_part part = kv_part_of(OMS_USER,
		    span_of(c->user[i].hash, OMS_HASH_BYTES));

		kv_question_look(q, part, look_sums, &c->user[i]);
	}
}

static void
domains_read(struct kv_question *q)
{
	struct counts *c = (struct counts *)q;

	for (unsigned i = 0; i < KV_DIR_SHARDS; i++)
		c->answer.domains += c->domains[i];
	if (is_kept(c))
		kv_question_answer(q);
	else
		find_users(c);
}

static void
tell_counts(struct kv_question *q, const struct err *e)
{
	struct counts *c = (struct counts *)q;
	struct kv_counts k;

	if (e == NULL) {
		kv_get_counts(q->store->kv, &k);
		c->answer.writes = k.writes;
		c->answer.commits = k.commits;
		c->answer.used_bytes = k.used_bytes;
		c->answer.size_bytes = k.size_bytes;
	}
	c->done(c->arg, &c->answer, e);
}

struct kv_question *
oms_store_counts(struct oms_store *s, struct loop *l, oms_store_counted *done, void *arg)
{
	struct counts *c = memory_new(sizeof *c);

	c->question = (struct kv_question) { .next = domains_read, .tell = tell_counts };
	c->done = done;
	c->arg = arg;
	kv_question_begin(&c->question, &s->base, l);
	for (unsigned i = 0; i < KV_DIR_SHARDS; i++) {
		struct kv_part part = kv_dir_shard(OMS_PEERS, i);

		kv_question_look(&c->question, part, look_domains, &c->domains[i]);
	}
	return &c->question;
}
