/* reading — gets a letter: to the user's server, and from there into a scratch file.
 *
 * Flow:  6 of 8.  The letter is hashed again here; if it is not the announced one, nothing of it is
 *        passed on (broken_promise).
 */
#ifndef MC_READING_H
#define MC_READING_H

#include "mc/inbox.h"
#include "mc/out.h"

/* Reads the number of a letter as typed.  False: usage. */
bool reading_number(const char *typed, uint64_t *number, struct err *e);

/* Has the server fetch the letter, and reads nothing.  `progress` NULL: shows none. */
bool reading_fetch(struct inbox *b, const struct mailbox_notice *n, struct out *progress,
    struct fault *f);
/* Puts the whole letter into *fd, which the caller closes; on false there is none. */
bool reading_whole(struct inbox *b, const struct mailbox_notice *n, struct out *progress, int *fd,
    struct fault *f);

#endif
