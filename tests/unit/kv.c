/* kv — operations on partitions and their effects, with each engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kv_rigs.h"

/* -- operations ---------------------------------------------------------------------------------------------- */

static void
an_operation_reads_and_writes_its_partition(void **state)
{
	struct kv_scene s = begin(state);

	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "-");
	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), PUT("k", "1"), PUT("l", "")), REFUSAL_NONE);
	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "1");
	assert_row(&s, part(K_PLAIN, "aaaa"), "l", "");
	assert_row(&s, part(K_PLAIN, "aaab"), "k", "-");
	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), DEL("k"), PUT("l", "2")), REFUSAL_NONE);
	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "-");
	s.rig->crash(&s);
	assert_row(&s, part(K_PLAIN, "aaaa"), "l", "2");
	scene_clear(&s);
}

static void
a_refused_operation_leaves_nothing(void **state)
{
	struct kv_scene s = begin(state);
	struct scene_op good, bad;

	scene_take(&s, &bad, part(K_PLAIN, "aaaa"),
	    STEPS(PUT("k", "1"), EMIT(part(K_SUM, "aaaa"), SUM, "f", 1, "1"), REFUSE));
	scene_take(&s, &good, part(K_PLAIN, "bbbb"), STEPS(PUT("k", "1")));
	scene_wait(&s);
	s.rig->settle(&s);
	assert_int_equal(bad.why, REFUSAL_id_conflict);
	assert_int_equal(good.why, REFUSAL_NONE);
	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "-");
	assert_row(&s, part(K_SUM, "aaaa"), "sum", "-");
	assert_row(&s, part(K_PLAIN, "bbbb"), "k", "1");
	scene_clear(&s);
}

static void
effects_change_their_receivers(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part sum = part(K_SUM, "cccc");

	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(sum, SUM, "a", 1, "5"));
	RUN(&s, part(K_PLAIN, "bbbb"), EMIT(sum, SUM, "b", 1, "7"));
	s.rig->settle(&s);
	assert_row(&s, sum, "sum", "12");
	assert_fact(&s, sum, SUM, "a", "5");
	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(sum, SUM, "a", 3, "6"));
	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(sum, SUM, "a", 2, "9"));
	s.rig->settle(&s);
	assert_row(&s, sum, "sum", "13");
	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(sum, SUM, "a", 4, NULL));
	s.rig->settle(&s);
	assert_row(&s, sum, "sum", "7");
	assert_fact(&s, sum, SUM, "a", "-");
	assert_fact(&s, sum, SUM, "b", "7");
	scene_clear(&s);
}

static void
an_awaited_effect_may_refuse(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part sum = part(K_SUM, "cccc"), other = part(K_SUM, "dddd");
	struct scene_op o;

	RUN(&s, sum, PUT("limit", "10"));
	scene_take(&s, &o, part(K_PLAIN, "aaaa"),
	    STEPS(PUT("k", "1"), AWAIT(other, SUM, "x", 1, "4"), AWAIT(sum, SUM, "y", 1, "11"),
		AWAIT(sum, SUM, "z", 1, "6")));
	scene_wait(&s);
	assert_int_equal(o.why, REFUSAL_mailbox_full);
	assert_int_equal(o.told, 1);
	assert_int_equal(o.told_why, REFUSAL_mailbox_full);
	assert_string_equal(o.told_name, "y");
	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "1");
	assert_row(&s, part(K_PLAIN, "aaaa"), "refused", "mailbox-full");
	assert_row(&s, sum, "sum", "6");
	assert_fact(&s, sum, SUM, "y", "-");
	assert_row(&s, other, "sum", "4");
	scene_clear(&s);
}

/* An engine in which the operation is durable takes back when it can; the others have put nothing. */
static void
a_fault_while_a_source_takes_back_is_told(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part sum = part(K_SUM, "cccc"), from = part(K_PLAIN, "aaaa");
	bool late = s.rig->late;

	RUN(&s, sum, PUT("limit", "10"));
	RUN(&s, from, PUT("sick", "1"));
	assert_int_equal(RUN(&s, from, PUT("k", "1"), AWAIT(sum, SUM, "y", 1, "11")),
	    REFUSAL_storage);
	assert_row(&s, from, "k", late ? "1" : "-");
	assert_row(&s, from, "refused", "-");
	s.rig->crash(&s);
	RUN(&s, from, PUT("sick", "0"));
	s.rig->settle(&s);
	assert_row(&s, from, "refused", late ? "mailbox-full" : "-");
	assert_row(&s, sum, "sum", "-");
	scene_clear(&s);
}

static void
effects_of_a_pair_come_in_their_order(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_FAULT, "cccc"), from = part(K_PLAIN, "aaaa");
	struct scene_op o[3];

	RUN(&s, at, PUT("well", "1"));
	scene_take(&s, &o[0], from, STEPS(EMIT(at, 1, "a", 1, "v"), AWAIT(at, 1, "b", 1, "v")));
	scene_take(&s, &o[1], from, STEPS(EMIT(at, 1, "c", 1, "v")));
	scene_take(&s, &o[2], from, STEPS(AWAIT(at, 1, "d", 1, "v"), EMIT(at, 1, "e", 1, "v")));
	scene_wait(&s);
	s.rig->crash(&s);
	s.rig->settle(&s);
	assert_row(&s, at, "log", "abcde");
	scene_clear(&s);
}

static void
what_an_awaited_effect_awaits_is_awaited_too(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part sum = part(K_SUM, "cccc"), relay = part(K_RELAY, "cccc");

	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), AWAIT(relay, RELAY_AWAITED, "x", 1, "4")),
	    REFUSAL_NONE);
	assert_row(&s, sum, "sum", "4");
	RUN(&s, sum, PUT("limit", "10"));
	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), AWAIT(relay, RELAY_AWAITED, "y", 1, "7")),
	    REFUSAL_mailbox_full);
	assert_row(&s, sum, "sum", "4");
	assert_row(&s, relay, "refused", "mailbox-full");
	assert_row(&s, part(K_PLAIN, "aaaa"), "refused", "mailbox-full");
	scene_clear(&s);
}

#define GIVER    part(K_GIVE, "give")
#define TAKER(n) part(K_TAKE, "tak" n)
#define GIVE(n)  AWAIT(TAKER(n), GIVEN, "letter", 7, "v")
#define GIVE_ALL PUT("given", "1"), PUT("to", "tak1tak2tak3"), GIVE("1"), GIVE("2"), GIVE("3")
#define N_TAKERS 3

static struct kv_part
taker(unsigned i)
{
	static const char *const names[N_TAKERS] = { "tak1", "tak2", "tak3" };

	return part(K_TAKE, names[i]);
}

static void
assert_taken(struct kv_scene *s, const char *letter)
{
	for (unsigned i = 0; i < N_TAKERS; i++)
		assert_row(s, taker(i), "letter", letter);
}

/* What a source gives to several comes back to it, in one chain that the operation awaits. */
static void
a_chain_may_come_back_to_its_source(void **state)
{
	struct kv_scene s = begin(state);

	assert_int_equal(RUN(&s, GIVER, GIVE_ALL), REFUSAL_NONE);
	assert_row(&s, GIVER, "back", "3");
	assert_taken(&s, "v");
	s.rig->crash(&s);
	s.rig->settle(&s);
	assert_row(&s, GIVER, "back", "3");
	assert_taken(&s, "v");
	assert_row(&s, GIVER, "refused", "-");
	scene_clear(&s);
}

/* One of three refuses: what the others took is taken back, wherever their answers were. */
static void
a_chain_that_comes_back_is_taken_back_whole(void **state)
{
	struct kv_scene s = begin(state);
	struct scene_op o;

	for (unsigned full = 0; full < N_TAKERS; full++) {
		RUN(&s, taker(full), PUT("full", "1"));
		scene_take(&s, &o, GIVER, STEPS(GIVE_ALL));
		scene_wait(&s);
		assert_int_equal(o.why, REFUSAL_mailbox_full);
		s.rig->crash(&s);
		s.rig->settle(&s);
		assert_taken(&s, "-");
		assert_row(&s, GIVER, "given", "-");
		assert_row(&s, GIVER, "back", "-");
		scene_clear(&s);
		s = begin(state);
	}
	scene_clear(&s);
}

static void
what_refuses_has_stated_nothing(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part relay = part(K_RELAY, "cccc"), from = part(K_PLAIN, "aaaa");

	assert_int_equal(RUN(&s, from, AWAIT(relay, RELAY_REFUSED, "x", 1, "1")),
	    REFUSAL_id_conflict);
	s.rig->settle(&s);
	assert_row(&s, part(K_SUM, "cccc"), "sum", "-");
	assert_fact(&s, relay, RELAY_REFUSED, "x", "-");
	scene_clear(&s);
}

static void
several_refusals_of_one_receiver_are_told_once(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part burst = part(K_BURST, "cccc");
	struct scene_op o;

	RUN(&s, part(K_SUM, "cccc"), PUT("limit", "1"));
	scene_take(&s, &o, part(K_PLAIN, "aaaa"), STEPS(AWAIT(burst, RELAY_AWAITED, "x", 1, "3")));
	scene_wait(&s);
	assert_int_equal(o.why, REFUSAL_mailbox_full);
	assert_int_equal(o.told, 1);
	assert_row(&s, part(K_SUM, "cccc"), "sum", "1");
	scene_clear(&s);
}

static bool
add_key(void *arg, struct span key, struct span value)
{
	struct buf *b = arg;

	buf_addf(b, "%.*s=%.*s ", SPAN_FMT(key), SPAN_FMT(value));
	return true;
}

static bool
add_fact(void *arg, const struct kv_fact *f)
{
	return add_key(arg, f->name, f->value);
}

static struct span
keys(struct kv_txn *t, const char *from, const char *prefix, struct buf *b)
{
	buf_reset(b);
	kv_each(t, span_str(from), span_str(prefix), add_key, b);
	return buf_span(b);
}

static bool
add_key_alone(void *arg, struct span key)
{
	struct buf *b = arg;

	buf_addf(b, "%.*s ", SPAN_FMT(key));
	return key.p[0] != 'b';
}

/* Until the first that begins with b. */
static struct span
keys_alone(struct kv_txn *t, const char *from, const char *prefix, struct buf *b)
{
	buf_reset(b);
	kv_each_key(t, span_str(from), span_str(prefix), add_key_alone, b);
	return buf_span(b);
}

static bool
is(struct span s, const char *text)
{
	if (!span_eq(s, span_str(text)))
		fail_msg("%.*s, not %s", SPAN_FMT(s), text);
	return true;
}

static bool
del_each(void *arg, struct span key, struct span value)
{
	(void)value;
	kv_del(arg, key);
	return true;
}

static bool
order(struct kv_txn *t, void *arg, struct err *e)
{
	struct buf b = BUF_INIT;
	struct span key, value;

	(void)arg;
	(void)e;
	is(keys(t, "", "", &b), "a1=1 a3=3 b1=4 ");
	kv_put(t, SPAN_LIT("a2"), SPAN_LIT("2"));
	kv_put(t, SPAN_LIT("c1"), SPAN_LIT("5"));
	kv_put(t, SPAN_LIT("a3"), SPAN_LIT("x"));
	is(keys(t, "", "", &b), "a1=1 a2=2 a3=x b1=4 c1=5 ");
	is(keys(t, "a2", "", &b), "a2=2 a3=x b1=4 c1=5 ");
	is(keys(t, "", "a", &b), "a1=1 a2=2 a3=x ");
	is(keys_alone(t, "", "", &b), "a1 a2 a3 b1 ");
	is(keys_alone(t, "a2", "", &b), "a2 a3 b1 ");
	is(keys_alone(t, "a2", "a", &b), "a2 a3 ");
	is(keys_alone(t, "c", "", &b), "c1 ");
	is(keys(t, "a3", "a", &b), "a3=x ");
	assert_true(kv_last(t, SPAN_LIT("a"), &key, &value) && is(key, "a3") && is(value, "x"));
	assert_true(kv_last(t, SPAN_LIT(""), &key, &value) && is(key, "c1"));
	kv_del(t, SPAN_LIT("c1"));
	kv_del(t, SPAN_LIT("b1"));
	kv_del(t, SPAN_LIT("a3"));
	assert_true(kv_last(t, SPAN_LIT(""), &key, &value) && is(key, "a2") && is(value, "2"));
	assert_false(kv_last(t, SPAN_LIT("b"), &key, &value));
	is(keys(t, "", "", &b), "a1=1 a2=2 ");
	is(keys_alone(t, "", "", &b), "a1 a2 ");
	kv_each(t, SPAN_LIT(""), SPAN_LIT("a"), del_each, t);
	is(keys(t, "", "", &b), "");
	assert_false(kv_last(t, SPAN_LIT(""), &key, &value));
	kv_put(t, SPAN_LIT("a9"), SPAN_LIT("9"));
	assert_true(kv_has_free(t, 1));
	assert_false(kv_has_free(t, UINT64_MAX / 2));
	buf_clear(&b);
	return true;
}

static void
rows_are_in_the_order_of_keys(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "aaaa");

	RUN(&s, part(K_PLAIN, "aaa`"), PUT("a0", "0"));
	RUN(&s, part(K_PLAIN, "aaab"), PUT("a0", "0"), EMIT(at, 9, "fact", 1, "f"));
	RUN(&s, at, PUT("a1", "1"), PUT("a3", "3"), PUT("b1", "4"));
	s.rig->settle(&s);
	assert_int_equal(scene_call(&s, at, order), REFUSAL_NONE);
	assert_row(&s, at, "a9", "9");
	assert_row(&s, at, "a1", "-");
	assert_row(&s, part(K_PLAIN, "aaab"), "a0", "0");
	assert_fact(&s, at, 9, "fact", "f");
	scene_clear(&s);
}

static bool
facts(struct kv_txn *t, void *arg, struct err *e)
{
	struct buf b = BUF_INIT;

	(void)arg;
	(void)e;
	kv_each_fact(t, 7, SPAN_LIT(""), SPAN_LIT(""), add_fact, &b);
	is(buf_span(&b), "a=1 b1=2 b2=3 ");
	buf_reset(&b);
	kv_each_fact(t, 7, SPAN_LIT("b1!"), SPAN_LIT("b"), add_fact, &b);
	is(buf_span(&b), "b2=3 ");
	buf_clear(&b);
	return true;
}

static bool
add_name(void *arg, struct span name)
{
	buf_addf(arg, "%.*s ", SPAN_FMT(name));
	return !span_eq(name, SPAN_LIT("b2"));
}

/* Until b2. */
static bool
names_are(struct kv_txn *t, const char *from, const char *prefix, const char *all)
{
	struct buf b = BUF_INIT;

	kv_each_fact_name(t, 7, span_str(from), span_str(prefix), add_name, &b);
	is(buf_span(&b), all);
	buf_clear(&b);
	return true;
}

static bool
names(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return names_are(t, "", "", "a b1 b2 ") && names_are(t, "b1", "", "b1 b2 ") &&
	    names_are(t, "b1!", "", "b2 ") && names_are(t, "b3", "", "b3 c ") &&
	    names_are(t, "", "b", "b1 b2 ") && names_are(t, "b3", "b", "b3 ") &&
	    names_are(t, "", "d", "") && names_are(t, "d", "", "");
}

static void
names_of_facts_are_in_their_order(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "aaaa"), from = part(K_PLAIN, "bbbb");

	RUN(&s, from, EMIT(at, 7, "b2", 1, "3"), EMIT(at, 7, "c", 1, "5"), EMIT(at, 7, "a", 1, "1"),
	    EMIT(at, 7, "b1", 1, ""), EMIT(at, 7, "b3", 1, "4"), EMIT(at, 8, "a", 1, "8"),
	    EMIT(at, 6, "z", 1, "6"), EMIT(part(K_PLAIN, "aaab"), 7, "x", 1, "7"));
	RUN(&s, at, PUT("b1", "a row is no fact"));
	s.rig->settle(&s);
	assert_int_equal(scene_call(&s, at, names), REFUSAL_NONE);
	scene_clear(&s);
}

static void
facts_are_in_the_order_of_names(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "aaaa"), from = part(K_PLAIN, "bbbb");

	RUN(&s, from, EMIT(at, 7, "b2", 1, "3"), EMIT(at, 7, "a", 1, "1"),
	    EMIT(at, 7, "b1", 1, "2"), EMIT(at, 7, "b3", 1, "9"), EMIT(at, 8, "a", 1, "8"),
	    EMIT(at, 6, "a", 1, "6"));
	RUN(&s, from, EMIT(at, 7, "b3", 2, NULL));
	s.rig->settle(&s);
	assert_int_equal(scene_call(&s, at, facts), REFUSAL_NONE);
	scene_clear(&s);
}

static void
a_receiver_may_keep_less(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_KEEP, "aaaa");

	RUN(&s, part(K_PLAIN, "bbbb"), AWAIT(at, 1, "f", 1, "large"));
	assert_row(&s, at, "f", "large");
	assert_fact(&s, at, 1, "f", "l");
	RUN(&s, part(K_PLAIN, "bbbb"), AWAIT(at, 1, "f", 2, "small"));
	assert_row(&s, at, "was", "l");
	assert_fact(&s, at, 1, "f", "s");
	scene_clear(&s);
}

/* -- a lease, where the store is not a node's own: a row with a fence ---------------------------------------------- */

struct lease {
	uint64_t node, now_ms, until_ms;
	uint64_t fence; /* that it got, or has */
};

static bool
take_lease(struct kv_txn *t, void *arg, struct err *e)
{
	struct lease *l = ((struct scene_op *)arg)->with;

	if (scene_row(t, "until", 0) > l->now_ms && scene_row(t, "node", 0) != l->node)
		return err_word(e, REFUSAL_fetch_running);
	l->fence = scene_row(t, "fence", 0) + 1;
	scene_put(t, "node", l->node);
	scene_put(t, "until", l->until_ms);
	scene_put(t, "fence", l->fence);
	return true;
}

static bool
write_under_lease(struct kv_txn *t, void *arg, struct err *e)
{
	const struct lease *l = ((struct scene_op *)arg)->with;

	if (scene_row(t, "fence", 0) != l->fence)
		return err_word(e, REFUSAL_unknown_id);
	scene_put(t, "written", l->node);
	return true;
}

static void
a_lease_is_a_row_with_a_fence(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part at = part(K_PLAIN, "aaaa");
	struct lease a = { 1, 1000, 2000, 0 }, b = { 2, 1999, 3000, 0 };

	assert_int_equal(scene_call_with(&s, at, take_lease, &a), REFUSAL_NONE);
	assert_int_equal(scene_call_with(&s, at, take_lease, &b), REFUSAL_fetch_running);
	assert_int_equal(scene_call_with(&s, at, write_under_lease, &a), REFUSAL_NONE);
	s.rig->crash(&s);
	b.now_ms = 2000;
	assert_int_equal(scene_call_with(&s, at, take_lease, &b), REFUSAL_NONE);
	assert_int_equal(b.fence, a.fence + 1);
	/* The first node was away, and does not know that it has no lease any more. */
	assert_int_equal(scene_call_with(&s, at, write_under_lease, &a), REFUSAL_unknown_id);
	assert_row(&s, at, "written", "1");
	assert_int_equal(scene_call_with(&s, at, write_under_lease, &b), REFUSAL_NONE);
	assert_row(&s, at, "written", "2");
	scene_clear(&s);
}

static uint64_t
much(void *arg)
{
	return *(uint64_t *)arg;
}

static void
octets_beside_the_rows_count(void **state)
{
	struct kv_scene s = begin(state);
	uint64_t beside = 0, fence;
	struct kv_counts before, after;
	struct kv_part at = part(K_PLAIN, "aaaa");

	if (!s.rig->full) {
		scene_clear(&s);
		return;
	}
	kv_share(s.kv, much, &beside);
	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), PUT("k", "1")), REFUSAL_NONE);
	kv_get_counts(s.kv, &before);
	beside = s.size;
	kv_get_counts(s.kv, &after);
	assert_int_equal(after.used_bytes, before.used_bytes + beside);
	assert_int_equal(after.size_bytes, s.size);
	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), PUT("k", "2")), REFUSAL_system_full);
	assert_row(&s, part(K_PLAIN, "aaaa"), "k", "1");
	beside = 0;
	assert_int_equal(RUN(&s, part(K_PLAIN, "aaaa"), PUT("k", "3")), REFUSAL_NONE);
	kv_get_counts(s.kv, &after);
	assert_int_equal(after.writes, before.writes + 1);
	assert_int_equal(after.commits, before.commits + 1);
	assert_int_equal(after.pending, 0);
	assert_true(kv_owns(s.kv, &at, &fence));
	scene_clear(&s);
}

/* Two in one run, and a row that comes and goes. */
static bool
apply_stamp(struct kv_txn *t, void *arg, struct err *e)
{
	uint64_t *stamp = ((struct scene_op *)arg)->with;
	struct span value;

	(void)e;
	stamp[0] = kv_stamp(t);
	stamp[1] = kv_stamp(t);
	if (kv_get(t, SPAN_LIT("k"), &value))
		kv_del(t, SPAN_LIT("k"));
	else
		kv_put(t, SPAN_LIT("k"), SPAN_LIT("1"));
	return true;
}

/* Also when all rows have gone, and after a crash. */
static void
stamps_increase(void **state)
{
	struct kv_scene s = begin(state);
	uint64_t last = 0, stamp[2];

	for (int i = 0; i < 40; i++) {
		assert_int_equal(scene_call_with(&s, part(K_PLAIN, "aaaa"), apply_stamp, &stamp),
		    REFUSAL_NONE);
		assert_true(last < stamp[0] && stamp[0] < stamp[1]);
		last = stamp[1];
		if (i % 10 == 9)
			s.rig->crash(&s);
	}
	scene_clear(&s);
}

static void
partitions_have_names(void **state)
{
	struct kv_part a = kv_part_of(3, SPAN_LIT("name")), b = kv_part_of(3, SPAN_LIT("name")),
		       c = kv_part_of(4, SPAN_LIT("name")), d = kv_part_of(3, SPAN_LIT("nam"));
	/* The first octets of sha256("abc"). */
	struct kv_part h = kv_part_hash(3, SPAN_LIT("abc"), 4),
		       same = kv_part_of(3, SPAN_LIT("\xba\x78\x16\xbf"));

	(void)state;
	assert_true(kv_part_eq(&a, &b) && kv_part_eq(&h, &same));
	assert_false(kv_part_eq(&a, &c) || kv_part_eq(&a, &d));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_operation_reads_and_writes_its_partition),
		cmocka_unit_test(a_refused_operation_leaves_nothing),
		cmocka_unit_test(effects_change_their_receivers),
		cmocka_unit_test(an_awaited_effect_may_refuse),
		cmocka_unit_test(a_fault_while_a_source_takes_back_is_told),
		cmocka_unit_test(effects_of_a_pair_come_in_their_order),
		cmocka_unit_test(what_an_awaited_effect_awaits_is_awaited_too),
		cmocka_unit_test(a_chain_may_come_back_to_its_source),
		cmocka_unit_test(a_chain_that_comes_back_is_taken_back_whole),
		cmocka_unit_test(what_refuses_has_stated_nothing),
		cmocka_unit_test(several_refusals_of_one_receiver_are_told_once),
		cmocka_unit_test(rows_are_in_the_order_of_keys),
		cmocka_unit_test(facts_are_in_the_order_of_names),
		cmocka_unit_test(names_of_facts_are_in_their_order),
		cmocka_unit_test(a_receiver_may_keep_less),
		cmocka_unit_test(a_lease_is_a_row_with_a_fence),
		cmocka_unit_test(octets_beside_the_rows_count),
		cmocka_unit_test(stamps_increase),
		cmocka_unit_test(partitions_have_names),
	};

	return rigs_run("kv", tests, sizeof tests / sizeof *tests);
}
