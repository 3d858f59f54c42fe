/* dkim_scene — letters signed as a test says, by the RSA key of RFC 8463 A.2; after <cmocka.h>. */
#ifndef TESTS_UNIT_DKIM_SCENE_H
#define TESTS_UNIT_DKIM_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/base/base64.h"
#include "common/dkim/dkim_signature.h"

/* clang-format off */
#define DKIM_RSA_PEM										\
	"-----BEGIN RSA PRIVATE KEY-----\n"							\
	"MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"			\
	"Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"			\
	"KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"			\
	"AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"			\
	"6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"			\
	"zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"			\
	"6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"			\
	"uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"			\
	"WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"			\
	"WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"			\
	"licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"			\
	"o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"			\
	"uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"					\
	"-----END RSA PRIVATE KEY-----\n"
#define DKIM_RSA_P										\
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2"	\
	"jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5Qjv"	\
	"HO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
/* clang-format on */

static inline EVP_PKEY *
dkim_scene_key(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);

	BIO_free(b);
	assert_non_null(k);
	return k;
}

/* Puts a DKIM-Signature with these tags before the header; bh= and b= are added to them.  Tags that the verifier
 * refuses get a b= of no meaning. */
static inline void
dkim_scene_sign(struct buf *letter, const char *tags, const char *header, const char *body,
    EVP_PKEY *key)
{
	unsigned char digest[DIGEST_BYTES], value[1024] = "no signature";
	struct buf bh = BUF_INIT, text = BUF_INIT, b = BUF_INIT;
	struct header_field fields[64], *own = &fields[0];
	struct dkim_signature s;
	struct span rest;
	size_t n = 0, value_n = 12, signed_n = strlen(body);
	bool scratch[64];
	uint64_t octets;
	struct canon_body *c;
	const char *l = strstr(tags, "l=");

	if (l != NULL && strtoul(l + 2, NULL, 10) < signed_n)
		signed_n = strtoul(l + 2, NULL, 10);
	c = canon_body_new(strstr(tags, "/relaxed") != NULL ? CANON_RELAXED : CANON_SIMPLE);
	canon_body_add(c, span_of(body, signed_n));
	canon_body_end(c, digest, &octets);
	canon_body_free(&c);
	base64_add(&bh, digest, sizeof digest);
	buf_addf(&text, "DKIM-Signature: %s bh=%.*s; b=AA==\r\n%s", tags, (int)bh.len, bh.data,
	    header);
	rest = buf_span(&text);
	while (n < 64 && header_field_next(&rest, &fields[n]) == HEADER_FIELD)
		n++;
	if (dkim_signature_parse(own, &s) == DKIM_good && s.alg == DKIM_RSA_SHA256) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

		dkim_signature_header_digest(&s, own, fields, n, scratch, digest);
		value_n = sizeof value;
		assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_sign(ctx, value, &value_n, digest, sizeof digest), 1);
		EVP_PKEY_CTX_free(ctx);
	}
	base64_add(&b, value, value_n);
	buf_addf(letter, "DKIM-Signature: %s bh=%.*s; b=%.*s\r\n%s", tags, (int)bh.len, bh.data,
	    (int)b.len, b.data, header);
	buf_clear(&bh);
	buf_clear(&text);
	buf_clear(&b);
}

#endif
