/* address_text — see address_text.h. */
#include "common/text/address_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "common/text/address_scope.h"

static bool
read_port(struct span text, uint16_t *port)
{
	uint64_t n;

	if (!span_u64(text, &n) || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

bool
address_read(struct span text, uint16_t port, struct sockaddr_storage *out)
{
	struct span host, rest = text;

	if (address_scope_parse(text, port, out))
		return true;
	if (span_starts(text, SPAN_LIT("["))) {
		rest = span_sub(text, 1, text.n);
		if (!span_has(rest, ']'))
			return false;
		host = span_cut(&rest, ']');
		if (rest.n > 0 &&
		    (rest.p[0] != ':' || !read_port(span_sub(rest, 1, rest.n), &port)))
			return false;
		return address_scope_parse(host, port, out) && out->ss_family == AF_INET6;
	}
	host = span_cut(&rest, ':');
	return read_port(rest, &port) && address_scope_parse(host, port, out);
}

void
address_host(const struct sockaddr_storage *a, char out[ADDRESS_HOST_BYTES])
{
	const void *raw = &((const struct sockaddr_in *)a)->sin_addr;

	if (a->ss_family == AF_INET6)
		raw = &((const struct sockaddr_in6 *)a)->sin6_addr;
	if ((a->ss_family != AF_INET && a->ss_family != AF_INET6) ||
	    inet_ntop(a->ss_family, raw, out, ADDRESS_HOST_BYTES) == NULL)
		snprintf(out, ADDRESS_HOST_BYTES, "local");
}

uint16_t
address_port(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
	return a->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)a)->sin_port) : 0;
}

void
address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT_BYTES])
{
	char host[ADDRESS_HOST_BYTES];

	address_host(a, host);
	snprintf(out, ADDRESS_TEXT_BYTES, a->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
	    (unsigned)address_port(a));
}

void
address_reverse(const struct sockaddr_storage *a, char out[ADDRESS_REVERSE_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	if (a->ss_family == AF_INET) {
		const uint8_t *b = (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;

		snprintf(out, ADDRESS_REVERSE_BYTES, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1],
		    b[0]);
		return;
	}
	for (size_t i = 16; i-- > 0;) {
		uint8_t c = ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr[i];

		out[n++] = hex[c & 15];
		out[n++] = '.';
		out[n++] = hex[c >> 4];
		out[n++] = '.';
	}
	span_copy(SPAN_LIT("ip6.arpa"), out + n, ADDRESS_REVERSE_BYTES - n);
}

socklen_t
address_size(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET6)
		return sizeof(struct sockaddr_in6);
	return a->sa_family == AF_INET ? sizeof(struct sockaddr_in)
				       : sizeof(struct sockaddr_storage);
}
