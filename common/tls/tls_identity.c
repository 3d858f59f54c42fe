/* tls_identity — certificates and key of one mail domain, read from files that nobody else owns. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/base/memory.h"
#include "common/tls/tls_private.h"

struct tls_identity {
	atomic_uint refs;
	char *domain;
	struct chain *chain;
	EVP_PKEY *key;
	uint64_t signature;
};

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9e3779b97f4a7c15U + (h << 6) + (h >> 2);
	return h * 0xff51afd7ed558ccdU;
}

static uint64_t
file_signature(const char *path)
{
	struct stat st;
	uint64_t h;

	if (stat(path, &st) < 0)
		return 0;
	h = mix((uint64_t)st.st_ino, (uint64_t)st.st_size);
	h = mix(mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
	return mix(mix(h, (uint64_t)st.st_ctim.tv_sec), (uint64_t)st.st_ctim.tv_nsec) | 1;
}

uint64_t
tls_identity_files(const struct tls_files *f)
{
	uint64_t c = file_signature(f->certificate), k = file_signature(f->key);

	return c == 0 || k == 0 ? 0 : mix(c, k) | 1;
}

/* Nobody is there to type a passphrase. */
static int
no_passphrase(char *to, int size, int writing, void *arg)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool
read_key(const char *path, const struct guard_user *u, EVP_PKEY **out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *f;

	if (fd < 0)
		return guard_absent(GUARD_KEY, path, errno, e);
	if (!guard_fd(GUARD_KEY, fd, path, u, e)) {
		close(fd);
		return false;
	}
	if ((f = fdopen(fd, "r")) == NULL)
		abort();
	*out = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	fclose(f);
	ERR_clear_error();
	return *out != NULL ||
	    err_set(e, REFUSAL_config,
		"%s holds no PEM private key without a passphrase: write it anew: openssl pkey -in "
		"%s -out %s.new",
		path, path, path);
}

bool
tls_identity_load(const struct tls_files *f, const struct guard_user *u, struct tls_identity **out,
    struct err *e)
{
	struct tls_identity *i = memory_new(sizeof *i);

	atomic_init(&i->refs, 1);
	i->domain = memory_text(f->domain);
	i->signature = tls_identity_files(f);
	if (!guard_path(GUARD_CERTIFICATE, f->certificate, u, e) ||
	    !chain_read(f->certificate, &i->chain, e) || !read_key(f->key, u, &i->key, e)) {
		e->why = REFUSAL_config;
		tls_identity_unref(&i);
		return false;
	}
	if (X509_check_private_key(chain_leaf(i->chain), i->key) != 1) {
		ERR_clear_error();
		tls_identity_unref(&i);
		return err_set(e, REFUSAL_config,
		    "the key %s does not fit the certificate %s: write the key that the certificate was "
		    "requested with, or get a certificate for this key",
		    f->key, f->certificate);
	}
	*out = i;
	return true;
}

bool
tls_files_read(const struct tls_files *f, const struct guard_user *u, struct chain **chain,
    struct err *e)
{
	struct tls_identity *i;

	if (!tls_identity_load(f, u, &i, e))
		return false;
	*chain = chain_ref(i->chain);
	tls_identity_unref(&i);
	return true;
}

struct tls_identity *
tls_identity_ref(struct tls_identity *i)
{
	atomic_fetch_add(&i->refs, 1);
	return i;
}

void
tls_identity_unref(struct tls_identity **ip)
{
	struct tls_identity *i = *ip;

	*ip = NULL;
	if (i == NULL || atomic_fetch_sub(&i->refs, 1) != 1)
		return;
	chain_unref(&i->chain);
	EVP_PKEY_free(i->key);
	free(i->domain);
	free(i);
}

uint64_t
tls_identity_signature(const struct tls_identity *i)
{
	return i->signature;
}

struct chain *
tls_identity_chain(const struct tls_identity *i)
{
	return i->chain;
}

struct evp_pkey_st *
tls_identity_key(const struct tls_identity *i)
{
	return i->key;
}

const char *
tls_identity_domain(const struct tls_identity *i)
{
	return i->domain;
}
