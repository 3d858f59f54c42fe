/* reading — a letter comes: to the user's server, and from there into a scratch file.
 *
 * Flow:  6 of 8.  What came is hashed here again; of a letter that is not the announced one nothing
 *        is given on (broken_promise).
 */
#ifndef MC_READING_H
#define MC_READING_H

#include "mc/inbox.h"
#include "mc/out.h"

/* The number of a letter as it is typed.  False: usage. */
bool reading_number(const char *typed, uint64_t *number, struct err *e);

/* Has it fetched, no more.  `progress` NULL: nothing is shown. */
bool reading_fetch(struct inbox *b, const struct mailbox_notice *n, struct out *progress,
    struct fault *f);
/* The whole letter in *fd, which the caller closes.  On false there is none. */
bool reading_whole(struct inbox *b, const struct mailbox_notice *n, struct out *progress, int *fd,
    struct fault *f);

#endif
