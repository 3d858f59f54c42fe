/* header — the header's end, and its From; see header.h. */
#include "proto/header.h"

#include <string.h>

/* -- lines and fields ---------------------------------------------------------------------------- */

/* The line at `at` with its CRLF; empty: none that is whole. */
static struct span
line_at(struct span s, size_t at)
{
	struct span rest = span_sub(s, at, s.n);
	const char *lf = rest.n > 0 ? memchr(rest.p, '\n', rest.n) : NULL;

	return lf == NULL ? (struct span) { 0 } : span_sub(rest, 0, (size_t)(lf - rest.p) + 1);
}

bool
header_find(struct span letter, bool complete, struct span *header)
{
	size_t at = 0;

	while (at < letter.n && at < HEADER_MAX_BYTES) {
		struct span line = line_at(letter, at);

		if (line.n == 0)
			break;
		at += line.n;
		if (span_eq(line, SPAN_LIT("\r\n"))) {
			*header = span_sub(letter, 0, at);
			return at <= HEADER_MAX_BYTES;
		}
	}
	*header = letter;
	return complete && letter.n <= HEADER_MAX_BYTES;
}

struct span
header_field_at(struct span header, size_t at)
{
	struct span line = line_at(header, at);
	size_t n = line.n;

	if (n == 0)
		n = header.n - at; /* the letter ends without CRLF */
	if (span_eq(line, SPAN_LIT("\r\n")))
		return (struct span) { 0 };
	while (at + n < header.n && (header.p[at + n] == ' ' || header.p[at + n] == '\t'))
		n += (line = line_at(header, at + n)).n > 0 ? line.n : header.n - at - n;
	return span_sub(header, at, n);
}

bool
header_field_is(struct span field, struct span name, struct span *value)
{
	struct span rest = field, head = span_cut(&rest, ':');

	while (head.n > 0 && (head.p[head.n - 1] == ' ' || head.p[head.n - 1] == '\t'))
		head.n--; /* obs-optional white space */
	*value = rest;
	return span_eq_nocase(head, name);
}

#define ENCODED_WORD_MAX 76 /* octets, with the blank before it: RFC 2047 2 */

/* How much of a Subject is its beginning within n octets: whole lines or words, else whole characters.  Other
 * fields have none: a cut address would be another. */
static size_t
beginning_of(struct span field, size_t n)
{
	struct span value;
	size_t at;

	if (!header_field_is(field, SPAN_LIT("Subject"), &value) || n <= field.n - value.n)
		return 0;
	for (at = n; at > field.n - value.n + 1 && n - at < ENCODED_WORD_MAX; at--)
		if (field.p[at] == ' ' || field.p[at] == '\t')
			return at >= 2 && field.p[at - 1] == '\n' ? at - 2 : at;
	for (at = n; at > 0 && ((unsigned char)field.p[at] & 0xc0) == 0x80;)
		at--;
	return at;
}

size_t
header_summary(struct span header, size_t max)
{
	size_t at = 0;

	if (header.n <= max)
		return header.n;
	for (;;) {
		struct span field = header_field_at(header, at);

		if (field.n == 0 || at + field.n > max)
			return at + (field.n == 0 ? 0 : beginning_of(field, max - at));
		at += field.n;
	}
}

/* -- one mailbox ------------------------------------------------------------------------------------ */

struct scan {
	char bare[HEADER_MAX_BYTES / 100]; /* the text outside quotes, comments, <> */
	char angle[ADDRESS_MAX + 1];
	size_t n_bare, n_angle;
	bool has_angle, bad;
};

static void
keep(char *to, size_t cap, size_t *n, char c, bool *bad)
{
	if (*n < cap)
		to[(*n)++] = c;
	else
		*bad = true;
}

/* Skips a quoted string or a comment that begins at i; returns the index after it. */
static size_t
skip(struct span s, size_t i, char open, char close, bool *bad)
{
	int depth = 1;

	for (i++; i < s.n && depth > 0; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == close)
			depth--;
		else if (s.p[i] == open)
			depth++;
	}
	*bad = *bad || depth > 0;
	return i;
}

/* mailbox = name-addr / addr-spec; a list or a group is refused. */
static void
scan_mailbox(struct scan *x, struct span s)
{
	for (size_t i = 0; i < s.n && !x->bad;) {
		char c = s.p[i];

		if (c == '"') {
			i = skip(s, i, '\0', '"', &x->bad);
		} else if (c == '(') {
			i = skip(s, i, '(', ')', &x->bad);
		} else if (c == '<') {
			x->bad = x->has_angle;
			x->has_angle = true;
			for (i++; i < s.n && s.p[i] != '>'; i++)
				keep(x->angle, sizeof x->angle, &x->n_angle, s.p[i], &x->bad);
			x->bad = x->bad || i == s.n;
			i++;
		} else {
			x->bad = x->bad || c == ',' || c == ';' || c == '>' ||
			    (c == ':' && !x->has_angle);
			if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
				keep(x->bare, sizeof x->bare, &x->n_bare, c, &x->bad);
			i++;
		}
	}
}

static bool
parse_mailbox(struct span value, domain_a_label_fn *a_label, char out[ADDRESS_STR_BYTES],
    struct err *e)
{
	struct scan x = { .n_bare = 0 };
	struct address a;

	scan_mailbox(&x, value);
	if (RULE(bad_message) && x.bad)
		return err_set(e, REFUSAL_bad_message, "From does not name exactly one address");
	return address_parse(x.has_angle ? span_of(x.angle, x.n_angle) : span_of(x.bare, x.n_bare),
		   &a, e) &&
	    address_canonical(&a, a_label, out, e);
}

bool
header_from(struct span header, domain_a_label_fn *a_label, char out[ADDRESS_STR_BYTES],
    struct err *e)
{
	struct span field, value, from = { 0 };
	int found = 0;

	for (size_t at = 0; (field = header_field_at(header, at)).n > 0; at += field.n) {
		if (header_field_is(field, SPAN_LIT("From"), &value)) {
			from = value;
			found++;
		}
	}
	if (RULE(bad_message) && found != 1)
		return err_set(e, REFUSAL_bad_message, "the letter has %d From fields, not one",
		    found);
	return parse_mailbox(from, a_label, out, e);
}
