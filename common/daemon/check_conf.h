/* check_conf — the verb `check`: is the configuration right, before anything is restarted with it? */
#ifndef COMMON_DAEMON_CHECK_CONF_H
#define COMMON_DAEMON_CHECK_CONF_H

struct options;

/* Every fault with FILE:LINE, or the whole configuration in force with -v; what a start would leave
 * out or do without; status 0 or 78. */
int check_conf(struct options *o);

#endif
