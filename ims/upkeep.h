/* upkeep — what the ims does once a minute: what has come to its end goes. */
#ifndef IMS_UPKEEP_H
#define IMS_UPKEEP_H

#include "common/base/err.h"

/* Sweeps the store, then deletes the mailboxes of removed users whose time is over.  done: on the daemon's
 * loop, once. */
void ims_upkeep(void *role, void (*done)(void *arg, const struct err *e), void *arg);

#endif
