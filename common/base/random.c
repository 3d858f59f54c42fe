/* random — the kernel's generator; see random.h. */
#include "common/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_BYTES 256
#define SMALL_BYTES 32 /* more is drawn for itself */

struct block {
	unsigned char octets[BLOCK_BYTES];
	size_t left;      /* the last ones; those before were given out */
	unsigned of_fork; /* the process that drew it */
};

static atomic_uint forks; /* between the first process and this one */

static void
draw(void *dst, size_t n)
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

static void
forked(void)
{
	atomic_fetch_add(&forks, 1);
}

static void
watch_forks(void)
{
	if (pthread_atfork(NULL, NULL, forked) != 0)
		abort();
}

static void
take(struct block *b, void *dst, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned char *from;

	if (pthread_once(&once, watch_forks) != 0)
		abort();
	if (b->left < n || b->of_fork != atomic_load(&forks)) {
		draw(b->octets, sizeof b->octets);
		b->left = sizeof b->octets;
		b->of_fork = atomic_load(&forks);
	}
	from = b->octets + sizeof b->octets - b->left;
	memcpy(dst, from, n);
	explicit_bzero(from, n);
	b->left -= n;
}

void
random_bytes(void *dst, size_t n)
{
	static _Thread_local struct block block;

	if (n <= SMALL_BYTES)
		take(&block, dst, n);
	else
		draw(dst, n);
}
