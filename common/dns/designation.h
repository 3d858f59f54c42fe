/* designation — which hosts does a mail domain name for a service?
 *
 * Looks up the SRV records, orders them by RFC 2782, and looks up A and AAAA of each target once.
 * A caller connects to these addresses and asks no second time (no rebinding).  The caller tries
 * the targets one after the other.
 *
 * A look-up that is under way is shared by all callers that ask for the same.  A certain answer is reused
 * for DNS_LEAST_S, unless the zone file was read again; libunbound caches beyond that.
 *
 * Flow:   3 and 6 of 8.
 * Spec:   SPEC.md 4; RFC 2782.
 * Rules:  "." alone: takes_no_mail.  More than 20 records: too_many_targets.  A target is left out
 *         if its port is below 1024 and not 443 (bad_port), if its name is not a domain
 *         (unreachable), or if its address is not public (private_address, unless allowed).  If no
 *         target remains, the error is that of the last rule that left one out.  dns_failed and
 *         dns_bogus come before these rules: the answer that is missing may name a good target.
 * Async:  done is called exactly once, never inside the call, unless cancelled.
 * Trust:  the domain's DNS belongs to its owner, and the owner may be hostile.
 */
#ifndef COMMON_DNS_DESIGNATION_H
#define COMMON_DNS_DESIGNATION_H

#include "common/dns/dns.h"

#define DESIGNATION_TARGETS_MAX 20

#define DESIGNATION_NOTIFY  "_ims._tcp"
#define DESIGNATION_FETCH   "_oms._tcp"
#define DESIGNATION_SUBMIT  "_oms-submit._tcp"
#define DESIGNATION_MAILBOX "_ims-mailbox._tcp"

struct designation_target {
	char host[DNS_NAME_BYTES];
	uint16_t priority, weight, port;
	size_t n;                                           /* > 0 */
	struct sockaddr_storage address[DNS_ADDRESSES_MAX]; /* with the port */
};

struct designation {
	const struct designation_target *targets; /* in the order to try */
	size_t n;
	bool secure;  /* DNSSEC vouches for the SRV answer, or for its absence */
	bool vouched; /* DNSSEC vouches for every answer that led to `why`, each absence included */
	bool named;   /* it names servers, usable or not */
	bool whole;   /* every server that it names is among the targets, with all addresses */
	bool unsure;  /* a look-up of some target's addresses failed: there may be more */
	uint32_t ttl_s; /* how long it may be believed from now on */
};

struct designation_query;

/* `why` NULL: d->n > 0.  Else d->n == 0 and why is one of takes_no_mail, no_designation,
 * no_such_domain, too_many_targets, bad_port, private_address, unreachable (no target has an
 * address), dns_failed, question_share, dns_bogus.  All is borrowed for the call. */
typedef void designation_done(void *arg, const struct designation *d, const struct err *why);

/* `domain`: A-labels (idn_a_label).  peer: whose connection makes us ask; the questions count against its
 * share and the domain's (dns_ask_about).  NULL: against the domain's alone.  The handle is good until
 * done is called. */
struct designation_query *designation_find(struct dns *dns, const char *service, const char *domain,
    const struct sockaddr *peer, bool allow_private, designation_done *done, void *arg);
void designation_cancel(struct designation_query **q);
/* True: designation_find would report a target, from a certain answer that is at hand. */
bool designation_is_known(struct dns *dns, const char *service, const char *domain,
    bool allow_private);

/* Does one of the targets have this address?  (An OMS that
 * an IMS calls uses designation_find with DESIGNATION_NOTIFY and the domain of HELLO, then this with the
 * connection's address.) */
bool designation_has(const struct designation *d, const struct sockaddr *address);

/* RFC 2782: by priority, and at random by weight among equals.  rnd gives 0..bound inclusive. */
void designation_order(struct designation_target *t, size_t n,
    uint32_t (*rnd)(void *arg, uint32_t bound), void *arg);

#endif
