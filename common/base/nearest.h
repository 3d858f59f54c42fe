/* nearest — the word that was probably meant.
 *
 * Edit distance with transpositions (optimal string alignment), for command words, options and
 * configuration keys that nobody knows.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "common/base/span.h"

#define NEAREST_DISTANCE_MAX	2	/* farther than this, a guess helps nobody */
#define NEAREST_WORD_BYTES	64	/* longer words are near to nothing */

/* Insertions, deletions, changes and swaps of neighbours from a to b; NEAREST_DISTANCE_MAX + 1
 * for anything farther. */
unsigned	 nearest_distance(struct span a, struct span b);

/* Remembers the best of the candidates offered to it. */
struct nearest {
	struct span	 word;
	const char	*best;		/* borrowed from nearest_offer; NULL: none is near */
	unsigned	 distance;
};

void		 nearest_init(struct nearest *n, struct span word);
void		 nearest_offer(struct nearest *n, const char *candidate);	/* the first of equals stays */

#endif
