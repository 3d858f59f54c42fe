/* store_purge — the IMS's mailboxes: drops the notices of a user, of a domain or of both; see store.h. */
#include <string.h>

#include "ims/store/store_work_private.h"

/* -- a sender: the mailboxes that state what it takes of them ------------------------------------------------------ */

static bool
take_mailbox(void *arg, const struct kv_fact *f)
{
	struct ims_work *w = arg;

	if (w->n_things == IMS_THINGS)
		return false;
	kv_key_after(&w->next, f->name);
	if (f->name.n == 1 + PART_HASH)
		w->thing[w->n_things++].part = kv_part_of(PART_MAILBOX,
		    span_sub(f->name, 1, PART_HASH));
	return true;
}

static void
look_for_mailboxes(struct kv_txn *t, void *arg)
{
	struct ims_work *w = arg;

	ims_work_begin_page(w);
	kv_each_fact(t, FACT_TAKES, kv_key_span(&w->after), SPAN_LIT("m"), take_mailbox, w);
}

static void read_things(struct ims_work *w);

static void
mailboxes_found(struct kv_question *q)
{
	struct ims_work *w = ims_work_of(q);

	if (ims_work_has_things(w)) {
		ims_work_next(w);
	} else if (w->shard < GROUP_SHARDS) {
		w->shard++;
		w->after.n = 0;
		read_things(w);
	} else {
		kv_question_answer(q);
	}
}

/* The sender's, then those of its groups. */
static void
read_things(struct ims_work *w)
{
	struct kv_part part = ims_part_sender(domain_span(&w->from_domain));

	if (w->user[0] != '\0') {
		kv_question_answer(&w->question);
		return;
	}
	w->question.next = mailboxes_found;
	if (w->shard > 0)
		part = ims_part_group(span_of(part.name, part.n), w->shard - 1);
	kv_question_look(&w->question, part, look_for_mailboxes, w);
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

/* When the store is closed the purge ends early and without an error. */
static void
tell(struct kv_question *q, const struct err *e)
{
	struct ims_work *w = ims_work_of(q);
	struct err damage;

	if (e != NULL && e->why == REFUSAL_closing)
		e = NULL;
	if (e == NULL && w->passed_over) {
		err_set(&damage, REFUSAL_storage, "the rest is done; what cannot be read was left");
		e = &damage;
	}
	w->purged(w->arg, w->notices, e);
}

void
ims_store_purge(struct ims_store *s, const struct ims_purge *p)
{
	struct ims_work *w = ims_work_new(tell, read_things, p->arg);

	if (p->from_domain != NULL)
		w->from_domain = domain_copy(p->from_domain);
	if (p->user != NULL)
		span_copy(span_str(p->user), w->user, sizeof w->user);
	w->opened = p->opened;
	w->now_s = ims_now_s();
	w->progress = p->progress;
	w->purged = p->done;
	kv_question_begin(&w->question, ims_base(s), p->loop);
	if (p->user != NULL)
		ims_work_begin_mailbox(w, ims_part_mailbox(p->user));
	else
		read_things(w);
}
