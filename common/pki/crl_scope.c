/* crl_scope — which certificates a CRL speaks of; see crl_scope.h. */
#include "common/pki/crl_scope.h"

#include <openssl/x509v3.h>

const char *
crl_scope_fault(X509_CRL *crl)
{
	ISSUING_DIST_POINT *idp;

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

static bool
same_ext(X509_CRL *a, X509_CRL *b, int nid)
{
	int i = X509_CRL_get_ext_by_NID(a, nid, -1), k = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (i < 0 || k < 0)
		return i < 0 && k < 0;
	return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, i)),
		   X509_EXTENSION_get_data(X509_CRL_get_ext(b, k))) == 0;
}

bool
crl_scope_same(X509_CRL *a, X509_CRL *b)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) == 0 &&
	    same_ext(a, b, NID_issuing_distribution_point) &&
	    same_ext(a, b, NID_authority_key_identifier);
}

static bool
names_one_of(const CRL_DIST_POINTS *points, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *n = sk_DIST_POINT_value(points, i)->distpoint;

		for (int k = 0;
		     n != NULL && n->type == 0 && k < sk_GENERAL_NAME_num(n->name.fullname); k++)
			for (int m = 0; m < sk_GENERAL_NAME_num(names); m++)
				if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(n->name.fullname, k),
					sk_GENERAL_NAME_value(names, m)) == 0)
					return true;
	}
	return false;
}

bool
crl_scope_has(const X509_CRL *crl, const X509 *cert)
{
	ISSUING_DIST_POINT *idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL,
	    NULL);
	CRL_DIST_POINTS *points;
	bool may = true;

	if (idp != NULL && idp->distpoint != NULL && idp->distpoint->type == 0) {
		points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
		may = names_one_of(points, idp->distpoint->name.fullname);
		CRL_DIST_POINTS_free(points);
	}
	ISSUING_DIST_POINT_free(idp);
	return may;
}
