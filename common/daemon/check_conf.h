/* check_conf — the verb `check`: would a start with this configuration go well?
 *
 * Says whatever `run` would refuse, all of it at once and each with its cure, and what a running daemon
 * could not do its work with: a certificate that peers would refuse.  What is no fault but will be one,
 * or is done without, is said too.  Nothing is changed.  With --running: what a running daemon has in
 * force, which differs from the file where that was changed since, or where a key wants a restart.
 */
#ifndef COMMON_DAEMON_CHECK_CONF_H
#define COMMON_DAEMON_CHECK_CONF_H

#include "common/daemon/daemon.h"

#define CHECK_CONF_SOON_S (14 * 86400) /* a certificate that ends within this time is noted */

/* Faults on stderr, status 78; else notes, or with -v the whole configuration in force, status 0. */
extern const struct options_option check_conf_options[];
int check_conf(struct options *o, const struct daemon_role *r);

#endif
