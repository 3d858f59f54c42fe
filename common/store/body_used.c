/* body_used — how many octets the files take: known from the last process until they are counted; see body_orphans.h.
 *
 * The number lies in a file beside the bodies, ".used", which is written when the folder is given up, when all files
 * are counted, and when the number has moved far enough.  It is no record: a crash leaves one that is a little old, and
 * the count corrects it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/span.h"
#include "common/store/body_private.h"

#define FILE_NAME ".used"
#define STEP_MOST                                                                                  \
	((uint64_t)64 << 20) /* octets by which the number may move before it is written */

void
body_used_open(struct bodies *b)
{
	int fd = openat(b->folder, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[24];
	ssize_t got;
	uint64_t n;

	if (fd >= 0) {
		got = read(fd, text, sizeof text);
		if (got > 1 && text[got - 1] == '\n' &&
		    span_u64(span_of(text, (size_t)got - 1), &n) && n <= b->limit)
			b->known = n;
		close(fd);
	}
	atomic_init(&b->used, b->known);
	atomic_init(&b->saved, b->known);
}

uint64_t
bodies_used(void *bodies)
{
	return atomic_load(&((struct bodies *)bodies)->used);
}

/* An empty folder has no such file. */
static void
save(struct bodies *b)
{
	uint64_t used = bodies_used(b);
	char text[24];
	int fd, n;

	if (atomic_exchange(&b->saved, used) == used)
		return;
	if (used == 0) {
		unlinkat(b->folder, FILE_NAME, 0);
		return;
	}
	fd = openat(b->folder, FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return;
	n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)used);
	(void)!write(fd, text, (size_t)n); /* the next one may go well */
	close(fd);
}

void
body_used_moved(struct bodies *b)
{
	uint64_t used = bodies_used(b), saved = atomic_load(&b->saved), step = b->limit / 64;

	if (step > STEP_MOST)
		step = STEP_MOST;
	if ((used > saved ? used - saved : saved - used) > step)
		save(b);
}

void
body_used_count(struct bodies *b, uint64_t octets)
{
	uint64_t before = b->counted > b->known ? b->counted : b->known;

	b->counted += octets;
	if (b->counted > before)
		atomic_fetch_add(&b->used, b->counted - before);
}

void
body_used_counted(struct bodies *b)
{
	if (b->counted < b->known)
		atomic_fetch_sub(&b->used, b->known - b->counted);
	save(b);
}

void
body_used_close(struct bodies *b)
{
	save(b);
}
