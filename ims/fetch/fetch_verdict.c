/* fetch_verdict — see fetch_verdict.h. */
#include "ims/fetch/fetch_verdict.h"

static bool
says_gone(enum refusal why)
{
	return why == REFUSAL_gone || why == REFUSAL_unknown_id;
}

void
fetch_verdict_add(struct fetch_verdict *v, size_t target, const struct err *e)
{
	if (v->any && target != v->target && !v->gone) {
		v->kept = true;
		v->other = v->last;
	}
	if (!v->any || target != v->target)
		v->gone = false;
	v->any = true;
	v->target = target;
	if (says_gone(e->why))
		v->gone = true;
	else if (!v->gone)
		v->last = *e;
}

void
fetch_verdict_end(const struct fetch_verdict *v, bool whole, struct err *e)
{
	if (v->any && !v->gone)
		*e = v->last;
	else if (v->kept)
		*e = v->other;
	else if (!v->any || !whole)
		err_set(e, REFUSAL_unreachable,
		    "not every server of the sender's domain was asked");
	else
		err_set(e, REFUSAL_gone, "the sender's server no longer knows the letter");
}
