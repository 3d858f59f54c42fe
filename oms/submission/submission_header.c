/* submission_header — Bcc, Date, Message-ID and Received; see submission_header.h. */
#include "oms/submission/submission_header.h"

#include <string.h>

#include "common/base/address.h"
#include "common/base/clock.h"
#include "proto/header.h"

static void
add_received(const struct submission_trace *t, const char *id, const char *date, struct buf *out)
{
	buf_addf(out, "Received: by %s with %s (%s)\r\n\tid %s; %s\r\n", t->host, t->with, t->how,
	    id, date);
}

static bool
is_hidden(struct span field)
{
	struct span value;

	return header_field_is(field, SPAN_LIT("Bcc"), &value) ||
	    header_field_is(field, SPAN_LIT("Resent-Bcc"), &value);
}

/* Not a part of another address. */
static bool
is_whole(struct span field, size_t at, size_t n)
{
	return (at == 0 || strchr(" \t<:", field.p[at - 1]) != NULL) &&
	    (at + n == field.n || strchr(" \t>\r\n(", field.p[at + n]) != NULL);
}

/* From, with the user's address for the alias. */
static void
add_from(struct span field, const struct submission_trace *t, struct buf *out)
{
	struct span alias = span_str(t->alias);

	for (size_t at = 0; at + alias.n <= field.n; at++) {
		if (!span_starts(span_sub(field, at, field.n), alias) ||
		    !is_whole(field, at, alias.n))
			continue;
		buf_addf(out, "%.*s%s", SPAN_FMT(span_sub(field, 0, at)), t->address);
		field = span_sub(field, at + alias.n, field.n);
		break;
	}
	buf_add(out, field.p, field.n);
}

static void
add_field(struct span field, const struct submission_trace *t, struct buf *out)
{
	struct span value;

	if (t->alias != NULL && header_field_is(field, SPAN_LIT("From"), &value))
		add_from(field, t, out);
	else if (!is_hidden(field))
		buf_add(out, field.p, field.n);
}

void
submission_header(struct span header, const struct submission_trace *t, struct buf *out)
{
	char id[ULID_STR_BYTES], date[CLOCK_MAIL_DATE_BYTES];
	bool dated = false, named = false;
	struct span field, rest;
	size_t at = 0;

	ulid_str(&t->id, id);
	clock_mail_date(t->now_s, date);
	add_received(t, id, date, out);
	for (; (field = header_field_at(header, at)).n > 0; at += field.n) {
		dated = dated || header_field_is(field, SPAN_LIT("Date"), &rest);
		named = named || header_field_is(field, SPAN_LIT("Message-ID"), &rest);
		add_field(field, t, out);
	}
	if (!dated)
		buf_addf(out, "Date: %s\r\n", date);
	if (!named)
		buf_addf(out, "Message-ID: <%s@%.*s>\r\n", id,
		    SPAN_FMT(address_domain(span_str(t->from))));
	rest = span_sub(header, at, header.n);
	buf_add(out, rest.p, rest.n);
}
