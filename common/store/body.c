/* body — writes a letter's octets; see body.h.  body_source.c reads them, body_folder.c has the
 * folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/store/body_private.h"

#define PATH_BYTES (BODY_NAME_BYTES + 8)

struct body_in {
	struct bodies *bodies;
	struct digest *digest;
	struct body_kept kept;
	int fd;           /* -1: inline so far */
	uint64_t claimed; /* of bodies->used; stays with the file once it is durable */
	struct err why;   /* REFUSAL_NONE: none */
	/* at the end */
	struct loop *loop;
	body_done *done;
	void *arg;
};

static void
temporary_name(const char *name, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "%s" BODY_TEMPORARY, name);
}

static void
fault(struct body_in *in, int errnum, const char *what)
{
	if (in->why.why != REFUSAL_NONE)
		return;
	err_set_errno(&in->why,
	    errnum == ENOSPC || errnum == EDQUOT ? REFUSAL_system_full : REFUSAL_storage, errnum,
	    "%s", what);
}

/* -- room ------------------------------------------------------------------------------------- */

static bool
claim(struct body_in *in, size_t n)
{
	in->claimed += n;
	if (atomic_fetch_add(&in->bodies->used, n) + n <= in->bodies->limit || !RULE(system_full))
		return true;
	if (in->why.why == REFUSAL_NONE)
		err_word(&in->why, REFUSAL_system_full);
	return false;
}

static void
unclaim(struct body_in *in)
{
	atomic_fetch_sub(&in->bodies->used, in->claimed);
	in->claimed = 0;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void
write_all(struct body_in *in, struct span s)
{
	if (claim(in, s.n) && in->why.why == REFUSAL_NONE && !file_write(in->fd, s))
		fault(in, errno, "a letter cannot be written");
}

static void
add_head(struct buf *head, struct span octets)
{
	struct span piece = span_sub(octets, 0, BODY_HEAD_BYTES - head->len);

	if (piece.n > 0)
		buf_add(head, piece.p, piece.n);
}

/* Moves the inline octets to a file; the head stays in memory. */
static void
spill(struct body_in *in)
{
	unsigned char random[16];
	char path[PATH_BYTES];
	struct buf head = BUF_INIT;

	random_bytes(random, sizeof random);
	hex_str(in->kept.name, random, sizeof random);
	temporary_name(in->kept.name, path);
	in->fd = openat(in->bodies->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->fd < 0) {
		fault(in, errno, "a letter's file cannot be made");
		return;
	}
	write_all(in, buf_span(&in->kept.octets));
	add_head(&head, buf_span(&in->kept.octets));
	buf_clear(&in->kept.octets);
	in->kept.octets = head;
}

struct body_in *
body_begin(struct bodies *s)
{
	struct body_in *in = memory_new(sizeof *in);

	in->bodies = bodies_ref(s);
	in->digest = digest_new();
	in->fd = -1;
	return in;
}

void
body_add(struct body_in *in, struct span octets)
{
	if (in->why.why != REFUSAL_NONE)
		return;
	digest_add(in->digest, octets);
	in->kept.size += octets.n;
	if (in->fd < 0 && in->kept.size > BODY_INLINE_BYTES)
		spill(in);
	if (in->fd >= 0) {
		write_all(in, octets);
		add_head(&in->kept.octets, octets);
	} else if (in->why.why == REFUSAL_NONE) {
		buf_add(&in->kept.octets, octets.p, octets.n);
	}
}

struct span
body_head(const struct body_in *in)
{
	return buf_span(&in->kept.octets);
}

uint64_t
body_size(const struct body_in *in)
{
	return in->kept.size;
}

static void
free_in(struct body_in *in)
{
	if (in->fd >= 0)
		close(in->fd);
	unclaim(in);
	digest_free(&in->digest);
	body_kept_clear(&in->kept);
	bodies_free(&in->bodies);
	free(in);
}

void
body_abort_take(struct body_in *in)
{
	char path[PATH_BYTES];

	if (in->fd >= 0) {
		temporary_name(in->kept.name, path);
		unlinkat(in->bodies->folder, path, 0);
	}
	free_in(in);
}

/* -- making it durable -------------------------------------------------------------------------- */

static void
sync_file(void *arg)
{
	struct body_in *in = arg;
	int folder = in->bodies->folder;
	char path[PATH_BYTES];

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
	struct body_in *in = arg;

	if (in->why.why != REFUSAL_NONE) {
		in->done(in->arg, NULL, &in->why);
	} else {
		in->claimed = 0; /* the file's now */
		in->done(in->arg, &in->kept, NULL);
		in->kept.octets = (struct buf)BUF_INIT; /* the callee's now */
	}
	free_in(in);
}

static void
refused_early(void *arg)
{
	struct body_in *in = arg;
	char path[PATH_BYTES];

	if (in->fd >= 0) {
		temporary_name(in->kept.name, path);
		unlinkat(in->bodies->folder, path, 0);
	}
	ended(in);
}

void
body_end_take(struct body_in *in, struct loop *l, body_done *done, void *arg)
{
	in->loop = l;
	in->done = done;
	in->arg = arg;
	digest_end(in->digest, in->kept.digest);
	if (in->why.why == REFUSAL_NONE && in->fd < 0)
		loop_post(l, ended, in);
	else if (in->why.why != REFUSAL_NONE ||
	    !offload_run(in->bodies->offload, l, sync_file, ended, in, &in->why))
		loop_post(l, refused_early, in);
}

void
body_kept_clear(struct body_kept *k)
{
	buf_clear(&k->octets);
}
