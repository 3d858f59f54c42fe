/* guess — what wrong passwords cost, and that the owner gets in from elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/auth/guess.h"
#include "common/share/share.h"

#define HOUR INT64_C(3600000)

static int64_t now;

static int
begin(void **state)
{
	now = 1000;
	*state = share_new();
	return 0;
}

static int
finish(void **state)
{
	struct share *s = *state;

	share_free(&s);
	return 0;
}

static bool
try_from(struct share *s, const char *account, const char *from, bool right)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct guess g;
	struct err e;

	assert_int_equal(inet_pton(AF_INET, from, &a.sin_addr), 1);
	if (!guess_take(&g, s, span_str(account), (const struct sockaddr *)&a, now, &e)) {
		assert_int_equal(e.why, REFUSAL_password_share);
		return false;
	}
	if (right)
		guess_give(&g, s, now);
	return true;
}

static unsigned
wrong(struct share *s, const char *account, const char *from, unsigned n)
{
	unsigned checked = 0;

	while (n-- > 0)
		checked += try_from(s, account, from, false);
	return checked;
}

static void
an_account_has_its_bound(void **state)
{
	struct share *s = *state;

	/* ten of the account's, three of this address at it */
	assert_int_equal(wrong(s, "bob@b.test", "192.0.2.1", 1000), 13);
	assert_false(try_from(s, "bob@b.test", "192.0.2.1", true));     /* not even the right one */
	assert_true(try_from(s, "BOB@b.test", "192.0.2.2", true));      /* the owner, elsewhere */
	assert_int_equal(wrong(s, "Bob@B.test", "192.0.2.2", 1000), 3); /* in any case of letters */
	assert_int_equal(wrong(s, "bob@b.test", "192.0.2.3", 1000), 3);
	now += HOUR; /* 20 to the account, at most 10; 3 to each pair, one to this one by then */
	assert_int_equal(wrong(s, "bob@b.test", "192.0.2.1", 1000), 13);
}

static void
an_address_has_its_bound(void **state)
{
	struct share *s = *state;
	unsigned checked = 0;
	char account[32];

	for (int i = 0; i < 100; i++) {
		snprintf(account, sizeof account, "u%d@b.test", i);
		checked += wrong(s, account, "192.0.2.1", 10);
	}
	assert_int_equal(checked, 30);
	assert_false(try_from(s, "zoe@b.test", "192.0.2.1", true));
	assert_true(try_from(s, "zoe@b.test", "192.0.2.2", true));
	now += HOUR / 60;
	assert_int_equal(wrong(s, "zoe@b.test", "192.0.2.1", 10), 1);
}

static void
right_ones_cost_nothing(void **state)
{
	struct share *s = *state;

	assert_int_equal(wrong(s, "bob@b.test", "192.0.2.1", 12), 12);
	for (int i = 0; i < 1000; i++)
		assert_true(try_from(s, "bob@b.test", "192.0.2.1", true));
	assert_int_equal(wrong(s, "bob@b.test", "192.0.2.1", 12), 1);
}

/* Each name that is none would else be a row of its own. */
static void
what_is_no_address_is_one_account(void **state)
{
	static const char *const names[] = { "", "bob", "bob@", "b b@b.test", "\xff@b.test",
		"@b.test", "..@b.test", "a@b@c.test", "192.0.2.1", "-", "(bob)@b.test", "\n",
		"bob@b" };
	struct share *s = *state;
	unsigned checked = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		checked += wrong(s, names[i], "192.0.2.1", 1);
	assert_int_equal(checked, 13);
	assert_false(try_from(s, "nobody", "192.0.2.1", false));
	assert_true(try_from(s, "nobody@b.test", "192.0.2.1", false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_account_has_its_bound, begin, finish),
		cmocka_unit_test_setup_teardown(an_address_has_its_bound, begin, finish),
		cmocka_unit_test_setup_teardown(right_ones_cost_nothing, begin, finish),
		cmocka_unit_test_setup_teardown(what_is_no_address_is_one_account, begin, finish),
	};

	return cmocka_run_group_tests_name("guess", tests, NULL, NULL);
}
