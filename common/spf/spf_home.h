/* spf_home — SPF for many workers: whoever asks of a domain, its home worker evaluates.
 *
 * So one evaluation serves all workers, and what it found is cached once; a crowd of connections
 * from one domain costs the DNS what one of them would.
 *
 * Async:   done is called exactly once, on the asking worker's loop, never inside spf_home_check, unless
 *          cancelled.
 * Threads: each struct spf_home is its worker's; queries go and come as posted calls.
 * Owner:   the loops are the workers', each dns its worker's: both outlive this.
 */
#ifndef COMMON_SPF_SPF_HOME_H
#define COMMON_SPF_SPF_HOME_H

#include "common/spf/spf.h"

struct workers;
struct spf_home;
struct spf_asked;

/* One for each worker; dns[i] is on the loop of worker i. */
void spf_homes_new(struct workers *w, struct dns *const *dns, struct spf_home **out);
/* When the workers have ended; done is not called any more.  The loops are drained behind the last. */
void spf_home_free(struct spf_home **h);

/* As spf_check. */
struct spf_asked *spf_home_check(struct spf_home *h, const struct sockaddr *address,
    struct span helo, struct span mail_from, spf_done *done, void *arg);
void spf_home_cancel(struct spf_asked **a);

/* How many were begun at this worker. */
uint64_t spf_home_evaluations(const struct spf_home *h);

#endif
