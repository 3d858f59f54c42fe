/* dns_context — one libunbound context, set up for a resolver spec and an event base.
 *
 * Part of dns.  libunbound is configured by files only; they are written to memory, and the zone is a copy
 * that it cannot see changing.  The first question is asked here, so that what is wrong shows at a start.
 * Threads: contexts may be made and freed by many at once.  Errors: config, os_error.
 */
#ifndef COMMON_DNS_DNS_CONTEXT_H
#define COMMON_DNS_DNS_CONTEXT_H

#include "common/base/err.h"

struct dns_resolver;
struct event_base;
struct ub_ctx;

/* Reads the zone, where there is one, and notes which it was.  NULL: *e says why. */
struct ub_ctx *dns_context_new(struct dns_resolver *r, struct event_base *base, struct err *e);
/* Calls back for each question that is open.  Never from inside libunbound. */
void dns_context_free(struct ub_ctx *ub);

#endif
