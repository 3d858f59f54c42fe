/* smtp_reply — replies of SMTP: written by smtp_server, read by smtp_client.
 *
 * Spec:  RFC 5321 4.2, RFC 2034, RFC 3463:
 *	reply  = *( code "-" [ text ] CRLF ) code [ SP [ text ] ] CRLF
 *	code   = %x32-35 2DIGIT			the same on each line
 *	text   = [ enhanced SP ] words
 *        A refusal of ours has its word first, as the native protocols do: 550 5.7.23 [spf-fail] ...
 * Bound: a line has 512 octets with its CRLF (4.5.3.1.5), a reply 100 lines; the first ERR_TEXT_BYTES of its words
 *        are kept for people, the rest is read and forgotten.
 * Trust: when read, every octet is the peer's; nothing of it is a format, a path or a record.
 */
#ifndef PROTO_SMTP_REPLY_H
#define PROTO_SMTP_REPLY_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define SMTP_REPLY_LINE_MAX  512
#define SMTP_REPLY_LINES_MAX 100
#define SMTP_ENHANCED_BYTES  10 /* "5.123.123" and NUL */

/* -- writing ------------------------------------------------------------------------------------ */

/* One line of a reply; `more`: others follow.  enhanced NULL: none (banner, EHLO, 354).  The text is cut at 512
 * octets, and what is not ASCII becomes "?". */
void smtp_reply_addf(struct buf *out, bool more, int code, const char *enhanced, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));
/* The reply that refuses for *e.  `contact`: whom the sender may ask, on a second line; NULL: nobody. */
void smtp_reply_add_refusal(struct buf *out, const struct err *e, const char *contact);

/* -- reading ------------------------------------------------------------------------------------ */

struct smtp_reply { /* zeroed before its first line */
	int code;   /* 200..599 */
	unsigned lines;
	bool done; /* its last line has come */
	char enhanced
	    [SMTP_ENHANCED_BYTES]; /* of its first line; "" where there is none, or of another class */
	char text
	    [ERR_TEXT_BYTES]; /* lines with a blank between them; as they came, without CR, LF, NUL */
};

enum smtp_reply_result { SMTP_REPLY_MORE, SMTP_REPLY_LINE, SMTP_REPLY_BAD };

/* Takes one line off the front of `in`.  _LINE: *text is its words (those of EHLO are keywords), which borrow from
 * `in`, and the caller drops *used octets; r->done tells whether it is the last.  _MORE: the line has no end yet.
 * _BAD: *e is bad_reply, and the session cannot go on. */
enum smtp_reply_result smtp_reply_next(struct smtp_reply *r, struct span in, struct span *text,
    size_t *used, struct err *e);

/* What a reply of 400 and above says, as `refused` or `refused_for_now` in its own words: "550 5.1.1 ...".
 * Returns false, as err_set does. */
bool smtp_reply_err(const struct smtp_reply *r, struct err *e);

#endif
