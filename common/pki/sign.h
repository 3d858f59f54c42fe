/* sign — raw signatures over seals: made with the key of a domain's certificate, checked with a peer's.
 *
 * Spec:    SPEC.md 9: ecdsa-sha256 (P-256), ecdsa-sha384 (P-384), rsa-sha256 (PKCS #1
 *          v1.5, 2,048 bits and more); a certificate with another key cannot seal.
 * Async:   sign_run completes on the loop, exactly once, never inside the call, so that a separate
 *          process can hold the key later.
 * Trust:   text and signature are the peer's; the caller has judged the chain (judge.h).
 */
#ifndef COMMON_PKI_SIGN_H
#define COMMON_PKI_SIGN_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define SIGN_BYTES_MAX 1024

struct chain;
struct evp_pkey_st;
struct loop;

/* "ecdsa-sha256", ...; NULL: this key cannot seal.  Static life. */
const char *sign_alg(const struct evp_pkey_st *key);

typedef void sign_done(void *arg, const char *alg, struct span signature, const struct err *e);

/* Reads `text` and uses the key before the call returns. */
void sign_run(struct loop *l, struct evp_pkey_st *key, struct span text, sign_done *done,
    void *arg);

/* By the key of the chain's leaf.  False: seal_bad. */
bool sign_verify(const struct chain *c, const char *alg, struct span text, struct span signature,
    struct err *e);

/* The same for the many seals of one peer: prepares the key once.  For one thread at a time; it may
 * outlive the chain. */
struct sign_verifier;
struct sign_verifier *sign_verifier_new(const struct chain *c);
bool sign_verifier_check(struct sign_verifier *v, const char *alg, struct span text,
    struct span signature, struct err *e);
void sign_verifier_free(struct sign_verifier **v);

/* A seal for a third party that trusts neither side.  Exported as CMS SignedData without signed
 * attributes around the same signature: `openssl cms -verify -inform DER -purpose any
 * -verify_hostname DOMAIN -attime T -CAfile root.pem` prints the text. */
struct sign_evidence {
	const struct chain *chain; /* the signer's */
	const char *alg;
	struct span text, signature;
	struct span crls; /* concatenated DER; may be empty */
};

/* Appends DER without verifying it.  False: seal_bad (another kind of key), internal. */
bool sign_export_cms(struct buf *out, const struct sign_evidence *v, struct err *e);

/* The inverse of sign_export_cms.  It refuses octets that exporting again would not reproduce, so nothing
 * in them is ignored.  Nothing is verified: see sign_verify, judge_chain.  False: seal_bad, and nothing
 * to clear. */
struct sign_imported {
	struct chain *chain;
	const char *alg;
	struct buf text, signature, crls;
};
bool sign_import_cms(struct span der, struct sign_imported *out, struct err *e);
void sign_imported_clear(struct sign_imported *i);

#endif
