/* progress — shows the progress of a transfer in one line, which it overwrites; on a terminal only.
 *
 * Each transfer (to the user's server, from the sender, from the user's server) has its own bar,
 * label and speed.  Nothing is shown in the first half second, and no speed in the first second.
 */
#ifndef MC_PROGRESS_H
#define MC_PROGRESS_H

#include "mc/out.h"

#define PROGRESS_QUIET_MS 500
#define PROGRESS_SPEED_MS 1000
#define PROGRESS_EVERY_MS 200

struct progress {
	struct out *out; /* NULL: say nothing */
	const char *label;
	int64_t began_ms, drawn_ms; /* monotonic; 0: not yet */
	uint64_t first;             /* octets that were here when it began */
};

/* `label` is of static life, 12 columns at most. */
void progress_begin(struct progress *p, struct out *out, const char *label);
void progress_step(struct progress *p, uint64_t got, uint64_t octets);
void progress_end(struct progress *p); /* clears the line */

/* Adds the line itself for a width; speed in octets per second, 0: not shown. */
void progress_line(struct buf *b, const char *label, uint64_t got, uint64_t octets, uint64_t speed,
    size_t columns);

#endif
