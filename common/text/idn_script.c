/* idn_script — scripts of letters in domain labels; see idn_script.h. */
#include "common/text/idn_script.h"

#include "common/base/utf8.h"

enum script {
	NONE,
	COMMON,
	LATIN,
	GREEK,
	CYRILLIC,
	ARMENIAN,
	HEBREW,
	ARABIC,
	DEVANAGARI,
	THAI,
	GEORGIAN,
	HANGUL,
	JAPANESE
};

static const struct {
	uint32_t first, last;
	enum script script;
} ranges[] = {
	{ '-', '-', COMMON },
	{ '0', '9', COMMON },
	{ 'a', 'z', LATIN },
	{ 0xb7, 0xb7, LATIN },
	{ 0xdf, 0xf6, LATIN },
	{ 0xf8, 0x17f, LATIN },
	{ 0x218, 0x21b, LATIN },
	{ 0x370, 0x3ff, GREEK },
	{ 0x400, 0x45f, CYRILLIC },
	{ 0x490, 0x491, CYRILLIC },
	{ 0x561, 0x586, ARMENIAN },
	{ 0x5d0, 0x5ea, HEBREW },
	{ 0x620, 0x64a, ARABIC },
	{ 0x66e, 0x6d3, ARABIC },
	{ 0x904, 0x94d, DEVANAGARI },
	{ 0xe01, 0xe3a, THAI },
	{ 0xe40, 0xe4e, THAI },
	{ 0x10d0, 0x10fa, GEORGIAN },
	{ 0x1ea0, 0x1ef9, LATIN },
	{ 0x1f00, 0x1ffe, GREEK },
	{ 0x3005, 0x3007, JAPANESE },
	{ 0x3041, 0x3096, JAPANESE },
	{ 0x30a1, 0x30fe, JAPANESE },
	{ 0x4e00, 0x9fff, JAPANESE },
	{ 0xac00, 0xd7a3, HANGUL },
};

/* Cyrillic small letters that pass for Latin ones. */
static const uint16_t lookalikes[] = { 0x430, 0x433, 0x435, 0x43e, 0x43f, 0x440, 0x441, 0x443,
	0x445, 0x44a, 0x44c, 0x455, 0x456, 0x458 };

static enum script
script_of(uint32_t point)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return ranges[i].script;
	return NONE;
}

static bool
is_lookalike(uint32_t point)
{
	for (size_t i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++)
		if (lookalikes[i] == point)
			return true;
	return false;
}

static bool
label_single(struct span label)
{
	enum script seen = COMMON, script;
	bool telling = false; /* a letter that no Latin one looks like */
	uint32_t point;

	while (label.n > 0) {
		if (!utf8_cut(&label, &point) || (script = script_of(point)) == NONE)
			return false;
		if (script == COMMON)
			continue;
		if (seen != COMMON && seen != script)
			return false;
		seen = script;
		telling = telling || script != CYRILLIC || !is_lookalike(point);
	}
	return seen != CYRILLIC || telling;
}

bool
idn_script_single(struct span domain)
{
	while (domain.n > 0)
		if (!label_single(span_cut(&domain, '.')))
			return false;
	return true;
}
