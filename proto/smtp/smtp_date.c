/* smtp_date — see smtp_date.h. */
#include "proto/smtp/smtp_date.h"

#include <stdio.h>
#include <string.h>

#include "common/base/ascii.h"
#include "common/base/clock.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* The next word: up to a blank, a comma or a colon, which are skipped. */
static struct span
next_word(struct span *rest)
{
	size_t n = 0;
	struct span word;

	while (rest->n > 0 && strchr(" \t\r\n,:", rest->p[0]) != NULL)
		*rest = span_sub(*rest, 1, rest->n);
	while (n < rest->n && strchr(" \t\r\n,:(", rest->p[n]) == NULL)
		n++;
	word = span_sub(*rest, 0, n);
	*rest = span_sub(*rest, n, rest->n);
	return word;
}

/* 1*`most` DIGIT */
static bool
digits(struct span s, size_t least, size_t most, int *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]))
			return false;
		*out = *out * 10 + (s.p[i] - '0');
		if (i >= most)
			return false;
	}
	return s.n >= least;
}

static bool
read_month(struct span s, int *out)
{
	for (*out = 1; *out <= 12; ++*out)
		if (span_eq_nocase(s, span_of(months + 3 * (*out - 1), 3)))
			return true;
	return false;
}

/* Seconds that local time is ahead of UTC. */
static bool
read_zone(struct span s, int64_t *ahead_s)
{
	int hhmm;

	*ahead_s = 0;
	if (span_eq_nocase(s, SPAN_LIT("GMT")) || span_eq_nocase(s, SPAN_LIT("UT")) ||
	    span_eq_nocase(s, SPAN_LIT("UTC")) || span_eq_nocase(s, SPAN_LIT("Z")))
		return true;
	if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-') ||
	    !digits(span_sub(s, 1, 4), 4, 4, &hhmm) || hhmm % 100 > 59)
		return false;
	*ahead_s = (hhmm / 100 * 60 + hhmm % 100) * INT64_C(60);
	if (s.p[0] == '-')
		*ahead_s = -*ahead_s;
	return true;
}

bool
smtp_date_read(struct span s, int64_t *wall_s)
{
	int day, month, year, hour, minute, second = 0;
	char iso[64];
	struct span word = next_word(&s), zone;
	int64_t ahead_s;

	if (!digits(word, 1, 2, &day))
		word = next_word(&s); /* after the name of the day */
	if (!digits(word, 1, 2, &day) || !read_month(next_word(&s), &month) ||
	    !digits(next_word(&s), 4, 4, &year) || !digits(next_word(&s), 2, 2, &hour) ||
	    !digits(next_word(&s), 2, 2, &minute))
		return false;
	zone = next_word(&s);
	if (digits(zone, 2, 2, &second))
		zone = next_word(&s);
	if (!read_zone(zone, &ahead_s))
		return false;
	if (second > 59)
		second = 59; /* a leap second */
	snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute,
	    second);
	if (!clock_parse_date(span_str(iso), wall_s))
		return false;
	*wall_s -= ahead_s;
	return *wall_s >= 0;
}
