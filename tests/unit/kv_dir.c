/* kv_dir — pages of a directory, with each engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_dir.h"
#include "tests/kv_rigs.h"

#define NAMES 500 /* more than two operations with all the effects that they may have */

static void
name_of(char *out, size_t cap, unsigned n)
{
	snprintf(out, cap, "user%u@a.test", n);
}

/* -- writing ------------------------------------------------------------------------------------------------- */

static unsigned first_name;

static bool
state_names(struct kv_txn *t, void *arg, struct err *e)
{
	char name[32];

	(void)arg;
	(void)e;
	for (unsigned i = 0; i < NAMES / 2; i++) {
		struct kv_fact f = { .what = 3, .version = { 0, 1 } };
		struct kv_part to;

		name_of(name, sizeof name, first_name + i);
		f.name = f.value = span_str(name);
		to = kv_dir_part(K_DIR, f.name);
		kv_emit(t, &to, &f);
	}
	return true;
}

static void
fill(struct kv_scene *s)
{
	for (first_name = 0; first_name < NAMES; first_name += NAMES / 2)
		assert_int_equal(scene_call(s, part(K_PLAIN, "aaaa"), state_names), REFUSAL_NONE);
	s->rig->settle(s);
}

/* -- reading ------------------------------------------------------------------------------------------------- */

struct reading {
	struct kv_dir_page page;
	struct kv_scene *scene;
	unsigned times[NAMES]; /* that a name was given */
	unsigned entries, pages, in_page;
	bool ended;
};

static void
on_entry(void *arg, struct span name, struct span value)
{
	struct reading *r = arg;
	unsigned n;

	assert_true(span_eq(name, value));
	assert_int_equal(sscanf(name.p, "user%u@a.test", &n), 1);
	assert_true(n < NAMES);
	r->times[n]++;
	r->entries++;
	r->in_page++;
}

static void
on_page(void *arg, bool end, const struct err *e)
{
	struct reading *r = arg;

	assert_null(e);
	assert_true(r->in_page <= r->page.most);
	assert_true(end || r->in_page == r->page.most);
	r->pages++;
	r->in_page = 0;
	r->ended = end;
	if (end)
		loop_stop(r->scene->loop);
	else
		kv_dir_read(r->scene->kv, &r->page);
}

static void
read_first(void *arg)
{
	struct reading *r = arg;

	kv_dir_read(r->scene->kv, &r->page);
}

static void
read_all(struct kv_scene *s, struct reading *r, size_t most)
{
	*r = (struct reading) { .scene = s };
	r->page = (struct kv_dir_page) { .kind = K_DIR,
		.what = 3,
		.most = most,
		.entry = on_entry,
		.done = on_page,
		.arg = r,
		.home = s->loop };
	loop_post(s->loop, read_first, r);
	loop_run(s->loop);
	assert_true(r->ended);
}

static void
pages_give_each_name_once(void **state)
{
	static const size_t most[] = { 1, 7, 250, NAMES, 0 };
	struct kv_scene s = begin(state);
	struct reading r;

	read_all(&s, &r, 10);
	assert_int_equal(r.entries, 0);
	fill(&s);
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		read_all(&s, &r, most[i]);
		assert_int_equal(r.entries, NAMES);
		for (unsigned n = 0; n < NAMES; n++)
			assert_int_equal(r.times[n], 1);
		assert_in_range(r.pages, NAMES / r.page.most, NAMES / r.page.most + 1);
	}
	scene_clear(&s);
}

static void
what_is_gone_is_not_given(void **state)
{
	struct kv_scene s = begin(state);
	struct kv_part shard = kv_dir_part(K_DIR, SPAN_LIT("user7@a.test"));
	struct reading r;

	fill(&s);
	RUN(&s, part(K_PLAIN, "aaaa"), EMIT(shard, 3, "user7@a.test", 2, NULL));
	s.rig->settle(&s);
	s.rig->crash(&s);
	read_all(&s, &r, 100);
	assert_int_equal(r.entries, NAMES - 1);
	assert_int_equal(r.times[7], 0);
	scene_clear(&s);
}

static void
names_are_spread_over_all_shards(void **state)
{
	bool used[KV_DIR_SHARDS] = { false };
	unsigned shards = 0;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct kv_part p;

		name_of(name, sizeof name, i);
		p = kv_dir_part(K_DIR, span_str(name));
		assert_int_equal(p.n, KV_DIR_NAME_BYTES);
		assert_true(p.name[0] < KV_DIR_SHARDS);
		shards += !used[p.name[0]];
		used[p.name[0]] = true;
	}
	assert_int_equal(shards, KV_DIR_SHARDS);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_give_each_name_once),
		cmocka_unit_test(what_is_gone_is_not_given),
		cmocka_unit_test(names_are_spread_over_all_shards),
	};

	return rigs_run("kv_dir", tests, sizeof tests / sizeof *tests);
}
