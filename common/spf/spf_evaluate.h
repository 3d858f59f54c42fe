/* spf_evaluate — lets libspf2 combine what the guard has judged.
 *
 * libspf2 sees the guard's canonical text and a fixed client address.  It asks only for names of the
 * form `N.g`, and the guard answers them.
 */
#ifndef COMMON_SPF_SPF_EVALUATE_H
#define COMMON_SPF_SPF_EVALUATE_H

#include "common/spf/spf_guard.h"

struct spf_evaluator;

void spf_evaluator_new(struct spf_evaluator **s);
void spf_evaluator_free(struct spf_evaluator **s);

/* One run from the start.  True: the guard is over and holds the result.  False: answers are missing
 * (spf_guard_ask); run again when they have come. */
bool spf_evaluate(struct spf_evaluator *s, struct spf_guard *g);

#endif
