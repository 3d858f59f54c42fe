/* record — the sticky codec: what was put is read, and damage is noticed once for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/record.h"

static void
round_trip(void **state)
{
	struct buf b = BUF_INIT;
	struct reader r;
	char three[3];

	(void)state;
	put_u8(&b, 1);
	put_u16(&b, 0x1234);
	put_u32(&b, 0xdeadbeef);
	put_u64(&b, UINT64_C(0x0123456789abcdef));
	put_bytes(&b, "abc", 3);
	put_span(&b, SPAN_LIT("hello"));
	put_span(&b, (struct span) { NULL, 0 });
	assert_int_equal(b.len, 1 + 2 + 4 + 8 + 3 + 4 + 5 + 4);
	assert_memory_equal(b.data, "\x01\x12\x34\xde\xad\xbe\xef", 7);
	r = reader_of(buf_span(&b));
	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_u16(&r), 0x1234);
	assert_int_equal(read_u32(&r), 0xdeadbeef);
	assert_true(read_u64(&r) == UINT64_C(0x0123456789abcdef));
	read_bytes(&r, three, 3);
	assert_memory_equal(three, "abc", 3);
	assert_true(span_eq(read_span(&r), SPAN_LIT("hello")));
	assert_false(reader_done(&r));
	assert_int_equal(read_span(&r).n, 0);
	assert_true(reader_done(&r));
	buf_clear(&b);
}

/* Cut anywhere, or longer by one: never "done", and never an octet from outside. */
static void
damage_is_noticed(void **state)
{
	static const char whole[] = "\x01\x00\x00\x00\x05hello\x12\x34";
	size_t n = sizeof whole - 1;

	(void)state;
	for (size_t cut = 0; cut <= n + 1; cut++) {
		struct reader r = reader_of(span_of(whole, cut));

		read_u8(&r);
		read_span(&r);
		read_u16(&r);
		assert_int_equal(reader_done(&r), cut == n);
	}
}

static void
after_a_fault_all_is_zero(void **state)
{
	struct reader r = reader_of(SPAN_LIT("\xff\xff\xff\xff"
					     "abcdefgh"));
	char two[2] = "xx";

	(void)state;
	assert_int_equal(read_span(&r).n, 0);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_u64(&r), 0);
	read_bytes(&r, two, 2);
	assert_memory_equal(two, "\0\0", 2);
	assert_false(reader_done(&r));
}

/* A text has its room; one that does not fit spoils the record, like any other fault. */
static void
a_text_fits_or_the_record_is_bad(void **state)
{
	struct buf b = BUF_INIT;
	struct reader r;
	char five[6], four[5];

	(void)state;
	put_span(&b, SPAN_LIT("hello"));
	r = reader_of(buf_span(&b));
	read_str(&r, five, sizeof five);
	assert_string_equal(five, "hello");
	assert_true(reader_done(&r));
	r = reader_of(buf_span(&b));
	read_str(&r, four, sizeof four);
	assert_string_equal(four, "");
	assert_false(reader_done(&r));
	buf_reset(&b);
	put_span(&b, span_of("a\0b", 3));
	r = reader_of(buf_span(&b));
	read_str(&r, five, sizeof five);
	assert_false(reader_done(&r));
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(after_a_fault_all_is_zero),
		cmocka_unit_test(a_text_fits_or_the_record_is_bad),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
