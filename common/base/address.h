/* address — mailbox addresses and mail domains: local@domain, never a literal.
 *
 * Spec:   SPEC.md "Addresses"; RFC 5321 4.1.2 Dot-string "@" Domain, RFC 6531 (UTF-8 in both parts).
 *         Quoted local parts and address literals are refused on purpose.
 * Form:   the canonical form keeps the local part's octets and has the domain in lower-case
 *         A-labels; domains are compared in that form and as octets.
 * Trust:  every octet is a stranger's.
 */
#ifndef COMMON_BASE_ADDRESS_H
#define COMMON_BASE_ADDRESS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define DOMAIN_MAX        253 /* octets, RFC 1035 2.3.4 */
#define DOMAIN_LABEL_MAX  63
#define DOMAIN_BYTES      (DOMAIN_MAX + 1)
#define ADDRESS_LOCAL_MAX 64  /* octets, RFC 5321 4.5.3.1.1 */
#define ADDRESS_MAX       254 /* both parts and the "@" */
#define ADDRESS_STR_BYTES (ADDRESS_MAX + 1)

/* -- domains ---------------------------------------------------------------------------------- */

/* A mail domain in canonical form, or "" for no domain. */
struct domain {
	char text[DOMAIN_BYTES];
};

/* IDN conversion lives in common/text/idn.h: any domain to lower-case A-labels.
 * False: *e is bad_domain or address_literal. */
typedef bool domain_a_label_fn(struct span domain, struct domain *out, struct err *e);

/* A domain with a dot, any case, A-labels or U-labels.  Of a domain with characters outside ASCII
 * only the characters are checked; domain_parse checks the rest. */
bool domain_check(struct span domain, struct err *e);
/* Lower-case letters, digits and hyphens only.  Does not decode "xn--" labels. */
bool domain_is_canonical(struct span domain);
/* Checks and lower-cases.  Calls a_label only where a label is not plain ASCII or begins with
 * "xn--"; with a_label NULL such domains are refused. */
bool domain_parse(struct span domain, domain_a_label_fn *a_label, struct domain *out,
    struct err *e);
/* Lower-cases A-labels without decoding them.  False: the result is not canonical, *out is "". */
bool domain_set(struct domain *out, struct span domain);
/* Copies a text that was canonical when it was parsed or stored, and does not judge it again. */
struct domain domain_copy(const char *canonical);
bool domain_copy_span(struct domain *out, struct span canonical); /* false: too long, *out is "" */
struct span domain_span(const struct domain *d);
bool domain_eq(const struct domain *d, struct span canonical);

/* -- addresses -------------------------------------------------------------------------------- */

struct address { /* borrowed from what was parsed */
	struct span whole, local, domain;
};

/* local@domain; the domain in any case, A-labels or U-labels.  False: bad_address, bad_domain or
 * address_literal. */
bool address_parse(struct span s, struct address *a, struct err *e);
/* "<" local@domain ">" */
bool address_parse_path(struct span s, struct address *a, struct err *e);
/* The same, and the domain must be in its one canonical form. */
bool address_parse_canonical(struct span s, struct address *a, struct err *e);
/* atoms with dots between them: 1*atext *( "." 1*atext ), with any printable character outside ASCII. */
bool address_is_dot_string(struct span s);
/* What follows the first "@" of an address that was parsed before; empty: there is no "@". */
struct span address_domain(struct span address);
/* The canonical form of an address that was parsed. */
bool address_canonical(const struct address *a, domain_a_label_fn *a_label,
    char out[ADDRESS_STR_BYTES], struct err *e);

#endif
