/* submission_header — what a submission server does to the header of a user's letter.
 *
 * Bcc and Resent-Bcc are taken out.  A Date or Message-ID that is missing is added at the end.  A Received field
 * comes first; it names this host and how the letter came, and neither the address nor the name of the user's
 * machine.  Every other octet stays.
 *
 * Spec:  RFC 6409 8, RFC 5322 3.6, RFC 5321 4.4, RFC 3848.
 * Trust: the user's program controls every octet of the header, and none of the trace.
 */
#ifndef OMS_SUBMISSION_SUBMISSION_HEADER_H
#define OMS_SUBMISSION_SUBMISSION_HEADER_H

#include "common/base/buf.h"
#include "common/base/ulid.h"

struct submission_trace {
	const char *host; /* ours */
	const char *with; /* "ESMTPSA" */
	const char *how;  /* a comment for people: TLS, or the login */
	struct ulid id;   /* of this submission; in Received, and in a Message-ID that is added */
	const char *from; /* the sender, whose domain a Message-ID that is added has */
	/* Programs of this machine write `alias` for their user; From gets the address.  NULL: they do not. */
	const char *alias, *address;
	int64_t now_s;
};

/* `header`: with its empty line, unless the letter is nothing but header.  Appends to `out`. */
void submission_header(struct span header, const struct submission_trace *t, struct buf *out);

#endif
