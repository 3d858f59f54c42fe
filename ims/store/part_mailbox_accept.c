/* part_mailbox_accept — a mailbox accepts notices, and takes back what others refuse; see part.h. */
#include <string.h>

#include "ims/store/part_mailbox_private.h"

#define DAY_S 86400

/* An operation that accepts.  What its notices have in common is put and stated once, at the end. */
struct accepting {
	struct kv_txn *t;
	const struct ims_accepting_batch *batch;
	const char *user;
	struct ims_mailbox_is m;
	struct ims_mailbox_sender s;
	uint64_t sender_has; /* what the domain takes, with what was accepted before */
	uint64_t first;      /* number of the first notice that it puts; 0: none yet */
	int64_t look_s;      /* when the first of them has something to do; 0: never */
	bool changed;
};

static void
fill_notice(struct ims_notice_record *n, const struct ims_accepting_batch *b,
    const struct ims_accepting *a)
{
	*n = (struct ims_notice_record) {
		.id = a->letter->id,
		.received_s = b->received_s,
		.date_s = a->date_s,
		.due_s = a->letter->hold_until_s,
		.indexed = true,
	};
	memcpy(n->statement, a->statement, sizeof n->statement);
	span_copy(a->from, n->from, sizeof n->from);
	span_copy(a->to, n->to, sizeof n->to);
	span_copy(span_sub(b->issuer, 0, sizeof n->issuer - 1), n->issuer, sizeof n->issuer);
}

static void
fill_fact(struct ims_notice_fact *f, const struct ims_accepting_batch *b,
    const struct ims_accepting *a, const unsigned char *statement)
{
	*f = (struct ims_notice_fact) { .state = IMS_NOTICE_OPEN,
		.from_domain = b->from_domain,
		.own_domain = b->own_domain,
		.letter = *a->letter,
		.now_s = b->received_s };
	memcpy(f->statement, statement, sizeof f->statement);
}

static bool
has_share(const struct accepting *x, uint64_t octets, struct err *e)
{
	const struct ims_accepting_batch *b = x->batch;
	enum ims_fit fit;

	if (b->sender_limit == 0)
		return true;
	fit = ims_share_fit(x->sender_has + octets, b->sender_limit, b->size);
	if (RULE(sender_share) &&
	    (fit == IMS_FITS_NOT ||
		(fit == IMS_FITS_UNLESS_SCARCE && !kv_has_free(x->t, b->size / IMS_SHARE_SCARCE))))
		return err_word(e, REFUSAL_sender_share);
	return true;
}

/* What made the notice may not be decided yet: its letter has the verdict on it for the repeat, too. */
static void
await_first(struct accepting *x, struct ims_accepting *a)
{
	struct ims_mailbox_is then = { .last = 0 };
	struct ims_notice_record n;
	struct ims_notice_fact f;
	struct err none;

	if (!ims_mailbox_notice(x->t, a->number, &n, &none)) {
		kv_pardon(x->t);
		return;
	}
	a->has_first = true;
	memcpy(a->first, n.statement, sizeof a->first);
	then.stated = n.stated;
	fill_fact(&f, x->batch, a, n.statement);
	if (n.stated != 0)
		ims_mailbox_state_notice(x->t, &then, a->number, &n, &f, true);
}

static void
look_at(struct accepting *x, int64_t at_s)
{
	if (x->look_s == 0 || at_s < x->look_s)
		x->look_s = at_s;
	x->changed = true;
}

static bool
repeat(struct accepting *x, struct ims_accepting *a, const struct kv_key *seen,
    struct ims_seen_record *r, struct err *e)
{
	enum ims_before before = memcmp(a->facts, r->facts, DIGEST_BYTES) == 0 ? IMS_SEEN_SAME
									       : IMS_SEEN_OTHER;

	if (!ims_repeat_judge(before, IMS_LETTER_NONE, &a->known, e))
		return false;
	a->number = r->number;
	a->answered = r->answered;
	await_first(x, a);
	if (r->until_s >= a->seen_until_s)
		return true;
	if (!has_share(x, a->evidence_takes, e)) /* one more statement is kept */
		return false;
	ims_seen_del(x->t, &x->m, kv_key_span(seen), r, &x->s);
	r->until_s = a->seen_until_s;
	x->sender_has += a->took = a->evidence_takes;
	ims_seen_put(x->t, &x->m, kv_key_span(seen), r, &x->s);
	look_at(x, r->until_s);
	return true;
}

static void
put_new(struct accepting *x, struct ims_accepting *a, const struct kv_key *seen,
    struct ims_notice_record *n)
{
	struct kv_txn *t = x->t;
	const struct ims_accepting_batch *b = x->batch;
	struct ims_seen_record r = { .until_s = a->seen_until_s };
	struct ims_notice_fact f;

	x->m.notices++;
	a->number = ++x->m.last;
	if (x->first == 0)
		x->first = a->number;
	n->stated = x->m.stated;
	n->change = ++x->m.change;
	ims_mailbox_put_notice(t, a->number, n);
	if (n->due_s != r.until_s)
		ims_mailbox_put_due(t, a->number, n);
	ims_seen_make_room(t, &x->m, &x->s, b->seen_most);
	r.number = a->number;
	span_copy(span_str(x->user), r.user, sizeof r.user);
	domain_copy_span(&r.domain, b->from_domain);
	memcpy(r.facts, a->facts, DIGEST_BYTES);
	ims_seen_put(t, &x->m, kv_key_span(seen), &r, &x->s);
	ims_share_add(&x->s.here, (int64_t)n->charged, 1);
	x->s.charged += n->charged_domain;
	fill_fact(&f, b, a, a->statement);
	f.evidence = a->evidence;
	f.pays = a->pays ? a->evidence_takes : 0;
	ims_mailbox_state_notice(t, &x->m, a->number, n, &f, true);
	look_at(x, n->due_s < r.until_s ? n->due_s : r.until_s);
}

uint64_t
ims_accepting_takes(const struct ims_accepting_batch *b, const char *user,
    const struct ims_accepting *a)
{
	struct ims_notice_record n;

	fill_notice(&n, b, a);
	return ims_notice_takes(&n) + ims_seen_takes(span_str(user), b->from_domain);
}

static bool
accept_one(struct accepting *x, struct ims_accepting *a, struct err *e)
{
	struct kv_key seen = ims_seen_key(&a->letter->id, x->batch->from_domain, a->to);
	struct ims_notice_record n;
	struct ims_seen_record r;
	uint64_t takes, all;

	a->known = a->has_first = false;
	a->number = a->took = 0;
	if (ims_seen_get(x->t, &seen, &r, e))
		return repeat(x, a, &seen, &r, e);
	if (e->why != REFUSAL_NONE || kv_fault(x->t, e) || !ims_mailbox_has_room(x->m.notices, e))
		return false;
	fill_notice(&n, x->batch, a);
	takes = ims_notice_takes(&n);
	n.charged = (uint32_t)(takes + a->evidence_takes);
	n.charged_domain = (uint32_t)(takes + (a->pays ? a->evidence_takes : 0));
	all = n.charged_domain + ims_seen_takes(span_str(x->user), x->batch->from_domain);
	if (!has_share(x, all, e) ||
	    !ims_mailbox_has_share(&x->s.here, n.charged, x->batch->mailbox_limit, e))
		return false;
	x->sender_has += a->took = all;
	put_new(x, a, &seen, &n);
	return true;
}

/* The name tells which notices cite it. */
static void
state_papers(struct accepting *x)
{
	struct kv_key name = { .n = 0 };

	kv_key_add(&name, span_of(kv_here(x->t)->name, kv_here(x->t)->n));
	kv_key_add_u64(&name, x->first);
	kv_key_add_u64(&name, x->m.last);
	ims_state_citing(x->t, kv_key_span(&name), x->batch->papers, x->batch->from_domain,
	    x->batch->received_s, x->m.stated);
}

static void
put_common(struct accepting *x)
{
	if (!x->changed)
		return;
	ims_mailbox_look_by(x->t, &x->m, x->look_s);
	if (x->first != 0) {
		span_copy(span_str(x->user), x->m.user, sizeof x->m.user);
		ims_mailbox_remember(&x->m, &x->s, x->batch->received_s / DAY_S);
		state_papers(x);
		ims_mailbox_state_listed(x->t, &x->m);
	}
	ims_mailbox_put_sender(x->t, &x->m, &x->s);
	ims_mailbox_put(x->t, &x->m);
}

bool
ims_mailbox_accept(struct kv_txn *t, void *accepting_all, struct err *e)
{
	struct ims_accepting_all *all = accepting_all;
	struct accepting x = { .t = t,
		.batch = all->batch,
		.user = all->user,
		.sender_has = all->sender_has };
	struct err why = { .why = REFUSAL_NONE }, fault;
	size_t good = 0;

	all->judged = false;
	if (!ims_mailbox_is(t, &x.m, e))
		return false;
	x.m.stated = kv_stamp(t);
	ims_mailbox_get_sender(t, all->batch->from_domain, &x.s);
	if (!x.s.kept)
		x.s.in_group = all->batch->groups;
	for (size_t i = 0; i < all->n; i++) {
		all->entry[i].why = REFUSAL_NONE;
		if (accept_one(&x, &all->entry[i], &why)) {
			good++;
			continue;
		}
		if (kv_fault(t, &fault)) {
			*e = fault;
			return false;
		}
		all->entry[i].why = why.why;
	}
	all->judged = true;
	put_common(&x);
	if (good == 0)
		*e = why;
	return good > 0;
}

/* -- what is refused ----------------------------------------------------------------------------------------------- */

/* The numbers of the notices of which the fact was stated. */
static void
numbers_of(const struct kv_fact *fact, uint64_t *first, uint64_t *last)
{
	if (fact->what == FACT_CITES) {
		*first = kv_key_u64(fact->name, PART_HASH);
		*last = kv_key_u64(fact->name, PART_HASH + 8);
	} else {
		*first = *last = kv_key_u64(fact->name, PART_SHORT + PART_HASH);
	}
}

void
ims_accepting_told(struct ims_accepting_all *all, const struct kv_part *to,
    const struct kv_fact *fact, enum refusal why)
{
	uint64_t first, last;

	(void)to;
	numbers_of(fact, &first, &last);
	for (size_t i = 0; i < all->n; i++) {
		struct ims_accepting *a = &all->entry[i];

		if (a->why == REFUSAL_NONE && a->number >= first && a->number <= last)
			a->why = why;
	}
}

static void
take_back(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, struct ims_mailbox_sender *s)
{
	struct kv_key seen = ims_seen_key(&n->id, ims_notice_payer(n), span_str(n->to));
	struct ims_seen_record r;
	struct err none;

	if (ims_seen_get(t, &seen, &r, &none) && r.number == number)
		ims_seen_del(t, m, kv_key_span(&seen), &r, s);
	ims_mailbox_del_notice(t, m, number, n, s);
	ims_mailbox_state_notice(t, m, number, n, NULL, false);
}

/* Is there one of the notices that the same operation put?  Their numbers are beside this one. */
static bool
has_other(struct kv_txn *t, uint64_t number, uint64_t stated)
{
	struct ims_notice_record n = { .stated = 0 };
	uint64_t next = number;
	struct err none;

	for (uint64_t before = number - 1; before > 0 && number - before < ACCEPT_PAGE; before--)
		if (ims_mailbox_notice(t, before, &n, &none)) {
			if (n.stated == stated)
				return true;
			break;
		}
	return ims_mailbox_next(t, &next, &n, &none) && n.stated == stated;
}

/* The papers that the refused evidence cites; the paper knows whether this mailbox brought it. */
static void
take_back_papers(struct kv_txn *t, const struct kv_fact *fact)
{
	const unsigned char *paper[IMS_PAPERS_MAX];
	struct kv_key name = { .n = 0 };
	struct ims_evidence_record r;
	struct ims_notice_fact f;
	struct err none;

	if (fact->what != FACT_NOTICE || !ims_notice_fact_read(fact->value, &f, &none) ||
	    !ims_evidence_read(f.evidence, &r, &none))
		return;
	for (size_t i = 0; i < r.n_papers; i++)
		paper[i] = r.paper[i];
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add_u64(&name, fact->version.n);
	ims_state_not_citing(t, kv_key_span(&name), paper, r.n_papers, fact->version.n);
}

/* Where nothing else ever came it is a mailbox no more; its record remains, for the numbers. */
static void
state_unlisted(struct kv_txn *t, struct ims_mailbox_is *m)
{
	struct kv_part to = kv_dir_part(PART_MAILBOXES, span_str(m->user));
	struct kv_fact f = { .what = FACT_LISTED,
		.name = span_str(m->user),
		.version.n = m->stated,
		.gone = true };

	kv_emit(t, &to, &f);
	ims_look_at(t, (struct span) { 0 }, m->look_s, 0);
	m->user[0] = '\0';
	m->look_s = 0;
}

void
ims_mailbox_put_taken_back(struct kv_txn *t, struct ims_mailbox_is *m)
{
	if (m->notices == 0 && m->known == 0 && ims_mailbox_first_time(t, SPAN_LIT("u"), 1) == 0)
		state_unlisted(t, m);
	else
		ims_mailbox_state_listed(t, m);
	ims_mailbox_put(t, m);
}

/* All that an operation put was taken back. */
static void
take_back_common(struct kv_txn *t, struct ims_mailbox_is *m, struct ims_mailbox_sender *s,
    const struct kv_fact *fact)
{
	take_back_papers(t, fact);
	if (s->day != 0 && s->known_by == fact->version.n && s->here.notices == 0)
		ims_mailbox_forget_sender(m, s);
}

/* A letter is another's, or finds no space, or a paper does: the notices were never there. */
bool
ims_mailbox_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct ims_mailbox_sender s = { .day = 0 };
	struct ims_mailbox_is m;
	struct ims_notice_record n;
	uint64_t first, last;
	bool any = false;

	(void)to;
	(void)why;
	(void)arg;
	if (!ims_mailbox_is(t, &m, e))
		return false;
	m.stated = kv_stamp(t);
	numbers_of(fact, &first, &last);
	for (uint64_t number = first; number <= last; number++) {
		if (!ims_mailbox_notice(t, number, &n, e)) {
			if (e->why != REFUSAL_no_such_number)
				return false;
			continue; /* it was taken back, or dropped since */
		}
		if (n.stated != 0 && n.stated != fact->version.n)
			continue;
		if (!any)
			ims_mailbox_get_sender(t, ims_notice_payer(&n), &s);
		any = true;
		take_back(t, &m, number, &n, &s);
	}
	if (!any)
		return true;
	if (fact->what == FACT_CITES || !has_other(t, first, fact->version.n))
		take_back_common(t, &m, &s, fact);
	ims_mailbox_put_sender(t, &m, &s);
	ims_mailbox_put_taken_back(t, &m);
	return true;
}
