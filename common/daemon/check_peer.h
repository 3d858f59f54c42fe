/* check_peer — `check peer DOMAIN`: checks another mail domain from here.
 *
 * Shows its designation and addresses; for each address TLS with our own identity, the certificate, the age
 * of its revocation data, and HELLO; then the SPF verdict on the addresses that it sends from.  Sends no
 * letter.  Fetches a CRL that the daemon does not have yet into a temporary folder.
 *
 * Output: one line for each, beginning with `ok`, `note` or `FAIL` (--json: one object); status 1 if any
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
#define CHECK_PEER_HOSTS_MAX  32           /* the largest number of addresses tried */
#define CHECK_PEER_SOON_S     (14 * 86400) /* a certificate that ends within this time is noted */

struct check_peer_role {
	enum conf_role_index index;
	const char *service; /* DESIGNATION_... of the hosts that this role connects to */
	const char *alpn;
	/* A client that sends HELLO and then QUIT; calls `said` once with the reply, unless the session
	 * breaks. */
	struct engine *(
	    *hello)(const char *own, void (*said)(void *arg, const struct err *e), void *arg);
	void (*hello_free)(struct engine **e);
};

extern const struct options_option check_peer_options[];

int check_peer(struct options *o, const struct check_peer_role *r);

#endif
