/* file — see file.h. */
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
