/* letter — what becomes of a letter when its deliveries and its time end.
 *
 * Pure policy, as oms/policy/delivery.h.  A letter is
 *
 *	kept       its body is here, because a delivery is open
 *	outcome    every delivery is over: the body goes, the record stays for the outbox
 *	forgotten  nothing of it is left
 *
 *	state      a delivery is over      hold_until      forget
 *	kept       kept, or outcome        expire          -
 *	outcome    -                       -               forgotten
 *
 * kept becomes outcome with its last open delivery, and is forgotten OMS_OUTCOME_S after that.  "expire": the
 * open deliveries expire, and the last of them makes it an outcome.
 *
 * Units: _s is wall time; sizes in octets.
 */
#ifndef OMS_POLICY_LETTER_H
#define OMS_POLICY_LETTER_H

#include "common/base/err.h"

#define OMS_OUTCOME_S (30 * 86400) /* outcomes stay in the outbox this long */

struct oms_life {
	uint32_t open;    /* deliveries that are not over */
	bool body;        /* the body is kept: the letter is kept */
	int64_t forget_s; /* of an outcome */
};

/* It begins with so many deliveries that are not over: kept, or without any an outcome. */
struct oms_life oms_life_begin(size_t open, int64_t now_s);

/* One of its deliveries is over.  True: it was the last, the letter is an outcome now.  Its body goes, its
 * user's share has a letter less, and its end is to be looked at again at forget_s. */
bool oms_life_delivery_over(struct oms_life *l, int64_t now_s);

enum oms_end { OMS_END_NONE, OMS_END_EXPIRE, OMS_END_FORGET };

/* What is to be done with the letter at one of its ends.  An end at another time is out of date: the letter
 * was settled since, or is kept longer. */
enum oms_end oms_life_end(const struct oms_life *l, int64_t hold_until_s, int64_t now_s);

/* May its body be served?  e: gone. */
bool oms_life_may_be_served(const struct oms_life *l, int64_t hold_until_s, int64_t now_s,
    struct err *e);

#endif
