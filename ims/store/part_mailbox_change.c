/* part_mailbox_change — marks, declines and drops notices; see part.h. */

#include "ims/store/part_mailbox_private.h"

bool
ims_mailbox_mark(struct kv_txn *t, void *changing, struct err *e)
{
	struct ims_changing *c = changing;
	struct ims_notice_record n;
	struct ims_mailbox_is m;

	if (!ims_mailbox_notice(t, c->number, &n, e) || !ims_mailbox_is(t, &m, e))
		return false;
	n.flags = ims_notice_flags(n.flags, c->set, c->cleared);
	n.change = ++m.change;
	ims_mailbox_put_notice(t, c->number, &n);
	ims_mailbox_put(t, &m);
	return true;
}

static enum ims_notice_is
is_of(const struct ims_notice_record *n)
{
	return n->declined ? IMS_NOTICE_DECLINED : IMS_NOTICE_OPEN;
}

bool
ims_mailbox_decline(struct kv_txn *t, void *changing, struct err *e)
{
	struct ims_changing *c = changing;
	struct ims_notice_record n;
	struct ims_mailbox_is m;
	bool less;
	struct ims_notice_fact f = { .now_s = c->now_s };

	if (!ims_mailbox_notice(t, c->number, &n, e) || !ims_mailbox_is(t, &m, e))
		return false;
	f.state = ims_notice_becomes(is_of(&n), IMS_NOTICE_IS_DECLINED, &less);
	f.from_domain = ims_notice_payer(&n);
	f.own_domain = address_domain(span_str(n.to));
	f.road = n.road;
	f.index = n.index;
	m.stated = kv_stamp(t);
	n.declined = true;
	n.change = ++m.change;
	ims_mailbox_put_notice(t, c->number, &n);
	if (less)
		ims_mailbox_state_notice(t, &m, c->number, &n, &f, false);
	ims_mailbox_put(t, &m);
	return true;
}

/* Drops the notice with its statements; the caller puts the mailbox. */
static void
drop_notice(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, bool has_letter, enum mailbox_state letter, bool forgets)
{
	struct kv_key seen = ims_seen_key(&n->id, ims_notice_payer(n), span_str(n->to));
	struct ims_seen_record r;
	struct ims_mailbox_sender s;

	m->stated = kv_stamp(t); /* each statement of a domain's sum is newer than the one before */
	ims_mailbox_get_sender(t, ims_notice_payer(n), &s);
	if (ims_seen_find(t, &seen, &r) && r.number == number) {
		r.answered = ims_notice_answered(is_of(n), has_letter, letter);
		if (forgets)
			ims_seen_del(t, m, kv_key_span(&seen), &r, &s);
		else
			ims_seen_replace(t, kv_key_span(&seen), &r);
	}
	ims_mailbox_del_notice(t, m, number, n, &s);
	ims_mailbox_state_notice(t, m, number, n, NULL, false);
	ims_mailbox_put_sender(t, m, &s);
}

bool
ims_mailbox_drop(struct kv_txn *t, void *changing, struct err *e)
{
	struct ims_changing *c = changing;
	struct ims_notice_record n;
	struct ims_mailbox_is m;

	if (!ims_mailbox_notice(t, c->number, &n, e) || !ims_mailbox_is(t, &m, e))
		return false;
	m.stated = kv_stamp(t);
	drop_notice(t, &m, c->number, &n, c->has_letter, c->letter, false);
	ims_mailbox_state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

bool
ims_mailbox_end(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct ims_mailbox_is m;
	struct ims_notice_record n;

	x->dropped = 0;
	if (!ims_mailbox_is(t, &m, e))
		return false;
	m.stated = kv_stamp(t);
	for (size_t i = 0; i < x->n; i++) {
		const struct ims_ended *r = &x->rows[i];

		if (!ims_mailbox_notice(t, r->number, &n, e)) {
			if (e->why != REFUSAL_no_such_number)
				return false;
		} else if (r->end != IMS_NOTICE_GOES) {
			ims_mailbox_move_due(t, r->number, &n,
			    r->end == IMS_NOTICE_LATER ? r->due_s : 0);
		} else {
			drop_notice(t, &m, r->number, &n, r->has_letter, r->letter, x->forgets);
			x->dropped++;
		}
	}
	if (x->dropped > 0)
		ims_mailbox_state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}
