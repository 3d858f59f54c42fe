/* clock — clocks and dates; see clock.h. */
#include "common/base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec t;

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

int64_t
clock_wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_steady_ms(void)
{
	static atomic_llong ahead; /* of the monotonic clock; 0: not known yet */
	int64_t mono = clock_mono_ms();
	long long none = 0;

	atomic_compare_exchange_strong(&ahead, &none, clock_wall_ms() - mono);
	return mono + atomic_load(&ahead);
}

static char *
digits(char *to, int n, int places, char then)
{
	for (int i = places; i-- > 0; n /= 10)
		to[i] = (char)('0' + n % 10);
	to[places] = then;
	return to + places + 1;
}

static struct tm
broken_down(int64_t wall_s)
{
	time_t t = wall_s < 0 ? 0 : wall_s > 253402300799 ? 253402300799 : (time_t)wall_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	return tm;
}

/* By hand: strftime takes more time than all of this. */
void
clock_date(int64_t wall_s, char out[CLOCK_DATE_BYTES])
{
	struct tm tm = broken_down(wall_s);

	out = digits(out, tm.tm_year + 1900, 4, '-');
	out = digits(out, tm.tm_mon + 1, 2, '-');
	out = digits(out, tm.tm_mday, 2, 'T');
	out = digits(out, tm.tm_hour, 2, ':');
	out = digits(out, tm.tm_min, 2, ':');
	*digits(out, tm.tm_sec, 2, 'Z') = '\0';
}

/* By hand: strftime's names are those of the locale. */
void
clock_mail_date(int64_t wall_s, char out[CLOCK_MAIL_DATE_BYTES])
{
	static const char names[] = "SunMonTueWedThuFriSatJanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = broken_down(wall_s);

	memcpy(out, names + tm.tm_wday * (ptrdiff_t)3, 3);
	memcpy(out + 3, ", ", 2);
	out = digits(out + 5, tm.tm_mday, 2, ' ');
	memcpy(out, names + 21 + tm.tm_mon * (ptrdiff_t)3, 3);
	out[3] = ' ';
	out = digits(out + 4, tm.tm_year + 1900, 4, ' ');
	out = digits(out, tm.tm_hour, 2, ':');
	out = digits(out, tm.tm_min, 2, ':');
	out = digits(out, tm.tm_sec, 2, ' ');
	memcpy(out, "+0000", 6);
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
	int v = 0;

	for (size_t i = at; i < at + n; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

/* 1 <= month <= 12 */
static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 to the first of the month, Gregorian; months counted from March on, so that
 * the leap day is the year's last. */
static int64_t
days_before(int year, int month)
{
	int y = month <= 2 ? year - 1 : year;
	int m = month <= 2 ? month + 9 : month - 3;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 - 719468;
}

/* Written out: timegm, and a look whether the day came back as it was, costs 50 times as much,
 * and every statement has two dates. */
bool
clock_parse_date(struct span s, int64_t *wall_s)
{
	int year, month, day, hour, minute, second;

	if (s.n != CLOCK_DATE_BYTES - 1 || !has_form(s, "dddd-dd-ddTdd:dd:ddZ"))
		return false;
	year = number(s, 0, 4);
	month = number(s, 5, 2);
	day = number(s, 8, 2);
	hour = number(s, 11, 2);
	minute = number(s, 14, 2);
	second = number(s, 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
	    hour > 23 || minute > 59 || second > 59)
		return false;
	*wall_s = (days_before(year, month) + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}
