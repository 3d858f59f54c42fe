/* crl_scope — which certificates a CRL speaks of (RFC 5280 5.2.4, 5.2.5).
 *
 * A CA may part its CRL into many, by distribution point.  Trust: signed by a CA, or not yet verified.
 */
#ifndef COMMON_PKI_CRL_SCOPE_H
#define COMMON_PKI_CRL_SCOPE_H

#include <stdbool.h>

struct X509_crl_st; /* OpenSSL's X509_CRL */
struct x509_st;

/* Why it cannot stand for all of its scope: "delta" says only what has changed, and one whose "scope" cannot
 * be read may be a shard; OpenSSL would take either for the whole.  NULL: it can. */
const char *crl_scope_fault(struct X509_crl_st *crl);
bool crl_scope_same(struct X509_crl_st *a, struct X509_crl_st *b);
/* Those of other distribution points say nothing of this certificate.  The issuer is not looked at. */
bool crl_scope_has(const struct X509_crl_st *crl, const struct x509_st *cert);

#endif
