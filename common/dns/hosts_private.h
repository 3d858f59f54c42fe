/* hosts — the addresses of several hosts: AAAA and A of each are asked at once.
 *
 * Part of designation, exchange and tlsa.  An address that is not public is left out, unless allowed.
 *
 * Async:  done is called exactly once, never inside hosts_ask, unless hosts_clear comes first.
 * Owner:  the caller's storage; hosts_clear cancels and frees, and leaves it reusable.
 */
#ifndef COMMON_DNS_HOSTS_PRIVATE_H
#define COMMON_DNS_HOSTS_PRIVATE_H

#include "common/dns/dns.h"

struct hosts_question;

struct hosts_one {
	/* The caller's, for as long as questions are under way. */
	const char *name;
	uint16_t port;
	struct sockaddr_storage *address; /* DNS_ADDRESSES_MAX of them, with the port */
	size_t *n;                        /* how many are found; 0 at first */
	/* The answer. */
	bool secure;                /* there is an address, and DNSSEC vouches for all of them */
	bool unsure;                /* a question failed: there may be more addresses */
	char alias[DNS_NAME_BYTES]; /* where CNAMEs lead from the name; "": the name has none */
};

struct hosts {
	/* The caller's. */
	struct dns *dns;
	const char *domain;          /* whose share the questions count against */
	const struct sockaddr *peer; /* as designation_find's */
	const char *about;           /* for the text of private_address */
	bool allow_private;
	void (*done)(void *arg);
	void *arg;
	/* The result; good until hosts_clear. */
	struct hosts_one *one; /* as hosts_begin was told how many */
	size_t n;
	bool vouched;   /* DNSSEC vouches for each answer, each absence included */
	bool unsure;    /* a question failed */
	uint32_t ttl_s; /* the least of those with an address */
	struct err
	    why; /* the last failure; else private_address where one was left out; else REFUSAL_NONE */
	/* For hosts.c alone. */
	struct hosts_question *question;
	size_t waiting;
};

/* n > 0; the caller then fills each one of h->one. */
void hosts_begin(struct hosts *h, size_t n);
void hosts_ask(struct hosts *h);
void hosts_clear(struct hosts *h);

#endif
