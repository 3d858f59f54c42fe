/* downgrade — an unsigned absence is not believed at once; see downgrade.h. */
#include "oms/queue/downgrade.h"

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

struct sight {
	struct oms_store *store;
	struct domain domain;
	int64_t now_s;
	struct loop *loop;
};

/* A time beyond what we would write comes from a clock that ran fast.  A record that cannot be read is
 * replaced. */
static void
looked(void *arg, const struct oms_peer *p, const struct err *e)
{
	struct sight *w = arg;
	const int64_t new_s = w->now_s + DOWNGRADE_S + DOWNGRADE_RENEW_S;
	bool known = e == NULL && p->until_s >= w->now_s + DOWNGRADE_S && p->until_s <= new_s;

	if (!known && (e == NULL || e->why != REFUSAL_closing))
		oms_store_remember(w->store, w->domain.text, new_s, DOWNGRADE_DOMAINS_MAX, w->loop,
		    written, memory_text(w->domain.text));
	free(w);
}

void
downgrade_seen(struct oms_store *s, const char *domain, const struct designation *found,
    int64_t now_s, struct loop *l)
{
	struct sight *w;

	if (!found->named)
		return;
	w = memory_new(sizeof *w);
	*w = (struct sight) { s, domain_copy(domain), now_s, l };
	oms_store_peer(s, domain, l, looked, w);
}

static bool
is_absence(enum refusal why)
{
	return why == REFUSAL_no_designation || why == REFUSAL_no_such_domain ||
	    why == REFUSAL_takes_no_mail;
}

bool
downgrade_may_smtp(struct downgrade_memory m, bool secure, const struct err *why, int64_t now_s,
    struct err *e)
{
	if (!is_absence(why->why)) {
		*e = *why;
		return false;
	}
	if (secure)
		return true;
	if (m.unread != NULL) {
		*e = *m.unread;
		return false;
	}
	if (RULE(designation_vanished) && now_s < m.peer->until_s)
		return err_set(e, REFUSAL_designation_vanished,
		    "%s; it named servers lately, and DNSSEC does not vouch for the change",
		    why->text);
	return true;
}

/* A memory that cannot be read may hold the domain. */
bool
downgrade_refuses(struct downgrade_memory m, bool vouched, const struct err *why, int64_t now_s)
{
	if (!verdict_refuses_recipient(why->why))
		return false;
	return vouched || (m.unread == NULL && m.peer->until_s <= now_s);
}
