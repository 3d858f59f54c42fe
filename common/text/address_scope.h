/* address_scope — is this address one that a stranger's DNS may send us to?
 *
 * Only global unicast is public.  Forms that contain an IPv4 address (v4-mapped, 6to4, NAT64,
 * Teredo, v4-compatible) are never public: DNS must name a host by its address, not by a tunnel.
 *
 * Spec:   RFC 6890, the IANA registries of special-purpose addresses.
 */
#ifndef COMMON_TEXT_ADDRESS_SCOPE_H
#define COMMON_TEXT_ADDRESS_SCOPE_H

#include <sys/socket.h>

#include "common/base/span.h"

/* Not public: loopback, private, link-local, carrier, benchmark, multicast and reserved addresses,
 * and every family but AF_INET and AF_INET6.  The documentation networks count as public. */
bool address_public(const struct sockaddr *a);

/* Turns v4-mapped IPv6 into IPv4, so that a host has one form; copies everything else. */
void address_unmap(const struct sockaddr *a, struct sockaddr_storage *out);

/* The same host, v4-mapped or not; ports are ignored. */
bool address_same_host(const struct sockaddr *a, const struct sockaddr *b);

/* A numeric address without brackets or zone.  False: the text is not one. */
bool address_scope_parse(struct span text, uint16_t port, struct sockaddr_storage *out);

#endif
