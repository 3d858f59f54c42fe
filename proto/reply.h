/* reply — one reply line: written by every server engine, read by every client engine.
 *
 * Spec:  SPEC.md "Replies":
 *	reply    = code SP enhanced [ SP "[" word "]" ] [ SP "{" octets "}" ] [ SP text ] CRLF
 *	code     = 1xx progress / 2xx done / 3xx go on / 4xx refused for now / 5xx refused
 * A refusal's word comes first after its codes.  {octets}, only after 2xx: that many octets
 * of payload follow the CRLF.  A refusal's text may quote strangers, so it cannot announce any.
 * Trust: when read, every octet is the peer's; reply_parse bounds and checks all of it.
 */
#ifndef PROTO_REPLY_H
#define PROTO_REPLY_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct reply {                /* parsed; spans borrow from the line */
	int code;             /* 100..599 */
	struct span enhanced; /* "2.1.5" */
	struct span word;     /* without brackets; empty where there is none */
	enum refusal why;     /* by word; a 4xx/5xx of an unknown word: bad_reply; see reply_err */
	bool has_payload;
	uint64_t octets; /* of the payload */
	struct span text;
};

/* Each appends one whole line; text is cut so that the line stays within LINE_MAX_BYTES. */
void reply_addf(struct buf *out, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void reply_add_payload(struct buf *out, int code, const char *enhanced, uint64_t octets,
    const char *text);
void reply_add_refusal(struct buf *out, const struct err *e);

/* "2.1.5" (RFC 3463): class 2, 4 or 5, and two numbers of at most three digits. */
bool reply_is_enhanced(struct span s);
/* False: *e is bad_reply. */
bool reply_parse(struct span line, struct reply *r, struct err *e);

/* The error that a refusing reply means: its row of the table, its text as what the peer said.  Returns false, as
 * err_set does.  For an unknown word, one that never goes on the wire, and a permanent word after a 4xx it is
 * `refused` or `refused_for_now` by the code, and the text has codes and word as they came. */
bool reply_err(const struct reply *r, struct err *e);

#endif
