/* crl_set — the CRLs that are known, by issuer; of each scope the newest.
 *
 * Part of trust: filled while a trust set is made, then sorted, then read by any thread and not changed.
 * Of the CRLs for one scope only the newest counts, even if it is stale and an older one is not: later
 * revocations must not be forgotten.
 *
 * Spec:   RFC 5280 5.2.3.  The newest CRL is the one with the highest number, whatever the dates say.  A
 *         number only rises and says which CRL replaces which.  A date comes from a clock, and a CRL dated
 *         by a fast clock would hide later revocations.  With equal numbers the later date decides.  A CRL
 *         without a number, which a CA should not make, is newer than the highest number if its date is
 *         later than that one's.  With equal dates the one that revokes more is newer.  A date that cannot
 *         be read counts as the latest: then nothing is known.
 * Trust:  the operator owns the folders; CRLs in the cache were verified before; CRLs in evidence come from
 *         whoever wrote the evidence.  A delta CRL, or one whose scope cannot be read, is left out and
 *         logged, because OpenSSL would treat it as complete.  One without nextUpdate is logged, and trust
 *         treats it as ended.
 */
#ifndef COMMON_PKI_CRL_SET_H
#define COMMON_PKI_CRL_SET_H

#include "common/base/err.h"
#include "common/base/span.h"
#include "common/text/digest.h"

#define CRL_FILE_BYTES   (32 << 20)  /* one CRL */
#define CRL_SET_BYTES    (256 << 20) /* all together, in octets of their files */
#define CRL_CHAIN_MAX    16          /* that speak of one chain */
#define CRL_SERIAL_BYTES 32

struct chain;
struct crl_set;
struct stack_st_X509_CRL;
struct x509_st;

struct crl_set *crl_set_new(void);
void crl_set_free(struct crl_set **s);

/* One file, DER or any number in PEM.  False: config; the readable ones are added all the same. */
bool crl_set_add(struct crl_set *s, const char *path, struct span contents, struct err *e);
/* DER, concatenated.  False: bad_reply. */
bool crl_set_add_der(struct crl_set *s, struct span der, struct err *e);
void crl_set_sort(struct crl_set *s); /* once, when all are in; before that nothing is found */

/* Those of this certificate's issuer, one a scope; the caller frees the stack and its references
 * (sk_X509_CRL_pop_free). */
struct stack_st_X509_CRL *crl_set_of(const struct crl_set *s, const struct x509_st *cert);
/* Those that may speak of a certificate of the chain, the leaf's first.  Their octets live as long as the
 * set.  Returns how many. */
struct crl_octets {
	struct span der;
	unsigned char digest[DIGEST_BYTES];
	/* To find out whether another issue of the same CRL serves as well. */
	bool shared; /* false: none would, or it cannot be said */
	unsigned char
	    scope[DIGEST_BYTES]; /* issuer, key and distribution point: the same in each issue */
	int64_t this_s, next_s;
	unsigned char
	    serial[CRL_SERIAL_BYTES]; /* of the one certificate it is needed for: INTEGER in DER */
	size_t serial_n;
};
size_t crl_set_of_chain(const struct crl_set *s, const struct chain *c,
    struct crl_octets out[CRL_CHAIN_MAX]);
size_t crl_set_count(const struct crl_set *s);
unsigned crl_set_skipped(const struct crl_set *s); /* left out, or endless */

#endif
