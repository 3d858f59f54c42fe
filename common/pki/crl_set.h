/* crl_set — the CRLs that are known, by issuer; of each scope the newest.
 *
 * Part of trust: filled while a set of trust is made, then sorted, then read by any thread and not changed.
 * Of the CRLs for one scope only the newest counts, even where it is stale and an older one, with a longer
 * life, is not: what was revoked since must not be forgotten.
 *
 * Spec:   RFC 5280 5.2.3.  The newest is that of the highest number, whatever the dates say: a number only
 *         rises and tells which CRL takes the place of which, while a date comes from a clock, and one that
 *         ran ahead would hide for so long what was revoked since.  Of the same number: that of the later
 *         date.  One without a number, which a CA should not make, has its date alone: it is newer than the
 *         highest number's if it is dated later than that.  Of the same second: the one that revokes more.
 *         A date that cannot be read counts as the latest of all: then nothing is known.
 * Trust:  the folders' are the operator's, the cache's were verified before they got there, those kept as
 *         evidence are whoever's who wrote the evidence.  One that is a delta, or whose scope cannot be read,
 *         is left out and logged: OpenSSL would take either for the whole.  One without nextUpdate is logged;
 *         trust counts it as over.
 */
#ifndef COMMON_PKI_CRL_SET_H
#define COMMON_PKI_CRL_SET_H

#include "common/base/err.h"
#include "common/base/span.h"
#include "common/text/digest.h"

#define CRL_FILE_BYTES   (32 << 20)  /* one CRL */
#define CRL_SET_BYTES    (256 << 20) /* all together, as they stand in files */
#define CRL_CHAIN_MAX    16          /* that speak of one chain */
#define CRL_SERIAL_BYTES 32

struct chain;
struct crl_set;
struct stack_st_X509_CRL;
struct x509_st;

struct crl_set *crl_set_new(void);
void crl_set_free(struct crl_set **s);

/* One file, DER or any number in PEM.  False: config; what it holds besides is in. */
bool crl_set_add(struct crl_set *s, const char *path, struct span contents, struct err *e);
/* DER, one behind the other.  False: bad_reply. */
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
	/* For whoever asks whether another issue of the same CRL would do as well. */
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
