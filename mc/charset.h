/* charset — converts octets of a named character set to UTF-8.
 *
 * Labels have the meaning of the WHATWG Encoding standard, because senders test with it: iso-8859-1 is windows-1252, shift_jis has the NEC and IBM rows, euc-kr is CP949.  Without a
 * label, or as us-ascii or unknown-8bit (RFC 1428), text is UTF-8 where it is valid, and windows-1252 otherwise.  Other labels
 * are looked up by iconv.
 *
 * Trust:  every octet is the sender's, the label too.
 */
#ifndef MC_CHARSET_H
#define MC_CHARSET_H

#include "common/base/buf.h"

#define CHARSET_LABEL_BYTES 64 /* longer ones are unknown */

/* Adds the octets as UTF-8.  False: some are not of that set, and are added unchanged. */
bool charset_add(struct buf *out, struct span label, struct span octets);
/* The same for octets of a header field, which has no label: they are UTF-8 if they are valid,
 * otherwise of the character set `likely`, or windows-1252 if that set is not used in headers. */
bool charset_guess(struct buf *out, struct span likely, struct span octets);
/* The name by which iconv knows a label's character set; NULL: the standard has no such label. */
const char *charset_name(struct span label);

#endif
