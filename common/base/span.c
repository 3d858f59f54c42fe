/* span — borrowed octet runs; see span.h. */
#include "common/base/span.h"

#include <string.h>
#include <strings.h>

#include "common/base/ascii.h"

struct span
span_str(const char *s)
{
	return (struct span) { s, strlen(s) };
}

struct span
span_of(const void *p, size_t n)
{
	return (struct span) { p, n };
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_eq_nocase(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq((struct span) { s.p, prefix.n }, prefix);
}

bool
span_has(struct span s, char c)
{
	return s.n != 0 && memchr(s.p, c, s.n) != NULL;
}

bool
span_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span
span_trim_folds(struct span s)
{
	while (s.n > 0 && ascii_is_space(s.p[0]))
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && ascii_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span
span_sub(struct span s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return (struct span) { from ? s.p + from : s.p, n }; /* NULL + 0 is undefined */
}

struct span
span_cut(struct span *rest, char sep)
{
	struct span head = *rest;
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

	if (at == NULL) {
		*rest = span_sub(head, head.n, 0);
		return head;
	}
	head.n = (size_t)(at - rest->p);
	*rest = (struct span) { at + 1, rest->n - head.n - 1 };
	return head;
}

bool
span_u64(struct span s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 19 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = v;
	return true;
}

bool
span_copy(struct span s, char *dst, size_t cap)
{
	dst[0] = '\0';
	if (s.n >= cap || span_has(s, '\0'))
		return false;
	if (s.n != 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return true;
}

uint64_t
span_hash(struct span s, uint64_t seed)
{
	uint64_t h = seed;

	for (size_t i = 0; i < s.n; i++) {
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h >> 24;
}
