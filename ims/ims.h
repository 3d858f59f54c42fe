/* ims — the receiving side's role: what its parts share.
 *
 * Threads: one struct ims_worker per worker thread, with that thread's DNS, SPF cache, sign-in
 *          context and fetches; struct ims itself is set up before anything is accepted and then
 *          only read, but for `closing` and the configuration, which is swapped under a lock.
 * Owner:   made and freed by ims/run.
 */
#ifndef IMS_IMS_H
#define IMS_IMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/svc/accounts.h"
#include "common/svc/conf.h"
#include "common/svc/daemon.h"
#include "common/svc/dns.h"
#include "common/svc/spf.h"

struct auth;
struct debts;
struct fetcher;
struct ims;
struct ims_store;
struct loop;
struct loop_timer;

#define IMS_SWEEP_MS	60000	/* between two looks for what has come to its end */

struct ims_worker {
	struct ims		*ims;
	unsigned		 index;
	struct loop		*loop;
	struct dns		*dns;
	struct spf		*spf;
	struct auth		*auth;
	struct fetcher		*fetcher;
	struct debts		*debts;
};

struct ims {
	struct daemon		*daemon;
	struct accounts		*accounts;
	struct tls_holder	*tls;
	struct workers		*workers;
	struct offload		*offload;
	struct ims_store	*store;
	struct ims_worker	*worker;	/* of n_workers */
	unsigned		 n_workers;
	atomic_bool		 closing;
	pthread_mutex_t		 lock;		/* of conf */
	struct conf		*conf;
	struct loop_timer	*sweep;		/* of the main loop */
};

/* A reference to the configuration in force; conf_unref it. */
struct conf	*ims_conf(struct ims *i);
/* False (closing): we are going down and begin nothing new. */
bool		 ims_open(struct ims *i, struct err *e);


#endif
