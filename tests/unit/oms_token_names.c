/* oms_token_names — a token that a store of format 2 kept, by a name of its own, still means its letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/record.h"
#include "common/store/kv_key.h"
#include "common/store/kv_lmdb.h"
#include "tests/unit/oms_store_scene.h"

static unsigned
kind_of(const char *name)
{
	unsigned k = 0;

	while (strcmp(oms_schema.kinds[k].name, name) != 0)
		k++;
	return k;
}

static struct kv *
open_kv(const struct world *w)
{
	char path[128];
	struct kv *k;
	struct err e;

	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_true(kv_lmdb_open(path, SIZE, &oms_schema, &k, &e));
	return k;
}

static void
expect_good(void *arg, const struct err *e)
{
	(void)arg;
	assert_null(e);
}

/* The name of a token in the key of its row: octets of the token, then a hash, which was all of it in formats up to 2. */
#define HEAD  10
#define NAMED (1 + HEAD + 16)

static bool
give_old_name(void *arg, struct span key, struct span value)
{
	struct kv_key old = { .n = 0 };

	assert_int_equal(key.n, NAMED);
	kv_key_add_u8(&old, 'T');
	kv_key_add(&old, span_sub(key, 1 + HEAD, key.n));
	kv_put(arg, kv_key_span(&old), value);
	kv_del(arg, key);
	return false;
}

/* version, size, price, name of the token */
static bool
give_old_row(void *arg, struct span key, struct span value)
{
	struct buf old = BUF_INIT;

	put_u8(&old, 1);
	put_bytes(&old, value.p + 1, 16);
	put_bytes(&old, value.p + 17 + HEAD, 16);
	kv_put(arg, key, buf_span(&old));
	buf_clear(&old);
	return false;
}

static bool
give_old_sums(void *arg, struct span key, struct span value)
{
	struct buf old = BUF_INIT;

	put_u8(&old, 1);
	put_bytes(&old, value.p + 1, value.n - 1);
	kv_put(arg, key, buf_span(&old));
	buf_clear(&old);
	return false;
}

static bool
apply_old_names(struct kv_txn *t, void *arg, struct err *e)
{
	(void)arg;
	kv_each(t, SPAN_LIT("T"), SPAN_LIT("T"), give_old_name, t);
	kv_each(t, SPAN_LIT("O"), SPAN_LIT("O"), give_old_row, t);
	kv_each(t, SPAN_LIT("S"), SPAN_LIT("S"), give_old_sums, t);
	return !kv_fault(t, e);
}

struct rows {
	struct kv_look look;
	unsigned n;
};

static bool
count_row(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	((struct rows *)arg)->n++;
	return true;
}

static void
look_tokens(struct kv_txn *t, void *arg)
{
	((struct rows *)arg)->n = 0;
	kv_each(t, SPAN_LIT("T"), SPAN_LIT("T"), count_row, arg);
}

static struct kv_part
part_of_alice(void)
{
	return kv_part_hash(kind_of("user"), SPAN_LIT("alice@a.test"), 16);
}

static unsigned
count_tokens(struct world *w)
{
	struct rows r = { .look = { .part = part_of_alice(),
			      .look = look_tokens,
			      .done = expect_good,
			      .arg = &r,
			      .home = w->loop } };
	struct kv *k;

	oms_store_close(&w->store);
	k = open_kv(w);
	kv_read(k, &r.look);
	loop_drain(w->loop);
	kv_close(&k);
	reopen(w);
	return r.n;
}

/* A token of a letter that format 2 took means that letter, beside those of later letters, and goes with it. */
static void
a_token_of_before_means_its_letter(void **state)
{
	struct letter l = { .token = "2026-11-30-one", .one = true, .recalled = true };
	struct kv_op op = { .part = part_of_alice(),
		.apply = apply_old_names,
		.done = expect_good,
		.octets = 1024 };
	struct ulid first, second, again;
	int64_t now_s = time(NULL);
	struct world w;
	struct kv *k;
	struct err e;

	(void)state;
	world_bare(&w);
	reopen(&w);
	assert_int_equal(put(&w, &l, &first), REFUSAL_NONE);
	oms_store_close(&w.store);
	k = open_kv(&w);
	assert_true(kv_take(k, &op, &e));
	kv_close(&k);
	reopen(&w);
	assert_int_equal(put(&w, &l, &again), REFUSAL_NONE);
	assert_true(ulid_eq(&first, &again));
	l.token = "2026-11-30-two";
	assert_int_equal(put(&w, &l, &second), REFUSAL_NONE);
	assert_false(ulid_eq(&first, &second));
	for (int i = 0; i < 2; i++) {
		l.token = i == 0 ? "2026-11-30-one" : "2026-11-30-two";
		assert_int_equal(put(&w, &l, &again), REFUSAL_NONE);
		assert_true(ulid_eq(i == 0 ? &first : &second, &again));
	}
	assert_int_equal(count_tokens(&w), 2);
	sweep(&w, now_s + 40 * DAY);
	assert_int_equal(count_tokens(&w), 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_of_before_means_its_letter),
	};

	return cmocka_run_group_tests_name("oms_token_names", tests, NULL, NULL);
}
