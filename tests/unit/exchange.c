/* exchange — order of MX hosts, each rule that leaves one out, and what is cut because it is ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/dns/exchange.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"
#include "tests/moved_clock.h"
#include "tests/unit/dns_world.h"

#define ZONE                                                                                       \
	"good.test. 300 MX 10 one.test.\ngood.test. 300 MX 20 two.test.\n"                         \
	"one.test. 300 A 192.0.2.1\none.test. 300 AAAA 2001:db8::1\n"                              \
	"two.test. 300 A 192.0.2.2\n"                                                              \
	"three.test. A 192.0.2.3\n"                                                                \
	"null.test. MX 0 .\n"                                                                      \
	"null2.test. MX 0 .\nnull2.test. MX 10 one.test.\n"                                        \
	"plain.test. A 192.0.2.9\n"                                                                \
	"below.gap.test. A 192.0.2.9\n"                                                            \
	"dead.test. MX 10 nowhere.test.\n"                                                         \
	"private.test. MX 10 private-host.test.\nprivate-host.test. A 10.0.0.1\n"                  \
	"mixed.test. MX 10 private-host.test.\nmixed.test. MX 20 one.test.\n"                      \
	"literal.test. MX 10 192.0.2.1.\n192.0.2.1. A 192.0.2.1\n"                                 \
	"literal2.test. MX 10 192.0.2.1.\nliteral2.test. MX 20 one.test.\n"                        \
	"under.test. MX 10 mail_1.test.\nmail_1.test. A 192.0.2.1\n"                               \
	"upper.test. MX 10 ONE.Test.\n"                                                            \
	"alias.test. MX 10 alias-host.test.\nalias-host.test. CNAME one.test.\n"                   \
	"moved.test. CNAME good.test.\n"                                                           \
	"fails.test. CNAME fails.test.\n"                                                          \
	"host-fails.test. MX 10 looped.test.\nlooped.test. CNAME looped.test.\n"                   \
	"half.test. MX 10 looped.test.\nhalf.test. MX 20 one.test.\n"                              \
	"half2.test. MX 10 looped.test.\nhalf2.test. MX 20 private-host.test.\n"                   \
	"equal.test. MX 10 one.test.\nequal.test. MX 10 two.test.\nequal.test. MX 10 three.test.\n"

struct answer {
	struct loop *loop;
	unsigned calls, wanted;
	enum refusal why;
	size_t n, addresses;
	char first[DNS_NAME_BYTES], where[ADDRESS_TEXT_BYTES];
	bool unsure;
	uint32_t ttl_s;
};

static void
found(void *arg, struct exchange *x, const struct err *why)
{
	struct answer *a = arg;

	a->calls++;
	a->why = why == NULL ? REFUSAL_NONE : why->why;
	a->n = x->n;
	a->unsure = x->unsure;
	a->ttl_s = x->ttl_s;
	assert_false(x->secure);
	assert_true(x->n == 0 || !x->hosts[0].secure);
	if (x->n > 0) {
		a->addresses = x->hosts[0].n;
		snprintf(a->first, sizeof a->first, "%s", x->hosts[0].host);
		if (x->hosts[0].n > 0)
			address_text(&x->hosts[0].address[0], a->where);
	}
	if (a->calls >= a->wanted)
		loop_stop(a->loop);
}

static struct answer
find(struct world *w, const char *domain, bool names_only, bool allow_private)
{
	struct answer a = { .loop = w->loop };

	exchange_find(w->dns,
	    &(struct exchange_ask) { .domain = domain,
		.names_only = names_only,
		.port = 2525,
		.allow_private = allow_private },
	    found, &a);
	assert_int_equal(a.calls, 0);
	loop_run(w->loop);
	assert_int_equal(a.calls, 1);
	return a;
}

/* -- rules ------------------------------------------------------------------------------------- */

static void
rules(void **state)
{
	/* What the hosts come to, and what the names alone do. */
	static const struct {
		const char *domain;
		enum refusal why, names;
	} rows[] = {
		{ "null.test", REFUSAL_null_mx, REFUSAL_null_mx },
		{ "null2.test", REFUSAL_NONE, REFUSAL_NONE },
		/* no fallback to the domain's own address */
		{ "plain.test", REFUSAL_no_mx, REFUSAL_no_mx },
		{ "gap.test", REFUSAL_no_mx, REFUSAL_no_mx },
		{ "nowhere.test", REFUSAL_no_such_domain, REFUSAL_no_such_domain },
		{ "dead.test", REFUSAL_unreachable, REFUSAL_NONE },
		{ "private.test", REFUSAL_private_address, REFUSAL_NONE },
		{ "mixed.test", REFUSAL_NONE, REFUSAL_NONE },
		{ "literal.test", REFUSAL_address_literal, REFUSAL_address_literal },
		{ "literal2.test", REFUSAL_NONE, REFUSAL_NONE },
		{ "under.test", REFUSAL_unreachable, REFUSAL_unreachable },
		{ "upper.test", REFUSAL_NONE, REFUSAL_NONE },
		{ "alias.test", REFUSAL_NONE, REFUSAL_NONE },
		{ "moved.test", REFUSAL_NONE, REFUSAL_NONE },
		{ "fails.test", REFUSAL_dns_failed, REFUSAL_dns_failed },
		{ "host-fails.test", REFUSAL_dns_failed, REFUSAL_NONE },
		{ "half.test", REFUSAL_NONE, REFUSAL_NONE },
		{ "half2.test", REFUSAL_dns_failed, REFUSAL_NONE },
	};
	struct world w;

	(void)state;
	world_open(&w, ZONE);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct answer a = find(&w, rows[i].domain, false, false),
			      names = find(&w, rows[i].domain, true, false);

		if (a.why != rows[i].why || names.why != rows[i].names)
			fail_msg("%s: %s, %s", rows[i].domain, refusal_word(a.why),
			    refusal_word(names.why));
		assert_int_equal(names.addresses, 0);
		assert_false(names.unsure);
	}
	world_close(&w);
}

static void
hosts(void **state)
{
	struct world w;
	struct answer a;

	(void)state;
	world_open(&w, ZONE);
	a = find(&w, "good.test", false, false);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.first, "one.test");
	assert_int_equal(a.addresses, 2);
	assert_true(strstr(a.where, ":2525") != NULL);
	assert_string_equal(find(&w, "upper.test", false, false).first, "one.test");
	assert_int_equal(find(&w, "alias.test", false, false).addresses, 2);
	assert_int_equal(find(&w, "null2.test", false, false).n, 1);
	assert_int_equal(find(&w, "literal2.test", false, false).n, 1);
	/* A host without an address of use remains: its place among the others counts. */
	a = find(&w, "mixed.test", false, false);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.addresses, 0);
	assert_false(a.unsure);
	assert_int_equal(find(&w, "mixed.test", false, true).addresses, 1);
	assert_true(find(&w, "half.test", false, false).unsure);
	world_close(&w);
}

static void
at_most_20(void **state)
{
	struct buf zone = BUF_INIT;
	struct world w;

	(void)state;
	for (int i = 0; i < 21; i++)
		buf_addf(&zone, "many.test. MX %d h%d.test.\nh%d.test. A 192.0.2.%d\n", i, i, i,
		    i + 1);
	for (int i = 0; i < 20; i++)
		buf_addf(&zone, "twenty.test. MX %d h%d.test.\n", i, i);
	buf_add(&zone, "", 1);
	world_open(&w, zone.data);
	assert_int_equal(find(&w, "many.test", false, false).why, REFUSAL_too_many_targets);
	assert_int_equal(find(&w, "many.test", true, false).why, REFUSAL_too_many_targets);
	assert_int_equal(find(&w, "twenty.test", false, false).n, 20);
	world_close(&w);
	buf_clear(&zone);
}

/* -- shared, and kept -------------------------------------------------------------------------- */

static void
asked_once(void **state)
{
	struct world w;
	struct answer a = { 0 }, none = { 0 };
	struct exchange_query *q[100];
	const struct exchange_ask ask = { .domain = "good.test", .port = 25 };
	uint64_t asked;

	(void)state;
	world_open(&w, ZONE);
	a.loop = none.loop = w.loop;
	asked = dns_asked(w.dns);
	for (int i = 0; i < 100; i++)
		q[i] = exchange_find(w.dns, &ask, found, i % 2 == 0 ? &a : &none);
	for (int i = 1; i < 100; i += 2)
		exchange_cancel(&q[i]);
	a.wanted = 50;
	loop_run(w.loop);
	assert_int_equal(a.calls, 50);
	assert_int_equal(none.calls, 0);
	/* MX, and A and AAAA of two */
	assert_int_equal(dns_asked(w.dns) - asked, 5);
	find(&w, "good.test", false, false); /* another port */
	find(&w, "good.test", true, false);  /* no addresses */
	assert_int_equal(dns_asked(w.dns) - asked, 5 + 5 + 1);
	assert_in_range(find(&w, "good.test", false, false).ttl_s, 1, 300);
	assert_int_equal(dns_asked(w.dns) - asked, 11);
	move_clock(DNS_LEAST_S * 1000);
	find(&w, "good.test", false, false);
	assert_int_equal(dns_asked(w.dns) - asked, 16);
	/* What is not certain is not kept. */
	find(&w, "half.test", false, false);
	asked = dns_asked(w.dns);
	find(&w, "half.test", false, false);
	assert_true(dns_asked(w.dns) > asked);
	world_close(&w);
}

/* -- order ------------------------------------------------------------------------------------- */

struct dice {
	uint32_t give[8], bound[8];
	size_t n;
};

static uint32_t
roll(void *arg, uint32_t bound)
{
	struct dice *d = arg;

	d->bound[d->n] = bound;
	assert_true(d->give[d->n] <= bound);
	return d->give[d->n++];
}

/* h: the names' letters by preference's digits. */
static void
hosts_of(struct exchange_host *h, const char *names, const char *preferences)
{
	memset(h, 0, 8 * sizeof *h);
	for (size_t i = 0; i < strlen(names); i++) {
		h[i].host[0] = names[i];
		h[i].preference = (uint16_t)(preferences[i] - '0');
		h[i].n = 1;
	}
}

static void
order(const char *want, const char *names, const char *preferences, struct dice d)
{
	struct exchange_host h[8];
	size_t n = strlen(names);
	char got[9] = "";

	hosts_of(h, names, preferences);
	exchange_order(h, n, roll, &d);
	for (size_t i = 0; i < n; i++)
		got[i] = h[i].host[0];
	assert_string_equal(got, want);
}

static void
orders(void **state)
{
	(void)state;
	order("", "", "", (struct dice) { 0 });
	order("cab", "abc", "231", (struct dice) { 0 });
	order("bac", "abc", "111", (struct dice) { .give = { 1, 0 } });
	order("cba", "abc", "111", (struct dice) { .give = { 2, 0 } });
	order("dbca", "abcd", "3221", (struct dice) { .give = { 0, 0 } });
	order("dcba", "abcd", "3221", (struct dice) { .give = { 0, 1 } });
}

static void
each_is_first_alike(void **state)
{
	struct world w;
	unsigned first[3] = { 0 };

	(void)state;
	world_open(&w, ZONE);
	for (int i = 0; i < 3000; i++) {
		struct answer a = find(&w, "equal.test", false, false);

		first[a.first[0] == 'o' ? 0 : a.first[1] == 'w' ? 1 : 2]++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(first[i], 850, 1150);
	world_close(&w);
}

/* -- ourselves --------------------------------------------------------------------------------- */

static void
cut(const char *want, const char *names, const char *preferences, const char *own,
    enum refusal refused)
{
	struct exchange_host h[8];
	const char *own_name[1] = { own };
	struct exchange x = { .hosts = h, .n = strlen(names) };
	struct err e;
	char got[9] = "";
	bool ok;

	hosts_of(h, names, preferences);
	ok = exchange_cut(&x, &(struct exchange_own) { .names = own_name, .n_names = 1 }, &e);
	assert_int_equal(ok ? REFUSAL_NONE : e.why, refused);
	for (size_t i = 0; ok && i < x.n; i++)
		got[i] = h[i].host[0];
	assert_string_equal(got, want);
}

static void
cuts(void **state)
{
	(void)state;
	cut("abc", "abc", "123", "x", REFUSAL_NONE);
	cut("ab", "abc", "123", "c", REFUSAL_NONE);
	cut("ab", "abcd", "1233", "C", REFUSAL_NONE);
	cut("ab", "abcde", "12334", "d", REFUSAL_NONE);
	cut("", "abc", "123", "a", REFUSAL_mx_loop);
	cut("", "abc", "111", "c", REFUSAL_mx_loop);
	cut("", "abc", "112", "b", REFUSAL_mx_loop);
}

static void
cuts_by_address(void **state)
{
	struct exchange_host h[8];
	struct exchange x = { .hosts = h, .n = 3 };
	struct sockaddr_storage own;
	const struct exchange_own us = { .addresses = &own, .n_addresses = 1 };
	struct err e;

	(void)state;
	hosts_of(h, "abc", "123");
	for (uint16_t i = 0; i < 3; i++) {
		char text[16];

		snprintf(text, sizeof text, "192.0.2.%u", i + 1U);
		assert_true(address_scope_parse(span_str(text), 25, &h[i].address[0]));
	}
	assert_true(address_scope_parse(SPAN_LIT("::ffff:192.0.2.9"), 0, &own));
	assert_true(exchange_cut(&x, &us, &e));
	assert_int_equal(x.n, 3);
	assert_true(address_scope_parse(SPAN_LIT("::ffff:192.0.2.3"), 0, &own));
	assert_true(exchange_cut(&x, &us, &e));
	assert_int_equal(x.n, 2);
	/* The nearer ones have no address now: that may pass. */
	assert_true(address_scope_parse(SPAN_LIT("192.0.2.2"), 0, &own));
	h[0].n = 0;
	assert_false(exchange_cut(&x, &us, &e));
	assert_int_equal(e.why, REFUSAL_unreachable);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(hosts),
		cmocka_unit_test(at_most_20),
		cmocka_unit_test(asked_once),
		cmocka_unit_test(orders),
		cmocka_unit_test(each_is_first_alike),
		cmocka_unit_test(cuts),
		cmocka_unit_test(cuts_by_address),
	};

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
