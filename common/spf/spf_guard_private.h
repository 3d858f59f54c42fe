/* spf_guard_private — the guard's three files, each of which calls only the ones listed after it:
 * spf_guard.c (records, terms, limits), spf_judge.c (one term), spf_needs.c (DNS questions).
 */
#ifndef COMMON_SPF_SPF_GUARD_PRIVATE_H
#define COMMON_SPF_SPF_GUARD_PRIVATE_H

#include "common/spf/spf_guard.h"

/* The question's entry, made on first sight; NULL: too many questions, the evaluation is over. */
struct spf_need *spf_guard_need(struct spf_guard *g, const char *name, enum dns_type type);
/* YES: there are records, in *out.  NO: there are none; *voids is counted up.  OVER: DNS failed. */
enum spf_guard_answer spf_guard_fetch(struct spf_guard *g, const char *name, enum dns_type type,
    unsigned *voids, struct spf_need **out);

/* Judges one term that asks DNS for `target`; voids found on the way are added to *voids, which the
 * caller counts once the term is decided. */
enum spf_guard_answer spf_judge_a(struct spf_guard *g, const struct spf_term *t, const char *target,
    unsigned *voids);
enum spf_guard_answer spf_judge_mx(struct spf_guard *g, const struct spf_term *t,
    const char *target, unsigned *voids);
enum spf_guard_answer spf_judge_exists(struct spf_guard *g, const char *target, unsigned *voids);
enum spf_guard_answer spf_judge_ptr(struct spf_guard *g, const char *target, unsigned *voids);
bool spf_judge_network(const struct spf_guard *g, const struct spf_term *t);

/* p: the client's validated name with respect to `domain` (RFC 7208 7.3), or "unknown". */
enum spf_guard_answer spf_judge_validated(struct spf_guard *g, const char *domain,
    char out[DNS_NAME_BYTES]);

#endif
