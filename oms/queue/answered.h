/* answered — which peers answered lately; an attempt to one of them goes before others.
 *
 * Disk: the store keeps when a peer answered last, to the hour.
 */
#ifndef OMS_QUEUE_ANSWERED_H
#define OMS_QUEUE_ANSWERED_H

#include "oms/queue/attempts.h"
#include "oms/store/store.h"

/* How soon an attempt for a peer is made.  p: what the store knows of it (oms_store_peer); tries: of the
 * pair's earliest delivery. */
enum attempt_class answered_class(const struct oms_peer *p, uint64_t tries);
/* The peer has answered now: the store records it, unless it recorded the same within the last hour.  A
 * failure is logged. */
void answered_note(struct oms_store *s, const char *peer, struct loop *l);

#endif
