/* sendmail_args — the arguments of sendmail(8), as the programs that call it write them.
 *
 *	-t		recipients are those of To, Cc and Bcc, besides those named
 *	-i, -oi		a line of "." does not end the letter
 *	-f ADDRESS, -r ADDRESS		the sender		-F NAME		the name in a From that is added
 *	-bm (usual), -bs (SMTP on standard input), -bp (as mailq), -bi (as newaliases), -q... (as mc flush)
 *	-B TYPE, -N WHEN, -R WHAT, -V ID, -h N, -L TAG, -O X=Y, -p NAME, -X FILE, -C FILE	read and not used
 *	-A..., -d..., -e..., -o..., -G, -m, -n, -U, -v		the same
 *	--		recipients follow
 * A value is joined to its letter or is the next argument; those with "..." have joined ones alone.  Letters without a
 * value may be joined.  Anything else is refused: a letter must not go otherwise than its program meant.
 *
 * Owner: everything borrows from argv; the caller's `to` has room for all arguments.
 */
#ifndef MC_SENDMAIL_ARGS_H
#define MC_SENDMAIL_ARGS_H

#include "common/base/err.h"

enum sendmail_mode {
	SENDMAIL_SEND,
	SENDMAIL_SMTP,
	SENDMAIL_MAILQ,
	SENDMAIL_NEWALIASES,
	SENDMAIL_FLUSH
};

struct sendmail_args {
	enum sendmail_mode mode;
	bool from_header, dots_stay;
	const char *from; /* NULL: not named; "" or "<>": nobody */
	const char *name; /* NULL: not named */
	const char **to;
	size_t n_to;
};

/* argv: without the program's name, ended by NULL.  False: usage. */
bool sendmail_args_parse(struct sendmail_args *a, const char **to, char *const *argv,
    struct err *e);

#endif
