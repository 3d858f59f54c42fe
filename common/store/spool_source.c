/* spool_source — reads a letter's octets from memory or a file; see spool.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/store/spool_private.h"

/* -- memory --------------------------------------------------------------------------------------- */

struct memory {
	struct source source; /* first */
	struct buf octets;
};

static ssize_t
read_memory(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct memory *m = (struct memory *)s;
	struct span piece;

	if (offset >= m->octets.len)
		return -1;
	piece = span_sub(buf_span(&m->octets), (size_t)offset, n);
	memcpy(dst, piece.p, piece.n);
	return (ssize_t)piece.n;
}

static void
free_memory(struct source *s)
{
	struct memory *m = (struct memory *)s;

	buf_clear(&m->octets);
	free(m);
}

struct source *
spool_source_copy(struct span octets)
{
	struct memory *m = memory_new(sizeof *m);

	m->source = (struct source) { read_memory, free_memory };
	buf_add(&m->octets, octets.p, octets.n);
	return &m->source;
}

/* -- a file --------------------------------------------------------------------------------------- */

struct file {
	struct source source; /* first */
	int fd;
};

static ssize_t
read_file(struct source *s, uint64_t offset, char *dst, size_t n)
{
	ssize_t got;

	do
		got = pread(((struct file *)s)->fd, dst, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got > 0 ? got : -1;
}

static void
free_file(struct source *s)
{
	close(((struct file *)s)->fd);
	free(s);
}

bool
spool_source_file(struct spool *s, const char *name, struct source **out, struct err *e)
{
	struct file *f;
	int fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(e, REFUSAL_storage, errno, "a letter's file cannot be read");
	f = memory_new(sizeof *f);
	f->source = (struct source) { read_file, free_file };
	f->fd = fd;
	*out = &f->source;
	return true;
}
