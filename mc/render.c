/* render — a letter as people read it; see render.h. */
#include "mc/render.h"

#include <string.h>

#include "mc/measure.h"
#include "mc/safe.h"

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

/* One field of a head, its value in one line. */
static void
field(struct buf *b, const char *name, struct span value)
{
	if (value.n == 0)
		return;
	buf_addf(b, "%-8s ", name);
	safe_add(b, value, SAFE_LINE);
	buf_add(b, "\n", 1);
}

static void
identity(struct buf *b, const struct render_sender *s, const struct mime_letter *l)
{
	const char *at = strrchr(s->from, '@');

	buf_addf(b, s->by_smtp ? "By SMTP  " : "Sealed   ");
	safe_add(b, span_str(at == NULL ? s->from : at + 1), SAFE_LINE);
	buf_addf(b, s->by_smtp ? ", no seal\n" : ", signature and octets good, SPF pass\n");
	if (s->vouched_by != NULL && s->vouched_by[0] != '\0')
		field(b, "Vouched", span_str(s->vouched_by));
	if (render_from_agrees(l, s->from) || s->by_smtp)
		return;
	buf_addf(b, "NOTE     The letter says another From than its sender, who is ");
	safe_add(b, span_str(s->from), SAFE_LINE);
	buf_add(b, "\n", 1);
}

static void
head(struct buf *b, const struct render_sender *s, const struct mime_letter *l)
{
	char size[MEASURE_BYTES], date[MEASURE_BYTES];
	struct buf from = BUF_INIT;

	measure_size(size, s->octets);
	buf_addf(b, "%llu  ", (unsigned long long)s->number);
	safe_add(b, l->subject.len > 0 ? buf_span(&l->subject) : span_str("(no subject)"),
	    SAFE_LINE);
	buf_addf(b, "  (%s%s%s)\n", size, s->received != NULL ? ", announced " : "",
	    s->received != NULL ? s->received : "");
	buf_add(&from, l->from.data, l->from.len);
	if (!render_from_agrees(l, s->from))
		buf_addf(&from, "%svia %s", from.len > 0 ? " " : "", s->from);
	field(b, "From", buf_span(&from));
	field(b, "To", buf_span(&l->to));
	field(b, "Cc", buf_span(&l->cc));
	if (l->has_date) {
		measure_full(date, l->date_s);
		field(b, "Date", span_str(date));
	}
	field(b, "Subject", buf_span(&l->subject));
	identity(b, s, l);
	buf_clear(&from);
}

static void
foot(struct buf *b, const struct render_sender *s, const struct mime_letter *l)
{
	for (size_t i = 0; i < l->n_parts; i++) {
		const struct mime_part *p = &l->parts[i];
		char size[MEASURE_BYTES];

		measure_size(size, p->octets);
		buf_addf(b, "%s[%zu] ", i == 0 ? "\n" : "", i + 1);
		safe_add(b, p->name.len > 0 ? buf_span(&p->name) : span_str("(no name)"),
		    SAFE_LINE);
		buf_addf(b, "  %s  ", size);
		safe_add(b, buf_span(&p->type), SAFE_LINE);
		buf_add(b, "\n", 1);
	}
	if (l->from_html)
		buf_addf(b, "\n(The text was taken from HTML.)\n");
	if (l->hit != BOUNDS_NONE || l->too_deep || l->text_cut)
		buf_addf(b, "\n(There is more: %s.  All of it: show %llu --raw > FILE)\n",
		    l->hit == BOUNDS_HEADER      ? "a header is too long to be read"
			: l->hit == BOUNDS_PARTS ? "it has too many parts"
			: l->too_deep            ? "its parts are nested too deep"
						 : "the text is very long",
		    (unsigned long long)s->number);
}

void
render_letter(struct out *o, const struct render_sender *sender, const struct mime_letter *letter)
{
	struct buf b = BUF_INIT;

	head(&b, sender, letter);
	buf_add(&b, "\n", 1);
	buf_add(&b, letter->text.data, letter->text.len);
	if (letter->text.len > 0 && letter->text.data[letter->text.len - 1] != '\n')
		buf_add(&b, "\n", 1);
	foot(&b, sender, letter);
	out_text(o, buf_span(&b));
	buf_clear(&b);
}

void
render_header(struct out *o, struct span beginning)
{
	const char *end = beginning.n == 0 ? NULL : memmem(beginning.p, beginning.n, "\r\n\r\n", 4);

	out_text(o,
	    span_sub(beginning, 0, end == NULL ? beginning.n : (size_t)(end - beginning.p) + 2));
}
