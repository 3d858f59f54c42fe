/* html — the words of an HTML text, for a terminal.
 *
 * Parses as browsers do.  Leaves out style, script and head with their contents, and hidden elements
 * (also display: none) unless there are no other words.  Blocks begin lines, images
 * are their alt texts, and a link shows where it leads, or nothing.  Nothing is fetched.  The output
 * is still foreign text, and is sanitised where it is shown.
 *
 * Trust:  every octet is the sender's.  The parser's memory and time are bounded, since the rules of
 *         HTML let a short text become a huge tree.
 */
#ifndef MC_HTML_H
#define MC_HTML_H

#include "common/base/buf.h"

#define HTML_LINK_BYTES   500 /* of a link that are shown; its host always is, or none of it */
#define HTML_MEMORY_BYTES (128 * 1024 * 1024)
#define HTML_CPU_MS       1000

/* `html` is UTF-8.  False: it is beyond the bounds, and nothing was added. */
bool html_text(struct span html, struct buf *out);
/* The character set in a meta element at the beginning of the text; empty: none. */
struct span html_charset(struct span octets);

#endif
