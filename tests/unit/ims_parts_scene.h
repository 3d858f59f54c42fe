/* ims_parts_scene — operations on the partitions of the IMS's store, and what is there after them; after <cmocka.h>. */
#ifndef TESTS_UNIT_IMS_PARTS_SCENE_H
#define TESTS_UNIT_IMS_PARTS_SCENE_H

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

static inline void
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

static inline void
world_of(struct world *w)
{
	struct err e;

	*w = (struct world) { .memory = engine_memory(SIZE) };
	certs_folder(w->folder);
	assert_true(loop_new(&w->loop, &e));
	reopen(w);
}

static inline void
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

static inline void
on_done(void *arg, const struct err *e)
{
	struct call *c = arg;

	c->w->why = e == NULL ? REFUSAL_NONE : e->why;
	loop_stop(c->w->loop);
}

static inline enum refusal
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

static inline void
look_at(struct kv_txn *t, void *arg)
{
	struct reading *r = arg;

	r->fn(t, r->w);
}

static inline void
looked(void *arg, const struct err *e)
{
	struct reading *r = arg;

	assert_null(e);
	loop_stop(r->w->loop);
}

static inline void
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

static inline struct ulid
id_of(unsigned number)
{
	struct ulid id = { { 0 } };

	id.b[0] = 1;
	id.b[14] = (unsigned char)(number >> 8);
	id.b[15] = (unsigned char)number;
	return id;
}

static inline const char *
sender_of(const struct notification *n)
{
	return n->from != NULL ? n->from : "alice@a.test";
}

static inline struct ims_letter
letter_of(const struct notification *n)
{
	struct ims_letter l = { .id = id_of(n->number),
		.size = n->size ? n->size : 1000,
		.hold_until_s = NOW + n->hold_s };

	domain_copy_span(&l.from_domain, address_domain(span_str(sender_of(n))));
	domain_copy_span(&l.own_domain, address_domain(span_str(n->to)));
	return l;
}

static inline void
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

static inline void
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

static inline enum refusal
accept_one(struct world *w, struct notification n, struct call *c)
{
	fill(n, c);
	return run(w, ims_part_mailbox(n.to), ims_mailbox_accept, c);
}

/* Its number. */
static inline uint64_t
accepts(struct world *w, struct notification n)
{
	struct call c;

	assert_int_equal(accept_one(w, n, &c), REFUSAL_NONE);
	return c.accept.number;
}

static inline enum refusal
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

static inline struct call
of_letter(unsigned number, const char *own)
{
	struct call c = { .letter = { .id = id_of(number), .run = RUN, .now_s = NOW, .file = "" } };

	domain_copy_span(&c.letter.from_domain, SPAN_LIT("a.test"));
	domain_copy_span(&c.letter.own_domain, span_str(own));
	return c;
}

static inline enum refusal
lease(struct world *w, unsigned number, struct call *c)
{
	*c = of_letter(number, "b.test");
	return run(w, ims_part_letter(&c->letter.id), ims_letter_op_lease, c);
}

static inline enum refusal
keep(struct world *w, struct call *c, const char *file)
{
	c->letter.fence = c->letter.letter.fence;
	c->letter.octets = SPAN_LIT("the body");
	c->letter.file = file;
	return run(w, ims_part_letter(&c->letter.id), ims_letter_op_keep, c);
}

static inline void
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

static inline void
see_mailbox(struct kv_txn *t, struct world *w)
{
	struct err e;

	(void)w;
	assert_true(ims_mailbox_is(t, &mailbox, &e));
	ims_mailbox_share(t, SPAN_LIT("a.test"), &sum);
}

static inline void
see_sender(struct kv_txn *t, struct world *w)
{
	(void)w;
	ims_sender_sum(t, &sum);
}

static inline bool
count(void *arg, struct span key, struct span value)
{
	(void)arg;
	(void)key;
	(void)value;
	rows++;
	return true;
}

static inline bool
count_fact(void *arg, const struct kv_fact *f)
{
	(void)arg;
	(void)f;
	rows++;
	return true;
}

/* Rows and facts of the partition. */
static inline void
count_all(struct kv_txn *t, struct world *w)
{
	(void)w;
	rows = 0;
	kv_each(t, (struct span) { 0 }, (struct span) { 0 }, count, NULL);
	for (unsigned what = 0; what < IMS_FACTS; what++)
		kv_each_fact(t, what, (struct span) { 0 }, (struct span) { 0 }, count_fact, NULL);
}

static inline unsigned
rows_of(struct world *w, struct kv_part part)
{
	look(w, part, count_all);
	return rows;
}

static inline void
see_letter(struct kv_txn *t, struct world *w)
{
	struct err e;

	(void)w;
	if (!ims_letter_is(t, SPAN_LIT("a.test"), RUN, NOW, &letter, &e))
		letter.refs = 0;
}

static inline struct ims_letter_record
letter_is(struct world *w, unsigned number)
{
	struct ulid id = id_of(number);

	look(w, ims_part_letter(&id), see_letter);
	return letter;
}

static inline bool
add_ack(void *arg, const struct kv_fact *f)
{
	struct ims_ack a;

	(void)arg;
	assert_true(ims_ack_read(f->value, &a));
	snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %s", text[0] ? ", " : "",
	    a.declined ? "DECLINE" : "DONE", a.own_domain.text);
	return true;
}

static inline void
see_acks(struct kv_txn *t, struct world *w)
{
	(void)w;
	text[0] = '\0';
	kv_each_fact(t, FACT_ACK, (struct span) { 0 }, (struct span) { 0 }, add_ack, NULL);
}

/* "DONE b.test": what the OMS of a.test must hear. */
static inline const char *
pending(struct world *w)
{
	look(w, ims_part_acks(SPAN_LIT("a.test")), see_acks);
	return text;
}

static inline void
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

/* -- several entries in one operation ------------------------------------------------------------------------------ */

#define MANY ACCEPT_PAGE

static struct many {
	struct call call;
	struct ims_letter letter[MANY];
	struct ims_accepting entry[MANY];
} many;

static inline void
on_told(void *arg, const struct kv_part *to, const struct kv_fact *fact, const struct err *why)
{
	struct call *c = arg;

	ims_accepting_told(&c->all, to, fact, why->why);
}

/* All of them to the mailbox of the first. */
static inline enum refusal
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

#endif
