/* ims — the receiving side's role: what its parts share.
 *
 * Threads: one struct ims_worker per worker thread, with that thread's DNS, SPF cache, sign-in
 *          context and fetches; struct ims itself is set up before anything is accepted and then
 *          only read.
 * Owner:   dns, spf, auth, accounts, tls, workers and offload are the daemon's; the rest is made and
 *          freed by ims/run.
 */
#ifndef IMS_IMS_H
#define IMS_IMS_H

#include "common/auth/accounts.h"
#include "common/daemon/daemon.h"
#include "common/dns/dns.h"
#include "common/spf/spf_home.h"

struct acknowledger;
struct fetcher;
struct ims;
struct ims_store;
struct loop;
struct signin_desk;

#define IMS_SWEEP_MS 60000 /* between two looks for what has come to its end */

struct ims_worker {
	struct ims *ims;
	unsigned index;
	struct loop *loop;
	struct dns *dns;
	struct spf_home *spf;
	struct signin_desk *desk;
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
	struct ims_worker *worker; /* of n_workers */
	unsigned n_workers;
};

#endif
