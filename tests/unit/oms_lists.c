/* oms_lists — pairs, what is due, outboxes, queues and counts of the OMS's spool, page by page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/oms_pairs_scene.h"

/* -- tests --------------------------------------------------------------------------------------- */

/* More pairs than any page has, and each is found once, whatever the page's size. */
static void
every_pair_is_found(void **state)
{
	enum { N = 42, PEERS = SUBMIT_RECIPIENTS_MAX };
	static const size_t pages[] = { 1, 7, 64 };
	struct world w;
	struct body_kept kept;
	struct oms_delivery d[PEERS];
	const char *to[] = { "bob" };
	char peer[32];
	struct outcome o;
	struct oms_put p = { .kept = &kept, .deliveries = d, .n_deliveries = PEERS };

	(void)state;
	world_init(&w);
	o = (struct outcome) { .world = &w };
	for (int k = 0; k < N; k++) {
		p.letter = (struct oms_letter) { .hold_until_s = INT32_MAX, .size = 10 };
		ulid_make(&p.letter.id, clock_wall_ms() + k, (const unsigned char *)"0123456789");
		strcpy(p.letter.user, "alice@a.test");
		strcpy(p.letter.from, "alice@a.test");
		for (int i = 0; i < PEERS; i++) {
			snprintf(peer, sizeof peer, "d%d.test", k * PEERS + i);
			d[i] = delivery(peer, 1, to);
			d[i].id = p.letter.id;
		}
		body(&w, &p.letter.id, 10, &kept);
		w.waiting++;
		oms_store_put_take(w.store, &p, w.loop, on_put, &o);
		wait_all(&w);
		assert_int_equal(o.why, REFUSAL_NONE);
		for (int i = 0; i < PEERS; i++)
			oms_delivery_clear(&d[i]);
	}
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		assert_int_equal(pairs(&w, pages[i])->n, N * PEERS);
	world_clear(&w);
}

static void
what_is_due_comes_by_pair_and_time(void **state)
{
	struct world w;
	struct ulid id[3];
	struct oms_delivery d[4];
	const struct pairs *p;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 3; i++)
		put(&w, &(struct letter) { .size = 10 }, &id[i]);
	p = pairs(&w, 1);
	assert_int_equal(p->n, 2);
	assert_non_null(strstr(p->peers, " b.test "));
	assert_non_null(strstr(p->peers, " c.test "));
	assert_int_equal(p->first_ms, 1000);
	/* the first one failed, and comes again later */
	assert_int_equal(due(&w, "b.test", d, 2), 2);
	d[0].next_ms = 5000;
	d[0].tries = 1;
	attempted(&w, &d[0]);
	arrive(&w);
	oms_delivery_clear(&d[0]);
	oms_delivery_clear(&d[1]);
	assert_int_equal(due(&w, "b.test", d, 4), 2);
	oms_delivery_clear(&d[0]);
	oms_delivery_clear(&d[1]);
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	arrive(&w);
	assert_int_equal(next_due(&w, "b.test"), 5000);
	reopen(&w);
	assert_int_equal(next_due(&w, "b.test"), 5000);
	world_clear(&w);
}

static void
next_attempt(struct world *w, int64_t next_ms)
{
	struct oms_due_query q = { .own = "a.test",
		.peer = "b.test",
		.now_ms = INT64_MAX,
		.max = 1 };
	struct oms_delivery d;

	q.latest_ms = INT64_MAX;
	assert_int_equal(ask_due(w->store, w->loop, &q, &d).n, 1);
	d.next_ms = next_ms;
	attempted(w, &d);
	arrive(w);
	oms_delivery_clear(&d);
}

/* The list of pairs is told an earlier time at once, and a later one when somebody looked for nothing. */
static void
the_list_of_pairs_is_told_what_it_needs(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 10, .one = true }, &id);
	next_attempt(&w, 5000);
	assert_int_equal(pairs(&w, 64)->first_ms, 1000);
	assert_int_equal(next_due(&w, "b.test"), 5000); /* now_ms is 0: nobody has looked in vain */
	arrive(&w);
	assert_int_equal(pairs(&w, 64)->first_ms, 1000);
	next_attempt(&w, 500);
	assert_int_equal(pairs(&w, 64)->first_ms, 500);
	next_attempt(&w, 6000);
	assert_int_equal(pairs(&w, 64)->first_ms, 500);
	assert_int_equal(due(&w, "b.test", &d, 1), 0);
	for (int i = 0; i < 200 && pairs(&w, 64)->first_ms != 6000; i++) {
		arrive(&w);
		usleep(10000);
	}
	assert_int_equal(pairs(&w, 64)->first_ms, 6000);
	assert_int_equal(settle(&w, &id, "b.test", true), REFUSAL_NONE);
	arrive(&w);
	assert_int_equal(pairs(&w, 64)->n, 0);
	world_clear(&w);
}

/* The letters of one destination do not all change one directory. */
static void
a_destination_is_in_several_directories(void **state)
{
	const struct letter l = { .size = 10, .one = true };
	struct world w;
	struct ulid id;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 64; i++)
		put(&w, &l, &id);
	arrive(&w);
	assert_int_equal(pairs(&w, 64)->n, 1);
	assert_in_range(pairs(&w, 64)->entries, 4, 8);
	world_clear(&w);
}

static void
the_outbox_comes_in_pages(void **state)
{
	struct world w;
	struct ulid id[130];
	struct asked first, rest;
	unsigned pages;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 130; i++) {
		put(&w, &(struct letter) { .size = 10 }, &id[i]);
		usleep(1100); /* ids of one millisecond have no order */
	}
	first = ask_outbox(w.store, w.loop, "alice@a.test", NULL);
	assert_true(first.more);
	assert_int_equal(first.n, OMS_STORE_LIST_PAGE);
	rest = ask_outbox(w.store, w.loop, "alice@a.test", &id[first.n - 1]);
	assert_false(rest.more);
	assert_int_equal(first.n + rest.n, 130);
	assert_int_equal(first.recipients + rest.recipients, 390);
	assert_int_equal(ask_outbox(w.store, w.loop, "bob@a.test", NULL).n, 0);
	assert_int_equal(ask_status(w.store, w.loop, "bob@a.test", &id[0]).e.why,
	    REFUSAL_unknown_id);
	assert_int_equal(walk_queue(&w, 100, &pages), 260);
	assert_int_equal(pages, 3);
	assert_int_equal(walk_queue(&w, 65, &pages), 260);
	assert_int_equal(pages, 4);
	world_clear(&w);
}

/* A page ends at the letter with which it has enough recipients. */
static void
a_page_ends_with_many_recipients(void **state)
{
	enum { N = 100 };
	struct world w;
	struct body_kept kept;
	struct outcome o;
	struct oms_delivery d;
	struct asked a;
	const char *to[N];

	(void)state;
	world_init(&w);
	o = (struct outcome) { .world = &w };
	for (int i = 0; i < N; i++)
		to[i] = "bob";
	d = delivery("b.test", N, to);
	for (int i = 0; i < 12; i++) {
		struct oms_put p = { .kept = &kept, .deliveries = &d, .n_deliveries = 1 };

		ulid_make(&d.id, clock_wall_ms() + i, (const unsigned char *)"0123456789");
		p.letter = (struct oms_letter) { .id = d.id, .hold_until_s = INT32_MAX };
		strcpy(p.letter.user, "alice@a.test");
		body(&w, &d.id, 10, &kept);
		w.waiting++;
		oms_store_put_take(w.store, &p, w.loop, on_put, &o);
		wait_all(&w);
	}
	oms_delivery_clear(&d);
	a = ask_outbox(w.store, w.loop, "alice@a.test", NULL);
	assert_int_equal(a.n, OMS_STORE_LIST_RECIPIENTS / N);
	assert_true(a.more);
	a = ask_outbox(w.store, w.loop, "alice@a.test", &o.id);
	assert_int_equal(a.n, 0);
	assert_false(a.more);
	world_clear(&w);
}

/* -- counting ---------------------------------------------------------------------------------------------- */

struct turns {
	struct loop *loop;
	struct asked asked;
	unsigned n;
};

static void
turn(void *arg)
{
	struct turns *t = arg;

	t->n++;
	if (t->asked.answers == 0)
		loop_post(t->loop, turn, t);
}

/* *turns: how often the loop served another while it counted. */
static uint64_t
count_letters(struct world *w, unsigned *turns)
{
	struct turns t = { .loop = w->loop };

	loop_post(w->loop, turn, &t);
	oms_store_counts(w->store, w->loop, on_counts_asked, &t.asked);
	assert_true(await(&t.asked, w->loop));
	loop_drain(w->loop);
	*turns = t.n;
	return t.asked.all.letters;
}

/* Many users are counted in pages, and their count is kept for a while. */
static void
many_users_are_counted_with_pauses(void **state)
{
	enum { USERS = 300 };
	unsigned first, again;
	char user[32];
	struct world w;
	struct ulid id;

	(void)state;
	world_init(&w);
	for (int i = 0; i < USERS; i++) {
		snprintf(user, sizeof user, "user%d@a.test", i);
		put(&w, &(struct letter) { .size = 10, .one = true, .user = user }, &id);
	}
	arrive(&w);
	assert_int_equal(count_letters(&w, &first), USERS);
	assert_true(first >= USERS / 64 - 1);
	put(&w, &(struct letter) { .size = 10, .one = true }, &id);
	arrive(&w);
	assert_int_equal(count_letters(&w, &again), USERS);
	assert_true(again < first);
	oms_store_set_keep_ms(w.store, 0);
	assert_int_equal(count_letters(&w, &again), USERS + 1);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 7 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(every_pair_is_found),
		cmocka_unit_test(what_is_due_comes_by_pair_and_time),
		cmocka_unit_test(the_list_of_pairs_is_told_what_it_needs),
		cmocka_unit_test(a_destination_is_in_several_directories),
		cmocka_unit_test(the_outbox_comes_in_pages),
		cmocka_unit_test(a_page_ends_with_many_recipients),
		cmocka_unit_test(many_users_are_counted_with_pauses),
	};

	return engines_run("oms_lists", tests, N, N);
}
