/* dsn — a message/delivery-status body: what became of a letter at each recipient.
 *
 * Spec:   RFC 3464 section 2, RFC 6533 4.2 (utf-8 addresses); xtext is RFC 3461's.
 *	delivery-status = message-fields 1*( CRLF recipient-fields ), each field a header field with its CRLF
 * Form:   written with ASCII addresses as "rfc822;" and others as "utf-8;", one line a field, without xtext:
 *         an envelope id has printable ASCII only, and comes out as it went in.
 * Bound:  at most DSN_RECIPIENTS_MAX recipients are read; texts are cut at ERR_TEXT_BYTES.
 * Trust:  when read, every octet is a stranger's: whoever can send to the user can claim anything.  The caller compares
 *         the envelope id with those that it gave.
 */
#ifndef PROTO_SMTP_DSN_H
#define PROTO_SMTP_DSN_H

#include "common/base/address.h"
#include "common/base/err.h"

#define DSN_RECIPIENTS_MAX 1000
#define DSN_ENVELOPE_BYTES 101 /* of an envelope id (RFC 3461 4.4), and a NUL */
#define DSN_STATUS_BYTES   12  /* "5.123.123" and a NUL */

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

struct dsn_message {
	char envelope[DSN_ENVELOPE_BYTES]; /* Original-Envelope-Id; "": none */
	char reporting[DOMAIN_BYTES]; /* Reporting-MTA, a DNS name; "": none, or of another kind */
	int64_t arrival_s;            /* written where it is not 0; not read */
};

struct dsn_recipient {
	char address[ADDRESS_STR_BYTES];  /* Final-Recipient; "": of another kind, or too long */
	char original[ADDRESS_STR_BYTES]; /* Original-Recipient; "": none */
	enum dsn_action action;
	char status[DSN_STATUS_BYTES]; /* "5.1.1"; "": malformed */
	char remote[DOMAIN_BYTES];     /* Remote-MTA; "": none */
	char diagnostic
	    [ERR_TEXT_BYTES];  /* Diagnostic-Code of type smtp: the peer's reply; "": none */
	int64_t retry_until_s; /* written where it is not 0; not read */
};

/* -- writing ------------------------------------------------------------------------------------- */

void dsn_add_message(struct buf *out, const struct dsn_message *m);
void dsn_add_recipient(struct buf *out, const struct dsn_recipient *r);

/* -- reading ------------------------------------------------------------------------------------- */

struct dsn_reader {
	struct span rest;
	size_t recipients;
};

/* False: bad_message; it does not begin with fields of a message that names who reports. */
bool dsn_read(struct span body, struct dsn_message *m, struct dsn_reader *r, struct err *e);
/* The next group of fields that names a recipient and a known action; others are passed over. */
bool dsn_read_recipient(struct dsn_reader *r, struct dsn_recipient *out);

/* "failed", "delayed", ... */
const char *dsn_action_text(enum dsn_action a);

#endif
