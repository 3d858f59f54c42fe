/* trust — roots in a store, CRLs by issuer, newest first; see trust.h. */
#include "common/svc/trust.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/svc/chain.h"
#include "common/svc/trust_folder.h"

struct crl {
	X509_CRL	*crl;
	ASN1_INTEGER	*number;	/* NULL: none */
	unsigned char	*der;
	size_t		 n;
	unsigned char	 digest[DIGEST_BYTES];
};

struct trust {
	atomic_uint	 refs;
	X509_STORE	*store;
	unsigned	 roots;
	struct crl	*crls;		/* by issuer, then newest first */
	size_t		 n_crls, cap;
	size_t		 crl_octets;
	unsigned	 skipped;
};

static void
skip(void *arg, const char *path, const struct err *e)
{
	struct trust	*t = arg;

	t->skipped++;
	log_fact(LOG_ERROR, "tls.file-skipped", "file=%s why=%s", log_str(path), log_str(e->text));
}

/* -- roots -------------------------------------------------------------------------------------- */

static bool
add_roots(void *arg, const char *path, struct span contents, struct err *e)
{
	struct trust	*t = arg;
	BIO		*b = BIO_new_mem_buf(contents.p, (int)contents.n);
	unsigned	 before = t->roots;
	unsigned long	 why;
	X509		*x;

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

/* Delta CRLs say only what has changed, and one whose scope cannot be read may be a shard: OpenSSL
 * would take either for the whole. */
static const char *
crl_fault(X509_CRL *crl)
{
	ISSUING_DIST_POINT	*idp;

	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "delta";
	if (X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) < 0)
		return NULL;
	idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
	if (idp == NULL)
		return "scope";
	ISSUING_DIST_POINT_free(idp);
	return NULL;
}

static void
crl_init(struct crl *c, X509_CRL *crl)
{
	int	 n;

	*c = (struct crl){ .crl = crl };
	c->number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	if ((n = i2d_X509_CRL(crl, &c->der)) < 0)
		abort();
	c->n = (size_t)n;
	digest_sha256(span_of(c->der, c->n), c->digest);
}

static void
add_crl(struct trust *t, X509_CRL *crl, const char *path)
{
	const char	*fault = crl_fault(crl);

	if (fault != NULL) {
		t->skipped++;
		log_fact(LOG_WARN, "tls.crl-skipped", "file=%s why=%s", log_str(path), fault);
		X509_CRL_free(crl);
		return;
	}
	if (X509_CRL_get0_nextUpdate(crl) == NULL) {
		t->skipped++;
		log_fact(LOG_WARN, "tls.crl-endless", "file=%s cure=%s", log_str(path),
		    log_str("it has no nextUpdate and counts as over: have its CA issue one that has"));
	}
	if (t->n_crls == t->cap) {
		t->cap = t->cap * 2 + 16;
		if ((t->crls = realloc(t->crls, t->cap * sizeof *t->crls)) == NULL)
			abort();
	}
	crl_init(&t->crls[t->n_crls++], crl);
}

static X509_STORE_CTX_check_crl_fn	 usual_check;

static void
find_usual_check(void)
{
	X509_STORE	*s = X509_STORE_new();
	X509_STORE_CTX	*ctx = X509_STORE_CTX_new();

	if (s == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, s, NULL, NULL) != 1)
		abort();
	usual_check = X509_STORE_CTX_get_check_crl(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(s);
}

/* To OpenSSL a CRL without an end is fresh for ever. */
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

static unsigned
parse_crls(struct trust *t, struct span contents, const char *path)
{
	const unsigned char	*p = (const unsigned char *)contents.p;
	X509_CRL		*crl;
	unsigned		 n = 0;
	BIO			*b;

	if (contents.n > 0 && *p == 0x30) {
		if ((crl = d2i_X509_CRL(NULL, &p, (long)contents.n)) == NULL)
			return 0;
		add_crl(t, crl, path);
		return 1;
	}
	if ((b = BIO_new_mem_buf(contents.p, (int)contents.n)) == NULL)
		abort();
	for (; (crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL)) != NULL; n++)
		add_crl(t, crl, path);
	BIO_free(b);
	return n;
}

static bool
add_crls(void *arg, const char *path, struct span contents, struct err *e)
{
	struct trust	*t = arg;

	unsigned	 n;

	if (t->crl_octets + contents.n > TRUST_CRLS_BYTES)
		return err_set(e, REFUSAL_config, "%s: CRLs of more than %d octets", path,
		    TRUST_CRLS_BYTES);
	t->crl_octets += contents.n;
	ERR_clear_error();
	n = parse_crls(t, contents, path);
	ERR_clear_error();
	return n > 0 || err_set(e, REFUSAL_config, "%s holds no CRL that can be read", path);
}

static int
newer(const struct crl *a, const struct crl *b)
{
	int	 by_time = ASN1_TIME_compare(X509_CRL_get0_lastUpdate(a->crl),
		    X509_CRL_get0_lastUpdate(b->crl));

	if (a->number != NULL && b->number != NULL &&
	    ASN1_INTEGER_cmp(a->number, b->number) != 0)
		return ASN1_INTEGER_cmp(a->number, b->number);
	return by_time;
}

static int
by_issuer(const void *a, const void *b)
{
	const struct crl	*x = a, *y = b;
	int			 r = X509_NAME_cmp(X509_CRL_get_issuer(x->crl),
				    X509_CRL_get_issuer(y->crl));

	return r != 0 ? r : newer(y, x);
}

static bool
same_ext(X509_CRL *a, X509_CRL *b, int nid)
{
	int	 i = X509_CRL_get_ext_by_NID(a, nid, -1), k = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (i < 0 || k < 0)
		return i < 0 && k < 0;
	return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, i)),
	    X509_EXTENSION_get_data(X509_CRL_get_ext(b, k))) == 0;
}

static bool
same_scope(X509_CRL *a, X509_CRL *b)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) == 0 &&
	    same_ext(a, b, NID_issuing_distribution_point) &&
	    same_ext(a, b, NID_authority_key_identifier);
}

static void
crl_clear(struct crl *c)
{
	X509_CRL_free(c->crl);
	ASN1_INTEGER_free(c->number);
	OPENSSL_free(c->der);
}

/* Of the CRLs for one scope only the newest counts, even where it is stale and an older one, with
 * a longer life, is not: what was revoked since must not be forgotten. */
static void
sort_crls(struct trust *t)
{
	size_t	 kept = 0;

	if (t->n_crls > 0)
		qsort(t->crls, t->n_crls, sizeof *t->crls, by_issuer);
	for (size_t i = 0; i < t->n_crls; i++) {
		bool	 old = false;

		for (size_t k = kept; k-- > 0 && !old; ) {
			if (X509_NAME_cmp(X509_CRL_get_issuer(t->crls[k].crl),
			    X509_CRL_get_issuer(t->crls[i].crl)) != 0)
				break;
			old = same_scope(t->crls[k].crl, t->crls[i].crl);
		}
		if (old)
			crl_clear(&t->crls[i]);
		else
			t->crls[kept++] = t->crls[i];
	}
	t->n_crls = kept;
}

/* -- the set ------------------------------------------------------------------------------------ */

static bool
load_crls(struct trust *t, const char *folder, struct err *e)
{
	return folder == NULL || *folder == '\0' ||
	    trust_folder_each(folder, TRUST_CRL_BYTES, add_crls, skip, t, e);
}

static struct trust *
trust_new(void)
{
	static pthread_once_t	 once = PTHREAD_ONCE_INIT;
	struct trust		*t = memory_new(sizeof *t);

	pthread_once(&once, find_usual_check);
	atomic_init(&t->refs, 1);
	if ((t->store = X509_STORE_new()) == NULL)
		abort();
	X509_STORE_set_check_crl(t->store, check_crl);
	return t;
}

bool
trust_load(const char *folder, const char *crls, const char *cache, enum trust_care care,
    struct trust **out, struct err *e)
{
	struct trust	*t = trust_new();

	if (!trust_folder_each(folder, TRUST_FILE_BYTES, add_roots,
	    care == TRUST_STRICT ? NULL : skip, t, e) ||
	    !load_crls(t, crls, e) || !load_crls(t, cache, e)) {
		trust_unref(&t);
		return false;
	}
	if (t->roots == 0 && care == TRUST_STRICT) {
		trust_unref(&t);
		return err_set(e, REFUSAL_config, "the trust folder %s is empty: nobody could be "
		    "believed", folder);
	}
	if (t->roots == 0)
		log_fact(LOG_ERROR, "tls.trust-empty", "folder=%s cure=%s", log_str(folder),
		    log_str("nobody is believed now: put the CAs there that may vouch for a domain"));
	sort_crls(t);
	*out = t;
	return true;
}

/* Where one file is named, one that holds nothing is a mistake. */
static bool
add_crl_file(void *arg, const char *path, struct span contents, struct err *e)
{
	struct trust	*t = arg;
	size_t		 before = t->n_crls;

	return add_crls(t, path, contents, e) && (t->n_crls > before ||
	    err_set(e, REFUSAL_no_input, "%s holds no CRL that could be used", path));
}

bool
trust_load_files(const char *const *roots, size_t n_roots, const char *const *crls, size_t n_crls,
    struct trust **out, struct err *e)
{
	struct trust	*t = trust_new();
	bool		 ok = true;

	for (size_t i = 0; i < n_roots && ok; i++)
		ok = trust_folder_file(roots[i], TRUST_FILE_BYTES, add_roots, t, e);
	for (size_t i = 0; i < n_crls && ok; i++)
		ok = trust_folder_file(crls[i], TRUST_CRL_BYTES, add_crl_file, t, e);
	if (!ok) {
		e->why = REFUSAL_no_input;
		trust_unref(&t);
		return false;
	}
	sort_crls(t);
	*out = t;
	return true;
}

bool
trust_with_crls(const struct trust *t, struct span der, struct trust **out, struct err *e)
{
	const unsigned char	*p = (const unsigned char *)der.p, *end = p + der.n;
	struct trust		*with = memory_new(sizeof *with);
	X509_CRL		*crl = NULL;

	atomic_init(&with->refs, 1);
	X509_STORE_up_ref(t->store);
	with->store = t->store;
	with->roots = t->roots;
	while (p < end && (crl = d2i_X509_CRL(NULL, &p, end - p)) != NULL)
		add_crl(with, crl, "evidence");
	ERR_clear_error();
	if (p < end) {
		trust_unref(&with);
		return err_set(e, REFUSAL_bad_reply, "no CRL in DER");
	}
	sort_crls(with);
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
	struct trust	*t = *tp;

	*tp = NULL;
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	for (size_t i = 0; i < t->n_crls; i++)
		crl_clear(&t->crls[i]);
	free(t->crls);
	X509_STORE_free(t->store);
	free(t);
}

struct x509_store_st *
trust_store(const struct trust *t)
{
	return t->store;
}

/* Where the CRLs of this issuer begin. */
static size_t
first_of(const struct trust *t, const X509_NAME *issuer)
{
	size_t	 low = 0, high = t->n_crls;

	while (low < high) {
		size_t	 mid = low + (high - low) / 2;

		if (X509_NAME_cmp(X509_CRL_get_issuer(t->crls[mid].crl), issuer) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_of(const struct trust *t, size_t i, const X509_NAME *issuer)
{
	return i < t->n_crls && X509_NAME_cmp(X509_CRL_get_issuer(t->crls[i].crl), issuer) == 0;
}

struct stack_st_X509_CRL *
trust_crls(const struct trust *t, const struct x509_st *cert)
{
	STACK_OF(X509_CRL)	*sk = sk_X509_CRL_new_null();
	const X509_NAME		*issuer = X509_get_issuer_name(cert);

	if (sk == NULL)
		abort();
	for (size_t i = first_of(t, issuer); is_of(t, i, issuer); i++) {
		X509_CRL_up_ref(t->crls[i].crl);
		if (sk_X509_CRL_push(sk, t->crls[i].crl) == 0)
			abort();
	}
	return sk;
}

/* -- those of one chain -------------------------------------------------------------------------- */

static bool
names_one_of(const CRL_DIST_POINTS *points, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME	*n = sk_DIST_POINT_value(points, i)->distpoint;

		for (int k = 0; n != NULL && n->type == 0 &&
		    k < sk_GENERAL_NAME_num(n->name.fullname); k++)
			for (int m = 0; m < sk_GENERAL_NAME_num(names); m++)
				if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(n->name.fullname, k),
				    sk_GENERAL_NAME_value(names, m)) == 0)
					return true;
	}
	return false;
}

/* A CA may part its CRL into many: those of other distribution points say nothing of this one. */
static bool
may_speak_of(const X509_CRL *crl, const X509 *cert)
{
	ISSUING_DIST_POINT	*idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point,
				    NULL, NULL);
	CRL_DIST_POINTS		*points;
	bool			 may = true;

	if (idp != NULL && idp->distpoint != NULL && idp->distpoint->type == 0) {
		points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
		may = names_one_of(points, idp->distpoint->name.fullname);
		CRL_DIST_POINTS_free(points);
	}
	ISSUING_DIST_POINT_free(idp);
	return may;
}

static bool
add_once(struct trust_crl *out, size_t *n, const struct crl *c)
{
	for (size_t i = 0; i < *n; i++)
		if (out[i].der.p == (const char *)c->der)
			return true;
	if (*n == TRUST_CHAIN_CRLS)
		return false;
	out[*n].der = span_of(c->der, c->n);
	memcpy(out[(*n)++].digest, c->digest, DIGEST_BYTES);
	return true;
}

size_t
trust_chain_crls(const struct trust *t, const struct chain *c,
    struct trust_crl out[TRUST_CHAIN_CRLS])
{
	STACK_OF(X509)	*rest = chain_rest(c);
	size_t		 n = 0;

	for (int k = -1; k < sk_X509_num(rest); k++) {
		const X509	*x = k < 0 ? chain_leaf(c) : sk_X509_value(rest, k);
		const X509_NAME	*issuer = X509_get_issuer_name(x);

		for (size_t i = first_of(t, issuer); is_of(t, i, issuer); i++)
			if (may_speak_of(t->crls[i].crl, x) && !add_once(out, &n, &t->crls[i]))
				return n;
	}
	ERR_clear_error();
	return n;
}

unsigned
trust_count(const struct trust *t)
{
	return t->roots;
}

unsigned
trust_skipped(const struct trust *t)
{
	return t->skipped;
}

unsigned
trust_crl_count(const struct trust *t)
{
	return (unsigned)t->n_crls;
}
