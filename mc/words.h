/* words — decodes the encoded words of a header field (RFC 2047).
 *
 * Each word is decoded by itself; the octets of neighbours of one character set are joined before
 * they are converted, since senders cut words inside of characters.  Words are also read inside
 * quoted strings and beside other text, as everybody writes and reads them.
 *
 * Trust:  every octet is the sender's.
 */
#ifndef MC_WORDS_H
#define MC_WORDS_H

#include "common/base/buf.h"

/* `charset` is that of the letter: octets outside of words are UTF-8 where that can be, otherwise of
 * this set (charset_guess). */

/* The value of an unstructured field (Subject) in one line of UTF-8. */
void words_text(struct buf *out, struct span value, struct span charset);
/* The value of a structured field for a parser: each run of encoded words becomes one in UTF-8,
 * line ends of folding are removed, and other octets that are not UTF-8 are converted.  A backslash inside quotes that
 * quotes neither a quote nor a backslash is doubled: senders mean it as it is. */
void words_plain(struct buf *out, struct span value, struct span charset);

#endif
