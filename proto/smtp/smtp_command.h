/* smtp_command — the commands of a client and their arguments, one parse function per production.
 *
 * Flow:   smtp_server cuts a line (proto/line.h), smtp_command reads it; nothing of the line is passed on as it came.
 * Spec:   RFC 5321 4.1.1, 4.1.2:
 *	command   = verb [ SP arguments ]		the verb in any case
 *	ehlo      = "EHLO" SP name	helo = "HELO" SP name	name = Domain / address-literal / 1*VCHAR
 *	mail      = "MAIL" SP "FROM:" reverse-path *( SP parameter )
 *	rcpt      = "RCPT" SP "TO:" forward-path *( SP parameter )
 *	parameter = keyword [ "=" value ]
 *	keyword   = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
 *	value     = 1*( %d33-60 / %d62-126 / characters outside ASCII )
 *         RFC 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 8689 (REQUIRETLS), 4954 (AUTH= of MAIL).
 * Strict: each parameter once, none that was not offered: 555.  Blanks at the end are dropped (4.1.1), none is
 *         allowed after "FROM:" and "TO:".
 * Trust:  the peer controls every octet.  Spans borrow from the line.
 */
#ifndef PROTO_SMTP_COMMAND_H
#define PROTO_SMTP_COMMAND_H

#include "proto/smtp/smtp_path.h"

/* The longest line of a command with its CRLF: 512 octets (RFC 5321 4.5.3.1.4), and what MAIL's extensions add. */
#define SMTP_COMMAND_MAX 2048

/* What a server offers after EHLO; a bit set. */
enum smtp_offer {
	SMTP_OFFER_SIZE = 1,
	SMTP_OFFER_8BITMIME = 2,
	SMTP_OFFER_SMTPUTF8 = 4,
	SMTP_OFFER_REQUIRETLS = 8,
	SMTP_OFFER_AUTH = 16,
	SMTP_OFFER_STARTTLS = 32
};

/* Cuts the verb off a line: in upper case, so that it is one of `verbs`; -1: none of them. */
int smtp_command_verb(struct span line, const char *const *verbs, size_t n, struct span *args);

enum smtp_name_kind { SMTP_NAME_HOST, SMTP_NAME_LITERAL, SMTP_NAME_OTHER };

struct smtp_name {
	enum smtp_name_kind kind;
	struct domain host; /* canonical, where it is a host */
	struct span as_came;
};

/* False: bad_syntax, where there is no name at all, or one with blanks or control characters. */
bool smtp_command_name(struct span args, domain_a_label_fn *a_label, struct smtp_name *name,
    struct err *e);

struct smtp_mail {
	struct smtp_path from;
	uint64_t size; /* 0: not said; UINT64_MAX: more than that */
	bool eight_bit, utf8, require_tls;
};

/* False: bad_syntax, bad_parameter, or as smtp_path_reverse says. */
bool smtp_command_mail(struct span args, unsigned offered, struct smtp_mail *mail, struct err *e);
/* The same for RCPT, which has no parameters yet. */
bool smtp_command_rcpt(struct span args, struct smtp_path *to, struct err *e);

#endif
