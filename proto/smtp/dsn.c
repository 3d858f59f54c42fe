/* dsn — see dsn.h. */
#include "proto/smtp/dsn.h"

#include <string.h>

#include "common/base/ascii.h"
#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "proto/header.h"

static const char *const actions[] = { "failed", "delayed", "delivered", "relayed", "expanded" };
#define ACTIONS (sizeof actions / sizeof actions[0])

const char *
dsn_action_text(enum dsn_action a)
{
	return actions[a];
}

/* -- writing ------------------------------------------------------------------------------------- */

/* No text of ours or of a peer may begin another field. */
static void
add_text(struct buf *out, const char *text)
{
	struct span s = span_str(text);

	while (s.n > 0) {
		size_t n = utf8_printable(s);

		buf_add(out, n == 0 || s.p[0] == '\t' ? "?" : s.p, n == 0 ? 1 : n);
		s = span_sub(s, n == 0 ? 1 : n, s.n);
	}
}

static void
add_field(struct buf *out, const char *name, const char *type, const char *text)
{
	if (*text == '\0')
		return;
	buf_addf(out, "%s: %s%s", name, type, *type == '\0' ? "" : "; ");
	add_text(out, text);
	buf_addf(out, "\r\n");
}

static void
add_address(struct buf *out, const char *name, const char *address)
{
	add_field(out, name, span_is_ascii(span_str(address)) ? "rfc822" : "utf-8", address);
}

static void
add_date(struct buf *out, const char *name, int64_t s)
{
	char date[CLOCK_MAIL_DATE_BYTES];

	if (s == 0)
		return;
	clock_mail_date(s, date);
	add_field(out, name, "", date);
}

void
dsn_add_message(struct buf *out, const struct dsn_message *m)
{
	add_field(out, "Original-Envelope-Id", "", m->envelope);
	add_field(out, "Reporting-MTA", "dns", m->reporting);
	add_date(out, "Arrival-Date", m->arrival_s);
}

void
dsn_add_recipient(struct buf *out, const struct dsn_recipient *r)
{
	buf_addf(out, "\r\n");
	add_address(out, "Original-Recipient", r->original);
	add_address(out, "Final-Recipient", r->address);
	add_field(out, "Action", "", actions[r->action]);
	add_field(out, "Status", "", r->status);
	add_field(out, "Remote-MTA", "dns", r->remote);
	add_field(out, "Diagnostic-Code", "smtp", r->diagnostic);
	add_date(out, "Will-Retry-Until", r->retry_until_s);
}

/* -- reading ------------------------------------------------------------------------------------- */

/* The words of a value on one line, cut at a character: folds are one blank, and what is not printable is "?". */
static void
copy_text(struct span value, char *dst, size_t cap)
{
	size_t n = 0;

	value = span_trim_folds(value);
	while (value.n > 0) {
		size_t one = utf8_printable(value);

		if (ascii_is_space(value.p[0])) {
			while (value.n > 0 && ascii_is_space(value.p[0]))
				value = span_sub(value, 1, value.n);
			if (n + 1 >= cap)
				break;
			dst[n++] = ' ';
			continue;
		}
		if (n + (one == 0 ? 1 : one) >= cap)
			break;
		memcpy(dst + n, one == 0 ? "?" : value.p, one == 0 ? 1 : one);
		n += one == 0 ? 1 : one;
		value = span_sub(value, one == 0 ? 1 : one, value.n);
	}
	dst[n] = '\0';
}

/* type ";" value; false where the type is another */
static bool
of_type(struct span value, const char *type, struct span *out)
{
	bool has = span_has(value, ';');
	struct span first = span_trim_folds(span_cut(&value, ';'));

	*out = span_trim_folds(value);
	return has && span_eq_nocase(first, span_str(type));
}

/* Leaves "" where the text is too long, so that it is never another's address. */
static void
read_address(struct span value, char out[ADDRESS_STR_BYTES])
{
	struct span s;

	out[0] = '\0';
	if (!of_type(value, "rfc822", &s) && !of_type(value, "utf-8", &s))
		return;
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = span_sub(s, 1, s.n - 2);
	if (s.n <= ADDRESS_MAX)
		copy_text(s, out, ADDRESS_STR_BYTES);
}

static void
read_host(struct span value, char out[DOMAIN_BYTES])
{
	struct span s;

	out[0] = '\0';
	if (of_type(value, "dns", &s) && s.n <= DOMAIN_MAX)
		copy_text(s, out, DOMAIN_BYTES);
}

/* status-code = DIGIT "." 1*3DIGIT "." 1*3DIGIT, then comments */
static void
read_status(struct span value, char out[DSN_STATUS_BYTES])
{
	static const size_t most[] = { 1, 3, 3 };
	size_t n = 0;

	value = span_trim_folds(value);
	out[0] = '\0';
	for (size_t part = 0; part < 3; part++) {
		size_t digits = 0;

		if (part > 0 && (n == value.n || value.p[n++] != '.'))
			return;
		for (; n < value.n && ascii_is_digit(value.p[n]); n++)
			digits++;
		if (digits == 0 || digits > most[part])
			return;
	}
	if (n == value.n || ascii_is_space(value.p[n]) || value.p[n] == '(')
		span_copy(span_sub(value, 0, n), out, DSN_STATUS_BYTES);
}

static bool
read_action(struct span value, enum dsn_action *out)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (span_eq_nocase(span_trim_folds(value), span_str(actions[i]))) {
			*out = (enum dsn_action)i;
			return true;
		}
	return false;
}

/* The fields up to the next empty line; moves *rest past it, and past those that follow it. */
static struct span
group(struct span *rest)
{
	struct span all = *rest;
	size_t at = 0, n;

	while ((n = header_field_at(all, at).n) > 0)
		at += n;
	all = span_sub(*rest, 0, at);
	if (at == 0 && !span_starts(*rest, SPAN_LIT("\r\n"))) {
		*rest = span_sub(*rest, rest->n, 0);
		return all;
	}
	*rest = span_sub(*rest, at, rest->n);
	while (span_starts(*rest, SPAN_LIT("\r\n")))
		*rest = span_sub(*rest, 2, rest->n);
	return all;
}

bool
dsn_read(struct span body, struct dsn_message *m, struct dsn_reader *r, struct err *e)
{
	struct span fields, field, value;
	bool reported = false;

	*m = (struct dsn_message) { 0 };
	*r = (struct dsn_reader) { .rest = body };
	fields = group(&r->rest);
	for (size_t at = 0; (field = header_field_at(fields, at)).n > 0; at += field.n) {
		if (header_field_is(field, SPAN_LIT("Original-Envelope-Id"), &value)) {
			if (span_trim_folds(value).n < sizeof m->envelope)
				copy_text(value, m->envelope, sizeof m->envelope);
		} else if (header_field_is(field, SPAN_LIT("Reporting-MTA"), &value)) {
			reported = true;
			read_host(value, m->reporting);
		}
	}
	return reported ||
	    err_set(e, REFUSAL_bad_message, "a delivery status that does not say who reports");
}

static void
take_field(struct span field, struct dsn_recipient *out, bool *named, bool *acted)
{
	struct span value, text;

	if (header_field_is(field, SPAN_LIT("Final-Recipient"), &value)) {
		*named = true;
		read_address(value, out->address);
	} else if (header_field_is(field, SPAN_LIT("Original-Recipient"), &value)) {
		read_address(value, out->original);
	} else if (header_field_is(field, SPAN_LIT("Action"), &value)) {
		*acted = read_action(value, &out->action);
	} else if (header_field_is(field, SPAN_LIT("Status"), &value)) {
		read_status(value, out->status);
	} else if (header_field_is(field, SPAN_LIT("Remote-MTA"), &value)) {
		read_host(value, out->remote);
	} else if (header_field_is(field, SPAN_LIT("Diagnostic-Code"), &value)) {
		if (of_type(value, "smtp", &text))
			copy_text(text, out->diagnostic, sizeof out->diagnostic);
	}
}

bool
dsn_read_recipient(struct dsn_reader *r, struct dsn_recipient *out)
{
	while (r->rest.n > 0 && r->recipients < DSN_RECIPIENTS_MAX) {
		struct span fields = group(&r->rest), field;
		bool named = false, acted = false;

		*out = (struct dsn_recipient) { 0 };
		r->recipients++;
		for (size_t at = 0; (field = header_field_at(fields, at)).n > 0; at += field.n)
			take_field(field, out, &named, &acted);
		if (named && acted)
			return true;
	}
	return false;
}
