/* visible — which characters a reader can see; see visible.h. */
#include "mc/visible.h"

#define ZWNJ 0x200c
#define ZWJ  0x200d

struct range {
	uint32_t from, to;
};

#define IN(c, table) is_in(c, table, sizeof(table) / sizeof(table)[0])

static bool
is_in(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t
visible_utf8(struct span s, uint32_t *c)
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
visible_is_filler(uint32_t c)
{
	static const struct range fillers[] = {
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f },     /* soft hyphen, grapheme joiner */
		{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },     /* Hangul, Khmer inherent vowels */
		{ 0x180b, 0x180f },                         /* Mongolian separators */
		{ 0x200b, 0x200d },                         /* zero-width space, joiners */
		{ 0x2060, 0x2065 }, { 0x206a, 0x206f },     /* word joiner, deprecated formats */
		{ 0x3164, 0x3164 }, { 0xffa0, 0xffa0 },     /* Hangul fillers */
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },     /* variation selectors, BOM */
		{ 0xfff0, 0xfff8 },                         /* unassigned, ignorable */
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, /* format controls */
		{ 0xe0000, 0xe0fff },                       /* tags, variation selectors */
	};

	return IN(c, fillers);
}

bool
visible_is(uint32_t c)
{
	static const struct range hidden[] = {
		{ 0x0000, 0x001f }, { 0x007f, 0x009f }, /* C0, DEL, C1 */
		{ 0x061c, 0x061c }, { 0x200e, 0x200f }, /* Arabic letter mark, LRM, RLM */
		{ 0x2028, 0x202e },                     /* line separators, embeddings */
		{ 0x2066, 0x2069 },                     /* isolates */
		{ 0xfdd0, 0xfdef },                     /* no characters */
		{ 0xfff9, 0xfffb },                     /* annotations */
	};

	return !IN(c, hidden) && (c & 0xfffe) != 0xfffe && !visible_is_filler(c);
}

bool
visible_is_blank(uint32_t c)
{
	static const struct range blanks[] = {
		{ ' ', ' ' },
		{ '\t', '\t' },
		{ 0xa0, 0xa0 },
		{ 0x1680, 0x1680 },
		{ 0x2000, 0x200a },
		{ 0x202f, 0x202f },
		{ 0x205f, 0x205f },
		{ 0x2800, 0x2800 }, /* Braille of no dot */
		{ 0x3000, 0x3000 },
	};

	return IN(c, blanks);
}

/* Letters and marks of scripts in which ZWNJ and ZWJ are orthography. */
static bool
is_joining(uint32_t c)
{
	static const struct range scripts[] = {
		{ 0x0620, 0x08ff }, /* Arabic, Syriac, Thaana, N'Ko */
		{ 0x0900, 0x0dff }, /* Indic scripts, Sinhala */
		{ 0x0f00, 0x109f }, /* Tibetan, Myanmar */
		{ 0x1780, 0x17dd },
		{ 0x1820, 0x18aa }, /* Khmer, Mongolian */
		{ 0x1a20, 0x1aad },
		{ 0x1b00, 0x1bff }, /* Tai Tham, Balinese .. Batak */
		{ 0x1cd0, 0x1cff },
		{ 0xa840, 0xa87f }, /* Vedic, Phags-pa */
		{ 0xa880, 0xa8ff },
		{ 0xa980, 0xa9df }, /* Saurashtra, Devanagari, Javanese */
		{ 0xabc0, 0xabff }, /* Meetei Mayek */
		{ 0xfb50, 0xfdcf },
		{ 0xfdf0, 0xfdff }, /* Arabic presentation forms */
		{ 0xfe70, 0xfefc },
		{ 0x10a00, 0x10a5f }, /* the same, Kharoshthi */
		{ 0x10d00, 0x10d3f },
		{ 0x11000, 0x11fff },
		{ 0x1e900, 0x1e95f },
	};

	return IN(c, scripts);
}

static bool
is_virama(uint32_t c)
{
	return c >= 0x900 && c <= 0xdff && ((c & 0x7f) == 0x4d || c == 0xdca);
}

static bool
is_emoji(uint32_t c)
{
	static const struct range emoji[] = {
		{ 0x00a9, 0x00a9 },
		{ 0x00ae, 0x00ae },
		{ 0x203c, 0x203c },
		{ 0x2049, 0x2049 },
		{ 0x20e3, 0x20e3 },
		{ 0x2122, 0x2122 },
		{ 0x2139, 0x2139 },
		{ 0x2190, 0x21ff },
		{ 0x2300, 0x23ff },
		{ 0x24c2, 0x24c2 },
		{ 0x25a0, 0x27bf },
		{ 0x2934, 0x2935 },
		{ 0x2b00, 0x2bff },
		{ 0x3030, 0x3030 },
		{ 0x303d, 0x303d },
		{ 0x3297, 0x3297 },
		{ 0x3299, 0x3299 },
		{ 0x1f000, 0x1faff },
	};

	return IN(c, emoji);
}

/* "1", "#" and "*" take a variation selector where a key cap follows. */
static bool
is_key(uint32_t before, struct span rest)
{
	uint32_t next = 0;

	return ((before >= '0' && before <= '9') || before == '#' || before == '*') && rest.n > 0 &&
	    visible_utf8(rest, &next) > 0 && next == 0x20e3;
}

bool
visible_joins(uint32_t c, uint32_t before, struct span rest)
{
	uint32_t next = 0;

	if (c == 0xfe0e || c == 0xfe0f)
		return is_emoji(before) || is_key(before, rest);
	if (c != ZWNJ && c != ZWJ)
		return false;
	if (c == ZWJ && is_virama(before))
		return true;
	if (rest.n == 0 || visible_utf8(rest, &next) == 0)
		return false;
	if (c == ZWJ && (is_emoji(before) || before == 0xfe0f) && is_emoji(next))
		return true;
	return is_joining(before) && is_joining(next);
}

void
visible_add(struct buf *out, struct span s)
{
	uint32_t c = 0, before = 0;

	for (size_t n; s.n > 0; s = span_sub(s, n, s.n)) {
		n = visible_utf8(s, &c);
		if (n == 0)
			c = 0;
		n += n == 0;
		if (visible_is_filler(c) && !visible_joins(c, before, span_sub(s, n, s.n)))
			continue;
		buf_add(out, s.p, n);
		before = c;
	}
}
