/* reply — one reply line; see reply.h. */
#include "proto/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/ascii.h"
#include "proto/line.h"

#define WORD_MAX 31 /* characters of an unknown word that is passed on */

/* -- writing ---------------------------------------------------------------------------- */

/* Cuts at a whole UTF-8 character. */
static void
add_cut(struct buf *out, const char *text, size_t start)
{
	size_t room = LINE_MAX_BYTES - 2 - (out->len - start);
	size_t n = 0;

	while (n < room && text[n] != '\0')
		n++;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	buf_add(out, text, n);
	buf_add(out, "\r\n", 2);
}

void
reply_addf(struct buf *out, int code, const char *enhanced, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	size_t start = out->len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_addf(out, "%d %s ", code, enhanced);
	add_cut(out, text, start);
}

void
reply_add_payload(struct buf *out, int code, const char *enhanced, uint64_t octets,
    const char *text)
{
	size_t start = out->len;

	buf_addf(out, "%d %s {%llu} ", code, enhanced, (unsigned long long)octets);
	add_cut(out, text, start);
}

/* What never goes on the wire by its own name is an internal failure to the peer. */
void
reply_add_refusal(struct buf *out, const struct err *e)
{
	enum refusal why = refusal_code(e->why) == 0 || e->why == REFUSAL_NONE ? REFUSAL_internal
									       : e->why;
	const char *text = why == e->why ? e->text : refusal_sentence(why);
	size_t start = out->len;

	buf_addf(out, "%d %s [%s] ", refusal_code(why), refusal_enhanced(why), refusal_word(why));
	add_cut(out, text, start);
}

/* -- reading ---------------------------------------------------------------------------- */

/* code = ("1" / "2" / "3" / "4" / "5") 2DIGIT */
static bool
parse_code(struct span s, int *code)
{
	if (s.n != 3 || s.p[0] < '1' || s.p[0] > '5' || !ascii_is_digit(s.p[1]) ||
	    !ascii_is_digit(s.p[2]))
		return false;
	*code = (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0');
	return true;
}

/* enhanced = ("2" / "4" / "5") "." 1*3DIGIT "." 1*3DIGIT        RFC 3463 */
bool
reply_is_enhanced(struct span s)
{
	struct span rest = s, class = span_cut(&rest, '.'), subject = span_cut(&rest, '.');
	uint64_t n;

	return class.n == 1 && (class.p[0] == '2' || class.p[0] == '4' || class.p[0] == '5') &&
	    subject.n <= 3 && span_u64(subject, &n) && rest.n <= 3 && span_u64(rest, &n);
}

/* A bracketed first word of *rest moves to *inside; false where there is none. */
static bool
cut_bracketed(struct span *rest, char open, char close, struct span *inside)
{
	struct span after = *rest, token = span_cut(&after, ' ');

	if (token.n < 3 || token.p[0] != open || token.p[token.n - 1] != close)
		return false;
	*inside = span_sub(token, 1, token.n - 2);
	*rest = after;
	return true;
}

static bool
lacks(const char *what, struct span line, struct err *e)
{
	return err_set(e, REFUSAL_bad_reply, "the reply \"%.*s\" has no %s",
	    (int)(line.n < 80 ? line.n : 80), line.p, what);
}

/* After a code below 400: what only a refusal has. */
static bool
is_refusal(struct span enhanced, struct span rest)
{
	struct span word;

	return enhanced.p[0] != '2' ||
	    (cut_bracketed(&rest, '[', ']', &word) && refusal_by_word(word) != REFUSAL_NONE);
}

bool
reply_parse(struct span line, struct reply *r, struct err *e)
{
	struct span rest = line, octets;

	*r = (struct reply) { 0 };
	if (!parse_code(span_cut(&rest, ' '), &r->code))
		return lacks("reply code", line, e);
	r->enhanced = span_cut(&rest, ' ');
	if (!reply_is_enhanced(r->enhanced))
		return lacks("enhanced status code after its reply code", line, e);
	if (r->code < 400 && is_refusal(r->enhanced, rest))
		return err_set(e, REFUSAL_bad_reply,
		    "the reply \"%.*s\" has the code of a success and the words of a refusal",
		    (int)(line.n < 80 ? line.n : 80), line.p);
	if (r->code >= 400 && cut_bracketed(&rest, '[', ']', &r->word))
		r->why = refusal_by_word(r->word);
	if (r->code / 100 == 2 && cut_bracketed(&rest, '{', '}', &octets)) {
		r->has_payload = true;
		if (!span_u64(octets, &r->octets))
			return err_set(e, REFUSAL_bad_reply, "the reply's octets are no number");
	}
	if (r->code >= 400 && r->why == REFUSAL_NONE)
		r->why = REFUSAL_bad_reply;
	r->text = rest;
	return true;
}

/* word = 1*( %x61-7A / "-" ) */
static bool
is_word(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 'a' || s.p[i] > 'z') && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n <= WORD_MAX;
}

/* With the codes and, if it has the form of one, the word. */
static void
set_as_it_came(const struct reply *r, enum refusal why, struct err *e)
{
	bool has_word = is_word(r->word);

	err_set(e, why, "%d %.*s%s%.*s%s%s%.*s", r->code, SPAN_FMT(r->enhanced),
	    has_word ? " [" : "", has_word ? (int)r->word.n : 0, has_word ? r->word.p : "",
	    has_word ? "]" : "", r->text.n > 0 ? " " : "", SPAN_FMT(r->text));
}

bool
reply_err(const struct reply *r, struct err *e)
{
	enum refusal why = r->why;
	bool for_now = r->code / 100 == 4;

	if (why == REFUSAL_NONE || refusal_code(why) == 0 || (for_now && !refusal_temporary(why)))
		set_as_it_came(r, for_now ? REFUSAL_refused_for_now : REFUSAL_refused, e);
	else
		err_set(e, why, "%.*s", SPAN_FMT(r->text));
	e->said = r->text.n > 0 || why != e->why;
	return false;
}
