/* hex — hexadecimal digits; see hex.h. */
#include "common/base/hex.h"

static const char	 digits[] = "0123456789abcdef";

void
hex_str(char *dst, const void *bytes, size_t n)
{
	const unsigned char	*p = bytes;

	for (size_t i = 0; i < n; i++) {
		*dst++ = digits[p[i] >> 4];
		*dst++ = digits[p[i] & 15];
	}
	*dst = '\0';
}

void
hex_add(struct buf *out, const void *bytes, size_t n)
{
	hex_str(buf_room(out, 2 * n + 1), bytes, n);
	out->len += 2 * n;
}

static int
value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_parse(struct span s, void *dst, size_t n)
{
	unsigned char	*p = dst;

	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int	 high = value(s.p[2 * i]), low = value(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		p[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
