/* sign — raw signatures; see sign.h. */
#include "common/pki/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/pki/chain.h"

struct job {
	sign_done *done;
	void *arg;
	const char *alg;
	unsigned char signature[SIGN_BYTES_MAX];
	size_t n;
	bool good;
};

static bool
is_curve(const EVP_PKEY *key, const char *name)
{
	char group[64];

	return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
	    strcmp(group, name) == 0;
}

const char *
sign_alg(const struct evp_pkey_st *key)
{
	if (EVP_PKEY_is_a(key, "EC"))
		return is_curve(key, "prime256v1") ? "ecdsa-sha256"
		    : is_curve(key, "secp384r1")   ? "ecdsa-sha384"
						   : NULL;
	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048 &&
	    EVP_PKEY_get_size(key) <= SIGN_BYTES_MAX)
		return "rsa-sha256";
	return NULL;
}

static const EVP_MD *
digest_of(const char *alg)
{
	return strcmp(alg, "ecdsa-sha384") == 0 ? EVP_sha384() : EVP_sha256();
}

/* Clears OpenSSL's error queue after a failure: TLS on this thread would otherwise treat the entry as
 * its own. */
static bool
drop_errors(bool good)
{
	if (!good)
		ERR_clear_error();
	return good;
}

static bool
sign(struct job *j, EVP_PKEY *key, struct span text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	if (ctx == NULL)
		abort();
	j->n = sizeof j->signature;
	good = EVP_DigestSignInit(ctx, NULL, digest_of(j->alg), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, j->signature, &j->n, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	return drop_errors(good);
}

static void
finish(void *arg)
{
	struct job *j = arg;
	struct err e;

	if (j->good) {
		j->done(j->arg, j->alg, span_of(j->signature, j->n), NULL);
	} else {
		err_set(&e, REFUSAL_internal, "the key cannot seal (P-256, P-384 or RSA can)");
		j->done(j->arg, NULL, (struct span) { 0 }, &e);
	}
	free(j);
}

void
sign_run(struct loop *l, struct evp_pkey_st *key, struct span text, sign_done *done, void *arg)
{
	struct job *j = memory_new(sizeof *j);

	j->done = done;
	j->arg = arg;
	j->alg = sign_alg(key);
	j->good = j->alg != NULL && sign(j, key, text);
	loop_post(l, finish, j);
}

/* -- verifying ----------------------------------------------------------------------------------- */

struct sign_verifier {
	const char *alg; /* NULL: this key seals nothing */
	EVP_PKEY_CTX *ctx;
	EVP_MD *md;
	EVP_MD_CTX *digesting;
};

static bool
prepare(struct sign_verifier *v, EVP_PKEY *key)
{
	v->md = EVP_MD_fetch(NULL, EVP_MD_get0_name(digest_of(v->alg)), NULL);
	v->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	v->digesting = EVP_MD_CTX_new();
	return v->md != NULL && v->ctx != NULL && v->digesting != NULL &&
	    EVP_PKEY_verify_init(v->ctx) == 1 && EVP_PKEY_CTX_set_signature_md(v->ctx, v->md) == 1;
}

struct sign_verifier *
sign_verifier_new(const struct chain *c)
{
	struct sign_verifier *v = memory_new(sizeof *v);
	EVP_PKEY *key = X509_get0_pubkey(chain_leaf(c));

	v->alg = key == NULL ? NULL : sign_alg(key);
	if (v->alg != NULL && !prepare(v, key))
		v->alg = NULL;
	ERR_clear_error();
	return v;
}

void
sign_verifier_free(struct sign_verifier **v)
{
	if (*v == NULL)
		return;
	EVP_PKEY_CTX_free((*v)->ctx);
	EVP_MD_CTX_free((*v)->digesting);
	EVP_MD_free((*v)->md);
	free(*v);
	*v = NULL;
}

static bool
is_good(const struct sign_verifier *v, struct span text, struct span signature)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;

	return drop_errors(EVP_DigestInit_ex2(v->digesting, v->md, NULL) == 1 &&
	    EVP_DigestUpdate(v->digesting, text.p, text.n) == 1 &&
	    EVP_DigestFinal_ex(v->digesting, digest, &n) == 1 &&
	    EVP_PKEY_verify(v->ctx, (const unsigned char *)signature.p, signature.n, digest, n) ==
		1);
}

bool
sign_verifier_check(struct sign_verifier *v, const char *alg, struct span text,
    struct span signature, struct err *e)
{
	if (v->alg == NULL || strcmp(v->alg, alg) != 0)
		return err_set(e, REFUSAL_seal_bad, "%s does not belong to the certificate's key",
		    alg);
	if (RULE(seal_bad) && !is_good(v, text, signature))
		return err_word(e, REFUSAL_seal_bad);
	return true;
}

bool
sign_verify(const struct chain *c, const char *alg, struct span text, struct span signature,
    struct err *e)
{
	struct sign_verifier *v = sign_verifier_new(c);
	bool good = sign_verifier_check(v, alg, text, signature, e);

	sign_verifier_free(&v);
	return good;
}
