/* ims_bounds — no partition of the IMS's store grows without bound, whatever its senders and users do or leave undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_lmdb.h"
#include "tests/ims_truth.h"
#include "tests/unit/ims_store_scene.h"

#define RETRY_MS 20

struct bounded {
	struct world w;
	struct ims_bounds bounds;
};

static void
bounded_of(struct bounded *b, uint64_t acks)
{
	struct kv_schema schema = ims_schema;
	struct world *w = &b->w;
	char store[128], bodies[128];
	struct kv *kv;
	struct err e;

	b->bounds = (struct ims_bounds) { acks };
	world_bare(w);
	schema.arg = &b->bounds;
	w->memory = engine_memory(SIZE);
	snprintf(store, sizeof store, "%s/store", w->folder);
	snprintf(bodies, sizeof bodies, "%s/store/bodies", w->folder);
	if (w->memory != NULL) {
		assert_int_equal(mkdir(store, 0700), 0);
		kv = kv_memory_open(w->memory, &schema);
	} else {
		assert_true(kv_lmdb_open(store, SIZE, &schema, &kv, &e));
		kv_lmdb_set_retry_ms(kv, RETRY_MS);
	}
	assert_true(ims_store_open_on(kv, bodies, SIZE, w->offload, &w->store, &e));
}

/* -- acknowledgements that nobody takes ------------------------------------------------------------------ */

/* A letter that is here by the end. */
static void
fetch(struct world *w, unsigned number)
{
	accepts(w, (struct notification) { .number = number, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(w, BOB, number), REFUSAL_NONE);
	assert_int_equal(keep(w, &w->leased), REFUSAL_NONE);
	arrive(w);
}

static struct ims_ack
answer_first(struct world *w)
{
	struct ims_ack a;

	assert_true(list_acks(w, NULL, 1) == 1);
	a = w->acks[0];
	w->waiting++;
	ims_store_acked(w->store, &a, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return a;
}

static uint64_t
waiting(const struct world *w)
{
	struct kv_counts c;

	kv_get_counts(ims_store_kv(w->store), &c);
	return c.pending;
}

/* What waits comes in later: by the engine's time, or its next commit. */
static void
wait_for_acks(struct world *w, size_t n)
{
	for (int i = 0; i < 1000 && list_acks(w, NULL, WORLD_ACKS) != n; i++)
		usleep(10000);
	assert_int_equal(list_acks(w, NULL, WORLD_ACKS), n);
}

static void
so_many_acknowledgements_are_due(void **state)
{
	enum { MOST = 3, LETTERS = MOST + 2 };
	unsigned char answered[LETTERS] = { 0 };
	struct bounded b;
	struct world *w = &b.w;

	(void)state;
	bounded_of(&b, MOST);
	for (unsigned i = 1; i <= LETTERS; i++) {
		fetch(w, i);
		assert_int_equal(list_acks(w, NULL, WORLD_ACKS), i < MOST ? i : MOST);
		if (i == MOST)
			assert_int_equal(waiting(w), 0);
	}
	assert_int_equal(waiting(w), LETTERS - MOST);
	for (unsigned i = 0; i < LETTERS; i++) {
		const struct ims_ack a = answer_first(w);

		for (unsigned k = 1; k <= LETTERS; k++) {
			const struct ulid id = id_of(w, k);

			answered[k - 1] += ulid_eq(&id, &a.id);
		}
		wait_for_acks(w, i + MOST < LETTERS ? MOST : LETTERS - i - 1);
	}
	for (unsigned i = 0; i < LETTERS; i++)
		assert_int_equal(answered[i], 1);
	assert_int_equal(waiting(w), 0);
	world_clear(w);
}

/* A letter goes whose acknowledgement has not come in: nothing is left of either that it would be due for ever. */
static void
a_letter_goes_whose_acknowledgement_waits(void **state)
{
	struct bounded b;
	struct world *w = &b.w;

	(void)state;
	bounded_of(&b, 1);
	fetch(w, 1);
	fetch(w, 2);
	drop(w, BOB, 2);
	assert_int_equal(w->why, REFUSAL_NONE);
	drop(w, BOB, 1);
	assert_int_equal(entries(w, LETTER), 0);
	for (int i = 0; i < 2; i++) {
		wait_for_acks(w, 1);
		answer_first(w);
	}
	wait_for_acks(w, 0);
	world_clear(w);
}

/* -- a mailbox ----------------------------------------------------------------------------------------------- */

static bool
count_one(void *arg, struct span key)
{
	(void)key;
	++*(size_t *)arg;
	return true;
}

static size_t rows_here;

static void
count_rows(struct kv_txn *t)
{
	size_t n = 0;

	kv_each_key(t, SPAN_LIT(""), SPAN_LIT(""), count_one, &n);
	for (unsigned what = 0; what < IMS_FACTS; what++)
		kv_each_fact_name(t, what, SPAN_LIT(""), SPAN_LIT(""), count_one, &n);
	rows_here = n;
}

static size_t
rows_of(struct world *w, struct kv_part part)
{
	arrive(w);
	operate(w, part, count_rows);
	return rows_here;
}

/* Each notice is of another domain, so it has three rows, and its domain two.  Then notices go, and their entries in the
 * seen set stay; then those do. */
static void
a_mailbox_has_so_many_rows(void **state)
{
	enum { N = 12 };
	struct notification n = { .to = BOB, .hold_s = 20 * DAY };
	char domain[32];
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= N; n.number++) {
		snprintf(domain, sizeof domain, "a%u.test", n.number);
		n.domain = domain;
		accepts(&w, n);
		assert_int_equal(rows_of(&w, ims_part_mailbox(BOB)), 1 + n.number * 5);
	}
	assert_true(rows_here <= IMS_MAILBOX_ROWS(N, N, 0));
	for (unsigned i = 1; i <= N / 2; i++)
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, ims_part_mailbox(BOB)), 1 + N * 4 + N / 2);
	assert_true(rows_here <= IMS_MAILBOX_ROWS(N / 2, N, 0));
	sweep(&w, 21 * DAY);
	assert_true(rows_of(&w, ims_part_mailbox(BOB)) <= IMS_MAILBOX_ROWS(N / 2, 0, N));
	world_clear(&w);
}

/* -- a sender's domain ------------------------------------------------------------------------------------- */

static uint64_t facts_to_put, papers_to_put;

/* The sum's record, as ims/store/part_sums.c writes it: version, octets, notices, facts, papers. */
static void
put_facts(struct kv_txn *t)
{
	struct buf row = BUF_INIT;
	struct span value;

	assert_true(kv_get(t, SPAN_LIT("r"), &value));
	assert_int_equal(value.n, 1 + 4 * 8);
	buf_add(&row, value.p, 1 + 2 * 8);
	put_u64(&row, facts_to_put);
	buf_add(&row, value.p + 1 + 3 * 8, 8);
	kv_put(t, SPAN_LIT("r"), buf_span(&row));
	buf_clear(&row);
}

static void
put_papers(struct kv_txn *t)
{
	struct buf row = BUF_INIT;
	struct span value;

	assert_true(kv_get(t, SPAN_LIT("r"), &value));
	assert_int_equal(value.n, 1 + 4 * 8);
	buf_add(&row, value.p, 1 + 3 * 8);
	put_u64(&row, papers_to_put);
	kv_put(t, SPAN_LIT("r"), buf_span(&row));
	buf_clear(&row);
}

/* A seal of many statements is a paper, until the domain has so many. */
static void
so_many_seals_are_papers(void **state)
{
	static const struct {
		uint64_t papers, then; /* then: papers of the store, the chain and seals */
	} cases[] = { { IMS_SENDER_PAPERS - 1, 3 }, { IMS_SENDER_PAPERS, 2 },
		{ IMS_SENDER_PAPERS + 1, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = 30 };
		struct world w;

		world_of(&w);
		accepts(&w, n);
		assert_int_equal(entries(&w, PAPER), 2);
		papers_to_put = cases[i].papers;
		operate(&w, ims_part_sender(SPAN_LIT("a.test")), put_papers);
		n.number = 31;
		accepts(&w, n);
		assert_int_equal(entries(&w, PAPER), cases[i].then);
		assert_int_equal(list(&w, BOB, 0), 60);
		world_clear(&w);
	}
}

static size_t facts_here;

static void
count_facts(struct kv_txn *t)
{
	size_t n = 0;

	kv_each_fact_name(t, FACT_TAKES, SPAN_LIT(""), SPAN_LIT("m"), count_one, &n);
	facts_here = n;
}

/* Mailboxes that state to this partition. */
static size_t
mailboxes_of(struct world *w, struct kv_part part)
{
	arrive(w);
	operate(w, part, count_facts);
	return facts_here;
}

static struct kv_part
group_of(const char *user)
{
	const struct kv_part sender = ims_part_sender(SPAN_LIT("a.test")),
			     mailbox = ims_part_mailbox(user);

	return ims_part_group_of(span_of(sender.name, sender.n), &mailbox);
}

/* The domain's sum is that of its mailboxes, wherever they state it. */
static void
assert_sum(struct world *w, uint64_t notices)
{
	uint64_t files;

	arrive(w);
	share(w, "a.test", NULL);
	assert_int_equal(w->sum.notices, notices);
	assert_sums_are_true(w->store, w->loop, &files);
}

/* The sender's partition has so many facts: a mailbox that is new to the domain states to a group.  One that is not goes on
 * as before, and so does one that came to a group. */
static void
mailboxes_beyond_the_bound_state_to_groups(void **state)
{
	static const struct {
		uint64_t facts;
		bool groups;
	} cases[] = { { IMS_SENDER_MAILBOXES - 1, false }, { IMS_SENDER_MAILBOXES, true },
		{ IMS_SENDER_MAILBOXES + 1, true } };
	const struct kv_part sender = ims_part_sender(SPAN_LIT("a.test"));

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
		struct world w;

		world_of(&w);
		accepts(&w, n);
		facts_to_put = cases[i].facts;
		operate(&w, sender, put_facts);
		n.to = EVE;
		accepts(&w, n);
		assert_int_equal(mailboxes_of(&w, sender), cases[i].groups ? 1 : 2);
		assert_int_equal(mailboxes_of(&w, group_of(EVE)), cases[i].groups ? 1 : 0);
		assert_sum(&w, 2);
		n.number = 2;
		accepts(&w, n);
		n.to = BOB;
		accepts(&w, n);
		assert_int_equal(mailboxes_of(&w, sender), cases[i].groups ? 1 : 2);
		assert_sum(&w, 4);
		facts_to_put =
		    3; /* there is room again; a mailbox that is in a group stays there */
		operate(&w, sender, put_facts);
		n.to = EVE;
		n.number = 3;
		accepts(&w, n);
		assert_int_equal(mailboxes_of(&w, group_of(EVE)), cases[i].groups ? 1 : 0);
		assert_sum(&w, 5);
		world_clear(&w);
	}
}

struct dropping {
	struct world *w;
	uint64_t notices;
};

static void
on_dropped(void *arg, uint64_t notices, const struct err *e)
{
	struct dropping *d = arg;

	assert_null(e);
	d->notices = notices;
	stop(d->w);
}

static uint64_t
purge(struct world *w, const char *domain, const char *user)
{
	struct dropping d = { .w = w };
	const struct ims_purge p = { .from_domain = domain,
		.user = user,
		.opened = true,
		.loop = w->loop,
		.done = on_dropped,
		.arg = &d };

	w->waiting++;
	ims_store_purge(w->store, &p);
	wait_for(w);
	arrive(w);
	return d.notices;
}

/* What a domain has in mailboxes that state to groups is found and goes, with it or with the mailbox. */
static void
a_domain_goes_from_its_groups(void **state)
{
	const struct kv_part sender = ims_part_sender(SPAN_LIT("a.test"));

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
		struct world w;

		world_of(&w);
		accepts(&w, n);
		facts_to_put = IMS_SENDER_MAILBOXES;
		operate(&w, sender, put_facts);
		n.to = EVE;
		accepts(&w, n);
		assert_sum(&w, 2);
		if (i == 0) {
			assert_int_equal(purge(&w, "a.test", NULL), 2);
			assert_int_equal(mailboxes_of(&w, sender), 0);
		} else {
			assert_int_equal(purge(&w, NULL, EVE), 1);
			assert_int_equal(mailboxes_of(&w, sender), 1);
		}
		assert_int_equal(mailboxes_of(&w, group_of(EVE)), 0);
		assert_int_equal(rows_of(&w, group_of(EVE)), 0);
		assert_sum(&w, i == 0 ? 0 : 1);
		world_clear(&w);
	}
}

/* The row is damaged that says where a mailbox states what the domain takes: it states it once, to the sender. */
static void
a_damaged_domain_counts_once(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	facts_to_put = IMS_SENDER_MAILBOXES;
	operate(&w, ims_part_sender(SPAN_LIT("a.test")), put_facts);
	n.to = EVE;
	accepts(&w, n);
	for (unsigned i = 0; i < 2; i++) {
		ims_store_close(&w.store);
		damage_at(&w, KNOWN, i);
		reopen(&w);
	}
	n.number = 2;
	accepts(&w, n);
	assert_int_equal(mailboxes_of(&w, ims_part_sender(SPAN_LIT("a.test"))), 1);
	assert_int_equal(mailboxes_of(&w, group_of(EVE)), 1);
	facts_to_put = 3;
	operate(&w, ims_part_sender(SPAN_LIT("a.test")), put_facts);
	ims_store_close(&w.store);
	for (unsigned i = 0; i < 2; i++)
		damage_at(&w, KNOWN, i);
	reopen(&w);
	n.number = 3;
	accepts(&w, n);
	assert_int_equal(mailboxes_of(&w, ims_part_sender(SPAN_LIT("a.test"))), 2);
	assert_int_equal(mailboxes_of(&w, group_of(EVE)), 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_acknowledgements_are_due),
		cmocka_unit_test(a_letter_goes_whose_acknowledgement_waits),
		cmocka_unit_test(a_mailbox_has_so_many_rows),
		cmocka_unit_test(so_many_seals_are_papers),
		cmocka_unit_test(mailboxes_beyond_the_bound_state_to_groups),
		cmocka_unit_test(a_domain_goes_from_its_groups),
		cmocka_unit_test(a_damaged_domain_counts_once), /* in the file */
	};
	size_t n = sizeof tests / sizeof *tests;

	return engines_run("ims_bounds", tests, n - 1, n);
}
