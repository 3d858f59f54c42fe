/* mime — what a letter says; see mime.h. */
#include "mc/mime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmime/gmime.h>

#include "common/base/memory.h"
#include "mc/address_list.h"
#include "mc/charset.h"
#include "mc/flowed.h"
#include "mc/form_private.h"
#include "mc/html.h"
#include "mc/mend.h"
#include "mc/visible.h"
#include "mc/words.h"

struct walk {
	struct mime_letter *letter;
	struct span charset; /* of the letter, or of the letter within */
	size_t parts;        /* of any kind */
	size_t html_octets;  /* that were parsed */
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
		visible_add(b, span_str(s));
}

/* -- the header --------------------------------------------------------------------------------- */

/* Adds all fields of a name. */
static void
read_list(struct buf *b, GMimeObject *o, const char *name, struct span charset)
{
	const char *value;

	for (int i = 0; (value = form_field(o, name, i)) != NULL; i++) {
		if (b->len > 0)
			buf_add(b, ", ", 2);
		address_list_text(b, span_str(value), charset);
	}
}

static bool
first_address(void *arg, const char *address, struct err *e)
{
	struct mime_letter *l = arg;

	(void)e;
	if (l->n_from++ == 0)
		buf_add(&l->from_address, address, strlen(address));
	return true;
}

/* The character set that the letter's own text names, for header fields in raw octets. */
static void
letter_charset(struct buf *out, GMimeMessage *m)
{
	GMimeObject *o = g_mime_message_get_mime_part(m);
	const char *label;
	struct form f;

	for (int depth = 0; depth < MIME_DEPTH_MAX && o != NULL && GMIME_IS_MULTIPART(o) &&
	     g_mime_multipart_get_count(GMIME_MULTIPART(o)) > 0;
	     depth++)
		o = g_mime_multipart_get_part(GMIME_MULTIPART(o), 0);
	if (o == NULL)
		return;
	form_read(&f, o, SPAN_LIT(""));
	label = g_mime_content_type_get_parameter(f.type, "charset");
	if (label != NULL)
		buf_add(out, label, strlen(label));
	form_clear(&f);
}

static void
read_fields(struct mime_letter *l, GMimeMessage *m, struct span charset)
{
	GMimeObject *o = GMIME_OBJECT(m);
	GDateTime *date = g_mime_message_get_date(m);
	const char *value = form_field(o, "Subject", 0);
	struct buf subject = BUF_INIT;
	struct err e;

	read_list(&l->from, o, "From", charset);
	read_list(&l->to, o, "To", charset);
	read_list(&l->cc, o, "Cc", charset);
	if (value != NULL)
		words_text(&subject, span_str(value), charset);
	visible_add(&l->subject, buf_span(&subject));
	buf_clear(&subject);
	set_str(&l->message_id, g_mime_message_get_message_id(m));
	for (int i = 0; (value = form_field(o, "From", i)) != NULL; i++) {
		if (i == 0)
			address_list_name(&l->from_name, span_str(value), charset);
		(void)address_list_each(span_str(value), first_address, l, &e);
	}
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

/* Some senders put encoded words into the pieces of a name, where GMime does not look for them. */
static void
read_name(struct buf *out, const char *name)
{
	struct buf text = BUF_INIT;

	if (name != NULL && strncmp(name, "=?", 2) == 0) {
		words_text(&text, span_str(name), SPAN_LIT(""));
		visible_add(out, buf_span(&text));
	} else
		set_str(out, name);
	buf_clear(&text);
}

static void
list_part(struct walk *w, const struct form *f, uint64_t octets)
{
	struct mime_letter *l = w->letter;
	char *type = g_mime_content_type_get_mime_type(f->type);
	struct mime_part *p;

	l->parts = memory_resize(l->parts, l->n_parts + 1, sizeof *l->parts);
	p = &l->parts[l->n_parts++];
	*p = (struct mime_part) { .octets = octets };
	read_name(&p->name, form_name(f));
	set_str(&p->type, type);
	g_free(type);
}

static uint64_t
decoded_size(GMimePart *p)
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

/* Adds the words of an HTML text.  False: it is beyond the bounds. */
static bool
add_html(struct walk *w, struct span html, struct buf *out)
{
	w->html_octets += html.n;
	if (w->html_octets <= MIME_HTML_BYTES && html_text(html, out))
		return true;
	w->html_octets = MIME_HTML_BYTES; /* no more of it */
	return false;
}

static bool
says_nothing(struct span s)
{
	uint32_t c = 0;

	for (size_t n; s.n > 0; s = span_sub(s, n, s.n)) {
		n = visible_utf8(s, &c);
		if (n == 0 || (visible_is(c) && !visible_is_blank(c)))
			return false;
	}
	return true;
}

static void
show_html(struct walk *w, struct span html)
{
	struct mime_letter *l = w->letter;
	size_t before = l->text.len;

	l->from_html = true;
	if (!add_html(w, html, &l->text))
		l->text_cut = true;
	else if (!says_nothing(html) &&
	    says_nothing(span_sub(buf_span(&l->text), before, l->text.len)))
		l->no_words = true;
}

static void
show_text(struct walk *w, const struct form *f, GMimePart *p)
{
	struct mime_letter *l = w->letter;
	struct buf text = BUF_INIT, joined = BUF_INIT;
	size_t room = l->text.len < MIME_TEXT_BYTES ? MIME_TEXT_BYTES - l->text.len : 0;

	if (l->text.len > 0 && l->text.data[l->text.len - 1] != '\n')
		buf_add(&l->text, "\n", 1);
	if (!form_text(f, p, &text, room, &l->text_cut))
		l->lost = true;
	if (f->html)
		show_html(w, buf_span(&text));
	else if (f->plain && form_says(f, "format", "flowed")) {
		flowed_add(&joined, buf_span(&text), form_says(f, "delsp", "yes"));
		visible_add(&l->text, buf_span(&joined));
	} else
		visible_add(&l->text, buf_span(&text));
	buf_clear(&text);
	buf_clear(&joined);
}

static void
walk_part(struct walk *w, GMimePart *p, bool show)
{
	struct form f;
	bool shown;

	form_read(&f, GMIME_OBJECT(p), w->charset);
	if (g_mime_content_type_is_type(f.type, "multipart", "*"))
		f.text = w->letter->damaged = true; /* GMime could not tell its parts apart */
	shown = f.text && !f.attached;
	if (!shown || form_name(&f) != NULL)
		list_part(w, &f, decoded_size(p));
	if (shown && show)
		show_text(w, &f, p);
	form_clear(&f);
}

/* How good a form of a text is to show; 0: it says nothing.  `words`: HTML says only its words. */
static int
worth(struct walk *w, GMimeObject *o, bool words)
{
	struct buf text = BUF_INIT, read = BUF_INIT;
	struct form f;
	bool cut = false;
	int is = 0;

	if (GMIME_IS_MULTIPART(o))
		return 2;
	if (!GMIME_IS_PART(o))
		return 0;
	form_read(&f, o, w->charset);
	if (f.text && !f.attached) {
		(void)form_text(&f, GMIME_PART(o), &text, MIME_TEXT_BYTES, &cut);
		is = says_nothing(buf_span(&text)) ? 0 : f.plain ? 3 : f.html ? 2 : 1;
		if (f.html && is > 0 && words && add_html(w, buf_span(&text), &read) &&
		    says_nothing(buf_span(&read)))
			is = 0;
	}
	form_clear(&f);
	buf_clear(&text);
	buf_clear(&read);
	return is;
}

static int
best_of(struct walk *w, GMimeMultipart *m, bool words)
{
	int count = g_mime_multipart_get_count(m), best = count - 1, most = 0;

	for (int i = count - 1; i >= 0; i--) {
		int is = worth(w, g_mime_multipart_get_part(m, i), words);

		if (is > most) {
			most = is;
			best = i;
		}
	}
	return most > 0 ? best : -1;
}

/* The best of several forms of the same text: plain text, then HTML or what may hold it; of equal
 * ones the last.  HTML is read first only where it is the best, since that takes time. */
static int
best_form(struct walk *w, GMimeMultipart *m)
{
	int best = best_of(w, m, false), with_words = -1;

	if (best >= 0 && worth(w, g_mime_multipart_get_part(m, best), false) == 2)
		with_words = best_of(w, m, true);
	return with_words >= 0 ? with_words : best >= 0 ? best : g_mime_multipart_get_count(m) - 1;
}

/* Shows a multipart whose parts cannot be told apart as it is. */
static void
show_whole(struct walk *w, GMimeMultipart *m)
{
	struct mime_letter *l = w->letter;
	const char *before = g_mime_multipart_get_prologue(m),
		   *after = g_mime_multipart_get_epilogue(m);
	struct buf text = BUF_INIT;

	l->damaged = true;
	(void)charset_add(&text, span_str(""), span_str(before == NULL ? "" : before));
	(void)charset_add(&text, span_str(""), span_str(after == NULL ? "" : after));
	visible_add(&l->text, span_sub(buf_span(&text), 0, MIME_TEXT_BYTES));
	buf_clear(&text);
}

static void
walk_multipart(struct walk *w, GMimeMultipart *m, int depth, bool show)
{
	int count = g_mime_multipart_get_count(m);
	int best = is_type(GMIME_OBJECT(m), "multipart", "alternative") ? best_form(w, m) : -1;

	if (count == 0 && show)
		show_whole(w, m);
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
	struct buf charset = BUF_INIT;
	struct span outer = w->charset;

	if (m == NULL)
		return;
	letter_charset(&charset, m);
	w->charset = buf_span(&charset);
	if (show) {
		read_fields(&inner, m, w->charset);
		buf_addf(&l->text, "%s---- a letter within ----\nFrom: %.*s\nSubject: %.*s\n\n",
		    l->text.len > 0 ? "\n" : "", SPAN_FMT(buf_span(&inner.from)),
		    SPAN_FMT(buf_span(&inner.subject)));
		mime_clear(&inner);
	}
	walk_object(w, g_mime_message_get_mime_part(m), depth + 1, show);
	w->charset = outer;
	buf_clear(&charset);
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

struct parsing {
	struct mime_letter *letter;
	struct mend mend;
};

static void
note_damage(gint64 offset, GMimeParserWarning code, const gchar *item, gpointer arg)
{
	struct parsing *p = arg;

	(void)item;
	if (code != GMIME_CRIT_INVALID_HEADER_NAME &&
	    code != GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY &&
	    code != GMIME_WARN_PART_WITHOUT_CONTENT)
		return;
	p->letter->damaged = true;
	if (code == GMIME_CRIT_INVALID_HEADER_NAME && offset >= 0)
		mend_note(&p->mend, (uint64_t)offset);
}

static GMimeMessage *
parse(struct parsing *p, GMimeStream *stream)
{
	GMimeParserOptions *options = g_mime_parser_options_new();
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *m;

	g_mime_parser_options_set_warning_callback(options, note_damage, p);
	m = g_mime_parser_construct_message(parser, options);
	g_object_unref(parser);
	g_mime_parser_options_free(options);
	return m;
}

/* The message reads from the descriptor, which must stay open. */
static GMimeMessage *
parse_file(struct parsing *p, int fd, uint64_t octets)
{
	GMimeStream *stream = g_mime_stream_fs_new_with_bounds(fd, 0, (gint64)octets);
	GMimeMessage *m;

	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(stream), FALSE);
	m = parse(p, stream);
	g_object_unref(stream);
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

/* Reads the letter as it is, and then a mended copy if its parts need it. */
static bool
read_file(struct mime_letter *l, int fd, uint64_t octets, struct err *e)
{
	struct parsing p = { .letter = l };
	struct walk w = { .letter = l };
	GMimeMessage *m = parse_file(&p, fd, octets);
	struct buf charset = BUF_INIT;
	struct stat st;
	int mended;

	if (!mend_copy(&p.mend, fd, octets, &mended, e)) {
		g_clear_object(&m);
		return false;
	}
	if (mended >= 0 && fstat(mended, &st) == 0) {
		g_clear_object(&m);
		m = parse_file(&p, mended, (uint64_t)st.st_size);
	}
	if (m != NULL) {
		letter_charset(&charset, m);
		w.charset = buf_span(&charset);
		read_fields(l, m, w.charset);
		walk_object(&w, g_mime_message_get_mime_part(m), 1, true);
		g_object_unref(m);
	}
	buf_clear(&charset);
	if (mended >= 0)
		close(mended);
	return true;
}

bool
mime_read(struct mime_letter *l, int fd, struct err *e)
{
	struct bounds b;

	*l = (struct mime_letter) { 0 };
	if (!find_bounds(fd, &b, e))
		return false;
	l->hit = b.hit;
	return bounds_keep(&b) == 0 || read_file(l, fd, bounds_keep(&b), e);
}

void
mime_read_header(struct mime_letter *l, struct span header)
{
	struct bounds b;
	struct parsing p = { .letter = l };
	struct buf charset = BUF_INIT;
	GMimeStream *stream;
	GMimeMessage *m;

	*l = (struct mime_letter) { 0 };
	bounds_init(&b);
	bounds_feed(&b, header);
	if (bounds_keep(&b) == 0)
		return;
	stream = g_mime_stream_mem_new_with_buffer(header.p, (size_t)bounds_keep(&b));
	m = parse(&p, stream);
	if (m != NULL) {
		letter_charset(&charset, m);
		read_fields(l, m, buf_span(&charset));
		g_object_unref(m);
	}
	buf_clear(&charset);
	g_object_unref(stream);
}

bool
mime_is_complete(const struct mime_letter *l)
{
	return !l->no_words && !l->text_cut && !l->too_deep && !l->lost && !l->damaged &&
	    l->hit == BOUNDS_NONE;
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
	buf_clear(&l->from_name);
	buf_clear(&l->text);
	*l = (struct mime_letter) { 0 };
}
