/* line — cut a stream into CRLF lines, however it arrives.
 *
 * Spec:   SPEC.md "Lines": *( UTF-8 without controls ) CRLF, at most LINE_MAX_BYTES with CRLF.
 * Strict: a bare CR or bare LF is an error, never a line end (SMTP smuggling), and there is no
 *         resynchronising behind it.
 * Trust:  every octet is the peer's.
 */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

#include "common/base/err.h"

#define LINE_MAX_BYTES 1024 /* CRLF included */

enum line_result { LINE_MORE, LINE_READY, LINE_BAD };

/* Looks for one line at the start of `in`.  LINE_READY: *line excludes CRLF and borrows from
 * `in`; *used octets may be dropped afterwards.  LINE_BAD: *e says why (bare_lf, line_too_long,
 * bad_octet). */
enum line_result line_next(struct span in, struct span *line, size_t *used, struct err *e);

/* RFC 3629 UTF-8 without C0 controls (TAB too), DEL and C1 controls. */
bool line_is_text(struct span s);

#endif
