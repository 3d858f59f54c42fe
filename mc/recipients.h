/* recipients — the addresses of a To, Cc or Bcc: all of them, or none.
 *
 * A sending program relies on it that everybody whom the letter names gets it.  So the parser accounts for each
 * octet of the field: an item that is not exactly one address refuses the letter, and the error names it.
 *
 * Spec:  RFC 5322 3.4 with its obsolete empty list members; addresses are those of
 *        common/base/address.h (no quoted local part, no literal).  A semicolon separates nothing
 *        outside a group.  An "@" in a name that is not quoted is a missing comma, unless the name
 *        repeats the address.
 */
#ifndef MC_RECIPIENTS_H
#define MC_RECIPIENTS_H

#include "common/base/err.h"

/* Calls `each` for each address of a field's value, once all of them have been read without fault.
 * False: why the one faulty item is none, or bad_address where there are several; the text names them; or what `each` set. */
bool recipients_each(struct span value, bool (*each)(void *arg, const char *address, struct err *e),
    void *arg, struct err *e);

#endif
