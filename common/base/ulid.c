/* ulid — a letter's id; see ulid.h. */
#include "common/base/ulid.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/random.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void
ulid_make(struct ulid *u, int64_t wall_ms, const unsigned char random[10])
{
	for (int i = 0; i < 6; i++)
		u->b[i] = (unsigned char)((uint64_t)wall_ms >> (40 - 8 * i));
	memcpy(u->b + 6, random, 10);
}

void
ulid_new(struct ulid *u)
{
	unsigned char random[10];

	random_bytes(random, sizeof random);
	ulid_make(u, clock_wall_ms(), random);
}

/* 26 digits hold 130 bits; the first holds the upper three of 128. */
void
ulid_str(const struct ulid *u, char out[ULID_STR_BYTES])
{
	unsigned bits = 0;
	int have = 2, at = 0;

	for (int i = 0; i < ULID_BYTES; i++) {
		bits = bits << 8 | u->b[i];
		for (have += 8; have >= 5; have -= 5)
			out[at++] = digits[bits >> (have - 5) & 31];
		bits &= (1u << have) - 1;
	}
	out[at] = '\0';
}

void
ulid_end(const struct ulid *u, char out[ULID_END_BYTES])
{
	char s[ULID_STR_BYTES];

	ulid_str(u, s);
	snprintf(out, ULID_END_BYTES, "%.4s-%.4s", s + ULID_DIGITS - 8, s + ULID_DIGITS - 4);
}

bool
ulid_parse(struct span s, struct ulid *u)
{
	unsigned bits = 0;
	int have = -2, at = 0;

	if (s.n != ULID_DIGITS || s.p[0] > '7')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const char *d = memchr(digits, s.p[i], sizeof digits - 1);

		if (d == NULL)
			return false;
		bits = bits << 5 | (unsigned)(d - digits);
		have += 5;
		if (have >= 8) {
			have -= 8;
			u->b[at++] = (unsigned char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	return true;
}

int64_t
ulid_wall_ms(const struct ulid *u)
{
	uint64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | u->b[i];
	return (int64_t)ms;
}

bool
ulid_eq(const struct ulid *a, const struct ulid *b)
{
	return memcmp(a->b, b->b, ULID_BYTES) == 0;
}
