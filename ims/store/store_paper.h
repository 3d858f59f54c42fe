/* store_paper — papers, which the evidence of many letters shares; for ims/store and its tests.
 *
 * A paper is a sender's chain of certificates, the text of a seal, or a CRL.  It is kept while evidence
 * cites it (CITED), and charged to the domain whose letter first brought it (KEPT).
 *
 * A CA issues a CRL every few days, and each issue may be megabytes long.  So evidence cites a kept CRL of
 * the same scope (issuer, key, distribution point), if that was in force at receipt and does not list the
 * sender's certificate.  Only if there is none, the new CRL is kept.
 *
 *	KEPT    "p" sha(octets)(32)               version, domain that pays, octets, scope or nothing, nextUpdate(8)
 *	        "s" scope(32) nextUpdate(8)       thisUpdate(8)
 *	            sha(octets)(32)
 */
#ifndef IMS_STORE_STORE_PAPER_H
#define IMS_STORE_STORE_PAPER_H

#include "common/pki/crl_set.h"
#include "common/store/db_key.h"

#define IMS_PAPERS_MAX (2 + CRL_CHAIN_MAX)

struct ims_store;

struct ims_paper {
	unsigned char digest[DIGEST_BYTES];
	struct span octets;           /* empty: kept already */
	const struct crl_octets *crl; /* of a new CRL; else NULL */
};
struct ims_papers { /* chain, seal, CRLs */
	size_t n;
	bool has_seal; /* false in records of version 1 and 2 */
	struct ims_paper paper[IMS_PAPERS_MAX];
};

/* Replaces each CRL by a kept one where possible; see above.  Returns what the new papers will take. */
uint64_t ims_papers_choose(struct db_txn *t, struct ims_store *s, int64_t received_s,
    struct ims_papers *p);
/* Estimates the same in a reading, on any thread. */
uint64_t ims_papers_about(struct db_txn *t, int64_t received_s, const struct ims_papers *p);
/* The evidence under k cited `before` and cites `now`.  Charges new papers to `domain`. */
void ims_papers_exchange(struct db_txn *t, const struct db_key *k, struct span domain,
    const struct ims_papers *before, const struct ims_papers *now);
/* Charges papers that an earlier version kept without charging anybody. */
void ims_papers_charge(struct db_txn *t, struct span domain, const struct ims_papers *p);
uint64_t ims_papers_rows(size_t n); /* what n rows of CITED take */

#endif
