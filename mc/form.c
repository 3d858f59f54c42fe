/* form — what a part of a letter says about itself; see form_private.h. */
#include "mc/form_private.h"

#include <string.h>

#include "mc/charset.h"
#include "mc/html.h"
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

/* A field's value for GMime's parsers of parameters; `instead` stands for its first word, where it is not NULL. */
static void
parameters(struct buf *out, const char *value, const char *instead)
{
	struct buf plain = BUF_INIT;
	struct span rest;

	words_plain(&plain, span_str(value));
	rest = buf_span(&plain);
	if (instead != NULL) {
		(void)span_cut(&rest, ';');
		buf_addf(out, "%s;", instead);
	}
	add_relabelled(out, rest);
	buf_add(out, "", 1);
	buf_clear(&plain);
}

/* type "/" subtype; what is not of that form is text/plain (RFC 2045 5.2). */
static bool
is_media_type(const char *value)
{
	struct span rest = span_str(value), type = span_cut(&rest, ';'), sub = type;

	type = span_cut(&sub, '/');
	for (size_t i = 0; i < sub.n; i++)
		if ((unsigned char)sub.p[i] > ' ')
			for (size_t k = 0; k < type.n; k++)
				if ((unsigned char)type.p[k] > ' ')
					return true;
	return false;
}

const char *
form_name(const struct form *f)
{
	const char *name = f->disposition == NULL
	    ? NULL
	    : g_mime_content_disposition_get_parameter(f->disposition, "filename");

	return name != NULL ? name : g_mime_content_type_get_parameter(f->type, "name");
}

void
form_read(struct form *f, GMimeObject *o)
{
	const char *type = form_field(o, "Content-Type", 0);
	const char *disposition = form_field(o, "Content-Disposition", 0);
	struct buf b = BUF_INIT;

	if (type == NULL)
		type = "text/plain";
	parameters(&b, type, is_media_type(type) ? NULL : "text/plain");
	*f = (struct form) { .type = g_mime_content_type_parse(NULL, b.data) };
	buf_reset(&b);
	if (disposition != NULL) {
		parameters(&b, disposition, NULL);
		f->disposition = g_mime_content_disposition_parse(NULL, b.data);
	}
	buf_clear(&b);
	f->plain = g_mime_content_type_is_type(f->type, "text", "plain");
	f->html = g_mime_content_type_is_type(f->type, "text", "html");
	f->text = g_mime_content_type_is_type(f->type, "text", "*");
	f->attached = f->disposition == NULL
	    ? f->text && !f->plain && !f->html && form_name(f) != NULL
	    : g_ascii_strcasecmp(g_mime_content_disposition_get_disposition(f->disposition),
		  "inline") != 0;
}

void
form_clear(struct form *f)
{
	g_object_unref(f->type);
	if (f->disposition != NULL)
		g_object_unref(f->disposition);
}

static void
read_octets(GMimePart *p, struct buf *out, size_t most, bool *cut)
{
	GMimeDataWrapper *content = g_mime_part_get_content(p);
	GMimeStream *stream;
	GMimeFilter *decode;
	ssize_t n;

	if (content == NULL)
		return;
	g_mime_stream_reset(g_mime_data_wrapper_get_stream(content));
	stream = g_mime_stream_filter_new(g_mime_data_wrapper_get_stream(content));
	decode = g_mime_filter_basic_new(g_mime_data_wrapper_get_encoding(content), FALSE);
	if (decode != NULL) {
		g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream), decode);
		g_object_unref(decode);
	}
	while (out->len <= most &&
	    (n = g_mime_stream_read(stream, buf_room(out, PIECE_BYTES), PIECE_BYTES)) > 0)
		out->len += (size_t)n;
	if (out->len > most) {
		out->len = most;
		*cut = true;
	}
	g_object_unref(stream);
}

bool
form_text(const struct form *f, GMimePart *p, struct buf *out, size_t most, bool *cut)
{
	const char *label = g_mime_content_type_get_parameter(f->type, "charset");
	struct buf octets = BUF_INIT;
	struct span charset = span_str(label == NULL ? "" : label);
	bool all;

	read_octets(p, &octets, most, cut);
	if (label == NULL && f->html)
		charset = html_charset(buf_span(&octets));
	all = charset_add(out, charset, buf_span(&octets));
	buf_clear(&octets);
	return all || *cut;
}

bool
form_says(const struct form *f, const char *name, const char *value)
{
	const char *is = g_mime_content_type_get_parameter(f->type, name);

	return is != NULL && g_ascii_strcasecmp(is, value) == 0;
}
