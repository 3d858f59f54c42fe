/* downgrade — may a domain that names no server of ours be believed, and be sent to by SMTP?
 *
 * An attacker who forges a DNS answer could take `_ims._tcp` away from a domain, so that letters to it are
 * refused, or leave by SMTP, where more people can read them.  So the OMS remembers each domain that has
 * named servers; until DOWNGRADE_S after the last sight it believes in their absence only if DNSSEC
 * vouches for it.  The target "." means absence too.
 *
 * Flow:   3 of 8.
 * Spec:   SPEC.md 10 "Designation".
 * Disk:   one record per domain, renewed at most once a day, so each sight counts for at least
 *         DOWNGRADE_S and at most DOWNGRADE_RENEW_S more.
 * Trust:  a sight may be forged too: letters to a domain that never had servers then wait that long,
 *         and nothing wrong is sent.  A sight counts even if no certificate was judged: a host that is
 *         down at the first try must not leave its domain unremembered.
 */
#ifndef OMS_QUEUE_DOWNGRADE_H
#define OMS_QUEUE_DOWNGRADE_H

#include "common/dns/designation.h"
#include "oms/store/store.h"

#define DOWNGRADE_S           (30 * 86400)
#define DOWNGRADE_RENEW_S     86400
#define DOWNGRADE_DOMAINS_MAX 100000 /* more are not remembered, and the log says so */

/* `found` is what designation_find said of DESIGNATION_NOTIFY; if it names servers, remembers the domain. */
void downgrade_seen(struct oms_store *s, const char *domain, const struct designation *found,
    int64_t now_s, struct loop *l);

/* The answer of oms_store_peer about a domain for which designation_find failed. */
struct downgrade_memory {
	const struct oms_peer *peer;
	const struct err *unread; /* NULL: it could be read */
};
/* designation_find failed with `why`; secure, vouched: of its designation.  True: it is to be believed, and no way
 * but SMTP leads there, if the domain has an MX.  False: *e is what to believe: designation_vanished,
 * storage, or `why` if that is no absence. */
bool downgrade_may_smtp(struct downgrade_memory m, bool secure, const struct err *why,
    int64_t now_s, struct err *e);
/* Before a letter is taken: is `why` reason enough to refuse the recipient at once? */
bool downgrade_refuses(struct downgrade_memory m, bool vouched, const struct err *why,
    int64_t now_s);

#endif
