/* dns_context — one libunbound context, set up for a resolver spec and an event base.
 *
 * Part of dns.  libunbound reads its configuration from files only, so they are written to memory.  The
 * zone is a copy, so libunbound never sees it change.  The first question is asked here, so that a
 * wrong configuration shows at the start.
 * Threads: several threads may make and free contexts at once.  Errors: config, os_error.
 */
#ifndef COMMON_DNS_DNS_CONTEXT_H
#define COMMON_DNS_DNS_CONTEXT_H

#include "common/base/err.h"

struct dns_resolver;
struct event_base;
struct ub_ctx;

/* Reads the zone file, if there is one, and notes its size and time.  NULL: *e says why. */
struct ub_ctx *dns_context_new(struct dns_resolver *r, struct event_base *base, struct err *e);
/* Calls back for each open question.  Must not be called from inside libunbound. */
void dns_context_free(struct ub_ctx *ub);

#endif
