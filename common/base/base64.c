/* base64 — octets as RFC 4648 writes them; see base64.h. */
#include "common/base/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_add(struct buf *out, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)b[i] << 16;
		char four[4];

		if (have > 1)
			v |= (uint32_t)b[i + 1] << 8;
		if (have > 2)
			v |= b[i + 2];
		four[0] = digits[v >> 18 & 63];
		four[1] = digits[v >> 12 & 63];
		four[2] = have > 1 ? digits[v >> 6 & 63] : '=';
		four[3] = have > 2 ? digits[v & 63] : '=';
		buf_add(out, four, 4);
	}
}

static int
value(char c)
{
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Four characters of which the last `pads` are "="; the bits that carry nothing must be zero. */
static bool
group(const char *four, size_t pads, unsigned char three[3])
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = i < 4 - pads ? value(four[i]) : 0;

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
	}
	three[0] = (unsigned char)(v >> 16);
	three[1] = (unsigned char)(v >> 8);
	three[2] = (unsigned char)v;
	return (v & ((1U << 8 * pads) - 1)) == 0;
}

bool
base64_parse(struct span s, struct buf *out)
{
	size_t before = out->len, pads = 0;

	if (s.n % 4 != 0)
		return false;
	while (pads < 2 && pads < s.n && s.p[s.n - 1 - pads] == '=')
		pads++;
	for (size_t i = 0; i < s.n; i += 4) {
		size_t p = i + 4 == s.n ? pads : 0;
		unsigned char three[3];

		if (!group(s.p + i, p, three)) {
			out->len = before;
			return false;
		}
		buf_add(out, three, 3 - p);
	}
	return true;
}

bool
base64_parse_exact(struct span s, void *dst, size_t n)
{
	struct buf b = BUF_INIT;
	bool ok = s.n == BASE64_CHARS(n) && base64_parse(s, &b) && b.len == n;

	if (ok && n > 0)
		memcpy(dst, b.data, n);
	buf_clear(&b);
	return ok;
}
