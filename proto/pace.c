/* pace — the times of a server's session; see pace.h. */
#include "proto/pace.h"

#include "common/base/refusal.h"

void
pace_begin(struct pace *p, int64_t now_ms)
{
	if (p->born_ms == 0)
		p->born_ms = now_ms;
}

int64_t
pace_deadline(const struct pace *p, int64_t now_ms, int64_t entry_ms)
{
	int64_t idle = now_ms + p->limits->idle_ms, life = p->born_ms + p->limits->life_ms;
	int64_t first = idle < life ? idle : life;

	if (p->rate_ms != 0 && p->rate_ms < first)
		first = p->rate_ms;
	if (entry_ms != 0 && p->born_ms + entry_ms < first)
		first = p->born_ms + entry_ms;
	return first;
}

void
pace_payload(struct pace *p)
{
	p->came = 0;
	p->rate_ms = 0;
}

void
pace_came(struct pace *p, uint64_t n)
{
	p->came += n;
}

static void
begin_minute(struct pace *p, int64_t now_ms)
{
	p->rate_ms = now_ms + PACE_RATE_MS;
	p->rate_mark = p->came;
}

bool
pace_watch(struct pace *p, int64_t now_ms, bool due)
{
	if (due == (p->rate_ms != 0))
		return false;
	p->rate_ms = 0;
	if (due)
		begin_minute(p, now_ms);
	return true;
}

bool
pace_moved(struct pace *p, uint64_t offset)
{
	bool moved = offset != p->sent_to;

	p->sent_to = offset;
	return moved;
}

/* Over the last minute. */
static bool
is_slow(const struct pace *p)
{
	return RULE(too_slow) && p->came - p->rate_mark < PACE_RATE_OCTETS;
}

enum pace_verdict
pace_tick(struct pace *p, int64_t now_ms, bool patient)
{
	if (now_ms >= p->born_ms + p->limits->life_ms)
		return PACE_OLD;
	if (p->rate_ms != 0 && now_ms >= p->rate_ms) {
		if (is_slow(p))
			return PACE_SLOW;
		begin_minute(p, now_ms);
		return PACE_GOES_ON;
	}
	return patient || !RULE(idle) ? PACE_GOES_ON : PACE_IDLE;
}
