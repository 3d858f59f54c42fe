/* store_accept — turns a batch of notifications into notices; see store.h.
 *
 * First it looks at what the sender's domain takes and which papers are kept, and chooses CRLs (store_paper.c).  Then all
 * operations are taken: one a new CRL, and for each mailbox one for its entries, or several if they are many.  Where
 * one cannot be judged as a whole, each half of it is tried, so that only those at fault are refused.  A repeat has one
 * more, for its letter.  A chain and a seal are kept with the notices, the seal of a few statements with the evidence of
 * each; a CRL only if the domain has room for all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/pki/crl_set.h"
#include "ims/store/store_paper_private.h"
#include "ims/store/store_private.h"

/* An entry with its evidence, beside what it quotes: not less than it will be charged. */
#define ENTRY_TAKES  2560
#define ENTRY_OCTETS 8192      /* that its rows put, with the pages that they copy, at most about */
#define GROUP_OCTETS (1 << 20) /* of evidence in one operation, about */
#define SEAL_OCTETS                                                                                \
	1024 /* of all copies of a seal that is no paper: about what its rows would take */

struct accept;

/* Entries for one mailbox, in one operation. */
struct group {
	struct ims_accepting_all what; /* first: what is applied */
	struct kv_op op;
	struct accept *of;
	bool told; /* something that it awaited was refused */
};
_Static_assert(sizeof(struct group) + sizeof(struct ims_accepting) <= IMS_STORE_ENTRY_BYTES,
    "an entry with a mailbox of its own");
_Static_assert(sizeof(struct ims_letter) + sizeof(struct buf) <= IMS_STORE_STATEMENT_BYTES,
    "a statement");

/* Of a repeat, for its letter. */
struct repeat {
	struct ims_letter_op what; /* first */
	struct kv_op op;
	struct accept *of;
	struct ims_accepting *entry;
	struct buf evidence;
};

struct accept {
	struct ims_store *store; /* a reference */
	struct loop *loop;
	struct notify_batch *batch;
	const char (*users)[IMS_STORE_USER_BYTES];
	const struct ims_evidence *ev;
	struct ims_accepting_batch common;
	struct ims_accepting *entries; /* the open ones, by mailbox */
	struct ims_letter *letters;    /* of each statement that made a notice */
	struct buf *evidence;          /* the same */
	struct buf cites;              /* papers that are kept with it */
	size_t n, n_statements, waiting;
	uint64_t papers_take; /* those that are new */
	struct ims_papers papers;
	struct ims_under_way under_way;
	uint64_t has; /* what the domain takes without the entries, and others of its batches may */
	bool again;   /* for entries that may find room, as others took none */
	struct err paper; /* why a paper is not kept */
	ims_store_accepted *done;
	void *arg;
};

/* -- records -------------------------------------------------------------------------------------------------- */

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

static struct ims_letter
letter_of(const struct accept *a, const struct statement *st)
{
	struct ims_letter l = { .id = st->id,
		.state = MAILBOX_HELD,
		.size = st->size,
		.summary_size = st->summary_size,
		.hold_until_s = ims_hold_until(st->hold_until_s, a->ev->received_s,
		    a->ev->hold_limit_s) };

	domain_copy_span(&l.from_domain, st->from_domain);
	domain_copy_span(&l.own_domain, st->recipient_domain);
	memcpy(l.digest, st->digest, DIGEST_BYTES);
	memcpy(l.summary_digest, st->summary_digest, DIGEST_BYTES);
	return l;
}

/* Returns what the record takes. */
static uint64_t
pack_evidence(const struct accept *a, const struct statement *st, struct buf *out)
{
	const struct notify_batch *b = a->batch;
	struct ims_evidence_record r = {
		.n_papers = a->papers.n,
		.has_seal = a->papers.has_seal,
		.statement = st->text,
		.seal = b->seal.text,
		.alg = span_str(seal_alg_name(b->alg)),
		.signature = b->signature,
		.host = span_str(a->ev->host),
		.spf = span_str(a->ev->spf[st - b->statements]),
		.received_s = a->ev->received_s,
	};

	for (size_t i = 0; i < a->papers.n; i++)
		memcpy(r.paper[i], a->papers.paper[i].digest, DIGEST_BYTES);
	return ims_evidence_pack(out, &r);
}

/* What its entries took that were accepted. */
static uint64_t
took(const struct accept *a)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->entries[i].why == REFUSAL_NONE)
			octets += a->entries[i].took;
	return octets;
}

/* -- the end ---------------------------------------------------------------------------------------------------- */

static bool take_again(struct accept *a);

/* One of those that it waits for. */
static void
over(struct accept *a)
{
	if (--a->waiting > 0 || take_again(a))
		return;
	if (a->paper.why != REFUSAL_NONE)
		notify_batch_refuse_all(a->batch, &a->paper);
	for (size_t i = 0; i < a->n && a->paper.why == REFUSAL_NONE; i++) {
		const struct ims_accepting *x = &a->entries[i];
		struct err e;

		if (x->why == REFUSAL_NONE) {
			notify_batch_accept(a->batch, x->index,
			    x->known ? NOTIFY_KNOWN : NOTIFY_NOTICED);
			continue;
		}
		err_word(&e, x->why);
		notify_batch_refuse(a->batch, x->index, &e);
	}
	ims_under_way_end(a->store, &a->under_way, took(a) + a->papers_take);
	ims_store_let_go(&a->store);
	a->done(a->arg);
	for (size_t i = 0; i < a->n_statements; i++)
		buf_clear(&a->evidence[i]);
	buf_clear(&a->cites);
	free(a->evidence);
	free(a->letters);
	free(a->entries);
	free(a);
}

static void
repeated(void *arg, const struct err *e)
{
	struct repeat *r = arg;
	struct accept *a = r->of;

	if (e != NULL)
		r->entry->why = e->why;
	buf_clear(&r->evidence);
	free(r);
	over(a);
}

static void
take_repeat(struct accept *a, struct ims_accepting *x)
{
	struct repeat *r = memory_new(sizeof *r);
	const struct notify_entry *entry = &a->batch->entries[x->index];
	const struct statement *st = &a->batch->statements[entry->statement];

	r->of = a;
	r->entry = x;
	pack_evidence(a, st, &r->evidence);
	r->what = (struct ims_letter_op) {
		.id = st->id,
		.from_domain = x->letter->from_domain,
		.own_domain = x->letter->own_domain,
		.now_s = a->ev->received_s,
		.letter = *x->letter,
		.evidence = buf_span(&r->evidence),
		.papers = buf_span(&a->cites),
		.first = x->has_first ? x->first : NULL,
		.answered = x->answered,
	};
	r->op = (struct kv_op) {
		.part = ims_part_letter(&st->id),
		.apply = ims_letter_op_repeat,
		.done = repeated,
		.arg = r,
		.octets = 1024 + r->evidence.len + a->cites.len,
	};
	a->waiting++;
	kv_store_take(ims_base(a->store), &r->op, a->loop);
}

static void take_halves(struct group *g);

static void
on_told(void *arg, const struct kv_part *to, const struct kv_fact *fact, const struct err *why)
{
	struct group *g = arg;

	g->told = true;
	ims_accepting_told(&g->what, to, fact, why->why);
}

/* All were refused one by one. */
static bool
is_refused(const struct ims_accepting_all *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->entry[i].why == REFUSAL_NONE)
			return false;
	return all->judged;
}

static void
group_over(void *arg, const struct err *e)
{
	struct group *g = arg;
	struct accept *a = g->of;

	if (e != NULL && !g->told && !is_refused(&g->what)) {
		if (g->what.n > 1 && (e->why == REFUSAL_storage || e->why == REFUSAL_system_full)) {
			take_halves(g);
			return;
		}
		for (size_t i = 0; i < g->what.n; i++)
			g->what.entry[i].why = e->why;
	}
	for (size_t i = 0; i < g->what.n; i++)
		if (g->what.entry[i].why == REFUSAL_NONE && g->what.entry[i].known)
			take_repeat(a, &g->what.entry[i]);
	free(g);
	over(a);
}

/* -- papers ------------------------------------------------------------------------------------------------------- */

static void take_groups(struct accept *a);

/* Nothing cites a paper before it is durable: without its papers a batch is refused, and leaves no notice. */
static void
paper_kept(void *arg, const struct err *e)
{
	struct ims_paper_op *k = arg;
	struct accept *a = k->of;

	if (e != NULL)
		a->paper = *e;
	free(k);
	if (a->waiting == 1 && a->paper.why == REFUSAL_NONE)
		take_groups(a);
	else
		over(a);
}

static struct kv_op *
paper_op(struct accept *a, const struct ims_paper *p)
{
	return &ims_paper_op_new(p, a->batch->statements[0].from_domain, a->ev->received_s,
	    paper_kept, a)
		    ->op;
}

/* -- entries ------------------------------------------------------------------------------------------------------ */

static void
fill_entry(struct accept *a, struct ims_accepting *x)
{
	const struct notify_entry *entry = &a->batch->entries[x->index];
	const struct statement *st = &a->batch->statements[entry->statement];
	struct buf *evidence = &a->evidence[entry->statement];
	struct ims_letter *letter = &a->letters[entry->statement];

	x->from = st->from.whole;
	x->to = entry->address;
	x->statement = a->batch->digests[entry->statement];
	x->letter = letter;
	x->date_s = st->date_s;
	x->seen_until_s = ims_seen_until(st->hold_until_s, a->ev->received_s, a->ev->hold_limit_s);
	facts_digest(st, x->facts);
	if ((x->pays = evidence->len == 0)) {
		*letter = letter_of(a, st);
		pack_evidence(a, st, evidence);
	}
	x->evidence = buf_span(evidence);
	x->evidence_takes = (uint32_t)ims_evidence_takes(x->evidence);
	x->takes = (x->pays ? x->evidence_takes : 0) +
	    ims_accepting_takes(&a->common, a->users[x->index], x);
}

static struct group *
new_group(struct accept *a, struct ims_accepting *entry, size_t n, uint64_t has)
{
	struct group *g = memory_new(sizeof *g);

	g->of = a;
	g->what = (struct ims_accepting_all) { .batch = &a->common,
		.user = a->users[entry->index],
		.entry = entry,
		.n = n,
		.sender_has = has };
	g->op = (struct kv_op) {
		.part = ims_part_mailbox(g->what.user),
		.apply = ims_mailbox_accept,
		.told = on_told,
		.done = group_over,
		.arg = g,
		.octets = a->cites.len,
	};
	for (size_t i = 0; i < n; i++)
		g->op.octets += ENTRY_OCTETS + entry[i].evidence.n;
	return g;
}

static uint64_t
takes_of(const struct ims_accepting *entry, size_t n)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < n; i++)
		octets += entry[i].takes;
	return octets;
}

static void
take_halves(struct group *g)
{
	size_t half = g->what.n / 2;
	struct accept *a = g->of;
	uint64_t has = g->what.sender_has;
	struct group *first = new_group(a, g->what.entry, half, has),
		     *second = new_group(a, g->what.entry + half, g->what.n - half,
			 has + takes_of(g->what.entry, half));
	struct kv_op *ops[] = { &first->op, &second->op };

	free(g);
	a->waiting++;
	kv_store_take_several(ims_base(a->store), ops, 2, a->loop);
}

/* Those for the same mailbox, in their order; the order of mailboxes does not matter. */
static int
by_mailbox(const void *one, const void *other, void *accept)
{
	const struct ims_accepting *x = one, *y = other;
	const struct accept *a = accept;
	int order = strcmp(a->users[x->index], a->users[y->index]);

	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* How many of those from the i-th on are for one operation. */
static size_t
group_size(const struct accept *a, size_t i, size_t most)
{
	size_t n = 0, octets = 0;

	do
		octets += a->entries[i + n++].evidence.n;
	while (i + n < most && n < ACCEPT_PAGE && octets < GROUP_OCTETS &&
	    strcmp(a->users[a->entries[i].index], a->users[a->entries[i + n].index]) == 0);
	return n;
}

/* Else no entry that is new will be accepted. */
static bool
has_room(const struct accept *a, uint64_t has)
{
	return a->ev->sender_limit == 0 ||
	    ims_share_fit(has, a->ev->sender_limit, a->store->size) != IMS_FITS_NOT;
}

static uint64_t
seen_most(const struct ims_store *s)
{
	uint64_t most = s->size / IMS_STORE_SEEN_OCTETS;

	if (s->seen_max > 0)
		return s->seen_max;
	return most < IMS_MAILBOX_SEEN ? most : IMS_MAILBOX_SEEN;
}

static void
fill_common(struct accept *a)
{
	const struct statement
	    *st = &a->batch->statements[a->batch->entries[a->entries[0].index].statement];

	a->common = (struct ims_accepting_batch) {
		.from_domain = st->from_domain,
		.own_domain = st->recipient_domain,
		.issuer = span_str(a->ev->issuer),
		.papers = buf_span(&a->cites),
		.received_s = a->ev->received_s,
		.sender_limit = a->ev->sender_limit,
		.mailbox_limit = a->ev->mailbox_limit,
		.size = a->store->size,
		.seen_most = seen_most(a->store),
	};
}

/* The first n entries.  has: what the domain takes without them. */
static void
take_first(struct accept *a, size_t n, uint64_t has)
{
	struct kv_op **ops = memory_array(n, sizeof *ops);
	size_t n_ops = 0, size;

	for (size_t i = 0; i < n; i += size) {
		size = group_size(a, i, n);
		ops[n_ops++] = &new_group(a, &a->entries[i], size, has)->op;
		has += takes_of(&a->entries[i], size);
	}
	a->waiting = n_ops;
	kv_store_take_several(ims_base(a->store), ops, n_ops, a->loop);
	free(ops);
}

static void
take_groups(struct accept *a)
{
	take_first(a, a->n, a->has);
}

/* -- once more ---------------------------------------------------------------------------------------------------- */

static bool
is_short_of_share(const struct ims_accepting *x)
{
	return x->why == REFUSAL_sender_share;
}

static int
by_shortage(const void *one, const void *other, void *accept)
{
	int order = is_short_of_share(other) - is_short_of_share(one);

	return order != 0 ? order : by_mailbox(one, other, accept);
}

/* Each mailbox was judged as if those before it took all that they may; repeats, and what is refused, take nothing. */
static bool
take_again(struct accept *a)
{
	uint64_t has = a->has;
	bool fits = false;
	size_t n = 0;

	if (a->again || a->paper.why != REFUSAL_NONE || a->ev->sender_limit == 0)
		return false;
	has += took(a);
	for (size_t i = 0; i < a->n; i++)
		if (is_short_of_share(&a->entries[i])) {
			n++;
			fits = fits || has_room(a, has + a->entries[i].takes);
		}
	if (!fits)
		return false;
	a->again = true;
	qsort_r(a->entries, a->n, sizeof *a->entries, by_shortage, a);
	take_first(a, n, has);
	return true;
}

/* CRLs first, which are large; the notices state what is small. */
static void
take_papers(struct accept *a)
{
	struct kv_op *ops[IMS_PAPERS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < a->papers.n; i++)
		if (a->papers.paper[i].crl != NULL && has_room(a, a->has))
			ops[n++] = paper_op(a, &a->papers.paper[i]);
	a->waiting = n;
	if (n > 0)
		kv_store_take_several(ims_base(a->store), ops, n, a->loop);
	else
		take_groups(a);
}

static void
take_entries(void *arg, const struct ims_papers *papers, const struct ims_sender_is *sender,
    const struct err *e)
{
	struct accept *a = arg;
	uint64_t takes;

	if (e != NULL) {
		for (size_t i = 0; i < a->n; i++)
			a->entries[i].why = e->why;
		a->waiting = 1;
		a->again = true;
		over(a);
		return;
	}
	a->papers = *papers;
	for (size_t i = 0; i < papers->n; i++)
		a->papers_take += ims_paper_cite(&a->cites, &papers->paper[i], a->ev->received_s);
	fill_common(a);
	a->common.groups = sender->has_mailboxes;
	for (size_t i = 0; i < a->n; i++)
		fill_entry(a, &a->entries[i]);
	takes = a->papers_take + takes_of(a->entries, a->n);
	a->has = sender->sum.octets + a->papers_take +
	    ims_under_way_count(a->store, &a->under_way, takes);
	qsort_r(a->entries, a->n, sizeof *a->entries, by_mailbox, a);
	take_papers(a);
}

void
ims_store_accept(struct ims_store *s, struct notify_batch *b,
    const char (*users)[IMS_STORE_USER_BYTES], const struct ims_evidence *ev, struct loop *l,
    ims_store_accepted *done, void *arg)
{
	struct accept *a = memory_new(sizeof *a);
	bool is_short = b->n_statements * b->seal.text.n <= SEAL_OCTETS;

	a->entries = memory_array(b->n_open, sizeof *a->entries);
	a->letters = memory_array(b->n_statements, sizeof *a->letters);
	a->evidence = memory_array(b->n_statements, sizeof *a->evidence);
	for (size_t i = 0; i < b->n_entries; i++)
		if (!b->entries[i].judged)
			a->entries[a->n++].index = i;
	a->n_statements = b->n_statements;
	a->store = ims_store_hold(s);
	a->batch = b;
	a->users = users;
	a->ev = ev;
	a->loop = l;
	a->done = done;
	a->arg = arg;
	domain_copy_span(&a->under_way.from_domain, b->statements[0].from_domain);
	a->under_way.octets = 3 * b->octets.len + ENTRY_TAKES * a->n;
	ims_under_way_begin(s, &a->under_way);
	ims_papers_choose(s, is_short ? (struct span) { 0 } : b->seal.text, ev,
	    b->statements[0].from_domain, l, take_entries, a);
}
