/* hex — hexadecimal digits; see hex.h. */
#include "common/base/hex.h"

static const char digits[] = "0123456789abcdef";

void
hex_str(char *dst, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

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

/* Value of a digit and one more; 0: it is none.  Every digest of every statement comes by here. */
static const unsigned char values[256] = {
	['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['a'] = 11,
	['b'] = 12,
	['c'] = 13,
	['d'] = 14,
	['e'] = 15,
	['f'] = 16,
};

bool
hex_parse(struct span s, void *dst, size_t n)
{
	const unsigned char *digit = (const unsigned char *)s.p;
	unsigned char *p = dst;

	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned high = values[digit[2 * i]], low = values[digit[2 * i + 1]];

		if (high == 0 || low == 0)
			return false;
		p[i] = (unsigned char)((high - 1) << 4 | (low - 1));
	}
	return true;
}
