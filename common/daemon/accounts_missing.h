/* accounts_missing — what check, the log and the status say where the accounts file does not exist.
 *
 * A daemon starts without one, for the first user may be added after the first start.  But a file that was
 * lost must not look like one without users: nobody is refused for good then, and the operator is told.
 */
#ifndef COMMON_DAEMON_ACCOUNTS_MISSING_H
#define COMMON_DAEMON_ACCOUNTS_MISSING_H

#include "common/conf/conf.h"
#include "common/conf/options.h"
#include "common/text/json.h"

struct accounts;

/* Does the file not exist?  a: the daemon's, which may have an earlier reading; NULL: none.  True: `text` gets what
 * that means, and the cure. */
bool accounts_missing(const struct options *o, const struct conf *c, struct accounts *a,
    struct buf *text);
/* The daemon's side: the member `accounts_missing` of the status, where it is missing. */
void accounts_missing_put(const struct options *o, const struct conf *c, struct accounts *a,
    struct json *status);
/* The command's side: a line on standard output. */
void accounts_missing_show(const struct json *status);

#endif
