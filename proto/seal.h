/* seal — the text that is signed: the digests of 1 to 64 statements, by whom, for whom, when.
 *
 * Spec:   SPEC.md "Seals".  One form, as for statements; no digest occurs twice.
 * Owner:  a parsed seal borrows from its text.
 * Trust:  the peer controls every octet.  A verified signature proves only that the signer wrote
 *         them.
 */
#ifndef PROTO_SEAL_H
#define PROTO_SEAL_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "proto/statement.h"

#define SEAL_STATEMENTS_MAX 64
#define SEAL_MAX_BYTES      (8 * 1024)
#define SEAL_SIGNATURE_MAX  1024 /* octets: RSA of 8,192 bits */
#define SEAL_SKEW_S         300  /* Date against the receiver's clock, both ways, inclusive */

enum seal_alg { SEAL_ECDSA_SHA256, SEAL_ECDSA_SHA384, SEAL_RSA_SHA256 };

struct seal {
	struct span text;
	struct span signer, recipient_domain; /* canonical domains */
	int64_t date_s;
	struct span statements; /* the Statement lines: see seal_has */
	size_t n_statements;
};

const char *seal_alg_name(enum seal_alg alg); /* "ecdsa-sha256" */
bool seal_alg_parse(struct span s, enum seal_alg *alg);

/* False: bad_seal_form or too_many_statements. */
bool seal_parse(struct span text, struct seal *s, struct err *e);
/* Is it by `signer`, for `recipient_domain`, and made within SEAL_SKEW_S of now?  False:
 * seal_signer, seal_for, seal_date. */
bool seal_check(const struct seal *s, struct span signer, struct span recipient_domain,
    int64_t now_s, struct err *e);
/* Does the seal contain the digest?  `hint`: the line where it probably is. */
bool seal_has(const struct seal *s, const unsigned char digest[STATEMENT_HASH_BYTES], size_t hint);

/* Appends a seal; what it wrote is parsed again.  False: as seal_parse, *out unchanged. */
bool seal_write(struct buf *out, struct span signer, struct span recipient_domain, int64_t date_s,
    unsigned char (*digests)[STATEMENT_HASH_BYTES], size_t n, struct err *e);

#endif
