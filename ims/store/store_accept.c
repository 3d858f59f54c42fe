/* store_accept — turns a batch of notifications into notices; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "common/pki/crl_set.h"
#include "ims/store/store_private.h"
#include "ims/store/store_seen.h"
#include "ims/store/store_share.h"

struct accept;

/* An open entry: a write of its own, for one mailbox and one letter.  Those of a batch are queued together and
 * share a commit. */
struct entry {
	struct db_write write;
	struct accept *of;
	size_t index; /* in the batch */
	enum notify_done done;
};

struct accept {
	struct ims_store *store;
	struct notify_batch *batch;
	const char (*users)[IMS_STORE_USER_BYTES];
	const struct ims_evidence *ev;
	struct entry *entries;    /* n_open of the batch */
	size_t n, waiting;        /* that are not answered yet */
	struct ims_papers papers; /* as given */
	struct loop *loop;
	ims_store_accepted *done;
	void *arg;
};

_Static_assert(sizeof(struct entry) <= IMS_STORE_ENTRY_BYTES, "an entry");

/* Digest of the fields that a repeat must repeat: Size, Digest, Date and the Summary fields. */
static void
facts_digest(const struct statement *st, unsigned char out[DIGEST_BYTES])
{
	struct buf facts = BUF_INIT;

	put_u64(&facts, st->size);
	put_bytes(&facts, st->digest, DIGEST_BYTES);
	put_u64(&facts, (uint64_t)st->date_s);
	put_u64(&facts, st->summary_size);
	put_bytes(&facts, st->summary_digest, DIGEST_BYTES);
	digest_sha256(buf_span(&facts), out);
	buf_clear(&facts);
}

static int64_t
hold_until(const struct accept *a, const struct statement *st)
{
	return ims_hold_until(st->hold_until_s, a->ev->received_s, a->ev->hold_limit_s);
}

static int64_t
seen_until(const struct accept *a, const struct statement *st)
{
	return ims_seen_until(st->hold_until_s, a->ev->received_s, a->ev->hold_limit_s);
}

static const unsigned char *
statement_digest(const struct accept *a, const struct statement *st)
{
	return a->batch->digests[st - a->batch->statements];
}

/* -- a statement's own records ------------------------------------------------------------------- */

/* Keeps each statement that made a notice, and the newest one that only prolonged the promise.  Returns
 * what the record takes. */
static uint64_t
put_evidence(struct db_txn *t, const struct accept *a, const struct db_key *letter,
    const struct statement *st, const struct ims_papers *papers, bool made_notice)
{
	const struct notify_batch *b = a->batch;
	struct db_key k = ims_key_statement(letter, st->recipient_domain,
	    made_notice ? statement_digest(a, st) : NULL);
	struct ims_evidence_record r = {
		.papers = *papers,
		.statement = st->text,
		.alg = span_str(seal_alg_name(b->alg)),
		.signature = b->signature,
		.host = span_str(a->ev->host),
		.spf = span_str(a->ev->spf[st - b->statements]),
		.received_s = a->ev->received_s,
	};

	return ims_evidence_put(t, &k, st->from_domain, &r);
}

/* -- the sender's share ------------------------------------------------------------------------------- */

static bool
exceeds_share(struct db_txn *t, const struct accept *a, uint64_t octets)
{
	uint64_t size = a->store->size;
	enum ims_fit fit = ims_share_fit(octets, a->ev->sender_limit, size);

	return fit == IMS_FITS_NOT ||
	    (fit == IMS_FITS_UNLESS_SCARCE && !db_has_free(t, size / IMS_SHARE_SCARCE));
}

/* False: with `octets` more the sender's domain would exceed its share (*e). */
static bool
has_share(struct db_txn *t, const struct accept *a, const struct statement *st, uint64_t octets,
    struct err *e)
{
	struct db_key k = ims_key_share(st->from_domain);
	struct ims_share s;

	if (a->ev->sender_limit == 0)
		return true;
	ims_share_get(t, &k, &s);
	if (RULE(sender_share) && exceeds_share(t, a, s.octets + octets))
		return err_word(e, REFUSAL_sender_share);
	return true;
}

static bool
has_mailbox_share(struct db_txn *t, const struct accept *a, const struct statement *st,
    const char *user, uint64_t octets, struct err *e)
{
	struct db_key k = ims_key_share_in(user, st->from_domain);
	struct ims_share s;

	ims_share_get(t, &k, &s);
	return ims_mailbox_has_share(&s, octets, a->ev->mailbox_limit, e);
}

/* About what the statement's evidence will take, and (*papers_take) the new papers it cites. */
static uint64_t
evidence_about(struct db_txn *t, const struct accept *a, const struct statement *st,
    struct ims_papers *papers, uint64_t *papers_take)
{
	*papers = a->papers;
	*papers_take = ims_papers_choose(t, a->store, a->ev->received_s, papers);
	return ims_takes(IMS_EVIDENCE_KEY,
		   st->text.n + a->batch->signature.n +
		       strlen(a->ev->spf[st - a->batch->statements]) + 512) +
	    ims_papers_rows(papers->n) + IMS_EVIDENCE_LETTER;
}

static void
fill_letter(struct ims_letter_record *r, const struct accept *a, const struct statement *st)
{
	*r = (struct ims_letter_record) { .facts = {
					      .id = st->id,
					      .state = MAILBOX_HELD,
					      .size = st->size,
					      .summary_size = st->summary_size,
					      .hold_until_s = hold_until(a, st),
					  } };
	domain_copy_span(&r->facts.from_domain, st->from_domain);
	domain_copy_span(&r->facts.own_domain, st->recipient_domain);
	memcpy(r->facts.digest, st->digest, DIGEST_BYTES);
	memcpy(r->facts.summary_digest, st->summary_digest, DIGEST_BYTES);
}

static enum ims_beside
beside(const struct ims_letter_record *r, const struct accept *a, const struct statement *st)
{
	struct ims_letter_record said;

	fill_letter(&said, a, st);
	return ims_letter_is_same(&r->facts, &said.facts) ? IMS_LETTER_SAME : IMS_LETTER_OTHER;
}

/* -- one recipient ----------------------------------------------------------------------------------- */

/* A later Hold-Until prolongs the promise, and the time for which repeats are known. */
static bool
extend(struct db_txn *t, const struct accept *a, const struct db_key *letter,
    const struct db_key *seen, struct ims_seen_record *r, const struct statement *st, struct err *e)
{
	struct ims_letter_record l;
	struct ims_papers papers;
	uint64_t about, papers_take;
	struct err none;
	bool held = ims_letter_get(t, a->store, letter, a->ev->received_s, &l, &none),
	     moved = held && l.facts.hold_until_s < hold_until(a, st);

	if (moved) {
		about = evidence_about(t, a, st, &papers, &papers_take);
		if (!has_share(t, a, st, about + papers_take, e))
			return false;
	}
	if (r->until_s < seen_until(a, st)) {
		ims_seen_del(t, db_key_span(seen));
		r->until_s = seen_until(a, st);
		domain_copy_span(&r->domain, st->from_domain);
		ims_seen_add(t, seen, r);
	}
	if (moved || (held && l.facts.state == MAILBOX_GONE)) {
		ims_letter_announced(&l.facts, hold_until(a, st));
		ims_letter_put(t, letter, &l);
	}
	if (moved)
		put_evidence(t, a, letter, st, &papers, false);
	if (!held)
		fill_letter(&l, a, st);
	ims_notified_again(t, letter, &l.facts, st->recipient_domain, r->answered);
	return true;
}

/* The notification was seen before: it is a repeat, or the id of another letter. */
static bool
judge_repeat(struct db_txn *t, const struct accept *a, const struct db_key *letter,
    const struct db_key *seen, struct span value, const struct statement *st, struct err *e)
{
	struct ims_seen_record r;
	unsigned char facts[DIGEST_BYTES];
	enum ims_before before;
	bool known;

	if (!ims_seen_read(value, &r, e))
		return false;
	facts_digest(st, facts);
	before = memcmp(facts, r.facts, DIGEST_BYTES) == 0 ? IMS_SEEN_SAME : IMS_SEEN_OTHER;
	return ims_repeat_judge(before, IMS_LETTER_NONE, &known, e) &&
	    extend(t, a, letter, seen, &r, st, e) && !db_fault(t, e);
}

static void
note_seen(struct db_txn *t, const struct accept *a, const struct db_key *seen,
    const struct statement *st, const char *user, uint64_t number)
{
	struct ims_seen_record r = { .number = number, .until_s = seen_until(a, st) };

	span_copy(span_str(user), r.user, sizeof r.user);
	domain_copy_span(&r.domain, st->from_domain);
	facts_digest(st, r.facts);
	ims_seen_make_room(t, a->store->seen_max, seen, user);
	ims_seen_add(t, seen, &r);
}

static void
fill_notice(struct ims_notice_record *n, const struct accept *a, const struct statement *st,
    const struct notify_entry *entry)
{
	*n = (struct ims_notice_record) {
		.id = st->id,
		.received_s = a->ev->received_s,
		.date_s = st->date_s,
	};
	memcpy(n->statement, statement_digest(a, st), sizeof n->statement);
	span_copy(st->from.whole, n->from, sizeof n->from);
	span_copy(entry->address, n->to, sizeof n->to);
	span_copy(span_sub(span_str(a->ev->issuer), 0, sizeof n->issuer - 1), n->issuer,
	    sizeof n->issuer);
}

static void
put_notice(struct db_txn *t, struct ims_notice_record *n, const char *user,
    struct ims_mailbox_record *m, int64_t hold_until_s, uint64_t evidence)
{
	m->notices++;
	m->last++;
	ims_change_put(t, user, m, m->last, &n->change);
	ims_notice_add(t, user, m->last, n, hold_until_s, evidence);
	ims_mailbox_put(t, user, m);
}

/* The records that one entry makes; complete before the first put. */
struct coming {
	const char *user;
	struct db_key letter_key, seen;
	struct ims_letter_record letter;
	struct ims_notice_record notice;
	struct ims_mailbox_record mailbox;
	struct ims_papers papers;
	uint64_t evidence; /* what its evidence takes; 0: there is none of its statement yet */
};

static bool
judge_shares(struct db_txn *t, const struct accept *a, const struct statement *st, struct coming *c,
    struct err *e)
{
	uint64_t notice = ims_notice_takes(c->user, &c->notice), evidence = c->evidence,
		 all = notice + ims_seen_takes(span_str(c->user), st->from_domain), papers;

	if (evidence == 0) {
		evidence = evidence_about(t, a, st, &c->papers, &papers);
		all += evidence + papers;
	}
	return has_share(t, a, st, all, e) &&
	    has_mailbox_share(t, a, st, c->user, notice + evidence, e);
}

static bool
judge_new(struct db_txn *t, const struct accept *a, const struct statement *st, struct coming *c,
    struct err *e)
{
	enum ims_beside letter = IMS_LETTER_NONE;
	bool known;

	if (!ims_mailbox_get(t, c->user, &c->mailbox, e) ||
	    !ims_mailbox_has_room(c->mailbox.notices, e))
		return false;
	if (ims_letter_get(t, a->store, &c->letter_key, a->ev->received_s, &c->letter, e))
		letter = beside(&c->letter, a, st);
	else if (e->why != REFUSAL_no_such_number)
		return false;
	else
		fill_letter(&c->letter, a, st);
	return ims_repeat_judge(IMS_SEEN_NOT, letter, &known, e) && judge_shares(t, a, st, c, e);
}

static void
put_new(struct db_txn *t, const struct accept *a, const struct statement *st, struct coming *c)
{
	ims_letter_announced(&c->letter.facts, hold_until(a, st));
	c->letter.refs++;
	ims_letter_put(t, &c->letter_key, &c->letter);
	ims_notified_add(t, &c->letter_key, &c->letter.facts, st->recipient_domain);
	if (c->evidence == 0)
		c->evidence = put_evidence(t, a, &c->letter_key, st, &c->papers, true);
	put_notice(t, &c->notice, c->user, &c->mailbox, c->letter.facts.hold_until_s, c->evidence);
	note_seen(t, a, &c->seen, st, c->user, c->mailbox.last);
	ims_known_put(t, a->store, c->user, st->from_domain, a->ev->received_s);
}

/* Judges completely before the first put.  The entries of a statement have its evidence in common: the first of
 * them puts it. */
static bool
apply_entry(struct db_txn *t, void *arg, struct err *e)
{
	struct entry *x = arg;
	const struct accept *a = x->of;
	const struct notify_entry *entry = &a->batch->entries[x->index];
	const struct statement *st = &a->batch->statements[entry->statement];
	struct coming c = {
		.user = a->users[x->index],
		.letter_key = ims_key_letter(&st->id, st->from_domain),
	};
	struct db_key evidence;
	struct span value;

	c.seen = ims_key_seen(&c.letter_key, entry->address);
	x->done = NOTIFY_KNOWN;
	if (db_get(t, SEEN, db_key_span(&c.seen), &value))
		return judge_repeat(t, a, &c.letter_key, &c.seen, value, st, e);
	evidence = ims_key_statement(&c.letter_key, st->recipient_domain, statement_digest(a, st));
	c.evidence = ims_evidence_takes(t, &evidence);
	fill_notice(&c.notice, a, st, entry);
	if (!judge_new(t, a, st, &c, e))
		return false;
	put_new(t, a, st, &c);
	x->done = NOTIFY_NOTICED;
	return !db_fault(t, e);
}

/* One of those that it waits for. */
static void
entry_over(struct accept *a)
{
	if (--a->waiting > 0)
		return;
	a->done(a->arg);
	free(a->entries);
	free(a);
}

static void
entry_applied(void *arg, const struct err *e)
{
	struct entry *x = arg;
	struct accept *a = x->of;

	if (e == NULL)
		notify_batch_accept(a->batch, x->index, x->done);
	else
		notify_batch_refuse(a->batch, x->index, e);
	entry_over(a);
}

static void
take_papers(struct ims_papers *p, struct span seal, const struct ims_evidence *ev)
{
	p->n = 2 + ev->n_crls;
	p->has_seal = true;
	p->paper[0].octets = ev->chain;
	digest_sha256(ev->chain, p->paper[0].digest);
	p->paper[1].octets = seal;
	digest_sha256(seal, p->paper[1].digest);
	for (size_t i = 0; i < ev->n_crls; i++) {
		p->paper[i + 2].octets = ev->crls[i].der;
		p->paper[i + 2].crl = &ev->crls[i];
		memcpy(p->paper[i + 2].digest, ev->crls[i].digest, DIGEST_BYTES);
	}
}

static void
fill_write(struct accept *a, size_t i, size_t octets)
{
	a->entries[i].write = (struct db_write) {
		.next = i + 1 < a->n ? &a->entries[i + 1].write : NULL,
		.apply = apply_entry,
		.done = entry_applied,
		.arg = &a->entries[i],
		.home = a->loop,
		.octets = octets,
	};
}

/* What the writes must find free for papers: a CRL may be megabytes long, but is seldom new. */
struct about {
	struct ims_question question;
	struct accept *of;
	uint64_t takes;
};

static bool
look_for_papers(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct about *q = (struct about *)question;

	(void)e;
	q->takes = ims_papers_about(t, q->of->ev->received_s, &q->of->papers);
	return true;
}

/* The first of the writes puts the papers. */
static void
take_entries(struct ims_question *question, const struct err *e)
{
	struct about *q = (struct about *)question;
	struct accept *a = q->of;
	size_t share = 2048 + a->batch->octets.len / a->n, n = a->n;
	struct err why;

	a->waiting = n;
	for (size_t i = 0; i < n; i++)
		fill_write(a, i, share + (i == 0 ? (size_t)q->takes : 0));
	if (e == NULL && !db_writes_take(a->store->db, &a->entries[0].write, &why))
		e = &why;
	for (size_t i = 0; i < n && e != NULL; i++)
		entry_applied(&a->entries[i], e);
}

void
ims_store_accept(struct ims_store *s, struct notify_batch *b,
    const char (*users)[IMS_STORE_USER_BYTES], const struct ims_evidence *ev, struct loop *l,
    ims_store_accepted *done, void *arg)
{
	struct accept *a = memory_new(sizeof *a);
	struct about *q = memory_new(sizeof *q);

	a->entries = memory_array(b->n_open, sizeof *a->entries);
	for (size_t i = 0; i < b->n_entries; i++)
		if (!b->entries[i].judged)
			a->entries[a->n++] = (struct entry) { .of = a, .index = i };
	a->store = s;
	a->batch = b;
	a->users = users;
	a->ev = ev;
	a->loop = l;
	a->done = done;
	a->arg = arg;
	take_papers(&a->papers, b->seal.text, ev);
	q->question.look = look_for_papers;
	q->question.tell = take_entries;
	q->of = a;
	ims_ask(&q->question, s, l);
}
