/* dkim_key — see dkim_key.h. */
#include "common/dkim/dkim_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "common/dkim/tag_list.h"

#define BITS_LEAST 1024
#define BITS_MOST  4096
#define EXPONENT_BITS                                                                              \
	64 /* of a public exponent; one as long as a modulus of 3,072 bits takes 6 ms a signature */
#define ED25519_BYTES 32

bool
dkim_txt_join(struct span rdata, size_t most, struct buf *out)
{
	while (rdata.n > 0) {
		size_t n = (unsigned char)rdata.p[0];

		if (n >= rdata.n || out->len + n > most)
			return false;
		buf_add(out, rdata.p + 1, n);
		rdata = span_sub(rdata, n + 1, rdata.n);
	}
	return true;
}

/* -- the public key ---------------------------------------------------------------------------- */

/* SubjectPublicKeyInfo, as all publish it, or RSAPublicKey, as RFC 6376 says in words. */
static EVP_PKEY *
rsa_key(struct span der)
{
	const unsigned char *at = (const unsigned char *)der.p;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &at, (long)der.n);

	if (k == NULL) {
		at = (const unsigned char *)der.p;
		k = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)der.n);
	}
	if (k != NULL && at == (const unsigned char *)der.p + der.n && EVP_PKEY_is_a(k, "RSA"))
		return k;
	EVP_PKEY_free(k);
	return NULL;
}

static bool
is_slow(EVP_PKEY *k)
{
	BIGNUM *e = NULL;
	bool slow = EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
	    BN_num_bits(e) > EXPONENT_BITS;

	BN_free(e);
	return slow;
}

static enum dkim_word
read_key(struct span octets, enum dkim_alg alg, EVP_PKEY **out)
{
	int bits;

	if (alg == DKIM_ED25519_SHA256) {
		*out = octets.n == ED25519_BYTES
		    ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
			  (const unsigned char *)octets.p, octets.n)
		    : NULL;
		return *out == NULL ? DKIM_key_form : DKIM_good;
	}
	if ((*out = rsa_key(octets)) == NULL)
		return DKIM_key_form;
	bits = EVP_PKEY_get_bits(*out);
	if (bits < BITS_LEAST)
		return DKIM_key_weak;
	return bits > BITS_MOST || is_slow(*out) ? DKIM_key_large : DKIM_good;
}

/* -- the record -------------------------------------------------------------------------------- */

static struct span
value_or(const struct tag_list *l, const char *name, const char *missing)
{
	const struct tag *t = tag_list_find(l, name);

	return t == NULL ? span_str(missing) : t->value;
}

static enum dkim_word
parse_tags(const struct tag_list *l, const struct dkim_signature *s)
{
	const char *kind = s->alg == DKIM_RSA_SHA256 ? "rsa" : "ed25519";
	struct span service = value_or(l, "s", "*");
	const struct tag *v = tag_list_find(l, "v"), *p = tag_list_find(l, "p");

	if (p == NULL || (v != NULL && (v != &l->tag[0] || !span_eq(v->value, SPAN_LIT("DKIM1")))))
		return DKIM_key_form;
	if (p->value.n == 0)
		return DKIM_key_revoked;
	if (!tag_has_word(service, "*") && !tag_has_word(service, "email"))
		return DKIM_key_service;
	if (!span_eq_nocase(value_or(l, "k", "rsa"), span_str(kind)) ||
	    !tag_has_word(value_or(l, "h", "sha256"), "sha256") ||
	    (tag_has_word(value_or(l, "t", ""), "s") && !s->same_domain))
		return DKIM_key_other;
	return DKIM_good;
}

enum dkim_word
dkim_key_parse(struct span record, const struct dkim_signature *s, struct dkim_key *out)
{
	struct buf octets = BUF_INIT;
	struct tag_list l;
	enum dkim_word w;

	*out = (struct dkim_key) { 0 };
	if (!tag_list_parse(record, &l))
		return DKIM_key_form;
	if ((w = parse_tags(&l, s)) != DKIM_good)
		return w;
	out->testing = tag_has_word(value_or(&l, "t", ""), "y");
	w = tag_base64(tag_list_find(&l, "p")->value, &octets)
	    ? read_key(buf_span(&octets), s->alg, &out->key)
	    : DKIM_key_form;
	buf_clear(&octets);
	if (w != DKIM_good)
		dkim_key_clear(out);
	return w;
}

void
dkim_key_clear(struct dkim_key *k)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
	/* TLS on this thread would take what a bad key left there for its own. */
	ERR_clear_error();
}

/* -- signatures -------------------------------------------------------------------------------- */

static bool
ed25519_verifies(EVP_PKEY *k, const struct dkim_signature *s,
    const unsigned char digest[DIGEST_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	if (ctx == NULL)
		abort();
	good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 &&
	    EVP_DigestVerify(ctx, s->value, s->value_n, digest, DIGEST_BYTES) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static bool
rsa_verifies(EVP_PKEY *k, const struct dkim_signature *s, const unsigned char digest[DIGEST_BYTES])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);
	bool good;

	if (ctx == NULL)
		abort();
	good = EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_verify(ctx, s->value, s->value_n, digest, DIGEST_BYTES) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

bool
dkim_key_verifies(const struct dkim_key *k, const struct dkim_signature *s,
    const unsigned char header_digest[DIGEST_BYTES])
{
	bool good = s->alg == DKIM_RSA_SHA256 ? rsa_verifies(k->key, s, header_digest)
					      : ed25519_verifies(k->key, s, header_digest);

	ERR_clear_error();
	return good;
}
