/* retry — intervals that double; see retry.h. */
#include "oms/policy/retry.h"

#include "common/base/refusal.h"

struct interval {
	int64_t first_ms, max_ms;
};

static const struct interval intervals[] = {
	[OMS_ROAD_NATIVE] = { OMS_RETRY_NATIVE_MS, OMS_RETRY_NATIVE_MAX_MS },
	[OMS_ROAD_SMTP] = { OMS_RETRY_SMTP_MS, OMS_RETRY_SMTP_MAX_MS },
};

int64_t
oms_retry_ms(enum oms_road road, uint64_t tries, uint32_t random)
{
	int64_t ms = intervals[road].first_ms;

	for (; tries > 0 && ms < intervals[road].max_ms; tries--)
		ms *= 2;
	if (ms > intervals[road].max_ms)
		ms = intervals[road].max_ms;
	return ms - ms / 4 * (int64_t)(random % 1024) / 1024;
}

int64_t
oms_retry_next_ms(const struct oms_retry *r)
{
	int64_t next_ms = r->now_ms + oms_retry_ms(r->road, r->tries, r->random);
	int64_t end_ms = r->born_ms + r->give_up_s * 1000;

	if (r->road == OMS_ROAD_NATIVE)
		return next_ms;
	if (end_ms > r->hold_until_s * 1000)
		end_ms = r->hold_until_s * 1000;
	if (RULE(given_up) && r->now_ms >= end_ms)
		return 0;
	return next_ms < end_ms ? next_ms : end_ms;
}

int64_t
oms_retry_max_ms(enum oms_road road)
{
	return intervals[road].max_ms;
}
