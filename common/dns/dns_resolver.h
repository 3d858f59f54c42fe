/* dns_resolver — where the answers come from: a resolver spec, and libunbound's configuration for it.
 *
 * Specs: see dns.h.  `,anchor=FILE` or `,anchor=none` after `system` or ADDRESS@PORT chooses the
 * DNSSEC root anchor; without it the first file in the system's usual places is used.  With an
 * anchor, a resolver that strips DNSSEC makes every answer bogus.  This is on purpose: otherwise
 * anybody on the path could strip DNSSEC.
 *
 * A zone file (at most 16 MiB) is copied before libunbound sees it.  The copy begins with `$ORIGIN .`,
 * `$TTL 60` and, if the file has no SOA, one for the root; so `host.test. A 192.0.2.1` is a whole file.
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

/* The spec does not turn DNSSEC off, but there is no root anchor: no answer is ever bogus or
 * secure. */
bool dns_resolver_lacks_anchor(const char *spec);
#define DNS_RESOLVER_ANCHOR_CURE                                                                   \
	"apt install dns-root-data, or without DNSSEC write: resolver = '%s,anchor=none'"

/* Has the zone file's size, time or inode changed since it was read?  A missing file counts as
 * unchanged. */
bool dns_resolver_changed(const struct dns_resolver *r);

/* Reads the zone's text into `out`, and its size, time and inode into r->seen.  False: config. */
bool dns_resolver_read_zone(struct dns_resolver *r, struct buf *out, struct err *e);

/* unbound.conf for this resolver; zone_path: where a copy of the zone can be read. */
void dns_resolver_config(const struct dns_resolver *r, const char *zone_path, struct buf *out);

#endif
