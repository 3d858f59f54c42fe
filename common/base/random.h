/* random — octets from the kernel's generator.  Never fails: the process aborts instead. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

void random_bytes(void *dst, size_t n); /* n <= 256 */

#endif
