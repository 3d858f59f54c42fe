/* crl_scope — which certificates a CRL speaks of (RFC 5280 5.2.4, 5.2.5).
 *
 * A CA may split its CRL by distribution point.  Trust: signed by a CA, or not yet verified.
 */
#ifndef COMMON_PKI_CRL_SCOPE_H
#define COMMON_PKI_CRL_SCOPE_H

#include <stdbool.h>

struct X509_crl_st; /* OpenSSL's X509_CRL */
struct x509_st;

/* Why it is not complete for its scope: a "delta" lists only changes, and one whose "scope" cannot be read
 * may be a part.  OpenSSL would treat both as complete.  NULL: it is complete. */
const char *crl_scope_fault(struct X509_crl_st *crl);
bool crl_scope_same(struct X509_crl_st *a, struct X509_crl_st *b);
/* A CRL of another distribution point does not cover this certificate.  Ignores the issuer. */
bool crl_scope_has(const struct X509_crl_st *crl, const struct x509_st *cert);

#endif
