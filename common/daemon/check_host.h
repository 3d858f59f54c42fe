/* check_host — this host's name in SMTP for the verb `check`: does it lead to connect-from, and does that lead back?
 *
 * Runs a loop of its own until DNS has answered (at most twice DNS_TIMEOUT_MS); never used inside a daemon.
 */
#ifndef COMMON_DAEMON_CHECK_HOST_H
#define COMMON_DAEMON_CHECK_HOST_H

#include "common/conf/conf.h"

/* `resolver`: see dns.h.  Calls `fault` for each direction that fails, with the record to publish, and where
 * DNS cannot be asked. */
void check_host_name(const struct conf_smtp *s, const char *resolver,
    void (*fault)(void *arg, const struct err *why), void *arg);

#endif
