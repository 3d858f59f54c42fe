/* oms_killed — an OMS's store is opened by a process of its own, which can be killed at any moment.  The program is
 * started again with the folder as its argument, because TSan does not follow a fork of threads. */
#ifndef TESTS_UNIT_OMS_KILLED_H
#define TESTS_UNIT_OMS_KILLED_H

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/loop/offload.h"
#include "oms/store/store.h"

static inline void
open_and_close(const char *folder, size_t size)
{
	struct offload *o;
	struct oms_store *store;
	struct err e;

	if (!offload_new(&o, 1, &e) || !offload_start(o, &e) ||
	    !oms_store_open(folder, size, o, &store, &e))
		_exit(1);
	oms_store_close(&store);
	_exit(0);
}

static inline int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Negative: it is not killed.  True: it had come to its end. */
static inline bool
killed_after(const char *folder, int64_t us)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "again", folder, NULL);
		_exit(1);
	}
	if (us >= 0) {
		usleep((useconds_t)us);
		kill(pid, SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
