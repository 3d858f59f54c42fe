/* oms — the sending side's role: what its parts share.
 *
 * Threads: one struct oms_worker per worker thread, with that thread's DNS, SPF cache, sign-in
 *          context and notifier.  struct oms is complete before the first connection is accepted; after
 *          that it is only read, except for its atomic members.
 * Owner:   dns, spf, auth, accounts, tls, workers and offload are the daemon's; oms/run makes and
 *          frees the rest.
 */
#ifndef OMS_OMS_H
#define OMS_OMS_H

#include <stdatomic.h>

#include "common/auth/accounts.h"
#include "common/daemon/daemon.h"
#include "common/dns/dns.h"
#include "common/spf/spf_home.h"

#define OMS_SWEEP_MS 30000 /* between two sweeps */

struct local_socket;
struct dkim_holder;
struct loop;
struct signin_desk;
struct notifier;
struct oms;
struct oms_store;
struct http;
struct smtp_caps;
struct sts;

struct oms_worker {
	struct oms *oms;
	unsigned index;
	struct loop *loop;
	struct dns *dns;
	struct spf_home *spf;
	struct signin_desk *desk;
	struct notifier *notifier;
	struct sts *sts; /* MTA-STS policies; NULL: none are asked for */
};

struct oms {
	struct daemon *daemon;
	struct accounts *accounts;
	struct tls_holder *tls;
	struct workers *workers;
	struct offload *offload;
	struct oms_store *store;
	struct smtp_caps *smtp_caps; /* connections to each MX host */
	struct http *http;           /* that fetches policies */
	struct dkim_holder *dkim;    /* the keys by which letters by SMTP are signed */
	struct oms_worker *worker;   /* n_workers of them */
	unsigned n_workers;
	struct local_socket *local;   /* NULL: none */
	atomic_ullong fetched_octets; /* of bodies that were handed out */
};

#endif
