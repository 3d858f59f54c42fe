/* exchange — what DNSSEC vouches for: the hosts, each host's addresses, and why there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/exchange.h"
#include "tests/unit/dns_fake.h"

struct outcome {
	unsigned calls;
	enum refusal why;
	bool secure, vouched, unsure, host_secure[2];
	size_t n, addresses[2];
};

static void
found(void *arg, struct exchange *x, const struct err *why)
{
	struct outcome *o = arg;

	o->calls++;
	o->why = why == NULL ? REFUSAL_NONE : why->why;
	o->secure = x->secure;
	o->vouched = x->vouched;
	o->unsure = x->unsure;
	o->n = x->n;
	for (size_t i = 0; i < x->n; i++) {
		o->host_secure[i] = x->hosts[i].secure;
		o->addresses[i] = x->hosts[i].n;
	}
}

/* -- no host ----------------------------------------------------------------------------------- */

static void
no_host(void **state)
{
	static const char null[] = "\0\0";
	static const struct span record = { null, 3 };
	static const struct {
		struct dns_answer a;
		enum refusal why;
		bool secure, vouched;
	} rows[] = {
		{ { .status = DNS_NODATA }, REFUSAL_no_mx, false, false },
		{ { .status = DNS_NODATA, .secure = true }, REFUSAL_no_mx, true, true },
		{ { .status = DNS_NXDOMAIN }, REFUSAL_no_such_domain, false, false },
		{ { .status = DNS_NXDOMAIN, .secure = true }, REFUSAL_no_such_domain, true, true },
		{ { .status = DNS_OK, .rdata = &record, .n = 1 }, REFUSAL_null_mx, false, false },
		{ { .status = DNS_OK, .secure = true, .rdata = &record, .n = 1 }, REFUSAL_null_mx,
		    true, true },
		{ { .status = DNS_FAILED }, REFUSAL_dns_failed, false, false },
		{ { .status = DNS_BOGUS }, REFUSAL_dns_bogus, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dns *d = fake_new();
		struct outcome o = { 0 };

		exchange_find(d, &(struct exchange_ask) { .domain = "d.test", .port = 25 }, found,
		    &o);
		assert_int_equal(d->n, 1);
		assert_int_equal(d->query[0].type, DNS_MX);
		fake_answer(&d->query[0], &rows[i].a);
		assert_int_equal(o.calls, 1);
		assert_int_equal(d->n, 1); /* no other question: no fallback */
		assert_int_equal(o.why, rows[i].why);
		assert_int_equal(o.secure, rows[i].secure);
		assert_int_equal(o.vouched, rows[i].vouched);
		fake_free(d);
	}
}

/* -- addresses --------------------------------------------------------------------------------- */

enum answer { PUBLIC, PRIVATE, ABSENT, NO_NAME, FAILED, BOGUS, ANSWERS };

struct said {
	enum answer answer;
	bool is_signed;
};

static void
answer_mx(struct dns_query *q, bool is_signed)
{
	static const char one[] = "\0\1\3one\4test", two[] = "\0\2\3two\4test";
	static const struct span records[2] = { { one, sizeof one }, { two, sizeof two } };

	fake_answer(q,
	    &(struct dns_answer) { .status = DNS_OK,
		.secure = is_signed,
		.rdata = records,
		.n = 2 });
}

static void
answer_address(struct dns_query *q, struct said s)
{
	static const char public4[4] = "\1\1\1\1", private4[4] = "\12\0\0\1";
	static const char public6[16] = "\x20\x01\x48\x60\0\0\0\0\0\0\0\0\0\0\x88\x88",
			  private6[16] = "\xfd";
	static const enum dns_status status[ANSWERS] = { DNS_OK, DNS_OK, DNS_NODATA, DNS_NXDOMAIN,
		DNS_FAILED, DNS_BOGUS };
	bool public = s.answer == PUBLIC;
	const struct span record = q->type == DNS_A
	    ? (struct span) { public ? public4 : private4, 4 }
	    : (struct span) { public ? public6 : private6, 16 };

	fake_answer(q,
	    &(struct dns_answer) { .status = status[s.answer],
		.secure = s.is_signed && s.answer < FAILED,
		.rdata = &record,
		.n = s.answer <= PRIVATE });
}

/* Two hosts; r: AAAA and A of one.test, then those of two.test. */
static struct outcome
outcome_of(bool mx_signed, const struct said r[4])
{
	struct dns *d = fake_new();
	struct outcome o = { 0 };

	exchange_find(d, &(struct exchange_ask) { .domain = "d.test", .port = 25 }, found, &o);
	answer_mx(&d->query[0], mx_signed);
	assert_int_equal(d->n, 5);
	for (size_t i = 1; i < 5; i++) {
		const struct said *host = &r[strcmp(d->query[i].name, "one.test") == 0 ? 0 : 2];

		answer_address(&d->query[i], host[d->query[i].type == DNS_A]);
	}
	assert_int_equal(o.calls, 1);
	fake_free(d);
	return o;
}

static bool
any(const struct said r[4], enum answer a)
{
	return r[0].answer == a || r[1].answer == a || r[2].answer == a || r[3].answer == a;
}

static bool
has(struct said s)
{
	return s.answer <= PRIVATE;
}

static void
check(bool mx_signed, const struct said r[4])
{
	struct outcome o = outcome_of(mx_signed, r);
	bool failed = any(r, FAILED) || any(r, BOGUS), all = mx_signed;

	for (int i = 0; i < 4; i++)
		all = all && r[i].is_signed && r[i].answer < FAILED;
	assert_int_equal(o.n, 2);
	assert_int_equal(o.secure, mx_signed);
	assert_int_equal(o.unsure, failed);
	assert_int_equal(o.why == REFUSAL_NONE, any(r, PUBLIC));
	if (o.why != REFUSAL_NONE && failed)
		assert_true(o.why == REFUSAL_dns_failed || o.why == REFUSAL_dns_bogus);
	else if (o.why != REFUSAL_NONE)
		assert_int_equal(o.why,
		    any(r, PRIVATE) ? REFUSAL_private_address : REFUSAL_unreachable);
	assert_int_equal(o.vouched, all && !any(r, PUBLIC));
	for (int i = 0; i < 2; i++) {
		const struct said *h = &r[2 * i];

		assert_int_equal(o.addresses[i], (h[0].answer == PUBLIC) + (h[1].answer == PUBLIC));
		assert_int_equal(o.host_secure[i],
		    (has(h[0]) || has(h[1])) && (!has(h[0]) || h[0].is_signed) &&
			(!has(h[1]) || h[1].is_signed));
	}
}

static void
all_answers_and_signatures(void **state)
{
	const unsigned kinds = ANSWERS * 2;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < kinds * kinds * kinds * kinds; i++, n++) {
		struct said r[4];
		unsigned left = i;

		for (int k = 0; k < 4; k++, left /= kinds)
			r[k] = (struct said) { (enum answer)(left % kinds / 2), left % 2 == 1 };
		check(i % 3 != 0, r);
	}
	assert_int_equal(n, 20736);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_host),
		cmocka_unit_test(all_answers_and_signatures),
	};

	return cmocka_run_group_tests_name("exchange_vouched", tests, NULL, NULL);
}
