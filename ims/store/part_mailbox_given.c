/* part_mailbox_given — a mailbox takes a letter that came by SMTP, or gives it back; see part.h. */
#include "common/base/record.h"
#include "ims/store/part_given.h"
#include "ims/store/part_mailbox_private.h"

#define DAY_S 86400

/* What the mailbox keeps of the fact. */
static void
keep_number(struct kv_txn *t, uint64_t number)
{
	struct buf value = BUF_INIT;

	put_u64(&value, number);
	kv_keep(t, buf_span(&value));
	buf_clear(&value);
}

static void
state_notice(struct kv_txn *t, const struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, const struct ims_given_fact *g)
{
	struct ims_notice_fact f = { .state = IMS_NOTICE_OPEN,
		.road = MAILBOX_SMTP,
		.index = n->index,
		.from_domain = g->payer,
		.own_domain = address_domain(g->to),
		.pays = g->pays ? g->takes : 0 };

	ims_mailbox_state_notice(t, m, number, n, &f, true);
}

/* A host without a certificate, or a letter without a sender, makes no domain known. */
static bool
is_accountable(const struct ims_given_fact *g)
{
	return g->marks.unaccountable[0] == '\0' && g->from.n > 0;
}

static void
put_notice(struct kv_txn *t, struct ims_mailbox_is *m, struct ims_mailbox_sender *s,
    struct ims_notice_record *n, const struct ims_given_fact *g)
{
	m->notices++;
	m->last++;
	n->stated = m->stated;
	n->change = ++m->change;
	span_copy(g->user, m->user, sizeof m->user);
	ims_mailbox_put_notice(t, m->last, n);
	ims_share_add(&s->here, (int64_t)n->charged, 1);
	s->charged += n->charged_domain;
	if (is_accountable(g))
		ims_mailbox_remember(m, s, n->received_s / DAY_S);
	state_notice(t, m, m->last, n, g);
	ims_mailbox_state_listed(t, m);
	ims_mailbox_put_sender(t, m, s);
	ims_mailbox_put(t, m);
	keep_number(t, m->last);
}

/* This is the last judge of room: a mailbox sees what others have put into it meanwhile. */
static bool
take(struct kv_txn *t, const struct kv_fact *fact, struct err *e)
{
	struct ims_given_name name;
	struct ims_given_fact g;
	struct ims_mailbox_is m;
	struct ims_mailbox_sender s;
	struct ims_notice_record n;
	uint64_t takes;

	if (!ims_given_fact_name_read(fact->name, &name, e) ||
	    !ims_given_fact_read(fact->value, &g, e) || !ims_mailbox_is(t, &m, e) ||
	    !ims_mailbox_has_room(m.notices, e))
		return false;
	m.stated = kv_stamp(t);
	ims_mailbox_get_sender(t, g.payer, &s);
	if (!s.kept)
		s.in_group = g.groups;
	ims_given_notice(&n, &name, &g);
	takes = ims_notice_takes(&n);
	n.charged = takes + g.takes;
	n.charged_domain = takes + (g.pays ? g.takes : 0);
	if (!ims_mailbox_has_share(&s.here, n.charged, g.mailbox_limit, e))
		return false;
	put_notice(t, &m, &s, &n, &g);
	return true;
}

/* It was refused elsewhere; or its user has dropped it, and nothing is left of it. */
static bool
give_back(struct kv_txn *t, uint64_t number, struct err *e)
{
	struct ims_mailbox_sender s;
	struct ims_notice_record n;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	if (!ims_mailbox_notice(t, number, &n, e))
		return e->why == REFUSAL_no_such_number;
	m.stated = kv_stamp(t);
	ims_mailbox_get_sender(t, ims_notice_payer(&n), &s);
	ims_mailbox_del_notice(t, &m, number, &n, &s);
	ims_mailbox_state_notice(t, &m, number, &n, NULL, false);
	if (s.day != 0 && s.known_by == n.stated && s.here.notices == 0)
		ims_mailbox_forget_sender(&m, &s);
	ims_mailbox_put_sender(t, &m, &s);
	ims_mailbox_put_taken_back(t, &m);
	return true;
}

bool
ims_mailbox_receive_given(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, struct err *e)
{
	(void)from;
	if (!now->gone)
		return was == NULL ? take(t, now, e) : err_word(e, REFUSAL_id_conflict);
	if (was == NULL)
		return kv_was_damaged(t) ||
		    true; /* what it kept named its notice, which its user can drop */
	return give_back(t, kv_key_u64(was->value, 0), e);
}
