/* spf — may this address send for this domain?  RFC 7208's check_host().
 *
 * The guard (spf_record, spf_macro, spf_guard) parses and judges each term.  libspf2 evaluates a
 * canonical record that we write and never sees foreign text.  An evaluation can be restarted: it
 * asks dns for what it lacks, and then runs again from its start.
 *
 * Flow:   4 of 8.
 * Spec:   RFC 7208, RFC 7372, RFC 8616.  The form of `exp=` is checked, and it is never fetched.
 * Limits: 10 terms that ask DNS, 2 void lookups, 10 names per mx and ptr, 20 s, each for the whole
 *         evaluation.
 * Async:  done is called exactly once, never inside spf_check, unless cancelled.
 * Cache:  one per struct spf, which is one per worker loop (spf_home gives each domain to one of
 *         them).  A verdict is kept for the smallest TTL of its evaluation, but at least 10 s and at
 *         most a day, errors at most 30 s.  Its key is domain and address, and also local part and
 *         HELO name if a macro used them.  One evaluation of a domain and address is under way at
 *         a time; other queries wait for it.
 * Trust:  records, names and MAIL FROM are hostile.
 */
#ifndef COMMON_SPF_SPF_H
#define COMMON_SPF_SPF_H

#include "common/dns/dns.h"

#define SPF_TIMEOUT_MS 20000
#define SPF_CACHE_MAX  4096 /* verdicts; the oldest go first */
#define SPF_TTL_MIN_S  10   /* a verdict holds this long, whatever the TTLs */
#define SPF_TTL_MAX_S  86400

struct spf;
struct spf_query;

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR
};

struct spf_verdict {
	enum spf_result result;
	uint32_t ttl_s;             /* from now on */
	bool depends_on_local_part; /* a macro used it: judge each sender address by itself */
	unsigned lookups;           /* terms that asked DNS */
	const char *why;            /* a sentence */
	struct span record;         /* the domain's record; empty: none */
};

/* The verdict and all in it live until done returns. */
typedef void spf_done(void *arg, const struct spf_verdict *v);

void spf_new(struct spf **s, struct loop *l, struct dns *dns);
void spf_free(struct spf **s); /* before its dns; done is not called any more */

/* `address`: the peer's, v4-mapped counts as IPv4.  `mail_from`: local@domain, or a domain alone
 * (then the local part is "postmaster"), or empty (then postmaster at helo).  The handle is
 * good until done is called. */
struct spf_query *spf_check(struct spf *s, const struct sockaddr *address, struct span helo,
    struct span mail_from, spf_done *done, void *arg);
void spf_cancel(struct spf_query **q);

uint64_t spf_evaluations(const struct spf *s); /* how many were started */

/* "pass", "fail", "softfail", "neutral", "none", "permerror", "temperror": RFC 7208 2.6. */
const char *spf_result_word(enum spf_result r);

/* True for pass alone; else the refusal that belongs to the result, with v->why as text. */
bool spf_accept(const struct spf_verdict *v, struct err *e);

#endif
