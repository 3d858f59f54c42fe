/* body_folder — opens the folder of bodies, and removes files from it; see body.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/body_private.h"

/* -- jobs ----------------------------------------------------------------------------------------- */

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

/* -- removing ------------------------------------------------------------------------------------- */

void
body_unlink(struct bodies *b, const char *name)
{
	struct stat st;

	if (fstatat(b->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    unlinkat(b->folder, name, 0) == 0)
		atomic_fetch_sub(&b->used, (unsigned long long)st.st_size);
	body_used_moved(b);
}

static void
remove_named(void *arg)
{
	struct body_removal *r = arg;

	body_unlink(r->bodies, r->name);
	bodies_free(&r->bodies);
	free(r);
}

void
body_removal_take(struct body_removal *r)
{
	bodies_job(r->bodies, &r->job, NULL, remove_named, NULL, r);
}

void
body_remove(struct bodies *b, const char *name)
{
	struct body_removal *r;

	if (name[0] == '\0')
		return;
	r = memory_new(sizeof *r);
	r->bodies = bodies_ref(b);
	snprintf(r->name, sizeof r->name, "%s", name);
	if (!body_orphans_removal_take(b, r))
		body_removal_take(r);
}

struct key_removal {
	struct offload_job job;
	struct bodies *bodies;
	unsigned char key[BODY_KEY_MAX];
	size_t n;
};

static void
remove_of_key(void *arg)
{
	struct key_removal *r = arg;
	unsigned char key[BODY_KEY_MAX];
	int fd = openat(r->bodies->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	size_t n;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (body_name_key(d->d_name, key, &n) && n == r->n && memcmp(key, r->key, n) == 0)
			body_remove(r->bodies, d->d_name);
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	bodies_free(&r->bodies);
	free(r);
}

void
body_remove_key(struct bodies *b, struct span key)
{
	struct key_removal *r = memory_new(sizeof *r);

	r->bodies = bodies_ref(b);
	r->n = key.n < sizeof r->key ? key.n : sizeof r->key;
	memcpy(r->key, key.p, r->n);
	bodies_job(b, &r->job, NULL, remove_of_key, NULL, r);
}

/* -- a migration ---------------------------------------------------------------------------------- */

bool
body_adopt(struct bodies *b, const char *path, const char *name, struct err *e)
{
	struct stat st;

	if (linkat(AT_FDCWD, path, b->folder, name, 0) != 0)
		return errno == EEXIST ||
		    err_set_errno(e, REFUSAL_storage, errno, "%s cannot be given a new name", path);
	if (fstatat(b->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		atomic_fetch_add(&b->used, (unsigned long long)st.st_size);
	return true;
}

bool
bodies_sync(struct bodies *b, struct err *e)
{
	return fsync(b->folder) == 0 ||
	    err_set_errno(e, REFUSAL_storage, errno, "the folder of bodies cannot be made durable");
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
	struct bodies *b;
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
	b = memory_new(sizeof *b);
	b->folder = fd;
	b->offload = o;
	atomic_init(&b->refs, 1);
	b->limit = limit;
	body_used_open(b);
	*out = b;
	return true;
}

struct bodies *
bodies_ref(struct bodies *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void
bodies_free(struct bodies **bp)
{
	struct bodies *b = *bp;

	*bp = NULL;
	if (b == NULL || atomic_fetch_sub(&b->refs, 1) > 1)
		return;
	body_orphans_free(b);
	body_used_close(b);
	close(b->folder);
	free(b);
}
