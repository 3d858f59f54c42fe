/* fetch_dial — the way to the OMS that a sender's domain designates, for whatever is asked of it.
 *
 * Trust: as common/net/dial.h; the sender's domain alone decides where it leads.
 */
#ifndef IMS_FETCH_FETCH_DIAL_H
#define IMS_FETCH_FETCH_DIAL_H

#include "common/net/dial.h"
#include "ims/ims.h"

#define FETCH_DIAL_MS 10000 /* for one address, the handshake included */

/* from_domain: the sender's; own_domain: ours, whose identity is shown.  Both are copied. */
struct dial *fetch_dial(const struct ims_worker *w, const char *from_domain, const char *own_domain,
    dial_ready *ready, void *arg);

#endif
