/* smtp_data — the content of DATA on the wire: where it ends, and the dots before its lines.
 *
 * Flow:   reader: octets of the session -> the letter's octets, for smtp_server.
 *         writer: the letter's octets -> octets of the session, for smtp_client.
 * Spec:   RFC 5321 4.1.1.4, 4.5.2.  CRLF "." CRLF ends the content, and nothing else does.
 * Strict: a CR without LF, a LF without CR, and a NUL are faults that end the session: another reader could
 *         see the content's end there (SMTP smuggling).
 * Trust:  the peer controls every octet that the reader gets, and the writer's letter is a stranger's too.
 * Owner:  pieces borrow from what was passed in, or are constants; nothing is copied or allocated.
 */
#ifndef PROTO_SMTP_DATA_H
#define PROTO_SMTP_DATA_H

#include "common/base/err.h"

/* -- reader ------------------------------------------------------------------------------------- */

#define SMTP_DATA_LINE_MAX 65536 /* octets of a line of content, CRLF included */

enum smtp_data_place {
	SMTP_DATA_BEGIN,
	SMTP_DATA_TEXT,
	SMTP_DATA_CR,
	SMTP_DATA_DOT,
	SMTP_DATA_DOT_CR
};

struct smtp_data { /* zeroed before the first octet */
	enum smtp_data_place place;
	size_t line; /* octets of the line so far; a dot that is taken off counts */
};

enum smtp_data_result {
	SMTP_DATA_PIECE, /* *piece is content */
	SMTP_DATA_MORE,  /* all of `in` was taken; the end has not come */
	SMTP_DATA_END,   /* the octets after *used belong to the next command */
	SMTP_DATA_BAD    /* *e is bare_lf, bad_octet or line_too_long; the session ends */
};

/* Takes octets from the front of `in`, *used of them.  The caller drops those and calls again until the result is
 * not SMTP_DATA_PIECE. */
enum smtp_data_result smtp_data_next(struct smtp_data *d, struct span in, struct span *piece,
    size_t *used, struct err *e);

/* -- writer ------------------------------------------------------------------------------------- */

struct smtp_dots {   /* zeroed before the first octet */
	bool inside; /* the last octet written does not end a line */
	bool cr;     /* ... and is a CR */
};

/* Puts as much of *letter into dst as fits, with a dot more before each line that begins with one; drops what it
 * took from *letter.  Returns how many octets dst has; 0 where room is less than 2 octets. */
size_t smtp_dots_put(struct smtp_dots *d, struct span *letter, char *dst, size_t room);
/* What ends the content: with a CRLF before the dot where the letter's last line has none. */
struct span smtp_dots_end(const struct smtp_dots *d);

#endif
