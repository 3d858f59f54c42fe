/* mend — copies a letter and ends the header of each part before its first line that is no field.
 *
 * A part whose text follows its fields without an empty line would vanish: a parser skips lines that
 * are no field.  The parser finds these lines, and the copy has an empty line before the
 * first one of each header.  The letter's own header stays as it is where an empty line ends it; lines
 * before its first field are left out, and a letter without any field is text.
 *
 * Trust:  every octet is the sender's.
 * Units:  octets from the beginning of the letter.
 */
#ifndef MC_MEND_H
#define MC_MEND_H

#include "common/base/err.h"

#define MEND_MAX 100 /* places; further ones stay as they are */

struct mend {
	uint64_t at[MEND_MAX]; /* where a line begins that is no field, upwards */
	size_t n;
	bool headless; /* the letter's first line is no field */
};

void mend_note(struct mend *m, uint64_t at);
/* A scratch file with the first `octets` of `fd`, mended.  *out is -1 where there is nothing to mend.
 * False: no_input, cannot_write. */
bool mend_copy(const struct mend *m, int fd, uint64_t octets, int *out, struct err *e);

#endif
