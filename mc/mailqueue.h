/* mailqueue — letters of sendmail that could not be handed in yet, one file each.
 *
 * Disk:  $XDG_DATA_HOME/tillcalled/queue, else ~/.local/share/tillcalled/queue, mode 0700; a file is durable when
 *        mailqueue_add returns true.  Its name is an id, so that names sort by time; it holds lines of `key value`, an
 *        empty line, and the letter as it came:
 *		tillcalled-queue 1
 *		token TOKEN		the same at each try
 *		arg ARGUMENT		of sendmail, one a line
 *        Beside a letter that was refused for good, ID.why says why; it stays until it is removed by hand.
 * Trust: the folder is the user's.
 */
#ifndef MC_MAILQUEUE_H
#define MC_MAILQUEUE_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/ulid.h"

#define MAILQUEUE_LETTER_BYTES (256 * 1024 * 1024)
#define MAILQUEUE_ARGS_MAX     1000
#define MAILQUEUE_TOKEN_BYTES  33

struct mailqueue_letter {
	struct ulid id; /* with the time it was written */
	char token[MAILQUEUE_TOKEN_BYTES];
	char **argv; /* ended by NULL */
	struct buf raw;
};

/* argv: of the program.  False: cannot_write, or usage: an argument has a line end. */
bool mailqueue_add(const struct mailqueue_letter *l, struct err *e);
/* Calls `each` for each id, the oldest first.  True also where there is no folder. */
bool mailqueue_each(void (*each)(void *arg, const struct ulid *id), void *arg, struct err *e);
/* False: it is not there, or damaged; *l is empty. */
bool mailqueue_read(const struct ulid *id, struct mailqueue_letter *l, struct err *e);
void mailqueue_letter_clear(struct mailqueue_letter *l);
void mailqueue_remove(const struct ulid *id);
/* Why the letter was refused; appends nothing where it was not. */
void mailqueue_why(const struct ulid *id, struct buf *out);
bool mailqueue_refuse(const struct ulid *id, const char *why, struct err *e);
/* True: nobody else runs the queue until this process ends. */
bool mailqueue_lock(void);

#endif
