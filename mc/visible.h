/* visible — tells visible characters from joiners and fillers.
 *
 * Joiners are letters of Persian, of Indic scripts and of emoji, and are kept where they join;
 * elsewhere they could hide in a name.  Fillers (soft hyphen, zero-width space, Hangul filler, ...)
 * show nothing anywhere.
 *
 * Trust:  every character is somebody else's.
 */
#ifndef MC_VISIBLE_H
#define MC_VISIBLE_H

#include "common/base/buf.h"

/* One character of UTF-8 at the front of s (s.n > 0): its length and *c; 0: not UTF-8. */
size_t visible_utf8(struct span s, uint32_t *c);

/* False for controls, bidirectional controls, fillers and joiners, and what is no character. */
bool visible_is(uint32_t c);
/* Default-ignorable, with joiners and variation selectors; bidirectional controls are none. */
bool visible_is_filler(uint32_t c);
/* White space that is not a line end, and characters that look like it. */
bool visible_is_blank(uint32_t c);
/* Whether the joiner or variation selector `c` does its work after `before` and in front of
 * `rest`; `before` is 0 at the beginning. */
bool visible_joins(uint32_t c, uint32_t before, struct span rest);
/* The text without fillers, but with what joins; what is not UTF-8 stays. */
void visible_add(struct buf *out, struct span s);

#endif
