/* row — lines of listings; see row.h. */
#include "proto/row.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "proto/line.h"

/* -- writing ------------------------------------------------------------------------------- */

struct row_writer
row_begin(struct buf *out, const char *word)
{
	struct row_writer w = { out, out->len };

	buf_addf(out, "%s", word);
	return w;
}

static size_t
room(const struct row_writer *w)
{
	return LINE_MAX_BYTES - 2 - (w->out->len - w->start);
}

/* One character's octets, and how they are written. */
static struct span
escape(struct span rest, size_t *used)
{
	*used = utf8_printable(rest);
	if (*used == 0) {
		*used = 1;
		return SPAN_LIT("?");
	}
	if (rest.p[0] == ' ')
		return SPAN_LIT("%20");
	if (rest.p[0] == '%')
		return SPAN_LIT("%25");
	return span_sub(rest, 0, *used);
}

/* How many of the first octets are written as they are: nearly all of nearly every value. */
static size_t
plain(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] > 0x20 && s.p[n] < 0x7f && s.p[n] != '%')
		n++;
	return n;
}

/* False: the value was cut, or left out. */
static bool
add_text(struct row_writer *w, const char *key, struct span value)
{
	size_t used, start = w->out->len, n_key = strlen(key), first;
	bool whole = true;

	if (room(w) < n_key + 2)
		return false;
	buf_add(w->out, " ", 1);
	buf_add(w->out, key, n_key);
	buf_add(w->out, "=", 1);
	first = w->out->len;
	for (struct span rest = value; rest.n > 0; rest = span_sub(rest, used, rest.n)) {
		struct span c = span_sub(rest, 0, used = plain(rest));

		if (used == 0)
			c = escape(rest, &used);
		else if (c.n > room(w))
			whole = false, c.n = room(w);
		if (c.n == 0 || c.n > room(w)) {
			whole = false;
			break;
		}
		buf_add(w->out, c.p, c.n);
	}
	if (w->out->len == first)
		w->out->len = start;
	return whole;
}

void
row_text(struct row_writer *w, const char *key, struct span value)
{
	add_text(w, key, value);
}

void
row_whole(struct row_writer *w, const char *key, struct span value)
{
	size_t start = w->out->len;

	if (!add_text(w, key, value))
		w->out->len = start;
}

void
row_u64(struct row_writer *w, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
	row_text(w, key, span_str(digits));
}

void
row_date(struct row_writer *w, const char *key, int64_t wall_s)
{
	char date[CLOCK_DATE_BYTES];

	if (wall_s == 0)
		return;
	clock_date(wall_s, date);
	row_text(w, key, span_str(date));
}

void
row_id(struct row_writer *w, const char *key, const struct ulid *id)
{
	char digits[ULID_STR_BYTES];

	ulid_str(id, digits);
	row_text(w, key, span_str(digits));
}

void
row_end(struct row_writer *w)
{
	buf_add(w->out, "\r\n", 2);
}

void
row_more(struct buf *page)
{
	buf_addf(page, "more\r\n");
}

/* -- reading ------------------------------------------------------------------------------- */

/* name = 1*( %x61-7A / "-" ) */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '-' && (s.p[i] < 'a' || s.p[i] > 'z'))
			return false;
	return s.n > 0;
}

/* value = 1*( printable UTF-8 but SP and "%" / "%20" / "%25" )        the line has been cut at SP */
static bool
is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' && !span_eq(span_sub(s, i, 3), SPAN_LIT("%20")) &&
		    !span_eq(span_sub(s, i, 3), SPAN_LIT("%25")))
			return false;
	return s.n > 0 && line_is_text(s);
}

static const struct span *
find(const struct row *r, struct span key)
{
	for (size_t i = 0; i < r->n; i++)
		if (span_eq(r->keys[i], key))
			return &r->values[i];
	return NULL;
}

/* row = name *( SP name "=" value ) CRLF */
bool
row_parse(struct row *r, struct span line, struct err *e)
{
	struct span rest = line, value, key;

	r->n = 0;
	r->fault = NULL;
	r->word = span_cut(&rest, ' ');
	if (!is_name(r->word) || (rest.n == 0 && line.n > r->word.n))
		return err_set(e, REFUSAL_bad_reply, "a row does not begin with a word");
	while (rest.n > 0) {
		size_t before = rest.n;

		value = span_cut(&rest, ' ');
		key = span_cut(&value, '=');
		if (!is_name(key) || !is_value(value) ||
		    (rest.n == 0 && before > key.n + 1 + value.n))
			return err_set(e, REFUSAL_bad_reply, "a row's field is not key=value");
		if (r->n == ROW_FIELDS_MAX)
			return err_set(e, REFUSAL_bad_reply, "a row has more than %d fields",
			    ROW_FIELDS_MAX);
		if (find(r, key) != NULL)
			return err_set(e, REFUSAL_bad_reply, "a row says %.*s twice",
			    SPAN_FMT(key));
		r->keys[r->n] = key;
		r->values[r->n++] = value;
	}
	return true;
}

void
row_fail(struct row *r, const char *key)
{
	if (r->fault == NULL)
		r->fault = key;
}

bool
row_has(const struct row *r, const char *key)
{
	return find(r, span_str(key)) != NULL;
}

void
row_read_text(struct row *r, const char *key, char *dst, size_t cap)
{
	const struct span *v = find(r, span_str(key));
	size_t n = 0;

	for (size_t i = 0; v != NULL && i < v->n; i++) {
		if (n + 1 >= cap) {
			row_fail(r, key);
			n = 0;
			break;
		}
		dst[n++] = v->p[i] != '%' ? v->p[i] : v->p[i + 2] == '0' ? ' ' : '%';
		i += v->p[i] == '%' ? 2 : 0;
	}
	dst[n] = '\0';
}

uint64_t
row_read_u64(struct row *r, const char *key)
{
	const struct span *v = find(r, span_str(key));
	uint64_t n = 0;

	if (v != NULL && !span_u64(*v, &n))
		row_fail(r, key);
	return n;
}

int64_t
row_read_date(struct row *r, const char *key)
{
	const struct span *v = find(r, span_str(key));
	int64_t s = 0;

	if (v != NULL && !clock_parse_date(*v, &s))
		row_fail(r, key);
	return s;
}

void
row_read_id(struct row *r, const char *key, struct ulid *id)
{
	const struct span *v = find(r, span_str(key));

	*id = (struct ulid) { 0 };
	if (v == NULL || !ulid_parse(*v, id))
		row_fail(r, key);
}

int
row_read_name(struct row *r, const char *key, const char *const *names)
{
	const struct span *v = find(r, span_str(key));

	for (int i = 0; v != NULL && names[i] != NULL; i++)
		if (span_eq(*v, span_str(names[i])))
			return i;
	row_fail(r, key);
	return 0;
}

bool
row_done(const struct row *r, struct err *e)
{
	if (r->fault != NULL)
		return err_set(e, REFUSAL_bad_reply, "a row's %s is missing or malformed",
		    r->fault);
	return true;
}

/* -- cutting ------------------------------------------------------------------------------- */

/* One line at the start of `in`; *used: 0 where there is no whole one. */
static bool
feed_line(struct span in, size_t *used, bool (*each)(void *arg, struct row *r, struct err *e),
    void *arg, struct err *e)
{
	struct span line;
	struct row r;

	*used = 0;
	switch (line_next(in, &line, used, e)) {
	case LINE_MORE:
		return true;
	case LINE_BAD:
		e->why = REFUSAL_bad_reply;
		return err_prefix(e, "in a row");
	case LINE_READY:
		break;
	}
	return row_parse(&r, line, e) && each(arg, &r, e);
}

/* Octets of the piece up to its first line's end, as many as a line may still have. */
static size_t
to_line_end(const struct buf *kept, struct span piece)
{
	const char *end = memchr(piece.p, '\n', piece.n);
	size_t n = end != NULL ? (size_t)(end + 1 - piece.p) : piece.n;

	return n < LINE_MAX_BYTES - kept->len ? n : LINE_MAX_BYTES - kept->len;
}

bool
row_feed(struct buf *kept, struct span piece, bool (*each)(void *arg, struct row *r, struct err *e),
    void *arg, struct err *e)
{
	size_t used, n;

	for (; piece.n > 0; piece = span_sub(piece, n, piece.n)) {
		if (kept->len == 0) {
			if (!feed_line(piece, &used, each, arg, e))
				return false;
			n = used > 0 ? used : piece.n;
			if (used == 0)
				buf_add(kept, piece.p, n);
			continue;
		}
		n = to_line_end(kept, piece);
		buf_add(kept, piece.p, n);
		if (!feed_line(buf_span(kept), &used, each, arg, e))
			return false;
		if (used > 0)
			buf_reset(kept);
	}
	return true;
}
