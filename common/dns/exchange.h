/* exchange — which hosts take a domain's mail by SMTP: its MX records, in the order to try.
 *
 * Looks up MX and, unless only names are wanted, A and AAAA of each host once.  A caller connects to these
 * addresses and asks no second time.  There is no fallback to the domain's own address.
 *
 * Equal look-ups that are under way are one; a certain answer is reused for DNS_LEAST_S (designation.h).
 *
 * Users:  the SMTP gateways.  An IMS asks for the names of a sender's domain; an OMS asks for the hosts of a
 *         recipient's domain, and takes itself out (exchange_cut).  Where an OMS tells its user, a recipient's
 *         no_mx is no_designation, and null_mx is takes_no_mail.
 * Spec:   RFC 5321 5.1 but for the fallback, RFC 7505; RFC 7672 2.2.1 for `secure`.
 * Rules:  No MX: no_mx.  "." alone: null_mx.  More than 20: too_many_targets.  A name is no host if it is no
 *         domain (unreachable) or an address (address_literal).  An address that is not public is left out
 *         (private_address, unless allowed).  If no host has an address, the error is that of the last rule
 *         that left one out.  dns_failed and dns_bogus come before these rules: the answer that is missing may
 *         name a good host.
 * Async:  done is called exactly once, never inside the call, unless cancelled.
 * Trust:  the domain's DNS belongs to its owner, and the owner may be hostile.
 */
#ifndef COMMON_DNS_EXCHANGE_H
#define COMMON_DNS_EXCHANGE_H

#include "common/dns/dns.h"

#define EXCHANGE_HOSTS_MAX 20
#define EXCHANGE_PORT      25

struct exchange_host {
	char host[DNS_NAME_BYTES]; /* A-labels */
	uint16_t preference;
	bool secure; /* it has addresses, and DNSSEC vouches for all of them */
	size_t n;    /* 0: there is no address of use, or none was asked for */
	struct sockaddr_storage address[DNS_ADDRESSES_MAX]; /* with the port */
};

struct exchange {
	struct exchange_host
	    *hosts;   /* in the order to try: by preference, at random among equals */
	size_t n;     /* those without an address count */
	bool secure;  /* DNSSEC vouches for the MX answer, or for its absence */
	bool vouched; /* DNSSEC vouches for every answer that led to `why`, each absence included */
	bool unsure;  /* a look-up of some host's addresses failed: there may be more */
	uint32_t ttl_s; /* how long it may be believed from now on */
};

struct exchange_ask {
	const char *domain;          /* A-labels (idn_a_label) */
	const struct sockaddr *peer; /* as designation_find's */
	bool names_only; /* one question; the addresses of the hosts are not looked up */
	bool is_host;  /* `domain` is the one host itself, as of a smarthost: no MX is asked for */
	uint16_t port; /* of the addresses: EXCHANGE_PORT, but in tests */
	bool allow_private;
};

struct exchange_query;

/* `why` NULL: at least one host has an address, or with names_only x->n > 0.  Else why is one of no_mx, null_mx,
 * no_such_domain, too_many_targets, address_literal, private_address, unreachable (no host has an address),
 * dns_failed, question_share, dns_bogus.  All is borrowed for the call; the hosts are the caller's own copy. */
typedef void exchange_done(void *arg, struct exchange *x, const struct err *why);

/* The handle is good until done is called. */
struct exchange_query *exchange_find(struct dns *dns, const struct exchange_ask *ask,
    exchange_done *done, void *arg);
void exchange_cancel(struct exchange_query **q);

/* Our own names, as A-labels, and addresses; ports do not matter. */
struct exchange_own {
	const char *const *names;
	size_t n_names;
	const struct sockaddr_storage *addresses;
	size_t n_addresses;
};

/* Leaves out each host that is us, and each with the same or a higher preference number (RFC 5321 5.1: a relay
 * passes mail only to hosts that are nearer to its goal).  False: mx_loop, no host is nearer than we are;
 * unreachable, those that are have no address. */
bool exchange_cut(struct exchange *x, const struct exchange_own *own, struct err *e);

/* By preference, and in random order among equals.  rnd gives 0..bound inclusive. */
void exchange_order(struct exchange_host *h, size_t n, uint32_t (*rnd)(void *arg, uint32_t bound),
    void *arg);

#endif
