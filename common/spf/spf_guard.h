/* spf_guard — judges each term of an SPF evaluation, so that libspf2 only has to combine them.
 *
 * Pure and restartable.  The caller asks for records and terms by number.  The guard lists the DNS
 * answers that it lacks as needs; the caller asks DNS, gives the answers, and starts again.  Limits
 * hold for the whole evaluation and end it: once `over`, every answer is SPF_GUARD_OVER.
 *
 * Numbers: record 0 is the domain's own; a term's number is also that of the record it leads to
 *         (include, redirect).  The canonical text of a record names its terms `N.g`:
 *             ~ip4:192.0.2.0/24 include:%{d}.x mx -all
 *             v=spf1 ~exists:1.g +include:2.g +exists:3.g -all
 * Spec:   RFC 7208 4.3 to 5.7.
 * Trust:  records, answers, sender and HELO name are hostile.
 */
#ifndef COMMON_SPF_SPF_GUARD_H
#define COMMON_SPF_SPF_GUARD_H

#include "common/base/buf.h"
#include "common/spf/spf.h"
#include "common/spf/spf_macro.h"
#include "common/spf/spf_record.h"

#define SPF_LOOKUPS_MAX 10
#define SPF_VOIDS_MAX   2
#define SPF_NAMES_MAX   10    /* per mx and ptr */
#define SPF_QUERIES_MAX 200   /* of one evaluation; no valid record needs as many */
#define SPF_RECORD_MAX  16384 /* octets; a longer one is a permerror */
#define SPF_SENDER_MAX  512   /* octets of MAIL FROM, and of HELO */

enum spf_guard_answer { SPF_GUARD_NO, SPF_GUARD_YES, SPF_GUARD_PENDING, SPF_GUARD_OVER };

/* A question and its answer, kept for the evaluation. */
struct spf_need {
	char name[DNS_NAME_BYTES];
	enum dns_type type;
	bool asked, known; /* set by the caller, by spf_guard_answer */
	enum dns_status status;
	struct span *rdata;
	size_t n;
	struct buf octets;
};

/* A term that some record's canonical text speaks of. */
struct spf_guard_term {
	size_t record;               /* that holds it */
	const struct spf_term *term; /* NULL: the redirect modifier */
	bool counted, judged, match;
	bool expanded; /* target holds */
	char target[DNS_NAME_BYTES];
	size_t leads_to; /* record + 1; 0: not opened */
};

struct spf_guard_record {
	char domain[DNS_NAME_BYTES];
	bool parsed;
	struct buf text; /* as found in DNS */
	struct spf_record record;
	struct buf canonical;
};

struct spf_guard {
	char local[SPF_SENDER_MAX + 1], domain[DNS_NAME_BYTES], helo[SPF_SENDER_MAX + 1];
	struct spf_macro_env env;
	struct spf_guard_record **records;
	struct spf_guard_term *terms; /* terms[0] is not used */
	struct spf_need **needs;
	size_t n_records, n_terms, n_needs;
	unsigned lookups, voids;
	uint32_t ttl_s;
	bool over;
	enum spf_result result; /* if over */
	char why[ERR_TEXT_BYTES];
};

/* Splits MAIL FROM and checks the domain (4.3); if SPF cannot judge it, the guard is `over`. */
void spf_guard_init(struct spf_guard *g, const struct sockaddr *client, struct span helo,
    struct span mail_from);
void spf_guard_clear(struct spf_guard *g);

/* The canonical text of the record that number `n` leads to (0: the domain's own), borrowed. */
enum spf_guard_answer spf_guard_record(struct spf_guard *g, size_t n, struct span *canonical);

/* Does term `n` match? */
enum spf_guard_answer spf_guard_term(struct spf_guard *g, size_t n);

/* The next question not asked yet, or NULL; marks it asked. */
struct spf_need *spf_guard_ask(struct spf_guard *g);
void spf_guard_answer(struct spf_guard *g, struct spf_need *need, const struct dns_answer *a);

/* Ends the evaluation from outside (time). */
void spf_guard_end(struct spf_guard *g, enum spf_result result, const char *why);

#endif
