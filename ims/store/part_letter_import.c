/* part_letter_import — what an older version kept of a letter; see part.h. */

#include "ims/store/part_letter_private.h"

/* What is pending begins a new round: it is said again, whatever the answer to the old one was.  What the notices made
 * pending is not. */
static void
import_own(struct kv_txn *t, struct ims_letter_record *r, const struct ims_old_own *old)
{
	struct ims_letter_record of = *r;
	struct ims_letter_own o;

	if (old->pending) {
		of.facts.id = old->ack.id;
		of.facts.from_domain = old->ack.from_domain;
		of.facts.hold_until_s = old->ack.until_s;
	}
	ims_letter_get_own(t, &of, domain_span(&old->domain), &o);
	ims_letter_state_due(t, &of.facts, &o,
	    !old->pending           ? IMS_DUE_NOTHING
		: old->ack.declined ? IMS_DUE_DECLINE
				    : IMS_DUE_DONE);
	if (old->has_wants)
		o.has.is = old->is;
	ims_letter_put_own(t, &of, &o);
	r->own = of.own;
}

static void
import_rows(struct kv_txn *t, const struct ims_old_letter *o)
{
	struct kv_key b = ims_letter_key_by_hash('b', o->domain_hash);

	if (o->body.n > 0)
		kv_put(t, kv_key_span(&b), o->body);
	for (size_t i = 0; i < o->n_evidence; i++) {
		struct kv_key k = ims_letter_key_by_hash('e', o->domain_hash);

		kv_key_add(&k, o->evidence[i].key);
		kv_put(t, kv_key_span(&k), o->evidence[i].value);
	}
}

bool
ims_letter_import(struct kv_txn *t, void *old_letter, struct err *e)
{
	struct ims_old_letter *o = old_letter;
	struct kv_key l = ims_letter_key_by_hash('l', o->domain_hash);
	struct ims_letter_record r = { .refs = 0 }, *now = &o->letter;
	uint64_t takes = 0;
	struct span value;

	if (kv_get(t, kv_key_span(&l), &value) && !ims_letter_read(value, &r, e))
		return false;
	now->refs = o->has_record ? r.refs : 0;
	now->renew_s = r.renew_s;
	now->own = r.own;
	now->pays = r.pays;
	now->facts.own_domain = r.facts.own_domain;
	for (size_t i = 0; i < o->n_own; i++)
		if (now->refs > 0 || o->own[i].pending)
			import_own(t, now, &o->own[i]);
	if (now->refs == 0)
		return true;
	for (size_t i = 0; i < o->n_evidence; i++)
		takes += ims_evidence_takes(o->evidence[i].value);
	ims_pays_change(t, now, (struct span) { 0 }, (int64_t)takes);
	ims_letter_put(t, now);
	import_rows(t, o);
	return true;
}
