/* part_mailbox_sender — what each sender's domain takes of a mailbox; see part.h. */

#include "common/base/record.h"
#include "ims/store/part_given.h"
#include "ims/store/part_mailbox_private.h"

#define VERSION_1 1
#define VERSION_2 2
#define VERSION_3 3 /* it states to a group; only then, so that an ims of before reads the others */

struct kv_key
ims_mailbox_key_of_domain(unsigned what, struct span from_domain)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	kv_key_add_hash(&k, from_domain, PART_HASH);
	return k;
}

bool
ims_mailbox_read_sender(struct span value, struct ims_mailbox_sender *s)
{
	struct reader r = reader_of(value);
	uint8_t version = read_u8(&r);
	bool good = version >= VERSION_1 && version <= VERSION_3;

	*s = (struct ims_mailbox_sender) { .kept = true, .in_group = version == VERSION_3 };
	read_str(&r, s->domain.text, sizeof s->domain.text);
	s->here.octets = read_u64(&r);
	s->here.notices = read_u64(&r);
	s->seen.octets = read_u64(&r);
	s->seen.notices = read_u64(&r);
	s->charged = read_u64(&r);
	s->day = (int64_t)read_u64(&r);
	s->first_s = (int64_t)read_u64(&r);
	if (version != VERSION_1) {
		s->known_by = read_u64(&r);
		s->paid = (int64_t)read_u64(&r);
	}
	return good && reader_done(&r);
}

void
ims_mailbox_write_sender(struct kv_txn *t, const struct kv_key *k,
    const struct ims_mailbox_sender *s)
{
	bool is_long = s->known_by != 0 || s->paid != 0 || s->in_group;
	struct buf value = BUF_INIT;

	put_u8(&value, s->in_group ? VERSION_3 : is_long ? VERSION_2 : VERSION_1);
	put_span(&value, domain_span(&s->domain));
	put_u64(&value, s->here.octets);
	put_u64(&value, s->here.notices);
	put_u64(&value, s->seen.octets);
	put_u64(&value, s->seen.notices);
	put_u64(&value, s->charged);
	put_u64(&value, (uint64_t)s->day);
	put_u64(&value, (uint64_t)s->first_s);
	if (is_long) {
		put_u64(&value, s->known_by);
		put_u64(&value, (uint64_t)s->paid);
	}
	kv_put(t, kv_key_span(k), buf_span(&value));
	buf_clear(&value);
}

void
ims_mailbox_get_sender(struct kv_txn *t, struct span from_domain, struct ims_mailbox_sender *s)
{
	struct kv_key k = ims_mailbox_key_of_domain('d', from_domain);
	struct span value;
	struct err e;
	bool there = kv_get(t, kv_key_span(&k), &value), damaged = !there && kv_fault(t, &e);

	if (!there || !ims_mailbox_read_sender(value, s)) {
		kv_pardon(t);
		*s = (struct ims_mailbox_sender) { .lost = there || damaged };
	}
	domain_copy_span(&s->domain, from_domain);
}

void
ims_mailbox_state_takes(struct kv_txn *t, const struct ims_mailbox_is *m, const struct kv_part *to,
    struct span value)
{
	struct kv_key name = { .n = 0 };
	struct kv_fact f = { .what = FACT_TAKES,
		.version.n = m->stated,
		.gone = value.n == 0,
		.value = value };

	kv_key_add_u8(&name, 'm');
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	f.name = kv_key_span(&name);
	kv_emit(t, to, &f);
}

void
ims_mailbox_put_sender(struct kv_txn *t, const struct ims_mailbox_is *m,
    const struct ims_mailbox_sender *s)
{
	struct span domain = domain_span(&s->domain);
	struct kv_key k = ims_mailbox_key_of_domain('d', domain);
	struct kv_part sender = ims_part_sender(domain),
		       group = ims_part_group_of(span_of(sender.name, sender.n), kv_here(t)),
		       to = s->in_group ? group : sender;
	struct ims_share all = { s->charged + s->seen.octets, s->here.notices };
	bool gone;
	struct buf value = BUF_INIT;

	ims_share_add(&all, s->paid, 0);
	if (s->day == 0 && s->here.notices == 0 && s->seen.notices == 0 && s->paid == 0)
		kv_del(t, kv_key_span(&k));
	else
		ims_mailbox_write_sender(t, &k, s);
	if (domain.n == 0)
		return;
	put_span(&value, domain);
	ims_share_write(&value, &all);
	gone = all.octets == 0 && all.notices == 0;
	ims_mailbox_state_takes(t, m, &to, gone ? (struct span) { 0 } : buf_span(&value));
	if (s->lost)
		ims_mailbox_state_takes(t, m, s->in_group ? &sender : &group, (struct span) { 0 });
	buf_clear(&value);
}

void
ims_mailbox_remember(struct ims_mailbox_is *m, struct ims_mailbox_sender *s, int64_t day)
{
	if (s->day == 0 && m->known >= IMS_MAILBOX_KNOWN)
		return;
	m->known += s->day == 0;
	s->known_by = s->day == 0 ? m->stated : 0;
	s->day = day;
}

void
ims_mailbox_forget_sender(struct ims_mailbox_is *m, struct ims_mailbox_sender *s)
{
	m->known -= m->known > 0;
	s->day = 0;
	s->known_by = 0;
}

/* PAYS. */
static bool
receive_pays(struct kv_txn *t, const struct kv_fact *was, const struct kv_fact *now)
{
	struct span domain, old;
	int64_t before = ims_pays_read(was, &old), after = ims_pays_read(now, &domain);
	struct ims_mailbox_is m = { .stated = kv_stamp(t) };
	struct ims_mailbox_sender s;

	if (domain.n == 0)
		domain = old;
	ims_mailbox_get_sender(t, domain, &s);
	s.paid += after - before;
	ims_mailbox_put_sender(t, &m, &s);
	return true;
}

bool
ims_mailbox_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	(void)arg;
	return now->what == FACT_GIVEN ? ims_mailbox_receive_given(t, from, was, now, e)
				       : receive_pays(t, was, now);
}

void
ims_mailbox_share(struct kv_txn *t, struct span from_domain, struct ims_share *out)
{
	struct ims_mailbox_sender s;

	ims_mailbox_get_sender(t, from_domain, &s);
	*out = s.here;
}

bool
ims_mailbox_knows(struct kv_txn *t, struct span from_domain)
{
	struct ims_mailbox_sender s;

	ims_mailbox_get_sender(t, from_domain, &s);
	return s.day != 0 || s.here.notices > 0;
}
