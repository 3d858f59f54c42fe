/* body_source — reads a letter's octets from its file; see body.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/store/body_private.h"

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
body_source(struct bodies *s, const char *name, struct source **out, struct err *e)
{
	struct file *f;
	int fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(e, REFUSAL_storage, errno, "a letter's file cannot be read");
	f = memory_new(sizeof *f);
	f->source = (struct source) { .read = read_file, .free = free_file };
	f->fd = fd;
	*out = &f->source;
	return true;
}
