/* oms_smtp_caps — connections to a host of SMTP at a time: four, halved by each 421, one more for each session served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "oms/smtp/smtp_caps.h"

static void
halved_and_grown(void **state)
{
	struct smtp_caps *c = smtp_caps_new();
	static const unsigned halves[] = { 2, 1, 1 }, grown[] = { 2, 3, 4, 4 };

	(void)state;
	assert_int_equal(smtp_caps_of(c, "mx.b.test"), SMTP_CAP);
	for (size_t i = 0; i < 3; i++) {
		smtp_caps_halve(c, "mx.b.test");
		assert_int_equal(smtp_caps_of(c, "mx.b.test"), halves[i]);
	}
	assert_int_equal(smtp_caps_of(c, "mx.c.test"), SMTP_CAP);
	for (size_t i = 0; i < 4; i++) {
		smtp_caps_served(c, "mx.b.test");
		assert_int_equal(smtp_caps_of(c, "mx.b.test"), grown[i]);
	}
	smtp_caps_free(&c);
	assert_null(c);
}

/* Of more hosts than are remembered, the oldest has all its connections again. */
static void
bounded(void **state)
{
	struct smtp_caps *c = smtp_caps_new();
	char host[32];

	(void)state;
	for (unsigned i = 0; i <= SMTP_CAPS_MAX; i++) {
		snprintf(host, sizeof host, "mx%u.b.test", i);
		smtp_caps_halve(c, host);
	}
	assert_int_equal(smtp_caps_of(c, "mx0.b.test"), SMTP_CAP);
	assert_int_equal(smtp_caps_of(c, "mx1.b.test"), 2);
	assert_int_equal(smtp_caps_of(c, host), 2);
	smtp_caps_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halved_and_grown),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests_name("oms_smtp_caps", tests, NULL, NULL);
}
