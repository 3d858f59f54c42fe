/* form — what a part of a letter says about itself; see form_private.h. */
#include "mc/form_private.h"

#include <string.h>

#include "mc/base64_text.h"
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

/* Prepares a field's value for GMime; `instead` (may be NULL) replaces its first word. */
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

/* type "/" subtype; anything else means text/plain (RFC 2045 5.2). */
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
	if (disposition != NULL && disposition[strspn(disposition, " \t\r\n")] != '\0') {
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
		  "attachment") == 0;
}

void
form_clear(struct form *f)
{
	g_object_unref(f->type);
	if (f->disposition != NULL)
		g_object_unref(f->disposition);
}

/* The encoding that a part names, without the quotes and comments of some senders. */
static GMimeContentEncoding
encoding_of(GMimePart *p, GMimeDataWrapper *content)
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
	return n > 0 ? g_mime_content_encoding_from_string(name) : encoding;
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
	bool all = true;

	if (content == NULL)
		return true;
	encoding = encoding_of(p, content);
	g_mime_stream_reset(g_mime_data_wrapper_get_stream(content));
	stream = g_mime_stream_filter_new(g_mime_data_wrapper_get_stream(content));
	decode = encoding == GMIME_CONTENT_ENCODING_BASE64
	    ? NULL
	    : g_mime_filter_basic_new(encoding, FALSE);
	if (decode != NULL) {
		g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream), decode);
		g_object_unref(decode);
	}
	read_stream(stream, encoding == GMIME_CONTENT_ENCODING_BASE64 ? &raw : out, most, cut);
	if (encoding == GMIME_CONTENT_ENCODING_BASE64)
		all = base64_text(out, buf_span(&raw));
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
