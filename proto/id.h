/* id — a letter's id on the wire: a ULID, with the table's refusal where it is not one.
 *
 * Spec:  SPEC.md "Ids".  A fetch names a letter by its id, so no id may be guessed from another.
 */
#ifndef PROTO_ID_H
#define PROTO_ID_H

#include "common/base/err.h"
#include "common/base/ulid.h"

bool id_parse(struct span s, struct ulid *id, struct err *e); /* false: bad_id */

#endif
