/* body_source — reads a letter's octets from its file; see body.h.
 *
 * A read that the page cache can answer is made at once.  Else one piece is read ahead on an offload thread,
 * where the file was opened and will be closed, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/body_private.h"

struct reader {
	struct source source; /* first */
	struct bodies *bodies;
	struct loop *loop;
	struct offload_job job; /* one at a time: opening, reading, closing */
	int fd;
	bool slow;   /* the file system cannot say what is in memory */
	bool busy;   /* the job has us */
	bool freed;  /* and will find this */
	bool failed; /* the octets cannot be read */
	/* the piece that was read ahead */
	char *piece; /* of BODY_PIECE_BYTES; NULL: none */
	uint64_t from;
	size_t have;
	/* opening */
	char name[BODY_NAME_BYTES];
	struct err why;
	body_opened *opened;
	void *arg;
};

/* -- the end -------------------------------------------------------------------------------------- */

/* The last close of a removed file frees its blocks, which takes time. */
static void
close_file(void *arg)
{
	struct reader *r = arg;

	if (r->fd >= 0)
		close(r->fd);
	bodies_free(&r->bodies);
	free(r->piece);
	free(r);
}

static void
destroy(struct reader *r)
{
	bodies_job(r->bodies, &r->job, NULL, close_file, NULL, r);
}

static void
free_reader(struct source *s)
{
	struct reader *r = (struct reader *)s;

	r->freed = true;
	if (!r->busy)
		destroy(r);
}

/* -- reading -------------------------------------------------------------------------------------- */

static void
read_piece(void *arg)
{
	struct reader *r = arg;
	ssize_t got;

	do
		got = pread(r->fd, r->piece, BODY_PIECE_BYTES, (off_t)r->from);
	while (got < 0 && errno == EINTR);
	r->failed = got <= 0;
	r->have = got > 0 ? (size_t)got : 0;
}

static void
piece_read(void *arg)
{
	struct reader *r = arg;

	r->busy = false;
	if (r->freed)
		destroy(r);
	else
		r->source.wake(r->source.wake_arg);
}

static ssize_t
begin_piece(struct reader *r, uint64_t offset)
{
	if (r->piece == NULL)
		r->piece = memory_new(BODY_PIECE_BYTES);
	r->from = offset;
	r->have = 0;
	r->busy = true;
	bodies_job(r->bodies, &r->job, r->loop, read_piece, piece_read, r);
	return SOURCE_WAIT;
}

static ssize_t
take_piece(struct reader *r, uint64_t offset, char *dst, size_t n)
{
	size_t at = (size_t)(offset - r->from), left = r->have - at;

	if (n > left)
		n = left;
	memcpy(dst, r->piece + at, n);
	if (n == left && !r->slow) {
		free(r->piece);
		r->piece = NULL;
		r->have = 0;
	}
	return (ssize_t)n;
}

/* 0: they are not in memory.  -1: they cannot be read. */
static ssize_t
read_cached(struct reader *r, uint64_t offset, char *dst, size_t n)
{
	struct iovec to = { dst, n };
	ssize_t got;

	if (r->slow)
		return 0;
	do
		got = preadv2(r->fd, &to, 1, (off_t)offset, RWF_NOWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
		r->slow = true;
	return got < 0 && (r->slow || errno == EAGAIN) ? 0 : -1;
}

static ssize_t
read_file(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct reader *r = (struct reader *)s;
	ssize_t got;

	if (r->busy)
		return SOURCE_WAIT;
	if (r->failed)
		return -1;
	if (offset >= r->from && offset - r->from < r->have)
		return take_piece(r, offset, dst, n);
	got = read_cached(r, offset, dst, n);
	return got == 0 ? begin_piece(r, offset) : got;
}

/* -- opening -------------------------------------------------------------------------------------- */

static void
open_file(void *arg)
{
	struct reader *r = arg;

	r->fd = openat(r->bodies->folder, r->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		err_set_errno(&r->why, REFUSAL_storage, errno, "a letter's file cannot be read");
}

static void
file_opened(void *arg)
{
	struct reader *r = arg;

	r->busy = false;
	if (r->fd >= 0) {
		r->opened(r->arg, &r->source, NULL);
		return;
	}
	r->opened(r->arg, NULL, &r->why);
	destroy(r);
}

void
body_open(struct bodies *b, const char *name, struct loop *l, body_opened *done, void *arg)
{
	struct reader *r = memory_new(sizeof *r);

	r->source = (struct source) { .read = read_file, .free = free_reader };
	r->bodies = bodies_ref(b);
	r->loop = l;
	r->fd = -1;
	snprintf(r->name, sizeof r->name, "%s", name);
	r->busy = true;
	r->opened = done;
	r->arg = arg;
	bodies_job(b, &r->job, l, open_file, file_opened, r);
}
