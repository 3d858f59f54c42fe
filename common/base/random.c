/* random — the kernel's generator; see random.h. */
#include "common/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void
random_bytes(void *dst, size_t n)
{
	char *to = dst;
	ssize_t got;

	while (n > 0) {
		if ((got = getrandom(to, n, 0)) > 0) {
			to += got;
			n -= (size_t)got;
		} else if (errno != EINTR)
			abort();
	}
}
