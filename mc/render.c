/* render — a letter as people read it; see render.h. */
#include "mc/render.h"

#include <stdio.h>
#include <string.h>

#include "mc/measure.h"
#include "mc/safe.h"
#include "mc/visible.h"

#define LABEL        9 /* columns of a label */
#define INDENT       2 /* of the letter's text */
#define MARK         3 /* columns of "...", where something was cut */
#define TYPE_COLUMNS 30
#define BLANKS_MOST  LABEL /* columns of blanks in a row, in the letter's text */

bool
render_from_agrees(const struct mime_letter *letter, const char *from)
{
	struct span a = buf_span(&letter->from_address), b = span_str(from);
	const char *at = strrchr(from, '@');
	size_t local = at == NULL ? b.n : (size_t)(at - from);

	return letter->n_from == 1 && a.n == b.n &&
	    span_eq(span_sub(a, 0, local), span_sub(b, 0, local)) &&
	    span_eq_nocase(span_sub(a, local, a.n), span_sub(b, local, b.n));
}

struct page {
	const struct out *out;
	struct buf text; /* safe */
};

static void
add_safe(struct page *p, struct buf *b, struct span s, enum safe_form form)
{
	if (p->out->ascii)
		safe_add_ascii(b, s, form);
	else
		safe_add(b, s, form);
}

/* Columns for a value after its label; SIZE_MAX: no terminal. */
static size_t
room(const struct page *p, size_t used)
{
	if (p->out->columns == 0)
		return SIZE_MAX;
	return p->out->columns > used + MARK ? p->out->columns - used : MARK + 1;
}

/* Adds safe text in at most so many columns. */
static void
add_cut(struct buf *b, struct span safe, size_t columns)
{
	bool cut = safe_columns(safe) > columns;

	if (cut)
		safe = safe_cut(safe, columns - MARK);
	buf_add(b, safe.p, safe.n);
	if (cut)
		buf_add(b, "...", MARK);
}

/* A sentence of ours after a label, in as many lines as it takes. */
static void
sentence(struct page *p, const char *label, struct span safe)
{
	buf_addf(&p->text, "%-*s", LABEL, label);
	safe_wrap(&p->text, safe, 0, LABEL, p->out->page);
}

/* One field: on a terminal in one line, else whole.  `value` is safe. */
static void
field(struct page *p, const char *label, struct span value)
{
	if (value.n == 0)
		return;
	if (!p->out->terminal) {
		sentence(p, label, value);
		return;
	}
	buf_addf(&p->text, "%-*s", LABEL, label);
	add_cut(&p->text, value, room(p, LABEL));
	buf_add(&p->text, "\n", 1);
}

static void
words_field(struct page *p, const char *label, struct span value)
{
	struct buf b = BUF_INIT;

	add_safe(p, &b, value, SAFE_WORDS);
	field(p, label, buf_span(&b));
	buf_clear(&b);
}

/* The octets of the word at the front of s. */
static size_t
word_length(struct span s)
{
	uint32_t c = 0;
	size_t at = 0, n;

	for (; at < s.n; at += n) {
		n = visible_utf8(span_sub(s, at, s.n), &c);
		if (n > 0 && (visible_is_blank(c) || c == '\r' || c == '\n'))
			return at;
		n += n == 0;
	}
	return at;
}

/* Names with addresses: in an address every invisible character shows. */
static void
add_list(struct page *p, struct buf *b, struct span s)
{
	bool angle = false;
	uint32_t c;

	while (s.n > 0) {
		size_t n = word_length(s);
		struct span word = span_sub(s, 0, n);

		if (n == 0) {
			n = visible_utf8(s, &c);
			s = span_sub(s, n, s.n);
			continue;
		}
		angle = angle || span_has(word, '<');
		if (b->len > 0)
			buf_add(b, " ", 1);
		add_safe(p, b, word, angle || span_has(word, '@') ? SAFE_LINE : SAFE_WORDS);
		angle = angle && !span_has(word, '>');
		s = span_sub(s, n, s.n);
	}
}

static struct span
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return span_str(at == NULL ? address : at + 1);
}

static bool
is_via(const struct render_sender *s, const struct mime_letter *l)
{
	if (s->marks != NULL)
		return s->marks->via && s->from[0] != '\0';
	return !render_from_agrees(l, s->from);
}

/* From, whose address stays where the name is too long. */
static void
from_field(struct page *p, const struct render_sender *s, const struct mime_letter *l)
{
	struct buf value = BUF_INIT, name = BUF_INIT;
	size_t most = room(p, LABEL), address;

	add_list(p, &value, buf_span(&l->from));
	if (is_via(s, l)) {
		buf_addf(&value, "%svia ", value.len > 0 ? " " : "");
		add_safe(p, &value, s->marks != NULL ? domain_of(s->from) : span_str(s->from),
		    SAFE_LINE);
	}
	for (address = value.len; address > 0 && value.data[address - 1] != ' ';)
		address--;
	if (safe_columns(buf_span(&value)) > most && value.len - address + 2 * MARK < most) {
		struct span tail = span_sub(buf_span(&value), address, value.len);

		add_cut(&name, span_sub(buf_span(&value), 0, address - (address > 0)),
		    most - safe_columns(tail) - 1);
		buf_addf(&name, " %.*s", SPAN_FMT(tail));
		field(p, "From", buf_span(&name));
	} else
		field(p, "From", buf_span(&value));
	buf_clear(&value);
	buf_clear(&name);
}

static void
list_field(struct page *p, const char *label, struct span value)
{
	struct buf b = BUF_INIT;

	add_list(p, &b, value);
	field(p, label, buf_span(&b));
	buf_clear(&b);
}

/* The address that a name beside From pretends to be; empty: none, or the sender's own. */
static struct span
address_in_name(const struct mime_letter *l, struct span own)
{
	struct span s = buf_span(&l->from_name);

	while (s.n > 0) {
		size_t n = word_length(s);
		struct span word = span_sub(s, 0, n);
		bool at = memmem(word.p, word.n, "\357\274\240", 3) != NULL || /* U+FF20 */
		    memmem(word.p, word.n, "\357\271\253", 3) != NULL ||       /* U+FE6B */
		    span_has(word, '@');

		while (word.n > 0 && strchr("\"'<([", word.p[0]) != NULL)
			word = span_sub(word, 1, word.n);
		while (word.n > 0 && strchr("\"'>)],;:.", word.p[word.n - 1]) != NULL)
			word.n--;
		if (at && !span_eq_nocase(word, own))
			return word;
		s = span_sub(s, n > 0 ? n : 1, s.n);
	}
	return s;
}

static void
notes(struct page *p, const struct render_sender *s, const struct mime_letter *l)
{
	struct span own = s->marks != NULL ? buf_span(&l->from_address) : span_str(s->from);
	struct span pretended = address_in_name(l, own);
	struct buf b = BUF_INIT;

	if (pretended.n > 0) {
		buf_addf(&b, "The name in From is an address, ");
		add_safe(p, &b, pretended, SAFE_LINE);
		buf_addf(&b, ", but the sender is ");
		add_safe(p, &b, own, SAFE_LINE);
		sentence(p, "NOTE", buf_span(&b));
	} else if (!render_from_agrees(l, s->from) && s->marks == NULL) {
		buf_addf(&b, "From is not the address of the sender, who is ");
		add_safe(p, &b, own, SAFE_LINE);
		sentence(p, "NOTE", buf_span(&b));
	}
	buf_clear(&b);
}

/* "from mx.old.example, for old.example, no seal" */
static void
smtp_words(struct page *p, const struct render_sender *s, struct buf *b)
{
	const struct mailbox_marks *m = s->marks;

	if (m->ehlo.text[0] != '\0') {
		buf_addf(b, "from ");
		add_safe(p, b, domain_span(&m->ehlo), SAFE_LINE);
		buf_addf(b, ", ");
	}
	if (s->from[0] != '\0') {
		buf_addf(b, "for ");
		add_safe(p, b, domain_of(s->from), SAFE_LINE);
		buf_addf(b, ", ");
	}
	buf_addf(b, "no seal");
}

/* "SPF pass, DKIM pass (old.example), DMARC none" */
static void
checked_words(struct page *p, const struct mailbox_marks *m, struct buf *b)
{
	buf_addf(b, "SPF %s, DKIM %s", mailbox_result_name(m->spf), mailbox_result_name(m->dkim));
	if (m->dkim_domain.text[0] != '\0') {
		buf_addf(b, " (");
		add_safe(p, b, domain_span(&m->dkim_domain), SAFE_LINE);
		buf_addf(b, ")");
	}
	buf_addf(b, ", DMARC %s", mailbox_result_name(m->dmarc));
}

/* Also what the recipient's server would not have taken, or holds to be forged. */
static void
checked(struct page *p, const struct mailbox_marks *m)
{
	struct buf b = BUF_INIT;

	checked_words(p, m, &b);
	sentence(p, "Checked", buf_span(&b));
	buf_reset(&b);
	if (m->unaccountable[0] != '\0') {
		buf_addf(&b, "Nobody answers for the sender: your server only reports ");
		add_safe(p, &b, span_str(m->unaccountable), SAFE_LINE);
		sentence(p, "NOTE", buf_span(&b));
	}
	if (m->dmarc == MAILBOX_RESULT_QUARANTINE || m->dmarc == MAILBOX_RESULT_FAIL)
		sentence(p, "NOTE",
		    span_str("Neither SPF nor DKIM shows that it is from the domain in From"));
	buf_clear(&b);
}

static void
identity(struct page *p, const struct render_sender *s, const struct mime_letter *l)
{
	struct buf b = BUF_INIT;

	if (s->marks != NULL) {
		smtp_words(p, s, &b);
	} else {
		add_safe(p, &b, domain_of(s->from), SAFE_LINE);
		buf_addf(&b, ", signature and octets good, SPF pass");
	}
	sentence(p, s->marks != NULL ? "By SMTP" : "Sealed", buf_span(&b));
	buf_reset(&b);
	if (s->vouched_by != NULL)
		add_safe(p, &b, span_str(s->vouched_by), SAFE_SAID);
	if (b.len == 0 && s->marks != NULL && !s->marks->has_fingerprint &&
	    s->marks->unaccountable[0] != '\0')
		buf_addf(&b, "by nobody: its host showed no certificate");
	field(p, "Vouched", buf_span(&b));
	buf_clear(&b);
	if (s->marks != NULL)
		checked(p, s->marks);
	notes(p, s, l);
}

static void
head(struct page *p, const struct render_sender *s, const struct mime_letter *l)
{
	const char *came = s->marks != NULL ? ", received " : ", announced ";
	char size[MEASURE_BYTES], date[MEASURE_BYTES];

	identity(p, s, l);
	measure_size(size, s->octets);
	buf_addf(&p->text, "%-*s%llu, %s%s%s\n", LABEL, "Letter", (unsigned long long)s->number,
	    size, s->received != NULL ? came : "", s->received != NULL ? s->received : "");
	from_field(p, s, l);
	list_field(p, "To", buf_span(&l->to));
	list_field(p, "Cc", buf_span(&l->cc));
	if (l->has_date) {
		measure_full(date, l->date_s);
		field(p, "Date", span_str(date));
	}
	words_field(p, "Subject",
	    l->subject.len > 0 ? buf_span(&l->subject) : span_str("(no subject)"));
}

static void
part(struct page *p, size_t number, const struct mime_part *part)
{
	struct buf name = BUF_INIT, rest = BUF_INIT, type = BUF_INIT, line = BUF_INIT;
	char size[MEASURE_BYTES], mark[32];

	snprintf(mark, sizeof mark, "[%zu] ", number);
	measure_size(size, part->octets);
	add_safe(p, &type, buf_span(&part->type), SAFE_SAID);
	buf_addf(&rest, "  %s  ", size);
	add_cut(&rest, buf_span(&type), p->out->columns == 0 ? SIZE_MAX : TYPE_COLUMNS);
	add_safe(p, &name, part->name.len > 0 ? buf_span(&part->name) : span_str("(no name)"),
	    SAFE_WORDS);
	buf_addf(&p->text, "%s", mark);
	add_cut(&line, buf_span(&name), room(p, strlen(mark) + safe_columns(buf_span(&rest))));
	buf_addf(&line, "%.*s", SPAN_FMT(buf_span(&rest)));
	safe_wrap(&p->text, buf_span(&line), 0, strlen(mark), p->out->page);
	buf_clear(&line);
	buf_clear(&name);
	buf_clear(&rest);
	buf_clear(&type);
}

static const char *
missing(const struct mime_letter *l)
{
	return l->hit == BOUNDS_HEADER    ? "a header is too long to be read"
	    : l->hit == BOUNDS_PARTS      ? "it has too many parts"
	    : l->too_deep                 ? "its parts are nested too deep"
	    : l->text_cut && l->from_html ? "its HTML is too long or too intricate"
	    : l->text_cut                 ? "the text is very long"
	    : l->damaged                  ? "its parts cannot be told apart"
	    : l->no_words                 ? "no text could be taken from its HTML"
					  : "some octets are not of its character set";
}

static void
foot(struct page *p, const struct render_sender *s, const struct mime_letter *l)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->n_parts; i++) {
		if (i == 0)
			buf_add(&p->text, "\n", 1);
		part(p, i + 1, &l->parts[i]);
	}
	if (l->from_html && !l->no_words)
		buf_addf(&p->text, "\n(The text was taken from HTML.)\n");
	if (!mime_is_complete(l)) {
		buf_addf(&b,
		    "(Not all of it is here: %s.  All of it:  %s show %llu --raw > %llu.eml)",
		    missing(l), s->command, (unsigned long long)s->number,
		    (unsigned long long)s->number);
		buf_add(&p->text, "\n", 1);
		safe_wrap(&p->text, buf_span(&b), 0, 0, p->out->page);
	}
	buf_clear(&b);
}

/* The octets of the blanks at the front of s, and their columns. */
static size_t
blanks(struct span s, size_t *columns)
{
	uint32_t c = 0;
	size_t at = 0, n;

	*columns = 0;
	while (at < s.n) {
		n = visible_utf8(span_sub(s, at, s.n), &c);
		if (n == 0 || !visible_is_blank(c))
			break;
		*columns += c == '\t' ? 8 : safe_columns(span_sub(s, at, n));
		at += n;
	}
	return at;
}

/* Shortens long runs of blanks, which could push words to the margin of a narrower page. */
static void
add_folded(struct buf *out, struct span safe)
{
	size_t columns, n;

	while (safe.n > 0) {
		n = blanks(safe, &columns);
		if (columns > BLANKS_MOST)
			buf_addf(out, "%*s", BLANKS_MOST, "");
		else
			buf_add(out, safe.p, n);
		safe = span_sub(safe, n, safe.n);
		for (n = 0; n < safe.n && blanks(span_sub(safe, n, safe.n), &columns) == 0;)
			n++;
		buf_add(out, safe.p, n);
		safe = span_sub(safe, n, safe.n);
	}
}

void
render_letter(struct out *o, const struct render_sender *sender, const struct mime_letter *letter)
{
	struct page p = { .out = o };
	struct buf body = BUF_INIT, folded = BUF_INIT;

	head(&p, sender, letter);
	buf_add(&p.text, "\n", 1);
	add_safe(&p, &body, buf_span(&letter->text), SAFE_PROSE);
	add_folded(&folded, buf_span(&body));
	safe_wrap(&p.text, buf_span(&folded), INDENT, INDENT, o->page);
	foot(&p, sender, letter);
	out_text(o, buf_span(&p.text));
	buf_clear(&p.text);
	buf_clear(&folded);
	buf_clear(&body);
}

void
render_header(struct out *o, struct span beginning)
{
	const char *end = beginning.n == 0 ? NULL : memmem(beginning.p, beginning.n, "\r\n\r\n", 4);
	struct page p = { .out = o };
	struct buf safe = BUF_INIT;

	add_safe(&p, &safe,
	    span_sub(beginning, 0, end == NULL ? beginning.n : (size_t)(end - beginning.p) + 2),
	    SAFE_TEXT);
	safe_wrap(&p.text, buf_span(&safe), 0, 2 * INDENT, o->page);
	out_text(o, buf_span(&p.text));
	buf_clear(&safe);
	buf_clear(&p.text);
}
