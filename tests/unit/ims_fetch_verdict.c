/* fetch_verdict — each order of up to three targets, and of a target's addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ims/fetch/fetch_verdict.h"

#define N 4

/* What an address may say; the first two are of one meaning. */
static const enum refusal says[N] = { REFUSAL_unknown_id, REFUSAL_gone, REFUSAL_unreachable,
	REFUSAL_certificate_expired };

static void
add(struct fetch_verdict *v, size_t target, unsigned what)
{
	struct err e;

	err_word(&e, says[what % N]);
	fetch_verdict_add(v, target, &e);
}

static enum refusal
ended(const struct fetch_verdict *v, bool whole)
{
	struct err e;

	fetch_verdict_end(v, whole, &e);
	return e.why;
}

static bool
is_gone(unsigned what)
{
	return what % N < 2;
}

static void
gone_where_all_said_so(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N * N * N; i++) {
		for (unsigned n = 1; n <= 3; n++) {
			struct fetch_verdict v = { 0 };
			unsigned said[3] = { i, i / N, i / N / N };
			bool all = true;

			for (unsigned k = 0; k < n; k++) {
				add(&v, k, said[k]);
				all = all && is_gone(said[k]);
			}
			if (all)
				assert_int_equal(ended(&v, true), REFUSAL_gone);
			else
				assert_in_set(ended(&v, true),
				    ((unsigned long[]) { REFUSAL_unreachable,
					REFUSAL_certificate_expired }),
				    2);
			assert_int_not_equal(ended(&v, false), REFUSAL_gone);
		}
	}
}

/* Two targets of two addresses each. */
static void
one_address_speaks_for_its_target(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N * N * N * N; i++) {
		struct fetch_verdict v = { 0 };
		unsigned said[4] = { i, i / N, i / N / N, i / N / N / N };

		for (unsigned k = 0; k < 4; k++)
			add(&v, k / 2, said[k]);
		assert_int_equal(ended(&v, true) == REFUSAL_gone,
		    (is_gone(said[0]) || is_gone(said[1])) &&
			(is_gone(said[2]) || is_gone(said[3])));
	}
}

static void
nobody_asked(void **state)
{
	struct fetch_verdict v = { 0 };

	(void)state;
	assert_int_equal(ended(&v, true), REFUSAL_unreachable);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gone_where_all_said_so),
		cmocka_unit_test(one_address_speaks_for_its_target),
		cmocka_unit_test(nobody_asked),
	};

	return cmocka_run_group_tests_name("fetch_verdict", tests, NULL, NULL);
}
