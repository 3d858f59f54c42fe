/* check_peer_private — what check_peer.c and check_peer_host.c share. */
#ifndef COMMON_DAEMON_CHECK_PEER_PRIVATE_H
#define COMMON_DAEMON_CHECK_PEER_PRIVATE_H

#include "common/daemon/check_peer.h"
#include "common/dns/designation.h"
#include "common/tls/tls.h"

struct check_host {
	char name[DNS_NAME_BYTES];
	struct sockaddr_storage address;
};

struct check_hosts {
	struct check_host at[CHECK_PEER_HOSTS_MAX];
	size_t n;
};

struct check_peer {
	struct options *options;
	const struct check_peer_role *role;
	struct conf *conf;
	struct domain domain, own;
	bool has_identity;
	char cache[CONF_PATH_BYTES]; /* the daemon's; "" : out of reach */
	struct loop *loop;
	struct dns *dns;
	struct tls_holder *tls;
	unsigned failures;
};

enum check_level { CHECK_OK, CHECK_NOTE, CHECK_FAIL };

/* One line; why NULL: nothing was refused. */
void check_say(struct check_peer *p, enum check_level level, const char *what,
    const struct err *why, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
struct tls_settings check_settings(const struct check_peer *p, const struct tls_files *own,
    const char *cache);

/* Connects, and says what it finds. */
void check_peer_host(struct check_peer *p, const struct check_host *h);

#endif
