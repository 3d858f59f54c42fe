/* words — encoded words of a header field; see words.h. */
#include "mc/words.h"

#include <string.h>

#include "mc/base64_text.h"
#include "mc/charset.h"
#include "mc/quoted_text.h"

#include "common/base/ascii.h"

#define WORD_BYTES 16384 /* a longer one is none; RFC 2047 allows 75 */

struct word {
	struct span charset, text;
	bool base64;
	size_t length; /* of the whole, in the value */
};

struct reader {
	struct buf *out;
	struct buf octets; /* of neighbours in the same character set */
	struct span charset;
	struct buf run;  /* UTF-8 of neighbours */
	struct buf text; /* between words */
	bool encode;     /* write runs as encoded words again */
	bool in_run, quoted;
};

/* encoded-word = "=?" charset ["*" language] "?" ( "B" / "Q" ) "?" text "?=" */
static bool
parse_word(struct span s, struct word *w)
{
	struct span rest = span_sub(s, 2, WORD_BYTES), encoding;
	const char *end;

	if (!span_starts(s, SPAN_LIT("=?")))
		return false;
	w->charset = span_cut(&rest, '?');
	encoding = span_cut(&rest, '?');
	for (size_t i = 0; i < w->charset.n; i++)
		if (ascii_is_space(w->charset.p[i]))
			return false;
	w->charset = span_cut(&w->charset, '*');
	w->base64 = span_eq_nocase(encoding, SPAN_LIT("B"));
	end = rest.n == 0 ? NULL : memmem(rest.p, rest.n, "?=", 2);
	if (w->charset.n == 0 || end == NULL ||
	    (!w->base64 && !span_eq_nocase(encoding, SPAN_LIT("Q"))))
		return false;
	w->text = span_of(rest.p, (size_t)(end - rest.p));
	w->length = (size_t)(end - s.p) + 2;
	return !w->base64 || !span_has(w->text, '"'); /* it would end in another parameter */
}

static void
decode_q(struct buf *out, struct span s)
{
	while (s.n > 0) {
		char c = s.p[0] == '_' ? ' ' : s.p[0];
		bool quoted = quoted_octet(s, &c);

		if (quoted || (c != '\r' && c != '\n'))
			buf_add(out, &c, 1);
		s = span_sub(s, quoted ? 3 : 1, s.n);
	}
}

static void
encode_b(struct buf *out, struct span s)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t bits = 0;
		char four[4];

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			four[k] = i + k > s.n ? '=' : digits[bits >> (18 - 6 * k) & 0x3f];
		buf_add(out, four, 4);
	}
}

static void
convert_pending(struct reader *r)
{
	if (r->octets.len > 0)
		(void)charset_add(&r->run, r->charset, buf_span(&r->octets));
	buf_reset(&r->octets);
}

static void
end_run(struct reader *r)
{
	convert_pending(r);
	if (r->encode && r->run.len > 0) {
		buf_add(r->out, "=?utf-8?B?", 10);
		encode_b(r->out, buf_span(&r->run));
		buf_add(r->out, "?=", 2);
	} else
		buf_add(r->out, r->run.data, r->run.len);
	buf_reset(&r->run);
	r->in_run = false;
}

/* Text between words; between neighbours it is only blanks, and is nothing. */
static void
end_text(struct reader *r)
{
	buf_add(r->out, r->text.data, r->text.len);
	buf_reset(&r->text);
}

static bool
is_same_charset(struct span a, struct span b)
{
	const char *name = charset_name(a), *other = charset_name(b);

	return span_eq_nocase(a, b) || (name != NULL && other != NULL && strcmp(name, other) == 0);
}

static void
take_word(struct reader *r, const struct word *w)
{
	bool neighbour = r->in_run;

	for (size_t i = 0; i < r->text.len && neighbour; i++)
		neighbour = ascii_is_space(r->text.data[i]);
	if (neighbour)
		buf_reset(&r->text);
	else {
		end_run(r);
		end_text(r);
	}
	if (!is_same_charset(r->charset, w->charset))
		convert_pending(r);
	r->charset = w->charset;
	r->in_run = true;
	if (w->base64)
		(void)base64_decode(&r->octets, w->text);
	else
		decode_q(&r->octets, w->text);
}

/* The octets at the front of s that are one of text; returns how many there were. */
static size_t
take_text(struct reader *r, struct span s)
{
	char c = s.p[0], next = s.n > 1 ? s.p[1] : '\0';

	if (c == '\r' || c == '\n')
		return 1;
	if (r->encode && r->quoted && c == '\\' && (next == '"' || next == '\\')) {
		buf_add(&r->text, s.p, 2);
		return 2;
	}
	if (r->encode && r->quoted && c == '\\')
		buf_add(&r->text, "\\", 1);
	if (c == '"')
		r->quoted = !r->quoted;
	buf_add(&r->text, &c, 1);
	return 1;
}

/* Text is converted before it is read: in some sets an octet of a character looks like a quote. */
static void
read_raw(struct reader *r, struct span s, struct span charset)
{
	struct buf b = BUF_INIT;
	struct span rest;

	(void)charset_guess(&b, charset, s);
	for (rest = buf_span(&b); rest.n > 0;)
		rest = span_sub(rest, take_text(r, rest), rest.n);
	buf_clear(&b);
}

static void
read_value(struct reader *r, struct span s, struct span charset)
{
	struct word w;

	while (s.n > 0 && ascii_is_space(s.p[0]))
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && ascii_is_space(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0) {
		size_t raw = 0;

		while (raw < s.n && !parse_word(span_sub(s, raw, s.n), &w))
			raw++;
		read_raw(r, span_sub(s, 0, raw), charset);
		if (raw < s.n)
			take_word(r, &w);
		s = span_sub(s, raw < s.n ? raw + w.length : raw, s.n);
	}
	end_run(r);
	end_text(r);
	buf_clear(&r->octets);
	buf_clear(&r->run);
	buf_clear(&r->text);
}

void
words_text(struct buf *out, struct span value, struct span charset)
{
	struct reader r = { .out = out };

	read_value(&r, value, charset);
}

void
words_plain(struct buf *out, struct span value, struct span charset)
{
	struct reader r = { .out = out, .encode = true };

	read_value(&r, value, charset);
}
