/* fetch_pair — the warm session of one of our domains with one sender's domain: letters up to FETCH_SHARED_MAX are
 * asked for on it, several at a time, and DONE is said there.
 *
 * The session is kept while it is used (fetch_link.h).  Before each request its host's certificate is judged anew;
 * once the DNS answer has run out, the domain is looked up again, and the session goes on only if its host
 * is still named.  A host that is not reached, or does not welcome us, is followed by the next one that the domain
 * designates; a session that is lost or slow is replaced.
 *
 * Flow:    6 of 8.
 * Spec:    SPEC.md 11.
 * State:   no link -> LOOKING (DNS) -> link: next address until one is up -> ... -> no link.  A session that is
 *          no longer current, or whose host is no longer named, is left: it ends when all is answered.
 * DONE:    is owed from the commit of the letter, and said once FETCH_DONES are owed or FETCH_DONE_MS after
 *          the first.  Where there is no session for it then, it is left to the acknowledger.
 * Threads: the home worker of the pair.
 * Bounds:  FETCH_LINKS warm sessions a worker; one more ends the one that has been idle longest.
 * Trust:   fetcher.h.
 */
#ifndef IMS_FETCH_FETCH_PAIR_H
#define IMS_FETCH_FETCH_PAIR_H

#include "ims/fetch/fetch_want.h"
#include "ims/ims.h"

#define FETCH_SHARED_MAX (1024 * 1024) /* octets; a larger letter has a session of its own */
#define FETCH_DONE_MS    1000
#define FETCH_LINKS      256

struct fetch_pairs;

/* unsaid: a session ended with DONE that nobody was told; they are pending in the store. */
struct fetch_pairs *fetch_pairs_new(struct ims_worker *w, void (*unsaid)(struct ims *i));
void fetch_pairs_free(struct fetch_pairs **p); /* no letter is wanted any more */

/* The letter's own and sender's domains are the pair's. */
void fetch_pair_ask(struct fetch_pairs *ps, struct fetch_want *w);
void fetch_pair_forget(struct fetch_want *w); /* wherever it is */
/* DONE is pending for the letter, in this round. */
void fetch_pair_done(struct fetch_pairs *ps, const struct ims_letter *l, uint64_t round);
/* Is that DONE said, or about to be? */
bool fetch_pair_owes(struct fetch_pairs *ps, const struct ims_ack *a);

#endif
