/* header_fields — the fields of a letter's header, one after the other, as octets.
 *
 * Pure.  Nothing is decoded and nothing is changed: `whole` of each field and a CRLF after it are the header again.
 *
 * Spec:   RFC 5322 2.2, with blanks before the colon (4.5) and with UTF-8 in the value (RFC 6532).
 *         Only CRLF ends a line; a lone CR or LF is an octet of the value.
 * Users:  DKIM, which signs octets and needs the exact end of each.  proto/header.h reads letters that may have a
 *         lone LF, as those of our own protocols, and has only what servers ask of a header.
 * Trust:  every octet is a stranger's.
 */
#ifndef COMMON_DKIM_HEADER_FIELDS_H
#define COMMON_DKIM_HEADER_FIELDS_H

#include "common/base/span.h"

struct header_field {
	struct span whole; /* name to the end of the value; without the CRLF after it */
	struct span name;  /* without the blanks before the colon */
	struct span value; /* all after the colon, folds included */
};

enum header_next {
	HEADER_FIELD,
	HEADER_END, /* no octet is left, or the empty line comes next; *rest begins after that line */
	HEADER_BAD /* the next line is no field; *rest is as it was */
};

/* The field at the start of *rest; moves *rest past it. */
enum header_next header_field_next(struct span *rest, struct header_field *f);
bool header_field_named(const struct header_field *f, const char *name);

#endif
