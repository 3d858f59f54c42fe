/* quoted_text — decodes a text in quoted-printable (RFC 2045 6.7).
 *
 * Removes blanks at the end of a line, which transport adds, also after the "=" of a soft line end.  An
 * "=" that begins no octet stays as it is, since many programs write it so.
 *
 * Trust:  every octet is the sender's.
 */
#ifndef MC_QUOTED_TEXT_H
#define MC_QUOTED_TEXT_H

#include "common/base/buf.h"

void quoted_text(struct buf *out, struct span s);
/* Decodes the "=" and two digits at the front of s.  False: there are none. */
bool quoted_octet(struct span s, char *octet);

#endif
