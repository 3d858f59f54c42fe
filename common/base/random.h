/* random — octets from the kernel's generator.  Never fails: the process aborts instead.
 *
 * Small requests are taken from a block that each thread draws at once, because a system call for each costs more than
 * the octets.  Each octet of a block is given out once and wiped; a process that was forked begins a block of its own.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

void random_bytes(void *dst, size_t n); /* n <= 256 */

#endif
