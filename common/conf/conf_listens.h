/* conf_listens — finds two listen-... keys with the same address and port.
 *
 * A wildcard address includes every address of its family.  IPv4 and IPv6 do not overlap (bind.h).
 */
#ifndef COMMON_CONF_CONF_LISTENS_H
#define COMMON_CONF_CONF_LISTENS_H

#include "common/conf/conf.h"

/* No two addresses within the role's section clash.  False: *e is config and names both with their lines. */
bool conf_listens_fit(const struct conf *c, enum conf_role_index role, struct err *e);
/* The same between the role's section and another one that is given, for daemons of one host. */
bool conf_listens_fit_others(const struct conf *c, enum conf_role_index role, struct err *e);

#endif
