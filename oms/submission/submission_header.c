/* submission_header — Bcc, Date, Message-ID and Received; see submission_header.h. */
#include "oms/submission/submission_header.h"

#include "common/base/address.h"
#include "common/base/clock.h"
#include "proto/header.h"

static void
add_received(const struct submission_trace *t, const char *id, const char *date, struct buf *out)
{
	buf_addf(out, "Received: by %s with %s", t->host, t->with);
	if (t->tls != NULL)
		buf_addf(out, " (%s)", t->tls);
	buf_addf(out, "\r\n\tid %s; %s\r\n", id, date);
}

static bool
is_hidden(struct span field)
{
	struct span value;

	return header_field_is(field, SPAN_LIT("Bcc"), &value) ||
	    header_field_is(field, SPAN_LIT("Resent-Bcc"), &value);
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
		if (!is_hidden(field))
			buf_add(out, field.p, field.n);
	}
	if (!dated)
		buf_addf(out, "Date: %s\r\n", date);
	if (!named)
		buf_addf(out, "Message-ID: <%s@%.*s>\r\n", id,
		    SPAN_FMT(address_domain(span_str(t->from))));
	rest = span_sub(header, at, header.n);
	buf_add(out, rest.p, rest.n);
}
