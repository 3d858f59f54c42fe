/* daemon — the frame of `oms run` and `ims run`; a role brings what is its own.
 *
 * Order: configuration; TLS material; folders; sockets bound; control socket; privileges dropped;
 * workers started; role->start; listeners open; the log's readiness line
 * (`NAME ready`, event "daemon.ready").  Runs in the foreground and logs to standard error; a
 * supervisor does the rest.
 *
 * Signals: SIGTERM, SIGINT: no more connections; role->closing (sessions are told `closing`);
 *          role->stop once they are gone or DAEMON_STOP_MS have passed; exit 0.  A second signal
 *          ends the waiting.  SIGHUP: configuration, certificates, trust and CRLs are read anew; a
 *          fault is logged and the old ones stay.
 * Threads: the main thread runs daemon_loop (control socket, accounts, reload, signals) and no
 *          session; role callbacks run on it unless they say otherwise.
 */
#ifndef SVC_DAEMON_H
#define SVC_DAEMON_H

#include "common/svc/accounts.h"
#include "common/svc/conf.h"
#include "common/svc/control.h"
#include "common/svc/options.h"

#define DAEMON_STOP_MS	10000

struct daemon;
struct listen_incoming;
struct loop;
struct workers;
struct offload;
struct tls_holder;
struct conn;

struct daemon_listener {
	const char	*name;		/* "fetch"; in logs and faults: listen-fetch */
	const char	*alpn;		/* "tillcalled-fetch/1" */
	uint16_t	 port;		/* where the address names none */
	bool		 mutual;	/* peers show a certificate (and no session is resumed) */
	const struct conf_listens *(*at)(const struct conf *c);
	/* On the worker's own thread, with a connection that is now the role's: it calls
	 * conn_accept, which takes `in`, with a session of its own. */
	void		(*accepted)(void *role, struct daemon *d, unsigned worker,
			    struct listen_incoming *in);
};

struct daemon_role {
	const char			*name;		/* "oms": section, log, control */
	const struct daemon_listener	*listeners;	/* ended by a row without a name */
	const struct control_verb	*control;	/* ended by a row without a name; `status`,
							 * `stop` and `reload` are daemon's */
	bool		(*given)(const struct conf *c);		/* its section stands in the file */
	const char	*(*folder)(const struct conf *c);	/* spool or store: made if missing */
	const char	*(*socket)(const struct conf *c);	/* of the control socket */
	/* Unprivileged, workers running, nothing accepted yet: open the store, make the workers'
	 * states.  False: the daemon ends with *e's status. */
	bool		(*start)(struct daemon *d, void **role, struct err *e);
	void		(*reloaded)(void *role, struct daemon *d);	/* daemon_conf is a new one; may be NULL */
	/* Tell sessions that we are closing and take no new work; daemon_stopped when all is done. */
	void		(*closing)(void *role);
	/* Workers have stopped: the store commits and closes; everything is freed. */
	void		(*stop)(void **role);
	void		(*status)(void *role, struct json *out);	/* members for `status`; may be NULL */
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
/* Any thread: the role has nothing left to wait for; ends the wait of a clean stop. */
void			 daemon_stopped(struct daemon *d);

#endif
