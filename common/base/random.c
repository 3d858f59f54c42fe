/* random — the kernel's generator; see random.h. */
#include "common/base/random.h"

#include <stdlib.h>
#include <sys/random.h>

void
random_bytes(void *dst, size_t n)
{
	if (getrandom(dst, n, 0) != (ssize_t)n)
		abort();
}
