/* address_scope — public and private addresses; see address_scope.h. */
#include "common/text/address_scope.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct block {
	uint8_t prefix[16];
	uint8_t bits;
};

/* RFC 6890.  The documentation networks are not listed: nobody routes them, and the tests use
 * them. */
/* clang-format off */
static const struct block	 private4[] = {
	{ { 0 }, 8 },			{ { 10 }, 8 },			{ { 100, 64 }, 10 },
	{ { 127 }, 8 },			{ { 169, 254 }, 16 },		{ { 172, 16 }, 12 },
	{ { 192, 0, 0 }, 24 },		{ { 192, 168 }, 16 },		{ { 198, 18 }, 15 },
	{ { 224 }, 3 },
};
/* clang-format on */

/* Of IPv6 only 2000::/3 is global unicast; these parts of it contain an IPv4 address. */
static const struct block private6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 32 }, /* Teredo */
	{ { 0x20, 0x02 }, 16 },             /* 6to4 */
};

static bool
inside(const uint8_t *a, const struct block *b)
{
	size_t whole = b->bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> b->bits % 8);

	return memcmp(a, b->prefix, whole) == 0 &&
	    (b->bits % 8 == 0 || (a[whole] & mask) == (b->prefix[whole] & mask));
}

static bool
inside_any(const uint8_t *a, const struct block *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (inside(a, &blocks[i]))
			return true;
	return false;
}

bool
address_public(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)a;

		return !inside_any((const uint8_t *)&in->sin_addr, private4,
		    sizeof(private4) / sizeof(private4[0]));
	}
	if (a->sa_family == AF_INET6) {
		const uint8_t *b = ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr;

		return (b[0] & 0xe0) == 0x20 &&
		    !inside_any(b, private6, sizeof(private6) / sizeof(private6[0]));
	}
	return false;
}

void
address_unmap(const struct sockaddr *a, struct sockaddr_storage *out)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
	struct sockaddr_in in = { .sin_family = AF_INET };

	memset(out, 0, sizeof(*out));
	if (a->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		in.sin_port = in6->sin6_port;
		memcpy(&in.sin_addr, in6->sin6_addr.s6_addr + 12, 4);
		memcpy(out, &in, sizeof(in));
	} else if (a->sa_family == AF_INET6) {
		memcpy(out, a, sizeof(struct sockaddr_in6));
	} else if (a->sa_family == AF_INET) {
		memcpy(out, a, sizeof(in));
	}
}

bool
address_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	struct sockaddr_storage x, y;

	address_unmap(a, &x);
	address_unmap(b, &y);
	if (x.ss_family != y.ss_family)
		return false;
	if (x.ss_family == AF_INET)
		return ((struct sockaddr_in *)&x)->sin_addr.s_addr ==
		    ((struct sockaddr_in *)&y)->sin_addr.s_addr;
	return x.ss_family == AF_INET6 &&
	    memcmp(&((struct sockaddr_in6 *)&x)->sin6_addr, &((struct sockaddr_in6 *)&y)->sin6_addr,
		16) == 0;
}

bool
address_scope_parse(struct span text, uint16_t port, struct sockaddr_storage *out)
{
	char s[INET6_ADDRSTRLEN];
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(out, 0, sizeof(*out));
	if (!span_copy(text, s, sizeof(s)))
		return false;
	if (inet_pton(AF_INET, s, &in.sin_addr) == 1)
		memcpy(out, &in, sizeof(in));
	else if (inet_pton(AF_INET6, s, &in6.sin6_addr) == 1)
		memcpy(out, &in6, sizeof(in6));
	else
		return false;
	return true;
}
