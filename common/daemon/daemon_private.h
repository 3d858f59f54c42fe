/* daemon_private — shared by daemon.c, daemon_open.c and check_conf.c. */
#ifndef COMMON_DAEMON_DAEMON_PRIVATE_H
#define COMMON_DAEMON_DAEMON_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/daemon/daemon.h"
#include "common/daemon/jail.h"
#include "common/tls/tls.h"

struct conn_limit;
struct crl_fetch;
struct listen;
struct loop_fd;
struct loop_timer;

struct daemon_entry { /* the argument of a socket's listen_accepted */
	struct daemon *daemon;
	const struct daemon_listener *listener;
};

struct daemon {
	const struct daemon_role *role;
	void *state; /* of the role; NULL before its start */
	struct options *options;
	pthread_mutex_t lock; /* of conf */
	struct conf *conf;
	struct jail jail;
	struct accounts *accounts;
	struct tls_holder *tls;
	char cache[CONF_PATH_BYTES]; /* of fetched CRLs */
	struct crl_fetch *crl_fetch;
	struct loop *loop;
	struct workers *workers;
	struct conn_limit *limit; /* of connections that we open */
	struct share *share;
	struct daemon_worker *worker; /* of workers_count; NULL before they are made */
	struct offload *offload;
	struct listen *listen;
	struct daemon_entry entries[CONF_LISTENERS];
	struct control *control;
	struct loop_timer *look, *sweep;
	uint64_t accounts_reading; /* the reading of the last signin_desk_review */
	bool sweeping;             /* the role's sweep is running */
	struct loop_fd *signals_watch;
	int signals;
	int64_t born_ms;
	atomic_bool closing;
};

/* The role's section. */
static inline const struct conf_role *
daemon_section(const struct daemon *d, const struct conf *c)
{
	return &c->role[d->role->index];
}

/* daemon_open.c, and what `check` asks the same way.  False: config; faults but the first are on
 * stderr. */
bool daemon_load_conf(const struct options *o, struct conf **out, struct err *e);
/* The role's section exists and names where to listen, each address once. */
bool daemon_conf_fits(const struct daemon_role *r, const struct conf *c, struct err *e);
void daemon_cache(const struct daemon_role *r, const struct conf *c, char out[CONF_PATH_BYTES]);

/* The role's folders and its socket exist or can be made, and the user can work in them. */
bool daemon_folders_fit(const struct daemon_role *r, const struct conf *c, const struct jail *j,
    struct err *e);
/* Reports each file that the start reads as root and a reload could not read again. */
void daemon_out_of_reach(const struct conf *c, const struct jail *j,
    void (*report_file)(void *arg, const struct err *why), void *arg);

/* Everything up to the jail, and the jail.  False: *e is set. */
bool daemon_open(struct daemon *d, struct err *e);
/* Settings for the TLS holder; it points into `files`, which is the caller's to free. */
struct tls_settings daemon_tls_settings(const struct daemon *d, const struct conf *c,
    struct tls_files **files);

/* Reads the configuration, certificates and keys again.  late: the changed keys that need a restart.
 * False: *e is set, and nothing has changed. */
bool daemon_reload(struct daemon *d, struct buf *late, struct err *e);

#endif
