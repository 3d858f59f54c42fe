/* ims_parts_given — the partitions of the IMS's store: a letter that comes by SMTP, and a crash at each step of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ims/store/part_given.h"
#include "tests/unit/ims_parts_scene.h"

#define PAYER "old.test"
#define STEPS 200 /* more than any giving has */
#define SEEDS 12

static const char *const users[] = { BOB, EVE, DAVE };

/* -- giving ---------------------------------------------------------------------------------------------------------- */

struct giving {
	struct ims_giving what; /* first */
	struct ims_given given;
	struct ims_given_to to[3];
	struct ims_evidence evidence;
	struct mailbox_marks marks;
	struct buf record, papers;
	struct kv_op op;
	bool done;
	enum refusal why;
};

static void
given(void *arg, const struct err *e)
{
	struct giving *g = arg;

	assert_false(g->done);
	g->done = true;
	g->why = e == NULL ? REFUSAL_NONE : e->why;
}

static void
fill_evidence(struct giving *g)
{
	struct ims_evidence_record r = { .by_smtp = true, .n_papers = 1, .received_s = NOW };

	digest_sha256(SPAN_LIT("chain"), r.paper[0]);
	ims_evidence_pack(&g->record, &r);
	ims_citing_add(&g->papers, r.paper[0], SPAN_LIT("chain"), NOW + PAPER_KEEP_S);
}

/* Nobody's loop runs: the test makes the steps. */
static void
fill_giving(struct giving *g, unsigned number)
{
	*g = (struct giving) { .evidence = { .issuer = "CN=CA", .received_s = NOW } };
	fill_evidence(g);
	for (size_t i = 0; i < 3; i++)
		g->to[i] = (struct ims_given_to) { users[i], users[i] };
	g->given = (struct ims_given) { .id = id_of(number),
		.from = "alice@" PAYER,
		.marks = &g->marks,
		.head = SPAN_LIT("Subject: hello\r\n\r\n"),
		.to = g->to,
		.n_to = 3,
		.evidence = &g->evidence };
	domain_copy_span(&g->given.payer, SPAN_LIT(PAYER));
	g->what = (struct ims_giving) { .given = &g->given,
		.file = "",
		.octets = SPAN_LIT("the body"),
		.size = 8,
		.evidence = buf_span(&g->record),
		.papers = buf_span(&g->papers),
		.store_size = SIZE };
	g->op = (struct kv_op) { .part = ims_part_letter(&g->given.id),
		.apply = ims_letter_op_give,
		.done = given,
		.arg = g,
		.octets = 4096 };
}

static void
clear_giving(struct giving *g)
{
	buf_clear(&g->record);
	buf_clear(&g->papers);
}

static bool
set_notices(struct kv_txn *t, uint64_t notices, struct err *e)
{
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	m.notices = notices;
	ims_mailbox_put(t, &m);
	return true;
}

static bool
apply_fill_up(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	return set_notices(t, IMS_MAILBOX_NOTICES, e);
}

static bool
apply_room_for_one(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	return set_notices(t, IMS_MAILBOX_NOTICES - 1, e);
}

/* -- what is there --------------------------------------------------------------------------------------------------- */

static void
see_payer(struct kv_txn *t, struct world *w)
{
	struct err e;

	(void)w;
	assert_true(ims_mailbox_is(t, &mailbox, &e));
	ims_mailbox_share(t, SPAN_LIT(PAYER), &sum);
}

static void
see_given_letter(struct kv_txn *t, struct world *w)
{
	struct err e;

	(void)w;
	if (!ims_letter_is(t, SPAN_LIT(PAYER), RUN, NOW, &letter, &e))
		letter.refs = 0;
}

/* What mailboxes keep of what they were given. */
static void
count_given(struct kv_txn *t, struct world *w)
{
	(void)w;
	rows = 0;
	kv_each_fact(t, FACT_GIVEN, (struct span) { 0 }, (struct span) { 0 }, count_fact, NULL);
}

/* How many of the three have it, by the sums of their mailboxes.  Full: that one has no room. */
static unsigned
have_it(struct world *w)
{
	unsigned n = 0, facts = 0;

	for (size_t i = 0; i < 3; i++) {
		look(w, ims_part_mailbox(users[i]), count_given);
		facts += rows;
		look(w, ims_part_mailbox(users[i]), see_payer);
		assert_in_range(sum.notices, 0, 1);
		assert_int_equal(sum.octets > 0, sum.notices > 0);
		n += (unsigned)sum.notices;
	}
	assert_int_equal(facts, n); /* each knows what it was given, as long as it has that */
	return n;
}

/* Whole and with its sums, or nowhere. */
static void
assert_whole_or_nowhere(struct world *w, const struct giving *g, bool may_be)
{
	unsigned n = have_it(w);
	struct ulid id = id_of(1);

	if (n != 0 && (n != 3 || !may_be))
		fail_msg("%u of three have it", n);
	if (g->done && g->why == REFUSAL_NONE)
		assert_int_equal(n, 3);
	if (g->done && g->why != REFUSAL_NONE)
		assert_int_equal(n, 0);
	look(w, ims_part_letter(&id), see_given_letter);
	assert_int_equal(letter.refs, n);
	assert_int_equal(letter.pays.octets, 0);
	if (n == 0)
		assert_int_equal(rows_of(w, ims_part_letter(&id)), 0);
	look(w, ims_part_sender(SPAN_LIT(PAYER)), see_sender);
	assert_int_equal(sum.notices, n);
	assert_int_equal(sum.octets > 0, n > 0);
}

/* -- a crash --------------------------------------------------------------------------------------------------------- */

static struct kv *
open_node(struct world *w)
{
	static const struct kv_schema schema = { ims_parts, IMS_PARTS, NULL };

	return kv_memory_open(w->memory, &schema);
}

/* Whether it had come to an end.  other: another node lives, and goes on with what the first has put. */
static bool
crash_after(struct world *w, unsigned steps, const char *full, bool other)
{
	struct kv *second;
	static struct giving g;
	struct call c;
	struct err e;
	bool done;

	world_of(w);
	if (full != NULL)
		assert_int_equal(run(w, ims_part_mailbox(full), apply_fill_up, &c), REFUSAL_NONE);
	second = other ? open_node(w) : NULL;
	fill_giving(&g, 1);
	assert_true(kv_take(w->kv, &g.op, &e));
	while (steps-- > 0 && kv_memory_step(w->memory))
		;
	kv_memory_crash(&w->kv);
	if (other)
		w->kv = second;
	else
		reopen(w);
	kv_memory_settle(w->memory);
	assert_whole_or_nowhere(w, &g, full == NULL);
	if (g.done)
		assert_int_equal(g.why, full == NULL ? REFUSAL_NONE : REFUSAL_mailbox_full);
	done = g.done;
	clear_giving(&g);
	world_clear(w);
	return done;
}

static void
crash_at_each_step(const char *full, bool other)
{
	struct world w;
	unsigned steps = 0;

	while (!crash_after(&w, steps, full, other))
		assert_true(steps++ < STEPS);
}

static void
a_crash_leaves_it_whole_or_nowhere(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++)
		for (size_t full = 0; full <= 3; full++)
			crash_at_each_step(full < 3 ? users[full] : NULL,
			    scene_engine == ENGINE_APART && seed % 2 == 1);
}

/* Each mailbox has room for one of them: one is there whole, or each was refused by some mailbox. */
static void
of_two_that_race_none_is_there_in_part(void **state)
{
	static struct giving g[2];
	struct world w;
	struct call c;
	struct err e;
	unsigned good;

	(void)state;
	for (unsigned seed = 0; seed < 10 * SEEDS; seed++) {
		world_of(&w);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(run(&w, ims_part_mailbox(users[i]), apply_room_for_one,
					     &c),
			    REFUSAL_NONE);
		for (unsigned i = 0; i < 2; i++) {
			fill_giving(&g[i], i + 1);
			assert_true(kv_take(w.kv, &g[i].op, &e));
		}
		kv_memory_settle(w.memory);
		assert_true(g[0].done && g[1].done);
		good = (unsigned)(g[0].why == REFUSAL_NONE) + (unsigned)(g[1].why == REFUSAL_NONE);
		assert_in_range(good, scene_engine == ENGINE_TOGETHER, 1);
		assert_int_equal(have_it(&w), 3 * good);
		for (unsigned i = 0; i < 2; i++) {
			struct ulid id = id_of(i + 1);

			if (g[i].why != REFUSAL_NONE) {
				assert_int_equal(g[i].why, REFUSAL_mailbox_full);
				assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
			}
			clear_giving(&g[i]);
		}
		world_clear(&w);
	}
}

/* The user drops it at once, while the others' mailboxes are still asked. */
static void
it_may_be_dropped_at_once(void **state)
{
	static struct giving g;
	struct world w;
	struct call c;
	struct err e;
	struct ulid id = id_of(1);

	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		world_of(&w);
		fill_giving(&g, 1);
		g.op.home = w.loop;
		assert_true(kv_take(w.kv, &g.op, &e));
		for (size_t i = 0; i < 3; i++) {
			c = (struct call) { .change = { .number = 1,
						.now_s = NOW,
						.has_letter = true,
						.letter = MAILBOX_HERE } };
			while (run(&w, ims_part_mailbox(users[i]), ims_mailbox_drop, &c) ==
			    REFUSAL_no_such_number)
				;
		}
		kv_memory_settle(w.memory);
		assert_true(g.done);
		assert_int_equal(g.why, REFUSAL_NONE);
		assert_int_equal(have_it(&w), 0);
		assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
		look(&w, ims_part_sender(SPAN_LIT(PAYER)), see_sender);
		assert_int_equal(sum.notices, 0);
		clear_giving(&g);
		world_clear(&w);
	}
}

int
main(void)
{
	static enum scene_engine engines[] = { ENGINE_TOGETHER, ENGINE_APART };
	struct CMUnitTest tests[] = {
		{ "together: a_crash_leaves_it_whole_or_nowhere",
		    a_crash_leaves_it_whole_or_nowhere, choose_engine, NULL, &engines[0] },
		{ "apart: a_crash_leaves_it_whole_or_nowhere", a_crash_leaves_it_whole_or_nowhere,
		    choose_engine, NULL, &engines[1] },
		{ "together: of_two_that_race_none_is_there_in_part",
		    of_two_that_race_none_is_there_in_part, choose_engine, NULL, &engines[0] },
		{ "apart: of_two_that_race_none_is_there_in_part",
		    of_two_that_race_none_is_there_in_part, choose_engine, NULL, &engines[1] },
		{ "apart: it_may_be_dropped_at_once", it_may_be_dropped_at_once, choose_engine,
		    NULL, &engines[1] },
	};

	return cmocka_run_group_tests_name("ims_parts_given", tests, NULL, NULL);
}
