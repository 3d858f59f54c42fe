/* sign — raw signatures; see sign.h. */
#include "common/svc/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/svc/chain.h"
#include "common/svc/loop.h"

struct job {
	sign_done	*done;
	void		*arg;
	const char	*alg;
	unsigned char	 signature[SIGN_BYTES_MAX];
	size_t		 n;
	bool		 good;
};

static bool
is_curve(const EVP_PKEY *key, const char *name)
{
	char	 group[64];

	return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
	    strcmp(group, name) == 0;
}

const char *
sign_alg(const struct evp_pkey_st *key)
{
	if (EVP_PKEY_is_a(key, "EC"))
		return is_curve(key, "prime256v1") ? "ecdsa-sha256" :
		    is_curve(key, "secp384r1") ? "ecdsa-sha384" : NULL;
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

static EVP_MD_CTX *
context(void)
{
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();

	if (ctx == NULL)
		abort();
	return ctx;
}

/* What OpenSSL noted of a failure must not be found by whoever asks next on this thread: TLS would
 * take it for its own. */
static bool
end_context(EVP_MD_CTX *ctx, bool good)
{
	EVP_MD_CTX_free(ctx);
	if (!good)
		ERR_clear_error();
	return good;
}

static bool
sign(struct job *j, EVP_PKEY *key, struct span text)
{
	EVP_MD_CTX	*ctx = context();

	j->n = sizeof j->signature;
	return end_context(ctx,
	    EVP_DigestSignInit(ctx, NULL, digest_of(j->alg), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, j->signature, &j->n, (const unsigned char *)text.p, text.n) == 1);
}

static void
finish(void *arg)
{
	struct job	*j = arg;
	struct err	 e;

	if (j->good) {
		j->done(j->arg, j->alg, span_of(j->signature, j->n), NULL);
	} else {
		err_set(&e, REFUSAL_internal, "the key cannot seal (P-256, P-384 or RSA can)");
		j->done(j->arg, NULL, (struct span){ 0 }, &e);
	}
	free(j);
}

void
sign_run(struct loop *l, struct evp_pkey_st *key, struct span text, sign_done *done, void *arg)
{
	struct job	*j = memory_new(sizeof *j);

	j->done = done;
	j->arg = arg;
	j->alg = sign_alg(key);
	j->good = j->alg != NULL && sign(j, key, text);
	loop_post(l, finish, j);
}

bool
sign_verify(const struct chain *c, const char *alg, struct span text, struct span signature,
    struct err *e)
{
	EVP_PKEY	*key = X509_get0_pubkey(chain_leaf(c));
	const char	*want = key == NULL ? NULL : sign_alg(key);
	EVP_MD_CTX	*ctx;
	bool		 good;

	if (want == NULL || strcmp(want, alg) != 0)
		return err_set(e, REFUSAL_seal_bad, "%s does not belong to the certificate's key", alg);
	ctx = context();
	good = end_context(ctx, EVP_DigestVerifyInit(ctx, NULL, digest_of(alg), NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
		(const unsigned char *)text.p, text.n) == 1);
	if (RULE(seal_bad) && !good)
		return err_set(e, REFUSAL_seal_bad, "%s", "");
	return true;
}
