/* quantity — a count with its noun, and a size with its unit, as people read them: "1 CA", "12.5 MiB".
 *
 * The text is in `out`, and returned.
 */
#ifndef COMMON_TEXT_QUANTITY_H
#define COMMON_TEXT_QUANTITY_H

#include <stdint.h>

#define QUANTITY_BYTES 64

/* "1 mailbox" or "2 mailboxes". */
const char *quantity_count(int64_t n, const char *one, const char *many, char out[QUANTITY_BYTES]);
/* In the largest unit of which there is one, with one decimal where that is not 0. */
const char *quantity_size(int64_t octets, char out[QUANTITY_BYTES]);

#endif
