/* bounds — limits the part of a letter that a MIME parser sees.
 *
 * A parser makes an object for each header field and each part, so fifty megabytes of "a:b" lines
 * or of boundaries would cost gigabytes.  This module scans the lines of a letter once, before GMime
 * sees it, and says where to stop: after too many lines that could be boundaries, or in a header (of
 * the letter, of a part, of an embedded letter) that is too long.  When in doubt it stops, so the
 * part before is within the bounds however the parser reads it.
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
	uint64_t seen;   /* octets scanned */
	uint64_t line;   /* where the present line begins */
	uint64_t keep;   /* octets that may be parsed, once a bound was hit */
	uint64_t header; /* octets of the present header */
	size_t delimiters;
	enum bounds_hit hit;
	bool in_header, nested; /* nested: the header says message/... somewhere */
	unsigned char first[2]; /* of the present line */
	size_t at;              /* octets of the present line without CR */
	size_t matched;         /* of "message/" */
};

void bounds_init(struct bounds *b);
void bounds_feed(struct bounds *b, struct span s);
uint64_t bounds_keep(const struct bounds *b);

#endif
