/* safe — makes foreign octets safe for a terminal.
 *
 * Everything that a letter, a server or a file name says passes through here before it is shown:
 * C0 but TAB and LF, DEL and octets that are not UTF-8 become \xHH; C1, bidirectional controls and
 * other invisible characters become U+HHHH.  Of the combining marks on one character the first four stay.  The output contains no octet that moves a cursor,
 * changes a title or reverses text.
 *
 * Trust:  every octet is somebody else's.
 */
#ifndef MC_SAFE_H
#define MC_SAFE_H

#include "common/base/buf.h"

enum safe_form {
	SAFE_LINE,  /* one line, for addresses and domains: LF, CR and TAB are made visible too */
	SAFE_SAID,  /* one line, for what a server said: each run of blanks is one space */
	SAFE_TEXT,  /* LF and TAB pass, CR LF becomes LF; joiners stay where they join */
	SAFE_PROSE, /* the same for the text of a letter: fillers are left out */
	SAFE_WORDS, /* one line of that, for subjects and names: each run of blanks is one space */
};

/* Where a run of blanks is one space, there is none at the ends. */
void safe_add(struct buf *out, struct span s, enum safe_form form);
/* The same for a terminal without UTF-8: characters outside ASCII become U+HHHH. */
void safe_add_ascii(struct buf *out, struct span s, enum safe_form form);

/* How many columns of a terminal the safe text takes at most: terminals disagree about some characters. */
size_t safe_columns(struct span safe);
/* The longest prefix that takes at most `columns`. */
struct span safe_cut(struct span safe, size_t columns);
/* Adds safe text in lines of at most `columns` (0: as long as they are), broken at a space where
 * there is one.  A line of the text has `first` spaces in front, what is wrapped of it `indent`;
 * the text takes at most `columns` less `indent`, so that a label may be in front of the first. */
void safe_wrap(struct buf *out, struct span safe, size_t first, size_t indent, size_t columns);

#endif
