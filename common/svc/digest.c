/* digest — SHA-256; see digest.h. */
#include "common/svc/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "common/base/memory.h"

struct digest {
	EVP_MD_CTX	*ctx;
};

/* Only memory can be lacking here. */
static void
must(int one)
{
	if (one != 1)
		abort();
}

static void
begin(struct digest *d)
{
	must(EVP_DigestInit_ex2(d->ctx, EVP_sha256(), NULL));
}

void
digest_sha256(struct span octets, unsigned char out[DIGEST_BYTES])
{
	must(EVP_Digest(octets.p, octets.n, out, NULL, EVP_sha256(), NULL));
}

struct digest *
digest_new(void)
{
	struct digest	*d = memory_new(sizeof *d);

	must((d->ctx = EVP_MD_CTX_new()) != NULL);
	begin(d);
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
	begin(d);
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
