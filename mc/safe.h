/* safe — foreign octets made fit for a terminal.
 *
 * Everything that a letter, a server or a file name says passes through here before it is shown:
 * C0 but TAB and LF, DEL and octets that are no UTF-8 become \xHH; C1, bidirectional controls,
 * zero-width and other invisible characters become U+HHHH.  What comes out holds no octet that
 * moves a cursor, changes a title or turns text round.
 *
 * Trust:  every octet is somebody else's.
 */
#ifndef MC_SAFE_H
#define MC_SAFE_H

#include "common/base/buf.h"

enum safe_form {
	SAFE_TEXT, /* LF and TAB pass, CR LF becomes LF */
	SAFE_LINE, /* one line: LF, CR and TAB are made visible too */
};

void safe_add(struct buf *out, struct span s, enum safe_form form);
/* The same for a terminal that does not speak UTF-8: what is not ASCII becomes U+HHHH. */
void safe_add_ascii(struct buf *out, struct span s, enum safe_form form);

/* One character of UTF-8 at the front of s (s.n > 0): its length and *c; 0: not UTF-8. */
size_t safe_utf8(struct span s, uint32_t *c);
/* Whether a character says something that can be seen, and nothing else. */
bool safe_is_visible(uint32_t c);
/* How many columns of a terminal the safe text takes; one where the C library does not know. */
size_t safe_columns(struct span safe);
/* The longest prefix that takes at most `columns`. */
struct span safe_cut(struct span safe, size_t columns);

#endif
