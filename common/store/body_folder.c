/* body_folder — opening the folder of bodies, counting and removing its files; see body.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/body_private.h"

/* -- removing ------------------------------------------------------------------------------------- */

/* A durable file. */
static void
remove_file(struct bodies *s, const char *name)
{
	struct stat st;

	if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    unlinkat(s->folder, name, 0) == 0)
		atomic_fetch_sub(&s->used, (unsigned long long)st.st_size);
}

uint64_t
bodies_used(void *bodies)
{
	return atomic_load(&((struct bodies *)bodies)->used);
}

struct removal {
	struct offload_job job;
	struct bodies *bodies;
	char name[BODY_NAME_BYTES];
};

static void
remove_named(void *arg)
{
	struct removal *r = arg;

	remove_file(r->bodies, r->name);
	bodies_free(&r->bodies);
	free(r);
}

void
body_remove(struct bodies *s, const char *name)
{
	struct removal *r;

	if (name[0] == '\0')
		return;
	r = memory_new(sizeof *r);
	r->bodies = bodies_ref(s);
	snprintf(r->name, sizeof r->name, "%s", name);
	bodies_job(s, &r->job, NULL, remove_named, NULL, r);
}

/* -- sweeping ------------------------------------------------------------------------------------- */

static bool
is_ours(const char *name)
{
	unsigned char bytes[16];

	return hex_parse(span_str(name), bytes, sizeof bytes);
}

static bool
is_temporary(const char *name)
{
	size_t n = strlen(name), t = strlen(BODY_TEMPORARY);

	return n > t && strcmp(name + n - t, BODY_TEMPORARY) == 0;
}

/* Each file in the folder that we have made. */
static void
each_file(struct bodies *s, void (*f)(struct bodies *s, const char *name, void *arg), void *arg)
{
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (is_ours(d->d_name) || is_temporary(d->d_name))
			f(s, d->d_name, arg);
	closedir(dir);
}

/* Removes an unfinished file; counts a durable one. */
static void
count_file(struct bodies *s, const char *name, void *arg)
{
	struct stat st;

	(void)arg;
	if (is_temporary(name)) {
		log_fact(LOG_INFO, "body.swept", "file=%s", log_str(name));
		unlinkat(s->folder, name, 0);
	} else if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		atomic_fetch_add(&s->used, (unsigned long long)st.st_size);
	}
}

struct sweep {
	bool (*named)(void *arg, const char *name);
	void *arg;
};

static void
sweep_file(struct bodies *s, const char *name, void *arg)
{
	const struct sweep *w = arg;

	if (w->named(w->arg, name))
		return;
	log_fact(LOG_INFO, "body.swept", "file=%s", log_str(name));
	remove_file(s, name);
}

void
bodies_sweep(struct bodies *s, bool (*named)(void *arg, const char *name), void *arg)
{
	each_file(s, sweep_file, &(struct sweep) { named, arg });
}

/* -- opening -------------------------------------------------------------------------------------- */

/* A file in a new folder is durable only if the folder's name is. */
static bool
sync_parent(int folder)
{
	int fd = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd < 0 || fsync(fd) == 0; /* no permission: its owner made it durable */

	if (fd >= 0)
		close(fd);
	return good;
}

bool
bodies_open(const char *folder, uint64_t limit, struct offload *o, struct bodies **out,
    struct err *e)
{
	struct bodies *s;
	int fd;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_set_errno(e, REFUSAL_storage, errno, "%s", folder);
	if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_set_errno(e, REFUSAL_storage, errno, "%s", folder);
	if (!sync_parent(fd)) {
		err_set_errno(e, REFUSAL_storage, errno, "%s cannot be made durable", folder);
		close(fd);
		return false;
	}
	s = memory_new(sizeof *s);
	s->folder = fd;
	s->offload = o;
	atomic_init(&s->refs, 1);
	s->limit = limit;
	each_file(s, count_file, NULL);
	*out = s;
	return true;
}

void
bodies_job(struct bodies *b, struct offload_job *j, struct loop *l, void (*work)(void *arg),
    void (*done)(void *arg), void *arg)
{
	*j = (struct offload_job) { .home = l, .work = work, .done = done, .arg = arg };
	if (offload_take(b->offload, j))
		return;
	work(arg);
	if (done != NULL)
		loop_post(l, done, arg);
}

struct bodies *
bodies_ref(struct bodies *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
bodies_free(struct bodies **sp)
{
	struct bodies *s = *sp;

	*sp = NULL;
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	close(s->folder);
	free(s);
}
