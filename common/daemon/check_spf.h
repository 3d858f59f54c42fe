/* check_spf — one SPF verdict for a person at a terminal: `ims check spf`, `oms check spf`.
 *
 * Runs a loop of its own until it has the verdict (at most 20 s); never used inside a daemon.
 */
#ifndef COMMON_DAEMON_CHECK_SPF_H
#define COMMON_DAEMON_CHECK_SPF_H

#include "common/base/buf.h"
#include "common/spf/spf.h"

struct check_spf {
	struct spf_verdict verdict; /* why and record point below */
	char why[ERR_TEXT_BYTES];
	struct buf record;
};

/* `resolver`: see dns.h.  `ip`: a numeric address.  False: usage (no such address), or config
 * (resolver).  Clear it after use in either case. */
bool check_spf_run(struct check_spf *c, const char *resolver, const char *ip, const char *helo,
    const char *from, struct err *e);
void check_spf_clear(struct check_spf *c);

#endif
