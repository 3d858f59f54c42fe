/* ims_known — a mailbox remembers whose mail it had, longer than the mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/ims_store_scene.h"

static void
assert_knows(struct world *w, const char *user, const char *domain, bool does)
{
	assert_int_equal(knows(w, user, domain), does);
}

static void
it_remembers_whose_mail_it_had(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	assert_knows(&w, BOB, "a.test", false);
	accepts(&w, n);
	assert_knows(&w, BOB, "a.test", true);
	assert_knows(&w, BOB, "c.test", false);
	assert_knows(&w, EVE, "a.test", false);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	reopen(&w);
	assert_int_equal(entries(&w, NOTICE), 0);
	assert_knows(&w, BOB, "a.test", true);
	world_clear(&w);
}

static void
one_row_a_domain(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.number = 2;
	accepts(&w, n);
	n.number = 3;
	n.at_s = DAY / 2;
	accepts(&w, n);
	assert_int_equal(entries(&w, KNOWN), 1);
	n.number = 4;
	n.domain = "c.test";
	accepts(&w, n);
	assert_int_equal(entries(&w, KNOWN), 2);
	world_clear(&w);
}

static void
almost_all(struct kv_txn *t)
{
	struct ims_mailbox_is m;
	struct err e;

	assert_true(ims_mailbox_is(t, &m, &e));
	assert_int_equal(m.known, 1);
	m.known = IMS_MAILBOX_KNOWN - 1;
	ims_mailbox_put(t, &m);
}

/* Where there is no room for one more, the notice is accepted all the same. */
static void
so_many_and_no_more(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	operate(&w, ims_part_mailbox(BOB), almost_all);
	n.domain = "c.test";
	accepts(&w, n); /* the last */
	n.domain = "d.test";
	accepts(&w, n);
	n.domain = NULL;
	n.number = 2;
	accepts(&w, n);                        /* of one that is remembered */
	assert_knows(&w, BOB, "d.test", true); /* while the notice is there */
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	assert_knows(&w, BOB, "d.test", false);
	assert_knows(&w, BOB, "c.test", true);
	assert_knows(&w, BOB, "a.test", true);
	assert_int_equal(entries(&w, KNOWN), 3); /* d.test: with its repeat */
	sweep(&w, 2 * DAY);
	assert_int_equal(entries(&w, KNOWN), 2);
	world_clear(&w);
}

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	(void)notices;
	on_done(arg, e);
}

static void
it_goes_with_the_mailbox(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;
	struct ims_purge what;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	what = (struct ims_purge) {
		.user = BOB,
		.opened = true,
		.loop = w.loop,
		.done = on_purged,
		.arg = &w,
	};
	w.waiting++;
	ims_store_purge(w.store, &what);
	wait_for(&w);
	assert_int_equal(w.why, REFUSAL_NONE);
	assert_knows(&w, BOB, "a.test", false);
	assert_knows(&w, EVE, "a.test", true);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 4 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(it_remembers_whose_mail_it_had),
		cmocka_unit_test(one_row_a_domain),
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(it_goes_with_the_mailbox),
	};

	return engines_run("ims_known", tests, N, N);
}
