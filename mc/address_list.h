/* address_list — the addresses of a From, To or Cc, through GMime's parser.
 *
 * `charset` is the character set of the octets outside ASCII and outside encoded words (words.h).
 *
 * Trust:  every octet is the sender's.
 */
#ifndef MC_ADDRESS_LIST_H
#define MC_ADDRESS_LIST_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Adds names and addresses in UTF-8; a value that the parser does not fully understand is added unchanged. */
void address_list_text(struct buf *out, struct span value, struct span charset);
/* Adds the name beside the first address, without fillers; the name of a group counts, too. */
void address_list_name(struct buf *out, struct span value, struct span charset);
/* Calls `each` for each address of a field's value and for the members of groups.  Returns false with
 * *e if `each` does.  False (bad_address): there is no address. */
bool address_list_each(struct span value,
    bool (*each)(void *arg, const char *address, struct err *e), void *arg, struct err *e);

#endif
