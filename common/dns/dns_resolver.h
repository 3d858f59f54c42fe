/* dns_resolver — where the answers come from: a resolver spec, and libunbound's configuration for it.
 *
 * Specs: see dns.h.  `system` and ADDRESS@PORT may be followed by `,anchor=FILE` or `,anchor=none`
 * to choose the DNSSEC root anchor; without it the first of the system's usual places counts.  Where
 * an anchor is in force, a resolver that strips DNSSEC makes every answer bogus: that is meant, since
 * to believe it then would be to let anybody on the path strip it.
 *
 * A zone file is copied (at most 16 MiB) before libunbound sees it, with `$ORIGIN .`, `$TTL 60` and,
 * if no SOA stands in it, one for the root put before it; so `host.test. A 192.0.2.1` is a whole file.
 */
#ifndef COMMON_DNS_DNS_RESOLVER_H
#define COMMON_DNS_DNS_RESOLVER_H

#include <sys/stat.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"

enum dns_resolver_kind { DNS_RESOLVER_SYSTEM, DNS_RESOLVER_FORWARD, DNS_RESOLVER_ZONE };

struct dns_resolver {
	enum dns_resolver_kind kind;
	char forward[80];  /* ADDRESS@PORT */
	char anchor[4096]; /* "": none */
	char zone[4096];   /* path */
	struct stat seen;  /* of the zone as it was read last */
};

/* False: config. */
bool dns_resolver_parse(struct dns_resolver *r, const char *spec, struct err *e);

/* Nobody chose to do without DNSSEC, but there is no root anchor here: nothing is ever bogus, nor
 * secure. */
bool dns_resolver_lacks_anchor(const char *spec);

/* Has the zone file another size, time or inode than when it was read?  A missing file has not
 * changed. */
bool dns_resolver_changed(const struct dns_resolver *r);

/* The zone's text into `out`, and what it looked like into r->seen.  False: config. */
bool dns_resolver_read_zone(struct dns_resolver *r, struct buf *out, struct err *e);

/* unbound.conf for this resolver; zone_path: where a copy of the zone can be read. */
void dns_resolver_config(const struct dns_resolver *r, const char *zone_path, struct buf *out);

#endif
