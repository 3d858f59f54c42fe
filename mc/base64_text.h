/* base64_text — a text in base64, as far as it is base64, and what programs append to it.
 *
 * Lists append their footer as it is, some senders leave the padding out, others encode in pieces:
 * a strict decoder loses words.
 *
 * Trust:  every octet is the sender's.
 */
#ifndef MC_BASE64_TEXT_H
#define MC_BASE64_TEXT_H

#include "common/base/buf.h"

/* From the first line on that is not base64, the lines are added as they are.  False: the last
 * octets of the base64 are missing. */
bool base64_text(struct buf *out, struct span s);
/* As far as it is base64; other octets are skipped (RFC 2045 6.8), "=" ends it. */
bool base64_decode(struct buf *out, struct span s);

#endif
