/* kv — effects that cannot be applied now: they are stored, in order, and tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdatomic.h>

#include "common/base/log.h"
#include "common/store/db.h"
#include "tests/kv_rigs.h"

static uint64_t
pending(struct kv_scene *s)
{
	struct kv_counts c;

	kv_get_counts(s->kv, &c);
	return c.pending;
}

/* -- with each engine ------------------------------------------------------------------------------------------ */

static void
an_effect_that_cannot_be_applied_does_not_tear_its_operation(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), sum = part(K_SUM, "cccc");

	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), PUT("k", "1"), EMIT(at, 1, "f", 1, "v"),
			     EMIT(sum, SUM, "f", 1, "7")),
	    REFUSAL_NONE);
	s.rig->settle(&s);
	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "1");
	assert_row(&s, sum, "sum", "7");
	assert_row(&s, at, "tried", "-");
	assert_fact(&s, at, 1, "f", "-");
	assert_int_equal(pending(&s), 1);
	s.rig->crash(&s);
	s.rig->settle(&s);
	assert_int_equal(pending(&s), 1);
	RUN(&s, at, PUT("well", "1"));
	s.rig->crash(&s); /* it is tried when the store opens */
	s.rig->settle(&s);
	assert_fact(&s, at, 1, "f", "v");
	assert_row(&s, at, "log", "f");
	assert_int_equal(pending(&s), 0);
	scene_clear(&s);
}

static void
later_effects_of_the_pair_come_after_it(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), from = part(K_PLAIN, "aaaa");

	RUN(&s, from, EMIT(at, 1, "a", 1, "v"), EMIT(at, 1, "b", 1, "v"));
	RUN(&s, from, EMIT(at, 1, "c", 1, "v"));
	s.rig->settle(&s);
	assert_int_equal(pending(&s), 3);
	RUN(&s, at, PUT("well", "1"));
	RUN(&s, from, EMIT(at, 1, "d", 1, "v"));
	s.rig->settle(&s);
	assert_row(&s, at, "log", "abcd");
	assert_int_equal(pending(&s), 0);
	RUN(&s, from, EMIT(at, 1, "e", 1, "v"));
	s.rig->settle(&s);
	assert_row(&s, at, "log", "abcde");
	scene_clear(&s);
}

static void
an_awaited_effect_that_meets_a_fault_is_refused(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), from = part(K_PLAIN, "aaaa");

	assert_int_equal(RUN(&s, from, AWAIT(at, 1, "a", 1, "v")), REFUSAL_storage);
	assert_row(&s, from, "refused", "storage");
	assert_int_equal(pending(&s), 0);
	/* Also while an earlier one of the pair waits. */
	RUN(&s, from, EMIT(at, 1, "b", 1, "v"));
	s.rig->settle(&s);
	assert_int_equal(RUN(&s, from, AWAIT(at, 1, "c", 1, "v")), REFUSAL_storage);
	RUN(&s, at, PUT("well", "1"));
	assert_int_equal(RUN(&s, from, AWAIT(at, 1, "d", 1, "v")), REFUSAL_NONE);
	assert_row(&s, at, "log", "bd");
	scene_clear(&s);
}

static void
a_repeated_effect_changes_nothing(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part sum = part(K_SUM, "cccc"), log = part(K_FAULT, "cccc"),
		       from = part(K_PLAIN, "aaaa");

	RUN(&s, log, PUT("well", "1"));
	for (int i = 0; i < 3; i++)
		RUN(&s, from, EMIT(sum, SUM, "f", 5, "7"), EMIT(log, 1, "x", 5, "7"));
	RUN(&s, from, EMIT(sum, SUM, "f", 4, "100"));
	s.rig->settle(&s);
	assert_row(&s, sum, "sum", "7");
	assert_row(&s, log, "log", "x");
	RUN(&s, from, EMIT(sum, SUM, "f", 5, "8"));
	s.rig->settle(&s);
	assert_row(&s, sum, "sum", "7");
	RUN(&s, from, EMIT(sum, SUM, "f", 6, NULL));
	RUN(&s, from, EMIT(sum, SUM, "f", 7, "9"));
	s.rig->settle(&s);
	assert_row(&s, sum, "sum", "9");
	scene_clear(&s);
}

static bool
emit_all(struct kv_txn *t, void *arg, struct err *e)
{
	struct kv_part at = part(K_FAULT, "cccc");
	char name[16];

	(void)arg;
	(void)e;
	for (unsigned i = 0; i < KV_EFFECTS_MAX; i++) {
		struct kv_fact f = { .what = 1, .version = { 0, 1 } };

		snprintf(name, sizeof name, "%u", i);
		f.name = span_str(name);
		kv_emit(t, &at, &f);
	}
	return true;
}

/* More than one commit applies: what is awaited cannot come before them, and does not wait for the disk so often. */
static void
many_earlier_effects_refuse_an_awaited_one_for_now(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), from = part(K_PLAIN, "aaaa");

	if (!s.rig->batches) {
		scene_clear(&s);
		return;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(scene_call(&s, from, emit_all), REFUSAL_NONE);
	assert_int_equal(pending(&s), 3 * KV_EFFECTS_MAX);
	RUN(&s, at, PUT("well", "1"));
	assert_int_equal(RUN(&s, from, AWAIT(at, 1, "a", 1, "v")), REFUSAL_too_many_outstanding);
	s.rig->settle(&s);
	assert_int_equal(pending(&s), 0);
	assert_int_equal(RUN(&s, from, AWAIT(at, 1, "a", 2, "v")), REFUSAL_NONE);
	assert_fact(&s, at, 1, "a", "v");
	scene_clear(&s);
}

/* -- in LMDB ---------------------------------------------------------------------------------------------------- */

static bool
is_lmdb(struct kv_scene *s)
{
	return strcmp(s->rig->name, "lmdb") == 0;
}

/* Inverts a bit of the octets that follow each `mark` in the file, which the store has mapped. */
static void
damage(struct kv_scene *s, const char *mark)
{
	char path[192], *octets, *at;
	unsigned found = 0;
	off_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/data.mdb", s->folder);
	assert_non_null(f = fopen(path, "r+"));
	assert_int_equal(fseeko(f, 0, SEEK_END), 0);
	n = ftello(f);
	rewind(f);
	octets = memory_new((size_t)n);
	assert_int_equal(fread(octets, 1, (size_t)n, f), n);
	for (at = octets; (at = memmem(at, (size_t)(octets + n - at), mark, strlen(mark))) != NULL;
	     at += strlen(mark), found++)
		at[strlen(mark)] ^= 1;
	rewind(f);
	assert_int_equal(fwrite(octets, 1, (size_t)n, f), n);
	fclose(f);
	free(octets);
	assert_true(found > 0);
}

static void
wait_for_row(struct kv_scene *s, struct kv_part at, const char *key, const char *text)
{
	int64_t until = loop_now_ms(s->loop) + 60000;

	while (strcmp(scene_see(s, at, key, 0), text) != 0) {
		assert_true(loop_now_ms(s->loop) < until);
		usleep(1000);
	}
}

static void
a_damaged_row_of_the_receiver_keeps_the_effect_stored(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part sum = part(K_SUM, "cccc"), other = part(K_SUM, "dddd"),
		       from = part(K_PLAIN, "aaaa");
	struct scene_op hit, missed;

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	kv_lmdb_set_retry_ms(s.kv, 1);
	RUN(&s, from, EMIT(sum, SUM, "a", 1, "123456789"));
	damage(&s, "ccccsum12345");
	assert_row(&s, sum, "sum", "storage");
	scene_take(&s, &hit, from, STEPS(PUT("k", "1"), EMIT(sum, SUM, "b", 1, "1")));
	scene_take(&s, &missed, from, STEPS(PUT("l", "1"), EMIT(other, SUM, "b", 1, "1")));
	scene_wait(&s);
	assert_int_equal(hit.why, REFUSAL_NONE);
	assert_int_equal(missed.why, REFUSAL_NONE);
	assert_row(&s, from, "k", "1");
	assert_row(&s, other, "sum", "1");
	assert_int_equal(pending(&s), 1);
	assert_int_equal(RUN(&s, from, AWAIT(sum, SUM, "c", 1, "1")), REFUSAL_storage);
	RUN(&s, sum, DEL("sum")); /* and then the alarm rings */
	wait_for_row(&s, sum, "sum", "1");
	assert_int_equal(pending(&s), 0);
	scene_clear(&s);
}

/* A fact that nobody but its source needs is stated anew; that of a receiver which does not ask stays a fault. */
static void
a_damaged_fact_is_replaced_where_it_is_only_kept(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part keeps = part(K_PLAIN, "bbbb"), sum = part(K_SUM, "cccc"),
		       from = part(K_PLAIN, "aaaa");

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	RUN(&s, from, EMIT(keeps, SUM, "f", 1, "certainly"), EMIT(sum, SUM, "f", 1, "123456789"));
	damage(&s, "certainl");
	damage(&s, "12345678");
	assert_int_equal(RUN(&s, from, AWAIT(keeps, SUM, "f", 2, "anew")), REFUSAL_NONE);
	assert_fact(&s, keeps, SUM, "f", "anew");
	assert_int_equal(RUN(&s, from, AWAIT(sum, SUM, "f", 2, "1")), REFUSAL_storage);
	scene_clear(&s);
}

static bool
pass(void *arg, struct span k, struct span v)
{
	(void)arg;
	(void)k;
	(void)v;
	return true;
}

static void
look_in_vain(struct kv_txn *t, void *arg)
{
	struct scene_look *l = arg;
	struct span value;

	snprintf(l->text, sizeof l->text, "%s", kv_get(t, SPAN_LIT("k"), &value) ? "found" : "-");
	kv_each(t, SPAN_LIT(""), SPAN_LIT("none"), pass, NULL);
}

static void
a_read_tells_of_a_damaged_row(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "aaaa");
	struct scene_look l = { .scene = &s };

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	RUN(&s, at, PUT("k", "valuable"));
	damage(&s, "aaaakvaluabl");
	scene_look_at(&l, at, look_in_vain);
	assert_string_equal(l.text, "-");
	assert_int_equal(l.why, REFUSAL_storage);
	scene_clear(&s);
}

struct key_list {
	struct kv_txn *t; /* NULL: they are not deleted */
	char text[64];
};

static bool
list_key(void *arg, struct span k)
{
	struct key_list *l = arg;

	snprintf(l->text + strlen(l->text), sizeof l->text - strlen(l->text), "%.*s ", SPAN_FMT(k));
	if (l->t != NULL)
		kv_del(l->t, k);
	return true;
}

static void
look_at_keys(struct kv_txn *t, void *arg)
{
	struct scene_look *l = arg;
	struct key_list keys = { .t = NULL };

	kv_each_key(t, SPAN_LIT(""), SPAN_LIT(""), list_key, &keys);
	snprintf(l->text, sizeof l->text, "%s", keys.text);
}

static bool
delete_by_key(struct kv_txn *t, void *arg, struct err *e)
{
	struct key_list keys = { .t = t };

	(void)arg;
	(void)e;
	kv_each_key(t, SPAN_LIT("k"), SPAN_LIT("k"), list_key, &keys);
	assert_string_equal(keys.text, "ka kb kc ");
	return true;
}

/* An operation that ends a partition looks at no value. */
static void
keys_are_given_past_a_damaged_row(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "aaaa");
	struct scene_look l = { .scene = &s };

	RUN(&s, at, PUT("ka", "1"), PUT("kb", "valuable"), PUT("kc", "3"), PUT("l", "4"));
	if (is_lmdb(&s))
		damage(&s, "aaaakbvaluabl");
	scene_look_at(&l, at, look_at_keys);
	assert_string_equal(l.text, "ka kb kc l ");
	assert_int_equal(l.why, REFUSAL_NONE);
	assert_int_equal(scene_call(&s, at, delete_by_key), REFUSAL_NONE);
	assert_row(&s, at, "ka", "-");
	assert_row(&s, at, "kb", "-");
	assert_row(&s, at, "kc", "-");
	assert_row(&s, at, "l", "4");
	scene_clear(&s);
}

static void
look_at_names(struct kv_txn *t, void *arg)
{
	struct scene_look *l = arg;
	struct key_list names = { .t = NULL };

	kv_each_fact_name(t, SUM, SPAN_LIT(""), SPAN_LIT(""), list_key, &names);
	snprintf(l->text, sizeof l->text, "%s", names.text);
}

static void
names_of_facts_are_given_past_a_damaged_one(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "bbbb");
	struct scene_look l = { .scene = &s };

	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(at, SUM, "a", 1, "1"),
	    EMIT(at, SUM, "b", 1, "certainly"), EMIT(at, SUM, "c", 1, "3"));
	s.rig->settle(&s);
	if (is_lmdb(&s)) {
		damage(&s, "certainl");
		assert_fact(&s, at, SUM, "b", "storage");
	}
	scene_look_at(&l, at, look_at_names);
	assert_string_equal(l.text, "a b c ");
	assert_int_equal(l.why, REFUSAL_NONE);
	scene_clear(&s);
}

/* The operation may be in the transaction of the first look for stored effects. */
static void
an_effect_that_is_stored_while_the_store_opens_is_tried_again(void **state)
{
	struct kv_part at = part(K_FAULT, "cccc"), from = part(K_PLAIN, "aaaa");

	for (int i = 0; i < 20; i++) {
		struct kv_scene s = begin(state);

		if (is_lmdb(&s)) {
			kv_lmdb_set_retry_ms(s.kv, 1);
			RUN(&s, from, EMIT(at, 1, "f", 1, "v"));
			RUN(&s, at, PUT("well", "1"));
			wait_for_row(&s, at, "log", "f");
		}
		scene_clear(&s);
	}
}

static void
a_damaged_stored_effect_holds_up_its_pair_alone(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), a = part(K_PLAIN, "aaaa"),
		       b = part(K_PLAIN, "bbbb");

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	RUN(&s, a, EMIT(at, 1, "lost", 1, "valuable"));
	RUN(&s, b, EMIT(at, 1, "b", 1, "v"));
	assert_int_equal(pending(&s), 2);
	damage(&s, "lostvaluabl");
	RUN(&s, at, PUT("well", "1"));
	s.rig->crash(&s);
	s.rig->settle(&s);
	assert_row(&s, at, "log", "b");
	assert_int_equal(pending(&s), 1);
	assert_int_equal(RUN(&s, a, AWAIT(at, 1, "c", 1, "v")), REFUSAL_storage);
	assert_int_equal(RUN(&s, b, AWAIT(at, 1, "d", 1, "v")), REFUSAL_NONE);
	assert_row(&s, at, "log", "bd");
	scene_clear(&s);
}

/* The key of a stored effect is under no CRC until its value is looked at. */
static void
a_stored_effect_of_no_kind_holds_up_no_other(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part first = part(K_FAULT, "cccc"), other = part(K_FAULT, "dddd"),
		       from = part(K_KEEP, "bbbb");

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	RUN(&s, from, EMIT(first, 1, "f", 1, "v"), EMIT(other, 1, "g", 1, "v"));
	assert_int_equal(pending(&s), 2);
	damage(&s, "\3" /* K_FAULT */ "cccc"); /* now from K_DIR, whose names are shorter */
	RUN(&s, first, PUT("well", "1"));
	RUN(&s, other, PUT("well", "1"));
	s.rig->crash(&s);
	s.rig->settle(&s);
	assert_row(&s, first, "log", "-");
	assert_row(&s, other, "log", "g");
	assert_int_equal(pending(&s), 1);
	scene_clear(&s);
}

/* -- receivers that await something ----------------------------------------------------------------------------- */

enum { G_FROM, G_GATE, G_END, G_KINDS };
enum { GATES = 10000 }; /* the name of the first; all have five octets */

static atomic_uint gates_shut;  /* so many of them refuse what comes */
static atomic_uint gates_tried; /* so often something came */
static atomic_bool gates_hold;  /* the next that comes is held until the test says */
static sem_t gate_entered, gate_leave;

static bool
pass_gate(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct kv_part to = *kv_here(t);
	uint64_t number = scene_number(span_of(to.name, to.n)) - GATES;

	(void)from;
	(void)was;
	(void)arg;
	gates_tried++;
	if (atomic_exchange(&gates_hold, false)) {
		sem_post(&gate_entered);
		sem_wait(&gate_leave);
	}
	if (number < gates_shut)
		return err_word(e, REFUSAL_storage);
	to.kind = G_END;
	kv_emit_awaited(t, &to, now);
	return true;
}

static const struct kv_kind gate_kinds[G_KINDS] = {
	[G_FROM] = { "from", 4, NULL, NULL },
	[G_GATE] = { "gate", 5, pass_gate, NULL },
	[G_END] = { "end", 5, NULL, NULL },
};
static const struct kv_schema gate_schema = { gate_kinds, G_KINDS, NULL };

/* Of a scene whose store was opened with gate_schema.  with: the number of the first gate. */
static bool
emit_gates(struct kv_txn *t, void *arg, struct err *e)
{
	const struct scene_op *o = arg;
	char name[16];

	(void)e;
	for (unsigned i = 0; i < KV_EFFECTS_MAX; i++) {
		struct kv_fact f = { .what = 1,
			.version = { 0, 1 },
			.name = SPAN_LIT("f"),
			.value = SPAN_LIT("v") };
		struct kv_part to;

		snprintf(name, sizeof name, "%u", GATES + *(const unsigned *)o->with + i);
		to = kv_part_of(G_GATE, span_str(name));
		kv_emit(t, &to, &f);
	}
	return true;
}

static void
open_gates(struct kv_scene *s)
{
	struct err e;

	kv_close(&s->kv);
	if (!kv_lmdb_open(s->folder, s->size, &gate_schema, &s->kv, &e))
		fail_msg("%s", e.text);
}

static void
wait_for_pending(struct kv_scene *s, uint64_t n)
{
	int64_t until = loop_now_ms(s->loop) + 60000;

	while (pending(s) != n) {
		if (loop_now_ms(s->loop) >= until)
			fail_msg("%llu are pending", (unsigned long long)pending(s));
		usleep(1000);
	}
}

/* Each of `many` gates is told of something, and refuses it. */
static void
shut_gates(struct kv_scene *s, unsigned many)
{
	open_gates(s);
	gates_shut = many;
	for (unsigned i = 0; i < many; i += KV_EFFECTS_MAX)
		assert_int_equal(scene_call_with(s, kv_part_of(G_FROM, SPAN_LIT("aaaa")),
				     emit_gates, &i),
		    REFUSAL_NONE);
	assert_int_equal(pending(s), many);
}

/* They were stored because of a fault that is over; all of them with what they await are more than a commit takes. */
static void
stored_effects_whose_receivers_await_are_applied(void **state)
{
	enum { MANY = 4 * KV_EFFECTS_MAX };
	struct kv_scene s = begin(state);

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	shut_gates(&s, MANY);
	gates_shut = 0;
	open_gates(&s);
	kv_lmdb_set_retry_ms(s.kv, 5);
	wait_for_pending(&s, 0);
	scene_clear(&s);
}

static bool
count_tries(struct kv_txn *t, void *arg, struct err *e)
{
	(void)e;
	kv_put(t, SPAN_LIT("k"), SPAN_LIT("1"));
	*(unsigned *)((struct scene_op *)arg)->with = gates_tried;
	return true;
}

/* An operation that comes while they are tried waits for a part of them, and those at the end are tried, too. */
static void
what_is_stuck_holds_up_no_commit(void **state)
{
	enum { MANY = 8 * KV_EFFECTS_MAX, STUCK = MANY - 100 };
	struct kv_scene s = begin(state);
	unsigned tried = 0;

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	shut_gates(&s, MANY);
	gates_tried = 0;
	gates_hold = true;
	assert_int_equal(sem_init(&gate_entered, 0, 0), 0);
	assert_int_equal(sem_init(&gate_leave, 0, 1), 0);
	open_gates(&s); /* tries them */
	assert_int_equal(sem_wait(&gate_entered), 0);
	scene_call_with(&s, kv_part_of(G_FROM, SPAN_LIT("bbbb")), count_tries, &tried);
	assert_in_range(tried, 1, MANY / 8);
	kv_lmdb_set_retry_ms(s.kv, 1);
	gates_shut = STUCK;
	wait_for_pending(&s, STUCK);
	gates_shut = 0;
	wait_for_pending(&s, 0);
	scene_clear(&s);
}

struct busy {
	struct kv_op op;
	struct kv_scene *scene;
	_Atomic bool begun;
};

/* The receiver is well again, while the alarm's time passes. */
static bool
be_well_slowly(struct kv_txn *t, void *arg, struct err *e)
{
	struct busy *b = arg;

	(void)e;
	kv_put(t, SPAN_LIT("well"), SPAN_LIT("1"));
	b->begun = true;
	usleep(100000);
	return true;
}

static bool
do_nothing(struct kv_txn *t, void *arg, struct err *e)
{
	(void)t;
	(void)arg;
	(void)e;
	return true;
}

static void
busy_done(void *arg, const struct err *e)
{
	struct busy *b = arg;

	assert_null(e);
	if (--b->scene->waiting == 0)
		loop_stop(b->scene->loop);
}

static void
take_busy(struct busy *b, struct kv_scene *s, struct kv_part at,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), size_t octets)
{
	struct err e;

	b->scene = s;
	b->op = (struct kv_op) { .part = at,
		.apply = apply,
		.done = busy_done,
		.arg = b,
		.home = s->loop,
		.octets = octets,
		.frees = true };
	s->waiting++;
	assert_true(kv_take(s->kv, &b->op, &e));
}

/* The alarm rings while the queue takes nothing more: it is set again. */
static void
stored_effects_outlive_a_full_queue(void **state)
{
	enum { MANY = (DB_QUEUE_BYTES >> 20) + 2 };
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), from = part(K_PLAIN, "aaaa");
	struct busy slow = { .begun = false }, *many;

	if (!is_lmdb(&s)) {
		scene_clear(&s);
		return;
	}
	many = memory_array(MANY, sizeof *many);
	kv_lmdb_set_retry_ms(s.kv, 20);
	RUN(&s, from, EMIT(at, 1, "f", 1, "v"));
	take_busy(&slow, &s, at, be_well_slowly, 64);
	while (!slow.begun)
		usleep(1000);
	for (int i = 0; i < MANY - 1; i++)
		take_busy(&many[i], &s, from, do_nothing, 1 << 20);
	scene_wait(&s);
	wait_for_row(&s, at, "log", "f");
	free(many);
	scene_clear(&s);
}

static _Atomic unsigned asked;

static bool
write_nothing(void *arg, const char *event, struct span peer, uint64_t *missed)
{
	(void)arg;
	(void)missed;
	asked += strcmp(event, "kv.effect_waits") == 0 && span_eq(peer, SPAN_LIT("kv"));
	return false;
}

/* However many effects wait, and however often they are tried, the log has as many lines as its limit lets pass. */
static void
what_waits_asks_the_limit_of_the_log(void **state)
{
	struct kv_scene s;

	log_limit(write_nothing, NULL);
	asked = 0;
	s = begin(state);
	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(part(K_FAULT, "cccc"), 1, "f", 1, "v"));
	s.rig->settle(&s);
	assert_int_equal(pending(&s), 1);
	assert_true(asked > 0 || !is_lmdb(&s));
	scene_clear(&s);
	log_limit(NULL, NULL);
}

static void
copy_nothing(struct kv_txn *t, void *arg)
{
	(void)t;
	(void)arg;
	fail_msg("a store that is closed is not read");
}

static void
too_late(void *arg, const struct err *e)
{
	assert_non_null(e);
	*(enum refusal *)arg = e->why;
}

/* As when a daemon ends: the store closes, and what its loop has left to do comes after. */
static void
a_read_after_the_end_fails(void **state)
{
	struct kv_scene s = begin(state);
	enum refusal why = REFUSAL_NONE;
	struct kv_look l = {
		.part = part(K_PLAIN, "aaaa"),
		.look = copy_nothing,
		.done = too_late,
		.arg = &why,
		.home = s.loop,
	};

	if (is_lmdb(&s)) {
		kv_read(s.kv, &l);
		kv_close(&s.kv);
		loop_drain(s.loop);
		assert_int_equal(why, REFUSAL_closing);
	}
	scene_clear(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_effect_that_cannot_be_applied_does_not_tear_its_operation),
		cmocka_unit_test(later_effects_of_the_pair_come_after_it),
		cmocka_unit_test(an_awaited_effect_that_meets_a_fault_is_refused),
		cmocka_unit_test(a_repeated_effect_changes_nothing),
		cmocka_unit_test(many_earlier_effects_refuse_an_awaited_one_for_now),
		cmocka_unit_test(a_damaged_row_of_the_receiver_keeps_the_effect_stored),
		cmocka_unit_test(a_damaged_fact_is_replaced_where_it_is_only_kept),
		cmocka_unit_test(a_read_tells_of_a_damaged_row),
		cmocka_unit_test(keys_are_given_past_a_damaged_row),
		cmocka_unit_test(names_of_facts_are_given_past_a_damaged_one),
		cmocka_unit_test(an_effect_that_is_stored_while_the_store_opens_is_tried_again),
		cmocka_unit_test(a_damaged_stored_effect_holds_up_its_pair_alone),
		cmocka_unit_test(a_stored_effect_of_no_kind_holds_up_no_other),
		cmocka_unit_test(stored_effects_whose_receivers_await_are_applied),
		cmocka_unit_test(what_is_stuck_holds_up_no_commit),
		cmocka_unit_test(stored_effects_outlive_a_full_queue),
		cmocka_unit_test(what_waits_asks_the_limit_of_the_log),
		cmocka_unit_test(a_read_after_the_end_fails),
	};

	return rigs_run("kv_stored", tests, sizeof tests / sizeof *tests);
}
