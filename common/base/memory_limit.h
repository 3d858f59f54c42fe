/* memory_limit — how much memory this process may have.
 *
 * The least of the machine's memory, RLIMIT_AS, RLIMIT_DATA and the limits of its cgroup and of
 * the parents of that cgroup (cgroup 2, or the memory controller of cgroup 1).  Files that cannot be read set no
 * limit.
 */
#ifndef BASE_MEMORY_LIMIT_H
#define BASE_MEMORY_LIMIT_H

#include <stdint.h>

/* root: "" ; a test's folder, in which /proc and /sys are looked up. */
uint64_t memory_limit(const char *root);

#endif
