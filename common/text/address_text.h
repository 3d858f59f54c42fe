/* address_text — socket addresses as people write them, and back. */
#ifndef COMMON_TEXT_ADDRESS_TEXT_H
#define COMMON_TEXT_ADDRESS_TEXT_H

#include <sys/socket.h>

#include "common/base/span.h"

#define ADDRESS_HOST_BYTES    64 /* a host as text, and a NUL */
#define ADDRESS_TEXT_BYTES    80 /* "[V6]:PORT" and a NUL */
#define ADDRESS_REVERSE_BYTES 73 /* of a name in ip6.arpa, and a NUL */

/* ADDRESS, ADDRESS:PORT, [V6] or [V6]:PORT, numeric; `port` where the text names none. */
bool address_read(struct span text, uint16_t port, struct sockaddr_storage *out);
void address_host(const struct sockaddr_storage *a, char out[ADDRESS_HOST_BYTES]);
void address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT_BYTES]);
/* The name whose PTR record says which host has the address (RFC 1035 3.5, RFC 3596 2.5). */
void address_reverse(const struct sockaddr_storage *a, char out[ADDRESS_REVERSE_BYTES]);
uint16_t address_port(const struct sockaddr_storage *a);
socklen_t address_size(const struct sockaddr *a);

#endif
