/* smtp_text — what a letter's octets ask of a server of SMTP: 8BITMIME, SMTPUTF8, and lines that are not too long.
 *
 * Users:  the road reads each letter so before it sends it; submission, while it comes.
 * Spec:   RFC 5321 4.5.3.1.6 (998 octets and CRLF), RFC 6152, RFC 6531, RFC 6532.
 * Trust:  the letter's author controls every octet.
 */
#ifndef OMS_SMTP_SMTP_TEXT_H
#define OMS_SMTP_SMTP_TEXT_H

#include "common/base/err.h"
#include "proto/smtp/smtp_client.h"

#define SMTP_TEXT_LINE_MAX 998 /* octets of a line without its CRLF */

struct smtp_text {        /* zeroed before the first octet */
	uint64_t longest; /* octets of the longest line, without its end */
	bool eight_bit;   /* an octet outside ASCII */
	bool utf8_header; /* such an octet in the header */
	bool bare;        /* a CR without LF, or a LF without CR */
	bool nul;
	/* of the reading */
	uint64_t line; /* octets of the line so far */
	bool body, cr;
};

/* The next octets of the letter, however they are cut. */
void smtp_text_scan(struct smtp_text *t, struct span octets);

/* A server that offers this: may the letter go to it?  False: smtp_line, needs_unicode_header, needs_eight_bit,
 * message_too_big. */
bool smtp_text_fits(const struct smtp_text *t, uint64_t octets, const struct smtp_offers *o,
    struct err *e);
/* The same for an address of the envelope.  False: needs_unicode_address. */
bool smtp_text_address_fits(struct span address, const struct smtp_offers *o, struct err *e);
/* Before any server is known: may the letter, read to its end, go by SMTP at all?  An octet that another server could take
 * for the end of the content keeps it here.  False: bare_lf, bad_octet, smtp_line. */
bool smtp_text_may_go(const struct smtp_text *t, struct err *e);

#endif
