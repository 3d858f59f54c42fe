/* clock — clocks and dates; see clock.h. */
#include "common/base/clock.h"

#include <time.h>


static int64_t
read_clock(clockid_t id)
{
	struct timespec	 t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

void
clock_date(int64_t wall_s, char out[CLOCK_DATE_BYTES])
{
	time_t		 t = wall_s < 0 ? 0 : wall_s > 253402300799 ? 253402300799 : (time_t)wall_s;
	struct tm	 tm;

	gmtime_r(&t, &tm);
	strftime(out, CLOCK_DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* All digits where the form has 'd', the very octet elsewhere. */
static bool
has_form(struct span s, const char *form)
{
	for (size_t i = 0; i < s.n; i++)
		if (form[i] == 'd' ? s.p[i] < '0' || s.p[i] > '9' : s.p[i] != form[i])
			return false;
	return true;
}

static int
number(struct span s, size_t at, size_t n)
{
	int	 v = 0;

	for (size_t i = at; i < at + n; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

/* A day that is not there (31 April) comes back as another one, and is refused by that. */
bool
clock_parse_date(struct span s, int64_t *wall_s)
{
	struct tm	 tm = { 0 };
	char		 again[CLOCK_DATE_BYTES];

	if (s.n != CLOCK_DATE_BYTES - 1 || !has_form(s, "dddd-dd-ddTdd:dd:ddZ"))
		return false;
	tm.tm_year = number(s, 0, 4) - 1900;
	tm.tm_mon = number(s, 5, 2) - 1;
	tm.tm_mday = number(s, 8, 2);
	tm.tm_hour = number(s, 11, 2);
	tm.tm_min = number(s, 14, 2);
	tm.tm_sec = number(s, 17, 2);
	*wall_s = timegm(&tm);
	clock_date(*wall_s, again);
	return span_eq(s, span_str(again));
}
