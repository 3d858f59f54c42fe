/* kv_key — keys of rows: they sort as their numbers do, no two lists of parts make the same, none is too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_key.h"

static void
numbers_sort(void **state)
{
	static const uint64_t rising[] = { 0, 1, 255, 256, 65535, 65536, UINT32_MAX, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i + 1 < sizeof rising / sizeof rising[0]; i++) {
		struct kv_key a = { .n = 0 }, b = { .n = 0 };

		kv_key_add_u64(&a, rising[i]);
		kv_key_add_u64(&b, rising[i + 1]);
		assert_true(memcmp(a.b, b.b, 8) < 0);
		assert_true(kv_key_u64(kv_key_span(&b), 0) == rising[i + 1]);
	}
	assert_int_equal(kv_key_u64(SPAN_LIT("short"), 0), 0);
}

static void
texts_end(void **state)
{
	struct kv_key a = { .n = 0 }, b = { .n = 0 };

	(void)state;
	kv_key_add_text(&a, SPAN_LIT("ab"));
	kv_key_add_text(&a, SPAN_LIT("c"));
	kv_key_add_text(&b, SPAN_LIT("a"));
	kv_key_add_text(&b, SPAN_LIT("bc"));
	assert_false(span_eq(kv_key_span(&a), kv_key_span(&b)));
	assert_int_equal(a.n, 5);
	assert_true(span_eq(kv_key_text(kv_key_span(&b), 0), SPAN_LIT("a")));
	assert_true(span_eq(kv_key_text(kv_key_span(&b), 2), SPAN_LIT("bc")));
}

static void
a_hash_has_its_length(void **state)
{
	struct kv_key k = { .n = 0 };

	(void)state;
	kv_key_add_hash(&k, SPAN_LIT("abc"), 4); /* FIPS 180-2, B.1 */
	assert_true(span_eq(kv_key_span(&k), SPAN_LIT("\xba\x78\x16\xbf")));
}

static void
nothing_is_between_a_key_and_the_one_after(void **state)
{
	struct kv_key k = { .n = 0 };

	(void)state;
	kv_key_after(&k, SPAN_LIT("key"));
	assert_true(span_eq(kv_key_span(&k), span_of("key\0", 4)));
}

static void
what_is_too_long_stays_too_long(void **state)
{
	static const char octets[KV_KEY_MAX + 2];
	struct kv_key k = { .n = 0 };

	(void)state;
	kv_key_add(&k, span_of(octets, KV_KEY_MAX - 1));
	kv_key_add_u8(&k, 1);
	assert_int_equal(kv_key_span(&k).n, KV_KEY_MAX);
	kv_key_add_u8(&k, 2);
	assert_int_equal(kv_key_span(&k).n, KV_KEY_MAX + 1);
	kv_key_add_u64(&k, 3);
	assert_int_equal(kv_key_span(&k).n, KV_KEY_MAX + 1);
}

/* Far more than are remembered, some of them long, and again. */
static void
names_have_their_hashes(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'n', sizeof name);
	for (int again = 0; again < 3; again++)
		for (size_t n = 0; n <= sizeof name; n++) {
			unsigned char digest[DIGEST_BYTES];
			struct span s = span_of(name, n);
			struct kv_key k = { .n = 0 };
			struct kv_part p = kv_part_hash(1, s, 16);

			digest_sha256(s, digest);
			kv_key_add_hash(&k, s, 8);
			assert_true(span_eq(kv_key_span(&k), span_of(digest, (size_t)8)));
			assert_true(span_eq(span_of(p.name, p.n), span_of(digest, (size_t)16)));
			kv_key_add_hash(&k, s, 100);
			assert_int_equal(k.n, 8 + DIGEST_BYTES);
			if (n > 0)
				name[n - 1] = (char)('a' + again);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_sort),
		cmocka_unit_test(texts_end),
		cmocka_unit_test(names_have_their_hashes),
		cmocka_unit_test(a_hash_has_its_length),
		cmocka_unit_test(nothing_is_between_a_key_and_the_one_after),
		cmocka_unit_test(what_is_too_long_stays_too_long),
	};

	return cmocka_run_group_tests_name("kv_key", tests, NULL, NULL);
}
