/* disk — the machine's limit beside which accepted letters are read: appends made durable a second.
 *
 * Usage: disk FOLDER [SECONDS]
 * Appends 4 KiB and calls fdatasync, again and again, on one file in FOLDER (which is removed). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"

#define OCTETS 4096

static long
measure(int fd, int64_t for_ms)
{
	static const char octets[OCTETS] = { 'x' };
	int64_t end = clock_mono_ms() + for_ms;
	long n = 0;

	for (; clock_mono_ms() < end; n++)
		if (write(fd, octets, OCTETS) != OCTETS || fdatasync(fd) != 0)
			return -1;
	return n;
}

int
main(int argc, char **argv)
{
	char path[4096];
	long seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 3, n;
	int fd;

	if (argc < 2 || seconds < 1) {
		fprintf(stderr, "usage: disk FOLDER [SECONDS]\n");
		return 64;
	}
	snprintf(path, sizeof path, "%s/disk-XXXXXX", argv[1]);
	if ((fd = mkstemp(path)) < 0) {
		perror(path);
		return 73;
	}
	unlink(path);
	if ((n = measure(fd, seconds * 1000)) < 0) {
		perror(path);
		return 74;
	}
	printf("fdatasync of 4 KiB appends: %ld/s\n", n / seconds);
	return 0;
}
