/* listen_guard — limits per address, at -1, 0 and +1; an address of its own for each IPv6 /64. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/net/listen_guard.h"

#define N 4

static struct listen_incoming
from(const char *address)
{
	struct listen_incoming in = { .fd = -1 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&in.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&in.address;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
	} else {
		v6->sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
	}
	return in;
}

static void
enters(struct listen_guard *g, struct listen_incoming *in)
{
	struct err e;

	if (!listen_guard_enter(g, in, &e))
		fail_msg("%s", e.text);
}

static void
is_refused(struct listen_guard *g, const char *address)
{
	struct listen_incoming in = from(address);
	struct err e;

	assert_false(listen_guard_enter(g, &in, &e));
	assert_int_equal(e.why, REFUSAL_too_many_connections);
	assert_null(in.guard);
}

static void
open_connections(void **state)
{
	struct listen_limits limits = { .total = 100, .per_address = N, .half_open = 100 };
	struct listen_guard *g = listen_guard_new(&limits);
	struct listen_incoming in[N], other = from("192.0.2.2");

	(void)state;
	for (size_t i = 0; i < N; i++) {
		in[i] = from("192.0.2.1");
		enters(g, &in[i]);
		listen_guard_shook(&in[i]);
	}
	is_refused(g, "192.0.2.1");
	enters(g, &other);
	assert_int_equal(listen_guard_count(g), N + 1);
	listen_guard_leave(&in[0]);
	enters(g, &in[0]);
	is_refused(g, "192.0.2.1");
	for (size_t i = 0; i < N; i++)
		listen_guard_leave(&in[i]);
	listen_guard_leave(&other);
	assert_int_equal(listen_guard_count(g), 0);
	listen_guard_unref(&g);
}

static void
half_open_connections(void **state)
{
	struct listen_limits limits = { .total = 100, .per_address = 100, .half_open = N };
	struct listen_guard *g = listen_guard_new(&limits);
	struct listen_incoming in[N], next = from("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < N; i++) {
		in[i] = from("192.0.2.1");
		enters(g, &in[i]);
	}
	is_refused(g, "192.0.2.1");
	listen_guard_shook(&in[0]);
	enters(g, &next);
	is_refused(g, "192.0.2.1");
	for (size_t i = 0; i < N; i++)
		listen_guard_leave(&in[i]);
	listen_guard_leave(&next);
	listen_guard_unref(&g);
}

static void
a_network_is_one_address(void **state)
{
	struct listen_limits limits = { .total = 100, .per_address = 1, .half_open = 100 };
	struct listen_guard *g = listen_guard_new(&limits);
	struct listen_incoming in = from("2001:db8::1"), beside = from("2001:db8:0:1::1");

	(void)state;
	enters(g, &in);
	is_refused(g, "2001:db8::ffff");
	enters(g, &beside);
	listen_guard_leave(&in);
	listen_guard_leave(&beside);
	listen_guard_unref(&g);
}

/* The fewer of what descriptors and memory allow. */
static void
so_many_in_all(void **state)
{
	(void)state;
	assert_int_equal(listen_total(1000, (uint64_t)1 << 40), 900);
	assert_int_equal(listen_total(1 << 20, (uint64_t)1 << 30), 8192);
	assert_int_equal(listen_total(1 << 20, ((uint64_t)1 << 30) - 1), 8191);
	assert_int_equal(listen_total(1 << 20, ((uint64_t)1 << 30) + 4 * LISTEN_CONNECTION_BYTES),
	    8193);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_in_all),
		cmocka_unit_test(open_connections),
		cmocka_unit_test(half_open_connections),
		cmocka_unit_test(a_network_is_one_address),
	};

	return cmocka_run_group_tests_name("listen_guard", tests, NULL, NULL);
}
