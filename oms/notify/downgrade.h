/* downgrade — may a domain that names no server of ours be believed, and be sent to by SMTP?
 *
 * Who spoofs an answer of DNS could take `_ims._tcp` away from a domain, so that its letters are
 * refused, or leave by SMTP, where more people can read them.  So a domain that has named servers is
 * remembered; until DOWNGRADE_S after it last did, its absence is believed only if DNSSEC vouches
 * for it.  The target "." opens the same way and is judged the same.
 *
 * Flow:   3 of 8.
 * Spec:   SPEC.md 10 "Designation"; PROTOCOL "Designation and identity".
 * Disk:   one record a domain, renewed at most once a day, so each sight counts for DOWNGRADE_S at
 *         least and for DOWNGRADE_RENEW_S more at most.
 * Trust:  a sight may be spoofed too: a domain that never had servers then waits as long, and is
 *         sent nothing wrong.  Whether its certificate was judged good is not asked: a host that is
 *         down at the first try must not make the domain one that was never seen.
 */
#ifndef OMS_NOTIFY_DOWNGRADE_H
#define OMS_NOTIFY_DOWNGRADE_H

#include "common/dns/designation.h"
#include "oms/store/store.h"

#define DOWNGRADE_S           (30 * 86400)
#define DOWNGRADE_RENEW_S     86400
#define DOWNGRADE_DOMAINS_MAX 100000 /* more are not remembered, and the log says so */

/* What designation_find said of DESIGNATION_NOTIFY; where servers are named, it is remembered. */
void downgrade_seen(struct oms_store *s, const char *domain, const struct designation *found,
    int64_t now_s, struct loop *l);
/* It said `why`.  True: so it is: no way but SMTP leads there, if the domain has an MX.  False: *e
 * is what to believe: designation_vanished, or storage, or `why` where that is no absence. */
bool downgrade_may_smtp(struct oms_store *s, const char *domain, const struct designation *found,
    const struct err *why, int64_t now_s, struct err *e);
/* Before a letter is taken: it said `why`; is that reason enough to refuse the recipient at once? */
bool downgrade_refuses(struct oms_store *s, const char *domain, const struct designation *found,
    const struct err *why, int64_t now_s);

#endif
