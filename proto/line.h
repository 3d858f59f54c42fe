/* line — cuts a stream into CRLF lines, in whatever pieces it arrives.
 *
 * Spec:   SPEC.md "Lines": *( UTF-8 without controls ) CRLF, at most LINE_MAX_BYTES with CRLF.
 * Strict: a bare CR or a bare LF is an error and never a line end (SMTP smuggling); the stream cannot be
 *         resynchronised after it.
 * Trust:  the peer controls every octet.
 */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

#include "common/base/err.h"

#define LINE_MAX_BYTES 1024 /* CRLF included */

enum line_result { LINE_MORE, LINE_READY, LINE_BAD };

/* Looks for one line at the start of `in`.  LINE_READY: *line is without its CRLF and borrows from `in`;
 * the caller drops *used octets when it is done.  LINE_BAD: *e is bare_lf, line_too_long or bad_octet. */
enum line_result line_next(struct span in, struct span *line, size_t *used, struct err *e);
/* The same for lines of at most `most` octets, CRLF included: those of SMTP. */
enum line_result line_next_most(struct span in, size_t most, struct span *line, size_t *used,
    struct err *e);

/* RFC 3629 UTF-8 without C0 controls (not even TAB), DEL and C1 controls. */
bool line_is_text(struct span s);

/* A piece of a text of any lines: true if a CR or LF is not part of CRLF.  *cr, that the last octet was CR, carries over
 * to the next piece; false before the first. */
bool line_has_bare(struct span piece, bool *cr);

#endif
