/* nearly_full — in `status`: the domains that take most of a store that has little room left.
 *
 * The member `largest` is there while less than 1/IMS_SHARE_SCARCE of the store is free; each of its rows is
 * {"from":...,"octets":...}, the largest first.  The command shows
 *
 *	nearly full       c.test 4.7 MiB, s1.rot.test 1.2 MiB: drop --from DOMAIN makes room
 */
#ifndef IMS_NEARLY_FULL_H
#define IMS_NEARLY_FULL_H

#include "common/text/json.h"
#include "ims/store/store.h"

/* The daemon's side.  Calls `done` once, at once or on the loop, when `status` has the member. */
void nearly_full_put(struct ims_store *s, const struct ims_store_counts *c, struct json *status,
    struct loop *l, void (*done)(void *arg), void *arg);
/* The command's side: a line on standard output, or nothing.  command: how this program was called. */
void nearly_full_show(const struct json *status, const char *command);

#endif
