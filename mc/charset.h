/* charset — octets of a named character set become UTF-8.
 *
 * Labels mean what the WHATWG Encoding standard says they mean, since that is what senders test
 * with: iso-8859-1 is windows-1252, shift_jis has the NEC and IBM rows, euc-kr is CP949.  Without a
 * label, or as us-ascii or unknown-8bit (RFC 1428), text is UTF-8 where it is valid, and windows-1252 otherwise.  Labels that
 * the standard does not have are asked of iconv.
 *
 * Trust:  every octet is the sender's, the label too.
 */
#ifndef MC_CHARSET_H
#define MC_CHARSET_H

#include "common/base/buf.h"

#define CHARSET_LABEL_BYTES 64 /* longer ones are unknown */

/* Adds the octets as UTF-8.  False: some could not be read; they are in `out` as they came. */
bool charset_add(struct buf *out, struct span label, struct span octets);
/* The same for octets of a header field, which no label describes: they are UTF-8 where that can be,
 * otherwise of the character set `likely`, and where that is none of a header, windows-1252. */
bool charset_guess(struct buf *out, struct span likely, struct span octets);
/* The name by which iconv knows a label's character set; NULL: the standard has no such label. */
const char *charset_name(struct span label);

#endif
