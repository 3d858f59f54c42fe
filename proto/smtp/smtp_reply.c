/* smtp_reply — replies of SMTP; see smtp_reply.h. */
#include "proto/smtp/smtp_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/ascii.h"
#include "proto/reply.h"

/* -- writing ------------------------------------------------------------------------------------ */

/* A peer that did not ask for UTF-8 gets printable ASCII. */
static void
add_ascii(struct buf *out, const char *text, size_t start)
{
	size_t n = strlen(text), room = SMTP_REPLY_LINE_MAX - 2 - (out->len - start);

	for (size_t i = 0; i < n && room > 0; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c & 0xc0) == 0x80) /* the first octet of the character has its "?" */
			continue;
		buf_add(out, c < 0x20 || c >= 0x7f ? "?" : text + i, 1);
		room--;
	}
	buf_add(out, "\r\n", 2);
}

void
smtp_reply_addf(struct buf *out, bool more, int code, const char *enhanced, const char *fmt, ...)
{
	char text[SMTP_REPLY_LINE_MAX];
	size_t start = out->len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_addf(out, "%d%c%s%s", code, more ? '-' : ' ', enhanced == NULL ? "" : enhanced,
	    enhanced == NULL ? "" : " ");
	add_ascii(out, text, start);
}

/* What never goes on the wire by its own name is an internal failure to the peer. */
void
smtp_reply_add_refusal(struct buf *out, const struct err *e, const char *contact)
{
	bool own = refusal_code(e->why) != 0 && e->why != REFUSAL_NONE;
	enum refusal why = own ? e->why : REFUSAL_internal;

	smtp_reply_addf(out, contact != NULL, refusal_code(why), refusal_enhanced(why), "[%s] %s",
	    refusal_word(why), own ? e->text : refusal_sentence(why));
	if (contact != NULL)
		smtp_reply_addf(out, false, refusal_code(why), refusal_enhanced(why), "%s",
		    contact);
}

/* -- reading ------------------------------------------------------------------------------------ */

static enum smtp_reply_result
bad(struct err *e, const char *what)
{
	err_set(e, REFUSAL_bad_reply, "%s", what);
	return SMTP_REPLY_BAD;
}

/* A line without its CRLF.  Peers may write any charset, so this is not line_next: CR and LF are a pair or a fault
 * here too, and NUL is one. */
static enum smtp_reply_result
cut_line(struct span in, struct span *line, size_t *used, struct err *e)
{
	size_t most = in.n < SMTP_REPLY_LINE_MAX ? in.n : SMTP_REPLY_LINE_MAX;
	const char *lf = most > 0 ? memchr(in.p, '\n', most) : NULL;
	size_t n = lf == NULL ? most : (size_t)(lf - in.p) + 1;

	if (n > 0 && memchr(in.p, '\0', n) != NULL)
		return bad(e, "a reply has a NUL");
	if (lf == NULL && n == SMTP_REPLY_LINE_MAX)
		return bad(e, "a line of a reply is longer than 512 octets");
	if (lf == NULL)
		return SMTP_REPLY_MORE;
	*line = span_sub(in, 0, n < 2 ? 0 : n - 2);
	if (n < 2 || in.p[n - 2] != '\r' || span_has(*line, '\r'))
		return bad(e, "a line of a reply does not end in CR LF");
	*used = n;
	return SMTP_REPLY_LINE;
}

/* code = %x32-35 2DIGIT, then "-", SP or the line's end; 0: none. */
static int
code_of(struct span line)
{
	const char *p = line.p;

	if (line.n < 3 || p[0] < '2' || p[0] > '5' || !ascii_is_digit(p[1]) ||
	    !ascii_is_digit(p[2]))
		return 0;
	if (line.n > 3 && p[3] != '-' && p[3] != ' ')
		return 0;
	return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
}

/* Adds the words of a line after those of the lines before, as far as there is room. */
static void
keep(struct smtp_reply *r, struct span words)
{
	size_t len = strlen(r->text), room = sizeof r->text - 1 - len;

	if (len > 0 && room > 0 && words.n > 0) {
		r->text[len++] = ' ';
		room--;
	}
	if (words.n > room)
		words.n = room;
	memcpy(r->text + len, words.p, words.n);
	r->text[len + words.n] = '\0';
}

/* The enhanced code is kept once, and taken off each line that repeats it. */
static void
take_words(struct smtp_reply *r, struct span words)
{
	struct span rest = words, token = span_cut(&rest, ' ');

	/* Its class is the first digit of the code (RFC 2034 4). */
	if (r->lines == 1 && reply_is_enhanced(token) && token.p[0] == '0' + r->code / 100)
		span_copy(token, r->enhanced, sizeof r->enhanced);
	if (r->enhanced[0] != '\0' && span_eq(token, span_str(r->enhanced)))
		words = rest;
	keep(r, words);
}

enum smtp_reply_result
smtp_reply_next(struct smtp_reply *r, struct span in, struct span *text, size_t *used,
    struct err *e)
{
	struct span line;
	enum smtp_reply_result result = cut_line(in, &line, used, e);
	int code;

	if (result != SMTP_REPLY_LINE)
		return result;
	if ((code = code_of(line)) == 0)
		return bad(e, "a line of a reply has no reply code");
	if (r->lines > 0 && code != r->code)
		return bad(e, "the lines of a reply have different codes");
	if (++r->lines > SMTP_REPLY_LINES_MAX)
		return bad(e, "a reply has more than 100 lines");
	r->code = code;
	r->done = line.n == 3 || line.p[3] == ' ';
	*text = span_sub(line, 4, line.n);
	take_words(r, *text);
	return SMTP_REPLY_LINE;
}

bool
smtp_reply_err(const struct smtp_reply *r, struct err *e)
{
	err_set(e, r->code / 100 == 4 ? REFUSAL_refused_for_now : REFUSAL_refused, "%d%s%s%s%s",
	    r->code, r->enhanced[0] != '\0' ? " " : "", r->enhanced, r->text[0] != '\0' ? " " : "",
	    r->text);
	e->said = true;
	return false;
}
