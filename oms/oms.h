/* oms — the sending side's role: what its parts share.
 *
 * Threads: one struct oms_worker per worker thread, with that thread's DNS, SPF cache, sign-in
 *          context and notifier; struct oms itself is set up before anything is accepted and then
 *          only read, but for `closing` and the configuration, which is swapped under a lock.
 * Owner:   made and freed by oms/run.
 */
#ifndef OMS_OMS_H
#define OMS_OMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/svc/accounts.h"
#include "common/svc/conf.h"
#include "common/svc/daemon.h"
#include "common/svc/dns.h"
#include "common/svc/spf.h"

#define OMS_SWEEP_MS	30000	/* between two looks for what has come to its end */

struct auth;
struct loop;
struct loop_timer;
struct notifier;
struct oms;
struct oms_store;

struct oms_worker {
	struct oms		*oms;
	unsigned		 index;
	struct loop		*loop;
	struct dns		*dns;
	struct spf		*spf;
	struct auth		*auth;
	struct notifier		*notifier;
};

struct oms {
	struct daemon		*daemon;
	struct accounts		*accounts;
	struct tls_holder	*tls;
	struct workers		*workers;
	struct offload		*offload;
	struct oms_store	*store;
	struct oms_worker	*worker;	/* of n_workers */
	unsigned		 n_workers;
	atomic_bool		 closing;
	atomic_ullong		 fetched_octets;	/* of bodies that were handed out */
	pthread_mutex_t		 lock;		/* of conf */
	struct conf		*conf;
	struct loop_timer	*sweep;		/* of the main loop */
};

/* A reference to the configuration in force; conf_unref it. */
struct conf	*oms_conf(struct oms *o);
/* False (closing): we are going down and begin nothing new. */
bool		 oms_open(struct oms *o, struct err *e);

#endif
