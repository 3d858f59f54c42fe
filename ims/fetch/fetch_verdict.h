/* fetch_verdict — what several targets of a sender's domain say about one letter, as one verdict.
 *
 * A letter is gone only where every target that the domain designates said so (SPEC.md 11): one that
 * cannot be reached may still hold it.  A target with several addresses has said so when one of
 * them did.  The order in which targets are asked does not matter.
 *
 * Pure.  Trust: each target was judged to be the sender's domain's before it was heard.
 */
#ifndef IMS_FETCH_FETCH_VERDICT_H
#define IMS_FETCH_FETCH_VERDICT_H

#include "common/base/err.h"

struct fetch_verdict {
	size_t target; /* the one that spoke last */
	bool any;      /* some target has spoken */
	bool gone;     /* that one said the letter is gone */
	bool kept;     /* another one did not */
	struct err last, other;
};

/* One address of a target, by its index, refused with *e.  The addresses of a target come together. */
void fetch_verdict_add(struct fetch_verdict *v, size_t target, const struct err *e);
/* After the last of them; whole: no designated target was left out.  *e becomes `gone`, or what a
 * target that did not say so said. */
void fetch_verdict_end(const struct fetch_verdict *v, bool whole, struct err *e);

#endif
