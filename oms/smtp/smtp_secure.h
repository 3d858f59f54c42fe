/* smtp_secure — may letters go to a host by SMTP, by what vouches for it?  Pure.
 *
 * Three may vouch for an MX host: a CA for its certificate and name, DNSSEC for its TLSA records (DANE), and the
 * domain's MTA-STS policy for its name.  Whatever of these is published must hold; none excuses another, but for
 * what the operator has set.  A certificate that is revoked never passes, nor one of which that is not known.
 *
 * Spec:   SPEC.md 18 "What vouches for an MX host", whose table is the unit test; RFC 7672, RFC 8461.
 *         enforce          A CA vouches; TLSA records that count match; a policy in force names the host.
 *                          What DANE alone would pass waits as dane_only.
 *         dane enough      TLSA records that match replace the CA, but not the MTA-STS policy.
 *         report-only      Any certificate passes, if no policy is in force; TLSA records must match as ever.
 * Trust:  the facts come from the peer, its DNS and its web server; the modes are the operator's.
 */
#ifndef OMS_SMTP_SMTP_SECURE_H
#define OMS_SMTP_SMTP_SECURE_H

#include "common/conf/conf.h"
#include "common/dns/tlsa.h"
#include "common/pki/dane.h"
#include "common/sts/sts_policy.h"

#define SMTP_SECURE_BYTES 16 /* "ca+dane+sts" and a NUL */

struct smtp_secure_facts {
	enum refusal ca; /* of the certificate for the host's name; REFUSAL_NONE: it is good */
	enum refusal revocation; /* the same without the name; only the words of revocation count */
	enum dane_outcome dane;
	bool policy; /* one of MTA-STS is in force, and names the host */
	enum conf_mode mode;
	enum conf_dane dane_mode;
};

/* False: *e is the word to wait with.  Its text names the host. */
bool smtp_secure_goes(const struct smtp_secure_facts *f, const char *host, struct err *e);
/* Which of them hold: "ca", "ca+dane", "ca+sts", "dane" ...; "tls": none. */
void smtp_secure_reached(const struct smtp_secure_facts *f, char out[SMTP_SECURE_BYTES]);
/* Which of them are wanted, in the same form. */
void smtp_secure_wanted(const struct smtp_secure_facts *f, char out[SMTP_SECURE_BYTES]);

/* Before the host is talked to.  False: *e is tlsa_unknown or sts_mismatch, and the host is left out. */
bool smtp_secure_may_try(const char *host, enum tlsa_status tlsa, const struct sts_policy *policy,
    struct err *e);

#endif
