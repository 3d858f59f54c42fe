/* spf_home — SPF for many workers: each domain has a home worker, which evaluates its queries.
 *
 * One evaluation serves all workers, and its verdict is cached once.  Many connections from one
 * domain cost as many DNS questions as one.
 *
 * Async:   done is called exactly once, on the asking worker's loop, never inside spf_home_check, unless
 *          cancelled.
 * Threads: each struct spf_home belongs to its worker; queries and verdicts are posted calls.
 * Owner:   the loops and each dns belong to the workers and outlive this.
 */
#ifndef COMMON_SPF_SPF_HOME_H
#define COMMON_SPF_SPF_HOME_H

#include "common/spf/spf.h"

struct workers;
struct spf_home;
struct spf_asked;

/* One for each worker; dns[i] is on the loop of worker i. */
void spf_homes_new(struct workers *w, struct dns *const *dns, struct spf_home **out);
/* Call it when the workers have ended; done is not called any more.  Drain the loops after the last. */
void spf_home_free(struct spf_home **h);

/* As spf_check. */
struct spf_asked *spf_home_check(struct spf_home *h, const struct sockaddr *address,
    struct span helo, struct span mail_from, spf_done *done, void *arg);
void spf_home_cancel(struct spf_asked **a);

/* How many this worker has started. */
uint64_t spf_home_evaluations(const struct spf_home *h);

#endif
