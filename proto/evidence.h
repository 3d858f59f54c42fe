/* evidence — writes and reads the file that shows a third party who promised what.
 *
 * It contains the seal as CMS, which standard tools verify (common/pki/sign writes and reads it), and the
 * statement, whose SHA-256 the seal contains.  Time, source and SPF record are the word of the server that
 * kept it.  The digest at the end protects against damage, not against that server.
 *
 * Spec:   SPEC.md "Evidence".
 * Owner:  parsed evidence borrows from the text and from `octets`.
 * Trust:  a file may come from anybody.
 */
#ifndef PROTO_EVIDENCE_H
#define PROTO_EVIDENCE_H

#include "proto/statement.h"

#define EVIDENCE_MAX_BYTES   (16 << 20)
#define EVIDENCE_ADDRESS_MAX 63
#define EVIDENCE_SPF_MAX     2048 /* escaped, as in the file */

struct evidence {
	int64_t received_s;
	struct span address; /* of the host that sent the notification */
	struct span spf;     /* result and record; escaped when parsed */
	struct span statement;
	struct span cms; /* DER */
};

void evidence_write(struct buf *out, const struct evidence *v, statement_sha256_fn *sha256);

/* False: bad_syntax (malformed, or its digest does not match). */
bool evidence_parse(struct span text, struct evidence *v, struct buf *octets,
    statement_sha256_fn *sha256, struct err *e);

#endif
