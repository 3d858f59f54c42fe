/* said — the words of a server: named and in quotation marks, so that they are never taken for mc's own.
 *
 * Trust:  the words are the server's.  They are one line, and nothing in them ends the quotation.
 */
#ifndef MC_SAID_H
#define MC_SAID_H

#include "mc/out.h"

/* Adds `who says: "text"`.  The words of a stranger (not of the user's own server) are cut to a line of the
 * terminal, of which `indent` columns are taken; off a terminal they are whole. */
void said_add(struct buf *to, const struct out *o, const char *who, const char *text, bool stranger,
    size_t indent);

#endif
