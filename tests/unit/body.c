/* body — letters of every size pass to the disk and back; faults; remains are swept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/base/source.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/store/body.h"
#include "tests/temp.h"
#include "tests/unit/full_scene.h"
#include "tests/unit/source_scene.h"

#define BIG (3 << 20)

struct world {
	char folder[128];
	struct loop *loop;
	struct offload *offload;
	struct bodies *bodies;
	uint64_t limit;
	/* what body_end_take gave */
	bool done;
	enum refusal why;
	struct body_kept kept;
};

static void
reopen(struct world *w)
{
	struct err e;

	bodies_free(&w->bodies);
	assert_true(bodies_open(w->folder, w->limit, w->offload, &w->bodies, &e));
}

static void
world_of(struct world *w)
{
	struct err e;

	*w = (struct world) { .limit = UINT64_MAX };
	temp_name(w->folder, sizeof w->folder, "tillcalled-body-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 2, &e));
	assert_true(offload_start(w->offload, &e));
	reopen(w);
}

static unsigned
files(const struct world *w)
{
	DIR *dir = opendir(w->folder);
	struct dirent *d;
	unsigned n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* What was under way on the offload threads is over. */
static void
settle(struct world *w)
{
	struct err e;

	offload_stop(w->offload);
	loop_drain(w->loop);
	offload_free(&w->offload);
	assert_true(offload_new(&w->offload, 2, &e) && offload_start(w->offload, &e));
	if (w->bodies != NULL)
		reopen(w);
}

static void
remove_files(const struct world *w)
{
	DIR *dir = opendir(w->folder);
	struct dirent *d;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(dir), d->d_name, 0), 0);
	closedir(dir);
}

static void
world_clear(struct world *w)
{
	char path[192];

	offload_stop(w->offload);
	loop_drain(w->loop);
	bodies_free(&w->bodies);
	assert_null(w->bodies);
	offload_free(&w->offload);
	remove_files(w);
	loop_free(&w->loop);
	snprintf(path, sizeof path, "%s/.used", w->folder);
	unlink(path);
	assert_int_equal(rmdir(w->folder), 0);
}

static void
on_end(void *arg, struct body_kept *kept, const struct err *e)
{
	struct world *w = arg;

	assert_false(w->done);
	w->done = true;
	w->why = e == NULL ? REFUSAL_NONE : e->why;
	if (e == NULL)
		w->kept = *kept;
	loop_stop(w->loop);
}

static char *
letter(size_t n)
{
	char *octets = memory_new(n + 1);

	for (size_t i = 0; i < n; i++)
		octets[i] = (char)(i * 31 + i / 251);
	return octets;
}

static enum refusal
finish(struct world *w, struct body_in *in)
{
	w->done = false;
	body_end_take(in, on_end, w);
	assert_false(w->done); /* never inside the call */
	loop_run(w->loop);
	assert_true(w->done);
	return w->why;
}

/* Each has a name of its own. */
static struct body_in *
begin(struct world *w)
{
	static unsigned char attempt;

	attempt++;
	return body_begin(w->bodies, SPAN_LIT("a key"), span_of(&attempt, 1), w->loop);
}

static struct body_in *
gather(struct world *w, const char *octets, size_t n, size_t piece)
{
	struct body_in *in = begin(w);

	for (size_t at = 0; at < n; at += piece) {
		struct span head;

		body_add(in, span_sub(span_of(octets, n), at, piece));
		head = body_head(in);
		assert_true(head.n <= body_size(in));
		assert_memory_equal(head.p, octets, head.n);
	}
	assert_int_equal(body_size(in), n);
	return in;
}

/* -- reading ----------------------------------------------------------------------------------------- */

struct opened {
	struct world *world;
	struct source *source;
	enum refusal why;
};

static void
on_open(void *arg, struct source *source, const struct err *e)
{
	struct opened *o = arg;

	o->source = source;
	o->why = e == NULL ? REFUSAL_NONE : e->why;
	loop_stop(o->world->loop);
}

static enum refusal
open_body(struct world *w, const char *name, struct source **out)
{
	struct opened o = { w, NULL, REFUSAL_NONE };

	body_open(w->bodies, name, w->loop, on_open, &o);
	assert_null(o.source); /* never inside the call */
	loop_run(w->loop);
	assert_true((o.source == NULL) == (o.why != REFUSAL_NONE));
	*out = o.source;
	return o.why;
}

/* Returns how often it waited. */
static unsigned
expect_source(struct world *w, struct source *s, const char *octets, size_t n)
{
	unsigned waits = 0;
	char piece[7000];
	uint64_t at = 0;
	ssize_t got;

	while (at < n) {
		got = source_read(s, w->loop, at, piece, sizeof piece, &waits);
		assert_in_range((size_t)got, 1, sizeof piece);
		assert_memory_equal(piece, octets + at, (size_t)got);
		at += (uint64_t)got;
	}
	assert_int_equal(at, n);
	assert_int_equal(source_read(s, w->loop, n, piece, sizeof piece, NULL), -1);
	s->free(s);
	return waits;
}

static void
expect_kept(struct world *w, const char *octets, size_t n)
{
	unsigned char digest[DIGEST_BYTES];
	struct source *source;

	digest_sha256(span_of(octets, n), digest);
	assert_memory_equal(w->kept.digest, digest, DIGEST_BYTES);
	assert_int_equal(w->kept.size, n);
	assert_int_equal(open_body(w, w->kept.name, &source), REFUSAL_NONE);
	expect_source(w, source, octets, n);
	body_kept_clear(&w->kept);
}

static void
pass(struct world *w, size_t n, size_t piece)
{
	char *octets = letter(n);
	unsigned char digest[DIGEST_BYTES];
	struct source *source;

	assert_int_equal(finish(w, gather(w, octets, n, piece)), REFUSAL_NONE);
	digest_sha256(span_of(octets, n), digest);
	assert_memory_equal(w->kept.digest, digest, DIGEST_BYTES);
	assert_int_equal(w->kept.size, n);
	if (n <= BODY_INLINE_BYTES) {
		assert_string_equal(w->kept.name, "");
		assert_int_equal(w->kept.octets.len, n);
		assert_int_equal(files(w), 0);
		source = source_bytes(buf_span(&w->kept.octets));
	} else {
		assert_non_null(strstr(w->kept.name, "61206b6579-")); /* "a key" */
		assert_int_equal(w->kept.octets.len, BODY_HEAD_BYTES);
		assert_memory_equal(w->kept.octets.data, octets, BODY_HEAD_BYTES);
		assert_int_equal(files(w), 1);
		assert_int_equal(open_body(w, w->kept.name, &source), REFUSAL_NONE);
	}
	body_kept_clear(&w->kept);
	expect_source(w, source, octets, n);
	body_remove(w->bodies, w->kept.name);
	free(octets);
}

static void
letters_of_every_size(void **state)
{
	static const size_t sizes[] = {
		0,
		1,
		BODY_HEAD_BYTES,
		BODY_INLINE_BYTES - 1,
		BODY_INLINE_BYTES,
		BODY_INLINE_BYTES + 1,
		BIG,
	};
	/* 5 MB: all at once, longer than what stays inline */
	static const size_t pieces[] = { 1000, 16384, 5000000 };
	struct world w;

	(void)state;
	world_of(&w);
	for (size_t p = 0; p < 3; p++) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			pass(&w, sizes[i], pieces[p]);
			settle(&w); /* what was to be removed is */
			assert_int_equal(files(&w), 0);
		}
	}
	world_clear(&w);
}

/* From the disk, and from a file system that cannot say what it has in memory. */
static void
drop_from_memory(const struct world *w)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/%s", w->folder, w->kept.name);
	assert_true((fd = open(path, O_RDONLY)) >= 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
}

static void
count_wakes(void *n)
{
	++*(unsigned *)n;
}

static void
a_source_waits_for_the_disk(void **state)
{
	char *octets = letter(BIG);
	struct source *source;
	struct world w;
	unsigned waits;

	(void)state;
	world_of(&w);
	assert_int_equal(finish(&w, gather(&w, octets, BIG, 65536)), REFUSAL_NONE);
	body_kept_clear(&w.kept);
	drop_from_memory(&w);
	assert_int_equal(open_body(&w, w.kept.name, &source), REFUSAL_NONE);
	waits = expect_source(&w, source, octets, BIG);
	assert_in_range(waits, 1, BIG / 65536);
	body_remove(w.bodies, w.kept.name);
	free(octets);
	world_clear(&w);
}

/* It answers the same until it wakes its reader, and never afterwards. */
static void
a_source_wakes_its_reader_once(void **state)
{
	char *octets = letter(BIG), piece[1000];
	struct source *source;
	unsigned waits = 0;
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(finish(&w, gather(&w, octets, BIG, 65536)), REFUSAL_NONE);
	body_kept_clear(&w.kept);
	drop_from_memory(&w);
	assert_int_equal(open_body(&w, w.kept.name, &source), REFUSAL_NONE);
	source->wake = count_wakes;
	source->wake_arg = &waits;
	for (int i = 0; i < 3; i++)
		assert_int_equal(source->read(source, 0, piece, sizeof piece), SOURCE_WAIT);
	assert_int_equal(waits, 0);
	offload_stop(w.offload);
	assert_int_equal(source->read(source, 0, piece, sizeof piece), SOURCE_WAIT);
	loop_drain(w.loop);
	assert_int_equal(waits, 1);
	assert_int_equal(source->read(source, 0, piece, sizeof piece), sizeof piece);
	assert_memory_equal(piece, octets, sizeof piece);
	drop_from_memory(&w);
	assert_int_equal(source->read(source, BIG - 500, piece, sizeof piece), SOURCE_WAIT);
	source->free(source); /* while it waits */
	loop_drain(w.loop);
	assert_int_equal(waits, 1);
	free(octets);
	world_clear(&w);
}

/* The file is shorter than its record says. */
static void
a_source_that_ends_early_is_told(void **state)
{
	char *octets = letter(BIG), path[512], piece[100];
	struct source *source;
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(finish(&w, gather(&w, octets, BIG, 65536)), REFUSAL_NONE);
	body_kept_clear(&w.kept);
	snprintf(path, sizeof path, "%s/%s", w.folder, w.kept.name);
	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(open_body(&w, w.kept.name, &source), REFUSAL_NONE);
	assert_int_equal(source_read(source, w.loop, 950, piece, sizeof piece, NULL), 50);
	for (int i = 0; i < 2; i++)
		assert_int_equal(source_read(source, w.loop, 1000, piece, sizeof piece, NULL), -1);
	source->free(source);
	free(octets);
	world_clear(&w);
}

static void
what_is_given_up_leaves_nothing(void **state)
{
	struct world w;
	char *octets = letter(BIG);

	(void)state;
	world_of(&w);
	body_abort_take(gather(&w, octets, 100, 100));
	body_abort_take(gather(&w, octets, BIG, 65536));
	body_abort_take(begin(&w));
	settle(&w);
	assert_int_equal(files(&w), 0);
	free(octets);
	world_clear(&w);
}

/* A folder that is closed while a letter is under way: the letter ends as it would have. */
static void
what_is_under_way_keeps_it(void **state)
{
	struct world w;
	struct body_in *in;
	char *octets = letter(BIG);

	(void)state;
	world_of(&w);
	in = gather(&w, octets, BIG, 65536);
	bodies_free(&w.bodies);
	assert_int_equal(finish(&w, in), REFUSAL_NONE);
	assert_int_equal(files(&w), 1);
	body_kept_clear(&w.kept);
	reopen(&w);
	free(octets);
	world_clear(&w);
}

/* The disk says no in the middle of a letter. */
static void
a_fault_is_told_at_the_end(void **state)
{
	struct world w;
	struct rlimit old, small;
	struct body_in *in;
	char *octets = letter(BIG);

	(void)state;
	world_of(&w);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	in = begin(&w);
	body_add(in, span_of(octets, BIG / 2));
	body_add(in, span_of(octets, BIG / 2));
	assert_int_equal(finish(&w, in), REFUSAL_storage);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(files(&w), 0);
	free(octets);
	world_clear(&w);
}

/* The folder is gone: no file can be made. */
static void
a_file_that_cannot_be_made(void **state)
{
	struct world w;
	char *octets = letter(BIG);
	struct body_in *in;

	(void)state;
	world_of(&w);
	assert_int_equal(rmdir(w.folder), 0);
	in = begin(&w);
	body_add(in, span_of(octets, BIG));
	body_add(in, span_of(octets, BIG));
	assert_int_equal(finish(&w, in), REFUSAL_storage);
	assert_int_equal(mkdir(w.folder, 0700), 0);
	reopen(&w);
	free(octets);
	world_clear(&w);
}

/* The renaming fails: its temporary file was taken away. */
static void
a_file_that_cannot_be_named(void **state)
{
	struct world w;
	char *octets = letter(BIG), path[512];
	struct body_in *in;
	struct dirent *d;
	DIR *dir;

	(void)state;
	world_of(&w);
	in = gather(&w, octets, BIG, 65536);
	for (int i = 0; i < 10000 && files(&w) == 0; i++)
		usleep(1000);
	dir = opendir(w.folder);
	while ((d = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", w.folder, d->d_name);
		if (d->d_name[0] != '.')
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
	assert_int_equal(finish(&w, in), REFUSAL_storage);
	assert_int_equal(files(&w), 0);
	free(octets);
	world_clear(&w);
}

static void
touch(const struct world *w, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/%s", w->folder, name);
	assert_true((fd = open(path, O_WRONLY | O_CREAT, 0600)) >= 0);
	close(fd);
}

static enum refusal
take(struct world *w, size_t n)
{
	char *octets = letter(n);
	enum refusal why = finish(w, gather(w, octets, n, 50000));

	free(octets);
	if (why == REFUSAL_NONE)
		body_kept_clear(&w->kept);
	return why;
}

#define LIMIT ((size_t)1024 * 1024)

/* -- a disk that is slower than the octets come -------------------------------------------------------- */

static void
count_ready(void *arg)
{
	++*(unsigned *)arg;
}

/* No job works yet, and the writer stops in time. */
static void
a_slow_disk_holds_the_writer_back(void **state)
{
	struct world w;
	struct body_in *in;
	char *octets = letter(BIG);
	unsigned ready = 0;
	size_t at = 0;
	struct err e;

	(void)state;
	world_of(&w);
	offload_free(&w.offload);
	assert_true(offload_new(&w.offload, 2, &e)); /* not started */
	reopen(&w);
	in = begin(&w);
	body_when_ready(in, count_ready, &ready);
	for (; !body_full(in); at += 1000)
		body_add(in, span_of(octets + at, 1000));
	assert_in_range(at, BODY_INLINE_BYTES + 65536, BODY_INLINE_BYTES + 65536 + 2000);
	assert_int_equal(ready, 0);
	assert_true(offload_start(w.offload, &e));
	while (ready == 0)
		loop_drain(w.loop);
	assert_false(body_full(in));
	body_add(in, span_of(octets + at, BIG - at));
	assert_int_equal(finish(&w, in), REFUSAL_NONE);
	assert_int_equal(ready, 1);
	expect_kept(&w, octets, BIG);
	free(octets);
	world_clear(&w);
}

/* The letter is given up, or ends, while a job has it. */
static void
what_a_job_has_may_end(void **state)
{
	struct world w;
	struct body_in *in;
	char *octets = letter(BIG);
	struct err e;

	(void)state;
	world_of(&w);
	for (int i = 0; i < 2; i++) {
		offload_free(&w.offload);
		loop_drain(w.loop);
		assert_true(offload_new(&w.offload, 2, &e));
		reopen(&w);
		in = begin(&w);
		body_add(in, span_of(octets, BIG));
		w.done = false;
		if (i == 0)
			body_abort_take(in);
		else
			body_end_take(in, on_end, &w);
		assert_true(offload_start(w.offload, &e));
		if (i == 1)
			loop_run(w.loop);
		settle(&w);
		assert_int_equal(files(&w), i);
	}
	assert_true(w.done);
	expect_kept(&w, octets, BIG);
	free(octets);
	world_clear(&w);
}

/* -- room ------------------------------------------------------------------------------------------- */

static void
files_stay_below_the_limit(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	w.limit = LIMIT;
	reopen(&w);
	assert_int_equal(take(&w, LIMIT + 1), REFUSAL_system_full);
	assert_int_equal(bodies_used(w.bodies), 0);
	assert_int_equal(files(&w), 0);
	assert_int_equal(take(&w, LIMIT - BODY_INLINE_BYTES - 1), REFUSAL_NONE);
	assert_int_equal(take(&w, BODY_INLINE_BYTES + 2), REFUSAL_system_full);
	assert_int_equal(take(&w, BODY_INLINE_BYTES), REFUSAL_NONE); /* no file */
	assert_int_equal(take(&w, BODY_INLINE_BYTES + 1), REFUSAL_NONE);
	assert_int_equal(bodies_used(w.bodies), LIMIT);
	world_clear(&w);
}

static void
the_folder_is_ours_alone(void **state)
{
	struct world w;
	struct bodies *s;
	struct stat st;
	struct err e;
	char path[512];

	(void)state;
	world_of(&w);
	snprintf(path, sizeof path, "%s/new", w.folder);
	assert_true(bodies_open(path, UINT64_MAX, w.offload, &s, &e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	bodies_free(&s);
	assert_int_equal(rmdir(path), 0);
	touch(&w, "new");
	assert_false(bodies_open(path, UINT64_MAX, w.offload, &s, &e));
	assert_int_equal(e.why, REFUSAL_storage);
	assert_int_equal(unlink(path), 0);
	world_clear(&w);
}

/* -- a file system without a block left ----------------------------------------------------------- */

static enum refusal
try(struct world *w, const char *octets, size_t n)
{
	struct body_in *in = begin(w);

	for (size_t at = 0; at < n; at += 65536)
		body_add(in, span_sub(span_of(octets, n), at, 65536));
	return finish(w, in);
}

static void
full_disk(enum full_kind kind)
{
	struct full f;
	struct world w = { .limit = UINT64_MAX };
	char *octets = letter(BIG);
	struct err e;
	char kept[BODY_NAME_BYTES];

	full_mount(&f, kind);
	snprintf(w.folder, sizeof w.folder, "%s/bodies", f.disk);
	assert_true(loop_new(&w.loop, &e));
	assert_true(offload_new(&w.offload, 2, &e));
	assert_true(offload_start(w.offload, &e));
	reopen(&w);
	assert_int_equal(try(&w, octets, BIG), REFUSAL_NONE);
	memcpy(kept, w.kept.name, sizeof kept);
	body_kept_clear(&w.kept);
	full_fill(&f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(try(&w, octets, BIG), REFUSAL_system_full);
		assert_int_equal(files(&w), 1);
		assert_int_equal(bodies_used(w.bodies), BIG);
	}
	reopen(&w);
	body_remove(w.bodies, kept);
	offload_free(&w.offload); /* ends what it was to do */
	assert_int_equal(files(&w), 0);
	assert_true(offload_new(&w.offload, 2, &e));
	assert_true(offload_start(w.offload, &e));
	reopen(&w);
	sync();
	assert_int_equal(try(&w, octets, BIG / 2), REFUSAL_NONE);
	body_kept_clear(&w.kept);
	world_clear(&w);
	full_relieve(&f);
	full_unmount(&f);
	free(octets);
}

static void
a_full_tmpfs_refuses_a_letter(void **state)
{
	(void)state;
	full_disk(FULL_TMPFS);
}

static void
a_full_ext4_refuses_a_letter(void **state)
{
	(void)state;
	full_disk(FULL_EXT4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_of_every_size),
		cmocka_unit_test(a_source_waits_for_the_disk),
		cmocka_unit_test(a_source_wakes_its_reader_once),
		cmocka_unit_test(a_source_that_ends_early_is_told),
		cmocka_unit_test(what_is_given_up_leaves_nothing),
		cmocka_unit_test(what_is_under_way_keeps_it),
		cmocka_unit_test(a_fault_is_told_at_the_end),
		cmocka_unit_test(a_full_tmpfs_refuses_a_letter),
		cmocka_unit_test(a_full_ext4_refuses_a_letter),
		cmocka_unit_test(a_file_that_cannot_be_made),
		cmocka_unit_test(a_file_that_cannot_be_named),
		cmocka_unit_test(a_slow_disk_holds_the_writer_back),
		cmocka_unit_test(what_a_job_has_may_end),
		cmocka_unit_test(files_stay_below_the_limit),
		cmocka_unit_test(the_folder_is_ours_alone),
	};

	return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
