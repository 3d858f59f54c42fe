/* safe — foreign octets made fit for a terminal; see safe.h. */
#include "mc/safe.h"

#include <wchar.h>

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t
safe_utf8(struct span s, uint32_t *c)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[0] < 0x80 ? 1
	    : p[0] < 0xc2      ? 0
	    : p[0] < 0xe0      ? 2
	    : p[0] < 0xf0      ? 3
	    : p[0] < 0xf5      ? 4
			       : 0;

	if (n == 0 || n > s.n)
		return 0;
	*c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	if ((n == 3 && (*c < 0x800 || (*c >= 0xd800 && *c <= 0xdfff))) ||
	    (n == 4 && (*c < 0x10000 || *c > 0x10ffff)))
		return 0;
	return n;
}

bool
safe_is_visible(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
		{ 0x0000, 0x001f }, { 0x007f, 0x009f },     /* C0, DEL, C1 */
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f },     /* soft hyphen, grapheme joiner */
		{ 0x061c, 0x061c },                         /* Arabic letter mark */
		{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },     /* fillers, Khmer inherent vowels */
		{ 0x180b, 0x180f },                         /* Mongolian separators */
		{ 0x200b, 0x200f },                         /* zero-width, LRM, RLM */
		{ 0x2028, 0x202e },                         /* line separators, embeddings */
		{ 0x2060, 0x206f },                         /* word joiner .. isolates */
		{ 0x3164, 0x3164 }, { 0xffa0, 0xffa0 },     /* Hangul fillers */
		{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },     /* BOM, annotations */
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, /* format controls */
		{ 0xe0000, 0xe0fff },                       /* tags */
	};

	if ((c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef))
		return false; /* no characters */
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return false;
	return true;
}

static void
add(struct buf *out, struct span s, enum safe_form form, bool ascii)
{
	uint32_t c = 0;
	size_t n;

	for (; s.n > 0; s = span_sub(s, n, s.n)) {
		if (form == SAFE_TEXT && s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n') {
			n = 1;
			continue;
		}
		n = safe_utf8(s, &c);
		if (n == 0 || (c < 0x80 && !safe_is_visible(c))) {
			n = 1;
			if (form == SAFE_TEXT && (s.p[0] == '\n' || s.p[0] == '\t'))
				buf_add(out, s.p, 1);
			else
				buf_addf(out, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
		} else if (!safe_is_visible(c) || (ascii && c >= 0x80))
			buf_addf(out, "U+%04X", (unsigned)c);
		else
			buf_add(out, s.p, n);
	}
}

void
safe_add(struct buf *out, struct span s, enum safe_form form)
{
	add(out, s, form, false);
}

void
safe_add_ascii(struct buf *out, struct span s, enum safe_form form)
{
	add(out, s, form, true);
}

static size_t
columns_of(uint32_t c)
{
	int w = wcwidth((wchar_t)c);

	return w < 0 ? 1 : (size_t)w;
}

size_t
safe_columns(struct span safe)
{
	uint32_t c = 0;
	size_t columns = 0, n;

	for (; safe.n > 0; safe = span_sub(safe, n, safe.n)) {
		n = safe_utf8(safe, &c);
		columns += n == 0 ? 1 : columns_of(c);
		n += n == 0;
	}
	return columns;
}

struct span
safe_cut(struct span safe, size_t columns)
{
	size_t at = 0, used = 0, n;
	uint32_t c = 0;

	while (at < safe.n) {
		n = safe_utf8(span_sub(safe, at, safe.n), &c);
		used += n == 0 ? 1 : columns_of(c);
		if (used > columns)
			break;
		at += n == 0 ? 1 : n;
	}
	return span_sub(safe, 0, at);
}
