/* canon — the two forms of a letter that DKIM signs: as it is, and with blanks evened out.
 *
 * Spec:   RFC 6376 3.4.
 * Memory: the body streams through a few octets of state, whatever its size and lines.
 */
#ifndef COMMON_DKIM_CANON_H
#define COMMON_DKIM_CANON_H

#include "common/base/buf.h"
#include "common/dkim/header_fields.h"
#include "common/text/digest.h"

enum canon { CANON_SIMPLE, CANON_RELAXED };

/* Appends the field's form, without a CRLF at its end. */
void canon_field(enum canon how, const struct header_field *f, struct buf *out);

/* The digest of a body's form. */
struct canon_body;
struct canon_body *canon_body_new(enum canon how);
void canon_body_add(struct canon_body *c, struct span piece);
/* octets: how many the form has. */
void canon_body_end(struct canon_body *c, unsigned char digest[DIGEST_BYTES], uint64_t *octets);
void canon_body_free(struct canon_body **c);

#endif
