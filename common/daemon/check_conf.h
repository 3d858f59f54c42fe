/* check_conf — the verb `check`: would a start with this configuration go well?
 *
 * Reports everything that `run` would refuse, and what peers would refuse, each with its cure: a
 * certificate, or this host's name in SMTP that does not lead to its address and back.  Notes what will
 * become a fault soon, and the files that a start would leave out.  Changes nothing.
 * With --running it shows the configuration that the running daemon has in force.  That differs from the
 * file if the file was changed since, or if a key needs a restart.
 */
#ifndef COMMON_DAEMON_CHECK_CONF_H
#define COMMON_DAEMON_CHECK_CONF_H

#include "common/daemon/daemon.h"

#define CHECK_CONF_SOON_S (14 * 86400) /* a certificate that ends within this time is noted */

/* Faults on stderr, status 78; else notes, or with -v the whole configuration in force, status 0. */
extern const struct options_option check_conf_options[];
int check_conf(struct options *o, const struct daemon_role *r);

#endif
