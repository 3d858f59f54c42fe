/* crc — it is zlib's, for each length and each place in memory, at once and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "common/store/crc.h"

#define MOST 700

static unsigned char octets[1 << 20];

static void
fill(void)
{
	uint32_t random = 1;

	for (size_t i = 0; i < sizeof octets; i++) {
		random = random * 1664525 + 1013904223;
		octets[i] = (unsigned char)(random >> 24);
	}
}

static uint32_t
zlibs(uint32_t crc, const unsigned char *p, size_t n)
{
	return n == 0 ? crc : (uint32_t)crc32_z(crc, p, n);
}

static void
a_known_value(void **state)
{
	(void)state;
	assert_int_equal(crc_add(0, SPAN_LIT("123456789")), 0xcbf43926);
	assert_int_equal(crc_add(0, (struct span) { 0 }), 0);
	assert_int_equal(crc_add(7, (struct span) { 0 }), 7);
}

static void
each_length_at_each_place(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MOST; n++)
		for (size_t at = 0; at < 17; at++)
			assert_int_equal(crc_add(0, span_of(octets + at, n)),
			    zlibs(0, octets + at, n));
	assert_int_equal(crc_add(0, span_of(octets, sizeof octets)),
	    zlibs(0, octets, sizeof octets));
}

static void
in_pieces(void **state)
{
	uint32_t whole = zlibs(0, octets, MOST);

	(void)state;
	for (size_t n = 0; n <= MOST; n++) {
		uint32_t crc = crc_add(0, span_of(octets, n));

		assert_int_equal(crc_add(crc, span_of(octets + n, MOST - n)), whole);
	}
}

/* Octets of one value, where a fold that loses its carry would not be seen among random ones. */
static void
octets_of_one_value(void **state)
{
	(void)state;
	for (int v = 0; v < 256; v += 51) {
		memset(octets, v, MOST);
		for (size_t n = 0; n <= MOST; n++)
			assert_int_equal(crc_add(0, span_of(octets, n)), zlibs(0, octets, n));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_value),
		cmocka_unit_test(each_length_at_each_place),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(octets_of_one_value),
	};

	fill();
	return cmocka_run_group_tests_name("crc", tests, NULL, NULL);
}
