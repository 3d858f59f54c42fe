/* digest — SHA-256; see digest.h. */
#include "common/text/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/memory.h"

struct digest {
	EVP_MD_CTX *ctx;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static pthread_key_t contexts; /* each thread's, for what is digested at once */

/* This fails only when memory runs out. */
static void
must(int one)
{
	if (one != 1)
		abort();
}

static void
free_context(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void
fetch(void)
{
	must((sha256 = EVP_MD_fetch(NULL, "SHA256", NULL)) != NULL);
	must(pthread_key_create(&contexts, free_context) == 0);
}

/* Fetched once: EVP_sha256() is fetched at each use, which costs as much as a short digest. */
static void
begin(EVP_MD_CTX *ctx)
{
	must(pthread_once(&once, fetch) == 0);
	must(EVP_DigestInit_ex2(ctx, sha256, NULL));
}

static EVP_MD_CTX *
own_context(void)
{
	EVP_MD_CTX *ctx;

	must(pthread_once(&once, fetch) == 0);
	if ((ctx = pthread_getspecific(contexts)) == NULL) {
		must((ctx = EVP_MD_CTX_new()) != NULL);
		must(pthread_setspecific(contexts, ctx) == 0);
	}
	return ctx;
}

void
digest_sha256(struct span octets, unsigned char out[DIGEST_BYTES])
{
	EVP_MD_CTX *ctx = own_context();

	begin(ctx);
	must(EVP_DigestUpdate(ctx, octets.p, octets.n));
	must(EVP_DigestFinal_ex(ctx, out, NULL));
}

struct digest *
digest_new(void)
{
	struct digest *d = memory_new(sizeof *d);

	must((d->ctx = EVP_MD_CTX_new()) != NULL);
	begin(d->ctx);
	return d;
}

void
digest_add(struct digest *d, struct span octets)
{
	must(EVP_DigestUpdate(d->ctx, octets.p, octets.n));
}

void
digest_end(struct digest *d, unsigned char out[DIGEST_BYTES])
{
	must(EVP_DigestFinal_ex(d->ctx, out, NULL));
	begin(d->ctx);
}

void
digest_free(struct digest **d)
{
	if (*d == NULL)
		return;
	EVP_MD_CTX_free((*d)->ctx);
	free(*d);
	*d = NULL;
}
