/* downgrade — an unsigned absence is not believed at once; see downgrade.h. */
#include "oms/notify/downgrade.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "oms/notify/verdict.h"

static void
written(void *arg, const struct err *e)
{
	if (e != NULL)
		log_fact_of(span_str(arg), LOG_WARN, "downgrade.store", "peer=%s word=%s text=%s",
		    log_str(arg), refusal_word(e->why), log_str(e->text));
	free(arg);
}

/* A time beyond what we would write comes from a clock that ran fast. */
void
downgrade_seen(struct oms_store *s, const char *domain, const struct designation *found,
    int64_t now_s, struct loop *l)
{
	const int64_t new_s = now_s + DOWNGRADE_S + DOWNGRADE_RENEW_S;
	struct oms_peer p;
	struct err e;

	if (!found->named ||
	    (oms_store_peer(s, domain, &p, &e) && p.until_s >= now_s + DOWNGRADE_S &&
		p.until_s <= new_s))
		return;
	oms_store_remember(s, domain, new_s, DOWNGRADE_DOMAINS_MAX, l, written,
	    memory_text(domain));
}

static bool
is_absence(enum refusal why)
{
	return why == REFUSAL_no_designation || why == REFUSAL_no_such_domain ||
	    why == REFUSAL_takes_no_mail;
}

bool
downgrade_may_smtp(struct oms_store *s, const char *domain, const struct designation *found,
    const struct err *why, int64_t now_s, struct err *e)
{
	struct oms_peer p;

	if (!is_absence(why->why)) {
		*e = *why;
		return false;
	}
	if (found->secure)
		return true;
	if (!oms_store_peer(s, domain, &p, e))
		return false;
	if (RULE(designation_vanished) && now_s < p.until_s)
		return err_set(e, REFUSAL_designation_vanished,
		    "%s; it named servers lately, and DNSSEC does not vouch for the change",
		    why->text);
	return true;
}

/* A memory that cannot be read may hold the domain. */
bool
downgrade_refuses(struct oms_store *s, const char *domain, const struct designation *found,
    const struct err *why, int64_t now_s)
{
	struct oms_peer p;
	struct err e;

	if (!verdict_refuses_recipient(why->why))
		return false;
	return found->vouched || (oms_store_peer(s, domain, &p, &e) && p.until_s <= now_s);
}
