/* spool — a letter's octets to the disk and back; see spool.h. */
#include "common/svc/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/svc/loop.h"
#include "common/svc/offload.h"

#define TEMPORARY	".tmp"
#define PATH_BYTES	(SPOOL_NAME_BYTES + 8)

struct spool {
	int		 folder;	/* for openat and fsync */
	struct offload	*offload;
	atomic_uint	 refs;
	uint64_t	 limit;
	atomic_ullong	 used;		/* octets of files, those on their way too */
};

struct spool_in {
	struct spool		*spool;
	struct digest		*digest;
	struct spool_kept	 kept;
	int			 fd;		/* -1: inline so far */
	uint64_t		 claimed;	/* of spool->used; the file's once it is durable */
	struct err		 why;		/* REFUSAL_NONE: none */
	/* at the end */
	struct loop		*loop;
	spool_done		*done;
	void			*arg;
};

static void
temporary_name(const char *name, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "%s" TEMPORARY, name);
}

static void
fault(struct spool_in *in, int errnum, const char *what)
{
	if (in->why.why != REFUSAL_NONE)
		return;
	err_set_errno(&in->why, errnum == ENOSPC || errnum == EDQUOT ? REFUSAL_system_full :
	    REFUSAL_storage, errnum, "%s", what);
}

/* -- room ------------------------------------------------------------------------------------- */

static bool
claim(struct spool_in *in, size_t n)
{
	in->claimed += n;
	if (atomic_fetch_add(&in->spool->used, n) + n <= in->spool->limit || !RULE(system_full))
		return true;
	if (in->why.why == REFUSAL_NONE)
		err_set(&in->why, REFUSAL_system_full, "%s", "");
	return false;
}

static void
unclaim(struct spool_in *in)
{
	atomic_fetch_sub(&in->spool->used, in->claimed);
	in->claimed = 0;
}

/* A file that was durable. */
static void
remove_file(struct spool *s, const char *name)
{
	struct stat	 st;

	if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    unlinkat(s->folder, name, 0) == 0)
		atomic_fetch_sub(&s->used, (unsigned long long)st.st_size);
}

uint64_t
spool_used(void *spool)
{
	return atomic_load(&((struct spool *)spool)->used);
}

/* -- writing ----------------------------------------------------------------------------------- */

static void
write_all(struct spool_in *in, struct span s)
{
	if (!claim(in, s.n))
		return;
	while (s.n > 0 && in->why.why == REFUSAL_NONE) {
		ssize_t	 n = write(in->fd, s.p, s.n);

		if (n >= 0)
			s = span_sub(s, (size_t)n, s.n);
		else if (errno != EINTR)
			fault(in, errno, "a letter cannot be written");
	}
}

static void
add_head(struct buf *head, struct span octets)
{
	struct span	 piece = span_sub(octets, 0, SPOOL_HEAD_BYTES - head->len);

	if (piece.n > 0)
		buf_add(head, piece.p, piece.n);
}

/* What was inline goes to a file; the head stays in memory. */
static void
spill(struct spool_in *in)
{
	unsigned char	 random[16];
	char		 path[PATH_BYTES];
	struct buf	 head = BUF_INIT;

	random_bytes(random, sizeof random);
	hex_str(in->kept.name, random, sizeof random);
	temporary_name(in->kept.name, path);
	in->fd = openat(in->spool->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->fd < 0) {
		fault(in, errno, "a letter's file cannot be made");
		return;
	}
	write_all(in, buf_span(&in->kept.octets));
	add_head(&head, buf_span(&in->kept.octets));
	buf_clear(&in->kept.octets);
	in->kept.octets = head;
}

struct spool_in *
spool_begin(struct spool *s)
{
	struct spool_in	*in = memory_new(sizeof *in);

	in->spool = spool_ref(s);
	in->digest = digest_new();
	in->fd = -1;
	return in;
}

void
spool_add(struct spool_in *in, struct span octets)
{
	if (in->why.why != REFUSAL_NONE)
		return;
	digest_add(in->digest, octets);
	in->kept.size += octets.n;
	if (in->fd < 0 && in->kept.size > SPOOL_INLINE_BYTES)
		spill(in);
	if (in->fd >= 0) {
		write_all(in, octets);
		add_head(&in->kept.octets, octets);
	} else if (in->why.why == REFUSAL_NONE) {
		buf_add(&in->kept.octets, octets.p, octets.n);
	}
}

struct span
spool_head(const struct spool_in *in)
{
	return buf_span(&in->kept.octets);
}

uint64_t
spool_size(const struct spool_in *in)
{
	return in->kept.size;
}

static void
free_in(struct spool_in *in)
{
	if (in->fd >= 0)
		close(in->fd);
	unclaim(in);
	digest_free(&in->digest);
	spool_kept_clear(&in->kept);
	spool_free(&in->spool);
	free(in);
}

void
spool_abort_take(struct spool_in *in)
{
	char	 path[PATH_BYTES];

	if (in->fd >= 0) {
		temporary_name(in->kept.name, path);
		unlinkat(in->spool->folder, path, 0);
	}
	free_in(in);
}

/* -- making it durable -------------------------------------------------------------------------- */

static void
sync_file(void *arg)
{
	struct spool_in	*in = arg;
	int		 folder = in->spool->folder;
	char		 path[PATH_BYTES];

	temporary_name(in->kept.name, path);
	if (fsync(in->fd) != 0) {
		fault(in, errno, "a letter cannot be made durable");
		unlinkat(folder, path, 0);
	} else if (renameat(folder, path, folder, in->kept.name) != 0) {
		fault(in, errno, "a letter's file cannot be named");
		unlinkat(folder, path, 0);
	} else if (fsync(folder) != 0) {
		fault(in, errno, "the spool's folder cannot be made durable");
		unlinkat(folder, in->kept.name, 0);
	}
}

static void
ended(void *arg)
{
	struct spool_in	*in = arg;

	if (in->why.why != REFUSAL_NONE) {
		in->done(in->arg, NULL, &in->why);
	} else {
		in->claimed = 0;	/* the file's now */
		in->done(in->arg, &in->kept, NULL);
		in->kept.octets = (struct buf)BUF_INIT;		/* the callee's now */
	}
	free_in(in);
}

static void
refused_early(void *arg)
{
	struct spool_in	*in = arg;
	char		 path[PATH_BYTES];

	if (in->fd >= 0) {
		temporary_name(in->kept.name, path);
		unlinkat(in->spool->folder, path, 0);
	}
	ended(in);
}

void
spool_end_take(struct spool_in *in, struct loop *l, spool_done *done, void *arg)
{
	in->loop = l;
	in->done = done;
	in->arg = arg;
	digest_end(in->digest, in->kept.digest);
	if (in->why.why == REFUSAL_NONE && in->fd < 0)
		loop_post(l, ended, in);
	else if (in->why.why != REFUSAL_NONE ||
	    !offload_run(in->spool->offload, l, sync_file, ended, in, &in->why))
		loop_post(l, refused_early, in);
}

void
spool_kept_clear(struct spool_kept *k)
{
	buf_clear(&k->octets);
}

/* -- reading ------------------------------------------------------------------------------------------ */

struct memory {
	struct source	 source;	/* first */
	struct buf	 octets;
};

static ssize_t
read_memory(struct source *s, uint64_t offset, char *dst, size_t n)
{
	struct memory	*m = (struct memory *)s;
	struct span	 piece;

	if (offset >= m->octets.len)
		return -1;
	piece = span_sub(buf_span(&m->octets), (size_t)offset, n);
	memcpy(dst, piece.p, piece.n);
	return (ssize_t)piece.n;
}

static void
free_memory(struct source *s)
{
	struct memory	*m = (struct memory *)s;

	buf_clear(&m->octets);
	free(m);
}

struct source *
spool_source_copy(struct span octets)
{
	struct memory	*m = memory_new(sizeof *m);

	m->source = (struct source){ read_memory, free_memory };
	buf_add(&m->octets, octets.p, octets.n);
	return &m->source;
}

struct file {
	struct source	 source;	/* first */
	int		 fd;
};

static ssize_t
read_file(struct source *s, uint64_t offset, char *dst, size_t n)
{
	ssize_t	 got;

	do
		got = pread(((struct file *)s)->fd, dst, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got > 0 ? got : -1;
}

static void
free_file(struct source *s)
{
	close(((struct file *)s)->fd);
	free(s);
}

bool
spool_source_file(struct spool *s, const char *name, struct source **out, struct err *e)
{
	struct file	*f;
	int		 fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(e, REFUSAL_storage, errno, "a letter's file cannot be read");
	f = memory_new(sizeof *f);
	f->source = (struct source){ read_file, free_file };
	f->fd = fd;
	*out = &f->source;
	return true;
}

/* -- removing ------------------------------------------------------------------------------------------ */

struct removal {
	struct spool	*spool;
	char		 name[SPOOL_NAME_BYTES];
};

static void
unlink_it(void *arg)
{
	struct removal	*r = arg;

	remove_file(r->spool, r->name);
	spool_free(&r->spool);
	free(r);
}

/* A full queue is no matter: the file is swept at the next start. */
void
spool_remove(struct spool *s, const char *name)
{
	struct removal	*r;
	struct err	 e;

	if (name[0] == '\0')
		return;
	r = memory_new(sizeof *r);
	r->spool = spool_ref(s);
	snprintf(r->name, sizeof r->name, "%s", name);
	if (!offload_run(s->offload, NULL, unlink_it, NULL, r, &e))
		unlink_it(r);
}

static bool
is_ours(const char *name)
{
	unsigned char	 bytes[16];

	return hex_parse(span_str(name), bytes, sizeof bytes);
}

static bool
is_temporary(const char *name)
{
	size_t	 n = strlen(name), t = strlen(TEMPORARY);

	return n > t && strcmp(name + n - t, TEMPORARY) == 0;
}

/* Each file of the folder that is ours. */
static void
each_file(struct spool *s, void (*f)(struct spool *s, const char *name, void *arg), void *arg)
{
	int		 fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		*dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent	*d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (is_ours(d->d_name) || is_temporary(d->d_name))
			f(s, d->d_name, arg);
	closedir(dir);
}

/* What was being written goes, what was durable counts. */
static void
found(struct spool *s, const char *name, void *arg)
{
	struct stat	 st;

	(void)arg;
	if (is_temporary(name)) {
		log_fact(LOG_INFO, "spool.swept", "file=%s", log_str(name));
		unlinkat(s->folder, name, 0);
	} else if (fstatat(s->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		atomic_fetch_add(&s->used, (unsigned long long)st.st_size);
	}
}

struct sweep {
	bool	(*named)(void *arg, const char *name);
	void	*arg;
};

static void
sweep(struct spool *s, const char *name, void *arg)
{
	const struct sweep	*w = arg;

	if (w->named(w->arg, name))
		return;
	log_fact(LOG_INFO, "spool.swept", "file=%s", log_str(name));
	remove_file(s, name);
}

void
spool_sweep(struct spool *s, bool (*named)(void *arg, const char *name), void *arg)
{
	each_file(s, sweep, &(struct sweep){ named, arg });
}

/* A new folder's own name must be durable before a file's in it can be. */
static bool
sync_parent(int folder)
{
	int	 fd = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool	 good = fd < 0 || fsync(fd) == 0;	/* closed to us: not ours to sync */

	if (fd >= 0)
		close(fd);
	return good;
}

bool
spool_open(const char *folder, uint64_t limit, struct offload *o, struct spool **out,
    struct err *e)
{
	struct spool	*s;
	int		 fd;

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
	each_file(s, found, NULL);
	*out = s;
	return true;
}

struct spool *
spool_ref(struct spool *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
spool_free(struct spool **sp)
{
	struct spool	*s = *sp;

	*sp = NULL;
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	close(s->folder);
	free(s);
}
