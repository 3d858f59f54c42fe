/* answered — which peers answered lately; an attempt to one of them goes before others.
 *
 * Disk: the store keeps when a peer answered last, to the hour.
 */
#ifndef OMS_NOTIFY_ANSWERED_H
#define OMS_NOTIFY_ANSWERED_H

#include "oms/notify/attempts.h"

struct loop;
struct oms_store;

/* How soon an attempt for this peer is made; tries: of the pair's earliest delivery. */
enum attempt_class answered_class(struct oms_store *s, const char *peer, uint64_t tries);
/* The peer has answered now: the store records it, unless it recorded the same within the last hour.  A
 * failure is logged. */
void answered_note(struct oms_store *s, const char *peer, struct loop *l);

#endif
