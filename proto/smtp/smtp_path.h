/* smtp_path — the path of MAIL and RCPT: <local@domain>, with what old programs may write in it.
 *
 * Flow:   smtp_command cuts a path off a command's arguments; the gateways look its canonical form up.
 * Spec:   RFC 5321 4.1.2, RFC 6531 3.3:
 *	path          = "<" [ A-d-l ":" ] mailbox ">"
 *	A-d-l         = "@" domain *( "," "@" domain )		is read and forgotten (4.1.1.3)
 *	mailbox       = local-part "@" domain
 *	local-part    = dot-string / quoted-string
 *	quoted-string = DQUOTE *( qtext / "\" %d32-126 ) DQUOTE
 *	qtext         = %d32-33 / %d35-91 / %d93-126 / printable characters outside ASCII
 *	reverse-path  = path / "<>"
 *	forward-path  = path / "<Postmaster>" in any case
 * Wider:  our own addresses have no quoted local parts and at most 64 octets before the "@" (common/base/address.h).
 *         Here the sender is a stranger, with VERP and SRS, and may have both.
 * Trust:  the peer controls every octet.
 * Owner:  the parts borrow from what was parsed.
 */
#ifndef PROTO_SMTP_PATH_H
#define PROTO_SMTP_PATH_H

#include "common/base/address.h"

#define SMTP_ROUTE_MAX 256 /* octets of a source route that are skipped */

enum smtp_path_kind { SMTP_PATH_MAILBOX, SMTP_PATH_NULL, SMTP_PATH_POSTMASTER };

struct smtp_path {
	enum smtp_path_kind kind;
	struct span local; /* as written; with its quotes, where it has them */
	struct span domain;
};

/* Cuts a path off the front of *rest.  A reverse path may be "<>", a forward path "<Postmaster>".
 * False: *e is bad_address, bad_domain or address_literal, and *rest is where it was. */
bool smtp_path_reverse(struct span *rest, struct smtp_path *path, struct err *e);
bool smtp_path_forward(struct span *rest, struct smtp_path *path, struct err *e);

/* The mailbox in its one form: the local part without quotes that it does not need, "@", the domain in lower-case
 * A-labels.  "" for a path that is no mailbox.  False: bad_address (too long), or as a_label says. */
bool smtp_path_canonical(const struct smtp_path *path, domain_a_label_fn *a_label,
    char out[ADDRESS_STR_BYTES], struct err *e);

/* Does it have characters outside ASCII, which only SMTPUTF8 may carry? */
bool smtp_path_is_utf8(const struct smtp_path *path);

#endif
