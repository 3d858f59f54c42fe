/* buf — growth, dropping, room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"

static void
grows_and_drops(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%03d,", i);
	assert_int_equal(b.len, 4000);
	assert_true(b.cap >= b.len);
	assert_memory_equal(b.data + 3996, "999,", 4);
	buf_drop(&b, 3996);
	assert_true(span_eq(buf_span(&b), SPAN_LIT("999,")));
	buf_drop(&b, 0);
	buf_drop(&b, 4);
	assert_int_equal(b.len, 0);
	buf_add(&b, "x", 1);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_non_null(b.data);
	buf_clear(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
	buf_clear(&b);
}

/* A text that ends at the end of the room, one octet before and one after. */
static void
formats_at_the_edge_of_the_room(void **state)
{
	(void)state;
	for (int n = 110; n < 140; n++) {
		struct buf b = BUF_INIT;

		buf_add(&b, "0123456789", 10);
		buf_addf(&b, "%*d", n, 7);
		buf_addf(&b, "%s", "");
		assert_int_equal(b.len, 10 + n);
		assert_int_equal(b.data[9 + n], '7');
		assert_int_equal(b.data[8 + n], ' ');
		assert_true(b.cap > b.len);
		buf_clear(&b);
	}
}

static void
room_is_not_length(void **state)
{
	struct buf b = BUF_INIT;
	char *room;

	(void)state;
	buf_add(&b, "ab", 2);
	room = buf_room(&b, 5000);
	memcpy(room, "cd", 2);
	assert_int_equal(b.len, 2);
	b.len += 2;
	assert_true(span_eq(buf_span(&b), SPAN_LIT("abcd")));
	buf_clear(&b);
}

static void
nothing_is_nothing(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, NULL, 0);
	buf_drop(&b, 0);
	assert_null(b.data);
	assert_int_equal(buf_span(&b).n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_drops),
		cmocka_unit_test(formats_at_the_edge_of_the_room),
		cmocka_unit_test(room_is_not_length),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
