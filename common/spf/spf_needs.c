/* spf_needs — the DNS questions of one evaluation, and its end; see spf_guard.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/spf/spf_guard_private.h"

void
spf_guard_end(struct spf_guard *g, enum spf_result result, const char *why)
{
	if (g->over)
		return;
	g->over = true;
	g->result = result;
	span_copy(span_sub(span_str(why), 0, sizeof(g->why) - 1), g->why, sizeof(g->why));
}

/* -- for the caller, which asks DNS --------------------------------------------------------------- */

struct spf_need *
spf_guard_ask(struct spf_guard *g)
{
	for (size_t i = 0; !g->over && i < g->n_needs; i++) {
		if (g->needs[i]->asked)
			continue;
		g->needs[i]->asked = true;
		return g->needs[i];
	}
	return NULL;
}

void
spf_guard_answer(struct spf_guard *g, struct spf_need *need, const struct dns_answer *a)
{
	size_t at = 0;

	need->known = true;
	need->status = a->status;
	if (a->status <= DNS_NXDOMAIN && a->ttl_s < g->ttl_s)
		g->ttl_s = a->ttl_s;
	if (a->n == 0)
		return;
	need->rdata = memory_array(a->n, sizeof(*need->rdata));
	need->n = a->n;
	for (size_t i = 0; i < a->n; i++)
		buf_add(&need->octets, a->rdata[i].p, a->rdata[i].n);
	for (size_t i = 0; i < a->n; i++) {
		need->rdata[i] = span_sub(buf_span(&need->octets), at, a->rdata[i].n);
		at += a->rdata[i].n;
	}
}

/* -- for the judges ------------------------------------------------------------------------------ */

struct spf_need *
spf_guard_need(struct spf_guard *g, const char *name, enum dns_type type)
{
	struct spf_need *need;

	for (size_t i = 0; i < g->n_needs; i++)
		if (g->needs[i]->type == type &&
		    span_eq_nocase(span_str(g->needs[i]->name), span_str(name)))
			return g->needs[i];
	if (g->n_needs == SPF_QUERIES_MAX) {
		spf_guard_end(g, SPF_PERMERROR, "the record asks too many DNS questions");
		return NULL;
	}
	need = memory_new(sizeof(*need));
	g->needs = memory_resize(g->needs, g->n_needs + 1, sizeof(struct spf_need *));
	span_copy(span_str(name), need->name, sizeof(need->name));
	need->type = type;
	g->needs[g->n_needs++] = need;
	return need;
}

static enum spf_guard_answer
temperror(struct spf_guard *g, const struct spf_need *need)
{
	char why[ERR_TEXT_BYTES];

	snprintf(why, sizeof(why), "DNS %s for %s",
	    need->status == DNS_BOGUS ? "has a broken DNSSEC signature" : "does not answer",
	    need->name);
	spf_guard_end(g, SPF_TEMPERROR, why);
	return SPF_GUARD_OVER;
}

enum spf_guard_answer
spf_guard_fetch(struct spf_guard *g, const char *name, enum dns_type type, unsigned *voids,
    struct spf_need **out)
{
	struct spf_need *need = spf_guard_need(g, name, type);

	*out = need;
	if (need == NULL)
		return SPF_GUARD_OVER;
	if (!need->known)
		return SPF_GUARD_PENDING;
	if (need->status == DNS_FAILED || need->status == DNS_BOGUS)
		return temperror(g, need);
	if (need->status != DNS_OK) {
		(*voids)++;
		return SPF_GUARD_NO;
	}
	return SPF_GUARD_YES;
}
