/* upkeep — the ims's sweep, once a minute. */
#ifndef IMS_UPKEEP_H
#define IMS_UPKEEP_H

#include "common/base/err.h"

/* Sweeps the store, then deletes the mailboxes of users who were removed long enough ago.  Calls done once,
 * on the daemon's loop. */
void ims_upkeep(void *role, void (*done)(void *arg, const struct err *e), void *arg);

#endif
