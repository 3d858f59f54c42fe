/* charset — octets of a named character set become UTF-8; see charset.h. */
#include "mc/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "mc/visible.h"

#define PIECE_BYTES 4096

/* clang-format off */
static const struct charset {
	const char *name; /* iconv's */
	const char *labels;
} charsets[] = {
	{ "UTF-8", " unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8 " },
	{ "IBM866", " 866 cp866 csibm866 ibm866 " },
	{ "ISO-8859-2", " csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2 " },
	{ "ISO-8859-3", " csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3 " },
	{ "ISO-8859-4", " csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4 " },
	{ "ISO-8859-5", " csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 " },
	{ "ISO-8859-6", " arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 " },
	{ "ISO-8859-7", " csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek " },
	{ "ISO-8859-8", " csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical " },
	{ "ISO-8859-10", " csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6 " },
	{ "ISO-8859-13", " iso-8859-13 iso8859-13 iso885913 " },
	{ "ISO-8859-14", " iso-8859-14 iso8859-14 iso885914 " },
	{ "ISO-8859-15", " csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 latin-9 latin9 " },
	{ "ISO-8859-16", " iso-8859-16 " },
	{ "KOI8-R", " cskoi8r koi koi8 koi8-r koi8_r " },
	{ "KOI8-U", " koi8-ru koi8-u " },
	{ "MACINTOSH", " csmacintosh mac macintosh x-mac-roman " },
	{ "CP874", " dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874 " },
	{ "CP1250", " cp1250 windows-1250 x-cp1250 " },
	{ "CP1251", " cp1251 windows-1251 x-cp1251 " },
	{ "CP1252", " ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252 " },
	{ "CP1253", " cp1253 windows-1253 x-cp1253 " },
	{ "CP1254", " cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254 " },
	{ "CP1255", " cp1255 windows-1255 x-cp1255 " },
	{ "CP1256", " cp1256 windows-1256 x-cp1256 " },
	{ "CP1257", " cp1257 windows-1257 x-cp1257 " },
	{ "CP1258", " cp1258 windows-1258 x-cp1258 " },
	{ "MAC-UK", " x-mac-cyrillic x-mac-ukrainian " },
	{ "GB18030", " chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030 cp936 ms936 windows-936 " },
	{ "BIG5-HKSCS", " big5 big5-hkscs cn-big5 csbig5 x-x-big5 cp950 " },
	{ "EUC-JP-MS", " cseucpkdfmtjapanese euc-jp x-euc-jp " },
	{ "ISO-2022-JP", " csiso2022jp iso-2022-jp iso-2022-jp-1 iso-2022-jp-ms cp50220 cp50221 cp50222 " },
	{ "CP932", " csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis cp932 " },
	{ "UHC", " cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949 cp949 uhc ms949 " },
	{ "UTF-16BE", " unicodefffe utf-16be " },
	{ "UTF-16LE", " csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le " },
};
/* clang-format on */

/* -- labels ------------------------------------------------------------------------------------- */

static bool
is_label_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    c == '.' || c == ':';
}

/* In lower case between spaces, as in the table: the first run of a label's characters, so quotes and
 * comments that senders leave around it do not count. */
static void
label_word(struct span label, char out[CHARSET_LABEL_BYTES + 3])
{
	size_t n = 1;

	out[0] = ' ';
	for (size_t i = 0; i < label.n && n <= CHARSET_LABEL_BYTES; i++) {
		char c = label.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (is_label_octet(c))
			out[n++] = c;
		else if (n > 1)
			break;
	}
	out[n++] = ' ';
	out[n] = '\0';
}

const char *
charset_name(struct span label)
{
	char word[CHARSET_LABEL_BYTES + 3];

	label_word(label, word);
	if (word[2] != '\0')
		for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++)
			if (strstr(charsets[i].labels, word) != NULL)
				return charsets[i].name;
	return NULL;
}

/* -- through iconv ------------------------------------------------------------------------------ */

static void
add_utf8(struct buf *out, unsigned c) /* below U+0800 or in the basic plane */
{
	char u[3] = { (char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
		(char)(0x80 | (c & 0x3f)) };

	if (c < 0x800) {
		u[1] = (char)(0xc0 | c >> 6);
		buf_add(out, u + 1, 2);
	} else
		buf_add(out, u, 3);
}

/* What iconv has no character for.  In the single-byte sets of the standard the gaps from 0x80 to
 * 0x9f are C1 controls, and 0x80 is the euro sign in GBK.  Returns whether it was read. */
static bool
add_gap(struct buf *out, const char *name, unsigned char c)
{
	bool single = strncmp(name, "CP125", 5) == 0 || strncmp(name, "CP874", 5) == 0;

	if (single && c >= 0x80 && c < 0xa0)
		add_utf8(out, c);
	else if (c == 0x80 && strcmp(name, "GB18030") == 0)
		add_utf8(out, 0x20ac);
	else {
		buf_add(out, &c, 1);
		return false;
	}
	return true;
}

static bool
is_open(iconv_t cd)
{
	return cd != (iconv_t)-1; /* NOLINT(performance-no-int-to-ptr): so POSIX has it */
}

/* For iconv, which does not write there. */
static char *
input(const char *p)
{
	return (char *)(uintptr_t)p; /* NOLINT(performance-no-int-to-ptr): it takes no const */
}

static bool
convert(struct buf *out, const char *name, struct span octets)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char *in = input(octets.p);
	size_t left = octets.n;
	bool all = true;

	if (!is_open(cd)) {
		buf_add(out, octets.p, octets.n);
		return span_is_ascii(octets);
	}
	for (bool last = false; !last;) {
		char *to = buf_room(out, PIECE_BYTES);
		size_t room = PIECE_BYTES, n;

		last = left == 0; /* some sets keep a letter back to compose it with an accent */
		n = iconv(cd, last ? NULL : &in, &left, &to, &room);
		out->len += PIECE_BYTES - room;
		if (last || n != (size_t)-1 || errno == E2BIG)
			continue;
		all = add_gap(out, name, (unsigned char)*in) && all;
		in++;
		left--;
	}
	(void)iconv_close(cd);
	return all;
}

/* Octets that the standard reads otherwise than iconv does. */
static bool
add_single(struct buf *out, const char *name, struct span octets)
{
	static const struct {
		const char *name;
		unsigned char octet;
		unsigned c;
	} others[] = { { "KOI8-U", 0xae, 0x45e }, { "KOI8-U", 0xbe, 0x40e },
		{ "MAC-UK", 0xff, 0x20ac } };
	size_t from = 0;
	bool all = true;

	for (size_t i = 0; i < octets.n; i++)
		for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
			if ((unsigned char)octets.p[i] == others[k].octet &&
			    strcmp(name, others[k].name) == 0) {
				all = convert(out, name, span_sub(octets, from, i - from)) && all;
				add_utf8(out, others[k].c);
				from = i + 1;
			}
	return convert(out, name, span_sub(octets, from, octets.n)) && all;
}

/* -- Big5 --------------------------------------------------------------------------------------- */

/* One character of two octets, with what iconv keeps back of it. */
static bool
add_pair(struct buf *out, iconv_t cd, const char *pair)
{
	char *in = input(pair), *to = buf_room(out, 16);
	size_t left = 2, room = 16;
	bool ok = iconv(cd, &in, &left, &to, &room) != (size_t)-1 && left == 0 &&
	    iconv(cd, NULL, NULL, &to, &room) != (size_t)-1;

	if (ok)
		out->len += 16 - room;
	else
		(void)iconv(cd, NULL, NULL, NULL, NULL);
	return ok;
}

/* The standard's Big5 is CP950 in its signs, and HKSCS in all that CP950 leaves to users. */
static bool
add_big5(struct buf *out, struct span s)
{
	iconv_t signs = iconv_open("UTF-8", "CP950"), all = iconv_open("UTF-8", "BIG5-HKSCS");
	bool ok = is_open(signs) && is_open(all), read = ok;

	while (s.n > 0) {
		bool sign = (unsigned char)s.p[0] >= 0xa1 && (unsigned char)s.p[0] <= 0xa3;
		bool pair = ok && (unsigned char)s.p[0] >= 0x80 && s.n > 1 &&
		    (add_pair(out, sign ? signs : all, s.p) ||
			add_pair(out, sign ? all : signs, s.p));

		if (!pair) {
			buf_add(out, s.p, 1);
			read = read && (unsigned char)s.p[0] < 0x80;
		}
		s = span_sub(s, pair ? 2 : 1, s.n);
	}
	if (is_open(signs))
		(void)iconv_close(signs);
	if (is_open(all))
		(void)iconv_close(all);
	return read;
}

/* -- ISO-2022-JP -------------------------------------------------------------------------------- */

enum jis { JIS_ASCII, JIS_ROMAN, JIS_KANA, JIS_0208, JIS_0212 };

/* As EUC-JP it has the NEC and IBM rows, which iconv does not read in ISO-2022-JP. */
struct jis_reader {
	struct buf *out;
	struct buf euc; /* not yet converted */
	enum jis set, before_shift;
	bool all;
};

static void
jis_flush(struct jis_reader *r)
{
	r->all = convert(r->out, "EUC-JP-MS", buf_span(&r->euc)) && r->all;
	buf_reset(&r->euc);
}

static void
jis_unread(struct jis_reader *r, char c)
{
	jis_flush(r);
	buf_add(r->out, &c, 1);
	r->all = false;
}

/* The octets of the escape or shift at the front of s, which chooses another set; 0: none. */
static size_t
jis_escape(struct jis_reader *r, struct span s)
{
	static const struct {
		const char *sequence;
		enum jis set;
	} escapes[] = {
		{ "\033(B", JIS_ASCII },
		{ "\033(J", JIS_ROMAN },
		{ "\033(H", JIS_ROMAN },
		{ "\033(I", JIS_KANA },
		{ "\033$@", JIS_0208 },
		{ "\033$B", JIS_0208 },
		{ "\033$(D", JIS_0212 },
	};

	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
		if (span_starts(s, span_str(escapes[i].sequence))) {
			r->set = escapes[i].set;
			return strlen(escapes[i].sequence);
		}
	if (s.p[0] == 0x0e) {
		r->before_shift = r->set;
		r->set = JIS_KANA;
		return 1;
	}
	if (s.p[0] == 0x0f) {
		r->set = r->before_shift;
		return 1;
	}
	return 0;
}

static bool
is_graphic(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Is the octet at the front of s part of no character of the set? */
static bool
jis_is_none(const struct jis_reader *r, struct span s)
{
	bool pair = r->set != JIS_ASCII && r->set != JIS_ROMAN && r->set != JIS_KANA;

	if ((unsigned char)s.p[0] >= 0x80 ||
	    (s.p[0] == 0x7f && r->set != JIS_ASCII && r->set != JIS_ROMAN))
		return true;
	return pair && is_graphic(s.p[0]) && (s.n < 2 || !is_graphic(s.p[1]));
}

/* The octets of the character at the front of s. */
static size_t
jis_character(struct jis_reader *r, struct span s)
{
	char pair[3] = { (char)0x8f, (char)(s.p[0] | 0x80), s.n > 1 ? (char)(s.p[1] | 0x80) : 0 };

	if (jis_is_none(r, s)) {
		jis_unread(r, s.p[0]);
	} else if (!is_graphic(s.p[0]) || r->set == JIS_ASCII) {
		buf_add(&r->euc, s.p, 1);
	} else if (r->set == JIS_KANA) {
		pair[0] = (char)0x8e;
		buf_add(&r->euc, pair, 2);
	} else if (r->set == JIS_ROMAN) {
		jis_flush(r);
		if (s.p[0] == '\\')
			add_utf8(r->out, 0xa5);
		else if (s.p[0] == '~')
			add_utf8(r->out, 0x203e);
		else
			buf_add(r->out, s.p, 1);
	} else {
		buf_add(&r->euc, pair + (r->set == JIS_0208), r->set == JIS_0208 ? 2 : 3);
		return 2;
	}
	return 1;
}

static bool
add_jis(struct buf *out, struct span s)
{
	struct jis_reader r = { .out = out, .all = true };

	while (s.n > 0) {
		size_t n = jis_escape(&r, s);

		if (n == 0)
			n = jis_character(&r, s);
		s = span_sub(s, n, s.n);
	}
	jis_flush(&r);
	buf_clear(&r.euc);
	return r.all;
}

/* -- HZ (RFC 1843) ------------------------------------------------------------------------------ */

static bool
add_hz(struct buf *out, struct span s)
{
	struct buf gb = BUF_INIT;
	bool in_gb = false, all;

	while (s.n > 0) {
		size_t n = 2;

		if (s.p[0] == '~' && s.n > 1 && (s.p[1] == '{' || s.p[1] == '}'))
			in_gb = s.p[1] == '{';
		else if (s.p[0] == '~' && s.n > 1 && s.p[1] == '~' && !in_gb)
			buf_add(&gb, "~", 1);
		else if (in_gb && is_graphic(s.p[0]) && s.n > 1 && is_graphic(s.p[1])) {
			char pair[2] = { (char)(s.p[0] | 0x80), (char)(s.p[1] | 0x80) };

			buf_add(&gb, pair, 2);
		} else {
			in_gb = in_gb && s.p[0] != '\n';
			buf_add(&gb, s.p, 1);
			n = 1;
		}
		s = span_sub(s, n, s.n);
	}
	all = convert(out, "GB18030", buf_span(&gb));
	buf_clear(&gb);
	return all;
}

/* -- UTF-8, said or guessed --------------------------------------------------------------------- */

/* How many characters of two octets or more there are, and octets that belong to none. */
static void
count(struct span s, size_t *characters, size_t *stray)
{
	uint32_t c;

	*characters = *stray = 0;
	for (size_t n; s.n > 0; s = span_sub(s, n, s.n)) {
		n = visible_utf8(s, &c);
		*characters += n > 1;
		*stray += n == 0;
		n += n == 0;
	}
}

static bool
add_unlabelled(struct buf *out, struct span octets)
{
	size_t characters, stray;

	count(octets, &characters, &stray);
	if (stray > characters)
		return convert(out, "CP1252", octets);
	buf_add(out, octets.p, octets.n);
	return stray == 0;
}

/* A byte order mark says more than a label. */
static const char *
marked(struct span *octets, const char *name)
{
	static const struct {
		const char *mark, *name;
	} marks[] = { { "\357\273\277", "UTF-8" }, { "\376\377", "UTF-16BE" },
		{ "\377\376", "UTF-16LE" } };

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (span_starts(*octets, span_str(marks[i].mark))) {
			*octets = span_sub(*octets, strlen(marks[i].mark), octets->n);
			return marks[i].name;
		}
	return name;
}

bool
charset_add(struct buf *out, struct span label, struct span octets)
{
	static const char ascii[] =
	    "  us-ascii ascii ansi_x3.4-1968 unknown-8bit x-unknown unknown ";
	char word[CHARSET_LABEL_BYTES + 3];
	const char *name = charset_name(label);
	size_t characters, stray;

	label_word(label, word);
	name = marked(&octets, name);
	if (name != NULL && strcmp(name, "UTF-8") == 0) {
		count(octets, &characters, &stray);
		buf_add(out, octets.p, octets.n);
		return stray == 0;
	}
	if (strstr(ascii, word) != NULL) /* none is found too */
		return add_unlabelled(out, octets);
	if (name != NULL && strcmp(name, "ISO-2022-JP") == 0)
		return add_jis(out, octets);
	if (name != NULL && strcmp(name, "BIG5-HKSCS") == 0)
		return add_big5(out, octets);
	if (name != NULL)
		return add_single(out, name, octets);
	count(octets, &characters, &stray);
	if (characters > 0 && stray == 0) { /* whatever it is called */
		buf_add(out, octets.p, octets.n);
		return true;
	}
	if (strcmp(word, " hz-gb-2312 ") == 0)
		return add_hz(out, octets);
	word[strlen(word) - 1] = '\0';
	return convert(out, word + 1, octets);
}

bool
charset_guess(struct buf *out, struct span likely, struct span octets)
{
	const char *name = charset_name(likely);
	bool jis = name != NULL && strcmp(name, "ISO-2022-JP") == 0 && span_has(octets, '\033');
	size_t characters, stray;

	if (span_is_ascii(octets) && !jis) {
		buf_add(out, octets.p, octets.n);
		return true;
	}
	count(octets, &characters, &stray);
	if (stray == 0 && !jis) {
		buf_add(out, octets.p, octets.n);
		return true;
	}
	if (name == NULL || strncmp(name, "UTF-", 4) == 0)
		return add_unlabelled(out, octets);
	return charset_add(out, likely, octets);
}
