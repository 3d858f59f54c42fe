/* clock_shift — preloaded, makes a process's wall clock wrong by the number of seconds in the file
 * that CLOCK_SHIFT names; monotonic time stays, unless MONO_SHIFT names a file for it, whose number may
 * only grow.  The files may change while the process runs; a sleeping thread sees it when it wakes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int wall_fd = -1, mono_fd = -1;

static int
open_named(const char *variable)
{
	const char *path = getenv(variable);

	return path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

__attribute__((constructor)) static void
shift_open(void)
{
	wall_fd = open_named("CLOCK_SHIFT");
	mono_fd = open_named("MONO_SHIFT");
}

static long
shift_s(int fd)
{
	char text[32];
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : 0;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int saved = errno;

	if (syscall(SYS_clock_gettime, id, t) != 0)
		return -1;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		t->tv_sec += shift_s(wall_fd);
	if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)
		t->tv_sec += shift_s(mono_fd);
	errno = saved;
	return 0;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
