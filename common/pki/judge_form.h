/* judge_form — the rules that one certificate must keep by itself, without its path. */
#ifndef COMMON_PKI_JUDGE_FORM_H
#define COMMON_PKI_JUDGE_FORM_H

#include <openssl/x509.h>

#include "common/base/err.h"

/* Of every certificate but the anchor: version, serial, extensions, key. */
bool judge_form(X509 *x, bool leaf, struct err *e);
/* Of every certificate that a peer shows, before libcrypto reads its policies: they can be parsed,
 * none occurs twice, and policyConstraints occurs only with policies. */
bool judge_form_policies(X509 *x, struct err *e);
/* Of the leaf: not its own issuer, no CA, made for servers. */
bool judge_form_leaf(X509 *x, struct err *e);

/* Of every CA on the path, also the anchor: its name constraints can be parsed (certificate_constraint). */
bool judge_form_constraints(X509 *x, struct err *e);

/* How one learns that it is revoked. */
bool judge_form_names_crl(X509 *x);   /* a CRL distribution point */
bool judge_form_lives_short(X509 *x); /* 7 days at most, or noRevAvail (RFC 9608) */

#endif
