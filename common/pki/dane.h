/* dane — do a host's TLSA records allow the certificate that it shows?  Pure.
 *
 * Users:  the OMS, for MX hosts, with the records that common/dns/tlsa.h found.  Only secure records may come
 *         here.  This is no judgement of a CA: judge.h gives that, and the OMS joins the two.
 * Spec:   RFC 7672 3.1, RFC 7671 5 and 9, RFC 6698 2.1.  Usages 0 and 1 are unusable, as is every record with an
 *         unknown number or malformed data.  Usage 3 looks at the leaf alone: not at its date, its name or its
 *         issuer.  Usage 2 needs a path from the leaf to a CA that the host sent or that the record holds as a
 *         whole, dates included, and one of the names.  Revocation is looked at by neither.  Of records
 *         with the same usage and selector, SHA-256 does not count beside SHA-512.
 *
 *         | usage | good  | self-signed | expired  | revoked | other name | no match |
 *         |-------|-------|-------------|----------|---------|------------|----------|
 *         | 0, 1  | UNUSABLE in each case                                            |
 *         | 2     | TA    | MISMATCH    | MISMATCH | TA      | MISMATCH   | MISMATCH |
 *         | 3     | EE    | EE          | EE       | EE      | EE         | MISMATCH |
 *
 * Trust:  every octet of chain and records is hostile.
 */
#ifndef COMMON_PKI_DANE_H
#define COMMON_PKI_DANE_H

#include "common/base/err.h"
#include "common/pki/chain.h"

#define DANE_RECORDS_MAX 256
#define DANE_WHOLE_MAX   8 /* records that hold a whole CA certificate; more are not tried */

enum dane_outcome {
	DANE_NONE,     /* there are no records */
	DANE_UNUSABLE, /* there are records, but none that counts */
	DANE_MATCH_EE, /* usage 3 */
	DANE_MATCH_TA, /* usage 2 */
	DANE_MISMATCH
};

struct dane_verdict {
	enum dane_outcome outcome;
	size_t usable;  /* how many records count */
	struct err why; /* DANE_MISMATCH: dane_mismatch */
};

struct dane_ask {
	const struct span *records; /* rdata; DANE_RECORDS_MAX are looked at */
	size_t n;
	const char *const *
	    names; /* A-labels; for usage 2 the leaf must name one as a host: the TLSA base name, or
	                           * the recipient's domain (RFC 7672 3.2.2) */
	size_t n_names;
};

void dane_judge(const struct dane_ask *ask, const struct chain *c, int64_t now_s,
    struct dane_verdict *v);

/* -- one record --------------------------------------------------------------------------------- */

struct dane_record {
	uint8_t usage, selector, matching;
	struct span data; /* borrowed from rdata */
};

/* rdata = usage selector matching data.  False: too short. */
bool dane_record_read(struct span rdata, struct dane_record *r);
/* Numbers and data are such that it can match. */
bool dane_record_usable(const struct dane_record *r);

#endif
