/* part_letter_own — what our domains want of a letter, and which acknowledgement is due; see part.h. */

#include "common/base/record.h"
#include "ims/store/part_letter_private.h"

#define VERSION_1 1

bool
ims_letter_read_own(struct span value, struct ims_letter_own *o)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*o = (struct ims_letter_own) { .has = { .round = 0 } };
	read_str(&in, o->domain.text, sizeof o->domain.text);
	return ims_own_read(&in, &o->has) && good && reader_done(&in);
}

static bool
row_get(struct kv_txn *t, struct span from_domain, struct span own, struct ims_letter_own *o)
{
	struct kv_key k = ims_letter_key_of_own('o', from_domain, own);
	struct span value;

	*o = (struct ims_letter_own) { .has = { .round = 0 } };
	domain_copy_span(&o->domain, own);
	if (kv_get(t, kv_key_span(&k), &value) && ims_letter_read_own(value, o))
		return true;
	kv_pardon(t);
	return false;
}

void
ims_letter_put_own_at(struct kv_txn *t, struct span key, const struct ims_letter_own *o)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, domain_span(&o->domain));
	ims_own_write(&value, &o->has);
	kv_put(t, key, buf_span(&value));
	buf_clear(&value);
}

void
ims_letter_put_own_row(struct kv_txn *t, struct span from_domain, const struct ims_letter_own *o)
{
	struct kv_key k = ims_letter_key_of_own('o', from_domain, domain_span(&o->domain));

	ims_letter_put_own_at(t, kv_key_span(&k), o);
}

bool
ims_letter_is_first(const struct ims_letter_record *r, struct span own)
{
	return r->refs > 0 && domain_eq(&r->facts.own_domain, own);
}

bool
ims_letter_get_own(struct kv_txn *t, const struct ims_letter_record *r, struct span own,
    struct ims_letter_own *o)
{
	if (!ims_letter_is_first(r, own))
		return row_get(t, domain_span(&r->facts.from_domain), own, o);
	o->domain = r->facts.own_domain;
	o->has = r->own;
	return true;
}

void
ims_letter_put_own(struct kv_txn *t, struct ims_letter_record *r, const struct ims_letter_own *o)
{
	if (ims_letter_is_first(r, domain_span(&o->domain)))
		r->own = o->has;
	else
		ims_letter_put_own_row(t, domain_span(&r->facts.from_domain), o);
}

void
ims_letter_state_due(struct kv_txn *t, const struct ims_letter *l, struct ims_letter_own *own,
    enum ims_due due)
{
	struct kv_part to = ims_part_acks(domain_span(&l->from_domain));
	struct ims_own *o = &own->has;
	struct kv_key name;
	struct buf value = BUF_INIT;
	struct ims_ack a = { .id = l->id,
		.from_domain = l->from_domain,
		.own_domain = own->domain,
		.declined = due == IMS_DUE_DECLINE,
		.until_s = l->hold_until_s };
	struct kv_fact f = { .what = FACT_ACK, .gone = due == IMS_DUE_NOTHING };

	if (due == IMS_DUE_NOTHING && o->due == IMS_DUE_NOTHING)
		return;
	o->due = due;
	o->round = kv_stamp(t);
	a.round = f.version.n = o->round;
	name = ims_ack_name(&a);
	ims_ack_write(&value, &a);
	f.name = kv_key_span(&name);
	f.value = f.gone ? (struct span) { 0 } : buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

void
ims_letter_change_due(struct kv_txn *t, const struct ims_letter *l, struct ims_letter_own *o,
    enum ims_ack_due what)
{
	switch (what) {
	case IMS_ACK_SAME:
		break;
	case IMS_ACK_VOID:
		ims_letter_state_due(t, l, o, IMS_DUE_NOTHING);
		break;
	case IMS_ACK_DONE:
		ims_letter_state_due(t, l, o, IMS_DUE_DONE);
		break;
	case IMS_ACK_DECLINE:
		ims_letter_state_due(t, l, o, IMS_DUE_DECLINE);
		break;
	case IMS_ACK_DECLINE_IF_NONE:
		if (o->has.due == IMS_DUE_NOTHING)
			ims_letter_state_due(t, l, o, IMS_DUE_DECLINE);
		break;
	}
}

void
ims_letter_take_first(struct kv_txn *t, struct ims_letter_record *r)
{
	struct span from = domain_span(&r->facts.from_domain),
		    own = domain_span(&r->facts.own_domain);
	struct kv_key k = ims_letter_key_of_own('o', from, own);
	struct ims_letter_own o;

	if (!row_get(t, from, own, &o))
		return;
	r->own = o.has;
	kv_del(t, kv_key_span(&k));
}
