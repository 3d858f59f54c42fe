/* write_count — preloaded, counts what a process writes to its files: the file that WRITE_COUNT names begins
 * with words of the machine, in this order: calls of pwrite, pwritev, fdatasync, fsync and msync, the octets that
 * the first two wrote, and calls of getrandom.  Sockets are not written by these calls. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PWRITE, PWRITEV, FDATASYNC, FSYNC, MSYNC, OCTETS, GETRANDOM, COUNTS };

static _Atomic uint64_t nowhere[COUNTS], *count = nowhere;

/* clang-format off */
#define CALLS(x) \
	x(PWRITE, ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at)) \
	x(PWRITE, ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at)) \
	x(PWRITEV, ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at)) \
	x(PWRITEV, ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at)) \
	x(FDATASYNC, int, fdatasync, (int fd), (fd)) \
	x(FSYNC, int, fsync, (int fd), (fd)) \
	x(MSYNC, int, msync, (void *p, size_t n, int flags), (p, n, flags)) \
	x(GETRANDOM, ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags))
/* clang-format on */

#define DECLARE(what, type, name, parameters, arguments)                                           \
	typedef type name##_fn parameters;                                                         \
	name##_fn name;                                                                            \
	static name##_fn *next_##name;
CALLS(DECLARE)

/* Libraries that are opened before this one may make calls; those count nowhere. */
__attribute__((constructor)) static void
write_count_open(void)
{
	const char *path = getenv("WRITE_COUNT");
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
	void *p;

#define FIND(what, type, name, parameters, arguments)                                              \
	*(void **)&next_##name = dlsym(RTLD_NEXT, #name);
	CALLS(FIND)
	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof nowhere) == 0 &&
	    (p = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) !=
		MAP_FAILED)
		count = p;
	close(fd);
}

#define DEFINE(what, type, name, parameters, arguments)                                            \
	type name parameters                                                                       \
	{                                                                                          \
		type rc;                                                                           \
                                                                                                   \
		if (next_##name == NULL)                                                           \
			FIND(what, type, name, parameters, arguments)                              \
		rc = next_##name arguments;                                                        \
		count[what]++;                                                                     \
		if (what <= PWRITEV && rc > 0)                                                     \
			count[OCTETS] += (uint64_t)rc;                                             \
		return rc;                                                                         \
	}
CALLS(DEFINE)
