/* daemon — the common part of `oms run` and `ims run`; the role supplies the rest.
 *
 * Order: configuration; folders; accounts; certificates and keys; sockets bound; control socket
 * bound; privileges dropped (jail); threads; the workers' tools; role->start; sockets listen; the
 * log's line `daemon.ready`.  Runs in the foreground and logs to standard error, for a
 * supervisor.
 *
 * Signals: SIGTERM, SIGINT: accepts no more connections, daemon_open_for_work becomes false (sessions
 *          get `closing`), then it ends; exit 0.
 *          SIGHUP: reads configuration, certificates, keys, trust and CRLs again; a fault is logged
 *          and the old ones stay in force.  A key or certificate that cannot be read does not hold up
 *          the others.  A key of the configuration that is marked late (conf_keys.h) keeps its value
 *          until a restart, and the log names it.
 * Threads: the main thread runs daemon_loop (control socket, accounts, reload, signals) and no
 *          session; a role's callbacks run on it unless they say otherwise.
 */
#ifndef COMMON_DAEMON_DAEMON_H
#define COMMON_DAEMON_DAEMON_H

#include "common/auth/accounts.h"
#include "common/conf/conf.h"
#include "common/conf/options.h"
#include "common/daemon/control.h"

#define DAEMON_ACCOUNTS_MS     200 /* how often the accounts file is checked */
#define DAEMON_OFFLOAD_THREADS 4

struct chain;
struct conn_limit;
struct daemon;
struct dns;
struct judgement;
struct loop;
struct workers;
struct offload;
struct share;
struct signin_desk;
struct spf_home;
struct tls_holder;
struct listen_incoming;

struct daemon_listener {
	enum conf_listener key;
	bool smtp; /* it speaks SMTP, and so needs the section smtp */
	/* On the worker's own thread; the role's session takes `in` by conn_accept. */
	void (*accepted)(void *role, struct daemon *d, unsigned worker, struct listen_incoming *in);
};

struct daemon_role {
	const char *name;                        /* "oms": section and log */
	enum conf_role_index index;              /* its section in struct conf */
	const char *folder;                      /* the section's key of the folder: "spool" */
	const struct daemon_listener *listeners; /* ended by a row without `accepted` */
	const struct control_verb *control;      /* ended by a row without a name; may be NULL;
							 * `configuration`, `status`, `stop` and
							 * `reload` are daemon's */
	/* Unprivileged, workers running, nothing accepted yet: open the store, make the workers'
	 * states (loop_post, or before they are used).  False: the daemon calls `stop` for the part of
	 * *role that exists (NULL: none), and ends with *e's status. */
	bool (*start)(struct daemon *d, void **role, struct err *e);
	/* Removes everything that has expired; called sweep_ms after the last sweep has ended.  It calls `done`
	 * once on daemon_loop; e is NULL if all went well. */
	int64_t sweep_ms;
	void (*sweep)(void *role, void (*done)(void *arg, const struct err *e), void *arg);
	/* Closes the store and frees the role.  The workers are joined, the connections dropped
	 * (`forget_conn` has run), offloaded work is complete and its `done` has run; only this thread
	 * uses the role now. */
	void (*stop)(void **role);
	/* Puts members for `status`, then calls `done` once on daemon_loop, at once or later.  May be NULL. */
	void (*status)(void *role, struct json *out, void (*done)(void *arg), void *arg);
};

/* The tools of one worker's thread: made before role->start, freed after role->stop. */
struct daemon_worker {
	struct loop *loop;
	struct dns *dns;
	struct spf_home *spf;
	struct signin_desk *desk;
};

/* The verb `run`: returns the exit status. */
int daemon_run(const struct daemon_role *r, struct options *o);

/* For the role. */
struct conf *daemon_conf(struct daemon *d); /* a reference, any thread: conf_unref it */
struct accounts *daemon_accounts(struct daemon *d);
struct loop *daemon_loop(struct daemon *d); /* of the main thread */
struct workers *daemon_workers(struct daemon *d);
const struct daemon_worker *daemon_worker(struct daemon *d, unsigned n); /* n < workers_count */
struct offload *daemon_offload(struct daemon *d);
struct tls_holder *daemon_tls(struct daemon *d);
/* Any thread, arg: the daemon.  A CRL was missing to judge the chain: it is fetched. */
void daemon_crl_wanted(void *arg, const struct chain *c, const struct judgement *j);
struct conn_limit *daemon_limit(struct daemon *d); /* for all connections that the role opens */
struct share *daemon_share(
    struct daemon *d); /* any thread; accounts for everything that peers take */
/* Any thread.  False (closing): the daemon is going down; begin nothing new. */
bool daemon_open_for_work(struct daemon *d, struct err *e);
/* Within role->start, where no loop reads signals yet: has SIGTERM or SIGINT come?  Then start may end early (closing),
 * which is a stop in order.  arg: NULL. */
bool daemon_must_stop(void *arg);
/* Any thread: the same as SIGTERM. */
void daemon_stop(struct daemon *d);

/* Sets the limits of peers and users to those of the configuration. */
void daemon_set_shares(struct share *s, const struct conf *c);

#endif
