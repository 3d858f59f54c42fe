/* designation, verdict — a finding ends a delivery only if DNSSEC vouches for every answer that led to
 * it.  DNS answers as each row says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/designation.h"
#include "oms/notify/verdict.h"
#include "tests/unit/dns_fake.h"

/* -- what DNS says ------------------------------------------------------------------------------ */

enum answer { PUBLIC, PRIVATE, ABSENT, NO_NAME, FAILED, ANSWERS };

struct said {
	enum answer answer;
	bool is_signed;
};

/* Beside the target `good.test`: nothing, a target with port 25, or a target with these addresses. */
enum beside { NOTHING, LOW_PORT, HOST, BESIDES };

struct row {
	bool srv_signed;
	enum beside beside;
	struct said good[2], other[2]; /* A, AAAA */
};

#define SRV(port, host) "\0\0\0\0" port "\4" host "\4test"
#define SRV_LEN         (6 + 5 + 5 + 1)

static void
answer_srv(struct dns_query *q, const struct row *r)
{
	static const char good[] = SRV("\x05\xbf", "good"), low[] = SRV("\0\x19", "good"),
			  other[] = SRV("\x05\xbf", "host");
	const struct span records[2] = { { good, SRV_LEN },
		{ r->beside == LOW_PORT ? low : other, SRV_LEN } };
	const struct dns_answer a = { .status = DNS_OK,
		.secure = r->srv_signed,
		.ttl_s = 60,
		.rdata = records,
		.n = r->beside == NOTHING ? 1 : 2 };

	fake_answer(q, &a);
}

static void
answer_address(struct dns_query *q, struct said s)
{
	static const char public4[4] = "\1\1\1\1", private4[4] = "\12\0\0\1";
	static const char public6[16] = "\x20\x01\x48\x60\0\0\0\0\0\0\0\0\0\0\x88\x88",
			  private6[16] = "\xfd";
	static const enum dns_status status[ANSWERS] = { DNS_OK, DNS_OK, DNS_NODATA, DNS_NXDOMAIN,
		DNS_FAILED };
	bool public = s.answer == PUBLIC;
	const struct span record = q->type == DNS_A
	    ? (struct span) { public ? public4 : private4, 4 }
	    : (struct span) { public ? public6 : private6, 16 };
	const struct dns_answer a = { .status = status[s.answer],
		.secure = s.is_signed && s.answer != FAILED,
		.ttl_s = 60,
		.rdata = &record,
		.n = s.answer <= PRIVATE };

	fake_answer(q, &a);
}

static void
answer_all(struct dns *d, const struct row *r)
{
	for (size_t i = 0; i < d->n; i++) {
		struct dns_query *q = &d->query[i];

		if (q->type == DNS_SRV)
			answer_srv(q, r);
		else
			answer_address(q,
			    (strcmp(q->name, "good.test") == 0 ? r->good
							       : r->other)[q->type == DNS_AAAA]);
	}
}

/* -- what it comes to --------------------------------------------------------------------------- */

struct outcome {
	unsigned calls;
	size_t n;
	enum refusal why;
	bool final;
};

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct outcome *o = arg;

	o->calls++;
	o->n = d->n;
	o->why = why == NULL ? REFUSAL_NONE : why->why;
	o->final = why != NULL && verdict_is_final(why->why, VERDICT_DNS, d->vouched);
}

static struct outcome
outcome_of(const struct row *r)
{
	struct dns *d = fake_new();
	struct outcome o = { 0 };

	designation_find(d, DESIGNATION_NOTIFY, "domain.test", NULL, false, found, &o);
	answer_all(d, r);
	assert_int_equal(o.calls, 1);
	fake_free(d);
	return o;
}

static bool
any(const struct row *r, enum answer a)
{
	return r->good[0].answer == a || r->good[1].answer == a ||
	    (r->beside == HOST && (r->other[0].answer == a || r->other[1].answer == a));
}

static bool
all_signed(const struct row *r)
{
	return r->srv_signed && r->good[0].is_signed && r->good[1].is_signed &&
	    (r->beside != HOST || (r->other[0].is_signed && r->other[1].is_signed));
}

static unsigned
check(const struct row *r)
{
	struct outcome o = outcome_of(r);
	bool refuses = !any(r, PUBLIC) && !any(r, FAILED) &&
	    (any(r, PRIVATE) || r->beside == LOW_PORT);

	assert_int_equal(o.n > 0, any(r, PUBLIC));
	if (refuses)
		assert_true(o.why == REFUSAL_bad_port || o.why == REFUSAL_private_address);
	else if (o.n == 0)
		assert_int_equal(o.why, any(r, FAILED) ? REFUSAL_dns_failed : REFUSAL_unreachable);
	if (o.final != (refuses && all_signed(r)))
		fail_msg("SRV signed %d, beside %d, answers %d %d %d %d, signed %d %d %d %d: %s, "
			 "final %d",
		    r->srv_signed, r->beside, r->good[0].answer, r->good[1].answer,
		    r->other[0].answer, r->other[1].answer, r->good[0].is_signed,
		    r->good[1].is_signed, r->other[0].is_signed, r->other[1].is_signed,
		    refusal_word(o.why), o.final);
	return o.final;
}

/* All answers and signatures: of one target, of one beside a low port, and of two. */
static void
final_only_where_all_is_signed(void **state)
{
	const unsigned kinds = ANSWERS * 2;
	unsigned final[BESIDES] = { 0 };

	(void)state;
	for (unsigned b = 0; b < BESIDES; b++) {
		unsigned all = kinds * kinds * (b == HOST ? kinds * kinds : 1) * 2;

		for (unsigned i = 0; i < all; i++) {
			struct row r = { .srv_signed = i % 2 == 1, .beside = (enum beside)b };
			struct said *said[4] = { &r.good[0], &r.good[1], &r.other[0], &r.other[1] };
			unsigned left = i / 2;

			for (int k = 0; k < (b == HOST ? 4 : 2); k++, left /= kinds)
				*said[k] = (struct said) { (enum answer)(left % kinds / 2),
					left % 2 == 1 };
			final[b] += check(&r);
		}
	}
	/* private or absent in two ways, and one private at least; with a low port also none */
	assert_int_equal(final[NOTHING], 3 * 3 - 2 * 2);
	assert_int_equal(final[LOW_PORT], 3 * 3);
	assert_int_equal(final[HOST], 3 * 3 * 3 * 3 - 2 * 2 * 2 * 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(final_only_where_all_is_signed),
	};

	return cmocka_run_group_tests_name("oms_designation_vouched", tests, NULL, NULL);
}
