/* registrable — the domain that somebody registered, of which a name is a part: of `mx.example.co.uk` it is
 * `example.co.uk`.
 *
 * Users:   DMARC, as the organizational domain.
 * Spec:    RFC 7489 3.2, by the Public Suffix List: libpsl's own, or the newer file of Debian's package
 *          publicsuffix, which is read once.  Where the list names no suffix, it is the last label.
 * Threads: any.
 */
#ifndef COMMON_TEXT_REGISTRABLE_H
#define COMMON_TEXT_REGISTRABLE_H

#include "common/base/address.h"

/* domain: A-labels, lower case.  False: it is a public suffix itself, so nobody in particular has it; *out is "". */
bool registrable_domain(const char *domain, struct domain *out);

#endif
