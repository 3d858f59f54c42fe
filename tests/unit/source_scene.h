/* source_scene — reads from a source of a loop, and runs the loop while the source waits. */
#ifndef TESTS_UNIT_SOURCE_SCENE_H
#define TESTS_UNIT_SOURCE_SCENE_H

#include "common/base/engine.h"
#include "common/loop/loop.h"

static inline void
source_wakes(void *loop)
{
	loop_stop(loop);
}

/* As source->read; never SOURCE_WAIT.  *waits counts, if not NULL. */
static inline ssize_t
source_read(struct source *s, struct loop *l, uint64_t offset, char *dst, size_t n, unsigned *waits)
{
	ssize_t got;

	s->wake = source_wakes;
	s->wake_arg = l;
	while ((got = s->read(s, offset, dst, n)) == SOURCE_WAIT) {
		if (waits != NULL)
			++*waits;
		loop_run(l);
	}
	return got;
}

#endif
