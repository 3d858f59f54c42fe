/* base64_text — decodes a text in base64, and keeps the plain lines that programs append to it.
 *
 * Lists append their footer as it is, some senders leave the padding out, others encode in pieces:
 * a strict decoder loses words.
 *
 * Trust:  every octet is the sender's.
 */
#ifndef MC_BASE64_TEXT_H
#define MC_BASE64_TEXT_H

#include "common/base/buf.h"

/* From the first line that is not base64, adds the lines unchanged.  False: the last
 * octets of the base64 are missing. */
bool base64_text(struct buf *out, struct span s);
/* Decodes s; skips other octets (RFC 2045 6.8), and ends at "=". */
bool base64_decode(struct buf *out, struct span s);

#endif
