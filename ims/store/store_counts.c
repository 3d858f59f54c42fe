/* store_counts — the IMS's mailboxes: how many there are, and what they take; see store.h.
 *
 * Each shard of a directory keeps sums.
 */
#include "common/base/memory.h"
#include "ims/store/store_private.h"

struct shard {
	struct ims_share sum; /* notices */
	uint64_t entries;
};

struct counting {
	struct kv_question question;
	struct shard shard[KV_DIR_SHARDS]; /* mailboxes */
	struct shard papers[KV_DIR_SHARDS];
	ims_store_counted *done;
	void *arg;
};

static void
look_at_shard(struct kv_txn *t, void *arg)
{
	struct shard *x = arg;

	ims_list_sums(t, &x->entries, &x->sum);
}

static void
tell_counts(struct kv_question *q, const struct err *e)
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
		out.damaged = ims_damage_count(ims_store_of(q));
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

	c->question.next = kv_question_answer;
	c->question.tell = tell_counts;
	c->done = done;
	c->arg = arg;
	kv_question_begin(&c->question, ims_base(s), l);
	for (unsigned i = 0; i < KV_DIR_SHARDS; i++) {
		kv_question_look(&c->question, kv_dir_shard(PART_MAILBOXES, i), look_at_shard,
		    &c->shard[i]);
		kv_question_look(&c->question, kv_dir_shard(PART_PAPERS, i), look_at_shard,
		    &c->papers[i]);
	}
}
