/* check_peer — `check peer DOMAIN`: what another mail domain looks like from here.
 *
 * Its designation and addresses; at each address TLS with our own identity, its certificate, how old
 * what we know of its revocation is, and HELLO, no letter; then the SPF verdict on the addresses it
 * sends from.  A CRL that the daemon does not have yet is fetched into a folder that goes away.
 *
 * Output: a line each, `ok`, `note` or `FAIL` first (--json: an object each); status 1 where one
 * failed.
 */
#ifndef COMMON_DAEMON_CHECK_PEER_H
#define COMMON_DAEMON_CHECK_PEER_H

#include "common/base/engine.h"
#include "common/conf/conf.h"
#include "common/conf/options.h"

#define CHECK_PEER_HELP       "check another domain from here; sends no letter"
#define CHECK_PEER_CONNECT_MS 10000
#define CHECK_PEER_HELLO_MS   30000
#define CHECK_PEER_FETCH_MS   30000        /* for CRLs */
#define CHECK_PEER_HOSTS_MAX  32           /* addresses that are tried */
#define CHECK_PEER_SOON_S     (14 * 86400) /* a certificate that ends within this time is noted */

struct check_peer_role {
	enum conf_role_index index;
	const char *service; /* DESIGNATION_... of the hosts that this role connects to */
	const char *alpn;
	/* A client that says HELLO and then goes; `said` is called once with the answer, unless the
	 * session breaks. */
	struct engine *(
	    *hello)(const char *own, void (*said)(void *arg, const struct err *e), void *arg);
	void (*hello_free)(struct engine **e);
};

extern const struct options_option check_peer_options[];

int check_peer(struct options *o, const struct check_peer_role *r);

#endif
