/* judge_note — the facts that a judgement keeps: where its CRLs are, how long it holds, the issuer's key.
 *
 * Part of judge.  Nothing is decided here.
 * Trust:  strangers write the URLs.  Only http URLs of a certificate whose issuer verified are kept, at most
 *         JUDGE_URLS_MAX.
 */
#ifndef COMMON_PKI_JUDGE_NOTE_H
#define COMMON_PKI_JUDGE_NOTE_H

#include "common/pki/judge.h"

struct X509_crl_st; /* OpenSSL's X509_CRL */

/* Adds the certificate's http distribution points to j->urls. */
void judge_note_urls(struct judgement *j, struct x509_st *cert);
/* From the path that verified: the first notAfter, and the issuing CA's key. */
void judge_note_path(struct judgement *j, struct stack_st_X509 *path);
/* A CRL that decided: the chain is judged again when that CRL ends.  A CRL that has ended decides nothing
 * and is ignored. */
void judge_note_crl(struct judgement *j, const struct X509_crl_st *crl, int64_t now_s);

#endif
