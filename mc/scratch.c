/* scratch — a file without a name, for a letter in transit; see scratch.h. */
#include "mc/scratch.h"
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
scratch_open(int *fd, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char name[4096];

	if (dir == NULL || dir[0] != '/')
		dir = "/tmp";
	*fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return true;
	if (snprintf(name, sizeof name, "%s/mc.XXXXXX", dir) >= (int)sizeof name)
		return err_set(e, REFUSAL_cannot_write, "TMPDIR is too long");
	*fd = mkostemp(name, O_CLOEXEC); /* a file system without O_TMPFILE */
	if (*fd < 0)
		return err_set_errno(e, REFUSAL_cannot_write, errno, "a temporary file in %s", dir);
	unlink(name);
	return true;
}

bool
scratch_add(int fd, struct span s, struct err *e)
{
	return file_write(fd, s) ||
	    err_set_errno(e, REFUSAL_cannot_write, errno, "a temporary file");
}
