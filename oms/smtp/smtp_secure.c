/* smtp_secure — what vouches for an MX host; see smtp_secure.h. */
#include "oms/smtp/smtp_secure.h"

#include <stdio.h>

static bool
dane_matches(const struct smtp_secure_facts *f)
{
	return f->dane == DANE_MATCH_EE || f->dane == DANE_MATCH_TA;
}

/* Is it revoked, or is that not known? */
static enum refusal
revoked(const struct smtp_secure_facts *f)
{
	const enum refusal words[] = { f->ca, f->revocation };

	for (size_t i = 0; i < 2; i++)
		if (words[i] == REFUSAL_certificate_revoked ||
		    words[i] == REFUSAL_revocation_unknown)
			return words[i];
	return REFUSAL_NONE;
}

static bool
waits(enum refusal why, const char *host, const char *then, struct err *e)
{
	return err_set(e, why, "%s: %s%s", host, refusal_sentence(why), then);
}

bool
smtp_secure_goes(const struct smtp_secure_facts *f, const char *host, struct err *e)
{
	if (RULE(dane_mismatch) && f->dane == DANE_MISMATCH)
		return waits(REFUSAL_dane_mismatch, host, "", e);
	if (RULE(certificate_revoked) && revoked(f) != REFUSAL_NONE)
		return waits(revoked(f), host, "", e);
	if (f->ca == REFUSAL_NONE)
		return true;
	if (f->policy)
		return waits(f->ca, host, ", and an MTA-STS policy is in force", e);
	if (f->mode == CONF_REPORT_ONLY || (dane_matches(f) && f->dane_mode == CONF_DANE_ENOUGH))
		return true;
	if (RULE(dane_only) && dane_matches(f))
		return err_set(e, REFUSAL_dane_only, "%s: its TLSA records match, but %s", host,
		    refusal_sentence(f->ca));
	return waits(f->ca, host, "", e);
}

static void
write_names(bool ca, bool dane, bool sts, char out[SMTP_SECURE_BYTES])
{
	snprintf(out, SMTP_SECURE_BYTES, "%s%s%s%s%s", ca ? "ca" : "", ca && dane ? "+" : "",
	    dane ? "dane" : "", (ca || dane) && sts ? "+" : "", sts ? "sts" : "");
	if (*out == '\0')
		snprintf(out, SMTP_SECURE_BYTES, "tls");
}

void
smtp_secure_reached(const struct smtp_secure_facts *f, char out[SMTP_SECURE_BYTES])
{
	write_names(f->ca == REFUSAL_NONE, dane_matches(f), f->policy && f->ca == REFUSAL_NONE,
	    out);
}

void
smtp_secure_wanted(const struct smtp_secure_facts *f, char out[SMTP_SECURE_BYTES])
{
	bool dane = dane_matches(f) || f->dane == DANE_MISMATCH;

	write_names(f->policy ||
		(f->mode == CONF_ENFORCE && !(dane && f->dane_mode == CONF_DANE_ENOUGH)),
	    dane, f->policy, out);
}

bool
smtp_secure_may_try(const char *host, enum tlsa_status tlsa, const struct sts_policy *policy,
    struct err *e)
{
	if (RULE(tlsa_unknown) && tlsa == TLSA_FAILED)
		return waits(REFUSAL_tlsa_unknown, host, "", e);
	return policy == NULL || policy->mode != STS_ENFORCE || !RULE(sts_mismatch) ||
	    sts_policy_allows(policy, host, e);
}
