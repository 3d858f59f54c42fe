/* check_peer — `ims check peer DOMAIN`: HELLO to the hosts that letters would be fetched from. */
#ifndef IMS_CHECK_PEER_H
#define IMS_CHECK_PEER_H

struct options;

int ims_check_peer(struct options *o);

#endif
