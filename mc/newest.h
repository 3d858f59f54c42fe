/* newest — keeps the newest letters of an outbox, which arrives oldest first, up to a limit.
 *
 * Owner: it takes each letter that it is given, and frees those that it drops.
 */
#ifndef MC_NEWEST_H
#define MC_NEWEST_H

#include "mc/submission.h"

#define NEWEST_LETTERS_MAX 200000

struct newest {
	struct sent_letter *letters;
	size_t n, max;
	size_t oldest;    /* its index, once all places are taken */
	uint64_t dropped; /* older letters that were given */
};

void newest_init(struct newest *b, size_t max);
void newest_clear(struct newest *b);
/* Takes the letter; where there is no more room, drops the oldest. */
void newest_take(struct newest *b, struct sent_letter *l);
/* The i-th from the newest on; i < n. */
const struct sent_letter *newest_at(const struct newest *b, size_t i);

#endif
