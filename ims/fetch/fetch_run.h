/* fetch_run — one letter on its way here: lease, session, octets, disk.
 *
 * It is asked for on the pair's warm session (fetch_pair.h).  A large one, and one that the warm session did not
 * bring, is asked for on sessions of its own, with each target that the sender's domain designates; an address that
 * has refused it is not asked twice.
 *
 * Flow:   6 of 8; states and trust: fetcher.h.
 * Async:  `settled` exactly once: the letter is here (e NULL), or why not; the store says the same
 *         by then.  `over` follows at once: the run is no more, and DONE is on its way or owed.  None
 *         comes after fetch_run_free, nor inside fetch_run_new.
 */
#ifndef IMS_FETCH_FETCH_RUN_H
#define IMS_FETCH_FETCH_RUN_H

#include "ims/ims.h"
#include "ims/store/store.h"

struct fetch_run;

struct fetch_run_ops {
	void (*progress)(void *arg, uint64_t got);
	void (*settled)(void *arg, const struct ims_letter *l, const struct err *e);
	void (*over)(void *arg);
};

struct fetch_run *fetch_run_new(struct ims_worker *w, const struct ims_letter *l,
    const struct fetch_run_ops *ops, void *arg);
void fetch_run_free(struct fetch_run **r); /* gives up */

#endif
