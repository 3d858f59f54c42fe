/* dmarc — what the domain of a letter's From asks of letters that nobody vouches for, and whether this is one.
 *
 * dmarc_find asks DNS; dmarc_parse and dmarc_judge are pure.
 *
 * Spec:    RFC 7489 3.1, 6.3, 6.6; the organizational domain is that of common/text/registrable.h.
 * Departs: whether the letter is kept as spam or refused is the caller's; no reports are sent to rua or ruf.
 * Async:   done is called exactly once, never inside dmarc_find, unless cancelled.
 * Trust:   record and letter are strangers'.
 */
#ifndef COMMON_DKIM_DMARC_H
#define COMMON_DKIM_DMARC_H

#include "common/dkim/dkim_verify.h"

#define DMARC_RECORD_MAX 8192 /* octets */

enum dmarc_policy { DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT };

struct dmarc_record {
	enum dmarc_policy domain;     /* p: for the domain that has the record */
	enum dmarc_policy subdomains; /* sp, else p */
	unsigned percent;             /* pct */
	bool strict_dkim, strict_spf; /* adkim, aspf */
};

/* False: it is no DMARC record, or one that says nothing. */
bool dmarc_parse(struct span text, struct dmarc_record *out);

enum dmarc_status {
	DMARC_FOUND,
	DMARC_ABSENT, /* neither the domain nor its organizational domain has one */
	DMARC_FAILED  /* DNS does not answer */
};

struct dmarc_found {
	enum dmarc_status status;
	struct dmarc_record record;
	struct domain at; /* who has it; "": nobody */
};

struct dmarc_query;
/* why: DMARC_FAILED's (dns_failed, question_share or dns_bogus), else NULL.  Borrowed for the call. */
typedef void dmarc_done(void *arg, const struct dmarc_found *f, const struct err *why);

/* from: A-labels (idn_a_label).  The handle is good until done is called. */
struct dmarc_query *dmarc_find(struct dns *dns, const struct dkim_about *about, const char *from,
    dmarc_done *done, void *arg);
void dmarc_cancel(struct dmarc_query **q);

/* -- the judgement ----------------------------------------------------------------------------- */

struct dmarc_facts {
	const char *from;       /* the domain of From, A-labels */
	const char *spf_domain; /* for which SPF says pass; NULL: none */
	const struct dkim_verdict *verdicts;
	size_t n;
	unsigned draw; /* 0..99 at random, for pct */
};

enum dmarc_result { DMARC_NONE, DMARC_PASS, DMARC_FAIL, DMARC_TEMPERROR };

enum dmarc_action {
	DMARC_ACCEPT,
	DMARC_QUARANTINE,
	DMARC_REJECT,
	DMARC_LATER /* what would decide cannot be known now */
};

struct dmarc_judgement {
	enum dmarc_result result;
	enum dmarc_action action; /* what the domain asks for */
	enum dmarc_policy
	    policy; /* what it publishes for such a From; of no meaning with DMARC_NONE */
};

struct dmarc_judgement dmarc_judge(const struct dmarc_found *f, const struct dmarc_facts *facts);

/* "none", "pass", "fail", "temperror": RFC 8601. */
const char *dmarc_result_text(enum dmarc_result r);
/* "none", "quarantine", "reject" */
const char *dmarc_policy_text(enum dmarc_policy p);

#endif
