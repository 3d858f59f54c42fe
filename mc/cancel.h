/* cancel — what became of a letter is said when an interrupt (SIGINT, ^C) ends the program.
 *
 * The program then dies by the signal, so that a shell sees status 130 and ends a loop.  An interrupt that is
 * ignored from the start stays so.
 */
#ifndef MC_CANCEL_H
#define MC_CANCEL_H

#include "common/conf/options.h"

enum cancel_state {
	CANCEL_NOTHING_SENT,
	CANCEL_MAYBE_SENT, /* the last octet may have left */
	CANCEL_SENT,
	CANCEL_NOT_SHOWN,
	CANCEL_STATES
};

void cancel_begin(const struct options *o, enum cancel_state state);
/* From now on an interrupt says this. */
void cancel_now(enum cancel_state state);
void cancel_end(void);

#endif
