/* sign — seals' signatures by each kind of key, and what cannot seal or does not verify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "common/loop/loop.h"
#include "common/pki/chain.h"
#include "common/pki/sign.h"
#include "tests/certs.h"

#define TEXT SPAN_LIT("Tillcalled: seal 1\r\n")

struct said {
	struct loop *loop;
	bool done;
	enum refusal why;
	char alg[32];
	unsigned char bytes[SIGN_BYTES_MAX];
	size_t n;
};

static void
on_signed(void *arg, const char *alg, struct span signature, const struct err *e)
{
	struct said *s = arg;

	assert_false(s->done);
	s->done = true;
	s->why = e == NULL ? REFUSAL_NONE : e->why;
	if (e == NULL) {
		assert_true(span_copy(span_str(alg), s->alg, sizeof s->alg));
		assert_true(signature.n <= sizeof s->bytes);
		memcpy(s->bytes, signature.p, signature.n);
		s->n = signature.n;
	}
	loop_stop(s->loop);
}

static struct said
sign_by(const struct cert *c, struct span text)
{
	struct said s = { .done = false };
	struct err e;

	assert_true(loop_new(&s.loop, &e));
	sign_run(s.loop, c->key, text, on_signed, &s);
	assert_false(s.done); /* never inside the call */
	loop_run(s.loop);
	assert_true(s.done);
	loop_free(&s.loop);
	return s;
}

static struct cert *
cert_with(const char *key)
{
	return cert_make(&(struct cert_spec) { .cn = "a.test", .san = "DNS:a.test", .key = key },
	    NULL);
}

static void
each_key_signs_and_verifies(void **state)
{
	static const char *const keys[][2] = {
		{ "P-256", "ecdsa-sha256" },
		{ "P-384", "ecdsa-sha384" },
		{ "RSA-2048", "rsa-sha256" },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cert *c = cert_with(keys[i][0]), *other = cert_with(keys[i][0]);
		struct chain *chain = chain_new(c->x, NULL), *wrong = chain_new(other->x, NULL);
		struct said s = sign_by(c, TEXT);
		struct span sig = span_of(s.bytes, s.n);
		struct err e;

		assert_int_equal(s.why, REFUSAL_NONE);
		assert_string_equal(s.alg, keys[i][1]);
		assert_true(sign_verify(chain, s.alg, TEXT, sig, &e));
		assert_false(sign_verify(wrong, s.alg, TEXT, sig, &e));
		assert_int_equal(e.why, REFUSAL_seal_bad);
		assert_false(sign_verify(chain, s.alg, SPAN_LIT("another text"), sig, &e));
		assert_false(sign_verify(chain, s.alg, TEXT, span_sub(sig, 0, sig.n - 1), &e));
		assert_false(sign_verify(chain, s.alg, TEXT, (struct span) { 0 }, &e));
		assert_false(sign_verify(chain, "rsa-sha1", TEXT, sig, &e));
		assert_false(sign_verify(chain, keys[(i + 1) % 3][1], TEXT, sig, &e));
		assert_int_equal(e.why, REFUSAL_seal_bad);
		s.bytes[s.n / 2] ^= 1;
		assert_false(sign_verify(chain, s.alg, TEXT, sig, &e));
		assert_int_equal(e.why, REFUSAL_seal_bad);
		assert_int_equal(ERR_peek_error(), 0); /* nothing for TLS to stumble over */
		chain_unref(&chain);
		chain_unref(&wrong);
		cert_free(&c);
		cert_free(&other);
	}
}

static void
another_key_cannot_seal(void **state)
{
	static const char *const keys[] = { "ED25519", "RSA-1024", "P-521" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cert *c = cert_with(keys[i]);
		struct chain *chain = chain_new(c->x, NULL);
		struct err e;

		assert_null(sign_alg(c->key));
		assert_int_equal(sign_by(c, TEXT).why, REFUSAL_internal);
		assert_false(sign_verify(chain, "ecdsa-sha256", TEXT, TEXT, &e));
		assert_int_equal(e.why, REFUSAL_seal_bad);
		assert_int_equal(ERR_peek_error(), 0);
		chain_unref(&chain);
		cert_free(&c);
	}
}

/* What was refused leaves nothing that the next seal would meet. */
static void
one_verifier_serves_many_seals(void **state)
{
	static const char *const keys[] = { "P-256", "P-384", "RSA-2048", "ED25519" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct cert *c = cert_with(keys[i]);
		struct chain *chain = chain_new(c->x, NULL);
		struct sign_verifier *v = sign_verifier_new(chain);
		struct said s = sign_by(c, TEXT), t = sign_by(c, SPAN_LIT("another text"));
		struct err e;

		chain_unref(&chain);
		for (int k = 0; k < 3 && s.why == REFUSAL_NONE; k++) {
			assert_true(sign_verifier_check(v, s.alg, TEXT, span_of(s.bytes, s.n), &e));
			assert_false(
			    sign_verifier_check(v, s.alg, TEXT, span_of(t.bytes, t.n), &e));
			assert_int_equal(e.why, REFUSAL_seal_bad);
			assert_false(sign_verifier_check(v, s.alg, TEXT, SPAN_LIT("x"), &e));
			assert_int_equal(ERR_peek_error(), 0);
			assert_true(sign_verifier_check(v, t.alg, SPAN_LIT("another text"),
			    span_of(t.bytes, t.n), &e));
		}
		assert_int_equal(s.why == REFUSAL_NONE, i != 3);
		assert_false(sign_verifier_check(v, "rsa-sha1", TEXT, TEXT, &e));
		assert_int_equal(e.why, REFUSAL_seal_bad);
		sign_verifier_free(&v);
		assert_null(v);
		cert_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_signs_and_verifies),
		cmocka_unit_test(another_key_cannot_seal),
		cmocka_unit_test(one_verifier_serves_many_seals),
	};

	return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
