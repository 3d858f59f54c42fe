/* judge_note — the facts that a judgement keeps: where its CRLs are, how long it stands, whose key vouched.
 *
 * Part of judge.  Nothing is decided here.
 * Trust:  URLs are a stranger's; they are noted only of a certificate whose issuer was verified, http alone,
 *         JUDGE_URLS_MAX of them.
 */
#ifndef COMMON_PKI_JUDGE_NOTE_H
#define COMMON_PKI_JUDGE_NOTE_H

#include "common/pki/judge.h"

struct X509_crl_st; /* OpenSSL's X509_CRL */

/* Adds the certificate's http distribution points to j->urls. */
void judge_note_urls(struct judgement *j, struct x509_st *cert);
/* The path that stands: until when at most, and the issuing CA's key. */
void judge_note_path(struct judgement *j, struct stack_st_X509 *path);
/* A CRL by which it is judged: its end is the judgement's next day.  One that is over decides nothing, so
 * its end is not waited for. */
void judge_note_crl(struct judgement *j, const struct X509_crl_st *crl, int64_t now_s);

#endif
