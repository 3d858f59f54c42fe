/* crl_cache — see crl_cache.h. */
#include "common/revoke/crl_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/file.h"
#include "common/base/hex.h"
#include "common/pki/crl_set.h"
#include "common/pki/trust.h"

void
crl_cache_hex(struct x509_st *issuer, const char *url, char out[CRL_CACHE_HEX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *der = NULL, digest[32];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &der);

	if (md == NULL || n <= 0 || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(md, der, (size_t)n) != 1 ||
	    EVP_DigestUpdate(md, url, strlen(url)) != 1 ||
	    EVP_DigestFinal_ex(md, digest, NULL) != 1)
		abort();
	hex_str(out, digest, sizeof digest);
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
}

/* -- files ------------------------------------------------------------------------------------------ */

static void
name_of(char out[CRL_CACHE_NAME_BYTES], const char *hex, bool from)
{
	snprintf(out, CRL_CACHE_NAME_BYTES, "%s%s%s", from ? "." : "", hex,
	    from ? ".from" : ".crl");
}

static void
path_of(char out[CRL_CACHE_PATH_BYTES], const char *folder, const char *hex, bool from)
{
	char name[CRL_CACHE_NAME_BYTES];

	name_of(name, hex, from);
	snprintf(out, CRL_CACHE_PATH_BYTES, "%s/%s", folder, name);
}

/* -- CRLs --------------------------------------------------------------------------------------------- */

bool
crl_cache_put(const char *folder, const char *hex, struct span der, struct err *e)
{
	char name[CRL_CACHE_NAME_BYTES];

	name_of(name, hex, false);
	return file_replace(folder, name, der, e);
}

bool
crl_cache_get(const char *folder, const char *hex, struct buf *der)
{
	char path[CRL_CACHE_PATH_BYTES];

	path_of(path, folder, hex, false);
	return file_read(path, CRL_FILE_BYTES, der);
}

void
crl_cache_remove(const char *folder, const char *hex)
{
	char path[CRL_CACHE_PATH_BYTES];

	path_of(path, folder, hex, false);
	unlink(path);
	path_of(path, folder, hex, true);
	unlink(path);
}

/* -- where from ------------------------------------------------------------------------------------- */

/* from = url LF certificate-in-PEM */
bool
crl_cache_put_from(const char *folder, const struct crl_cache_from *from, struct err *e)
{
	char name[CRL_CACHE_NAME_BYTES];
	struct buf text = BUF_INIT;
	BIO *b = BIO_new(BIO_s_mem());
	char *pem;
	long n;
	bool ok;

	if (b == NULL || PEM_write_bio_X509(b, from->issuer) != 1)
		abort();
	n = BIO_get_mem_data(b, &pem);
	buf_addf(&text, "%s\n%.*s", from->url, (int)n, pem);
	BIO_free(b);
	name_of(name, from->hex, true);
	ok = file_replace(folder, name, buf_span(&text), e);
	buf_clear(&text);
	return ok;
}

void
crl_cache_touch(const char *folder, const char *hex)
{
	char path[CRL_CACHE_PATH_BYTES];

	path_of(path, folder, hex, true);
	(void)utimensat(AT_FDCWD, path, NULL, 0);
}

static bool
parse_from(struct span text, struct crl_cache_from *out)
{
	struct span url = span_cut(&text, '\n');
	BIO *b = text.n == 0 ? NULL : BIO_new_mem_buf(text.p, (int)text.n);
	char hex[CRL_CACHE_HEX];

	out->issuer = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	ERR_clear_error();
	if (out->issuer == NULL)
		return false;
	if (span_copy(url, out->url, sizeof out->url)) {
		crl_cache_hex(out->issuer, out->url, hex);
		if (strcmp(hex, out->hex) == 0)
			return true;
	}
	X509_free(out->issuer);
	return false;
}

/* name = "." HEX ".from" */
static bool
read_from(const char *folder, const char *name, struct crl_cache_from *out)
{
	char path[CRL_CACHE_PATH_BYTES];
	struct buf text = BUF_INIT;
	struct stat st;
	bool ok;

	span_copy(span_sub(span_str(name), 1, 64), out->hex, sizeof out->hex);
	path_of(path, folder, out->hex, true);
	ok = stat(path, &st) == 0 && file_read(path, CRL_CACHE_FROM_BYTES, &text) &&
	    parse_from(buf_span(&text), out);
	if (ok)
		out->wanted_s = (int64_t)st.st_mtim.tv_sec;
	buf_clear(&text);
	return ok;
}

static int
is_from(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n == 70 && d->d_name[0] == '.' && strcmp(d->d_name + 65, ".from") == 0;
}

void
crl_cache_each(const char *folder, void (*fn)(void *arg, const struct crl_cache_from *from),
    void *arg)
{
	struct dirent **names;
	int n = scandir(folder, &names, is_from, alphasort);

	for (int i = 0; i < n; i++) {
		struct crl_cache_from from = { .issuer = NULL };

		if (read_from(folder, names[i]->d_name, &from))
			fn(arg, &from);
		else
			crl_cache_remove(folder, from.hex);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}
