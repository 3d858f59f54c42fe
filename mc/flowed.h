/* flowed — paragraphs of text/plain; format=flowed (RFC 3676), each joined into one line.
 *
 * Trust:  every octet is the sender's.
 */
#ifndef MC_FLOWED_H
#define MC_FLOWED_H

#include "common/base/buf.h"

/* `delsp`: the space at the end of a soft line is not part of the text. */
void flowed_add(struct buf *out, struct span text, bool delsp);

#endif
