/* crl_set — CRLs by issuer, of each scope the newest; see crl_set.h. */
#include "common/pki/crl_set.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/pki/chain.h"
#include "common/pki/crl_scope.h"

struct crl {
	X509_CRL *crl;
	ASN1_INTEGER *number; /* NULL: none */
	int64_t this_s;       /* INT64_MAX: no date that can be read */
	unsigned char *der;
	size_t n;
	unsigned char digest[DIGEST_BYTES];
	bool has_scope;
	unsigned char scope[DIGEST_BYTES];
	int64_t next_s;
};

struct crl_set {
	struct crl *all; /* once sorted: by issuer, one a scope */
	size_t n, cap;
	size_t octets;
	unsigned skipped;
};

/* -- adding ------------------------------------------------------------------------------------- */

static void
add_extension(struct buf *out, const X509_CRL *crl, int nid)
{
	int at = X509_CRL_get_ext_by_NID(crl, nid, -1);
	const ASN1_OCTET_STRING *octets = at < 0
	    ? NULL
	    : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));

	put_span(out,
	    octets == NULL
		? (struct span) { 0 }
		: span_of(ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets)));
}

/* A CA may sign with several keys.  A CRL that does not name its key has no scope to compare. */
static void
scope_init(struct crl *c)
{
	struct buf text = BUF_INIT;
	const unsigned char *name;
	size_t n;
	struct tm tm;

	if (X509_CRL_get_ext_by_NID(c->crl, NID_authority_key_identifier, -1) < 0 ||
	    X509_NAME_get0_der(X509_CRL_get_issuer(c->crl), &name, &n) != 1 ||
	    ASN1_TIME_to_tm(X509_CRL_get0_nextUpdate(c->crl), &tm) != 1)
		return;
	c->next_s = (int64_t)timegm(&tm);
	put_span(&text, span_of(name, n));
	add_extension(&text, c->crl, NID_authority_key_identifier);
	add_extension(&text, c->crl, NID_issuing_distribution_point);
	digest_sha256(buf_span(&text), c->scope);
	buf_clear(&text);
	c->has_scope = c->this_s != INT64_MAX;
}

static void
crl_init(struct crl *c, X509_CRL *crl)
{
	struct tm tm;
	int n;

	*c = (struct crl) { .crl = crl };
	c->this_s = ASN1_TIME_to_tm(X509_CRL_get0_lastUpdate(crl), &tm) == 1 ? (int64_t)timegm(&tm)
									     : INT64_MAX;
	c->number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	if ((n = i2d_X509_CRL(crl, &c->der)) < 0)
		abort();
	c->n = (size_t)n;
	digest_sha256(span_of(c->der, c->n), c->digest);
	scope_init(c);
}

static void
add_crl(struct crl_set *s, X509_CRL *crl, const char *path)
{
	const char *fault = crl_scope_fault(crl);

	if (fault != NULL) {
		s->skipped++;
		log_fact(LOG_WARN, "tls.crl-skipped", "file=%s why=%s", log_str(path), fault);
		X509_CRL_free(crl);
		return;
	}
	if (X509_CRL_get0_nextUpdate(crl) == NULL) {
		s->skipped++;
		log_fact(LOG_WARN, "tls.crl-endless", "file=%s cure=%s", log_str(path),
		    log_str(
			"it has no nextUpdate and counts as over: have its CA issue one that has"));
	}
	if (s->n == s->cap) {
		s->cap = s->cap * 2 + 16;
		s->all = memory_resize(s->all, s->cap, sizeof *s->all);
	}
	crl_init(&s->all[s->n++], crl);
}

static unsigned
parse_crls(struct crl_set *s, struct span contents, const char *path)
{
	const unsigned char *p = (const unsigned char *)contents.p;
	X509_CRL *crl;
	unsigned n = 0;
	BIO *b;

	if (contents.n > 0 && *p == 0x30) {
		if ((crl = d2i_X509_CRL(NULL, &p, (long)contents.n)) == NULL)
			return 0;
		add_crl(s, crl, path);
		return 1;
	}
	if ((b = BIO_new_mem_buf(contents.p, (int)contents.n)) == NULL)
		abort();
	for (; (crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL)) != NULL; n++)
		add_crl(s, crl, path);
	BIO_free(b);
	return n;
}

bool
crl_set_add(struct crl_set *s, const char *path, struct span contents, struct err *e)
{
	unsigned n;

	if (s->octets + contents.n > CRL_SET_BYTES)
		return err_set(e, REFUSAL_config, "%s: CRLs of more than %d octets", path,
		    CRL_SET_BYTES);
	s->octets += contents.n;
	ERR_clear_error();
	n = parse_crls(s, contents, path);
	ERR_clear_error();
	return n > 0 || err_set(e, REFUSAL_config, "%s holds no CRL that can be read", path);
}

bool
crl_set_add_der(struct crl_set *s, struct span der, struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	X509_CRL *crl = NULL;

	while (p < end && (crl = d2i_X509_CRL(NULL, &p, end - p)) != NULL)
		add_crl(s, crl, "evidence");
	ERR_clear_error();
	return p >= end || err_set(e, REFUSAL_bad_reply, "no CRL in DER");
}

/* -- order -------------------------------------------------------------------------------------- */

/* The octets do not tell the age; comparing them makes the order independent of that of the files. */
static int
later(const struct crl *a, const struct crl *b)
{
	int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(a->crl)),
	    m = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(b->crl));

	if (a->this_s != b->this_s)
		return a->this_s < b->this_s ? -1 : 1;
	return n != m ? n - m : memcmp(a->digest, b->digest, DIGEST_BYTES);
}

/* CRLs without a number come after all that have one.  Comparing any two by what they have in common, a
 * date or a number, would not be transitive.  crl_set_sort then looks at their dates. */
static int
newer(const struct crl *a, const struct crl *b)
{
	int r;

	if (a->number == NULL || b->number == NULL)
		r = (a->number != NULL) - (b->number != NULL);
	else
		r = ASN1_INTEGER_cmp(a->number, b->number);
	return r != 0 ? r : later(a, b);
}

static int
by_issuer(const void *a, const void *b)
{
	const struct crl *x = a, *y = b;
	int r = X509_NAME_cmp(X509_CRL_get_issuer(x->crl), X509_CRL_get_issuer(y->crl));

	return r != 0 ? r : newer(y, x);
}

static void
crl_clear(struct crl *c)
{
	X509_CRL_free(c->crl);
	ASN1_INTEGER_free(c->number);
	OPENSSL_free(c->der);
}

void
crl_set_sort(struct crl_set *s)
{
	size_t kept = 0;

	if (s->n > 0)
		qsort(s->all, s->n, sizeof *s->all, by_issuer);
	for (size_t i = 0; i < s->n; i++) {
		struct crl *same = NULL;

		for (size_t k = kept; k-- > 0 && same == NULL;) {
			if (X509_NAME_cmp(X509_CRL_get_issuer(s->all[k].crl),
				X509_CRL_get_issuer(s->all[i].crl)) != 0)
				break;
			if (crl_scope_same(s->all[k].crl, s->all[i].crl))
				same = &s->all[k];
		}
		if (same == NULL) {
			s->all[kept++] = s->all[i];
		} else if (s->all[i].number == NULL && later(&s->all[i], same) > 0) {
			crl_clear(same);
			*same = s->all[i];
		} else {
			crl_clear(&s->all[i]);
		}
	}
	s->n = kept;
}

/* -- finding ------------------------------------------------------------------------------------ */

/* Where the CRLs of this issuer begin. */
static size_t
first_of(const struct crl_set *s, const X509_NAME *issuer)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (X509_NAME_cmp(X509_CRL_get_issuer(s->all[mid].crl), issuer) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
is_of(const struct crl_set *s, size_t i, const X509_NAME *issuer)
{
	return i < s->n && X509_NAME_cmp(X509_CRL_get_issuer(s->all[i].crl), issuer) == 0;
}

struct stack_st_X509_CRL *
crl_set_of(const struct crl_set *s, const struct x509_st *cert)
{
	STACK_OF(X509_CRL) *sk = sk_X509_CRL_new_null();
	const X509_NAME *issuer = X509_get_issuer_name(cert);

	if (sk == NULL)
		abort();
	for (size_t i = first_of(s, issuer); is_of(s, i, issuer); i++) {
		X509_CRL_up_ref(s->all[i].crl);
		if (sk_X509_CRL_push(sk, s->all[i].crl) == 0)
			abort();
	}
	return sk;
}

static void
add_serial(struct crl_octets *out, const X509 *x)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	int n = i2d_ASN1_INTEGER(serial, NULL);
	unsigned char *p = out->serial;

	out->shared = out->shared && n > 0 && (size_t)n <= sizeof out->serial;
	if (out->shared)
		out->serial_n = (size_t)i2d_ASN1_INTEGER(serial, &p);
}

static bool
add_once(struct crl_octets *out, size_t *n, const struct crl *c, const X509 *x)
{
	for (size_t i = 0; i < *n; i++)
		if (out[i].der.p == (const char *)c->der) {
			out[i].shared = false; /* it is needed for two */
			return true;
		}
	if (*n == CRL_CHAIN_MAX)
		return false;
	out[*n] = (struct crl_octets) {
		.der = span_of(c->der, c->n),
		.shared = c->has_scope,
		.this_s = c->this_s,
		.next_s = c->next_s,
	};
	memcpy(out[*n].digest, c->digest, DIGEST_BYTES);
	memcpy(out[*n].scope, c->scope, DIGEST_BYTES);
	add_serial(&out[(*n)++], x);
	return true;
}

size_t
crl_set_of_chain(const struct crl_set *s, const struct chain *c,
    struct crl_octets out[CRL_CHAIN_MAX])
{
	STACK_OF(X509) *rest = chain_rest(c);
	size_t n = 0;

	for (int k = -1; k < sk_X509_num(rest); k++) {
		const X509 *x = k < 0 ? chain_leaf(c) : sk_X509_value(rest, k);
		const X509_NAME *issuer = X509_get_issuer_name(x);

		for (size_t i = first_of(s, issuer); is_of(s, i, issuer); i++)
			if (crl_scope_has(s->all[i].crl, x) && !add_once(out, &n, &s->all[i], x))
				return n;
	}
	ERR_clear_error();
	return n;
}

/* -- life --------------------------------------------------------------------------------------- */

struct crl_set *
crl_set_new(void)
{
	return memory_new(sizeof(struct crl_set));
}

void
crl_set_free(struct crl_set **sp)
{
	struct crl_set *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		crl_clear(&s->all[i]);
	free(s->all);
	free(s);
}

size_t
crl_set_count(const struct crl_set *s)
{
	return s->n;
}

unsigned
crl_set_skipped(const struct crl_set *s)
{
	return s->skipped;
}
