/* fault — reports a failure in three lines: what failed and why; the server's words; a cure.
 * A line that would repeat the first is left out.
 *
 *	mc: letter 2: the sender's server no longer has the letter
 *	    ims.b.test says: "expired 2 Nov 2026"
 *	    ask the sender for it again                                 [gone, status 68]
 *
 * With --json: {"error":{"code","status","temporary","text","what","host","cure"}} in one line.
 * Both go to standard error.  The word and the exit status come from the refusal table.
 *
 * Trust: text and host may come from a server; they are sanitised like everything else.
 */
#ifndef MC_FAULT_H
#define MC_FAULT_H

#include "common/base/address.h"
#include "common/conf/options.h"

struct fault {
	struct err err;
	char host[DOMAIN_BYTES]; /* the server that said it, or its domain; empty: mc itself */
	bool stranger;           /* it is not the user's own server */
	bool finding_own;        /* mc looked for the servers of the user's own domain */
};

/* Reports that `what` failed.  In `cure`, "%s" is how this program was called with its account, "%p" its
 * name alone, "%a" the address of the account as an argument, "%n" a name for a further account, "%1" the
 * verb's first argument: people can paste the result.  NULL: the usual cure for the word.  Returns the exit
 * status. */
int fault_print(const struct options *o, const char *what, const struct fault *f, const char *cure);
/* The same for an error of mc itself. */
int fault_print_err(const struct options *o, const char *what, const struct err *e,
    const char *cure);

#endif
