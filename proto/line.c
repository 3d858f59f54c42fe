/* line — CRLF line splitter; see line.h. */
#include "proto/line.h"

static const char *
continuation(const char *p, const char *end, int n)
{
	for (; n > 0; n--, p++)
		if (p == end || ((unsigned char)*p & 0xc0) != 0x80)
			return NULL;
	return p;
}

/* One character behind its first octet `c`: UTF8-2 / UTF8-3 / UTF8-4 of RFC 3629 section 4. */
static const char *
utf8_tail(unsigned char c, const char *p, const char *end)
{
	unsigned char	 next = p < end ? (unsigned char)*p : 0;

	if (c == 0xc2 && next < 0xa0)		/* U+0080..9F: C1 controls */
		return NULL;
	if (c >= 0xc2 && c <= 0xdf)
		return continuation(p, end, 1);
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f))
		return NULL;
	if (c >= 0xe0 && c <= 0xef)
		return continuation(p, end, 2);
	if ((c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f))
		return NULL;
	if (c >= 0xf0 && c <= 0xf4)
		return continuation(p, end, 3);
	return NULL;
}

bool
line_is_text(struct span s)
{
	const char	*p = s.p, *end = s.p + s.n;

	while (p != NULL && p < end) {
		unsigned char	 c = (unsigned char)*p++;

		if (c < 0x20 || c == 0x7f)
			return false;
		if (c >= 0x80)
			p = utf8_tail(c, p, end);
	}
	return p == end;
}

static enum line_result
ready(struct span found, struct span *line, size_t *used, struct err *e)
{
	if (RULE(bad_octet) && !line_is_text(found)) {
		err_set(e, REFUSAL_bad_octet, "%s", "");
		return LINE_BAD;
	}
	*line = found;
	*used = found.n + 2;
	return LINE_READY;
}

enum line_result
line_next(struct span in, struct span *line, size_t *used, struct err *e)
{
	size_t	 i;

	for (i = 0; i < in.n && i + 1 < LINE_MAX_BYTES; i++) {
		if (RULE(bare_lf) && in.p[i] == '\n') {
			err_set(e, REFUSAL_bare_lf, "bare LF at octet %zu", i);
			return LINE_BAD;
		}
		if (in.p[i] != '\r')
			continue;
		if (i + 1 == in.n)
			return LINE_MORE;
		if (in.p[i + 1] == '\n')
			return ready((struct span){ in.p, i }, line, used, e);
		if (RULE(bare_lf)) {
			err_set(e, REFUSAL_bare_lf, "bare CR at octet %zu", i);
			return LINE_BAD;
		}
	}
	if (i + 1 < LINE_MAX_BYTES)
		return LINE_MORE;
	err_set(e, REFUSAL_line_too_long, "a line is longer than %d octets", LINE_MAX_BYTES);
	return LINE_BAD;
}
