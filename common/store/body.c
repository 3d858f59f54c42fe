/* body — writes a letter's octets; see body.h.  body_source.c reads them, body_folder.c has the
 * folder.
 *
 * The loop only gathers octets.  A job on an offload thread makes the file, writes what was gathered and, at
 * the end, makes it durable; a letter has one job at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/body_private.h"

#define PATH_BYTES (BODY_NAME_BYTES + sizeof BODY_TEMPORARY)

struct body_in {
	struct bodies *bodies;
	struct loop *loop;
	struct digest *digest;
	struct body_kept kept; /* its name is empty while the letter is inline */
	char name[BODY_NAME_BYTES];
	uint64_t claimed;   /* of bodies->used; stays with the file once it is durable */
	struct err why;     /* REFUSAL_NONE: none */
	struct buf waiting; /* for the next job */
	void (*ready)(void *arg);
	void *ready_arg;
	bool given_up;
	struct offload_job job;
	bool busy; /* the job has what follows */
	struct buf writing;
	int fd;               /* -1: no file yet */
	off_t written, begun; /* octets of the file, and those that the kernel was told to write */
	bool last;
	enum { UNMADE, UNFINISHED, NAMED, DURABLE } step; /* of the file */
	struct err fault;
	/* at the end */
	body_done *done;
	void *arg;
};

static void
temporary_name(const char *name, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "%s" BODY_TEMPORARY, name);
}

/* -- room ------------------------------------------------------------------------------------- */

static void
claim(struct body_in *in, size_t n)
{
	in->claimed += n;
	if (atomic_fetch_add(&in->bodies->used, n) + n <= in->bodies->limit || !RULE(system_full))
		return;
	if (in->why.why == REFUSAL_NONE)
		err_word(&in->why, REFUSAL_system_full);
}

static void
unclaim(struct body_in *in)
{
	atomic_fetch_sub(&in->bodies->used, in->claimed);
	in->claimed = 0;
}

/* -- on an offload thread ----------------------------------------------------------------------- */

static bool
fault(struct body_in *in, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;

	return err_set_errno(&in->fault, full ? REFUSAL_system_full : REFUSAL_storage, errno, "%s",
	    what);
}

static bool
make_file(struct body_in *in)
{
	char path[PATH_BYTES];

	if (in->step != UNMADE)
		return true;
	body_orphans_made(in->bodies, in->name);
	temporary_name(in->name, path);
	in->fd = openat(in->bodies->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->fd < 0)
		return fault(in, "a letter's file cannot be made");
	in->step = UNFINISHED;
	return true;
}

static bool
sync_file(struct body_in *in)
{
	int folder = in->bodies->folder;
	char path[PATH_BYTES];

	temporary_name(in->name, path);
	if (fsync(in->fd) != 0)
		return fault(in, "a letter cannot be made durable");
	if (renameat(folder, path, folder, in->name) != 0)
		return fault(in, "a letter's file cannot be named");
	in->step = NAMED;
	if (fsync(folder) != 0)
		return fault(in, "the folder of bodies cannot be made durable");
	in->step = DURABLE;
	body_used_moved(in->bodies);
	return true;
}

static void
close_file(struct body_in *in)
{
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

/* A wait takes the disk's fault off the file, so that fsync would not say it again. */
static bool
write_behind(struct body_in *in)
{
	const unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
	    SYNC_FILE_RANGE_WAIT_AFTER;

	in->written += (off_t)in->writing.len;
	if (in->written - in->begun < BODY_WAITS_BYTES)
		return true;
	if (sync_file_range(in->fd, in->begun, in->written - in->begun, SYNC_FILE_RANGE_WRITE) !=
		0 ||
	    (in->begun > 0 && sync_file_range(in->fd, 0, in->begun, wait) != 0))
		return fault(in, "a letter cannot be written");
	in->begun = in->written;
	return true;
}

static void
write_file(void *arg)
{
	struct body_in *in = arg;

	if (!make_file(in))
		return;
	if (!file_write(in->fd, buf_span(&in->writing))) {
		fault(in, "a letter cannot be written");
		return;
	}
	if (write_behind(in) && in->last && sync_file(in))
		close_file(in);
}

static void
unmake_file(void *arg)
{
	struct body_in *in = arg;
	char path[PATH_BYTES];

	temporary_name(in->name, path);
	if (in->step == UNFINISHED)
		unlinkat(in->bodies->folder, path, 0);
	else if (in->step == NAMED)
		unlinkat(in->bodies->folder, in->name, 0);
	in->step = UNMADE;
	close_file(in);
}

static void
free_in(struct body_in *in)
{
	unclaim(in);
	digest_free(&in->digest);
	body_kept_clear(&in->kept);
	buf_clear(&in->waiting);
	buf_clear(&in->writing);
	bodies_free(&in->bodies);
	free(in);
}

static void
unmake_and_free(void *arg)
{
	unmake_file(arg);
	free_in(arg);
}

/* -- writing ----------------------------------------------------------------------------------- */

static void worked(void *arg);

static void
start(struct body_in *in, bool last)
{
	struct buf empty = in->writing;

	in->writing = in->waiting;
	in->waiting = empty;
	in->last = last;
	in->busy = true;
	bodies_job(in->bodies, &in->job, in->loop, write_file, worked, in);
}

static void
add_head(struct buf *head, struct span octets)
{
	struct span piece = span_sub(octets, 0, BODY_HEAD_BYTES - head->len);

	if (piece.n > 0)
		buf_add(head, piece.p, piece.n);
}

/* From now on the octets go to a file; the head stays in memory. */
static void
spill(struct body_in *in)
{
	struct buf head = BUF_INIT;

	snprintf(in->kept.name, sizeof in->kept.name, "%s", in->name);
	in->waiting = in->kept.octets;
	claim(in, in->waiting.len);
	add_head(&head, buf_span(&in->waiting));
	in->kept.octets = head;
}

struct body_in *
body_begin(struct bodies *b, struct span key, struct span attempt, struct loop *l)
{
	struct body_in *in = memory_new(sizeof *in);

	in->bodies = bodies_ref(b);
	in->loop = l;
	in->digest = digest_new();
	in->fd = -1;
	body_name(in->name, key, attempt);
	return in;
}

void
body_add(struct body_in *in, struct span octets)
{
	if (in->why.why != REFUSAL_NONE)
		return;
	digest_add(in->digest, octets);
	in->kept.size += octets.n;
	if (in->kept.name[0] == '\0' && in->kept.size > BODY_INLINE_BYTES)
		spill(in);
	if (in->kept.name[0] == '\0') {
		buf_add(&in->kept.octets, octets.p, octets.n);
		return;
	}
	claim(in, octets.n);
	if (in->why.why != REFUSAL_NONE)
		return;
	add_head(&in->kept.octets, octets);
	buf_add(&in->waiting, octets.p, octets.n);
	if (!in->busy && in->waiting.len >= BODY_PIECE_BYTES)
		start(in, false);
}

bool
body_full(const struct body_in *in)
{
	return in->busy && in->waiting.len >= BODY_PIECE_BYTES;
}

void
body_when_ready(struct body_in *in, void (*ready)(void *arg), void *arg)
{
	in->ready = ready;
	in->ready_arg = arg;
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

void
body_abort_take(struct body_in *in)
{
	in->given_up = true;
	if (in->busy)
		return; /* `worked` finds it */
	if (in->step == UNMADE)
		free_in(in);
	else
		bodies_job(in->bodies, &in->job, NULL, unmake_and_free, NULL, in);
}

/* -- the end ------------------------------------------------------------------------------------ */

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

/* No job has it, and no octets are to come. */
static void
end(struct body_in *in)
{
	if (in->why.why != REFUSAL_NONE)
		bodies_job(in->bodies, &in->job, in->loop, unmake_file, ended, in);
	else if (in->kept.name[0] != '\0')
		start(in, true);
	else
		loop_post(in->loop, ended, in);
}

static void
worked(void *arg)
{
	struct body_in *in = arg;
	bool was_full = body_full(in);

	in->busy = false;
	buf_reset(&in->writing);
	if (in->why.why == REFUSAL_NONE)
		in->why = in->fault;
	if (in->given_up) {
		body_abort_take(in);
	} else if (in->done != NULL && in->why.why == REFUSAL_NONE && in->step == DURABLE) {
		ended(in);
	} else if (in->done != NULL) {
		end(in);
	} else {
		if (in->why.why == REFUSAL_NONE && in->waiting.len >= BODY_PIECE_BYTES)
			start(in, false);
		if (was_full && in->ready != NULL)
			in->ready(in->ready_arg);
	}
}

void
body_end_take(struct body_in *in, body_done *done, void *arg)
{
	in->done = done;
	in->arg = arg;
	digest_end(in->digest, in->kept.digest);
	if (!in->busy)
		end(in);
}

void
body_kept_clear(struct body_kept *k)
{
	buf_clear(&k->octets);
}
