/* file — see file.h. */
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/memory.h"

bool
file_write(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n >= 0)
			s = span_sub(s, (size_t)n, s.n);
		else if (errno != EINTR)
			return false;
	}
	return true;
}

bool
file_has_no_reader(int fd)
{
	struct pollfd out = { fd, POLLOUT, 0 };

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

static bool
write_aside(const char *path, struct span s)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = file_write(fd, s) && fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

bool
file_replace(const char *folder, const char *name, struct span s, struct err *e)
{
	struct buf path = BUF_INIT, aside = BUF_INIT;
	bool ok;

	buf_addf(&path, "%s/%s", folder, name);
	buf_add(&path, "", 1);
	buf_addf(&aside, "%s/.%s.new", folder, name);
	buf_add(&aside, "", 1);
	ok = write_aside(aside.data, s) && rename(aside.data, path.data) == 0 &&
	    file_sync_folder(folder);
	if (!ok) {
		err_set_errno(e, REFUSAL_cannot_write, errno, "%s", path.data);
		unlink(aside.data);
	}
	buf_clear(&path);
	buf_clear(&aside);
	return ok;
}

bool
file_read(const char *path, size_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t before = out->len;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	while (out->len - before <= max && (n = read(fd, buf_room(out, 65536), 65536)) > 0)
		out->len += (size_t)n;
	close(fd);
	return n == 0 && out->len - before <= max;
}

bool
file_sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), cause;
	bool ok = fd >= 0 && fsync(fd) == 0;

	cause = errno;
	if (fd >= 0)
		close(fd);
	errno = cause;
	return ok;
}

bool
file_make_parents(const char *path, mode_t mode, struct err *e)
{
	char *part = memory_text(path), *at = part;
	bool ok = true;

	while (ok && *at != '\0' && (at = strchr(at + 1, '/')) != NULL) {
		*at = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			ok = err_set_errno(e, REFUSAL_cannot_write, errno, "the folder %s", part);
		*at = '/';
	}
	free(part);
	return ok;
}
