/* part_mailbox_import — what an older version kept of a mailbox; see part.h. */
#include <string.h>

#include "ims/store/part_mailbox_private.h"

/* What was to be looked at before is looked at now: hours that have passed are not swept again. */
static int64_t
not_before(int64_t at_s, int64_t now_s)
{
	return at_s < now_s ? now_s : at_s;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* It has a name from its first import on. */
static void
begin_import(struct kv_txn *t, struct ims_mailbox_is *m, const char *user)
{
	span_copy(span_str(user), m->user, sizeof m->user);
	m->stated = kv_stamp(t);
}

bool
ims_mailbox_import_record(struct kv_txn *t, void *old_mailbox, struct err *e)
{
	const struct ims_old_mailbox *o = old_mailbox;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	begin_import(t, &m, o->user);
	m.last = larger(m.last, o->last);
	m.change = larger(m.change, o->change);
	ims_mailbox_state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

bool
ims_mailbox_import(struct kv_txn *t, void *old_notice, struct err *e)
{
	struct ims_old_notice *o = old_notice;
	struct ims_notice_record *n = &o->notice;
	struct kv_part letter = ims_part_letter(&n->id);
	struct ims_notice_fact f = { .state = n->declined ? IMS_NOTICE_DECLINED : IMS_NOTICE_OPEN,
		.from_domain = ims_notice_payer(n),
		.own_domain = address_domain(span_str(n->to)),
		.letter = o->letter,
		/* as if it was announced within the week before */
		.now_s = o->now_s - ims_spread_s(&letter, PAPER_RENEW_S) };
	struct ims_mailbox_is m;
	struct ims_mailbox_sender s;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	ims_mailbox_get_sender(t, ims_notice_payer(n), &s);
	begin_import(t, &m, o->user);
	m.notices++;
	m.last = larger(m.last, o->number);
	m.change = larger(m.change, n->change);
	n->indexed = true;
	n->stated = m.stated;
	ims_mailbox_put_notice(t, o->number, n);
	ims_mailbox_put_due(t, o->number, n);
	if (n->due_s != 0)
		ims_mailbox_look_by(t, &m, not_before(n->due_s, o->now_s));
	ims_share_add(&s.here, (int64_t)n->charged, 1);
	s.charged += n->charged_domain;
	memcpy(f.statement, n->statement, sizeof f.statement);
	ims_mailbox_state_notice(t, &m, o->number, n, &f, false);
	ims_mailbox_put_sender(t, &m, &s);
	ims_mailbox_state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

static bool
take_domain(void *arg, struct span key, struct span value)
{
	struct ims_mailbox_sender s;

	(void)key;
	if (!ims_mailbox_read_sender(value, &s) || s.domain.text[0] == '\0')
		return true;
	*(struct domain *)arg = s.domain;
	return false;
}

/* An entry of the first version has but the digest of its domain; the notices that are here tell which it is. */
static void
find_domain(struct kv_txn *t, struct span domain_hash, struct domain *out)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 'd');
	kv_key_add(&k, domain_hash);
	kv_each(t, kv_key_span(&k), kv_key_span(&k), take_domain, out);
}

bool
ims_mailbox_import_seen(struct kv_txn *t, void *old_seen, struct err *e)
{
	struct ims_old_seen *o = old_seen;
	struct kv_key k = { .n = 0 };
	struct ims_mailbox_is m;
	struct ims_mailbox_sender s;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	if (o->seen.domain.text[0] == '\0')
		find_domain(t, span_sub(o->key, ULID_BYTES, PART_SHORT), &o->seen.domain);
	ims_mailbox_get_sender(t, domain_span(&o->seen.domain), &s);
	begin_import(t, &m, o->user);
	m.last = larger(m.last, o->seen.number);
	kv_key_add_u8(&k, 's');
	kv_key_add(&k, o->key);
	ims_seen_put(t, &m, kv_key_span(&k), &o->seen, &s);
	ims_mailbox_look_by(t, &m, not_before(o->seen.until_s, o->now_s));
	ims_mailbox_put_sender(t, &m, &s);
	ims_mailbox_state_listed(t, &m);
	ims_mailbox_put(t, &m);
	return true;
}

/* The domain's name is not known, and comes with its next notice. */
bool
ims_mailbox_import_known(struct kv_txn *t, void *old_known, struct err *e)
{
	struct ims_old_known *o = old_known;
	struct kv_key k = { .n = 0 };
	struct ims_mailbox_is m;
	struct ims_mailbox_sender s;
	struct span value;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	kv_key_add_u8(&k, 'd');
	kv_key_add(&k, o->domain_hash);
	if (!kv_get(t, kv_key_span(&k), &value) || !ims_mailbox_read_sender(value, &s))
		s = (struct ims_mailbox_sender) { .day = 0 };
	ims_mailbox_remember(&m, &s, o->day);
	if (s.day == 0)
		return true;
	ims_mailbox_write_sender(t, &k, &s);
	if (m.user[0] == '\0') {
		begin_import(t, &m, o->user);
		ims_mailbox_state_listed(t, &m);
	}
	ims_mailbox_put(t, &m);
	return true;
}
