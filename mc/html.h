/* html — the words of an HTML text, for a terminal.
 *
 * No browser: tags go, style, script and head go with what they hold, blocks begin lines, entities
 * become characters, links show where they lead.  Nothing is fetched.  What comes out is foreign
 * text still, and is sanitised where it is shown.
 *
 * Trust:  every octet is the sender's; broken HTML gives broken text, nothing worse.
 */
#ifndef MC_HTML_H
#define MC_HTML_H

#include "common/base/buf.h"

#define HTML_LINK_BYTES 500 /* longer ones are cut */

void html_text(struct span html, struct buf *out);

#endif
