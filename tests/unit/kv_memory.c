/* kv_memory — what chance tries, and that it is repeated from its seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_memory.h"
#include "tests/kv_scene.h"

#define OPS 60

/* -- two nodes that count in one partition ---------------------------------------------------------------------- */

struct count {
	struct kv_op op;
	unsigned *answered;
};

static bool
count(struct kv_txn *t, void *arg, struct err *e)
{
	uint64_t n = scene_row(t, "n", 0) + 1;
	struct kv_part sum = part(K_SUM, "cccc");
	char text[24];
	struct kv_fact f = { .what = SUM, .name = SPAN_LIT("n"), .version = { 0, n } };

	(void)arg;
	(void)e;
	scene_put(t, "n", n);
	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	f.value = span_str(text);
	kv_emit(t, &sum, &f);
	return true;
}

static void
counted(void *arg, const struct err *e)
{
	struct count *c = arg;

	assert_null(e);
	++*c->answered;
	free(c);
}

static void
take_count(struct kv *k, unsigned *answered)
{
	struct count *c = memory_new(sizeof *c);
	struct err e;

	c->op = (struct kv_op) { .part = part(K_PLAIN, "aaaa"),
		.apply = count,
		.done = counted,
		.arg = c };
	c->answered = answered;
	assert_true(kv_take(k, &c->op, &e));
}

struct look {
	struct kv_look look;
	const char *key;
	uint64_t n;
	bool there; /* the row */
	bool done;
};

static void
look(struct kv_txn *t, void *arg)
{
	struct look *l = arg;
	struct span value;

	l->there = kv_get(t, span_str(l->key), &value);
	l->n = scene_row(t, l->key, 0);
}

static void
looked(void *arg, const struct err *e)
{
	struct look *l = arg;

	assert_null(e);
	l->done = true;
}

static struct look
ask(struct kv_memory *m, struct kv *k, struct kv_part at, const char *key)
{
	struct look l = { .key = key };

	l.look = (struct kv_look) { .part = at, .look = look, .done = looked, .arg = &l };
	kv_read(k, &l.look);
	while (!l.done)
		assert_true(kv_memory_step(m));
	return l;
}

static uint64_t
see(struct kv_memory *m, struct kv *k, struct kv_part at, const char *key)
{
	return ask(m, k, at, key).n;
}

static struct kv_memory_counts
play(uint64_t seed)
{
	struct kv_memory_plan plan = { .apart = true, .seed = seed, .size = 1 << 20 };
	struct kv_memory *m = kv_memory_new(&plan);
	struct kv *a = kv_memory_open(m, &scene_schema), *b = kv_memory_open(m, &scene_schema);
	struct kv_memory_counts counts;
	unsigned answered = 0;

	for (unsigned i = 0; i < OPS; i++)
		take_count(i % 2 == 0 ? a : b, &answered);
	kv_memory_settle(m);
	assert_int_equal(answered, OPS);
	assert_int_equal(see(m, a, part(K_PLAIN, "aaaa"), "n"), OPS);
	assert_int_equal(see(m, b, part(K_SUM, "cccc"), "sum"), OPS);
	counts = kv_memory_counted(m);
	kv_close(&a);
	kv_close(&b);
	kv_memory_free(&m);
	return counts;
}

static void
chance_tries_all_that_a_store_apart_may_do(void **state)
{
	struct kv_memory_counts c = play(1);

	(void)state;
	assert_true(c.races > 0 && c.repeats > 0 && c.takeovers > 0);
}

static void
a_course_is_repeated_from_its_seed(void **state)
{
	struct kv_memory_counts a = play(7), b = play(7), c = play(8);

	(void)state;
	assert_memory_equal(&a, &b, sizeof a);
	assert_memory_not_equal(&a, &c, sizeof a);
}

/* -- the fence ----------------------------------------------------------------------------------------------- */

struct statement {
	struct kv_op op;
	uint64_t n;
	const char *value;
	bool done;
};

static bool
state_it(struct kv_txn *t, void *arg, struct err *e)
{
	const struct statement *s = arg;
	struct kv_part sum = part(K_SUM, "cccc");
	struct kv_fact f = { .what = SUM,
		.name = SPAN_LIT("f"),
		.version = { 0, s->n },
		.value = span_str(s->value) };

	(void)e;
	kv_emit(t, &sum, &f);
	kv_put(t, SPAN_LIT("k"), span_str(s->value));
	return true;
}

static void
stated(void *arg, const struct err *e)
{
	assert_null(e);
	((struct statement *)arg)->done = true;
}

/* Until it is answered; the effect may still be on its way. */
static void
say(struct kv_memory *m, struct kv *k, uint64_t n, const char *value)
{
	struct statement s = { .n = n, .value = value };
	struct err e;

	s.op = (struct kv_op) { .part = part(K_PLAIN, "aaaa"),
		.apply = state_it,
		.done = stated,
		.arg = &s };
	assert_true(kv_take(k, &s.op, &e));
	while (!s.done)
		assert_true(kv_memory_step(m));
}

/* The first node has counted further in its memory than the second one knows. */
static void
what_a_node_stated_before_it_was_fenced_out_is_old(void **state)
{
	struct kv_part at = part(K_PLAIN, "aaaa");
	uint64_t fence;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct kv_memory_plan plan = { .apart = true, .seed = seed, .size = 1 << 20 };
		struct kv_memory *m = kv_memory_new(&plan);
		struct kv *a = kv_memory_open(m, &scene_schema);
		struct kv *b = kv_memory_open(m, &scene_schema);

		assert_false(kv_owns(a, &at, &fence) || kv_owns(b, &at, &fence));
		say(m, a, 9, "5");
		assert_true(kv_owns(a, &at, &fence) && fence == 1);
		assert_false(kv_owns(b, &at, &fence));
		say(m, b, 3, "7");
		assert_true(kv_owns(b, &at, &fence) && fence == 2);
		assert_false(kv_owns(a, &at, &fence));
		kv_memory_settle(m);
		assert_int_equal(see(m, a, part(K_SUM, "cccc"), "sum"), 7);
		kv_close(&a);
		kv_close(&b);
		kv_memory_free(&m);
	}
}

/* A client that was not answered asks the next node, which finds the promise and states the same again. */
static void
the_same_statement_of_a_later_owner_is_not_newer(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct kv_memory_plan plan = { .apart = true, .seed = seed, .size = 1 << 20 };
		struct kv_memory *m = kv_memory_new(&plan);
		struct kv *a = kv_memory_open(m, &scene_schema);
		struct kv *b = kv_memory_open(m, &scene_schema);

		say(m, a, 4, "5");
		say(m, b, 4, "7");
		kv_memory_settle(m);
		assert_int_equal(see(m, a, part(K_SUM, "cccc"), "sum"), 5);
		kv_close(&a);
		kv_close(&b);
		kv_memory_free(&m);
	}
}

/* -- crashes -------------------------------------------------------------------------------------------------- */

static bool
limit_to_ten(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	scene_put(t, "limit", 10);
	return true;
}

static bool
state_too_much(struct kv_txn *t, void *arg, struct err *e)
{
	struct kv_part sum = part(K_SUM, "cccc");
	struct kv_fact f = { .what = SUM,
		.name = SPAN_LIT("f"),
		.version = { 0, 1 },
		.value = SPAN_LIT("11") };

	(void)arg;
	(void)e;
	kv_emit_awaited(t, &sum, &f);
	kv_put(t, SPAN_LIT("first"), SPAN_LIT(""));
	return true;
}

static void
not_told(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

/* The receiver refuses the first statement and accepts the second; then the node that knew the verdict is gone. */
static void
a_refusal_outlives_the_node_that_carried_it(void **state)
{
	struct kv_part from = part(K_PLAIN, "aaaa"), sum = part(K_SUM, "cccc");

	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct kv_memory_plan plan = { .apart = true, .seed = seed, .size = 1 << 20 };
		struct kv_memory *m = kv_memory_new(&plan);
		struct kv *a = kv_memory_open(m, &scene_schema);
		struct statement second = { .n = 2, .value = "5" };
		struct kv_op limit = { .part = sum, .apply = limit_to_ten, .done = not_told };
		struct kv_op first = { .part = from, .apply = state_too_much, .done = not_told };
		struct err e;

		second.op = (struct kv_op) { .part = from,
			.apply = state_it,
			.done = stated,
			.arg = &second };
		assert_true(kv_take(a, &limit, &e));
		kv_memory_settle(m);
		assert_true(kv_take(a, &first, &e) && kv_take(a, &second.op, &e));
		for (uint64_t i = 0; i < 3 + seed % 20; i++)
			kv_memory_step(m);
		kv_memory_crash(&a);
		a = kv_memory_open(m, &scene_schema);
		kv_memory_settle(m);
		assert_int_equal(ask(m, a, from, "refused").there, ask(m, a, from, "first").there);
		assert_int_equal(see(m, a, sum, "sum"), ask(m, a, from, "k").there ? 5 : 0);
		kv_close(&a);
		kv_memory_free(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chance_tries_all_that_a_store_apart_may_do),
		cmocka_unit_test(a_course_is_repeated_from_its_seed),
		cmocka_unit_test(what_a_node_stated_before_it_was_fenced_out_is_old),
		cmocka_unit_test(the_same_statement_of_a_later_owner_is_not_newer),
		cmocka_unit_test(a_refusal_outlives_the_node_that_carried_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
