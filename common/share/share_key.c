/* share_key — texts of domains and addresses; see share_key.h. */
#include "common/share/share_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct span
share_key_domain(struct span certified)
{
	return certified;
}

static struct span
key_of_v4(const void *address, char out[SHARE_KEY_ADDRESS_BYTES])
{
	inet_ntop(AF_INET, address, out, SHARE_KEY_ADDRESS_BYTES);
	return span_str(out);
}

static struct span
key_of_v6(struct in6_addr a, unsigned octets, char out[SHARE_KEY_ADDRESS_BYTES])
{
	size_t n;

	memset(&a.s6_addr[octets], 0, sizeof a.s6_addr - octets);
	inet_ntop(AF_INET6, &a, out, SHARE_KEY_ADDRESS_BYTES);
	n = strlen(out);
	snprintf(out + n, SHARE_KEY_ADDRESS_BYTES - n, "/%u", 8 * octets);
	return span_str(out);
}

struct span
share_key_address(const struct sockaddr *a, char out[SHARE_KEY_ADDRESS_BYTES])
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;

	if (a->sa_family == AF_INET)
		return key_of_v4(&((const struct sockaddr_in *)a)->sin_addr, out);
	if (a->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6))
		return key_of_v4(&v6->s6_addr[12], out);
	if (a->sa_family == AF_INET6)
		return key_of_v6(*v6, 8, out);
	return SPAN_LIT("-");
}

struct span
share_key_network(const struct sockaddr *a, char out[SHARE_KEY_ADDRESS_BYTES])
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;

	out[0] = '\0';
	if (a->sa_family != AF_INET6 || IN6_IS_ADDR_V4MAPPED(v6))
		return span_str(out);
	return key_of_v6(*v6, 6, out);
}

struct span
share_key_pair(struct span a, struct span b, char out[SHARE_KEY_BYTES])
{
	snprintf(out, SHARE_KEY_BYTES, "%.*s %.*s", SPAN_FMT(a), SPAN_FMT(b));
	return span_str(out);
}
