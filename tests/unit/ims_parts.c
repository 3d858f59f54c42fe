/* ims_parts — the partitions of an IMS's store: what an operation changes in its own, and in others by effects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/loop/loop.h"
#include "common/store/kv_lmdb.h"
#include "ims/store/part.h"
#include "tests/certs.h"
#include "tests/unit/kv_engines.h"

#define NOW   ((int64_t)1700000000)
#define DAY   ((int64_t)86400)
#define SIZE  ((uint64_t)64 << 20)
#define BOB   "bob@b.test"
#define EVE   "eve@b.test"
#define DAVE  "dave@c.test"
#define RUN   7
#define LIMIT ((uint64_t)1 << 40)

struct world {
	char folder[64];
	struct loop *loop;
	struct kv *kv;
	struct kv_memory *memory; /* what is its disk; NULL: it is in the folder */
	enum refusal why;
};

static void
reopen(struct world *w)
{
	static const struct kv_schema schema = { ims_parts, IMS_PARTS, NULL };
	struct err e;

	kv_close(&w->kv);
	if (w->memory != NULL)
		w->kv = kv_memory_open(w->memory, &schema);
	else if (!kv_lmdb_open(w->folder, SIZE, &schema, &w->kv, &e))
		fail_msg("%s", e.text);
}

static void
world_of(struct world *w)
{
	struct err e;

	*w = (struct world) { .memory = engine_memory(SIZE) };
	certs_folder(w->folder);
	assert_true(loop_new(&w->loop, &e));
	reopen(w);
}

static void
world_clear(struct world *w)
{
	kv_close(&w->kv);
	loop_drain(w->loop);
	loop_free(&w->loop);
	kv_memory_free(&w->memory);
	certs_remove(w->folder);
}

/* -- operations -------------------------------------------------------------------------------------------- */

/* apply and done have this as their argument; what apply looks at comes first. */
struct call {
	union {
		struct ims_accepting_all all;
		struct ims_changing change;
		struct ims_letter_op letter;
		struct ims_keeping keep;
		struct ims_ending ending;
		struct ims_renewing renewing;
		int64_t now_s;
	};
	struct world *w;
	struct ims_accepting_batch batch;
	struct ims_accepting accept;
	struct ims_letter letter_of;
};

static void
on_done(void *arg, const struct err *e)
{
	struct call *c = arg;

	c->w->why = e == NULL ? REFUSAL_NONE : e->why;
	loop_stop(c->w->loop);
}

static enum refusal
run(struct world *w, struct kv_part part, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    struct call *c)
{
	struct kv_op op = { .part = part,
		.apply = apply,
		.done = on_done,
		.arg = c,
		.home = w->loop,
		.octets = 4096 };
	struct err e;

	c->w = w;
	assert_true(kv_take(w->kv, &op, &e));
	loop_run(w->loop);
	if (w->memory != NULL) /* what was stated without awaiting it has arrived */
		kv_memory_settle(w->memory);
	return w->why;
}

struct reading {
	struct kv_look look;
	struct world *w;
	void (*fn)(struct kv_txn *t, struct world *w);
};

static void
look_at(struct kv_txn *t, void *arg)
{
	struct reading *r = arg;

	r->fn(t, r->w);
}

static void
looked(void *arg, const struct err *e)
{
	struct reading *r = arg;

	assert_null(e);
	loop_stop(r->w->loop);
}

static void
look(struct world *w, struct kv_part part, void (*fn)(struct kv_txn *t, struct world *w))
{
	struct reading r = {
		.look = { .part = part, .look = look_at, .done = looked, .home = w->loop },
		.w = w,
		.fn = fn
	};

	r.look.arg = &r;
	kv_read(w->kv, &r.look);
	loop_run(w->loop);
}

/* -- scenes -------------------------------------------------------------------------------------------------- */

struct notification {
	unsigned number;
	const char *from, *to;
	int64_t hold_s, at_s;
	uint64_t size;
	uint64_t sender_limit, mailbox_limit, has;
	struct span papers;
};

static struct ulid
id_of(unsigned number)
{
	struct ulid id = { { 0 } };

	id.b[0] = 1;
	id.b[14] = (unsigned char)(number >> 8);
	id.b[15] = (unsigned char)number;
	return id;
}

static const char *
sender_of(const struct notification *n)
{
	return n->from != NULL ? n->from : "alice@a.test";
}

static struct ims_letter
letter_of(const struct notification *n)
{
	struct ims_letter l = { .id = id_of(n->number),
		.size = n->size ? n->size : 1000,
		.hold_until_s = NOW + n->hold_s };

	domain_copy_span(&l.from_domain, address_domain(span_str(sender_of(n))));
	domain_copy_span(&l.own_domain, address_domain(span_str(n->to)));
	return l;
}

static void
fill_entry(const struct notification *n, struct ims_letter *l, struct ims_accepting *a)
{
	static const unsigned char statement[STATEMENT_HASH_BYTES];
	const struct span evidence = SPAN_LIT("evidence");

	*l = letter_of(n);
	*a = (struct ims_accepting) { .from = span_str(sender_of(n)),
		.to = span_str(n->to),
		.letter = l,
		.statement = statement,
		.evidence = evidence,
		.evidence_takes = (uint32_t)ims_evidence_takes(evidence),
		.pays = true,
		.date_s = NOW,
		.seen_until_s = NOW + n->hold_s };
	a->facts[0] = (unsigned char)l->size;
}

static void
fill(struct notification n, struct call *c)
{
	*c = (struct call) { .batch = { .from_domain = address_domain(span_str(sender_of(&n))),
				 .own_domain = address_domain(span_str(n.to)),
				 .issuer = SPAN_LIT("CN=CA"),
				 .papers = n.papers,
				 .received_s = NOW + n.at_s,
				 .sender_limit = n.sender_limit,
				 .mailbox_limit = n.mailbox_limit,
				 .seen_most = IMS_MAILBOX_SEEN,
				 .size = LIMIT } };
	fill_entry(&n, &c->letter_of, &c->accept);
	c->all = (struct ims_accepting_all) { .batch = &c->batch,
		.user = n.to,
		.entry = &c->accept,
		.n = 1,
		.sender_has = n.has };
}

static enum refusal
accept_one(struct world *w, struct notification n, struct call *c)
{
	fill(n, c);
	return run(w, ims_part_mailbox(n.to), ims_mailbox_accept, c);
}

/* Its number. */
static uint64_t
accepts(struct world *w, struct notification n)
{
	struct call c;

	assert_int_equal(accept_one(w, n, &c), REFUSAL_NONE);
	return c.accept.number;
}

static enum refusal
change(struct world *w, const char *user, uint64_t number,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), bool here)
{
	struct call c = { .change = { .number = number,
			      .now_s = NOW,
			      .has_letter = true,
			      .letter = here ? MAILBOX_HERE : MAILBOX_HELD,
			      .set = MAILBOX_SEEN } };

	return run(w, ims_part_mailbox(user), apply, &c);
}

static struct call
of_letter(unsigned number, const char *own)
{
	struct call c = { .letter = { .id = id_of(number), .run = RUN, .now_s = NOW, .file = "" } };

	domain_copy_span(&c.letter.from_domain, SPAN_LIT("a.test"));
	domain_copy_span(&c.letter.own_domain, span_str(own));
	return c;
}

static enum refusal
lease(struct world *w, unsigned number, struct call *c)
{
	*c = of_letter(number, "b.test");
	return run(w, ims_part_letter(&c->letter.id), ims_letter_op_lease, c);
}

static enum refusal
keep(struct world *w, struct call *c, const char *file)
{
	c->letter.fence = c->letter.letter.fence;
	c->letter.octets = SPAN_LIT("the body");
	c->letter.file = file;
	return run(w, ims_part_letter(&c->letter.id), ims_letter_op_keep, c);
}

static void
fetched(struct world *w, unsigned number, const char *file)
{
	struct call c;

	assert_int_equal(lease(w, number, &c), REFUSAL_NONE);
	assert_int_equal(keep(w, &c, file), REFUSAL_NONE);
}

/* -- what is there ------------------------------------------------------------------------------------------------ */

static struct ims_mailbox_is mailbox;
static struct ims_share sum;
static struct ims_letter_record letter;
static unsigned rows;
static char text[512];

static void
see_mailbox(struct kv_txn *t, struct world *w)
{
	struct err e;

	(void)w;
	assert_true(ims_mailbox_is(t, &mailbox, &e));
	ims_mailbox_share(t, SPAN_LIT("a.test"), &sum);
}

static void
see_sender(struct kv_txn *t, struct world *w)
{
	(void)w;
	ims_sender_sum(t, &sum);
}

static bool
count(void *arg, struct span key, struct span value)
{
	(void)arg;
	(void)key;
	(void)value;
	rows++;
	return true;
}

static bool
count_fact(void *arg, const struct kv_fact *f)
{
	(void)arg;
	(void)f;
	rows++;
	return true;
}

/* Rows and facts of the partition. */
static void
count_all(struct kv_txn *t, struct world *w)
{
	(void)w;
	rows = 0;
	kv_each(t, (struct span) { 0 }, (struct span) { 0 }, count, NULL);
	for (unsigned what = 0; what < IMS_FACTS; what++)
		kv_each_fact(t, what, (struct span) { 0 }, (struct span) { 0 }, count_fact, NULL);
}

static unsigned
rows_of(struct world *w, struct kv_part part)
{
	look(w, part, count_all);
	return rows;
}

static void
see_letter(struct kv_txn *t, struct world *w)
{
	struct err e;

	(void)w;
	if (!ims_letter_is(t, SPAN_LIT("a.test"), RUN, NOW, &letter, &e))
		letter.refs = 0;
}

static struct ims_letter_record
letter_is(struct world *w, unsigned number)
{
	struct ulid id = id_of(number);

	look(w, ims_part_letter(&id), see_letter);
	return letter;
}

static bool
add_ack(void *arg, const struct kv_fact *f)
{
	struct ims_ack a;

	(void)arg;
	assert_true(ims_ack_read(f->value, &a));
	snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s", text[0] ? ", " : "",
	    a.declined ? "DECLINE" : "DONE", a.own_domain.text);
	return true;
}

static void
see_acks(struct kv_txn *t, struct world *w)
{
	(void)w;
	text[0] = '\0';
	kv_each_fact(t, FACT_ACK, (struct span) { 0 }, (struct span) { 0 }, add_ack, NULL);
}

/* "DONE b.test": what the OMS of a.test must hear. */
static const char *
pending(struct world *w)
{
	look(w, ims_part_acks(SPAN_LIT("a.test")), see_acks);
	return text;
}

static struct ims_ack first_ack;

static bool
take_ack(void *arg, const struct kv_fact *f)
{
	(void)arg;
	assert_true(ims_ack_read(f->value, &first_ack));
	return false;
}

static void
see_first_ack(struct kv_txn *t, struct world *w)
{
	(void)w;
	kv_each_fact(t, FACT_ACK, (struct span) { 0 }, (struct span) { 0 }, take_ack, NULL);
}

/* The sender's OMS answers the first; late: one that was sent before. */
static void
answer(struct world *w, bool late)
{
	struct call c = { .w = w };

	look(w, ims_part_acks(SPAN_LIT("a.test")), see_first_ack);
	c.letter = (struct ims_letter_op) { .id = first_ack.id,
		.from_domain = first_ack.from_domain,
		.own_domain = first_ack.own_domain,
		.round = first_ack.round - late,
		.declined = first_ack.declined,
		.now_s = NOW };
	assert_int_equal(run(w, ims_part_letter(&c.letter.id), ims_letter_op_acked, &c),
	    REFUSAL_NONE);
}

static void
assert_sums(struct world *w, uint64_t notices)
{
	uint64_t here;

	look(w, ims_part_mailbox(BOB), see_mailbox);
	here = sum.notices;
	look(w, ims_part_mailbox(EVE), see_mailbox);
	here += sum.notices;
	look(w, ims_part_mailbox(DAVE), see_mailbox);
	here += sum.notices;
	assert_int_equal(here, notices);
	look(w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_int_equal(sum.notices, notices);
}

/* -- tests ----------------------------------------------------------------------------------------------------------- */

static void
a_repeat_is_known(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_false(c.accept.known);
	assert_int_equal(c.accept.number, 1);
	reopen(&w);
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_true(c.accept.known);
	assert_int_equal(c.accept.number, 1);
	n.size = 1001;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_id_conflict);
	assert_int_equal(letter_is(&w, 1).refs, 1);
	assert_int_equal(letter_is(&w, 1).facts.state, MAILBOX_HELD);
	assert_sums(&w, 1);
	world_clear(&w);
}

/* The letter of that id is another one: what the mailbox had put is taken back. */
static void
the_id_of_another_letter_is_refused(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;
	struct call c;
	unsigned before;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	n.number = 2;
	accepts(&w, n);
	look(&w, ims_part_mailbox(EVE), see_mailbox);
	before = rows_of(&w, ims_part_mailbox(EVE));
	n.number = 1;
	n.size = 2000;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_id_conflict);
	assert_int_equal(rows_of(&w, ims_part_mailbox(EVE)), before);
	assert_sums(&w, 2);
	assert_int_equal(letter_is(&w, 1).refs, 1);
	n.size = 0;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_false(c.accept.known);
	assert_int_equal(letter_is(&w, 1).refs, 2);
	world_clear(&w);
}

static void
a_letter_goes_with_its_last_notice(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	fetched(&w, 1, "file");
	assert_int_equal(letter_is(&w, 1).facts.state, MAILBOX_HERE);
	assert_string_equal(letter.file, "file");
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, true), REFUSAL_NONE);
	assert_int_equal(letter_is(&w, 1).refs, 1);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, true), REFUSAL_no_such_number);
	assert_int_equal(change(&w, EVE, 1, ims_mailbox_drop, true), REFUSAL_NONE);
	assert_int_equal(letter_is(&w, 1).refs, 0);
	assert_string_equal(pending(&w), "DONE b.test"); /* is owed all the same */
	answer(&w, false);
	assert_string_equal(pending(&w), "");
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
	assert_sums(&w, 0);
	world_clear(&w);
}

static void
done_is_pending_until_it_is_answered(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = DAVE;
	accepts(&w, n);
	assert_string_equal(pending(&w), "");
	fetched(&w, 1, "");
	reopen(&w);
	assert_int_equal(strlen(pending(&w)), strlen("DONE b.test, DONE c.test"));
	answer(&w, true);
	assert_int_equal(strlen(pending(&w)), strlen("DONE b.test, DONE c.test"));
	answer(&w, false);
	answer(&w, false);
	assert_string_equal(pending(&w), "");
	n.to = EVE; /* has the letter, too */
	accepts(&w, n);
	assert_string_equal(pending(&w), "DONE b.test");
	world_clear(&w);
}

static void
a_decline_is_pending_when_nobody_wants_the_letter(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_decline, false), REFUSAL_NONE);
	assert_string_equal(pending(&w), "");
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_decline, false), REFUSAL_NONE);
	assert_string_equal(pending(&w), ""); /* does not count twice */
	assert_int_equal(change(&w, EVE, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DECLINE b.test");
	n.number = 1; /* word for word */
	n.to = EVE;
	accepts(&w, n);
	assert_string_equal(pending(&w), "DECLINE b.test");
	world_clear(&w);
}

static void
a_domain_has_its_shares(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .mailbox_limit = 20000 };
	struct world w;
	struct call c;
	enum refusal why = REFUSAL_NONE;

	(void)state;
	world_of(&w);
	for (n.number = 1; why == REFUSAL_NONE && n.number < 100; n.number++)
		why = accept_one(&w, n, &c);
	assert_int_equal(why, REFUSAL_sender_mailbox_share);
	look(&w, ims_part_mailbox(BOB), see_mailbox);
	assert_in_range(sum.octets, 15000, 20000);
	assert_int_equal(sum.notices, mailbox.notices);
	assert_sums(&w, n.number - 2);
	n.to = EVE;
	n.mailbox_limit = 0;
	n.sender_limit = 30000;
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	n.has = sum.octets;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	n.number++;
	n.has = 30000;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_sender_share);
	world_clear(&w);
}

/* -- papers --------------------------------------------------------------------------------------------------------- */

static struct kv_part paper;
static uint64_t writes;

/* Keeps the octets until_s from now; *writes: the commits that changed something. */
static void
keep_paper(struct world *w, struct span octets, int64_t until_s, const struct crl_octets *crl)
{
	struct call c = { .keep = { .octets = octets,
			      .domain = SPAN_LIT("a.test"),
			      .until_s = NOW + until_s,
			      .now_s = NOW,
			      .crl = crl } };
	unsigned char digest[DIGEST_BYTES];
	struct kv_counts before, after;

	digest_sha256(octets, digest);
	paper = ims_part_paper(digest);
	kv_get_counts(w->kv, &before);
	assert_int_equal(run(w, paper, ims_paper_keep, &c), REFUSAL_NONE);
	kv_get_counts(w->kv, &after);
	writes = after.writes - before.writes;
}

static bool
expires(struct world *w, int64_t at_s)
{
	struct call c = { .keep = { .now_s = NOW + at_s } };

	assert_int_equal(run(w, paper, ims_paper_expire, &c), REFUSAL_NONE);
	return c.keep.gone;
}

static struct buf read_back;

static void
see_paper(struct kv_txn *t, struct world *w)
{
	struct err e;

	buf_reset(&read_back);
	w->why = ims_paper_read(t, &read_back, &e) ? REFUSAL_NONE : e.why;
}

/* It is written when it is new, and then at most once in its slack. */
static void
a_paper_is_kept_until_its_time(void **state)
{
	struct crl_octets crl = { .shared = true, .this_s = NOW - 5, .next_s = NOW + DAY };
	struct kv_part scope, hour;
	struct world w;
	char *long_one = calloc(1, 2 * PAPER_PIECE + 1);

	(void)state;
	world_of(&w);
	memset(crl.scope, 's', sizeof crl.scope);
	scope = kv_part_of(PART_SCOPE, span_of(crl.scope, sizeof crl.scope));
	keep_paper(&w, span_of(long_one, 2 * PAPER_PIECE + 1), 10 * DAY, &crl);
	assert_true(writes > 0);
	hour = ims_part_expiry(NOW + 10 * DAY + PAPER_SLACK_S, &paper);
	look(&w, paper, see_paper);
	assert_int_equal(w.why, REFUSAL_NONE);
	assert_int_equal(read_back.len, 2 * PAPER_PIECE + 1);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_in_range(sum.octets, 2 * PAPER_PIECE, 2 * PAPER_PIECE + 10000);
	assert_int_equal(rows_of(&w, scope), 1);
	assert_int_equal(rows_of(&w, hour), 1);
	keep_paper(&w, span_of(long_one, 2 * PAPER_PIECE + 1), 11 * DAY, &crl);
	assert_int_equal(writes, 0);
	assert_int_equal(rows_of(&w, hour), 1);
	keep_paper(&w, span_of(long_one, 2 * PAPER_PIECE + 1), 41 * DAY, &crl);
	assert_true(writes > 0);
	assert_int_equal(rows_of(&w, hour), 0); /* is looked at later */
	assert_false(expires(&w, 41 * DAY));
	assert_true(expires(&w, 41 * DAY + PAPER_SLACK_S + 1));
	assert_false(expires(&w, 41 * DAY + PAPER_SLACK_S + 1));
	assert_int_equal(rows_of(&w, paper) + rows_of(&w, scope), 0);
	hour = ims_part_expiry(NOW + 41 * DAY + PAPER_SLACK_S, &paper);
	assert_int_equal(rows_of(&w, hour), 0);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_int_equal(sum.octets, 0);
	look(&w, paper, see_paper);
	assert_int_equal(w.why, REFUSAL_storage);
	buf_clear(&read_back);
	free(long_one);
	world_clear(&w);
}

/* -- several entries in one operation ------------------------------------------------------------------------------ */

#define MANY ACCEPT_PAGE

static struct many {
	struct call call;
	struct ims_letter letter[MANY];
	struct ims_accepting entry[MANY];
} many;

static void
on_told(void *arg, const struct kv_part *to, const struct kv_fact *fact, const struct err *why)
{
	struct call *c = arg;

	ims_accepting_told(&c->all, to, fact, why->why);
}

/* All of them to the mailbox of the first. */
static enum refusal
accept_many(struct world *w, const struct notification *n, size_t count)
{
	struct kv_op op = { .part = ims_part_mailbox(n[0].to),
		.apply = ims_mailbox_accept,
		.done = on_done,
		.told = on_told,
		.arg = &many.call,
		.home = w->loop,
		.octets = 4096 };
	struct err e;

	fill(n[0], &many.call);
	many.call.w = w;
	many.call.all.entry = many.entry;
	many.call.all.n = count;
	for (size_t i = 0; i < count; i++)
		fill_entry(&n[i], &many.letter[i], &many.entry[i]);
	assert_true(kv_take(w->kv, &op, &e));
	loop_run(w->loop);
	if (w->memory != NULL)
		kv_memory_settle(w->memory);
	return w->why;
}

static void
each_entry_is_judged(void **state)
{
	struct notification n[] = {
		{ .number = 2, .to = BOB, .hold_s = DAY },
		{ .number = 1, .to = BOB, .hold_s = DAY, .size = 2000 }, /* another letter */
		{ .number = 3, .to = BOB, .hold_s = DAY },
		{ .number = 2, .to = BOB, .hold_s = DAY }, /* again */
		{ .number = 3, .to = BOB, .hold_s = DAY, .size = 2000 },
	};
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	assert_int_equal(accept_many(&w, n, 5), REFUSAL_id_conflict); /* by the letter */
	assert_true(many.call.all.judged);
	assert_int_equal(many.entry[0].why, REFUSAL_NONE);
	assert_int_equal(many.entry[1].why, REFUSAL_id_conflict);
	assert_int_equal(many.entry[2].why, REFUSAL_NONE);
	assert_int_equal(many.entry[3].why, REFUSAL_NONE);
	assert_true(many.entry[3].known && !many.entry[0].known);
	assert_int_equal(many.entry[3].number, many.entry[0].number);
	assert_int_equal(many.entry[4].why, REFUSAL_id_conflict);
	assert_sums(&w, 3);
	assert_int_equal(accept_many(&w, n, 5), REFUSAL_id_conflict);
	assert_true(many.entry[0].known && many.entry[2].known);
	assert_int_equal(accept_many(&w, n + 4, 1), REFUSAL_id_conflict); /* by the mailbox */
	assert_true(many.call.all.judged);
	assert_sums(&w, 3);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(letter_is(&w, i).refs, 1);
	world_clear(&w);
}

/* As many as one operation takes are one write. */
static void
a_batch_is_one_write(void **state)
{
	struct notification n[MANY];
	struct kv_counts before, after;
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 0; i < MANY; i++)
		n[i] = (struct notification) { .number = i, .to = BOB, .hold_s = DAY };
	kv_get_counts(w.kv, &before);
	assert_int_equal(accept_many(&w, n, MANY), REFUSAL_NONE);
	kv_get_counts(w.kv, &after);
	if (w.memory == NULL)
		assert_int_equal(after.writes - before.writes, 1);
	assert_sums(&w, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(letter_is(&w, i).refs, 1);
	world_clear(&w);
}

/* What the evidence cites is kept once for all; a paper that is not kept, and does not come, refuses all that cite it. */
static void
a_batch_comes_with_its_papers(void **state)
{
	struct notification n[] = {
		{ .number = 1, .to = BOB, .hold_s = DAY },
		{ .number = 2, .to = BOB, .hold_s = DAY },
	};
	unsigned char digest[DIGEST_BYTES];
	struct buf cites = BUF_INIT;
	struct ulid id = id_of(1);
	struct world w;
	unsigned before;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 3, .to = BOB, .hold_s = DAY });
	before = rows_of(&w, ims_part_mailbox(BOB));
	digest_sha256(SPAN_LIT("the seal"), digest);
	paper = ims_part_paper(digest);
	ims_citing_add(&cites, digest, (struct span) { 0 }, NOW + DAY);
	n[0].papers = buf_span(&cites);
	assert_int_equal(accept_many(&w, n, 2), REFUSAL_too_many_outstanding);
	assert_int_equal(many.entry[0].why, REFUSAL_too_many_outstanding);
	assert_int_equal(many.entry[1].why, REFUSAL_too_many_outstanding);
	assert_int_equal(rows_of(&w, ims_part_mailbox(BOB)), before);
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
	assert_sums(&w, 1);
	buf_reset(&cites);
	ims_citing_add(&cites, digest, SPAN_LIT("the seal"), NOW + DAY);
	n[0].papers = buf_span(&cites);
	assert_int_equal(accept_many(&w, n, 2), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, paper), 3); /* no fact stays */
	look(&w, paper, see_paper);
	assert_int_equal(w.why, REFUSAL_NONE);
	assert_int_equal(read_back.len, 8);
	assert_sums(&w, 3);
	buf_clear(&read_back);
	buf_clear(&cites);
	world_clear(&w);
}

/* A repeat is not known as long as a paper that the first cites has not come. */
static void
a_repeat_waits_for_the_papers_of_the_first(void **state)
{
	static const unsigned char statement[STATEMENT_HASH_BYTES];
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ims_evidence_record r = { .n_papers = 2, .has_seal = true };
	struct buf evidence = BUF_INIT;
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	digest_sha256(SPAN_LIT("the chain"), r.paper[0]);
	digest_sha256(SPAN_LIT("the seal"), r.paper[1]);
	ims_evidence_pack(&evidence, &r);
	keep_paper(&w, SPAN_LIT("the chain"), DAY, NULL);
	fill(n, &c);
	c.accept.evidence = buf_span(&evidence);
	assert_int_equal(run(&w, ims_part_mailbox(BOB), ims_mailbox_accept, &c), REFUSAL_NONE);
	fill(n, &c);
	assert_int_equal(run(&w, ims_part_mailbox(BOB), ims_mailbox_accept, &c), REFUSAL_NONE);
	assert_true(c.accept.known && c.accept.has_first);
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			keep_paper(&w, SPAN_LIT("the seal"), DAY, NULL);
		c = of_letter(1, "b.test");
		c.letter.letter = letter_is(&w, 1).facts;
		c.letter.first = i == 1 ? NULL : statement; /* NULL: the notice was dropped */
		assert_int_equal(run(&w, ims_part_letter(&c.letter.id), ims_letter_op_repeat, &c),
		    i == 0 ? REFUSAL_too_many_outstanding : REFUSAL_NONE);
	}
	buf_clear(&evidence);
	world_clear(&w);
}

/* -- pages ----------------------------------------------------------------------------------------------------------- */

static struct ims_numbers numbers;

static void
see_numbers(struct kv_txn *t, struct world *w)
{
	(void)w;
	ims_mailbox_numbers(t, &numbers);
}

/* Ends what `numbers` asks for, as if no letter were here.  How many were dropped. */
static uint64_t
end_page(struct world *w, bool forgets)
{
	struct ims_ended ended[MAILBOX_PAGE];
	struct call c = {
		.ending = { .most = MAILBOX_PAGE, .rows = ended, .forgets = forgets, .now_s = NOW }
	};

	look(w, ims_part_mailbox(BOB), see_numbers);
	for (size_t i = 0; i < numbers.n; i++)
		ended[i] = (struct ims_ended) { .number = numbers.number[i],
			.end = IMS_NOTICE_GOES,
			.has_letter = true,
			.letter = MAILBOX_HELD };
	c.ending.n = numbers.n;
	assert_int_equal(run(w, ims_part_mailbox(BOB), ims_mailbox_end, &c), REFUSAL_NONE);
	return c.ending.dropped;
}

static unsigned
pages(struct world *w, bool (*apply)(struct kv_txn *t, void *arg, struct err *e), int64_t at_s)
{
	struct call c = { .ending = { .most = MAILBOX_PAGE,
			      .now_s = NOW + at_s,
			      .keep_s = 30 * DAY,
			      .from_domain = SPAN_LIT("a.test"),
			      .more = true } };
	unsigned n = 0;

	for (; c.ending.more; n++)
		assert_int_equal(run(w, ims_part_mailbox(BOB), apply, &c), REFUSAL_NONE);
	return n;
}

static unsigned
looked_at(struct world *w, int64_t at_s)
{
	struct kv_part bob = ims_part_mailbox(BOB);

	return rows_of(w, ims_part_expiry(NOW + at_s, &bob));
}

static void
notices_and_repeats_end_by_time(void **state)
{
	struct notification n = { .to = BOB, .hold_s = 2 * DAY };
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(looked_at(&w, 2 * DAY), 1);
	n.hold_s = DAY;
	for (n.number = 1; n.number <= 230; n.number++)
		accepts(&w, n);
	assert_int_equal(looked_at(&w, 2 * DAY), 0);
	assert_int_equal(looked_at(&w, DAY), 1);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE, .due_s = NOW + DAY };
	assert_int_equal(end_page(&w, false), 0);
	assert_int_equal(pages(&w, ims_mailbox_expire, DAY + 1), 3);
	assert_int_equal(looked_at(&w, DAY), 0);
	assert_int_equal(looked_at(&w, 2 * DAY), 1); /* the first one's repeat */
	n.number = 1;
	n.hold_s = 2 * DAY;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE); /* nobody remembers it */
	assert_false(c.accept.known);
	n.number = 0;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_true(c.accept.known);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE, .due_s = NOW + DAY + 1 };
	assert_int_equal(end_page(&w, false), 100);
	assert_true(numbers.more);
	assert_int_equal(end_page(&w, false), 100);
	assert_int_equal(end_page(&w, false), 30);
	assert_false(numbers.more);
	pages(&w, ims_mailbox_expire, 3 * DAY);
	assert_int_equal(looked_at(&w, 2 * DAY), 0);
	assert_int_equal(looked_at(&w, 32 * DAY), 1); /* the notices of 0 and of 1 */
	assert_sums(&w, 2);
	world_clear(&w);
}

static void
a_sender_goes_with_what_is_remembered(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY };
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= 150; n.number++)
		accepts(&w, n);
	n.from = "carl@other.test";
	n.number = 200;
	accepts(&w, n);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE, .from_domain = SPAN_LIT("a.test") };
	assert_int_equal(end_page(&w, false), 100);
	assert_int_equal(end_page(&w, false), 50);
	assert_int_equal(end_page(&w, false), 0);
	assert_sums(&w, 0);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_true(sum.octets > 0); /* remembered */
	pages(&w, ims_mailbox_forget, 0);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_int_equal(sum.octets, 0);
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_true(c.accept.known);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE };
	assert_int_equal(end_page(&w, true), 1);
	pages(&w, ims_mailbox_delete, 0);
	assert_int_equal(rows_of(&w, ims_part_mailbox(BOB)), 0);
	look(&w, ims_part_sender(SPAN_LIT("other.test")), see_sender);
	assert_int_equal(sum.octets, 0);
	assert_int_equal(looked_at(&w, DAY), 0);
	assert_int_equal(accepts(&w, n), 1); /* a new mailbox of this name */
	world_clear(&w);
}

#define STATEMENTS 15000 /* more than one commit deletes */

static bool
put_statements(struct kv_txn *t, void *arg, struct err *e)
{
	int64_t from = ((struct call *)arg)->now_s;

	(void)e;
	for (int64_t i = from; i < from + 1000; i++) {
		struct kv_key k = { .n = 0 };

		kv_key_add_u8(&k, 'e');
		kv_key_add_hash(&k, SPAN_LIT("a.test"), PART_SHORT);
		kv_key_add_hash(&k, SPAN_LIT("b.test"), PART_SHORT);
		kv_key_add_u64(&k, (uint64_t)i);
		kv_put(t, kv_key_span(&k), SPAN_LIT("evidence"));
	}
	return true;
}

/* Also while one of its id is announced, which waits for its end. */
static void
a_letter_of_many_statements_goes(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct kv_part letter_1 = ims_part_letter(&id);
	struct call c = { .w = NULL };
	enum refusal why;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	for (c.now_s = 1; c.now_s < STATEMENTS; c.now_s += 1000)
		assert_int_equal(run(&w, letter_1, put_statements, &c), REFUSAL_NONE);
	assert_true(rows_of(&w, letter_1) > STATEMENTS);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	n.to = EVE;
	while ((why = accept_one(&w, n, &c)) != REFUSAL_NONE)
		assert_int_equal(why, REFUSAL_too_many_outstanding);
	assert_int_equal(change(&w, EVE, c.accept.number, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, letter_1), 0);
	world_clear(&w);
}

static struct buf digests;

static struct ims_renewing
letter_of_a(void)
{
	struct ims_renewing r = { .now_s = NOW };
	struct kv_key hash = { .n = 0 };

	kv_key_add_hash(&hash, SPAN_LIT("a.test"), PART_SHORT);
	memcpy(r.domain_hash, hash.b, sizeof r.domain_hash);
	return r;
}

static void
see_papers(struct kv_txn *t, struct world *w)
{
	const struct kv_key first = { .n = 0 };
	struct kv_key next;

	(void)w;
	assert_false(ims_letter_papers(t, letter_of_a().domain_hash, &first, &next, &digests));
}

/* The hour in which a letter that was renewed at its time does so again. */
static struct kv_part
hour_of_renewal(const struct kv_part *letter_part)
{
	return ims_part_expiry(NOW + 2 * PAPER_RENEW_S - ims_spread_s(letter_part, PAPER_SLACK_S),
	    letter_part);
}

/* The letter of a.test. */
static enum refusal
renewed(struct world *w, unsigned number, int64_t now_s)
{
	struct ulid id = id_of(number);
	struct call c = { .renewing = letter_of_a() };

	c.renewing.now_s = now_s;
	return run(w, ims_part_letter(&id), ims_letter_renewed, &c);
}

/* A letter that is kept says when it renews its papers, again and again; one that is gone does not. */
static void
a_letter_renews_its_papers(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct kv_part letter_1 = ims_part_letter(&id);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(rows_of(&w, ims_part_expiry(NOW + PAPER_RENEW_S, &letter_1)), 1);
	look(&w, letter_1, see_papers);
	assert_int_equal(digests.len, 0); /* this evidence is none */
	assert_int_equal(renewed(&w, 1, NOW + PAPER_RENEW_S), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, ims_part_expiry(NOW + PAPER_RENEW_S, &letter_1)), 0);
	assert_int_equal(rows_of(&w, hour_of_renewal(&letter_1)), 1);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour_of_renewal(&letter_1)), 0);
	assert_int_equal(rows_of(&w, letter_1), 0);
	buf_clear(&digests);
	world_clear(&w);
}

/* Letters of two senders with the same id are looked at each by itself. */
static void
two_letters_of_one_id_renew_their_own(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct kv_part both = ims_part_letter(&id),
		       hour = ims_part_expiry(NOW + PAPER_RENEW_S, &both);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.from = "alice@z.test";
	accepts(&w, n);
	assert_int_equal(rows_of(&w, hour), 2);
	assert_int_equal(renewed(&w, 1, NOW + PAPER_RENEW_S), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour), 1);
	assert_int_equal(change(&w, BOB, 2, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour), 0);
	assert_int_equal(rows_of(&w, hour_of_renewal(&both)), 1);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour_of_renewal(&both)), 0);
	assert_int_equal(rows_of(&w, both), 0);
	world_clear(&w);
}

/* What is due to the sender of a letter that is gone is in a row; where the letter comes again, its record has it. */
static void
what_is_due_goes_with_the_letter_and_comes_back(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	fetched(&w, 1, "");
	assert_string_equal(pending(&w), "DONE b.test");
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, true), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DONE b.test");
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 1); /* what is due */
	n.to = EVE;
	n.at_s = 1;
	accepts(&w, n); /* held again, so the sender must not forget it */
	assert_string_equal(pending(&w), "");
	assert_int_equal(letter_is(&w, 1).own.due, IMS_DUE_NOTHING);
	assert_int_equal(letter_is(&w, 1).own.is.wants, 1);
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 3); /* letter, evidence, notice */
	world_clear(&w);
}

/* More of our domains than one operation may tell. */
static void
done_is_pending_for_any_number_of_our_domains(void **state)
{
	struct notification n = { .number = 1, .hold_s = DAY };
	struct kv_part acks = ims_part_acks(SPAN_LIT("a.test"));
	struct call c = { .w = NULL };
	char to[32];
	struct world w;

	(void)state;
	world_of(&w);
	n.to = to;
	for (int i = 0; i < 2 * LETTER_PAGE + 1; i++) {
		snprintf(to, sizeof to, "bob@d%d.test", i);
		accepts(&w, n);
	}
	assert_int_equal(lease(&w, 1, &c), REFUSAL_NONE);
	assert_int_equal(keep(&w, &c, ""), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, acks), 2 * LETTER_PAGE + 2); /* and their sum */
	world_clear(&w);
}

/* It goes with the last that is summed, and comes again. */
static void
a_sum_of_nothing_goes(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct kv_part sender = ims_part_sender(SPAN_LIT("a.test"));
	struct call c;
	struct world w;

	(void)state;
	world_of(&w);
	for (uint64_t i = 0; i < 2; i++) {
		accepts(&w, n);
		assert_int_equal(change(&w, BOB, 1 + i, ims_mailbox_drop, false), REFUSAL_NONE);
		assert_int_equal(rows_of(&w, sender), 2); /* of what is remembered */
		c = (struct call) {
			.ending = { .most = MAILBOX_PAGE, .now_s = NOW + 2 * DAY },
		};
		assert_int_equal(run(&w, ims_part_mailbox(BOB), ims_mailbox_expire, &c),
		    REFUSAL_NONE);
		assert_int_equal(rows_of(&w, sender), 0);
	}
	world_clear(&w);
}

/* So its directory and its hour hear nothing of an acknowledgement that comes and goes. */
static void
a_domain_stays_listed_for_a_day_after_its_last_acknowledgement(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = 3 * DAY };
	struct kv_part acks = ims_part_acks(SPAN_LIT("a.test")),
		       shard = kv_dir_part(PART_ACKERS, SPAN_LIT("a.test"));
	struct call c = { .w = NULL };
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= 2; n.number++) {
		accepts(&w, n);
		assert_int_equal(lease(&w, n.number, &c), REFUSAL_NONE);
		assert_int_equal(keep(&w, &c, ""), REFUSAL_NONE);
		assert_int_equal(rows_of(&w, shard), 2); /* and their sum */
		c.letter.declined = false;
		assert_int_equal(run(&w, ims_part_letter(&c.letter.id), ims_letter_op_acked, &c),
		    REFUSAL_NONE);
		assert_string_equal(pending(&w), "");
		assert_int_equal(rows_of(&w, shard), 2);
		/* whoever looks finds none */
		c.now_s = NOW + (n.number - 1) * DAY / 2;
		assert_int_equal(run(&w, acks, ims_acks_idle, &c), REFUSAL_NONE);
	}
	c.now_s = NOW + DAY + 10; /* since the last one it is only half a day */
	assert_int_equal(run(&w, acks, ims_acks_idle, &c), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, shard), 2);
	c.now_s = NOW + 3 * DAY / 2;
	assert_int_equal(run(&w, acks, ims_acks_idle, &c), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, shard), 0);
	assert_int_equal(rows_of(&w, acks), 0);
	world_clear(&w);
}

static uint64_t
draw(uint64_t *dice, uint64_t n)
{
	*dice = *dice * 6364136223846793005U + 1442695040888963407U;
	return (*dice >> 33) % n;
}

static void
do_anything(struct world *w, uint64_t *dice)
{
	static const char *const users[] = { BOB, EVE, DAVE };
	const char *user = users[draw(dice, 3)];
	unsigned what = (unsigned)draw(dice, 20), letter_number = (unsigned)draw(dice, 6);
	struct call c;

	if (what < 8)
		accept_one(w,
		    (struct notification) { .number = letter_number, .to = user, .hold_s = DAY },
		    &c);
	else if (what < 13)
		change(w, user, 1 + draw(dice, 40), ims_mailbox_drop, draw(dice, 2) == 0);
	else if (what < 15)
		change(w, user, 1 + draw(dice, 40), ims_mailbox_decline, false);
	else if (what < 16)
		change(w, user, 1 + draw(dice, 40), ims_mailbox_mark, false);
	else if (what < 18 && lease(w, letter_number, &c) == REFUSAL_NONE &&
	    c.letter.letter.state == MAILBOX_FETCHING)
		keep(w, &c, "");
	else if (what == 18 && pending(w)[0] != '\0')
		answer(w, draw(dice, 4) == 0);
	else if (what == 19)
		reopen(w);
}

/* The sums of all partitions are what they count, after anything. */
static void
sums_are_true_whatever_happens(void **state)
{
	static const char *const users[] = { BOB, EVE, DAVE };
	uint64_t dice = 20261130, notices;
	struct world w;

	(void)state;
	world_of(&w);
	for (int i = 1; i <= 600; i++) {
		uint32_t refs = 0;

		do_anything(&w, &dice);
		if (i % 30 != 0)
			continue;
		notices = 0;
		for (size_t u = 0; u < 3; u++) {
			look(&w, ims_part_mailbox(users[u]), see_mailbox);
			assert_int_equal(sum.notices, mailbox.notices);
			notices += mailbox.notices;
		}
		for (unsigned n = 0; n < 6; n++)
			refs += letter_is(&w, n).refs;
		assert_int_equal(refs, notices);
		assert_sums(&w, notices);
	}
	for (size_t u = 0; u < 3; u++)
		for (uint64_t n = 1; n < 600; n++)
			change(&w, users[u], n, ims_mailbox_drop, false);
	while (pending(&w)[0] != '\0')
		answer(&w, false);
	assert_sums(&w, 0);
	for (unsigned n = 0; n < 6; n++) {
		struct ulid id = id_of(n);

		assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
	}
	world_clear(&w);
}

struct both {
	struct call call[2];
	struct kv_op op[2];
	enum refusal why[2];
	unsigned left;
};

static struct both both;

static void
one_done(void *arg, const struct err *e)
{
	size_t i = arg == &both.call[0] ? 0 : 1;

	both.why[i] = e == NULL ? REFUSAL_NONE : e->why;
	if (--both.left == 0)
		loop_stop(both.call[0].w->loop);
}

/* The first is refused by its letter, which may be decided long after the mailbox has put it: who repeats it meanwhile
 * is not told that it is known. */
static void
a_repeat_waits_for_what_it_repeats(void **state)
{
	struct notification eve = { .to = EVE, .hold_s = DAY }, bob = { .to = BOB, .hold_s = DAY };
	struct world w;
	struct err e;

	(void)state;
	world_of(&w);
	for (unsigned number = 1; number <= 40; number++) {
		eve.number = bob.number = number;
		accepts(&w, eve);
		bob.size = 2000;
		both = (struct both) { .left = 2 };
		for (int i = 0; i < 2; i++) {
			fill(bob, &both.call[i]);
			both.call[i].w = &w;
			both.op[i] = (struct kv_op) { .part = ims_part_mailbox(BOB),
				.apply = ims_mailbox_accept,
				.done = one_done,
				.arg = &both.call[i],
				.home = w.loop,
				.octets = 4096 };
			assert_true(kv_take(w.kv, &both.op[i], &e));
		}
		loop_run(w.loop);
		for (int i = 0; i < 2; i++)
			assert_int_equal(both.why[i], REFUSAL_id_conflict);
		bob.size = 0; /* the letter itself, at once again */
		accepts(&w, bob);
	}
	world_clear(&w);
}

int
main(void)
{
	enum { N = 22 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_repeat_is_known),
		cmocka_unit_test(a_repeat_waits_for_what_it_repeats),
		cmocka_unit_test(the_id_of_another_letter_is_refused),
		cmocka_unit_test(a_letter_goes_with_its_last_notice),
		cmocka_unit_test(done_is_pending_until_it_is_answered),
		cmocka_unit_test(a_decline_is_pending_when_nobody_wants_the_letter),
		cmocka_unit_test(a_domain_has_its_shares),
		cmocka_unit_test(a_paper_is_kept_until_its_time),
		cmocka_unit_test(each_entry_is_judged),
		cmocka_unit_test(a_batch_is_one_write),
		cmocka_unit_test(a_batch_comes_with_its_papers),
		cmocka_unit_test(a_repeat_waits_for_the_papers_of_the_first),
		cmocka_unit_test(notices_and_repeats_end_by_time),
		cmocka_unit_test(a_sender_goes_with_what_is_remembered),
		cmocka_unit_test(a_letter_of_many_statements_goes),
		cmocka_unit_test(a_letter_renews_its_papers),
		cmocka_unit_test(two_letters_of_one_id_renew_their_own),
		cmocka_unit_test(what_is_due_goes_with_the_letter_and_comes_back),
		cmocka_unit_test(done_is_pending_for_any_number_of_our_domains),
		cmocka_unit_test(a_sum_of_nothing_goes),
		cmocka_unit_test(a_domain_stays_listed_for_a_day_after_its_last_acknowledgement),
		cmocka_unit_test(sums_are_true_whatever_happens),
	};

	return engines_run("ims_parts", tests, N, N);
}
