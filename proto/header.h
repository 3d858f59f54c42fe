/* header — the little that servers read of a letter: where its header ends, and its From.
 *
 * Spec:   SPEC.md "submit"; RFC 5322 2.2, 3.6.2.  Exactly one From field with exactly one mailbox, so
 *         that no two readers can see two senders.  No MIME, no other field.
 * Trust:  the user's program controls every octet.
 */
#ifndef PROTO_HEADER_H
#define PROTO_HEADER_H

#include "common/base/address.h"
#include "common/base/err.h"

#define HEADER_MAX_BYTES (100 * 1024) /* the empty line included */

/* The header's octets, its empty line included, at the start of `letter`; a letter that ends
 * within its header is nothing but header.  complete: no more octets of it follow.  False: not known yet,
 * or none. */
bool header_find(struct span letter, bool complete, struct span *header);

/* One field with its folded lines, from `at` on, with its CRLF; empty: the header is over. */
struct span header_field_at(struct span header, size_t at);
/* Has the field this name, in any case?  *value: what follows the colon, as it is written. */
bool header_field_is(struct span field, struct span name, struct span *value);

/* The mailbox of the one From field, canonical.  False: bad_message, bad_from, bad_address. */
bool header_from(struct span header, domain_a_label_fn *a_label, char out[ADDRESS_STR_BYTES],
    struct err *e);

/* How many of the first octets are the summary: the header where it fits into `max`, else as many
 * whole fields as do, and the beginning of a Subject that does not. */
size_t header_summary(struct span header, size_t max);

#endif
