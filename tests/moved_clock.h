/* moved_clock — a program's monotonic clock that a test moves on, so that nobody sleeps for minutes.
 *
 * Included by one source of a program.  Its clock_gettime comes before the C library's, also for
 * libevent.  A loop that sleeps finds out that the time has gone on when it wakes: post to it.
 */
#ifndef TESTS_MOVED_CLOCK_H
#define TESTS_MOVED_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_llong moved_ms;

int
clock_gettime(clockid_t id, struct timespec *t)
{
	long long ms = atomic_load(&moved_ms);

	if (syscall(SYS_clock_gettime, id, t) != 0)
		return -1;
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return 0;
	t->tv_sec += (time_t)(ms / 1000);
	t->tv_nsec += (long)(ms % 1000 * 1000000);
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
	return 0;
}

static inline void
move_clock(int64_t by_ms)
{
	atomic_fetch_add(&moved_ms, by_ms);
}

#endif
