/* ims — the role of the receiving side: the state that its parts share.
 *
 * Threads: each worker thread has a struct ims_worker with its DNS, SPF cache, sign-in context and
 *          fetches.  struct ims is set up before the daemon accepts anything, and then only read.
 * Owner:   dns, spf, auth, accounts, tls, workers and offload belong to the daemon; ims/run makes and
 *          frees the rest.
 */
#ifndef IMS_IMS_H
#define IMS_IMS_H

#include "common/auth/accounts.h"
#include "common/daemon/daemon.h"
#include "common/dns/dns.h"
#include "common/spf/spf_home.h"

struct acknowledger;
struct fetch_pairs;
struct fetcher;
struct ims;
struct ims_store;
struct loop;
struct signin_desk;

#define IMS_SWEEP_MS 60000 /* between two sweeps (ims/upkeep.h) */

struct ims_worker {
	struct ims *ims;
	unsigned index;
	struct loop *loop;
	struct dns *dns;
	struct spf_home *spf;
	struct signin_desk *desk;
	struct fetch_pairs *fetch_pairs;
	struct fetcher *fetcher;
	struct acknowledger *acknowledger;
};

struct ims {
	struct daemon *daemon;
	struct accounts *accounts;
	struct tls_holder *tls;
	struct workers *workers;
	struct offload *offload;
	struct ims_store *store;
	struct ims_worker *worker; /* n_workers of them */
	unsigned n_workers;
	/* From any thread: a notification of the domain was judged (ims/fetch/acknowledger.h).  NULL: no one
	 * listens. */
	void (*heard)(struct ims *i, const char *own_domain, const char *from_domain);
};

/* Octets that one sender's domain may take of the store, and of each mailbox. */
static inline uint64_t
ims_sender_limit(const struct conf_role *c)
{
	return c->folder_bytes / 100 * (uint64_t)c->sender_percent;
}

static inline uint64_t
ims_mailbox_limit(const struct conf_role *c)
{
	return c->folder_bytes / 100 * (uint64_t)c->sender_mailbox_percent;
}

#endif
