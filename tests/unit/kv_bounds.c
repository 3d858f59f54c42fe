/* kv — its bounds, each at one less, at itself, and at one more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <semaphore.h>

#include "tests/kv_rigs.h"

static char octets[KV_COMMIT_OCTETS];

/* -- of one run --------------------------------------------------------------------------------------------- */

static struct kv_part from, to;
static struct span key, value; /* of what an operation puts or emits */
static unsigned many;

static bool
put_one(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	kv_put(t, SPAN_LIT("other"), SPAN_LIT("1"));
	kv_put(t, key, value);
	return true;
}

static bool
emit_one(struct kv_txn *t, void *arg, struct err *e)
{
	struct kv_fact f = { .what = 1, .name = key, .version = { 0, 1 }, .value = value };

	(void)arg;
	(void)e;
	kv_put(t, SPAN_LIT("other"), SPAN_LIT("1"));
	kv_emit_awaited(t, &to, &f);
	return true;
}

static bool
emit_many(struct kv_txn *t, void *arg, struct err *e)
{
	char name[16];

	(void)arg;
	(void)e;
	kv_put(t, SPAN_LIT("other"), SPAN_LIT("1"));
	for (unsigned i = 0; i < many; i++) {
		struct kv_fact f = { .what = 1, .version = { 0, 1 }, .value = SPAN_LIT("1") };

		snprintf(name, sizeof name, "%u", i);
		f.name = span_str(name);
		kv_emit(t, &to, &f);
	}
	return true;
}

static void
check(struct kv_scene *s, bool (*apply)(struct kv_txn *t, void *arg, struct err *e), bool good)
{
	RUN(s, from, DEL("other"));
	assert_int_equal(scene_call(s, from, apply), good ? REFUSAL_NONE : REFUSAL_internal);
	assert_row(s, from, "other", good ? "1" : "-");
	s->rig->settle(s);
}

static struct kv_scene
start(void **state)
{
	struct kv_scene s = begin(state);

	memset(octets, 'o', sizeof octets);
	from = part(K_PLAIN, "aaaa");
	to = part(K_PLAIN, "bbbb");
	key = SPAN_LIT("key");
	value = (struct span) { 0 };
	return s;
}

static void
keys_and_values_are_bounded(void **state)
{
	struct kv_scene s = start(state);

	for (size_t n = KV_KEY_MAX - 1; n <= KV_KEY_MAX + 1; n++) {
		key = span_of(octets, n);
		check(&s, put_one, n <= KV_KEY_MAX);
	}
	for (size_t n = 0; n <= 2; n++) {
		key = span_of(octets, n);
		check(&s, put_one, n > 0);
	}
	for (int top = KV_KEY_TOP - 1; top <= KV_KEY_TOP + 1; top++) {
		char first = (char)top;

		key = span_of(&first, 1);
		check(&s, put_one, top < KV_KEY_TOP);
	}
	key = SPAN_LIT("key");
	for (size_t n = KV_VALUE_MAX - 1; n <= KV_VALUE_MAX + 1; n++) {
		value = span_of(octets, n);
		check(&s, put_one, n <= KV_VALUE_MAX);
	}
	scene_clear(&s);
}

static void
effects_are_bounded(void **state)
{
	struct kv_scene s = start(state);

	for (size_t n = KV_FACT_MAX - 1; n <= KV_FACT_MAX + 1; n++) {
		key = span_of(octets, n);
		check(&s, emit_one, n <= KV_FACT_MAX);
	}
	key = SPAN_LIT("key");
	for (size_t n = KV_VALUE_MAX - 1; n <= KV_VALUE_MAX + 1; n++) {
		to = part(K_PLAIN, n % 2 == 0 ? "even" : "odd_");
		value = span_of(octets, n);
		check(&s, emit_one, n <= KV_VALUE_MAX);
	}
	value = (struct span) { 0 };
	for (size_t n = 3; n <= 5; n++) {
		to = kv_part_of(K_PLAIN, span_of("ccccc", n));
		check(&s, emit_one, n == 4); /* what its kind says */
	}
	to = kv_part_of(KINDS, SPAN_LIT("cccc"));
	check(&s, emit_one, false);
	to = part(K_SUM, "cccc");
	for (many = KV_EFFECTS_MAX - 1; many <= KV_EFFECTS_MAX + 1; many++)
		check(&s, emit_many, many <= KV_EFFECTS_MAX);
	assert_row(&s, to, "sum", "256");
	scene_clear(&s);
}

static void
names_of_partitions_are_bounded(void **state)
{
	struct kv_part p = kv_part_of(KV_KINDS_MAX - 1, span_of(octets, KV_NAME_MAX));

	(void)state;
	assert_int_equal(p.n, KV_NAME_MAX);
	assert_int_equal(kv_part_of(0, span_of(octets, KV_NAME_MAX - 1)).n, KV_NAME_MAX - 1);
	p = kv_part_hash(1, SPAN_LIT("x"), KV_NAME_MAX + 1);
	assert_int_equal(p.n, KV_NAME_MAX);
}

/* -- of one operation with its effects ------------------------------------------------------------------------- */

static size_t sizes[16];

/* Rows of these sizes, key and value and partition. */
static bool
put_sizes(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	for (unsigned i = 0; sizes[i] > 0; i++) {
		char name[2] = { (char)('a' + i), 0 };

		kv_put(t, span_str(name), span_of(octets, sizes[i] - 6));
	}
	return true;
}

static void
sizes_of(size_t all)
{
	memset(sizes, 0, sizeof sizes);
	for (unsigned i = 0; all > 0; i++) {
		sizes[i] = all > KV_VALUE_MAX + 8 ? KV_VALUE_MAX : all;
		all -= sizes[i];
	}
}

static unsigned first_row;

static bool
put_many(struct kv_txn *t, void *arg, struct err *e)
{
	char name[16];

	(void)arg;
	(void)e;
	for (unsigned i = 0; i < many; i++) {
		snprintf(name, sizeof name, "%u", first_row + i);
		kv_put(t, span_str(name), SPAN_LIT("1"));
	}
	return true;
}

static void
an_operation_puts_no_more_than_a_commit(void **state)
{
	struct kv_scene s = start(state);

	for (int d = -1; d <= 1; d++) {
		sizes_of((size_t)(KV_COMMIT_OCTETS + d));
		assert_int_equal(scene_call(&s, from, put_sizes),
		    d <= 0 ? REFUSAL_NONE : REFUSAL_internal);
	}
	/* A row counts 8 pages. */
	first_row = 0;
	for (many = KV_COMMIT_PAGES / 8 - 1; many <= KV_COMMIT_PAGES / 8 + 1; many++)
		assert_int_equal(scene_call(&s, from, put_many),
		    many <= KV_COMMIT_PAGES / 8 ? REFUSAL_NONE : REFUSAL_internal);
	scene_clear(&s);
}

static uint64_t
commits(struct kv_scene *s)
{
	struct kv_counts c;

	s->rig->settle(s);
	kv_get_counts(s->kv, &c);
	assert_int_equal(c.pending, 0);
	return c.commits;
}

/* One operation, two receivers of it, and what they state: in all 511, 512, 513. */
static void
effects_that_exceed_a_commit_go_into_the_next(void **state)
{
	struct kv_scene s = start(state);
	struct kv_part a = part(K_BURST, "cccc"), b = part(K_BURST, "dddd");
	char more[8], sum[8];

	for (unsigned n = 252; n <= 254; n++) {
		uint64_t before = commits(&s), version = n;

		snprintf(more, sizeof more, "%u", n);
		assert_int_equal(RUN(&s, from, PUT("k", more), EMIT(a, 1, "a", version, "256"),
				     EMIT(b, 1, "b", version, more)),
		    REFUSAL_NONE);
		if (s.rig->batches)
			assert_int_equal(commits(&s) - before,
			    3 + 256 + n <= KV_COMMIT_UNITS ? 1 : 2);
		s.rig->settle(&s);
		assert_row(&s, part(K_SUM, "cccc"), "sum", "256");
		snprintf(sum, sizeof sum, "%u", n);
		assert_row(&s, part(K_SUM, "dddd"), "sum", sum);
	}
	/* Far more: 1 + 4 * 257, in three commits. */
	RUN(&s, from, EMIT(part(K_BURST, "eeee"), 1, "e", 1, "256"),
	    EMIT(part(K_BURST, "ffff"), 1, "f", 1, "256"),
	    EMIT(part(K_BURST, "gggg"), 1, "g", 1, "256"),
	    EMIT(part(K_BURST, "hhhh"), 1, "h", 1, "256"));
	s.rig->crash(&s);
	s.rig->settle(&s);
	for (int i = 'e'; i <= 'h'; i++)
		assert_row(&s, part(K_SUM, (char[]) { (char)i, (char)i, (char)i, (char)i, 0 }),
		    "sum", "256");
	scene_clear(&s);
}

static void
what_is_awaited_must_fit_into_one_commit(void **state)
{
	struct kv_scene s = start(state);
	struct kv_part a = part(K_BURST, "cccc"), b = part(K_BURST, "dddd");

	if (!s.rig->batches) {
		scene_clear(&s);
		return;
	}
	assert_int_equal(RUN(&s, from, PUT("k", "1"), AWAIT(a, RELAY_AWAITED, "a", 1, "256"),
			     AWAIT(b, RELAY_AWAITED, "b", 1, "254")),
	    REFUSAL_internal);
	assert_row(&s, from, "k", "-");
	assert_row(&s, part(K_SUM, "cccc"), "sum", "-");
	assert_int_equal(RUN(&s, from, PUT("k", "1"), AWAIT(a, RELAY_AWAITED, "a", 1, "256"),
			     AWAIT(b, RELAY_AWAITED, "b", 1, "253")),
	    REFUSAL_NONE);
	assert_row(&s, part(K_SUM, "dddd"), "sum", "253");
	scene_clear(&s);
}

/* What nobody awaits tears no operation, although what its receivers await is too much for one commit. */
static void
what_a_receiver_awaits_tears_no_operation(void **state)
{
	struct kv_scene s = start(state);
	struct kv_part a = part(K_BURST, "cccc"), b = part(K_BURST, "dddd"),
		       c = part(K_BURST, "eeee"), sum = part(K_SUM, "ffff");

	assert_int_equal(RUN(&s, from, PUT("k", "1"), EMIT(a, RELAY_AWAITED, "a", 1, "200"),
			     EMIT(b, RELAY_AWAITED, "b", 1, "200"), AWAIT(sum, SUM, "s", 1, "7"),
			     EMIT(c, RELAY_AWAITED, "c", 1, "200")),
	    REFUSAL_NONE);
	assert_row(&s, from, "k", "1");
	assert_row(&s, sum, "sum", "7");
	s.rig->crash(&s);
	s.rig->settle(&s);
	assert_row(&s, part(K_SUM, "cccc"), "sum", "200");
	assert_row(&s, part(K_SUM, "dddd"), "sum", "200");
	assert_row(&s, part(K_SUM, "eeee"), "sum", "200");
	scene_clear(&s);
}

/* An awaited effect comes after what its pair has stored.  If that does not fit, it is refused for now. */
static void
what_is_awaited_waits_for_what_its_pair_has_stored(void **state)
{
	struct kv_scene s = start(state);
	struct kv_part a = part(K_BURST, "cccc");

	if (!s.rig->batches) {
		scene_clear(&s);
		return;
	}
	assert_int_equal(RUN(&s, from, PUT("k", "1"), EMIT(a, RELAY_AWAITED, "a", 1, "256"),
			     EMIT(a, RELAY_AWAITED, "b", 1, "256"), AWAIT(a, SUM, "c", 1, "1")),
	    REFUSAL_too_many_outstanding);
	assert_row(&s, from, "k", "1");
	s.rig->settle(&s);
	assert_row(&s, part(K_SUM, "cccc"), "sum", "512");
	assert_int_equal(RUN(&s, from, AWAIT(a, SUM, "c", 2, "1")), REFUSAL_NONE);
	scene_clear(&s);
}

/* -- of one commit ------------------------------------------------------------------------------------------------ */

static sem_t entered, leave;

static bool
hold(struct kv_txn *t, void *arg, struct err *e)
{
	(void)t;
	(void)arg;
	(void)e;
	sem_post(&entered);
	sem_wait(&leave);
	return true;
}

struct held {
	struct kv_op op;
	struct kv_scene *scene;
	enum refusal why; /* that is to come */
};

static void
held_done(void *arg, const struct err *e)
{
	struct held *h = arg;

	assert_int_equal(e == NULL ? REFUSAL_NONE : e->why, h->why);
	if (--h->scene->waiting == 0)
		loop_stop(h->scene->loop);
	free(h);
}

static void
take_for(struct kv_scene *s, bool (*apply)(struct kv_txn *t, void *arg, struct err *e),
    enum refusal why)
{
	struct held *h = memory_new(sizeof *h);
	struct err e;

	h->scene = s;
	h->why = why;
	h->op = (struct kv_op) { .part = from,
		.apply = apply,
		.done = held_done,
		.arg = h,
		.home = s->loop,
		.octets = 1 };
	s->waiting++;
	assert_true(kv_take(s->kv, &h->op, &e));
}

static void
take(struct kv_scene *s, bool (*apply)(struct kv_txn *t, void *arg, struct err *e))
{
	take_for(s, apply, REFUSAL_NONE);
}

/* All that `fill` takes waits while the first operation holds the commit before. */
static uint64_t
commits_of(struct kv_scene *s, void (*fill)(struct kv_scene *s, unsigned n), unsigned n)
{
	uint64_t before = commits(s);

	sem_init(&entered, 0, 0);
	sem_init(&leave, 0, 0);
	take(s, hold);
	sem_wait(&entered);
	fill(s, n);
	sem_post(&leave);
	scene_wait(s);
	sem_destroy(&entered);
	sem_destroy(&leave);
	return commits(s) - before;
}

static uint64_t version;

static bool
count_up(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	scene_put(t, "n", scene_row(t, "n", 0) + 1);
	return true;
}

static bool
count_up_and_tell(struct kv_txn *t, void *arg, struct err *e)
{
	struct kv_fact f = { .what = SUM, .name = SPAN_LIT("n"), .value = SPAN_LIT("1") };

	version = scene_row(t, "n", 0) + 1;
	f.version.n = version;
	kv_emit(t, &to, &f);
	return count_up(t, arg, e);
}

/* Each states something: the effects do not count as operations. */
static void
fill_stating(struct kv_scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		take(s, count_up_and_tell);
}

static void
fill_operations(struct kv_scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		take(s, count_up);
}

static bool
put_rest(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	kv_put(t, SPAN_LIT("r"), span_of(octets, sizes[15]));
	return true;
}

/* 7 MiB and the rest of 8 MiB: two operations. */
static void
fill_octets(struct kv_scene *s, unsigned n)
{
	sizes_of((size_t)7 << 20);
	sizes[15] = n - ((size_t)7 << 20) - 6;
	take(s, put_sizes);
	take(s, put_rest);
}

static bool
put_few(struct kv_txn *t, void *arg, struct err *e)
{
	char name[16];

	(void)arg;
	(void)e;
	for (unsigned i = 0; i < many - (KV_COMMIT_PAGES / 8 - 10); i++) {
		snprintf(name, sizeof name, "x%u", i);
		kv_put(t, span_str(name), SPAN_LIT("1"));
	}
	return true;
}

static bool
put_most(struct kv_txn *t, void *arg, struct err *e)
{
	bool good;
	unsigned all = many;

	many = KV_COMMIT_PAGES / 8 - 10;
	good = put_many(t, arg, e);
	many = all;
	return good;
}

static void
fill_pages(struct kv_scene *s, unsigned n)
{
	many = n;
	take(s, put_most);
	take(s, put_few);
}

static void
a_commit_is_bounded(void **state)
{
	struct kv_scene s = start(state);
	char sum[8];

	to = part(K_SUM, "cccc");
	if (!s.rig->batches) {
		scene_clear(&s);
		return;
	}
	for (unsigned n = KV_COMMIT_UNITS - 1; n <= KV_COMMIT_UNITS + 1; n++) {
		assert_int_equal(commits_of(&s, fill_stating, n), n <= KV_COMMIT_UNITS ? 1 : 2);
		assert_int_equal(commits_of(&s, fill_operations, n), n <= KV_COMMIT_UNITS ? 1 : 2);
		assert_int_equal(commits_of(&s, fill_pages,
				     n + KV_COMMIT_PAGES / 8 - KV_COMMIT_UNITS),
		    n <= KV_COMMIT_UNITS ? 1 : 2);
		assert_int_equal(commits_of(&s, fill_octets,
				     n + KV_COMMIT_OCTETS - KV_COMMIT_UNITS),
		    n <= KV_COMMIT_UNITS ? 1 : 2);
	}
	snprintf(sum, sizeof sum, "%u", 6 * KV_COMMIT_UNITS);
	assert_row(&s, from, "n", sum);
	assert_row(&s, to, "sum", "1");
	scene_clear(&s);
}

/* Takes 4 MiB of the memory of its commit. */
static bool
count_wrongly(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	scene_put(t, "n", 1000);
	kv_del(t, SPAN_LIT("m"));
	for (unsigned char i = 'a'; i < 'e'; i++)
		kv_put(t, span_of(&i, 1), span_of(octets, KV_VALUE_MAX));
	return err_word(e, REFUSAL_mailbox_full);
}

static bool
move(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	scene_put(t, "m", scene_row(t, "n", 0));
	kv_del(t, SPAN_LIT("n"));
	return true;
}

static void
fill_counting(struct kv_scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		take(s, count_up);
		take_for(s, count_wrongly, REFUSAL_mailbox_full);
	}
	take(s, move);
	take_for(s, count_wrongly, REFUSAL_mailbox_full);
	take(s, count_up);
}

/* A refusal takes back what its own run has put, and no more. */
static void
operations_see_those_before_them(void **state)
{
	struct kv_scene s = start(state);

	RUN(&s, from, PUT("n", "7"));
	if (s.rig->batches) {
		assert_int_equal(commits_of(&s, fill_counting, 20), 1);
	} else {
		fill_counting(&s, 20);
		scene_wait(&s);
	}
	assert_row(&s, from, "m", "27");
	assert_row(&s, from, "n", "1");
	assert_row(&s, from, "a", "-");
	s.rig->crash(&s);
	assert_row(&s, from, "m", "27");
	assert_row(&s, from, "n", "1");
	assert_row(&s, from, "a", "-");
	scene_clear(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_values_are_bounded),
		cmocka_unit_test(effects_are_bounded),
		cmocka_unit_test(names_of_partitions_are_bounded),
		cmocka_unit_test(an_operation_puts_no_more_than_a_commit),
		cmocka_unit_test(effects_that_exceed_a_commit_go_into_the_next),
		cmocka_unit_test(what_is_awaited_must_fit_into_one_commit),
		cmocka_unit_test(what_a_receiver_awaits_tears_no_operation),
		cmocka_unit_test(what_is_awaited_waits_for_what_its_pair_has_stored),
		cmocka_unit_test(a_commit_is_bounded),
		cmocka_unit_test(operations_see_those_before_them),
	};

	return rigs_run("kv_bounds", tests, sizeof tests / sizeof *tests);
}
