/* nearest — distances, limits, and which guess wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/nearest.h"

static unsigned
distance(const char *a, const char *b)
{
	assert_int_equal(nearest_distance(span_str(a), span_str(b)),
	    nearest_distance(span_str(b), span_str(a)));
	return nearest_distance(span_str(a), span_str(b));
}

static void
distances(void **state)
{
	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("fetch", "fetch"), 0);
	assert_int_equal(distance("fecth", "fetch"), 1); /* neighbours swapped */
	assert_int_equal(distance("fetc", "fetch"), 1);
	assert_int_equal(distance("fetchh", "fetch"), 1);
	assert_int_equal(distance("fitch", "fetch"), 1);
	assert_int_equal(distance("ftech", "fetcj"), 2);
	assert_int_equal(distance("ab", ""), 2);
	assert_int_equal(distance("abc", ""), 3);
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("abcdefgh", "12345678"), 8);
}

static void
long_words(void **state)
{
	char a[NEAREST_WORD_BYTES + 2], b[NEAREST_WORD_BYTES + 2];

	(void)state;
	memset(a, 'a', sizeof a);
	memset(b, 'a', sizeof b);
	b[3] = 'b';
	assert_int_equal(nearest_distance(span_of(a, NEAREST_WORD_BYTES - 1),
			     span_of(b, NEAREST_WORD_BYTES - 1)),
	    1);
	assert_int_equal(nearest_distance(span_of(a, NEAREST_WORD_BYTES),
			     span_of(b, NEAREST_WORD_BYTES)),
	    1);
	assert_int_equal(nearest_distance(span_of(a, NEAREST_WORD_BYTES + 1),
			     span_of(b, NEAREST_WORD_BYTES + 1)),
	    NEAREST_FAR);
}

static void
guesses(void **state)
{
	struct nearest n;

	(void)state;
	nearest_init(&n, span_str("qeueu"));
	nearest_offer(&n, "status");
	assert_null(n.best);
	nearest_offer(&n, "queue");
	nearest_offer(&n, "queen");
	assert_string_equal(n.best, "queue");
	nearest_init(&n, span_str("zz"));
	nearest_offer(&n, "run");
	nearest_offer(&n, "ab");
	assert_null(n.best);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(long_words),
		cmocka_unit_test(guesses),
	};

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
