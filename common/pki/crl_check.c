/* crl_check — see crl_check.h. */
#include "common/pki/crl_check.h"

#include <stdio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct X509_crl_st *
crl_check_parse(struct span der, struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_CRL *crl = der.n == 0 ? NULL : d2i_X509_CRL(NULL, &p, (long)der.n);
	bool all = crl != NULL && p == (const unsigned char *)der.p + der.n;

	ERR_clear_error();
	if (all)
		return crl;
	X509_CRL_free(crl);
	err_set(e, REFUSAL_bad_reply, "no CRL in DER");
	return NULL;
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void
crl_check_facts(const struct X509_crl_st *crl, struct crl_facts *out)
{
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	char *text = n == NULL ? NULL : i2s_ASN1_INTEGER(NULL, n);

	*out = (struct crl_facts) { .this_s = seconds(X509_CRL_get0_lastUpdate(crl)),
		.next_s = seconds(X509_CRL_get0_nextUpdate(crl)) };
	if (text != NULL)
		snprintf(out->number, sizeof out->number, "%s", text);
	OPENSSL_free(text);
	ASN1_INTEGER_free(n);
}

static bool
signed_by(X509_CRL *crl, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool ok = key != NULL && X509_CRL_verify(crl, key) == 1;

	ERR_clear_error();
	return ok;
}

bool
crl_check(struct X509_crl_st *crl, struct x509_st *issuer, int64_t now_s, int64_t skew_s,
    struct err *e)
{
	struct crl_facts f;

	crl_check_facts(crl, &f);
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0)
		return err_set(e, REFUSAL_bad_reply, "the CRL is another issuer's");
	if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return err_set(e, REFUSAL_bad_reply, "the issuer may not sign CRLs");
	if (!signed_by(crl, issuer))
		return err_set(e, REFUSAL_bad_reply, "the CRL's signature does not fit");
	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return err_set(e, REFUSAL_bad_reply, "the CRL says only what has changed");
	if (f.this_s == 0 || f.this_s > now_s + skew_s)
		return err_set(e, REFUSAL_bad_reply, "the CRL is dated in the future");
	if (f.next_s == 0)
		return err_set(e, REFUSAL_bad_reply, "the CRL has no end");
	return true;
}

bool
crl_check_older(const struct X509_crl_st *crl, const struct X509_crl_st *before)
{
	ASN1_INTEGER *a, *b;
	bool older;

	if (before == NULL)
		return false;
	a = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	b = X509_CRL_get_ext_d2i(before, NID_crl_number, NULL, NULL);
	older = b != NULL && (a == NULL || ASN1_INTEGER_cmp(a, b) < 0);
	ASN1_INTEGER_free(a);
	ASN1_INTEGER_free(b);
	return older ||
	    ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_lastUpdate(before)) < 0;
}
