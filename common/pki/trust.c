/* trust — roots in a store, and the CRLs of the day; see trust.h. */
#include "common/pki/trust.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/pki/crl_set.h"
#include "common/pki/trust_folder.h"

struct trust {
	atomic_uint refs;
	X509_STORE *store;
	unsigned roots;
	struct crl_set *crls;
	unsigned skipped; /* files */
};

static void
skip(void *arg, const char *path, const struct err *e)
{
	struct trust *t = arg;

	t->skipped++;
	log_fact(LOG_ERROR, "tls.file-skipped", "file=%s why=%s", log_str(path), log_str(e->text));
}

/* -- roots -------------------------------------------------------------------------------------- */

static bool
add_roots(void *arg, const char *path, struct span contents, struct err *e)
{
	struct trust *t = arg;
	BIO *b = BIO_new_mem_buf(contents.p, (int)contents.n);
	unsigned before = t->roots;
	unsigned long why;
	X509 *x;

	if (b == NULL)
		abort();
	ERR_clear_error();
	while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(t->store, x) == 1)
			t->roots++;
		X509_free(x);
	}
	why = ERR_peek_last_error();
	ERR_clear_error();
	BIO_free(b);
	if (ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
		return err_set(e, REFUSAL_config, "%s: a certificate in it is damaged", path);
	return t->roots > before ||
	    err_set(e, REFUSAL_config, "%s, in the trust folder, holds no PEM certificate", path);
}

/* -- CRLs --------------------------------------------------------------------------------------- */

static X509_STORE_CTX_check_crl_fn usual_check;

static void
find_usual_check(void)
{
	X509_STORE *s = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (s == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, s, NULL, NULL) != 1)
		abort();
	usual_check = X509_STORE_CTX_get_check_crl(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(s);
}

/* OpenSSL treats a CRL without nextUpdate as fresh for ever. */
static int
check_crl(X509_STORE_CTX *ctx, X509_CRL *crl)
{
	if (X509_CRL_get0_nextUpdate(crl) == NULL) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CRL_HAS_EXPIRED);
		if (X509_STORE_CTX_get_verify_cb(ctx)(0, ctx) == 0)
			return 0;
	}
	return usual_check(ctx, crl);
}

static bool
add_crls(void *arg, const char *path, struct span contents, struct err *e)
{
	struct trust *t = arg;

	return crl_set_add(t->crls, path, contents, e);
}

/* -- the set ------------------------------------------------------------------------------------ */

static bool
load_crls(struct trust *t, const char *folder, const struct guard_user *u, struct err *e)
{
	return folder == NULL || *folder == '\0' ||
	    trust_folder_each(folder, GUARD_CRL, u, CRL_FILE_BYTES, add_crls, skip, t, e);
}

static struct trust *
trust_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct trust *t = memory_new(sizeof *t);

	pthread_once(&once, find_usual_check);
	atomic_init(&t->refs, 1);
	if ((t->store = X509_STORE_new()) == NULL)
		abort();
	X509_STORE_set_check_crl(t->store, check_crl);
	t->crls = crl_set_new();
	return t;
}

bool
trust_load(const char *folder, const char *crls, const char *cache, const struct guard_user *u,
    enum trust_care care, struct trust **out, struct err *e)
{
	struct trust *t = trust_new();

	if (!trust_folder_each(folder, GUARD_TRUST, u, TRUST_FILE_BYTES, add_roots,
		care == TRUST_STRICT ? NULL : skip, t, e) ||
	    !load_crls(t, crls, u, e) || !load_crls(t, cache, u, e)) {
		trust_unref(&t);
		return false;
	}
	if (t->roots == 0 && care == TRUST_STRICT) {
		trust_unref(&t);
		return err_set(e, REFUSAL_config,
		    "the trust folder %s is empty: nobody could be "
		    "believed",
		    folder);
	}
	if (t->roots == 0)
		log_fact(LOG_ERROR, "tls.trust-empty", "folder=%s cure=%s", log_str(folder),
		    log_str(
			"nobody is believed now: put the CAs there that may vouch for a domain"));
	crl_set_sort(t->crls);
	*out = t;
	return true;
}

/* A file that is named on its own must hold something. */
static bool
add_crl_file(void *arg, const char *path, struct span contents, struct err *e)
{
	struct trust *t = arg;
	size_t before = crl_set_count(t->crls);

	return add_crls(t, path, contents, e) &&
	    (crl_set_count(t->crls) > before ||
		err_set(e, REFUSAL_no_input, "%s holds no CRL that could be used", path));
}

bool
trust_load_files(const char *const *roots, size_t n_roots, const char *const *crls, size_t n_crls,
    struct trust **out, struct err *e)
{
	struct trust *t = trust_new();
	bool ok = true;

	for (size_t i = 0; i < n_roots && ok; i++)
		ok = trust_folder_file(roots[i], TRUST_FILE_BYTES, add_roots, t, e);
	for (size_t i = 0; i < n_crls && ok; i++)
		ok = trust_folder_file(crls[i], CRL_FILE_BYTES, add_crl_file, t, e);
	if (!ok) {
		e->why = REFUSAL_no_input;
		trust_unref(&t);
		return false;
	}
	crl_set_sort(t->crls);
	*out = t;
	return true;
}

bool
trust_with_crls(const struct trust *t, struct span der, struct trust **out, struct err *e)
{
	struct trust *with = memory_new(sizeof *with);

	atomic_init(&with->refs, 1);
	X509_STORE_up_ref(t->store);
	with->store = t->store;
	with->roots = t->roots;
	with->crls = crl_set_new();
	if (!crl_set_add_der(with->crls, der, e)) {
		trust_unref(&with);
		return false;
	}
	crl_set_sort(with->crls);
	*out = with;
	return true;
}

struct trust *
trust_ref(struct trust *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void
trust_unref(struct trust **tp)
{
	struct trust *t = *tp;

	*tp = NULL;
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	crl_set_free(&t->crls);
	X509_STORE_free(t->store);
	free(t);
}

bool
trust_holds(const struct trust *t, const struct x509_st *x)
{
	STACK_OF(X509) *roots = X509_STORE_get1_all_certs(t->store);
	bool found = false;

	for (int i = 0; i < sk_X509_num(roots); i++)
		found |= X509_cmp(sk_X509_value(roots, i), x) == 0;
	sk_X509_pop_free(roots, X509_free);
	return found;
}

struct x509_store_st *
trust_store(const struct trust *t)
{
	return t->store;
}

struct crl_set *
trust_crls(const struct trust *t)
{
	return t->crls;
}

unsigned
trust_count(const struct trust *t)
{
	return t->roots;
}

unsigned
trust_skipped(const struct trust *t)
{
	return t->skipped + crl_set_skipped(t->crls);
}

unsigned
trust_crl_count(const struct trust *t)
{
	return (unsigned)crl_set_count(t->crls);
}
