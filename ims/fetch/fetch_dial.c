/* fetch_dial — see fetch_dial.h. */
#include "ims/fetch/fetch_dial.h"

#include "proto/fetch.h"

struct dial *
fetch_dial(const struct ims_worker *w, const char *from_domain, const char *own_domain,
    dial_ready *ready, void *arg)
{
	struct conf *conf = daemon_conf(w->ims->daemon);
	struct dial_to to = {
		.loop = w->loop,
		.dns = w->dns,
		.tls = w->ims->tls,
		.service = DESIGNATION_FETCH,
		.alpn = FETCH_ALPN,
		.domain = from_domain,
		.own = own_domain,
		.from = conf->role[CONF_ROLE_IMS].connect_from,
		.limit = daemon_limit(w->ims->daemon),
		.allow_private = conf->allow_private_peers,
		.timeout_ms = FETCH_DIAL_MS,
	};
	struct dial *d = dial_new(&to, ready, arg);

	conf_unref(&conf);
	return d;
}
