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

#define ADDRESS_LOCAL_MAX    64 /* octets, RFC 5321 4.5.3.1.1 */
#define ADDRESS_DOMAIN_MAX   253
#define ADDRESS_MAX          254 /* both and the "@" */
#define ADDRESS_LABEL_MAX    63
#define ADDRESS_STR_BYTES    (ADDRESS_MAX + 1)
#define ADDRESS_DOMAIN_BYTES 256 /* room for a domain and its NUL, as IDN conversion wants it */

struct address { /* borrowed from what was parsed */
	struct span whole, local, domain;
};

/* IDN conversion lives elsewhere (common/text/idn.h has this very form): any domain to lower-case
 * A-labels.  False: *e is bad_domain or address_literal. */
typedef bool address_a_label_fn(struct span domain, char out[ADDRESS_DOMAIN_BYTES], struct err *e);

/* local@domain; the domain in any case, A-labels or U-labels.  False: bad_address, bad_domain or
 * address_literal. */
bool address_parse(struct span s, struct address *a, struct err *e);
/* "<" local@domain ">" */
bool address_parse_path(struct span s, struct address *a, struct err *e);
/* The same, and the domain must be in its one canonical form. */
bool address_parse_canonical(struct span s, struct address *a, struct err *e);

/* A domain with a dot, any case, A-labels or U-labels. */
bool address_domain_check(struct span domain, struct err *e);
/* Lower-case letters, digits and hyphens only.  Whether an "xn--" label decodes is not asked. */
bool address_domain_is_canonical(struct span domain);
/* Checks, then lower-cases; a_label is called only where a label is not plain ASCII or begins
 * with "xn--", and may be NULL where such domains are to be refused. */
bool address_domain_canonical(struct span domain, address_a_label_fn *a_label,
    char out[ADDRESS_DOMAIN_BYTES], struct err *e);
/* The canonical form of an address that was parsed. */
bool address_canonical(const struct address *a, address_a_label_fn *a_label,
    char out[ADDRESS_STR_BYTES], struct err *e);

#endif
