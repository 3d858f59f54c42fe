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
	bool done;
};

static void
look(struct kv_txn *t, void *arg)
{
	struct look *l = arg;

	l->n = scene_row(t, l->key, 0);
}

static void
looked(void *arg, const struct err *e)
{
	struct look *l = arg;

	assert_null(e);
	l->done = true;
}

static uint64_t
see(struct kv_memory *m, struct kv *k, struct kv_part at, const char *key)
{
	struct look l = { .key = key };

	l.look = (struct kv_look) { .part = at, .look = look, .done = looked, .arg = &l };
	kv_read(k, &l.look);
	while (!l.done)
		assert_true(kv_memory_step(m));
	return l.n;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chance_tries_all_that_a_store_apart_may_do),
		cmocka_unit_test(a_course_is_repeated_from_its_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
