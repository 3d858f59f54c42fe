/* measure — sizes, dates and ids as people read and type them; see measure.h. */
#include "mc/measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/ulid.h"

#define DAY_S 86400

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };

void
measure_size(char out[MEASURE_BYTES], uint64_t octets)
{
	static const char units[] = "kMGTPE";
	double n = (double)octets;
	size_t u = 0;
	int len;

	if (octets < 1024) {
		snprintf(out, MEASURE_BYTES, "%" PRIu64, octets);
		return;
	}
	for (n /= 1024; n >= 1023.5 && u < sizeof units - 2; u++)
		n /= 1024;
	len = snprintf(out, MEASURE_BYTES, "%.*f", n < (u == 0 ? 9.95 : 99.95) ? 1 : 0, n);
	if (len > 2 && strcmp(out + len - 2, ".0") == 0)
		len -= 2;
	snprintf(out + len, MEASURE_BYTES - (size_t)len, "%c", units[u]);
}

static struct tm
local(int64_t wall_s)
{
	time_t t = (time_t)wall_s;
	struct tm tm = { 0 };

	localtime_r(&t, &tm);
	return tm;
}

void
measure_when(char out[MEASURE_BYTES], int64_t wall_s, int64_t now_s)
{
	struct tm t = local(wall_s), now = local(now_s);

	if (t.tm_year == now.tm_year && t.tm_yday == now.tm_yday)
		snprintf(out, MEASURE_BYTES, "%02d:%02d", t.tm_hour, t.tm_min);
	else if (wall_s < now_s && now_s - wall_s < 6 * DAY_S)
		snprintf(out, MEASURE_BYTES, "%s", days[t.tm_wday]);
	else if (t.tm_year == now.tm_year)
		snprintf(out, MEASURE_BYTES, "%d %s", t.tm_mday, months[t.tm_mon]);
	else
		snprintf(out, MEASURE_BYTES, "%s %d", months[t.tm_mon], t.tm_year + 1900);
}

void
measure_day(char out[MEASURE_BYTES], int64_t wall_s, int64_t now_s)
{
	struct tm t = local(wall_s), now = local(now_s);

	if (t.tm_year == now.tm_year)
		snprintf(out, MEASURE_BYTES, "%d %s", t.tm_mday, months[t.tm_mon]);
	else
		snprintf(out, MEASURE_BYTES, "%d %s %d", t.tm_mday, months[t.tm_mon],
		    t.tm_year + 1900);
}

static void
zone(char out[6], const struct tm *t)
{
	long minutes = t->tm_gmtoff / 60, m = minutes < 0 ? -minutes : minutes;

	snprintf(out, 6, "%c%02d%02d", minutes < 0 ? '-' : '+', (int)(m / 60 % 24), (int)(m % 60));
}

void
measure_full(char out[MEASURE_BYTES], int64_t wall_s)
{
	struct tm t = local(wall_s);
	char z[6];

	zone(z, &t);
	snprintf(out, MEASURE_BYTES, "%s %d %s %d %02d:%02d %s", days[t.tm_wday], t.tm_mday,
	    months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, z);
}

void
measure_rfc5322(char out[MEASURE_BYTES], int64_t wall_s)
{
	struct tm t = local(wall_s);
	char z[6];

	zone(z, &t);
	snprintf(out, MEASURE_BYTES, "%s, %d %s %d %02d:%02d:%02d %s", days[t.tm_wday], t.tm_mday,
	    months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec, z);
}

void
measure_left(char out[MEASURE_BYTES], int64_t wall_s, int64_t now_s)
{
	int64_t left = wall_s - now_s;

	if (left <= 0)
		snprintf(out, MEASURE_BYTES, "now");
	else if (left >= 2 * DAY_S)
		snprintf(out, MEASURE_BYTES, "%" PRId64 " days", left / DAY_S);
	else if (left >= 2 * 3600)
		snprintf(out, MEASURE_BYTES, "%" PRId64 " hours", left / 3600);
	else
		snprintf(out, MEASURE_BYTES, "%" PRId64 " min", (left + 59) / 60);
}

void
measure_id(char out[MEASURE_BYTES], struct span id)
{
	if (id.n < 8 || id.n >= MEASURE_BYTES)
		span_copy(span_sub(id, 0, MEASURE_BYTES - 1), out, MEASURE_BYTES);
	else
		snprintf(out, MEASURE_BYTES, "%.4s-%.4s", id.p + id.n - 8, id.p + id.n - 4);
}

static char
digit(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	return c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
}

size_t
measure_id_letters(const char *typed)
{
	size_t n = 0;

	for (; *typed != '\0'; typed++)
		n += *typed != '-';
	return n;
}

bool
measure_id_ends(struct span id, const char *typed)
{
	char want[ULID_STR_BYTES];
	size_t n = 0;

	for (; *typed != '\0'; typed++) {
		if (*typed == '-')
			continue;
		if (n == ULID_DIGITS)
			return false;
		want[n++] = digit(*typed);
	}
	return n >= MEASURE_ID_LEAST && n <= id.n &&
	    span_eq(span_sub(id, id.n - n, n), span_of(want, n));
}
