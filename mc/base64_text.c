/* base64_text — a text in base64, and what programs append to it; see base64_text.h. */
#include "mc/base64_text.h"

#include "common/base/ascii.h"

static int
value_of(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A'
	    : c >= 'a' && c <= 'z'  ? c - 'a' + 26
	    : c >= '0' && c <= '9'  ? c - '0' + 52
	    : c == '+'              ? 62
	    : c == '/'              ? 63
				    : -1;
}

bool
base64_decode(struct buf *out, struct span s)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
		int v = value_of(s.p[i]);

		if (v < 0)
			continue;
		bits = (bits << 6 | (uint32_t)v) & 0xffffff;
		have += 6;
		if (have >= 8) {
			char c = (char)(bits >> (have - 8));

			have -= 8;
			buf_add(out, &c, 1);
		}
	}
	return have != 6;
}

/* Octets at the front of s that are base64 up to its padding, in whole lines; *digits counts them.
 * What follows padding must be a whole number of quanta to be base64 again. */
static size_t
base64_length(struct span s)
{
	size_t line = 0, at;
	bool padded = false;

	for (at = 0; at < s.n; at++) {
		if (s.p[at] == '\n')
			line = at + 1;
		padded = padded || s.p[at] == '=';
		if (padded && value_of(s.p[at]) >= 0)
			return at;
		if (value_of(s.p[at]) < 0 && s.p[at] != '=' && !ascii_is_space(s.p[at]))
			return line;
	}
	return at;
}

static bool
is_quanta(struct span s)
{
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (value_of(s.p[i]) < 0 && s.p[i] != '=' && !ascii_is_space(s.p[i]))
			return false;
		digits += !ascii_is_space(s.p[i]);
	}
	return digits % 4 == 0;
}

bool
base64_text(struct buf *out, struct span s)
{
	bool all = true, first = true;

	while (s.n > 0 && (first || is_quanta(s))) {
		size_t n = base64_length(s);

		if (n == 0)
			break;
		all = base64_decode(out, span_sub(s, 0, n)) && all;
		s = span_sub(s, n, s.n);
		first = false;
	}
	while (s.n > 0 && ascii_is_space(s.p[0]))
		s = span_sub(s, 1, s.n);
	if (s.n > 0 && out->len > 0 && out->data[out->len - 1] != '\n')
		buf_add(out, "\n", 1);
	buf_add(out, s.p, s.n);
	return all;
}
