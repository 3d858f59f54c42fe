/* dns — questions to the DNS, answered on the loop that asked.
 *
 * Each worker loop has its own struct dns; threads share nothing here.  Equal questions that are
 * under way share one look-up.  Resolver specs:
 *   system        the name servers of /etc/resolv.conf, or the root servers if there are none.
 *                 /etc/hosts is not used.  DNSSEC is validated from the system's root trust anchor
 *                 (dns-root-data, or unbound's root.key); without one no answer is secure.
 *   ADDRESS@PORT  one forwarder; the same trust anchor.
 *                 Both take `,anchor=FILE` or `,anchor=none` at the end: another anchor, or none.
 *   zone:FILE     a static root zone in master form, reverse zones included.  It is the whole DNS
 *                 of this process: a name that it lacks is NXDOMAIN.  `host.test. A 192.0.2.1` is a
 *                 whole file.  The file is read again when its size or time changes; if it cannot
 *                 be read, the old contents remain.
 *
 * Async:  `done` is called exactly once, never inside dns_ask, unless cancelled.  An answer takes
 *         at most DNS_TIMEOUT_MS.
 * Trust:  every octet of an answer is hostile.  Number and size of rdata are bounded here; their
 *         contents are checked by the caller, or by the dns_rdata_ functions below.
 */
#ifndef COMMON_DNS_DNS_H
#define COMMON_DNS_DNS_H

#include <sys/socket.h>

#include "common/base/err.h"

#define DNS_TIMEOUT_MS    15000
#define DNS_CNAMES_MAX    8
#define DNS_RECORDS_MAX   256   /* of one answer; more: DNS_FAILED */
#define DNS_ANSWER_MAX    65535 /* octets */
#define DNS_NAME_MAX      253
#define DNS_NAME_BYTES    (DNS_NAME_MAX + 1)
#define DNS_ZONE_FILE_MAX (16 << 20)
#define DNS_QUERIES_MAX   4096 /* different ones under way at once; more: DNS_FAILED at once */
#define DNS_LEAST_S       10 /* a certain finding of several answers is believed for this long at least */
#define DNS_ADDRESSES_MAX 16 /* of one host; more are not used */

struct loop;
struct share;
struct dns;
struct dns_query;

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_TLSA = 52
};

enum dns_status {
	DNS_OK,       /* at least one record */
	DNS_NODATA,   /* the name is there, records of this type are not */
	DNS_NXDOMAIN, /* the name is not there */
	DNS_FAILED,   /* SERVFAIL, REFUSED, time, limits: nothing is known */
	DNS_BOGUS     /* signed, and the signature is broken: nothing is known */
};

struct dns_answer {
	enum dns_status status;
	bool secure;              /* DNSSEC vouches for it, for absence too */
	int rcode;                /* of the packet; -1: there was none */
	uint32_t ttl_s;           /* smallest of the packet; for absence the SOA's */
	const char *alias;        /* where CNAMEs lead from the name; NULL: it has none */
	const struct span *rdata; /* wire form, names inside not compressed */
	size_t n;
	bool held_back;  /* DNS_FAILED: the domain's share of questions is used up */
	const char *why; /* DNS_FAILED, DNS_BOGUS: a few words */
};

/* The answer and all in it live until done returns. */
typedef void dns_done(void *arg, const struct dns_answer *a);

/* False: config (no such form, file cannot be read) or os_error. */
bool dns_new(struct dns **d, struct loop *l, const char *spec, struct err *e);
void dns_free(struct dns **d); /* forgets outstanding questions without calling done */
/* Questions about a domain count against its share of s (SHARE_questions) from now on. */
void dns_set_share(struct dns *d, struct share *s);

/* `name`: labels of any octets separated by dots, one trailing dot allowed.  A text that is not a
 * DNS name gets DNS_NXDOMAIN.  The handle is good until done is called. */
struct dns_query *dns_ask(struct dns *d, struct span name, enum dns_type type, dns_done *done,
    void *arg);
/* The same, counted against the share of `domain` (canonical, certified; empty: not counted) and, if peer
 * is not NULL, against the share of that address.  A
 * question equal to one under way joins that one and is not counted. */
struct dns_query *dns_ask_about(struct dns *d, struct span domain, const struct sockaddr *peer,
    struct span name, enum dns_type type, dns_done *done, void *arg);
void dns_cancel(struct dns_query **q); /* done will not be called; sets NULL */

uint64_t dns_asked(const struct dns *d);   /* questions that libunbound was given so far */
size_t dns_under_way(const struct dns *d); /* different questions that libunbound works on */
/* Changes when a zone file was read again; answers of an earlier generation are out of date. */
uint64_t dns_generation(struct dns *d);
struct loop *dns_loop(const struct dns *d);
/* One pointer for another module (common/dns keeps findings there). */
void *dns_local(const struct dns *d);
void dns_set_local(struct dns *d, void *p, void (*release)(void *p));

/* dns_failed, question_share or dns_bogus for such an answer; false always. */
bool dns_err(const struct dns_answer *a, const char *name, struct err *e);

/* A name in wire form at `*at` of rdata: text without trailing dot ("" is the root), other octets
 * than 0x21..0x7e and "\" and dots inside labels as \DDD.  Moves *at past it. */
bool dns_rdata_name(struct span rdata, size_t *at, char out[DNS_NAME_BYTES]);
bool dns_rdata_u16(struct span rdata, size_t *at, uint16_t *out);
/* An A or AAAA record; false where its size is wrong. */
bool dns_rdata_address(struct span rdata, enum dns_type type, uint16_t port,
    struct sockaddr_storage *out);

#endif
