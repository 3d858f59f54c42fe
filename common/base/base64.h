/* base64 — RFC 4648 section 4, one form each: padded, no line ends, unused bits zero. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "common/base/buf.h"

#define BASE64_CHARS(n) (((n) + 2) / 3 * 4) /* what n octets become */

void base64_add(struct buf *out, const void *bytes, size_t n);
/* Appends the octets; false (out as it was) on anything but the one form.  "" is no octet. */
bool base64_parse(struct span s, struct buf *out);
/* Exactly n octets into dst; false otherwise, dst then undefined. */
bool base64_parse_exact(struct span s, void *dst, size_t n);

#endif
