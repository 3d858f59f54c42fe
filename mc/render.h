/* render — shows a letter to people: its verified sender and CA, header, text, attachments.
 *
 * Flow:  7 of 8.
 * Form:  the facts that the recipient's server has checked come first, at the left margin.  The letter's own
 *        words never reach that margin: fields follow a label and are cut to the width (off a terminal:
 *        wrapped), the text is indented and wrapped, runs of blanks in a field are one space, and long
 *        ones in the text are shortened.
 * Trust: all of `letter` is the sender's.  A From with another address than the sealed one is
 *        shown with "via" and a note; so is a name that is another address.  A letter that came by SMTP has "via" where the
 *        recipient's server says so: its author's domain is not that of MAIL FROM.  It has a note where nobody answers for it.
 */
#ifndef MC_RENDER_H
#define MC_RENDER_H

#include "mc/mime.h"
#include "mc/out.h"
#include "proto/mailbox.h"

/* Facts about a letter that do not depend on its contents. */
struct render_sender {
	uint64_t number;
	const char *command;    /* how this program was called */
	const char *from;       /* the sealed statement's; by SMTP that of MAIL FROM, "": <> */
	const char *vouched_by; /* issuer of the sender's certificate; empty: not known */
	uint64_t octets;
	const struct mailbox_marks *marks; /* by SMTP: no seal vouches for it; NULL: sealed */
	const char *received;              /* for people; may be NULL */
};

/* True where the header's only From is the sealed sender's address. */
bool render_from_agrees(const struct mime_letter *letter, const char *from);
void render_letter(struct out *o, const struct render_sender *sender,
    const struct mime_letter *letter);
/* The header fields alone, as they are in the letter's first octets. */
void render_header(struct out *o, struct span beginning);

#endif
