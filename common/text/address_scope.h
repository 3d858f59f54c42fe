/* address_scope — is this address one that a stranger's DNS may send us to?
 *
 * Only global unicast is public.  Forms that carry an IPv4 address inside (v4-mapped, 6to4, NAT64,
 * Teredo, v4-compatible) are never public: a host is named by its address, not by a tunnel.
 *
 * Spec:   RFC 6890, the IANA registries of special-purpose addresses.
 */
#ifndef COMMON_TEXT_ADDRESS_SCOPE_H
#define COMMON_TEXT_ADDRESS_SCOPE_H

#include <sys/socket.h>

#include "common/base/span.h"

/* Loopback, private, link-local, carrier, benchmark, multicast and reserved addresses, and all but
 * AF_INET and AF_INET6, are not public; the documentation networks count as public. */
bool address_public(const struct sockaddr *a);

/* v4-mapped IPv6 becomes IPv4, so that one host has one form; all else is copied. */
void address_unmap(const struct sockaddr *a, struct sockaddr_storage *out);

/* Same host, v4-mapped or not; ports do not count. */
bool address_same_host(const struct sockaddr *a, const struct sockaddr *b);

/* A numeric address, no brackets, no zone; false: it is none. */
bool address_scope_parse(struct span text, uint16_t port, struct sockaddr_storage *out);

#endif
