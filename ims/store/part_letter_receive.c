/* part_letter_receive — what mailboxes state to a letter: its notices come and go; see part.h. */
#include <string.h>

#include "ims/store/part_letter_private.h"

static struct ulid
id_here(struct kv_txn *t)
{
	struct ulid id;

	memcpy(id.b, kv_here(t)->name, ULID_BYTES);
	return id;
}

/* Keeps the evidence of each statement that made a notice once.  A letter that is new has none. */
static void
put_evidence(struct kv_txn *t, struct ims_letter_record *r, const struct ims_notice_fact *f,
    struct span notice, bool is_new)
{
	struct kv_key k = ims_letter_key_of_evidence(f->from_domain, f->own_domain, f->statement);
	struct span value;
	int64_t takes = 0;

	if (f->evidence.n > 0 && (is_new || !kv_get(t, kv_key_span(&k), &value))) {
		kv_put(t, kv_key_span(&k), f->evidence);
		takes = (int64_t)ims_evidence_takes(f->evidence);
	}
	ims_pays_change(t, r, notice, takes - (int64_t)f->pays);
}

static bool
announce(struct kv_txn *t, const struct ims_notice_fact *f, struct span notice, struct err *e)
{
	struct ims_letter_record r;
	struct ims_letter_own o;
	enum ims_beside beside = IMS_LETTER_NONE;
	bool known, is_new;

	if (!ims_letter_get(t, f->from_domain, &r, e))
		return false;
	is_new = r.refs == 0;
	if (is_new && ims_letter_is_being_deleted(t, f->from_domain))
		return err_word(e, REFUSAL_too_many_outstanding);
	if (!is_new)
		beside = ims_letter_is_same(&r.facts, &f->letter) ? IMS_LETTER_SAME
								  : IMS_LETTER_OTHER;
	if (!ims_repeat_judge(IMS_SEEN_NOT, beside, &known, e))
		return false;
	if (is_new) {
		r = (struct ims_letter_record) { .facts = f->letter };
		r.facts.id = id_here(t);
		r.facts.state = MAILBOX_HELD;
		r.lease.by = kv_stamp(t);
		ims_letter_take_first(t, &r);
		ims_letter_renew_at(t, &r, f->now_s + PAPER_RENEW_S);
	}
	ims_letter_announced(&r.facts, f->letter.hold_until_s);
	r.refs++;
	put_evidence(t, &r, f, notice, is_new);
	ims_letter_get_own(t, &r, f->own_domain, &o);
	ims_letter_change_due(t, &r.facts, &o, ims_wants_more(&o.has.is, r.facts.state));
	ims_letter_put_own(t, &r, &o);
	ims_letter_put(t, &r);
	return true;
}

/* The caller puts the letter. */
static void
want_less(struct kv_txn *t, struct ims_letter_record *r, const struct ims_notice_fact *was,
    bool declined)
{
	struct ims_letter_own o;

	if (was->state != IMS_NOTICE_OPEN || was->road == MAILBOX_SMTP ||
	    !ims_letter_get_own(t, r, was->own_domain, &o))
		return;
	ims_letter_change_due(t, &r->facts, &o,
	    ims_wants_less(&o.has.is, r->facts.state, declined));
	ims_letter_put_own(t, r, &o);
}

static bool
notice_gone(struct kv_txn *t, const struct kv_part *from, const struct ims_notice_fact *was,
    struct span notice, struct err *e)
{
	struct ims_letter_record r;

	if (!ims_letter_get(t, was->from_domain, &r, e))
		return false;
	if (r.refs == 0)
		return true;
	want_less(t, &r, was, false);
	if (was->road == MAILBOX_SMTP)
		ims_letter_given_gone(t, from, was->from_domain, was->index);
	r.refs--;
	ims_pays_without(t, &r, notice, was->pays);
	if (r.refs == 0)
		ims_letter_delete(t, &r);
	else
		ims_letter_put(t, &r);
	return true;
}

static bool
notice_declined(struct kv_txn *t, const struct ims_notice_fact *was, struct err *e)
{
	struct ims_letter_record r;

	if (!ims_letter_get(t, was->from_domain, &r, e))
		return false;
	if (r.refs == 0)
		return true;
	want_less(t, &r, was, true);
	ims_letter_put(t, &r);
	return true;
}

bool
ims_letter_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct ims_notice_fact before, after;

	(void)arg;
	if (now->what == FACT_REST)
		return ims_letter_receive_rest(t, now, e);
	if ((was != NULL && !ims_notice_fact_read(was->value, &before, e)) ||
	    (!now->gone && !ims_notice_fact_read(now->value, &after, e)))
		return false;
	if (now->gone)
		return was == NULL || notice_gone(t, from, &before, now->name, e);
	if (was != NULL)
		after.pays = before.pays;
	ims_notice_fact_keep(t, &after);
	if (after.road == MAILBOX_SMTP)
		return true; /* the letter counts it from the beginning, and nobody waits for DECLINE */
	if (was == NULL && !announce(t, &after, now->name, e))
		return false;
	if (was == NULL)
		before = after, before.state = IMS_NOTICE_OPEN;
	return after.state != IMS_NOTICE_DECLINED || before.state == IMS_NOTICE_DECLINED ||
	    notice_declined(t, &before, e);
}
