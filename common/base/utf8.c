/* utf8 — one character at a time; see utf8.h. */
#include "common/base/utf8.h"

/* UTF8-tail = %x80-BF; `n` of them follow the first octet. */
static bool
has_tail(struct span s, size_t n)
{
	if (s.n < n + 1)
		return false;
	for (size_t i = 1; i <= n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* UTF8-2 / UTF8-3 / UTF8-4, less the C1 controls U+0080..9F */
size_t
utf8_printable(struct span s)
{
	unsigned char first, next;
	size_t tail;

	if (s.n == 0)
		return 0;
	first = (unsigned char)s.p[0];
	if (first < 0x80)
		return first >= 0x20 && first != 0x7f;
	tail = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	if (first < 0xc2 || first > 0xf4 || !has_tail(s, tail))
		return 0;
	next = (unsigned char)s.p[1];
	if ((first == 0xc2 && next < 0xa0) || (first == 0xe0 && next < 0xa0) ||
	    (first == 0xed && next > 0x9f) || (first == 0xf0 && next < 0x90) ||
	    (first == 0xf4 && next > 0x8f))
		return 0;
	return tail + 1;
}

bool
utf8_cut(struct span *s, uint32_t *code_point)
{
	size_t n = utf8_printable(*s);

	if (n == 0)
		return false;
	*code_point = (unsigned char)s->p[0] & (n == 1 ? 0x7fu : 0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*code_point = *code_point << 6 | ((unsigned char)s->p[i] & 0x3f);
	*s = span_sub(*s, n, s->n);
	return true;
}
