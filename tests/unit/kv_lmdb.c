/* kv_lmdb — what only this engine has: a file that gets full, and a process that is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "tests/kv_rigs.h"

#define SMALL ((uint64_t)8 << 20)

static const struct kv_rig *
lmdb(void)
{
	for (size_t i = 0; i < sizeof rigs / sizeof *rigs; i++)
		if (strcmp(rigs[i].name, "lmdb") == 0)
			return &rigs[i];
	fail();
	return NULL;
}

/* -- a full file ------------------------------------------------------------------------------------------------ */

static struct kv_scene
small(void)
{
	struct kv_scene s = { .rig = lmdb(), .size = SMALL };
	struct err e;

	assert_true(loop_new(&s.loop, &e));
	s.rig->open(&s);
	kv_lmdb_set_retry_ms(s.kv, 1);
	return s;
}

static enum refusal
run_freeing(struct kv_scene *s, struct kv_part at, bool frees, const struct step *steps)
{
	struct scene_op o = { .scene = s, .steps = steps };
	struct err e;

	o.op = (struct kv_op) { .part = at,
		.apply = scene_apply,
		.done = scene_done,
		.told = scene_told,
		.arg = &o,
		.home = s->loop,
		.octets = 1,
		.frees = frees };
	s->waiting++;
	assert_true(kv_take(s->kv, &o.op, &e));
	scene_wait(s);
	return o.why;
}

/* Rows of 60,000 octets until there is no space; frees: not even in the reserve.  Returns how many. */
static unsigned
fill(struct kv_scene *s, struct kv_part at, bool frees)
{
	char name[16], *octets = memory_new(60001);
	unsigned n = 0;
	enum refusal why;

	memset(octets, 'f', 60000);
	do {
		snprintf(name, sizeof name, "%u", n++);
		why = run_freeing(s, at, frees, STEPS(PUT(name, octets)));
	} while (why == REFUSAL_NONE);
	assert_int_equal(why, REFUSAL_system_full);
	free(octets);
	assert_in_range(n, 2, SMALL / 60000);
	return n - 1;
}

static void
an_effect_that_finds_no_space_refuses_its_operation(void **state)
{
	struct kv_scene s = small();
	struct kv_part from = part(K_PLAIN, "aaaa"), swell = part(K_SWELL, "cccc");
	struct kv_counts before, after;

	(void)state;
	fill(&s, part(K_PLAIN, "fill"), false);
	kv_get_counts(s.kv, &before);
	assert_int_equal(run_freeing(&s, from, false,
			     STEPS(PUT("k", "1"), AWAIT(swell, 1, "f", 1, "1000000"))),
	    REFUSAL_system_full);
	assert_int_equal(run_freeing(&s, from, false,
			     STEPS(PUT("k", "1"), EMIT(swell, 1, "f", 1, "1000000"))),
	    REFUSAL_system_full);
	assert_int_equal(run_freeing(&s, from, true,
			     STEPS(PUT("k", "1"), AWAIT(swell, 1, "f", 1, "1000000"))),
	    REFUSAL_system_full);
	assert_row(&s, from, "k", "-");
	assert_row(&s, swell, "f", "-");
	kv_get_counts(s.kv, &after);
	assert_int_equal(after.writes, before.writes);
	assert_int_equal(after.pending, 0);
	scene_clear(&s);
}

/* The freeing operation is durable; its effect waits for space, and what frees gives it. */
static void
what_frees_leaves_an_effect_that_finds_no_space(void **state)
{
	struct kv_scene s = small();
	struct kv_part fill_part = part(K_PLAIN, "fill"), rest = part(K_PLAIN, "rest"),
		       swell = part(K_SWELL, "cccc");
	char name[16];
	unsigned n;
	struct kv_counts c;

	(void)state;
	n = fill(&s, fill_part, false);
	fill(&s, rest, true);
	assert_int_equal(run_freeing(&s, fill_part, true,
			     STEPS(DEL("0"), EMIT(swell, 1, "f", 1, "1000000"))),
	    REFUSAL_NONE);
	assert_row(&s, fill_part, "0", "-");
	kv_get_counts(s.kv, &c);
	assert_int_equal(c.pending, 1);
	for (unsigned i = 1; i < n; i++) {
		snprintf(name, sizeof name, "%u", i);
		assert_int_equal(run_freeing(&s, fill_part, true, STEPS(DEL(name))), REFUSAL_NONE);
	}
	while (c.pending > 0) { /* the alarm rings */
		usleep(1000);
		kv_get_counts(s.kv, &c);
	}
	assert_fact(&s, swell, 1, "f", "1000000");
	scene_clear(&s);
}

#define SHARING 6 /* operations that share a commit */

static char whole[KV_VALUE_MAX - 64];

/* As much as the store has, and less than a commit takes. */
static bool
put_whole(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	for (char i = '0'; i < '8'; i++)
		kv_put(t, span_of(&i, 1), span_of(whole, sizeof whole));
	kv_put(t, SPAN_LIT("last"), SPAN_LIT("no"));
	return true;
}

static bool
put_name(struct kv_txn *t, void *arg, struct err *e)
{
	const struct scene_op *o = arg;

	(void)e;
	kv_put(t, span_str(o->with), SPAN_LIT("1"));
	kv_put(t, SPAN_LIT("last"), span_str(o->with));
	return true;
}

static void
take_with(struct kv_scene *s, struct scene_op *o, struct kv_part at,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *with)
{
	struct err e;

	*o = (struct scene_op) { .scene = s, .with = with };
	o->op = (struct kv_op) { .part = at,
		.apply = apply,
		.done = scene_done,
		.arg = o,
		.home = s->loop,
		.octets = 1 };
	s->waiting++;
	assert_true(kv_take(s->kv, &o->op, &e));
}

static void
what_finds_no_space_is_refused_alone(void **state)
{
	struct kv_scene s = small();
	struct kv_part at = part(K_PLAIN, "aaaa");
	char names[SHARING][2];
	struct scene_op o[SHARING];

	(void)state;
	for (int i = 0; i < SHARING; i++) {
		snprintf(names[i], sizeof names[i], "%c", 'a' + i);
		take_with(&s, &o[i], at, i % 2 == 0 ? put_name : put_whole, names[i]);
	}
	scene_wait(&s);
	for (int i = 0; i < SHARING; i++) {
		assert_int_equal(o[i].why, i % 2 == 0 ? REFUSAL_NONE : REFUSAL_system_full);
		assert_row(&s, at, names[i], i % 2 == 0 ? "1" : "-");
	}
	assert_row(&s, at, "0", "-");
	assert_row(&s, at, "last", names[SHARING - 2]);
	scene_clear(&s);
}

/* -- kill -9 ------------------------------------------------------------------------------------------------------ */

#define UNDER_WAY 16

struct life {
	struct kv_scene *scene;
	int out; /* a number for each answer */
	uint64_t next;
	struct life_op {
		struct kv_op op;
		struct life *life;
		uint64_t n;
	} ops[UNDER_WAY];
};

/* States the number to two sums, one of them through a relay. */
static bool
life_apply(struct kv_txn *t, void *arg, struct err *e)
{
	struct life_op *o = arg;
	struct kv_part sum = part(K_SUM, "cccc"), relay = part(K_RELAY, "dddd");
	struct kv_fact f = { .what = SUM, .name = SPAN_LIT("n"), .version = { 0, o->n } };
	char text[24];

	(void)e;
	snprintf(text, sizeof text, "%llu", (unsigned long long)o->n);
	f.value = span_str(text);
	kv_put(t, SPAN_LIT("n"), f.value);
	kv_emit_awaited(t, &sum, &f);
	kv_emit(t, &relay, &f);
	return true;
}

static void life_take(struct life_op *o);

static void
life_done(void *arg, const struct err *e)
{
	struct life_op *o = arg;

	if (e != NULL || write(o->life->out, &o->n, sizeof o->n) != sizeof o->n)
		_exit(1);
	life_take(o);
}

static void
life_take(struct life_op *o)
{
	struct err e;

	o->n = ++o->life->next;
	o->op = (struct kv_op) { .part = part(K_PLAIN, "aaaa"),
		.apply = life_apply,
		.done = life_done,
		.arg = o,
		.home = o->life->scene->loop,
		.octets = 500 };
	if (!kv_take(o->life->scene->kv, &o->op, &e))
		_exit(2);
}

static void
live(struct kv_scene *s, uint64_t from, int out)
{
	struct life l = { .scene = s, .out = out, .next = from };
	struct err e;

	if (!loop_new(&s->loop, &e) || !kv_lmdb_open(s->folder, s->size, &scene_schema, &s->kv, &e))
		_exit(3);
	for (unsigned i = 0; i < UNDER_WAY; i++) {
		l.ops[i].life = &l;
		life_take(&l.ops[i]);
	}
	loop_run(s->loop);
	_exit(4);
}

/* Returns the last number that was answered. */
static uint64_t
live_and_be_killed(struct kv_scene *s, uint64_t from, unsigned answers)
{
	uint64_t n, last = from;
	int fd[2], status;
	pid_t child;

	assert_int_equal(pipe(fd), 0);
	if ((child = fork()) == 0)
		live(s, from, fd[1]);
	close(fd[1]);
	for (unsigned i = 0; i < answers && read(fd[0], &n, sizeof n) == sizeof n; i++)
		last = n;
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(fd[0], &n, sizeof n) == sizeof n)
		last = n;
	close(fd[0]);
	return last;
}

static void
what_was_answered_outlives_kill_9(void **state)
{
	struct kv_scene s = { .rig = lmdb(), .size = SMALL };
	uint64_t last = 0, found;
	char text[24];
	struct err e;

	(void)state;
	temp_name(s.folder, sizeof s.folder, "tillcalled-kv-XXXXXX");
	assert_non_null(mkdtemp(s.folder));
	for (unsigned i = 0; i < 20; i++) {
		last = live_and_be_killed(&s, last, 1 + i * 7 % 40);
		assert_true(loop_new(&s.loop, &e));
		assert_true(kv_lmdb_open(s.folder, s.size, &scene_schema, &s.kv, &e));
		found = scene_number(span_str(scene_see(&s, part(K_PLAIN, "aaaa"), "n", 0)));
		assert_in_range(found, last, last + UNDER_WAY);
		snprintf(text, sizeof text, "%llu", (unsigned long long)found);
		assert_row(&s, part(K_SUM, "cccc"), "sum", text);
		assert_row(&s, part(K_SUM, "dddd"), "sum", text);
		kv_close(&s.kv);
		loop_free(&s.loop);
		last = found;
	}
	remove_folder(s.folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_effect_that_finds_no_space_refuses_its_operation),
		cmocka_unit_test(what_finds_no_space_is_refused_alone),
		cmocka_unit_test(what_frees_leaves_an_effect_that_finds_no_space),
		cmocka_unit_test(what_was_answered_outlives_kill_9),
	};

	return cmocka_run_group_tests_name("kv_lmdb", tests, NULL, NULL);
}
