/* part_letter_op — operations on a letter: lease, body, repeat, acknowledgement; see part.h. */

#include "ims/store/part_letter_private.h"

static bool
leased_letter(struct kv_txn *t, const struct ims_letter_op *o, struct ims_letter_record *r,
    struct err *e)
{
	if (!ims_letter_is(t, domain_span(&o->from_domain), o->run, o->now_s, r, e))
		return false;
	if (o->in_memory && r->lease.by == o->lease_of)
		ims_letter_leased(&r->facts, o->fence);
	return true;
}

bool
ims_letter_op_lease(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct ims_letter_record r;
	bool taken;

	if (!ims_letter_is(t, domain_span(&o->from_domain), o->run, o->now_s, &r, e) ||
	    !ims_letter_lease(&r.facts, &r.lease, o->run, kv_stamp(t), o->now_s, &taken, e))
		return false;
	if (taken)
		ims_letter_put(t, &r);
	o->letter = r.facts;
	o->letter.own_domain = o->own_domain;
	return true;
}

bool
ims_letter_op_keep(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain);
	struct kv_key body = ims_letter_key_of('b', domain), told;
	struct ims_letter_record r;
	struct ims_letter_own of;

	if (!leased_letter(t, o, &r, e) || !ims_letter_keep(&r.facts, o->fence, e))
		return false;
	span_copy(span_str(o->file), r.file, sizeof r.file);
	if (r.file[0] == '\0')
		kv_put(t, kv_key_span(&body), o->octets);
	if (ims_letter_state_here(t, &r)) {
		told = ims_letter_key_of('t', domain);
		ims_letter_go_on(t, &told, true);
	}
	ims_letter_put(t, &r);
	ims_letter_get_own(t, &r, domain_span(&o->own_domain), &of);
	o->round = of.has.due == IMS_DUE_DONE ? of.has.round : 0;
	return true;
}

bool
ims_letter_op_release(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct ims_letter_record r;

	if (!leased_letter(t, o, &r, e) ||
	    !ims_letter_release(&r.facts, o->fence, o->state, o->why, e))
		return false;
	ims_letter_put(t, &r);
	return true;
}

void
ims_letter_state_papers(struct kv_txn *t, struct span domain, struct span papers, int64_t now_s,
    uint64_t version)
{
	struct kv_key name = { .n = 0 };

	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add_hash(&name, domain, PART_SHORT);
	ims_state_citing(t, kv_key_span(&name), papers, domain, now_s, version);
}

/* What the first cites may not be decided yet. */
static void
await_papers(struct kv_txn *t, const struct ims_letter_op *o)
{
	struct span domain = domain_span(&o->from_domain), own = domain_span(&o->own_domain), value;
	struct kv_key k = ims_letter_key_of_evidence(domain, own, o->first);
	struct ims_evidence_record r;
	struct buf papers = BUF_INIT;
	struct err none;

	if (o->first == NULL)
		return;
	if (kv_get(t, kv_key_span(&k), &value) && ims_evidence_read(value, &r, &none)) {
		for (size_t i = 0; i < r.n_papers; i++)
			ims_citing_add(&papers, r.paper[i], (struct span) { 0 }, 0);
		ims_letter_state_papers(t, domain, buf_span(&papers), o->now_s, kv_stamp(t));
	}
	kv_pardon(t);
	buf_clear(&papers);
}

/* In place of what prolonged the promise before. */
static void
put_newer(struct kv_txn *t, struct ims_letter_record *r, const struct kv_key *k,
    struct span evidence)
{
	uint64_t takes = ims_evidence_takes(evidence), before = 0;
	struct span value;

	if (kv_get(t, kv_key_span(k), &value))
		before = ims_evidence_takes(value);
	kv_pardon(t);
	kv_put(t, kv_key_span(k), evidence);
	ims_pays_change(t, r, (struct span) { 0 }, (int64_t)takes - (int64_t)before);
}

/* The same notification came again, perhaps with a later Hold-Until.  It may be a letter that is gone: then its sender
 * hears again what it was told. */
bool
ims_letter_op_repeat(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain), own = domain_span(&o->own_domain);
	struct kv_key k = ims_letter_key_of_evidence(domain, own, NULL);
	struct ims_letter_record r;
	struct ims_letter_own of;
	bool moved;

	if (!ims_letter_get(t, domain, &r, e))
		return false;
	if (r.refs == 0)
		r.facts = o->letter;
	moved = r.refs > 0 && r.facts.hold_until_s < o->letter.hold_until_s;
	if (moved || (r.refs > 0 && r.facts.state == MAILBOX_GONE))
		ims_letter_announced(&r.facts, o->letter.hold_until_s);
	if (moved) {
		put_newer(t, &r, &k, o->evidence);
		ims_letter_state_papers(t, domain, o->papers, o->now_s, kv_stamp(t));
	}
	await_papers(t, o);
	ims_letter_get_own(t, &r, own, &of);
	ims_letter_change_due(t, &r.facts, &of,
	    ims_wants_again(&of.has.is, r.facts.state, o->answered));
	if (r.refs > 0 || of.has.due != IMS_DUE_NOTHING)
		ims_letter_put_own(t, &r, &of);
	if (r.refs > 0)
		ims_letter_put(t, &r);
	return true;
}

bool
ims_letter_op_acked(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain), own = domain_span(&o->own_domain);
	struct kv_key k = ims_letter_key_of_own('o', domain, own);
	struct ims_letter_record r;
	struct ims_letter_own of;

	if (!ims_letter_get(t, domain, &r, e))
		return false;
	if (r.refs == 0)
		r.facts = (struct ims_letter) { .id = o->id, .from_domain = o->from_domain };
	if (!ims_letter_get_own(t, &r, own, &of) || of.has.round != o->round ||
	    of.has.due != (o->declined ? IMS_DUE_DECLINE : IMS_DUE_DONE))
		return true;
	ims_letter_state_due(t, &r.facts, &of, IMS_DUE_NOTHING);
	if (r.refs == 0) {
		kv_del(t, kv_key_span(&k));
		return true;
	}
	ims_letter_put_own(t, &r, &of);
	if (ims_letter_is_first(&r, own))
		ims_letter_put(t, &r);
	return true;
}
