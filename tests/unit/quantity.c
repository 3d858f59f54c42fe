/* Counts with their nouns, and sizes with their units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/text/quantity.h"

static void
one_is_no_plural(void **state)
{
	char out[QUANTITY_BYTES];

	(void)state;
	assert_string_equal(quantity_count(0, "CA", "CAs", out), "0 CAs");
	assert_string_equal(quantity_count(1, "CA", "CAs", out), "1 CA");
	assert_string_equal(quantity_count(2, "mailbox", "mailboxes", out), "2 mailboxes");
}

static void
what_is_there_is_never_zero(void **state)
{
	static const struct {
		int64_t octets;
		const char *text;
	} rows[] = {
		{ 0, "0 octets" },
		{ 1, "1 octet" },
		{ 1023, "1023 octets" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1048575, "1023.9 KiB" },
		{ 1048576, "1 MiB" },
		{ INT64_C(1) << 30, "1 GiB" },
		{ INT64_C(64) << 40, "64 TiB" },
		{ INT64_MAX, "8388607.9 TiB" },
	};
	char out[QUANTITY_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(quantity_size(rows[i].octets, out), rows[i].text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_no_plural),
		cmocka_unit_test(what_is_there_is_never_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
