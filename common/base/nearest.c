/* nearest — the word that was probably meant; see nearest.h. */
#include "common/base/nearest.h"

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* One row of the table of distances between prefixes; `before` and `last` are the two rows above. */
static void
row(struct span a, struct span b, size_t i, const unsigned *before, const unsigned *last,
    unsigned *now)
{
	now[0] = (unsigned)i;
	for (size_t j = 1; j <= b.n; j++) {
		unsigned change = a.p[i - 1] == b.p[j - 1] ? 0 : 1;

		now[j] = least(last[j - 1] + change, least(last[j], now[j - 1]) + 1);
		if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
			now[j] = least(now[j], before[j - 2] + 1);
	}
}

unsigned
nearest_distance(struct span a, struct span b)
{
	unsigned rows[3][NEAREST_WORD_BYTES + 1];

	if (a.n > NEAREST_WORD_BYTES || b.n > NEAREST_WORD_BYTES)
		return span_eq(a, b) ? 0 : NEAREST_FAR;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++)
		row(a, b, i, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]);
	return rows[a.n % 3][b.n];
}

void
nearest_init(struct nearest *n, struct span word)
{
	*n = (struct nearest) { .word = word,
		.distance = NEAREST_DISTANCE_MAX + 1,
		.least = NEAREST_FAR + 1 };
}

void
nearest_offer(struct nearest *n, const char *candidate)
{
	struct span c = span_str(candidate);
	unsigned d = nearest_distance(n->word, c);

	/* A guess that shares nothing with the word is none: "ab" is 2 from every "cd". */
	if (d < n->distance && d < c.n && d < n->word.n) {
		n->distance = d;
		n->best = candidate;
	}
	if (d < n->least) {
		n->least = d;
		n->least_far = candidate;
	}
}
