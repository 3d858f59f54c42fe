/* share_key — the texts by which whoever takes something is accounted.
 *
 * A certified domain is one peer, and so is an IPv4 address or the /64 of an IPv6 address.  Only this file
 * decides what counts as one.
 */
#ifndef COMMON_SHARE_SHARE_KEY_H
#define COMMON_SHARE_SHARE_KEY_H

#include <sys/socket.h>

#include "common/share/share_table.h"

#define SHARE_KEY_ADDRESS_BYTES 64

/* The key of a sender, by the domain that its certificate names (canonical).  Points into it. */
struct span share_key_domain(struct span certified);
/* "192.0.2.1", "2001:db8:1:2::/64"; an IPv4 address mapped into IPv6 is an IPv4 address. */
struct span share_key_address(const struct sockaddr *a, char out[SHARE_KEY_ADDRESS_BYTES]);
/* "2001:db8:1::/48", where one site has many /64; of an IPv4 address "". */
struct span share_key_network(const struct sockaddr *a, char out[SHARE_KEY_ADDRESS_BYTES]);
/* "a b", for what is accounted by two things.  No key holds a blank. */
struct span share_key_pair(struct span a, struct span b, char out[SHARE_KEY_BYTES]);

#endif
