/* kv_pages — work in pages, with each engine; pages that do not fit have fewer rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_pages.h"
#include "tests/kv_rigs.h"

#define STRIDE                                                                                     \
	4 /* rows of 1,000 octets: each key is in another page of the tree than the one before it */

struct clearing {
	struct kv_pages pages;
	struct kv_scene *scene;
	int n, over; /* keys in all; deleted for good */
	int this_page;
	/* rows: the smallest page, the last one; how often one was larger */
	size_t least, last, grew;
	enum refusal refuses; /* the second page */
	enum refusal why;
	unsigned pages_over;
};

static void
name_of(char *out, size_t cap, int n)
{
	snprintf(out, cap, "%08d", n);
}

static bool
clear_page(struct kv_txn *t, void *arg, size_t rows, struct err *e)
{
	struct clearing *c = arg;
	char key[32];

	if (c->pages_over == 1 && c->refuses != REFUSAL_NONE)
		return err_word(e, c->refuses);
	for (c->this_page = 0; c->over + c->this_page < c->n && rows > 0; rows--) {
		name_of(key, sizeof key, STRIDE * (c->over + c->this_page++));
		kv_del(t, span_str(key));
	}
	return !kv_fault(t, e);
}

static bool
page_cleared(void *arg)
{
	struct clearing *c = arg;
	size_t rows = (size_t)c->this_page;

	c->over += c->this_page;
	c->least = rows < c->least ? rows : c->least;
	c->grew += rows > c->last;
	c->last = rows;
	c->pages_over++;
	return c->over < c->n;
}

static void
all_cleared(void *arg, const struct err *e)
{
	struct clearing *c = arg;

	c->why = e == NULL ? REFUSAL_NONE : e->why;
	loop_stop(c->scene->loop);
}

static void
begin_clearing(void *arg)
{
	struct clearing *c = arg;

	kv_pages_take(c->scene->kv, &c->pages);
}

static void
clear_all(struct kv_scene *s, struct clearing *c, size_t most)
{
	c->scene = s;
	c->least = SIZE_MAX;
	c->pages = (struct kv_pages) { .part = part(K_PLAIN, "aaaa"),
		.apply = clear_page,
		.follow = page_cleared,
		.done = all_cleared,
		.arg = c,
		.home = s->loop,
		.most = most };
	loop_post(s->loop, begin_clearing, c);
	loop_run(s->loop);
}

static enum refusal
put_row(struct kv_scene *s, int n, const char *value)
{
	char key[32];

	name_of(key, sizeof key, n);
	return RUN(s, part(K_PLAIN, "aaaa"), PUT(key, value));
}

static void
pages_follow_each_other(void **state)
{
	struct kv_scene s = begin(state);
	struct clearing c = { .n = 25 };

	for (int i = 0; i < c.n; i++)
		assert_int_equal(put_row(&s, STRIDE * i, "1"), REFUSAL_NONE);
	clear_all(&s, &c, 10);
	assert_int_equal(c.why, REFUSAL_NONE);
	assert_int_equal(c.pages_over, 3);
	for (int i = 0; i < c.n; i++) {
		char key[32];

		name_of(key, sizeof key, STRIDE * i);
		assert_row(&s, part(K_PLAIN, "aaaa"), key, "-");
	}
	scene_clear(&s);
}

static void
a_refusal_ends_the_work(void **state)
{
	struct kv_scene s = begin(state);
	struct clearing c = { .n = 25, .refuses = REFUSAL_id_conflict };

	clear_all(&s, &c, 10);
	assert_int_equal(c.why, REFUSAL_id_conflict);
	assert_int_equal(c.pages_over, 1);
	scene_clear(&s);
}

/* Each page of the tree is copied for one of its rows, and the reserve holds a part of them. */
static void
a_page_that_does_not_fit_has_fewer_rows(void **state)
{
	struct kv_scene s = { .rig = *state, .size = (uint64_t)6 << 20 };
	char value[1001];
	struct clearing c = { .n = 0 };
	int rows = 0;
	struct err e;

	if (!s.rig->full)
		return;
	assert_true(loop_new(&s.loop, &e));
	s.rig->open(&s);
	memset(value, 'v', 1000);
	value[1000] = 0;
	while (put_row(&s, rows, value) == REFUSAL_NONE)
		rows++;
	assert_in_range(rows, 2000, 9000);
	c.n = rows / STRIDE;
	clear_all(&s, &c, (size_t)c.n);
	assert_int_equal(c.why, REFUSAL_NONE);
	assert_int_equal(c.over, c.n);
	if (s.rig->batches) { /* in memory a deletion needs no space */
		assert_in_range(c.least, 1, c.n / 4);
		assert_true(c.grew > 0);
	}
	for (int i = 0; i < c.n; i++) {
		char key[32];

		name_of(key, sizeof key, STRIDE * i);
		assert_row(&s, part(K_PLAIN, "aaaa"), key, "-");
	}
	scene_clear(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(a_refusal_ends_the_work),
		cmocka_unit_test(a_page_that_does_not_fit_has_fewer_rows),
	};

	return rigs_run("kv_pages", tests, sizeof tests / sizeof *tests);
}
