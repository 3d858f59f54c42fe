/* sts_policy — what a domain publishes by MTA-STS: its TXT record and its policy's text, read.  Pure.
 *
 * Users: common/sts/sts.h; the OMS asks sts_policy_allows before it talks to an MX host.
 * Spec:  RFC 8461 3.1, 3.2, 4.1.  Empty lines are allowed: a policy that is not understood protects nobody.
 * Trust: every octet is a stranger's.
 */
#ifndef COMMON_STS_STS_POLICY_H
#define COMMON_STS_STS_POLICY_H

#include "common/base/err.h"

#define STS_ID_BYTES  33       /* with the NUL */
#define STS_TEXT_MAX  65536    /* octets of a policy */
#define STS_AGE_MAX_S 31557600 /* a year; more counts as this */

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age_s;
	struct span text; /* borrowed: what was parsed */
};

/* rdata: the TXT records at _mta-sts.DOMAIN.  False: not exactly one of them is of version STSv1 with an id, so the
 * domain has no policy. */
bool sts_record_read(const struct span *rdata, size_t n, char id[STS_ID_BYTES]);

/* False: bad_reply. */
bool sts_policy_parse(struct span text, struct sts_policy *p, struct err *e);

/* Does the policy name this MX host (A-labels)?  `*` is a whole leftmost label.  False: sts_mismatch; what that
 * means depends on the mode. */
bool sts_policy_allows(const struct sts_policy *p, const char *host, struct err *e);
const char *sts_mode_word(enum sts_mode m); /* "none", "testing", "enforce" */

#endif
