/* letter — what becomes of a letter when its deliveries and its time end; see letter.h. */
#include "oms/policy/letter.h"

struct oms_life
oms_life_begin(size_t open, int64_t now_s)
{
	return (struct oms_life) {
		.open = (uint32_t)open,
		.body = open > 0,
		.forget_s = open > 0 ? 0 : now_s + OMS_OUTCOME_S,
	};
}

bool
oms_life_delivery_over(struct oms_life *l, int64_t now_s)
{
	if (l->open > 0)
		l->open--;
	if (l->open > 0 || !l->body)
		return false;
	l->body = false;
	l->forget_s = now_s + OMS_OUTCOME_S;
	return true;
}

enum oms_end
oms_life_end(const struct oms_life *l, int64_t hold_until_s, int64_t now_s)
{
	if (l->body)
		return hold_until_s <= now_s ? OMS_END_EXPIRE : OMS_END_NONE;
	return l->forget_s <= now_s ? OMS_END_FORGET : OMS_END_NONE;
}

bool
oms_life_may_be_served(const struct oms_life *l, int64_t hold_until_s, int64_t now_s, struct err *e)
{
	if (!l->body || (RULE(gone) && hold_until_s < now_s))
		return err_set(e, REFUSAL_gone, "it was kept until its time and is no longer here");
	return true;
}
