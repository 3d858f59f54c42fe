/* full_scene — real file systems of 64 MiB that a test fills to the last block.
 *
 * Mounts need CAP_SYS_ADMIN, and live in a mount namespace of the test's own, so they end with it.
 * Where they are not possible the test is skipped, and says so.
 */
#ifndef TESTS_UNIT_FULL_SCENE_H
#define TESTS_UNIT_FULL_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/skip.h"
#include "tests/temp.h"

enum full_kind { FULL_TMPFS, FULL_EXT4, FULL_KINDS };

struct full {
	char folder[64]; /* "disk" is mounted in it */
	char disk[80];
};

/* The folder is $1. */
static bool
full_shell(const char *commands, const char *folder)
{
	char line[512];

	snprintf(line, sizeof line, "set -e; set -- %s; %s", folder, commands);
	return system(line) == 0;
}

static void
full_mount(struct full *f, enum full_kind kind)
{
	static bool apart;

	if (!apart &&
	    (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
		SKIP_BECAUSE("no mounts here: %s", strerror(errno));
	apart = true;
	*f = (struct full) { .folder = "" };
	temp_name(f->folder, sizeof f->folder, "tillcalled-full-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->disk, sizeof f->disk, "%s/disk", f->folder);
	assert_int_equal(mkdir(f->disk, 0755), 0);
	if (kind == FULL_TMPFS && !full_shell("mount -t tmpfs -o size=64m none $1/disk", f->folder))
		SKIP_BECAUSE("no tmpfs can be mounted here");
	if (kind == FULL_EXT4 &&
	    !full_shell(
		"truncate -s 64M $1/image; mkfs.ext4 -q -F $1/image; mount -o loop $1/image $1/disk",
		f->folder))
		SKIP_BECAUSE("no ext4 can be made (mkfs.ext4) and mounted by a loop device here");
}

static void
full_unmount(struct full *f)
{
	assert_true(full_shell("umount $1/disk; rm -r $1", f->folder));
}

static int
full_ballast(const struct full *f)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/ballast", f->disk);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	return fd;
}

/* Takes so many octets; full_relieve gives them back. */
static inline void
full_take(const struct full *f, off_t octets)
{
	int fd = full_ballast(f);

	assert_int_equal(posix_fallocate(fd, 0, octets), 0);
	close(fd);
}

/* Takes every block that is left. */
static void
full_fill(const struct full *f)
{
	static const char octets[1 << 20];
	int fd = full_ballast(f);

	for (size_t n = sizeof octets; n >= 512; n /= 2)
		while (write(fd, octets, n) > 0 && fsync(fd) == 0)
			;
	close(fd);
}

static void
full_relieve(const struct full *f)
{
	char path[128];

	snprintf(path, sizeof path, "%s/ballast", f->disk);
	assert_int_equal(unlink(path), 0);
	sync();
}

#endif
