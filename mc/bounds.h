/* bounds — how much of a letter may be given to a MIME parser.
 *
 * A parser makes an object of every header field and every part, so fifty megabytes of "a:b"
 * lines or of boundaries would cost gigabytes.  Before GMime sees a letter, this looks at its
 * lines once and says where to stop: behind so many lines that could be boundaries, or in a header
 * (of the letter, of a part, of a letter within) that is too long.  It errs on the side of
 * stopping: what it lets through is within the bounds however the parser reads it.
 *
 * Trust:  every octet is the sender's.
 * Units:  octets.
 */
#ifndef MC_BOUNDS_H
#define MC_BOUNDS_H

#include "common/base/span.h"

#define BOUNDS_HEADER_BYTES (100 * 1024)
#define BOUNDS_DELIMITERS   20000 /* lines that begin with "--" */

enum bounds_hit { BOUNDS_NONE, BOUNDS_HEADER, BOUNDS_PARTS };

struct bounds {
	uint64_t seen;   /* octets that were looked at */
	uint64_t line;   /* where the present line begins */
	uint64_t keep;   /* octets that may be parsed, once something was hit */
	uint64_t header; /* octets of the present header */
	size_t delimiters;
	enum bounds_hit hit;
	bool in_header, nested; /* nested: the header says message/... somewhere */
	unsigned char first[2]; /* of the present line */
	size_t at;              /* octets of the present line; a CR at its end not */
	size_t matched;         /* of "message/" */
};

void bounds_init(struct bounds *b);
void bounds_feed(struct bounds *b, struct span s);
uint64_t bounds_keep(const struct bounds *b);

#endif
