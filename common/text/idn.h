/* idn — a mail domain in its canonical form: A-labels, lower case, no trailing dot.
 *
 * IDNA2008 lookup (RFC 5891 section 5) over UTS #46 mapping, nontransitional, STD3 rules on: letters of
 * another width or case and the ideographic full stops are mapped; "ß" and ZWJ in their context
 * are kept.  A character that no domain may contain is refused in any width or composition.  It is
 * never dropped: the rest would be another domain.  Each A-label must decode to a U-label that
 * IDNA2008 allows to be registered, and encode to itself again, so one domain has one form.  Compare domains only by
 * the results of idn_a_label.
 *
 * Spec:   RFC 5891, RFC 5893 section 2; common/base/address.h for the form before and after the
 *         mapping: at most 253 octets, two labels at least.
 * Refuses: address literals and a last label of digits (address_literal), all else (bad_domain):
 *         empty labels, a trailing dot, "_".
 * Trust:  the input is hostile; octets of any kind, any length.
 */
#ifndef COMMON_TEXT_IDN_H
#define COMMON_TEXT_IDN_H

#include "common/base/address.h"

/* False: bad_domain or address_literal, *out undefined. */
bool idn_a_label(struct span domain, struct domain *out, struct err *e);

/* For show: the U-label form where each label's letters are of one script, else the A-labels
 * again.  `a_label` is a result of idn_a_label. */
void idn_display(const char *a_label, char *out, size_t cap);

#endif
