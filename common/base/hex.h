/* hex — octets as lower-case hexadecimal digits, one form each. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "common/base/buf.h"

void hex_add(struct buf *out, const void *bytes, size_t n); /* 2n digits */
void hex_str(char *dst, const void *bytes, size_t n);       /* 2n digits and a NUL */
/* Exactly 2n lower-case digits; false otherwise, dst then undefined. */
bool hex_parse(struct span s, void *dst, size_t n);

#endif
