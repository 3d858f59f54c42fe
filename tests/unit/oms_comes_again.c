/* oms_comes_again — users, queues, expiries, peers and attempts of the OMS's spool that end and come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/oms_pairs_scene.h"

/* -- tests --------------------------------------------------------------------------------------- */

static void
forget_user(struct world *w, const char *user)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_forget_user(w->store, user, clock_wall_ms() / 1000, w->loop, on_done, &o);
	wait_all(w);
	assert_int_equal(o.why, REFUSAL_NONE);
}

/* All of a removed user goes, whatever it waits for; what others of that address have stays. */
static void
a_user_is_forgotten_whole(void **state)
{
	static const char former[] = "alice@a.test", next[] = "alice@a.test 1796005923";
	struct world w;
	struct ulid waiting, notified, over, others, again;
	struct oms_user_counts u;
	struct oms_delivery d[8];

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .token = "t" }, &waiting);
	put(&w, &(struct letter) { .size = 100, .one = true, .user = next, .token = "t" }, &others);
	assert_false(ulid_eq(&waiting, &others)); /* another's token */
	put(&w, &(struct letter) { .size = 100, .one = true }, &over);
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	assert_int_equal(settle(&w, &over, "b.test", false), REFUSAL_NONE);
	put(&w, &(struct letter) { .size = 100 }, &notified);
	for (int i = 0; i < 250; i++) /* more than one write takes */
		put(&w, &(struct letter) { .size = 10, .one = true }, &again);
	forget_user(&w, former);
	wait_for_files(&w, 0);
	reopen(&w);
	assert_false(ask_knows(w.store, w.loop, former));
	assert_true(ask_knows(w.store, w.loop, next));
	u = ask_user(w.store, w.loop, former);
	assert_int_equal(u.letters, 0);
	assert_int_equal(u.octets, 0);
	assert_int_equal(due(&w, "b.test", d, 8), 0);
	assert_int_equal(due(&w, "c.test", d, 8), 0);
	assert_int_equal(hand_out(&w, &notified, "b.test"), REFUSAL_unknown_id);
	assert_int_equal(hand_out(&w, &others, "b.test"), REFUSAL_NONE);
	put(&w, &(struct letter) { .size = 100, .one = true, .token = "t" }, &again);
	assert_false(ulid_eq(&again, &waiting)); /* nor is the token known any more */
	put(&w, &(struct letter) { .size = 100, .one = true, .user = next, .token = "t" }, &again);
	assert_true(ulid_eq(&again, &others));
	sweep(&w, clock_wall_ms() / 1000 + 100 * DAY); /* also ends whose letters are gone */
	sweep(&w, clock_wall_ms() / 1000 + 200 * DAY);
	assert_false(ask_knows(w.store, w.loop, former) || ask_knows(w.store, w.loop, next));
	world_clear(&w);
}

/* -- what ends and comes again ------------------------------------------------------------------------------- */

/* A user that was forgotten and has a letter again is found, although the directory may still know that it was gone. */
static void
a_user_comes_again(void **state)
{
	static const char *const users[] = { "alice@a.test", "bob@a.test", "carol@a.test",
		"dan@a.test" };
	struct world w;
	struct ulid id;
	unsigned pages;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 4; i++) {
		put(&w, &(struct letter) { .size = 10, .one = true, .user = users[i] }, &id);
		forget_user(&w, users[i]);
	}
	assert_int_equal(walk_queue(&w, 100, &pages), 0);
	for (int i = 0; i < 4; i++)
		put(&w, &(struct letter) { .size = 10, .one = true, .user = users[i] }, &id);
	arrive(&w);
	assert_int_equal(walk_queue(&w, 100, &pages), 4);
	world_clear(&w);
}

#define AGAIN 20

static void
nth_domain(char out[32], int n)
{
	snprintf(out, 32, "d%d.test", n);
}

static void
put_to_each(struct world *w)
{
	struct ulid id;
	char peer[32];

	for (int i = 0; i < AGAIN; i++) {
		nth_domain(peer, i);
		put(w,
		    &(struct letter) { .size = 10, .one = true, .peer = peer, .same_shard = true },
		    &id);
	}
}

/* A queue that was empty and has a letter again is found, although the directory may still know that it was empty. */
static void
a_queue_comes_again(void **state)
{
	struct world w;
	char peer[32];

	(void)state;
	world_init(&w);
	put_to_each(&w);
	for (int i = 0; i < AGAIN; i++) {
		nth_domain(peer, i);
		notify(&w, peer, NULL);
	}
	put_to_each(&w);
	arrive(&w);
	assert_int_equal(pairs(&w, 64)->n, AGAIN);
	world_clear(&w);
}

/* So is a minute in which a letter ends. */
static void
an_expiry_comes_again(void **state)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct ulid id;
	struct world w;

	(void)state;
	world_init(&w);
	for (int i = 0; i < AGAIN; i++) {
		const struct letter l = { .size = 10,
			.one = true,
			.same_shard = true,
			.hold_until_s = now_s + 60 + 60 * i };

		put(&w, &l, &id);
		sweep(&w, l.hold_until_s);
		assert_string_equal(states(&w, &id), "expired");
		put(&w, &l, &id);
		arrive(&w);
		sweep(&w, l.hold_until_s);
		assert_string_equal(states(&w, &id), "expired");
	}
	world_clear(&w);
}

static void
remember(struct world *w, int64_t until_s)
{
	struct outcome o = { .world = w };
	char peer[32];

	for (int i = 0; i < AGAIN; i++) {
		nth_domain(peer, i);
		w->waiting++;
		oms_store_remember(w->store, peer, until_s, 1000, w->loop, on_done, &o);
		wait_all(w);
		assert_int_equal(o.why, REFUSAL_NONE);
	}
}

/* And a domain that was forgotten. */
static void
a_peer_comes_again(void **state)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct world w;

	(void)state;
	world_init(&w);
	remember(&w, now_s + 10);
	sweep(&w, now_s + 11);
	remember(&w, now_s + 20);
	arrive(&w);
	assert_int_equal(ask_counts(w.store, w.loop).domains, AGAIN);
	sweep(&w, now_s + 21);
	arrive(&w);
	assert_int_equal(ask_counts(w.store, w.loop).domains, 0);
	world_clear(&w);
}

/* Also of an attempt at nothing. */
static void
an_attempt_is_recorded_once(void **state)
{
	struct world w;
	struct outcome o = { .world = &w, .why = REFUSAL_internal };

	(void)state;
	world_init(&w);
	w.waiting++;
	oms_store_attempted(w.store, NULL, 0, w.loop, on_done, &o);
	assert_int_equal(w.waiting, 1); /* never inside the call */
	loop_drain(w.loop);
	assert_int_equal(w.waiting, 0);
	assert_int_equal(o.why, REFUSAL_NONE);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 6 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_user_is_forgotten_whole),
		cmocka_unit_test(an_attempt_is_recorded_once),
		cmocka_unit_test(a_user_comes_again),
		cmocka_unit_test(a_queue_comes_again),
		cmocka_unit_test(an_expiry_comes_again),
		cmocka_unit_test(a_peer_comes_again),
	};

	return engines_run("oms_comes_again", tests, N, N);
}
