/* tlsa — what a host's zone says of its certificate (DANE), where DNSSEC vouches for the way to it.
 *
 * Asks for the host's addresses, because TLSA records count only where these are secure, then for the TLSA
 * records of the name to which secure CNAMEs lead, and where that has none of the host's own name.
 *
 * Users:  the OMS, before it talks to an MX host or a smarthost; common/pki/dane.h judges the records.
 * Spec:   RFC 7672 2.2.2, 2.2.3; RFC 6698.
 * Async:  done is called exactly once, never inside tlsa_find, unless cancelled.
 * Trust:  the host's DNS belongs to its owner, and the owner may be hostile.
 */
#ifndef COMMON_DNS_TLSA_H
#define COMMON_DNS_TLSA_H

#include "common/dns/dns.h"

enum tlsa_status {
	TLSA_SECURE,   /* there are records, and DNSSEC vouches for them */
	TLSA_ABSENT,   /* DNSSEC vouches that there are none */
	TLSA_INSECURE, /* DNSSEC vouches for neither: DANE does not apply */
	TLSA_FAILED    /* bogus, SERVFAIL or no answer: the host must not be used now */
};

struct tlsa {
	enum tlsa_status status;
	const char *base;           /* TLSA_SECURE: the name that has them: the host or its alias */
	const struct span *records; /* rdata; n > 0 only where TLSA_SECURE */
	size_t n;
	uint32_t ttl_s;
};

struct tlsa_query;

/* why: TLSA_FAILED's, tlsa_unknown; else NULL.  All is borrowed for the call. */
typedef void tlsa_done(void *arg, const struct tlsa *t, const struct err *why);

/* host: A-labels.  domain: whose share the questions count against.  The handle is good until done is called. */
struct tlsa_query *tlsa_find(struct dns *dns, const char *domain, const char *host, uint16_t port,
    tlsa_done *done, void *arg);
void tlsa_cancel(struct tlsa_query **q);

#endif
