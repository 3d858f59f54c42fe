/* smtp_data — content of DATA; see smtp_data.h. */
#include "proto/smtp/smtp_data.h"

#include <string.h>

/* -- reader ------------------------------------------------------------------------------------- */

static enum smtp_data_result
bad(enum refusal why, struct err *e)
{
	if (why == REFUSAL_line_too_long)
		err_set(e, why, "a line of the message is longer than %d octets",
		    SMTP_DATA_LINE_MAX);
	else
		err_set(e, why, "a line of the message %s",
		    why == REFUSAL_bare_lf ? "does not end in CR LF" : "has a NUL");
	return SMTP_DATA_BAD;
}

/* The octets before the next one that is special in the middle of a line: CR, LF or NUL. */
static size_t
plain(struct span in)
{
	size_t n = in.n;
	const char *at;

	/* Each search is over what the one before it left, so that long runs cost one pass of each. */
	if ((at = memchr(in.p, '\r', n)) != NULL)
		n = (size_t)(at - in.p);
	if ((at = memchr(in.p, '\n', n)) != NULL)
		n = (size_t)(at - in.p);
	if ((at = memchr(in.p, '\0', n)) != NULL)
		n = (size_t)(at - in.p);
	return n;
}

/* The dot was taken off: a CR may begin the end, and all else is content. */
static enum smtp_data_place
after_dot(char c)
{
	return c == '\r' ? SMTP_DATA_DOT_CR : SMTP_DATA_TEXT;
}

/* The octet after a CR.  What was "." CR LF is the end; other CRLF are content, given as a constant, since the CR
 * may have come in an earlier call. */
static enum smtp_data_result
take_lf(struct smtp_data *d, char c, struct span *piece, struct err *e)
{
	bool end = d->place == SMTP_DATA_DOT_CR;

	if (c != '\n' && RULE(bare_lf))
		return bad(REFUSAL_bare_lf, e);
	*d = (struct smtp_data) { 0 };
	*piece = end ? (struct span) { 0 } : SPAN_LIT("\r\n");
	return end ? SMTP_DATA_END : SMTP_DATA_PIECE;
}

/* Is the octet that ended a run of plain ones a fault? */
static bool
is_fault(char c, enum refusal *why)
{
	*why = c == '\n' ? REFUSAL_bare_lf : REFUSAL_bad_octet;
	return (c == '\n' && RULE(bare_lf)) || (c == '\0' && RULE(bad_octet));
}

/* Content of one line, up to its CR, which waits for its LF. */
static enum smtp_data_result
take_text(struct smtp_data *d, struct span in, struct span *piece, size_t *used, struct err *e)
{
	size_t n = plain(in);
	bool cr = n < in.n && in.p[n] == '\r';
	enum refusal why;

	if (RULE(line_too_long) && d->line + n + 2 > SMTP_DATA_LINE_MAX)
		return bad(REFUSAL_line_too_long, e);
	if (n < in.n && is_fault(in.p[n], &why))
		return bad(why, e);
	if (n < in.n && !cr)
		n++;
	d->place = cr ? SMTP_DATA_CR : SMTP_DATA_TEXT;
	d->line += n;
	*piece = span_sub(in, 0, n);
	*used += n + cr;
	return n > 0 ? SMTP_DATA_PIECE : SMTP_DATA_MORE;
}

/* One octet, or a run of them.  SMTP_DATA_MORE: it was taken, and gave no content. */
static enum smtp_data_result
step(struct smtp_data *d, struct span in, struct span *piece, size_t *used, struct err *e)
{
	switch (d->place) {
	case SMTP_DATA_BEGIN:
		if (in.p[0] != '.')
			return take_text(d, in, piece, used, e);
		++*used;
		d->line++;
		d->place = SMTP_DATA_DOT;
		return SMTP_DATA_MORE;
	case SMTP_DATA_DOT:
		d->place = after_dot(in.p[0]);
		*used += d->place == SMTP_DATA_DOT_CR;
		return SMTP_DATA_MORE;
	case SMTP_DATA_CR:
	case SMTP_DATA_DOT_CR:
		++*used;
		return take_lf(d, in.p[0], piece, e);
	case SMTP_DATA_TEXT:
		break;
	}
	return take_text(d, in, piece, used, e);
}

enum smtp_data_result
smtp_data_next(struct smtp_data *d, struct span in, struct span *piece, size_t *used, struct err *e)
{
	enum smtp_data_result r = SMTP_DATA_MORE;

	*used = 0;
	while (r == SMTP_DATA_MORE && *used < in.n)
		r = step(d, span_sub(in, *used, in.n), piece, used, e);
	return r;
}

/* -- writer ------------------------------------------------------------------------------------- */

/* Up to and with the next line end, if there is one. */
static size_t
to_line_end(struct smtp_dots *d, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool end = d->cr && s.p[i] == '\n';

		d->cr = s.p[i] == '\r';
		d->inside = !end;
		if (end)
			return i + 1;
	}
	return s.n;
}

size_t
smtp_dots_put(struct smtp_dots *d, struct span *letter, char *dst, size_t room)
{
	size_t len = 0;

	while (letter->n > 0 && room - len >= 2) {
		size_t n;

		if (!d->inside && letter->p[0] == '.')
			dst[len++] = '.';
		n = to_line_end(d, span_sub(*letter, 0, room - len));
		memcpy(dst + len, letter->p, n);
		len += n;
		*letter = span_sub(*letter, n, letter->n);
	}
	return len;
}

struct span
smtp_dots_end(const struct smtp_dots *d)
{
	return d->inside ? SPAN_LIT("\r\n.\r\n") : SPAN_LIT(".\r\n");
}
