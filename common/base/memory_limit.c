/* memory_limit — see memory_limit.h. */
#include "common/base/memory_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATH_BYTES 4096

static void
lower(uint64_t *limit, uint64_t by)
{
	if (by > 0 && by < *limit)
		*limit = by;
}

static void
lower_by_file(uint64_t *limit, const char *folder, const char *name)
{
	char path[PATH_BYTES + 64], line[32], *end;
	FILE *f;
	uint64_t n;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(line, sizeof line, f) != NULL) {
		n = strtoull(line, &end, 10);
		if (end != line) /* "max" is no number */
			lower(limit, n);
	}
	fclose(f);
}

/* A group's limit and those of all groups above it. */
static void
lower_by_group(uint64_t *limit, const char *mount, const char *group, const char *name)
{
	char folder[PATH_BYTES];
	size_t least = strlen(mount);
	char *slash;

	if ((size_t)snprintf(folder, sizeof folder, "%s%s", mount, group) >= sizeof folder)
		return;
	do {
		lower_by_file(limit, folder, name);
		if ((slash = strrchr(folder, '/')) != NULL)
			*slash = '\0';
	} while (slash != NULL && strlen(folder) >= least);
}

/* Lines of /proc/self/cgroup: "0::GROUP" or "N:CONTROLLERS:GROUP". */
static void
lower_by_line(uint64_t *limit, const char *root, char *line)
{
	char *controllers = strchr(line, ':'), *group;
	char mount[PATH_BYTES];

	line[strcspn(line, "\n")] = '\0';
	if (controllers == NULL || (group = strchr(++controllers, ':')) == NULL)
		return;
	*group++ = '\0';
	if (*controllers == '\0') {
		snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
		lower_by_group(limit, mount, group, "memory.max");
	} else if (strcmp(controllers, "memory") == 0) {
		snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/memory", root);
		lower_by_group(limit, mount, group, "memory.limit_in_bytes");
	}
}

uint64_t
memory_limit(const char *root)
{
	static const int resources[] = { RLIMIT_AS, RLIMIT_DATA };
	uint64_t limit = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	char line[PATH_BYTES];
	struct rlimit r;
	FILE *f;

	for (unsigned i = 0; i < sizeof resources / sizeof *resources; i++)
		if (getrlimit((__rlimit_resource_t)resources[i], &r) == 0 &&
		    r.rlim_cur != RLIM_INFINITY)
			lower(&limit, r.rlim_cur);
	snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
	if ((f = fopen(line, "re")) == NULL)
		return limit;
	while (fgets(line, sizeof line, f) != NULL)
		lower_by_line(&limit, root, line);
	fclose(f);
	return limit;
}
