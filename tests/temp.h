/* temp — names of scratch files and folders: in $TMPDIR, which tests/run gives to each test and removes, else
 * in /tmp. */
#ifndef TESTS_TEMP_H
#define TESTS_TEMP_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

/* name: as mkstemp and mkdtemp want it. */
static inline void
temp_name(char *out, size_t cap, const char *name)
{
	const char *folder = getenv("TMPDIR");
	int n = snprintf(out, cap, "%s/%s", folder != NULL ? folder : "/tmp", name);

	if (n < 0 || (size_t)n >= cap) {
		fprintf(stderr, "TMPDIR is too long: %s\n", folder);
		abort();
	}
}

/* A file system in memory of this process alone, for a test of the order of writes, not of the disk: a sync takes no
 * time.  Where mounts are not allowed the disk will do.  Before the process has threads. */
static inline void
temp_in_memory(const char *folder)
{
	static bool apart;

	apart = apart ||
	    (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	if (apart)
		mount("none", folder, "tmpfs", 0, "size=256m,mode=700");
}

/* With all that is in it.  Returns the status of rm. */
static inline int
temp_remove(const char *folder)
{
	char command[512];

	/* Which fails where nothing is mounted there.  A thread may still have the folder open. */
	umount2(folder, MNT_DETACH);
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	return system(command);
}

#endif
