/* mime — what a letter says: the only door to GMime; see mime.h. */
#include "mc/mime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gmime/gmime.h>

#include "common/base/memory.h"
#include "mc/html.h"

#define PIECE_BYTES 16384

struct walk {
	struct mime_letter *letter;
	size_t parts; /* of any kind */
};

static void walk_object(struct walk *w, GMimeObject *o, int depth, bool show);

void
mime_start(void)
{
	g_mime_init();
}

void
mime_stop(void)
{
	g_mime_shutdown();
}

static void
set_str(struct buf *b, const char *s)
{
	buf_reset(b);
	if (s != NULL)
		buf_add(b, s, strlen(s));
}

/* -- the header --------------------------------------------------------------------------------- */

static void
set_list(struct buf *b, InternetAddressList *list)
{
	char *s = list == NULL ? NULL : internet_address_list_to_string(list, NULL, FALSE);

	set_str(b, s);
	g_free(s);
}

static bool
first_address(void *arg, const char *address, struct err *e)
{
	struct mime_letter *l = arg;

	(void)e;
	if (l->n_from++ == 0)
		set_str(&l->from_address, address);
	return true;
}

static void
read_fields(struct mime_letter *l, GMimeMessage *m)
{
	const char *from = g_mime_object_get_header(GMIME_OBJECT(m), "From");
	GDateTime *date = g_mime_message_get_date(m);
	struct err e;

	set_list(&l->from, g_mime_message_get_from(m));
	set_list(&l->to, g_mime_message_get_to(m));
	set_list(&l->cc, g_mime_message_get_cc(m));
	set_str(&l->subject, g_mime_message_get_subject(m));
	set_str(&l->message_id, g_mime_message_get_message_id(m));
	if (l->from.len == 0)
		set_str(&l->from, from);
	if (from != NULL)
		(void)mime_addresses(span_str(from), first_address, l, &e);
	l->has_date = date != NULL;
	if (date != NULL)
		l->date_s = g_date_time_to_unix(date);
}

/* -- parts -------------------------------------------------------------------------------------- */

static bool
is_type(GMimeObject *o, const char *type, const char *subtype)
{
	GMimeContentType *t = g_mime_object_get_content_type(o);

	return t != NULL && g_mime_content_type_is_type(t, type, subtype);
}

static void
list_part(struct walk *w, GMimeObject *o, const char *name, uint64_t octets)
{
	struct mime_letter *l = w->letter;
	GMimeContentType *t = g_mime_object_get_content_type(o);
	char *type = t == NULL ? NULL : g_mime_content_type_get_mime_type(t);
	struct mime_part *p;

	l->parts = reallocarray(l->parts, l->n_parts + 1, sizeof *l->parts);
	if (l->parts == NULL)
		abort();
	p = &l->parts[l->n_parts++];
	*p = (struct mime_part) { .octets = octets };
	set_str(&p->name, name);
	set_str(&p->type, type);
	g_free(type);
}

static uint64_t
decoded_octets(GMimePart *p)
{
	GMimeDataWrapper *content = g_mime_part_get_content(p);
	GMimeStream *null = g_mime_stream_null_new();
	gint64 n = 0;

	if (content != NULL) {
		g_mime_data_wrapper_write_to_stream(content, null);
		n = g_mime_stream_tell(null);
	}
	g_object_unref(null);
	return n < 0 ? 0 : (uint64_t)n;
}

static void
add_filter(GMimeStream *stream, GMimeFilter *f)
{
	if (f == NULL)
		return;
	g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream), f);
	g_object_unref(f);
}

/* Decoded and in UTF-8, as far as the letter's words about itself are true. */
static void
read_text(GMimePart *p, struct buf *out, size_t most, bool *cut)
{
	GMimeDataWrapper *content = g_mime_part_get_content(p);
	const char *charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(p), "charset");
	GMimeStream *stream;
	ssize_t n;

	if (content == NULL)
		return;
	g_mime_stream_reset(g_mime_data_wrapper_get_stream(content));
	stream = g_mime_stream_filter_new(g_mime_data_wrapper_get_stream(content));
	add_filter(stream,
	    g_mime_filter_basic_new(g_mime_data_wrapper_get_encoding(content), FALSE));
	if (charset != NULL && g_ascii_strcasecmp(charset, "utf-8") != 0 &&
	    g_ascii_strcasecmp(charset, "us-ascii") != 0)
		add_filter(stream, g_mime_filter_charset_new(charset, "utf-8"));
	while (out->len <= most &&
	    (n = g_mime_stream_read(stream, buf_room(out, PIECE_BYTES), PIECE_BYTES)) > 0)
		out->len += (size_t)n;
	if (out->len > most) {
		out->len = most;
		*cut = true;
	}
	g_object_unref(stream);
}

static void
show_text(struct walk *w, GMimePart *p, bool html)
{
	struct mime_letter *l = w->letter;
	struct buf markup = BUF_INIT;

	if (l->text.len > 0 && l->text.data[l->text.len - 1] != '\n')
		buf_add(&l->text, "\n", 1);
	if (!html) {
		read_text(p, &l->text, MIME_TEXT_BYTES, &l->text_cut);
		return;
	}
	read_text(p, &markup, MIME_TEXT_BYTES, &l->text_cut);
	html_text(buf_span(&markup), &l->text);
	buf_clear(&markup);
	l->from_html = true;
}

static void
walk_part(struct walk *w, GMimePart *p, bool show)
{
	GMimeObject *o = GMIME_OBJECT(p);
	bool plain = is_type(o, "text", "plain"), html = is_type(o, "text", "html");
	bool attached = g_mime_part_is_attachment(p) || g_mime_part_get_filename(p) != NULL;

	if ((plain || html) && !attached) {
		if (show)
			show_text(w, p, html);
	} else
		list_part(w, o, g_mime_part_get_filename(p), decoded_octets(p));
}

/* Of several forms of the same: plain text, else HTML or what may hold it, else the last. */
static int
best_form(GMimeMultipart *m, int count)
{
	int best = count - 1;

	for (int i = count - 1; i >= 0; i--) {
		GMimeObject *o = g_mime_multipart_get_part(m, i);

		if (is_type(o, "text", "plain"))
			return i;
		if (is_type(o, "text", "html") || GMIME_IS_MULTIPART(o))
			best = i;
	}
	return best;
}

static void
walk_multipart(struct walk *w, GMimeMultipart *m, int depth, bool show)
{
	int count = g_mime_multipart_get_count(m);
	int best = is_type(GMIME_OBJECT(m), "multipart", "alternative") ? best_form(m, count) : -1;

	for (int i = 0; i < count && w->parts <= MIME_PARTS_MAX; i++)
		walk_object(w, g_mime_multipart_get_part(m, i), depth + 1,
		    show && (best < 0 || best == i));
}

static void
walk_message(struct walk *w, GMimeMessagePart *p, int depth, bool show)
{
	GMimeMessage *m = g_mime_message_part_get_message(p);
	struct mime_letter *l = w->letter;
	struct mime_letter inner = { 0 };

	if (m == NULL)
		return;
	if (show) {
		read_fields(&inner, m);
		buf_addf(&l->text, "%s---- a letter within ----\nFrom: %.*s\nSubject: %.*s\n\n",
		    l->text.len > 0 ? "\n" : "", SPAN_FMT(buf_span(&inner.from)),
		    SPAN_FMT(buf_span(&inner.subject)));
		mime_clear(&inner);
	}
	walk_object(w, g_mime_message_get_mime_part(m), depth + 1, show);
}

static void
walk_object(struct walk *w, GMimeObject *o, int depth, bool show)
{
	if (o == NULL)
		return;
	if (depth > MIME_DEPTH_MAX) {
		w->letter->too_deep = true;
		return;
	}
	if (++w->parts > MIME_PARTS_MAX) {
		w->letter->hit = BOUNDS_PARTS;
		return;
	}
	if (GMIME_IS_MULTIPART(o))
		walk_multipart(w, GMIME_MULTIPART(o), depth, show);
	else if (GMIME_IS_MESSAGE_PART(o))
		walk_message(w, GMIME_MESSAGE_PART(o), depth, show);
	else if (GMIME_IS_PART(o))
		walk_part(w, GMIME_PART(o), show);
}

/* -- reading ------------------------------------------------------------------------------------ */

static GMimeMessage *
parse(GMimeStream *stream)
{
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);

	g_object_unref(parser);
	return m;
}

static bool
find_bounds(int fd, struct bounds *b, struct err *e)
{
	static const size_t piece = 65536;
	char *p = memory_new(piece);
	ssize_t n = 0;
	uint64_t at = 0;

	bounds_init(b);
	while (b->hit == BOUNDS_NONE && (n = pread(fd, p, piece, (off_t)at)) > 0) {
		bounds_feed(b, span_of(p, (size_t)n));
		at += (uint64_t)n;
	}
	free(p);
	return n >= 0 || err_set_errno(e, REFUSAL_no_input, errno, "the letter");
}

bool
mime_read(struct mime_letter *l, int fd, struct err *e)
{
	struct bounds b;
	struct walk w = { .letter = l };
	GMimeStream *stream;
	GMimeMessage *m;

	*l = (struct mime_letter) { 0 };
	if (!find_bounds(fd, &b, e))
		return false;
	l->hit = b.hit;
	stream = g_mime_stream_fs_new_with_bounds(fd, 0, (gint64)bounds_keep(&b));
	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(stream), FALSE);
	m = bounds_keep(&b) > 0 ? parse(stream) : NULL;
	if (m != NULL) {
		read_fields(l, m);
		walk_object(&w, g_mime_message_get_mime_part(m), 1, true);
		g_object_unref(m);
	}
	g_object_unref(stream);
	return true;
}

void
mime_read_header(struct mime_letter *l, struct span header)
{
	struct bounds b;
	GMimeStream *stream;
	GMimeMessage *m;

	*l = (struct mime_letter) { 0 };
	bounds_init(&b);
	bounds_feed(&b, header);
	if (bounds_keep(&b) == 0)
		return;
	stream = g_mime_stream_mem_new_with_buffer(header.p, (size_t)bounds_keep(&b));
	m = parse(stream);
	if (m != NULL) {
		read_fields(l, m);
		g_object_unref(m);
	}
	g_object_unref(stream);
}

void
mime_clear(struct mime_letter *l)
{
	for (size_t i = 0; i < l->n_parts; i++) {
		buf_clear(&l->parts[i].name);
		buf_clear(&l->parts[i].type);
	}
	free(l->parts);
	buf_clear(&l->from);
	buf_clear(&l->to);
	buf_clear(&l->cc);
	buf_clear(&l->subject);
	buf_clear(&l->message_id);
	buf_clear(&l->from_address);
	buf_clear(&l->text);
	*l = (struct mime_letter) { 0 };
}

/* -- addresses ---------------------------------------------------------------------------------- */

static bool
each_of(InternetAddressList *list, int depth, bool (*each)(void *, const char *, struct err *),
    void *arg, struct err *e)
{
	int n = list == NULL ? 0 : internet_address_list_length(list);

	for (int i = 0; i < n; i++) {
		InternetAddress *a = internet_address_list_get_address(list, i);

		if (INTERNET_ADDRESS_IS_GROUP(a)) {
			if (depth < 2 &&
			    !each_of(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(a)),
				depth + 1, each, arg, e))
				return false;
		} else if (!each(arg,
			       internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(a)), e))
			return false;
	}
	return true;
}

bool
mime_addresses(struct span value, bool (*each)(void *arg, const char *address, struct err *e),
    void *arg, struct err *e)
{
	char *s = g_strndup(value.p, value.n);
	InternetAddressList *list = internet_address_list_parse(NULL, s);
	bool ok;

	g_free(s);
	if (list == NULL)
		return err_set(e, REFUSAL_bad_address, "no address in \"%.*s\"",
		    SPAN_FMT(span_sub(value, 0, 200)));
	ok = each_of(list, 0, each, arg, e);
	g_object_unref(list);
	return ok;
}
