/* store_paper — chooses what the evidence of a batch cites; for ims/store alone.
 *
 * A CA issues a CRL every few days, and each issue may be megabytes long.  So evidence cites a kept CRL of the
 * same scope (issuer, key, distribution point), if that was in force at receipt and does not list the sender's
 * certificate.  Only if there is none, the new CRL is kept.
 */
#ifndef IMS_STORE_STORE_PAPER_PRIVATE_H
#define IMS_STORE_STORE_PAPER_PRIVATE_H

#include "ims/store/store_private.h"

struct ims_paper {
	unsigned char digest[DIGEST_BYTES];
	struct span octets;           /* empty: it is kept already */
	const struct crl_octets *crl; /* of a new CRL; else NULL */
	bool
	    ends_early; /* it is kept, and its time is to be raised; octets: of its own, if they came */
};
struct ims_papers { /* chain, seal if has_seal, CRLs */
	size_t n;
	bool has_seal;
	struct ims_paper paper[IMS_PAPERS_MAX];
};

/* seal: empty, where the evidence has it itself.  sum: what the domain takes of the store.  e: closing, storage. */
typedef void ims_papers_chosen(void *arg, const struct ims_papers *papers,
    const struct ims_sender_is *sender, const struct err *e);
void ims_papers_choose(struct ims_store *s, struct span seal, const struct ims_evidence *ev,
    struct span from_domain, struct loop *l, ims_papers_chosen *done, void *arg);

/* An operation that keeps a new CRL, before what cites it.  done: of op, with the struct as its argument. */
struct ims_paper_op {
	struct ims_keeping what; /* first */
	struct kv_op op;
	void *of;
};
struct ims_paper_op *ims_paper_op_new(const struct ims_paper *p, struct span domain,
    int64_t received_s, void (*done)(void *arg, const struct err *e), void *of);
/* What is to be cited with the evidence.  Returns what the paper takes if it is new. */
uint64_t ims_paper_cite(struct buf *cites, const struct ims_paper *p, int64_t received_s);

#endif
