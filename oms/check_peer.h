/* check_peer — `oms check peer DOMAIN`: HELLO to the hosts that would be notified. */
#ifndef OMS_CHECK_PEER_H
#define OMS_CHECK_PEER_H

struct options;

int oms_check_peer(struct options *o);

#endif
