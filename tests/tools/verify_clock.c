/* verify_clock — preloaded, says what the signature checks of a process cost in place: the file
 * that VERIFY_CLOCK names begins with three words of the machine, how many there were, how many of them
 * were measured, and the nanoseconds of CPU time these took.  A check costs more there than in a loop of
 * its own (openssl speed), where nothing else asks for the caches.  To read the clock takes long, so few
 * are measured, and what it takes to read it there and then is taken off. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EACH 64

struct total {
	_Atomic uint64_t n, measured, ns;
};

typedef int verify_fn(void *ctx, const unsigned char *sig, size_t n, const unsigned char *digest,
    size_t m);

verify_fn EVP_PKEY_verify;

static struct total nowhere, *total = &nowhere;
static verify_fn *verify;

static uint64_t
used_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
find(void)
{
	*(void **)&verify = dlsym(RTLD_NEXT, "EVP_PKEY_verify");
}

/* A library that is opened before this one may check a signature; it counts nowhere. */
__attribute__((constructor)) static void
verify_clock_open(void)
{
	const char *path = getenv("VERIFY_CLOCK");
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
	void *p;

	find();
	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof *total) == 0 &&
	    (p = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) !=
		MAP_FAILED)
		total = p;
	close(fd);
}

int
EVP_PKEY_verify(void *ctx, const unsigned char *sig, size_t n, const unsigned char *digest,
    size_t m)
{
	uint64_t before, began, ended;
	int rc;

	if (verify == NULL)
		find();
	if (total->n++ % EACH != 0)
		return verify(ctx, sig, n, digest, m);
	before = used_ns();
	began = used_ns();
	rc = verify(ctx, sig, n, digest, m);
	ended = used_ns();
	total->ns += (ended - began) - (began - before);
	total->measured++;
	return rc;
}
