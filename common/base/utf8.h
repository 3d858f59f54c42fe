/* utf8 — one character of UTF-8 at a time, RFC 3629 section 4: no surrogates, no overlong forms. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "common/base/span.h"

/* Octets of the character that `s` begins with, 1 to 4; 0: none does, or it is a control (C0 with
 * TAB, DEL, C1). */
size_t utf8_printable(struct span s);
/* Cuts that character off the front of *s.  False: none, *s is unchanged. */
bool utf8_cut(struct span *s, uint32_t *code_point);

#endif
