/* daemon — the frame of `oms run` and `ims run`; a role brings what is its own.
 *
 * Order: configuration; folders; accounts; certificates and keys; sockets bound; control socket
 * bound; privileges dropped (jail); threads; role->start; sockets listen; the log's line
 * `daemon.ready`.  Runs in the foreground and logs to standard error; a supervisor does the rest.
 *
 * Signals: SIGTERM, SIGINT: no more connections; role->closing (sessions are told `closing`); the
 *          end when the role says daemon_stopped, at latest after DAEMON_STOP_MS; exit 0.  A second
 *          signal ends the waiting.
 *          SIGHUP: configuration, certificates, keys, trust and CRLs are read anew; a fault is
 *          logged and the old ones stay.  Sockets, folders, user, workers, log level and how CRLs
 *          are fetched (crl-refresh, allow-private-crl-hosts) want a restart, and the log says so.
 * Threads: the main thread runs daemon_loop (control socket, accounts, reload, signals) and no
 *          session; a role's callbacks run on it unless they say otherwise.
 */
#ifndef SVC_DAEMON_H
#define SVC_DAEMON_H

#include "common/svc/accounts.h"
#include "common/svc/conf.h"
#include "common/svc/control.h"
#include "common/svc/options.h"

#define DAEMON_STOP_MS		10000
#define DAEMON_ACCOUNTS_MS	1000	/* how often the accounts file is looked at */
#define DAEMON_OFFLOAD_THREADS	4
#define DAEMON_LISTENERS_MAX	8

struct daemon;
struct loop;
struct workers;
struct offload;
struct tls_holder;
struct listen_incoming;

struct daemon_listener {
	const char	*name;		/* "fetch"; in the configuration listen-fetch */
	uint16_t	 port;		/* where the address names none */
	const struct conf_listens *(*at)(const struct conf *c);
	/* On the worker's own thread; the role's session takes `in` by conn_accept. */
	void		(*accepted)(void *role, struct daemon *d, unsigned worker,
			    struct listen_incoming *in);
};

struct daemon_role {
	const char			*name;		/* "oms": section and log */
	const struct daemon_listener	*listeners;	/* ended by a row without a name */
	const struct control_verb	*control;	/* ended by a row without a name; may be NULL;
							 * `status`, `stop` and `reload` are daemon's */
	bool		(*given)(const struct conf *c);		/* its section stands in the file */
	const char	*(*folder)(const struct conf *c);	/* spool or store: made if missing */
	const char	*(*socket)(const struct conf *c);	/* of the control socket */
	/* Unprivileged, workers running, nothing accepted yet: open the store, make the workers'
	 * states (loop_post, or before they are used).  False: the daemon ends with *e's status, and
	 * nothing of the role is left. */
	bool		(*start)(struct daemon *d, void **role, struct err *e);
	/* daemon_conf is a new one.  May be NULL. */
	void		(*reloaded)(void *role, struct daemon *d);
	/* Tell sessions that we are closing, take no new work; daemon_stopped when all is done.  NULL:
	 * there is nothing to wait for. */
	void		(*closing)(void *role, struct daemon *d);
	/* Workers are joined, connections dropped and told (`gone` has run); everything of the role is
	 * on this thread now: the store commits and closes, all is freed.  Work that was offloaded
	 * before is done and its `done` has run. */
	void		(*stop)(void **role);
	/* Members for `status`.  May be NULL. */
	void		(*status)(void *role, struct json *out);
};

/* The verb `run`: returns the exit status. */
int			 daemon_run(const struct daemon_role *r, struct options *o);

/* For the role. */
struct conf		*daemon_conf(struct daemon *d);		/* a reference, any thread: conf_unref it */
struct accounts		*daemon_accounts(struct daemon *d);
struct loop		*daemon_loop(struct daemon *d);		/* of the main thread */
struct workers		*daemon_workers(struct daemon *d);
struct offload		*daemon_offload(struct daemon *d);
struct tls_holder	*daemon_tls(struct daemon *d);
/* Any thread: the role has nothing left to wait for. */
void			 daemon_stopped(struct daemon *d);
/* Any thread: the same as SIGTERM; for a store that can no longer be trusted, `why` is logged and
 * its status is the exit's.  NULL: exit 0. */
void			 daemon_stop(struct daemon *d, const struct err *why);

#endif
