/* store_counts — the OMS's spool: how much there is; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

struct counts {
	struct oms_question question;
	struct kv_dir_at at; /* the user */
	bool found;
	struct oms_sums sums;
	uint64_t domains[KV_DIR_SHARDS];
	struct oms_store_counts answer;
	oms_store_counted *done;
	void *arg;
};

static bool
take_user(void *arg, const struct kv_fact *f)
{
	struct counts *c = arg;

	if (f->name.n != OMS_HASH_BYTES)
		return true;
	memcpy(c->at.name, f->name.p, OMS_HASH_BYTES);
	c->found = true;
	return false;
}

static void
look_user(struct kv_txn *t, void *arg)
{
	struct counts *c = arg;

	c->found = false;
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

static void user_found(struct oms_question *q);

static void
find_user(struct counts *c)
{
	unsigned char shard = (unsigned char)c->at.shard;
	struct kv_part part = kv_part_of(OMS_USERS, span_of(&shard, 1));

	c->question.next = user_found;
	oms_look(&c->question, &part, look_user, c);
}

static void
look_sums(struct kv_txn *t, void *arg)
{
	struct counts *c = arg;
	struct err e;

	if (!oms_sums_get(t, &c->sums, &e))
		kv_pardon(t);
}

static void
sums_read(struct oms_question *q)
{
	struct counts *c = (struct counts *)q;

	c->answer.letters += c->sums.listed;
	c->at.n = OMS_HASH_BYTES + 1;
	c->at.name[OMS_HASH_BYTES] = 0; /* after this user */
	find_user(c);
}

static void
user_found(struct oms_question *q)
{
	struct counts *c = (struct counts *)q;
	struct kv_part part = kv_part_of(OMS_USER, span_of(c->at.name, OMS_HASH_BYTES));

	if (c->found) {
		q->next = sums_read;
		oms_look(q, &part, look_sums, c);
	} else if (++c->at.shard < KV_DIR_SHARDS) {
		c->at.n = 0;
		find_user(c);
	} else {
		oms_answer(q);
	}
}

static void
domains_read(struct oms_question *q)
{
	struct counts *c = (struct counts *)q;

	for (unsigned i = 0; i < KV_DIR_SHARDS; i++)
		c->answer.domains += c->domains[i];
	find_user(c);
}

static void
tell_counts(struct oms_question *q, const struct err *e)
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

struct oms_question *
oms_store_counts(struct oms_store *s, struct loop *l, oms_store_counted *done, void *arg)
{
	struct counts *c = memory_new(sizeof *c);

	c->question = (struct oms_question) { .next = domains_read, .tell = tell_counts };
	c->done = done;
	c->arg = arg;
	oms_ask(&c->question, s, l);
	for (unsigned i = 0; i < KV_DIR_SHARDS; i++) {
		unsigned char shard = (unsigned char)i;
		struct kv_part part = kv_part_of(OMS_PEERS, span_of(&shard, 1));

		oms_look(&c->question, &part, look_domains, &c->domains[i]);
	}
	return &c->question;
}
