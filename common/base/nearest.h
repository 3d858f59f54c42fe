/* nearest — the word that was probably meant.
 *
 * Edit distance with transpositions (optimal string alignment), for command words, options and
 * configuration keys that do not exist.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "common/base/span.h"

#define NEAREST_DISTANCE_MAX 2  /* a word farther away is not suggested */
#define NEAREST_WORD_BYTES   64 /* longer words have no nearest word */
#define NEAREST_FAR          (2 * NEAREST_WORD_BYTES)

/* Insertions, deletions, changes and swaps of neighbours from a to b; NEAREST_FAR where one of
 * them is too long. */
unsigned nearest_distance(struct span a, struct span b);

/* Remembers the best of the candidates offered to it. */
struct nearest {
	struct span word;
	const char *best;         /* borrowed from nearest_offer; NULL: none is near */
	const char *least_far;    /* the nearest of all, however far; NULL: none was offered */
	unsigned distance, least; /* of these two */
};

void nearest_init(struct nearest *n, struct span word);
void nearest_offer(struct nearest *n, const char *candidate); /* the first of equals stays */

#endif
