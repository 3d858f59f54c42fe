/* seal — one form, 1 to 64 statements, by whom, for whom, when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/seal.h"

#define H1  "1111111111111111111111111111111111111111111111111111111111111111"
#define H2  "0222222222222222222222222222222222222222222222222222222222222222"
#define NOW 1795442402

static const char text[] = "Tillcalled-Seal: 1\r\n"
			   "Signer: a.test\r\n"
			   "For: b.test\r\n"
			   "Date: 2026-11-23T14:00:02Z\r\n"
			   "Statement: sha256:" H1 "\r\n"
			   "Statement: sha256:" H2 "\r\n";

static void
refused(struct span s, enum refusal why)
{
	struct seal seal;
	struct err e = { 0 };

	if (seal_parse(s, &seal, &e))
		fail_msg("accepted:\n%.*s", SPAN_FMT(s));
	assert_int_equal(e.why, why);
}

static void
each_field_is_read(void **state)
{
	unsigned char one[STATEMENT_HASH_BYTES], other[STATEMENT_HASH_BYTES] = { 0 };
	struct seal s;
	struct err e;

	(void)state;
	memset(one, 0x11, sizeof one);
	assert_true(seal_parse(SPAN_LIT(text), &s, &e));
	assert_true(span_eq(s.signer, SPAN_LIT("a.test")));
	assert_true(span_eq(s.recipient_domain, SPAN_LIT("b.test")));
	assert_true(s.date_s == NOW);
	assert_int_equal(s.n_statements, 2);
	for (size_t hint = 0; hint < 5; hint++) {
		assert_true(seal_has(&s, one, hint));
		assert_false(seal_has(&s, other, hint));
	}
}

static void
other_forms(void **state)
{
	static const char *const bad[][2] = { { "Seal: 1", "Seal: 2" }, { "Seal: 1", "Seal:1" },
		{ "Signer: a.test", "Signer: A.test" }, { "Signer: a.test", "Signer: test" },
		{ "Signer: a.test\r\n", "" }, { "For: b.test\r\n", "" },
		{ "Signer: a.test\r\nFor: b.test", "For: b.test\r\nSigner: a.test" },
		{ "For: b.test\r\n", "For: b.test\r\nFor: b.test\r\n" }, { "02Z", "60Z" },
		{ "\r\nFor", "\nFor" }, { "\r\nFor", "\r\nX: y\r\nFor" }, { H2, H1 },
		{ H2 "\r\n", H2 }, { H2 "\r\n", H2 "\r\n\r\n" }, { H2 "\r\n", H2 "\r\nX: y\r\n" },
		{ ":1111", ":F111" }, { ":1111", ":111" } };
	char out[2048];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *at = strstr(text, bad[i][0]);

		snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, bad[i][1],
		    at + strlen(bad[i][0]));
		refused(span_str(out), REFUSAL_bad_seal_form);
	}
	for (size_t n = 0; n < sizeof text - 1; n++) {
		if (n + sizeof "Statement: sha256:" H2 "\r\n" == sizeof text)
			continue; /* the seal of one statement */
		refused(span_of(text, n), REFUSAL_bad_seal_form);
	}
}

static void
statements_limit(void **state)
{
	unsigned char d[SEAL_STATEMENTS_MAX + 1][STATEMENT_HASH_BYTES] = { { 0 } };
	struct buf out = BUF_INIT;
	struct seal s;
	struct err e;

	(void)state;
	for (size_t i = 0; i <= SEAL_STATEMENTS_MAX; i++)
		d[i][i % 32] = (unsigned char)(i + 1);
	for (size_t n = 0; n <= SEAL_STATEMENTS_MAX + 1; n++) {
		bool fits = n >= 1 && n <= SEAL_STATEMENTS_MAX;

		buf_reset(&out);
		assert_int_equal(seal_write(&out, SPAN_LIT("a.test"), SPAN_LIT("b.test"), NOW, d, n,
				     &e),
		    fits);
		if (!fits) {
			assert_int_equal(e.why,
			    n ? REFUSAL_too_many_statements : REFUSAL_bad_seal_form);
			assert_int_equal(out.len, 0);
			continue;
		}
		assert_true(seal_parse(buf_span(&out), &s, &e));
		assert_int_equal(s.n_statements, n);
		for (size_t i = 0; i < n; i++)
			assert_true(seal_has(&s, d[i], i));
		assert_false(seal_has(&s, d[n], 0));
	}
	memcpy(d[63], d[0], sizeof d[0]);
	assert_false(seal_write(&out, SPAN_LIT("a.test"), SPAN_LIT("b.test"), NOW, d, 64, &e));
	assert_int_equal(e.why, REFUSAL_bad_seal_form);
	assert_false(seal_write(&out, SPAN_LIT("a.test\r\n"), SPAN_LIT("b.test"), NOW, d, 1, &e));
	buf_clear(&out);
}

static void
size_limit(void **state)
{
	char *big = calloc(1, SEAL_MAX_BYTES + 2);
	struct seal s;
	struct err e;

	(void)state;
	memset(big, 'x', SEAL_MAX_BYTES + 1);
	for (size_t n = SEAL_MAX_BYTES - 1; n <= SEAL_MAX_BYTES + 1; n++) {
		assert_false(seal_parse(span_of(big, n), &s, &e));
		assert_int_equal(e.why, REFUSAL_bad_seal_form);
		assert_int_equal(strstr(e.text, "at most") != NULL, n > SEAL_MAX_BYTES);
	}
	free(big);
}

static void
check(struct span signer, struct span whom, int64_t now, enum refusal why)
{
	struct seal s;
	struct err e = { 0 };

	assert_true(seal_parse(SPAN_LIT(text), &s, &e));
	assert_int_equal(seal_check(&s, signer, whom, now, &e), why == REFUSAL_NONE);
	assert_int_equal(e.why, why);
}

static void
bindings(void **state)
{
	struct span a = SPAN_LIT("a.test"), b = SPAN_LIT("b.test");

	(void)state;
	check(a, b, NOW, REFUSAL_NONE);
	check(SPAN_LIT("mail.a.test"), b, NOW, REFUSAL_seal_signer);
	check(SPAN_LIT("test"), b, NOW, REFUSAL_seal_signer);
	check(a, SPAN_LIT("c.test"), NOW, REFUSAL_seal_for);
	for (int64_t d = -SEAL_SKEW_S - 1; d <= SEAL_SKEW_S + 1; d++)
		check(a, b, NOW + d,
		    d < -SEAL_SKEW_S || d > SEAL_SKEW_S ? REFUSAL_seal_date : REFUSAL_NONE);
}

static void
algorithms(void **state)
{
	enum seal_alg alg;

	(void)state;
	for (int i = SEAL_ECDSA_SHA256; i <= SEAL_RSA_SHA256; i++) {
		assert_true(seal_alg_parse(span_str(seal_alg_name((enum seal_alg)i)), &alg));
		assert_int_equal(alg, i);
	}
	assert_false(seal_alg_parse(SPAN_LIT("rsa-sha1"), &alg));
	assert_false(seal_alg_parse(SPAN_LIT("RSA-SHA256"), &alg));
	assert_false(seal_alg_parse(SPAN_LIT(""), &alg));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_read),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(statements_limit),
		cmocka_unit_test(size_limit),
		cmocka_unit_test(bindings),
		cmocka_unit_test(algorithms),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
