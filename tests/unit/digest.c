/* digest — SHA-256 at once and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/hex.h"
#include "common/text/digest.h"

static void
expect(const unsigned char digest[DIGEST_BYTES], const char *want)
{
	char text[2 * DIGEST_BYTES + 1];

	hex_str(text, digest, DIGEST_BYTES);
	assert_string_equal(text, want);
}

/* FIPS 180-2, appendix B, and the empty string. */
#define EMPTY  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONGER "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"

static void
known_answers(void **state)
{
	unsigned char d[DIGEST_BYTES];

	(void)state;
	digest_sha256((struct span) { 0 }, d);
	expect(d, EMPTY);
	digest_sha256(SPAN_LIT("abc"), d);
	expect(d, ABC);
	digest_sha256(SPAN_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), d);
	expect(d, LONGER);
}

static void
in_pieces(void **state)
{
	struct digest *digest = digest_new();
	unsigned char d[DIGEST_BYTES];

	(void)state;
	digest_end(digest, d);
	expect(d, EMPTY);
	digest_add(digest, SPAN_LIT("a"));
	digest_add(digest, (struct span) { 0 });
	digest_add(digest, SPAN_LIT("bc"));
	digest_end(digest, d);
	expect(d, ABC);
	digest_add(digest, SPAN_LIT("abc"));
	digest_end(digest, d); /* it began anew */
	expect(d, ABC);
	digest_free(&digest);
	assert_null(digest);
	digest_free(&digest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(in_pieces),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
