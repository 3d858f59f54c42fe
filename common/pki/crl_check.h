/* crl_check — is this CRL, which a server sent, good enough to keep?
 *
 * Spec:  RFC 5280 5, 6.3.
 * Trust: the octets are hostile; the issuer's certificate is on a path that verified.
 */
#ifndef COMMON_PKI_CRL_CHECK_H
#define COMMON_PKI_CRL_CHECK_H

#include "common/base/err.h"

struct x509_st;
struct X509_crl_st;

struct crl_facts {
	int64_t this_s, next_s;
	char number[44]; /* decimal or 0x...; "" : none */
};

/* DER and nothing after it.  NULL: *e is bad_reply.  The caller frees it (X509_CRL_free). */
struct X509_crl_st *crl_check_parse(struct span der, struct err *e);
void crl_check_facts(const struct X509_crl_st *crl, struct crl_facts *out);

/* Signed by this issuer for itself, complete, begun, and with nextUpdate.  False: bad_reply. */
bool crl_check(struct X509_crl_st *crl, struct x509_st *issuer, int64_t now_s, int64_t skew_s,
    struct err *e);
/* Is it older, by number or date, than the kept one?  before NULL: no. */
bool crl_check_older(const struct X509_crl_st *crl, const struct X509_crl_st *before);

#endif
