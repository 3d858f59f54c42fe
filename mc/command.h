/* command — the command line that calls this program again for the same account.
 *
 * A cure that leaves out -C FILE or -A NAME would change another account.
 */
#ifndef MC_COMMAND_H
#define MC_COMMAND_H

#include "common/base/buf.h"
#include "common/conf/options.h"

/* Appends "mc", with -C FILE or -A NAME where they were given, quoted for a shell. */
void command_add(struct buf *out, const struct options *o);

#endif
