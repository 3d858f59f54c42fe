/* evidence — the file that shows a stranger who promised what: its one form, written and read.
 *
 * The seal stands in it as CMS, which stock tools verify (common/pki/sign writes and reads it), and
 * the statement as octets whose SHA-256 the seal bears.  What is beside them, when and whence it came
 * and by which SPF record, is the word of who kept it; the digest at the end guards it against
 * damage, not against its keeper.
 *
 * Spec:   SPEC.md "Evidence".
 * Owner:  what was read borrows from the text and from `octets`.
 * Trust:  a file that is read may come from anybody.
 */
#ifndef PROTO_EVIDENCE_H
#define PROTO_EVIDENCE_H

#include "proto/statement.h"

#define EVIDENCE_MAX_BYTES   (16 << 20)
#define EVIDENCE_ADDRESS_MAX 63
#define EVIDENCE_SPF_MAX     2048 /* as it stands in the file */

struct evidence {
	int64_t received_s;
	struct span address; /* from which the notification came */
	struct span spf;     /* result and record; when read: as it stands, escaped */
	struct span statement;
	struct span cms; /* DER */
};

void evidence_write(struct buf *out, const struct evidence *v, statement_sha256_fn *sha256);

/* False: bad_syntax, where it is not of its form or an octet is another. */
bool evidence_parse(struct span text, struct evidence *v, struct buf *octets,
    statement_sha256_fn *sha256, struct err *e);

#endif
