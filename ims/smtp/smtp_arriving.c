/* smtp_arriving — see smtp_arriving.h. */
#include "ims/smtp/smtp_arriving.h"

#include <string.h>

#include "common/base/ascii.h"
#include "common/base/clock.h"
#include "common/text/idn.h"
#include "proto/smtp/smtp_date.h"

/* -- judging -------------------------------------------------------------------------------------- */

static void
fault(struct smtp_arriving *l, const struct err *e)
{
	if (l->fault.why == REFUSAL_NONE)
		l->fault = *e;
}

static void
fault_of_form(struct smtp_arriving *l, const char *text)
{
	struct err e;

	err_set(&e, REFUSAL_bad_message, "%s", text);
	fault(l, &e);
}

/* field-name = 1*( %d33-57 / %d59-126 ), and ":" after it; blanks between are an old form. */
static bool
has_name(struct span field)
{
	struct span rest = field, name = span_cut(&rest, ':');
	size_t n = name.n;

	if (name.n == field.n)
		return false;
	while (n > 0 && (name.p[n - 1] == ' ' || name.p[n - 1] == '\t'))
		n--;
	for (size_t i = 0; i < n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return false;
	return n > 0;
}

static void
judge_fields(struct smtp_arriving *l)
{
	struct span header = buf_span(&l->header), field, value;
	unsigned fields = 0, hops = 0;
	struct err e;

	for (size_t at = 0; (field = header_field_at(header, at)).n > 0; at += field.n) {
		fields++;
		if (RULE(bad_message) && !has_name(field))
			fault_of_form(l, "a line of the header is no field");
		if (header_field_is(field, SPAN_LIT("Received"), &value))
			hops++;
		if (header_field_is(field, SPAN_LIT("Date"), &value) && l->date_s == 0 &&
		    !smtp_date_read(value, &l->date_s))
			l->date_s = 0;
		if (fields > SMTP_FIELDS_MAX)
			break;
	}
	if (RULE(bad_message) && fields > SMTP_FIELDS_MAX)
		fault_of_form(l, "the header has more than 1000 fields");
	if (RULE(too_many_hops) && hops > SMTP_HOPS_MAX) {
		err_word(&e, REFUSAL_too_many_hops);
		fault(l, &e);
	}
}

static void
judge(struct smtp_arriving *l)
{
	struct err e;

	l->whole = true;
	judge_fields(l);
	if (l->fault.why == REFUSAL_NONE &&
	    !header_from(buf_span(&l->header), idn_a_label, l->from, &e))
		fault(l, &e);
}

/* -- taking --------------------------------------------------------------------------------------- */

/* Does the header end with what it has: a line that is empty? */
static bool
is_over(const struct buf *h)
{
	if (h->len == 2)
		return memcmp(h->data, "\r\n", 2) == 0;
	return h->len >= 4 && memcmp(h->data + h->len - 4, "\r\n\r\n", 4) == 0;
}

/* Up to the header's end, or all of it; line by line, so that each octet is looked at once. */
static size_t
take_header(struct smtp_arriving *l, struct span octets)
{
	size_t at = 0;

	while (at < octets.n && !l->whole) {
		const char *lf = memchr(octets.p + at, '\n', octets.n - at);
		size_t n = lf == NULL ? octets.n - at : (size_t)(lf - octets.p) + 1 - at;

		if (l->header.len + n > HEADER_MAX_BYTES) {
			if (RULE(bad_message))
				fault_of_form(l, "the header has more than 100 KiB");
			l->whole = true;
			buf_reset(&l->header);
			return octets.n;
		}
		buf_add(&l->header, octets.p + at, n);
		at += n;
		if (is_over(&l->header))
			judge(l);
	}
	return at;
}

void
smtp_arriving_take(struct smtp_arriving *l, struct span octets, struct span *body)
{
	size_t n = l->whole ? 0 : take_header(l, octets);

	*body = span_sub(octets, n, octets.n);
	if (l->fault.why != REFUSAL_NONE)
		body->n = 0;
}

bool
smtp_arriving_end(struct smtp_arriving *l, struct err *e)
{
	if (!l->whole)
		judge(l);
	if (l->fault.why == REFUSAL_NONE)
		return true;
	*e = l->fault;
	return false;
}

void
smtp_arriving_clear(struct smtp_arriving *l)
{
	buf_clear(&l->header);
	*l = (struct smtp_arriving) { .whole = false };
}

/* -- what is removed ------------------------------------------------------------------------------ */

/* Skips blanks, folds and comments (RFC 5322 3.2.2).  False: a comment has no end. */
static bool
skip_cfws(struct span *s)
{
	unsigned depth = 0;
	size_t i = 0;

	for (; i < s->n; i++) {
		char c = s->p[i];

		if (c == '(')
			depth++;
		else if (depth > 0 && c == ')')
			depth--;
		else if (depth > 0 && c == '\\')
			i++;
		else if (depth == 0 && strchr(" \t\r\n", c) == NULL)
			break;
	}
	*s = span_sub(*s, i, s->n);
	return depth == 0;
}

/* authserv-id = token / quoted-string (RFC 2045 5.1).  A name that cannot be read may be ours. */
static bool
is_in_our_name(struct span value, struct span name)
{
	size_t n = 0;

	if (!skip_cfws(&value) || value.n == 0 || value.p[0] == '"')
		return true;
	while (n < value.n && strchr(" \t\r\n()<>@,;:\\\"/[]?=", value.p[n]) == NULL)
		n++;
	return n == 0 || span_eq_nocase(span_sub(value, 0, n), name);
}

static bool
is_removed(struct span field, struct span name)
{
	const struct span ours = SPAN_LIT("Tillcalled-");
	struct span value;

	if (header_field_is(field, SPAN_LIT("Return-Path"), &value) ||
	    span_eq_nocase(span_sub(field, 0, ours.n), ours))
		return true;
	return header_field_is(field, SPAN_LIT("Authentication-Results"), &value) &&
	    is_in_our_name(value, name);
}

/* -- trace ---------------------------------------------------------------------------------------- */

/* A line for each result. */
static void
put_results(const struct smtp_trace *t, struct buf *out)
{
	struct span rest = t->results, one;

	buf_addf(out, "Authentication-Results: %s", t->name);
	while (rest.n > 0) {
		one = span_trim(span_cut(&rest, ';'));
		buf_addf(out, ";\r\n\t%.*s", SPAN_FMT(one));
	}
	buf_addf(out, "\r\n");
}

/* What the peer calls itself, as a word: other characters could end the clause. */
static void
put_word(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		buf_add(out,
		    ascii_is_alnum(s.p[i]) || memchr(".-_[]:", s.p[i], 6) != NULL ? &s.p[i] : "?",
		    1);
}

static void
put_received(const struct smtp_trace *t, struct buf *out)
{
	char id[ULID_STR_BYTES], date[CLOCK_MAIL_DATE_BYTES];
	bool v6 = strchr(t->address, ':') != NULL;

	ulid_str(t->id, id);
	clock_mail_date(t->now_s, date);
	buf_addf(out, "Received: from ");
	put_word(t->ehlo, out);
	buf_addf(out, " ([%s%s])\r\n\tby %s with %s\r\n\t(%s %s) id %s", v6 ? "IPv6:" : "",
	    t->address, t->name,
	    t->utf8           ? "UTF8SMTPS"
		: t->extended ? "ESMTPS"
			      : "SMTPS",
	    t->version, t->suite, id);
	if (t->to != NULL)
		buf_addf(out, "\r\n\tfor <%s>", t->to);
	buf_addf(out, ";\r\n\t%s\r\n", date);
}

void
smtp_arriving_head(const struct smtp_arriving *l, const struct smtp_trace *t, struct buf *out)
{
	struct span header = buf_span(&l->header), field, name = span_str(t->name);
	size_t at = 0;

	buf_addf(out, "Return-Path: <%s>\r\n", t->from);
	put_results(t, out);
	put_received(t, out);
	if (t->mark[0] != '\0')
		buf_addf(out, SMTP_MARK_FIELD ": unaccountable (%s)\r\n", t->mark);
	for (; (field = header_field_at(header, at)).n > 0; at += field.n)
		if (!is_removed(field, name))
			buf_add(out, field.p, field.n);
	buf_add(out, header.p + at, header.n - at);
}
