/* daemon_parts — what daemon.c, daemon_open.c and daemon_control.c share. */
#ifndef SVC_DAEMON_PARTS_H
#define SVC_DAEMON_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/svc/daemon.h"
#include "common/svc/jail.h"
#include "common/svc/tls.h"

struct crl_fetch;
struct listen;
struct loop_fd;
struct loop_timer;

struct daemon_entry {			/* what listen hands back for a socket */
	struct daemon			*daemon;
	const struct daemon_listener	*listener;
};

struct daemon {
	const struct daemon_role *role;
	void			*state;		/* of the role; NULL before its start */
	struct options		*options;
	pthread_mutex_t		 lock;		/* of conf */
	struct conf		*conf;
	struct jail		 jail;
	struct accounts		*accounts;
	struct tls_holder	*tls;
	char			 cache[CONF_PATH_BYTES];	/* of fetched CRLs */
	struct crl_fetch	*crl_fetch;
	struct loop		*loop;
	struct workers		*workers;
	struct offload		*offload;
	struct listen		*listen;
	struct daemon_entry	 entries[DAEMON_LISTENERS_MAX];
	struct control		*control;
	struct loop_timer	*look, *deadline;
	struct loop_fd		*signals_watch;
	int			 signals;
	int64_t			 born_ms;
	bool			 closing;
	atomic_bool		 failed;	/* first daemon_stop with a reason */
	struct err		 why;		/* ... and that reason */
};

/* daemon_open.c: everything up to the jail, and the jail.  False: *e is set. */
bool	 daemon_open(struct daemon *d, struct err *e);
/* Settings for the TLS holder; `files` has conf->n_domains rows and is the caller's to free. */
struct tls_settings daemon_tls_settings(const struct daemon *d, const struct conf *c,
	    struct tls_files **files);

/* daemon_control.c */
extern const struct control_verb	daemon_verbs[];
void	 daemon_reload(struct daemon *d);
void	 daemon_close(struct daemon *d);	/* daemon.c: begin to stop; twice: end now */

#endif
