/* smtp_arriving — a letter on its way in: its header in memory, its body passed on, and the trace before it.
 *
 * Pure.  The header is judged when its end has come; the body is not looked at.
 *
 * Spec:    SPEC.md "SMTP", what is added and removed; RFC 5321 4.4, RFC 8601.
 * Rules:   bad-message     the header has more than HEADER_MAX_BYTES or SMTP_FIELDS_MAX fields, or a line of it is no
 *                          field; not exactly one From field with one address.
 *          too-many-hops   more than SMTP_HOPS_MAX Received fields (RFC 5321 6.3).
 *          The author's address may break the rules of addresses, and its word is said: bad-address and others.
 * Removed: each Return-Path, each Authentication-Results that bears our name (or none that can be read), and each field
 *          whose name begins with "Tillcalled-": nobody but us says these.
 * Memory:  the header, at most HEADER_MAX_BYTES.
 * Trust:   every octet is a stranger's.
 */
#ifndef IMS_SMTP_SMTP_ARRIVING_H
#define IMS_SMTP_SMTP_ARRIVING_H

#include "common/base/address.h"
#include "common/base/ulid.h"
#include "proto/header.h"

#define SMTP_FIELDS_MAX 1000
#define SMTP_HOPS_MAX   50
#define SMTP_MARK_FIELD "Tillcalled-Mark"

struct smtp_arriving { /* zeroed before the first octet */
	struct buf header;
	bool whole;                   /* the header's end has come, and it was judged */
	struct err fault;             /* the first; why REFUSAL_NONE: none so far */
	char from[ADDRESS_STR_BYTES]; /* the author's address */
	int64_t date_s;               /* 0: it has none that can be read */
};

/* Takes octets, lines end in CRLF; *body is what of them belongs to the body. */
void smtp_arriving_take(struct smtp_arriving *l, struct span octets, struct span *body);
/* All octets have come.  False: *e is the fault. */
bool smtp_arriving_end(struct smtp_arriving *l, struct err *e);
void smtp_arriving_clear(struct smtp_arriving *l);

/* What the trace says. */
struct smtp_trace {
	const char *name;            /* of this host */
	const char *from;            /* MAIL FROM; "": <> */
	struct span ehlo;            /* as it was said */
	const char *address;         /* of the peer */
	const char *version, *suite; /* of TLS */
	bool extended, utf8;         /* EHLO was said; SMTPUTF8 was asked for */
	const struct ulid *id;
	const char *to;      /* the one recipient; NULL: there are several */
	struct span results; /* of Authentication-Results, after our name */
	const char *mark;    /* the word by which it is unaccountable; "": it is not */
	int64_t now_s;
};

/* Trace and header, without what is removed. */
void smtp_arriving_head(const struct smtp_arriving *l, const struct smtp_trace *t, struct buf *out);

#endif
