/* publication — does a mail domain say itself that it has servers of this system?
 *
 * The certificate name `tillcalled.D` counts for D only then.  A provider may let its customers
 * register names below its domain, so a certificate for `tillcalled.D` alone does not prove that
 * D agrees.
 *
 * Spec:   SPEC.md "notify", "Names".
 * Async:  done is called exactly once, never inside publication_find, unless cancelled.
 * Trust:  the domain's DNS belongs to its owner, and the owner may be hostile.
 */
#ifndef COMMON_DNS_PUBLICATION_H
#define COMMON_DNS_PUBLICATION_H

#include <sys/socket.h>

#include "common/base/err.h"

struct dns;
struct publication_query;

/* published: `_oms._tcp` or `_ims._tcp` names a server; a target of "." alone names none.
 * Otherwise `why` NULL: neither does; dns_failed, question_share or dns_bogus: one of them cannot
 * be known. */
typedef void publication_done(void *arg, bool published, const struct err *why);

/* `domain`: A-labels.  peer: as designation_find's.  The handle is good until done is called. */
struct publication_query *publication_find(struct dns *dns, const char *domain,
    const struct sockaddr *peer, publication_done *done, void *arg);
/* What such an answer says of a certificate that names the domain by its label alone.  False:
 * certificate_name, or what made it unknown. */
bool publication_counts(const char *domain, bool published, const struct err *why, struct err *e);
void publication_cancel(struct publication_query **q);

#endif
