/* form — what a part of a letter says about itself; see form_private.h. */
#include "mc/form_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "mc/base64_text.h"
#include "mc/charset.h"
#include "mc/html.h"
#include "mc/quoted_text.h"
#include "mc/words.h"

#define PIECE_BYTES 16384

const char *
form_field(GMimeObject *o, const char *name, int n)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(o);
	int count = list == NULL ? 0 : g_mime_header_list_get_count(list);

	for (int i = 0; i < count; i++) {
		GMimeHeader *h = g_mime_header_list_get_header_at(list, i);

		if (g_ascii_strcasecmp(g_mime_header_get_name(h), name) == 0 && n-- == 0)
			return g_mime_header_get_raw_value(h);
	}
	return NULL;
}

/* name*=label'...: the label becomes the name by which GMime's iconv knows the character set. */
static void
add_relabelled(struct buf *out, struct span s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		struct span rest = span_sub(s, i + 1, s.n), label = span_cut(&rest, '\'');
		const char *name;

		quoted = s.p[i] == '"' ? !quoted : quoted;
		buf_add(out, s.p + i, 1);
		if (quoted || s.p[i] != '=' || i == 0 || s.p[i - 1] != '*' ||
		    (name = charset_name(label)) == NULL)
			continue;
		buf_add(out, name, strlen(name));
		i += label.n;
	}
}

/* -- parameters --------------------------------------------------------------------------------- */

/* The octets before the first `end` outside of quotes. */
static size_t
unquoted(struct span s, char end)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.n && (quoted || s.p[i] != end); i++)
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
	return i;
}

/* A parameter whose value is in pieces has one of these for each (RFC 2231). */
struct parameter {
	struct span whole, name; /* the name without what follows its "*" */
	bool starred;            /* name* or name*N */
	uint64_t piece;          /* N; PIECE_NONE: no number */
};

#define PIECE_NONE     UINT64_MAX /* one more is 0 */
#define PARAMETERS_MAX 200        /* the rest stays in the order in which it came */

static struct parameter
parameter_read(struct span s)
{
	struct parameter p = { .whole = s, .piece = PIECE_NONE };
	struct span name = span_sub(s, 0, unquoted(s, '='));

	while (name.n > 0 && g_ascii_isspace(name.p[0]))
		name = span_sub(name, 1, name.n);
	while (name.n > 0 && g_ascii_isspace(name.p[name.n - 1]))
		name.n--;
	p.starred = span_has(name, '*');
	p.name = span_cut(&name, '*');
	if (p.starred && !span_u64(span_cut(&name, '*'), &p.piece))
		p.piece = PIECE_NONE;
	return p;
}

/* Whether p says plainly what another parameter says in full: that is for old readers alone. */
static bool
is_for_old_readers(const struct parameter *p, const struct parameter *all, size_t n)
{
	for (size_t i = 0; i < n && !p->starred; i++)
		if (all[i].starred && (all[i].piece == 0 || all[i].piece == PIECE_NONE) &&
		    span_eq_nocase(all[i].name, p->name))
			return true;
	return false;
}

/* The pieces of a value come in any order; GMime reads the character set from the first.  What is
 * no piece goes before them: of two values GMime takes the first. */
static void
sort_pieces(struct parameter *all, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && all[k].piece + 1 < all[k - 1].piece + 1; k--) {
			struct parameter p = all[k];

			all[k] = all[k - 1];
			all[k - 1] = p;
		}
}

/* Adds a parameter as GMime reads it: a value in full (name*) has no quotes, as some senders put
 * around it, and other quotes are closed. */
static void
add_parameter(struct buf *out, struct span s)
{
	struct span value = s, name = span_cut(&value, '=');
	bool open = false;

	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '\\' && open)
			i++;
		else if (value.p[i] == '"')
			open = !open;
	while (name.n > 0 && g_ascii_isspace(name.p[name.n - 1]))
		name.n--;
	buf_add(out, ";", 1);
	if (!open && name.n > 0 && name.p[name.n - 1] == '*' && value.n >= 2 && value.p[0] == '"' &&
	    value.p[value.n - 1] == '"' && !span_has(value, ';') && !span_has(value, ' ') &&
	    !span_has(value, '\\')) {
		buf_addf(out, "%.*s=", SPAN_FMT(name));
		buf_add(out, value.p + 1, value.n - 2);
	} else
		buf_addf(out, "%.*s%s", SPAN_FMT(s), open ? "\"" : "");
}

static void
add_parameters(struct buf *out, struct span rest)
{
	struct parameter *all = memory_new(PARAMETERS_MAX * sizeof *all);
	struct buf one = BUF_INIT;
	size_t n = 0;

	while (rest.n > 0 && n < PARAMETERS_MAX) {
		size_t end = unquoted(rest, ';');

		all[n++] = parameter_read(span_sub(rest, 0, end));
		rest = span_sub(rest, end + 1, rest.n);
	}
	sort_pieces(all, n);
	for (size_t i = 0; i < n; i++)
		if (!is_for_old_readers(&all[i], all, n)) {
			buf_reset(&one);
			add_parameter(&one, all[i].whole);
			add_relabelled(out, buf_span(&one));
		}
	if (rest.n > 0)
		buf_addf(out, ";%.*s", SPAN_FMT(rest));
	buf_clear(&one);
	free(all);
}

/* Prepares a field's value for GMime; `instead` (may be empty) replaces its first word. */
static void
prepare(struct buf *out, const char *value, struct span instead, struct span charset)
{
	struct buf plain = BUF_INIT;
	struct span rest;
	size_t end;

	words_plain(&plain, span_str(value), charset);
	rest = buf_span(&plain);
	end = instead.n > 0 ? span_cut(&rest, ';').n : unquoted(rest, ';');
	if (instead.n > 0)
		buf_add(out, instead.p, instead.n);
	else {
		buf_add(out, rest.p, end);
		rest = span_sub(rest, end + 1, rest.n);
	}
	add_parameters(out, rest);
	buf_add(out, "", 1);
	buf_clear(&plain);
}

/* -- the media type ----------------------------------------------------------------------------- */

static void
skip_blanks(struct span *s)
{
	int depth = 0; /* of comments */

	while (s->n > 0 && (depth > 0 || s->p[0] == '(' || g_ascii_isspace(s->p[0]))) {
		depth += s->p[0] == '(';
		depth -= s->p[0] == ')';
		*s = span_sub(*s, 1, s->n);
	}
}

/* The word at the front, moved past; a "*" is in no name of a type. */
static struct span
take_word(struct span *s)
{
	size_t n = 0;
	struct span word;

	while (n < s->n && s->p[n] > ' ' && s->p[n] < 0x7f &&
	    strchr("()<>@,;:\\\"/[]?=*", s->p[n]) == NULL)
		n++;
	word = span_sub(*s, 0, n);
	*s = span_sub(*s, n, s->n);
	return word;
}

/* type "/" subtype, also where the sender has put quotes around it; anything else means text/plain
 * (RFC 2045 5.2). */
static void
media_type(struct buf *out, const char *value)
{
	struct span rest = span_str(value), type, subtype;
	char end;

	skip_blanks(&rest);
	if (span_starts(rest, SPAN_LIT("\"")))
		rest = span_sub(rest, 1, rest.n);
	skip_blanks(&rest);
	type = take_word(&rest);
	skip_blanks(&rest);
	end = rest.n > 0 ? rest.p[0] : '\0';
	rest = span_sub(rest, 1, rest.n);
	skip_blanks(&rest);
	subtype = take_word(&rest);
	if (end != '/' || type.n == 0 || subtype.n == 0 ||
	    (rest.n > 0 && !g_ascii_isspace(rest.p[0]) && strchr("(;\"", rest.p[0]) == NULL))
		buf_addf(out, "text/plain");
	else
		buf_addf(out, "%.*s/%.*s", SPAN_FMT(type), SPAN_FMT(subtype));
}

const char *
form_name(const struct form *f)
{
	const char *name = f->disposition == NULL
	    ? NULL
	    : g_mime_content_disposition_get_parameter(f->disposition, "filename");

	return name != NULL ? name : g_mime_content_type_get_parameter(f->type, "name");
}

/* The type in its field, whose parameters may name the character set in which the others are. */
static GMimeContentType *
read_type(const char *value, struct span charset)
{
	struct buf b = BUF_INIT, is = BUF_INIT;
	GMimeContentType *type, *again;
	const char *label;

	media_type(&is, value);
	prepare(&b, value, buf_span(&is), charset);
	type = g_mime_content_type_parse(NULL, b.data);
	label = g_mime_content_type_get_parameter(type, "charset");
	if (label != NULL) {
		buf_reset(&b);
		prepare(&b, value, buf_span(&is), span_str(label));
		again = g_mime_content_type_parse(NULL, b.data);
		g_object_unref(type);
		type = again;
	}
	buf_clear(&is);
	buf_clear(&b);
	return type;
}

void
form_read(struct form *f, GMimeObject *o, struct span charset)
{
	const char *type = form_field(o, "Content-Type", 0), *label;
	const char *disposition = form_field(o, "Content-Disposition", 0);
	struct buf b = BUF_INIT;

	*f = (struct form) { .type = read_type(type == NULL ? "text/plain" : type, charset) };
	label = g_mime_content_type_get_parameter(f->type, "charset");
	if (disposition != NULL && disposition[strspn(disposition, " \t\r\n")] != '\0') {
		if (strcspn(disposition, "=") < strcspn(disposition, ";"))
			buf_addf(&b, "inline;"); /* it has parameters alone */
		else
			disposition += strspn(disposition, " \t\r\n\"");
		prepare(&b, disposition, SPAN_LIT(""), label == NULL ? charset : span_str(label));
		f->disposition = g_mime_content_disposition_parse(NULL, b.data);
	}
	buf_clear(&b);
	f->plain = g_mime_content_type_is_type(f->type, "text", "plain");
	f->html = g_mime_content_type_is_type(f->type, "text", "html");
	f->text = g_mime_content_type_is_type(f->type, "text", "*");
	f->attached = f->disposition == NULL
	    ? f->text && !f->plain && !f->html && form_name(f) != NULL
	    : g_ascii_strncasecmp(g_mime_content_disposition_get_disposition(f->disposition),
		  "attachment", strlen("attachment")) == 0; /* a quote may follow */
}

void
form_clear(struct form *f)
{
	g_object_unref(f->type);
	if (f->disposition != NULL)
		g_object_unref(f->disposition);
}

/* Names that some senders give to text that is not encoded. */
static bool
is_identity(const char *name)
{
	static const char names[] = " 7-bit 8-bit 7bits 8bits 7 8 none text us-ascii utf-8 utf8 ";
	char word[40];

	snprintf(word, sizeof word, " %s ", name);
	for (char *c = word; *c != '\0'; c++)
		*c = g_ascii_tolower(*c);
	return strstr(names, word) != NULL;
}

/* The encoding that a part names, without the quotes and comments of some senders.  *known: false where
 * nobody knows it; the text is then shown as it is. */
static GMimeContentEncoding
encoding_of(GMimePart *p, GMimeDataWrapper *content, bool *known)
{
	GMimeContentEncoding encoding = g_mime_data_wrapper_get_encoding(content);
	const char *field = form_field(GMIME_OBJECT(p), "Content-Transfer-Encoding", 0);
	char name[32];
	size_t n = 0;

	for (; encoding == GMIME_CONTENT_ENCODING_DEFAULT && field != NULL && *field != '\0' &&
	     n < sizeof name - 1;
	     field++)
		if (g_ascii_isalnum(*field) || *field == '-')
			name[n++] = *field;
		else if (n > 0)
			break;
	name[n] = '\0';
	if (n > 0)
		encoding = g_mime_content_encoding_from_string(name);
	*known = n == 0 || encoding != GMIME_CONTENT_ENCODING_DEFAULT || is_identity(name);
	return encoding;
}

static void
read_stream(GMimeStream *stream, struct buf *out, size_t most, bool *cut)
{
	ssize_t n;

	while (out->len <= most &&
	    (n = g_mime_stream_read(stream, buf_room(out, PIECE_BYTES), PIECE_BYTES)) > 0)
		out->len += (size_t)n;
	if (out->len > most) {
		out->len = most;
		*cut = true;
	}
}

/* Decodes at most `most` octets of the part.  False: some could not be read. */
static bool
read_content(GMimePart *p, struct buf *out, size_t most, bool *cut)
{
	GMimeDataWrapper *content = g_mime_part_get_content(p);
	GMimeStream *stream;
	GMimeContentEncoding encoding;
	GMimeFilter *decode;
	struct buf raw = BUF_INIT;
	bool all = true, base64, quoted;

	if (content == NULL)
		return true;
	encoding = encoding_of(p, content, &all);
	g_mime_stream_reset(g_mime_data_wrapper_get_stream(content));
	stream = g_mime_stream_filter_new(g_mime_data_wrapper_get_stream(content));
	base64 = encoding == GMIME_CONTENT_ENCODING_BASE64;
	quoted = encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
	decode = base64 || quoted ? NULL : g_mime_filter_basic_new(encoding, FALSE);
	if (decode != NULL) {
		g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream), decode);
		g_object_unref(decode);
	}
	read_stream(stream, base64 || quoted ? &raw : out, most, cut);
	if (base64)
		all = base64_text(out, buf_span(&raw)) && all;
	if (quoted)
		quoted_text(out, buf_span(&raw));
	buf_clear(&raw);
	g_object_unref(stream);
	return all;
}

bool
form_text(const struct form *f, GMimePart *p, struct buf *out, size_t most, bool *cut)
{
	const char *label = g_mime_content_type_get_parameter(f->type, "charset");
	struct buf octets = BUF_INIT;
	struct span charset = span_str(label == NULL ? "" : label);
	bool decoded = read_content(p, &octets, most, cut), all;

	if (label == NULL && f->html)
		charset = html_charset(buf_span(&octets));
	all = charset_add(out, charset, buf_span(&octets)) && decoded;
	buf_clear(&octets);
	return all || *cut;
}

bool
form_says(const struct form *f, const char *name, const char *value)
{
	const char *is = g_mime_content_type_get_parameter(f->type, name);

	return is != NULL && g_ascii_strcasecmp(is, value) == 0;
}
