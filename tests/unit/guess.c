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
	struct sockaddr_storage a = { .ss_family = AF_INET6 };
	struct guess g;
	struct err e;

	if (inet_pton(AF_INET6, from, &((struct sockaddr_in6 *)&a)->sin6_addr) != 1) {
		a.ss_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, from, &((struct sockaddr_in *)&a)->sin_addr),
		    1);
	}
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
	assert_false(try_from(s, "bob@b.test", "192.0.2.1", true)); /* not even the right one */
	assert_true(try_from(s, "BOB@b.test", "192.0.2.2", true));  /* the owner, elsewhere */
	assert_int_equal(wrong(s, "Bob@B.test", "192.0.2.2", 1000),
	    15); /* in any case of letters */
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
	assert_int_equal(wrong(s, "bob@b.test", "192.0.2.1", 1000), 1 + 12);
}

/* `n` addresses, each in a /64 of its own: of one /48, or each in one of its own. */
static unsigned
wrong_from_many(struct share *s, const char *account, unsigned n, bool one_network)
{
	char from[INET6_ADDRSTRLEN];
	unsigned checked = 0;

	for (unsigned i = 0; i < n; i++) {
		snprintf(from, sizeof from, one_network ? "2001:db8:1:%x::1" : "2001:db8:%x::1", i);
		checked += wrong(s, account, from, 3);
	}
	return checked;
}

static void
an_account_is_bounded_over_all_addresses(void **state)
{
	struct share *s = *state;

	assert_true(try_from(s, "bob@b.test", "2001:db8:ffff:7::1", true));
	assert_int_equal(wrong_from_many(s, "bob@b.test", 20000, false), 10 + 48);
	assert_false(try_from(s, "bob@b.test", "192.0.2.9", true));
	/* The owner, where the owner was before; whoever else is there has no more than this. */
	assert_true(try_from(s, "bob@b.test", "2001:db8:ffff:7::2", true));
	assert_int_equal(wrong(s, "bob@b.test", "2001:db8:ffff:7::3", 1000), 12);
	/* Another account is not concerned. */
	assert_true(try_from(s, "zoe@b.test", "192.0.2.9", true));
	now += HOUR;
	assert_int_equal(wrong_from_many(s, "bob@b.test", 20000, false), 10 + 48);
}

static void
a_48_has_its_bound(void **state)
{
	struct share *s = *state;
	unsigned checked = 0;
	char account[32];

	assert_true(try_from(s, "bob@b.test", "2001:db8:1:7::1", true));
	for (int i = 0; i < 100; i++) {
		snprintf(account, sizeof account, "u%d@b.test", i);
		checked += wrong_from_many(s, account, 10, true);
	}
	assert_int_equal(checked, 120);
	assert_false(try_from(s, "zoe@b.test", "2001:db8:1:ffff::1", true));
	assert_true(try_from(s, "zoe@b.test", "2001:db8:2:ffff::1", true));
	assert_true(try_from(s, "bob@b.test", "2001:db8:1:7::1", true)); /* is known there */
}

/* More accounts and addresses than there are rows: no bucket comes back full. */
static void
a_flood_of_keys_makes_no_room(void **state)
{
	struct share *s = *state;
	char from[INET6_ADDRSTRLEN], account[32];
	unsigned checked = 0;

	assert_true(try_from(s, "bob@b.test", "192.0.2.7", true));
	assert_int_equal(wrong_from_many(s, "bob@b.test", 1000, false), 10 + 48);
	for (unsigned i = 0; i < 40000; i++) {
		snprintf(account, sizeof account, "u%u@b.test", i);
		snprintf(from, sizeof from, "2001:dc8:%x::1", i);
		checked += wrong(s, account, from, 1);
	}
	assert_in_range(checked, 16384, 16384 + 30 + 120); /* the others share a bucket */
	assert_int_equal(wrong_from_many(s, "bob@b.test", 1000, false), 0);
	assert_false(try_from(s, "bob@b.test", "192.0.2.1", true));
	assert_true(try_from(s, "bob@b.test", "192.0.2.7", true));
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
		cmocka_unit_test_setup_teardown(an_account_is_bounded_over_all_addresses, begin,
		    finish),
		cmocka_unit_test_setup_teardown(a_48_has_its_bound, begin, finish),
		cmocka_unit_test_setup_teardown(a_flood_of_keys_makes_no_room, begin, finish),
		cmocka_unit_test_setup_teardown(what_is_no_address_is_one_account, begin, finish),
	};

	return cmocka_run_group_tests_name("guess", tests, NULL, NULL);
}
