/* body_orphans — files of earlier processes are counted, and go if no record names them; what this process makes
 * stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/store/body_orphans.h"
#include "tests/temp.h"

#define OLD "00112233445566778899aabbccddeeff" /* a name of an earlier version */

struct world {
	char folder[128];
	struct loop *loop;
	struct offload *offload;
	struct bodies *bodies;
	struct body_kept kept;
	/* the asker */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;              /* pages wait for let_go */
	struct body_page *page; /* one that waits */
	unsigned pages, asked;
	bool asked_of_ours; /* a name whose key is "ours" */
	bool over;
};

/* -- the asker: a record names the file if the first octet of its key is even ----------------------- */

static void
answer(struct world *w, struct body_page *p)
{
	unsigned char key[BODY_KEY_MAX];
	size_t n;

	for (size_t i = 0; i < p->n; i++) {
		assert_true(body_name_key(p->name[i], key, &n));
		p->named[i] = key[0] % 2 == 0;
		w->asked_of_ours |= n == 4 && memcmp(key, "ours", 4) == 0;
	}
	w->asked += (unsigned)p->n;
	body_page_answered(p);
}

static void
ask(void *arg, struct body_page *p)
{
	struct world *w = arg;
	bool held;

	pthread_mutex_lock(&w->lock);
	w->pages++;
	if ((held = w->held))
		w->page = p;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (!held)
		answer(w, p);
}

static void
over(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->over = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void
wait_for_page(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->page == NULL)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void
let_go(struct world *w)
{
	struct body_page *p = w->page;

	pthread_mutex_lock(&w->lock);
	w->held = false;
	w->page = NULL;
	pthread_mutex_unlock(&w->lock);
	answer(w, p);
}

static void
wait_until_over(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->over)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	assert_true(body_orphans_over(w->bodies));
}

/* -- the folder ----------------------------------------------------------------------------------- */

static void
world_of(struct world *w)
{
	struct err e;

	*w = (struct world) { .held = false };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	temp_name(w->folder, sizeof w->folder, "tillcalled-orphans-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 2, &e) && offload_start(w->offload, &e));
	assert_true(bodies_open(w->folder, UINT64_MAX, w->offload, &w->bodies, &e));
}

static void
start(struct world *w)
{
	body_orphans_start(w->bodies, &(struct body_asker) { ask, over, w });
}

static unsigned
files(const struct world *w, bool remove)
{
	DIR *dir = opendir(w->folder);
	struct dirent *d;
	unsigned n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.') {
			n++;
			assert_true(!remove || unlinkat(dirfd(dir), d->d_name, 0) == 0);
		}
	closedir(dir);
	return n;
}

static void
world_clear(struct world *w)
{
	char path[192];

	offload_stop(w->offload);
	loop_drain(w->loop);
	bodies_free(&w->bodies);
	offload_free(&w->offload);
	loop_free(&w->loop);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	files(w, true);
	snprintf(path, sizeof path, "%s/.used", w->folder);
	unlink(path);
	assert_int_equal(rmdir(w->folder), 0);
}

static void
make(const struct world *w, const char *name, size_t octets)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/%s", w->folder, name);
	assert_true((fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600)) >= 0);
	assert_int_equal(ftruncate(fd, (off_t)octets), 0);
	close(fd);
}

static bool
exists(const struct world *w, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", w->folder, name);
	return stat(path, &st) == 0;
}

static void
name_of(char name[BODY_NAME_BYTES], unsigned i)
{
	unsigned char key[2] = { (unsigned char)(i & 0xff), (unsigned char)(i >> 8) };

	body_name(name, span_of(key, sizeof key), SPAN_LIT("try"));
}

/* So many files with 100 octets, half of which a record names. */
static void
make_many(const struct world *w, unsigned n)
{
	char name[BODY_NAME_BYTES];

	for (unsigned i = 0; i < n; i++) {
		name_of(name, i);
		make(w, name, 100);
	}
}

static void
on_end(void *arg, struct body_kept *kept, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->kept = *kept;
	body_kept_clear(&w->kept);
	loop_stop(w->loop);
}

/* This process makes one, of a key that no record has yet. */
static void
make_ours(struct world *w, unsigned attempt)
{
	struct body_in *in;
	static char octets[BODY_INLINE_BYTES + 1];

	in = body_begin(w->bodies, SPAN_LIT("ours"), span_of(&attempt, sizeof attempt), w->loop);
	body_add(in, span_of(octets, sizeof octets));
	body_end_take(in, on_end, w);
	loop_run(w->loop);
}

/* -- tests ---------------------------------------------------------------------------------------- */

static void
names_have_keys(void **state)
{
	static const char *const bad[] = { "", "-", "00", "00-", "-00", "0-00", "00-0", "00-00-00",
		"0G-00", "00-0A", OLD, OLD "-" OLD "00", OLD OLD "-00", "00-00.tmp" };
	unsigned char octets[BODY_KEY_MAX], key[BODY_KEY_MAX];
	char name[BODY_NAME_BYTES];
	size_t n;

	(void)state;
	memset(octets, 0xa7, sizeof octets);
	for (size_t k = 1; k <= BODY_KEY_MAX; k++)
		for (size_t a = 1; a <= BODY_ATTEMPT_MAX; a++) {
			body_name(name, span_of(octets, k), span_of(octets, a));
			assert_int_equal(strlen(name), 2 * k + 1 + 2 * a);
			assert_true(body_name_key(name, key, &n));
			assert_int_equal(n, k);
			assert_memory_equal(key, octets, k);
		}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(body_name_key(bad[i], key, &n));
}

static void
what_no_record_names_goes(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	make_many(&w, 1000);
	make(&w, "00-00.tmp", 7);
	make(&w, OLD ".tmp", 7);
	make(&w, OLD, 1000000);
	make(&w, "README", 7);
	start(&w);
	wait_until_over(&w);
	assert_int_equal(w.asked, 1000);
	assert_in_range(w.pages, 1000 / BODY_PAGE, 1000 / BODY_PAGE + 20);
	assert_int_equal(files(&w, false), 500 + 2);
	assert_true(exists(&w, OLD));
	assert_true(exists(&w, "README")); /* a stranger's file */
	assert_int_equal(bodies_used(w.bodies), 500 * 100 + 1000000);
	world_clear(&w);
}

/* Its record is still to come. */
static void
what_this_process_makes_stays(void **state)
{
	char path[BODY_NAME_BYTES + 8];
	struct body_in *in;
	static char octets[BODY_INLINE_BYTES + 1];
	struct world w = { .held = true };

	(void)state;
	world_of(&w);
	w.held = true;
	make_many(&w, 2000); /* more than one call of the system reads */
	start(&w);
	wait_for_page(&w);
	for (unsigned i = 0; i < 20; i++)
		make_ours(&w, i);
	in = body_begin(w.bodies, SPAN_LIT("ours"), SPAN_LIT("half"), w.loop);
	body_add(in, span_of(octets, sizeof octets));
	body_name(path, SPAN_LIT("ours"), SPAN_LIT("half"));
	strcat(path, ".tmp");
	for (int i = 0; i < 10000 && !exists(&w, path); i++)
		usleep(1000);
	let_go(&w);
	wait_until_over(&w);
	assert_false(w.asked_of_ours);
	assert_int_equal(w.asked, 2000);
	assert_int_equal(files(&w, false), 1000 + 20 + 1);
	assert_int_equal(bodies_used(w.bodies), 1000 * 100 + 21 * (BODY_INLINE_BYTES + 1));
	body_abort_take(in);
	body_remove(w.bodies, w.kept.name);
	offload_stop(w.offload);
	loop_drain(w.loop);
	assert_int_equal(files(&w, false), 1000 + 19);
	assert_int_equal(bodies_used(w.bodies), 1000 * 100 + 19 * (BODY_INLINE_BYTES + 1));
	world_clear(&w);
}

/* A file whose octets are not counted yet must not be counted as removed. */
static void
a_removal_waits_for_the_count(void **state)
{
	char name[BODY_NAME_BYTES];
	struct world w;

	(void)state;
	world_of(&w);
	w.held = true;
	make_many(&w, 300);
	start(&w);
	wait_for_page(&w);
	make_ours(&w, 0);
	body_remove(w.bodies, w.kept.name); /* counted when it was written */
	for (unsigned i = 0; i < 20; i += 2) {
		name_of(name, i);
		body_remove(w.bodies, name);
	}
	for (int i = 0; i < 10000 && exists(&w, w.kept.name); i++)
		usleep(1000);
	assert_int_equal(files(&w, false), 300);
	let_go(&w);
	wait_until_over(&w);
	offload_stop(w.offload);
	assert_int_equal(files(&w, false), 140);
	assert_int_equal(bodies_used(w.bodies), 140 * 100);
	world_clear(&w);
}

/* After it was stopped, nobody is asked, and what waited for its removal goes. */
/* The folder is opened again, as by the next process. */
static void
open_again(struct world *w, bool held)
{
	struct err e;

	body_orphans_stop(w->bodies);
	bodies_free(&w->bodies);
	w->held = held;
	w->over = false;
	w->page = NULL;
	assert_true(bodies_open(w->folder, 1000000, w->offload, &w->bodies, &e));
}

static void
write_number(const struct world *w, const char *number)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof path, "%s/.used", w->folder);
	assert_non_null(f = fopen(path, "w"));
	fputs(number, f);
	fclose(f);
}

/* Before all files are counted the limit counts what the last process knew; the count corrects it. */
static void
what_was_known_counts_until_all_is_counted(void **state)
{
	static const struct {
		const char *number; /* that a crash has left; NULL: a stop in order */
		uint64_t before;
	} rows[] = {
		{ NULL, 400000 },
		{ "300000\n", 300000 },
		{ "900000\n", 900000 },
		{ "2000000\n", 0 }, /* more than there may be */
		{ "no number", 0 },
		{ "", 0 },
	};
	char name[BODY_NAME_BYTES];
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 0; i < 4; i += 2) {
		name_of(name, i);
		make(&w, name, 200000);
	}
	start(&w);
	wait_until_over(&w);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		open_again(&w, true);
		if (rows[i].number != NULL) {
			bodies_free(&w.bodies);
			write_number(&w, rows[i].number);
			open_again(&w, true);
		}
		assert_int_equal(bodies_used(w.bodies), rows[i].before);
		start(&w);
		wait_for_page(&w);
		assert_true(bodies_used(w.bodies) >= rows[i].before);
		let_go(&w);
		wait_until_over(&w);
		assert_int_equal(bodies_used(w.bodies), 400000);
	}
	world_clear(&w);
}

static void
it_can_be_stopped(void **state)
{
	char name[BODY_NAME_BYTES];
	struct world w;

	(void)state;
	world_of(&w);
	body_orphans_stop(w.bodies); /* never started */
	w.held = true;
	make_many(&w, 300);
	start(&w);
	wait_for_page(&w);
	name_of(name, 0);
	body_remove(w.bodies, name);
	body_orphans_stop(w.bodies);
	assert_int_equal(w.pages, 1);
	let_go(&w);
	for (int i = 0; i < 10000 && !body_orphans_over(w.bodies); i++)
		usleep(1000);
	offload_stop(w.offload);
	assert_int_equal(w.pages, 1);
	assert_false(w.over);
	assert_false(exists(&w, name));
	assert_int_equal(files(&w, false), 299);
	world_clear(&w);
}

/* Its store has let the folder go meanwhile: the last reference is its own. */
static void
a_page_may_be_answered_after_the_stop(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	w.held = true;
	make_many(&w, 300);
	start(&w);
	wait_for_page(&w);
	body_orphans_stop(w.bodies);
	bodies_free(&w.bodies);
	let_go(&w);
	offload_stop(w.offload);
	assert_int_equal(w.pages, 1);
	assert_int_equal(files(&w, false), 300);
	world_clear(&w);
}

/* The process ends while a page is out. */
static void
it_may_end_with_the_threads(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	w.held = true;
	make_many(&w, 300);
	start(&w);
	wait_for_page(&w);
	offload_stop(w.offload);
	let_go(&w);
	assert_true(body_orphans_over(w.bodies));
	assert_int_equal(files(&w, false), 300);
	world_clear(&w);
}

/* -- a migration ---------------------------------------------------------------------------------- */

static void
an_old_file_gets_a_new_name(void **state)
{
	char path[512], name[BODY_NAME_BYTES];
	struct world old, new;
	struct err e;

	(void)state;
	world_of(&old);
	world_of(&new);
	make(&old, OLD, 200000);
	snprintf(path, sizeof path, "%s/" OLD, old.folder);
	body_name(name, SPAN_LIT("\x02the key"), SPAN_LIT("try"));
	for (int i = 0; i < 2; i++) /* the migration may be repeated */
		assert_true(body_adopt(new.bodies, path, name, &e));
	assert_true(bodies_sync(new.bodies, &e));
	assert_int_equal(bodies_used(new.bodies), 200000);
	assert_true(exists(&old, OLD) && exists(&new, name));
	body_remove(new.bodies, name);
	offload_stop(new.offload);
	assert_true(exists(&old, OLD) && !exists(&new, name));
	assert_int_equal(bodies_used(new.bodies), 0);
	strcat(path, "x");
	assert_false(body_adopt(new.bodies, path, name, &e));
	assert_int_equal(e.why, REFUSAL_storage);
	world_clear(&new);
	world_clear(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_keys),
		cmocka_unit_test(what_no_record_names_goes),
		cmocka_unit_test(what_this_process_makes_stays),
		cmocka_unit_test(a_removal_waits_for_the_count),
		cmocka_unit_test(what_was_known_counts_until_all_is_counted),
		cmocka_unit_test(it_can_be_stopped),
		cmocka_unit_test(a_page_may_be_answered_after_the_stop),
		cmocka_unit_test(it_may_end_with_the_threads),
		cmocka_unit_test(an_old_file_gets_a_new_name),
	};

	return cmocka_run_group_tests_name("body_orphans", tests, NULL, NULL);
}
