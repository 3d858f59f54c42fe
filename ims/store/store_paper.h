/* store_paper — papers: what the evidence of many letters has in common, kept once for all of them.
 *
 * A paper is a sender's chain of certificates, the text of a seal, or a CRL.  It is kept as long as
 * evidence cites it (CITED), and charged to the domain whose letter first brought it (KEPT).
 *
 * A CRL is issued anew every few days, and each issue may be megabytes long.  So evidence cites a CRL
 * of the same scope (issuer, key, distribution point) that is kept already, where it was in force when
 * the notification came and does not list the sender's certificate.  A new one is kept only where there
 * is none.
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
	struct span octets;           /* empty: it is kept already */
	const struct crl_octets *crl; /* of a CRL that was given; else NULL */
};
struct ims_papers { /* the sender's chain, the seal's text, then CRLs */
	size_t n;
	bool has_seal; /* false in records from before version 3 */
	struct ims_paper paper[IMS_PAPERS_MAX];
};

/* Takes for each CRL one that is kept already, where one will do; see above.  Adds up what the papers
 * that are not kept yet will take. */
uint64_t ims_papers_choose(struct db_txn *t, struct ims_store *s, int64_t received_s,
    struct ims_papers *p);
/* About what those will take, before they are chosen; on any thread, inside a reading. */
uint64_t ims_papers_about(struct db_txn *t, int64_t received_s, const struct ims_papers *p);
/* The evidence under k cited `before`, and cites `now`.  `domain` pays for what is new. */
void ims_papers_exchange(struct db_txn *t, const struct db_key *k, struct span domain,
    const struct ims_papers *before, const struct ims_papers *now);
/* Papers that a store of before version 3 kept without charging anybody. */
void ims_papers_charge(struct db_txn *t, struct span domain, const struct ims_papers *p);
uint64_t ims_papers_rows(size_t n); /* what the rows of n citations take */

#endif
