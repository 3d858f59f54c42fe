/* safe — foreign octets made fit for a terminal; see safe.h. */
#include "mc/safe.h"

#include <wchar.h>

#include "mc/visible.h"

#define MARKS_MAX 4 /* combining marks on one character; more would cover other lines */

struct writer {
	struct buf *out;
	enum safe_form form;
	bool ascii, blank; /* blank: a space is due before the next character */
	size_t start;
	unsigned marks;  /* since the last character that takes columns */
	uint32_t before; /* the last character that was written; 0: none */
};

static void
write_text(struct writer *w, struct span s)
{
	if (w->blank && w->out->len > w->start)
		buf_add(w->out, " ", 1);
	w->blank = false;
	buf_add(w->out, s.p, s.n);
}

static void
write_octet(struct writer *w, char c)
{
	write_text(w, span_str(""));
	buf_addf(w->out, "\\x%02x", (unsigned)(unsigned char)c);
}

static void
write_code(struct writer *w, uint32_t c)
{
	write_text(w, span_str(""));
	buf_addf(w->out, "U+%04X", (unsigned)c);
}

static bool
is_text(enum safe_form form)
{
	return form == SAFE_TEXT || form == SAFE_PROSE;
}

/* A character of UTF-8 in the n octets at the front of s. */
static void
write_character(struct writer *w, struct span s, size_t n, uint32_t c)
{
	bool prose = w->form == SAFE_PROSE || w->form == SAFE_WORDS;
	bool fold = w->form == SAFE_SAID || w->form == SAFE_WORDS;
	bool joins = w->form != SAFE_LINE && w->form != SAFE_SAID && !w->ascii &&
	    visible_joins(c, w->before, span_sub(s, n, s.n));

	if (fold && (visible_is_blank(c) || c == '\r' || c == '\n')) {
		w->blank = true;
		w->before = ' ';
		return;
	}
	if (prose && !joins && visible_is_filler(c))
		return;
	w->marks = c >= 0x300 && visible_is(c) && wcwidth((wchar_t)c) == 0 ? w->marks + 1 : 0;
	if (w->marks > MARKS_MAX)
		return;
	if (is_text(w->form) && (c == '\n' || c == '\t'))
		write_text(w, span_sub(s, 0, 1));
	else if (c < 0x80 && !visible_is(c))
		write_octet(w, s.p[0]);
	else if ((!visible_is(c) && !joins) || (w->ascii && c >= 0x80))
		write_code(w, c);
	else
		write_text(w, span_sub(s, 0, n));
	w->before = c;
}

static void
add(struct writer *w, struct span s)
{
	uint32_t c = 0;
	size_t n;

	w->start = w->out->len;
	for (; s.n > 0; s = span_sub(s, n, s.n)) {
		n = visible_utf8(s, &c);
		if (is_text(w->form) && s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n')
			continue;
		if (n > 0)
			write_character(w, s, n, c);
		else {
			n = 1;
			write_octet(w, s.p[0]);
			w->before = 0;
		}
	}
}

void
safe_add(struct buf *out, struct span s, enum safe_form form)
{
	struct writer w = { .out = out, .form = form };

	add(&w, s);
}

void
safe_add_ascii(struct buf *out, struct span s, enum safe_form form)
{
	struct writer w = { .out = out, .form = form, .ascii = true };

	add(&w, s);
}

/* -- columns ------------------------------------------------------------------------------------ */

/* Terminals disagree about some characters.  Each counts as the widest that any of them shows, because
 * what is wider than a line continues at the left margin.  U+FE0F makes the character before it an emoji. */
static size_t
widest(uint32_t c)
{
	int w = wcwidth((wchar_t)c);

	if (c == 0xfe0f)
		return 1;
	if (w < 0 || (c >= 0x1f1e6 && c <= 0x1f1ff)) /* newer than the C library; half of a flag */
		return c < 0x80 ? 1 : 2;
	return (size_t)w;
}

/* The length of the character at the front of s (s.n > 0), and its columns after `used` of them. */
static size_t
measure(struct span s, size_t used, size_t *columns)
{
	uint32_t c = 0;
	size_t n = visible_utf8(s, &c);

	*columns = n == 0 ? 1 : c == '\t' ? 8 - used % 8 : widest(c);
	return n == 0 ? 1 : n;
}

size_t
safe_columns(struct span safe)
{
	size_t columns = 0, one, n;

	for (; safe.n > 0; safe = span_sub(safe, n, safe.n)) {
		n = measure(safe, columns, &one);
		columns += one;
	}
	return columns;
}

struct span
safe_cut(struct span safe, size_t columns)
{
	size_t at = 0, used = 0, one, n;

	while (at < safe.n) {
		n = measure(span_sub(safe, at, safe.n), used, &one);
		used += one;
		if (used > columns)
			break;
		at += n;
	}
	return span_sub(safe, 0, at);
}

static void
add_spaces(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_add(out, " ", 1);
}

/* The beginning of `line` that fits into `room` columns, up to a space if it is not all of it. */
static struct span
piece_of(struct span line, size_t room)
{
	struct span piece = safe_cut(line, room);
	size_t n = piece.n;

	if (n == line.n || line.p[n] == ' ')
		return piece;
	while (n > 0 && piece.p[n - 1] != ' ')
		n--;
	if (n > 0)
		return span_sub(piece, 0, n);
	if (piece.n == 0) { /* not even one character fits */
		size_t one;

		piece.n = measure(line, 0, &one);
	}
	return piece;
}

/* One line of the text; a TAB becomes spaces. */
static void
wrap_line(struct buf *out, struct span line, size_t first, size_t indent, size_t room)
{
	struct buf flat = BUF_INIT;
	size_t used = 0, one, n;

	for (; line.n > 0; line = span_sub(line, n, line.n), used += one) {
		n = measure(line, used, &one);
		if (line.p[0] == '\t')
			add_spaces(&flat, one);
		else
			buf_add(&flat, line.p, n);
	}
	line = buf_span(&flat);
	do {
		struct span piece = piece_of(line, room);

		line = span_sub(line, piece.n, line.n);
		while (line.n > 0 && piece.n > 0 && piece.p[piece.n - 1] == ' ')
			piece.n--;
		if (piece.n > 0)
			add_spaces(out, first);
		buf_add(out, piece.p, piece.n);
		buf_add(out, "\n", 1);
		while (line.n > 0 && line.p[0] == ' ')
			line = span_sub(line, 1, line.n);
		first = indent;
	} while (line.n > 0);
	buf_clear(&flat);
}

void
safe_wrap(struct buf *out, struct span safe, size_t first, size_t indent, size_t columns)
{
	while (safe.n > 0) {
		struct span line = span_cut(&safe, '\n');

		if (columns > 0)
			wrap_line(out, line, first, indent,
			    columns > indent + 1 ? columns - indent : 1);
		else {
			if (line.n > 0)
				add_spaces(out, first);
			buf_add(out, line.p, line.n);
			buf_add(out, "\n", 1);
		}
	}
}
