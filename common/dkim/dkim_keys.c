/* dkim_keys — see dkim_keys.h. */
#include "common/dkim/dkim_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/ascii.h"
#include "common/base/base64.h"
#include "common/base/file.h"
#include "common/base/memory.h"

#define PATH_BYTES  4096
#define PEM_MAX     16384
#define RSA_BITS    2048
#define DOMAINS_MAX 10000

static const char *const suffix[] = { "-rsa", "-ed25519" };
static const char *const kind[] = { "rsa", "ed25519" };

struct keys_of {
	struct domain domain;
	struct dkim_pair pair[DKIM_PAIRS_MAX];
	size_t n;
};

struct dkim_keys {
	atomic_uint refs;
	struct keys_of *of;
	size_t n;
};

/* -- one file ---------------------------------------------------------------------------------- */

static bool
is_key_for(const EVP_PKEY *k, enum dkim_alg alg)
{
	return alg == DKIM_RSA_SHA256 ? EVP_PKEY_is_a(k, "RSA") &&
		EVP_PKEY_get_bits(k) >= RSA_BITS && EVP_PKEY_get_size(k) <= DKIM_VALUE_MAX
				      : EVP_PKEY_is_a(k, "ED25519");
}

static int
no_password(char *out, int n, int writing, void *arg)
{
	(void)out;
	(void)n;
	(void)writing;
	(void)arg;
	return -1;
}

static bool
read_key(const char *path, enum dkim_alg alg, EVP_PKEY **out, struct err *e)
{
	struct buf pem = BUF_INIT;
	struct stat st;
	BIO *b;

	if (stat(path, &st) != 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "%s", path);
	if ((st.st_mode & 077) != 0)
		return err_set(e, REFUSAL_config,
		    "%s: others may read this key; its mode must be 0600", path);
	if (!file_read(path, PEM_MAX, &pem))
		return err_set(e, REFUSAL_config, "%s cannot be read", path);
	if ((b = BIO_new_mem_buf(pem.data, (int)pem.len)) == NULL)
		abort();
	*out = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	BIO_free(b);
	OPENSSL_cleanse(pem.data, pem.len);
	buf_clear(&pem);
	ERR_clear_error();
	if (*out != NULL && is_key_for(*out, alg))
		return true;
	EVP_PKEY_free(*out);
	*out = NULL;
	return err_set(e, REFUSAL_config, "%s is no private %s key%s", path, kind[alg],
	    alg == DKIM_RSA_SHA256 ? " of 2,048 bits or more" : "");
}

/* -- the folder -------------------------------------------------------------------------------- */

static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]))
			return false;
	return s.n > 0 && s.n < DKIM_NAME_BYTES;
}

/* NAME-rsa.pem, NAME-ed25519.pem */
static bool
parse_file(const char *file, struct span *name, enum dkim_alg *alg)
{
	struct span s = span_str(file);

	for (int a = 0; a < 2; a++) {
		char end[16];
		size_t n = (size_t)snprintf(end, sizeof end, "%s.pem", suffix[a]);

		if (s.n > n && span_eq(span_sub(s, s.n - n, n), span_str(end))) {
			*name = span_sub(s, 0, s.n - n);
			*alg = (enum dkim_alg)a;
			return is_name(*name);
		}
	}
	return false;
}

/* The pair of that name, which is put in its place by name; NULL: there are too many. */
static struct dkim_pair *
pair_of(struct keys_of *k, struct span name)
{
	char text[DKIM_NAME_BYTES];
	size_t i = 0;

	span_copy(name, text, sizeof text);
	while (i < k->n && strcmp(k->pair[i].name, text) < 0)
		i++;
	if (i < k->n && strcmp(k->pair[i].name, text) == 0)
		return &k->pair[i];
	if (k->n == DKIM_PAIRS_MAX)
		return NULL;
	memmove(&k->pair[i + 1], &k->pair[i], (k->n++ - i) * sizeof *k->pair);
	k->pair[i] = (struct dkim_pair) { 0 };
	memcpy(k->pair[i].name, text, sizeof text);
	for (int a = 0; a < 2; a++)
		snprintf(k->pair[i].selector[a], sizeof k->pair[i].selector[a], "%s%s", text,
		    suffix[a]);
	return &k->pair[i];
}

static bool
read_domain(struct keys_of *k, const char *folder, struct err *e)
{
	char path[PATH_BYTES];
	const struct dirent *f;
	enum dkim_alg alg;
	struct span name;
	bool good = true;
	DIR *d;

	snprintf(path, sizeof path, "%s/%s", folder, k->domain.text);
	if ((d = opendir(path)) == NULL)
		return errno == ENOENT || errno == ENOTDIR ||
		    err_set_errno(e, REFUSAL_os_error, errno, "%s", path);
	while (good && (f = readdir(d)) != NULL) {
		struct dkim_pair *p;

		if (!parse_file(f->d_name, &name, &alg))
			continue;
		if ((p = pair_of(k, name)) == NULL) {
			good = err_set(e, REFUSAL_config, "%s has more than %d pairs of keys", path,
			    DKIM_PAIRS_MAX);
			break;
		}
		snprintf(path, sizeof path, "%s/%s/%s", folder, k->domain.text, f->d_name);
		good = read_key(path, alg, &p->key[alg], e);
	}
	closedir(d);
	return good;
}

bool
dkim_keys_load(const char *folder, struct dkim_keys **out, struct err *e)
{
	struct dkim_keys *k = memory_new(sizeof *k);
	const struct dirent *f;
	bool good = true;
	DIR *d = opendir(folder);

	atomic_init(&k->refs, 1);
	*out = k;
	if (d == NULL && errno != ENOENT) {
		err_set_errno(e, REFUSAL_os_error, errno, "%s", folder);
		dkim_keys_unref(out);
		return false;
	}
	while (d != NULL && good && (f = readdir(d)) != NULL && k->n < DOMAINS_MAX) {
		struct keys_of *of;

		if (!domain_is_canonical(span_str(f->d_name)))
			continue;
		k->of = memory_resize(k->of, k->n + 1, sizeof *k->of);
		of = &k->of[k->n++];
		memset(of, 0, sizeof *of);
		of->domain = domain_copy(f->d_name);
		good = read_domain(of, folder, e);
	}
	if (d != NULL)
		closedir(d);
	if (!good)
		dkim_keys_unref(out);
	return good;
}

struct dkim_keys *
dkim_keys_ref(struct dkim_keys *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void
dkim_keys_unref(struct dkim_keys **keys)
{
	struct dkim_keys *k = *keys;

	*keys = NULL;
	if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
		return;
	for (size_t i = 0; i < k->n; i++)
		for (size_t j = 0; j < k->of[i].n; j++)
			for (int a = 0; a < 2; a++)
				EVP_PKEY_free(k->of[i].pair[j].key[a]);
	free(k->of);
	free(k);
}

size_t
dkim_keys_of(const struct dkim_keys *k, const char *domain, const struct dkim_pair **out)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->of[i].domain.text, domain) == 0) {
			*out = k->of[i].pair;
			return k->of[i].n;
		}
	*out = NULL;
	return 0;
}

/* -- the one in force -------------------------------------------------------------------------- */

struct dkim_holder {
	char folder[PATH_BYTES];
	pthread_mutex_t lock;
	struct dkim_keys *keys;
};

bool
dkim_holder_new(const char *folder, struct dkim_holder **out, struct err *e)
{
	struct dkim_holder *h = memory_new(sizeof *h);

	snprintf(h->folder, sizeof h->folder, "%s", folder);
	pthread_mutex_init(&h->lock, NULL);
	*out = h;
	if (dkim_keys_load(h->folder, &h->keys, e))
		return true;
	dkim_holder_free(out);
	return false;
}

bool
dkim_holder_reload(struct dkim_holder *h, struct err *e)
{
	struct dkim_keys *k, *old;

	if (!dkim_keys_load(h->folder, &k, e))
		return false;
	pthread_mutex_lock(&h->lock);
	old = h->keys;
	h->keys = k;
	pthread_mutex_unlock(&h->lock);
	dkim_keys_unref(&old);
	return true;
}

struct dkim_keys *
dkim_holder_get(struct dkim_holder *h)
{
	struct dkim_keys *k;

	pthread_mutex_lock(&h->lock);
	k = dkim_keys_ref(h->keys);
	pthread_mutex_unlock(&h->lock);
	return k;
}

void
dkim_holder_free(struct dkim_holder **h)
{
	if (*h == NULL)
		return;
	dkim_keys_unref(&(*h)->keys);
	pthread_mutex_destroy(&(*h)->lock);
	free(*h);
	*h = NULL;
}

/* -- the operator's ---------------------------------------------------------------------------- */

/* Root makes keys for the daemon's user, to whom the folder above belongs. */
static bool
give_away(const char *path, const char *above, struct err *e)
{
	struct stat st;

	if (geteuid() != 0 || (stat(above, &st) == 0 && chown(path, st.st_uid, st.st_gid) == 0))
		return true;
	return err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path);
}

static bool
make_folder(const char *path, struct err *e)
{
	char above[PATH_BYTES];

	snprintf(above, sizeof above, "%s", path);
	*strrchr(above, '/') = '\0';
	if (mkdir(path, 0700) == 0)
		return give_away(path, above, e);
	if (errno == ENOENT)
		return err_set(e, REFUSAL_cannot_write,
		    "there is no folder %s: start the daemon once, it makes it", above);
	return errno == EEXIST || err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path);
}

static bool
make_key(const char *folder, const char *name, enum dkim_alg alg, struct err *e)
{
	EVP_PKEY *k = alg == DKIM_RSA_SHA256 ? EVP_RSA_gen(RSA_BITS)
					     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *b = BIO_new(BIO_s_mem());
	char file[DKIM_NAME_BYTES + 16], path[PATH_BYTES + sizeof file];
	char *pem;
	long n;
	bool good;

	if (k == NULL || b == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	n = BIO_get_mem_data(b, &pem);
	snprintf(file, sizeof file, "%s%s.pem", name, suffix[alg]);
	snprintf(path, sizeof path, "%s/%s", folder, file);
	good = file_replace(folder, file, span_of(pem, (size_t)n), e) && give_away(path, folder, e);
	OPENSSL_cleanse(pem, (size_t)n);
	BIO_free(b);
	EVP_PKEY_free(k);
	return good;
}

bool
dkim_keys_make(const char *folder, const char *domain, const char *name, struct err *e)
{
	char path[PATH_BYTES], file[PATH_BYTES + DKIM_NAME_BYTES + 16];

	if (!is_name(span_str(name)))
		return err_set(e, REFUSAL_config,
		    "\"%s\" is no name of keys; it has letters and digits only", name);
	if (snprintf(path, sizeof path, "%s/%s", folder, domain) >= (int)sizeof path)
		return err_set(e, REFUSAL_config, "%s: the name is too long", folder);
	for (int a = 0; a < 2; a++) {
		snprintf(file, sizeof file, "%s/%s%s.pem", path, name, suffix[a]);
		if (access(file, F_OK) == 0)
			return err_set(e, REFUSAL_config, "%s has keys of that name already: %s",
			    domain, name);
	}
	return make_folder(folder, e) && make_folder(path, e) &&
	    make_key(path, name, DKIM_RSA_SHA256, e) &&
	    make_key(path, name, DKIM_ED25519_SHA256, e);
}

bool
dkim_keys_remove(const char *folder, const char *domain, const char *name, struct err *e)
{
	char path[PATH_BYTES], file[PATH_BYTES + DKIM_NAME_BYTES + 16];
	bool any = false;

	snprintf(path, sizeof path, "%s/%s", folder, domain);
	for (int a = 0; a < 2 && is_name(span_str(name)); a++) {
		snprintf(file, sizeof file, "%s/%s%s.pem", path, name, suffix[a]);
		if (unlink(file) == 0)
			any = true;
		else if (errno != ENOENT)
			return err_set_errno(e, REFUSAL_cannot_write, errno, "%s", file);
	}
	if (!any)
		return err_set(e, REFUSAL_config, "%s has no keys of the name %s", domain, name);
	return file_sync_folder(path) || err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path);
}

void
dkim_keys_record(const struct dkim_pair *p, enum dkim_alg alg, struct buf *out)
{
	unsigned char raw[64], *der = NULL;
	size_t n = sizeof raw;
	int der_n;

	buf_addf(out, "v=DKIM1; k=%s; p=", kind[alg]);
	if (alg == DKIM_ED25519_SHA256) {
		if (EVP_PKEY_get_raw_public_key(p->key[alg], raw, &n) != 1)
			abort();
		base64_add(out, raw, n);
		return;
	}
	if ((der_n = i2d_PUBKEY(p->key[alg], &der)) < 0)
		abort();
	base64_add(out, der, (size_t)der_n);
	OPENSSL_free(der);
}
