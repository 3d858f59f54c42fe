/* db — writes, commits and damage of the store under kv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/db_scene.h"

/* -- tests --------------------------------------------------------------------------------------- */

static void
what_was_acknowledged_is_there_after_a_restart(void **state)
{
	struct world w;

	(void)state;
	world_of(&w, SIZE);
	assert_int_equal(now(&w, PUT, "a", 100), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "b", 0), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "big", 200000), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "c", 5), REFUSAL_NONE);
	assert_int_equal(now(&w, DEL, "c", 0), REFUSAL_NONE);
	assert_int_equal(now(&w, DEL, "never", 0), REFUSAL_NONE);
	reopen(&w);
	assert_int_equal(look(&w, "a"), 100);
	assert_int_equal(look(&w, "b"), 0);
	assert_int_equal(look(&w, "big"), 200000);
	assert_int_equal(look(&w, "c"), -1);
	world_clear(&w);
}

static void
folder_and_files_are_ours_alone(void **state)
{
	struct world w;
	struct stat st;
	struct db *second;
	struct err e;
	char path[160];

	(void)state;
	world_of(&w, SIZE);
	assert_int_equal(stat(w.folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof path, "%s/data.mdb", w.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(db_open(w.folder, SIZE, tables, TABLES, &second, &e));
	assert_int_equal(e.why, REFUSAL_config);
	db_close(&w.db);
	assert_int_equal(chmod(w.folder, 0755), 0);
	reopen(&w);
	assert_int_equal(stat(w.folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	world_clear(&w);
}

static void
what_changes_nothing_is_no_write(void **state)
{
	struct world w;
	struct db_counts before, c;

	(void)state;
	world_of(&w, SIZE);
	db_counts(w.db, &before);
	assert_int_equal(now(&w, NOTHING, "a", 1), REFUSAL_NONE);
	db_counts(w.db, &c);
	assert_int_equal(c.writes, before.writes);
	assert_int_equal(c.commits, before.commits);
	assert_int_equal(now(&w, PUT, "a", 1), REFUSAL_NONE);
	db_counts(w.db, &c);
	assert_int_equal(c.writes, before.writes + 1);
	world_clear(&w);
}

#define MANY 5000

static void
many_writes_share_a_commit(void **state)
{
	struct world w;
	struct op *o = memory_array(MANY, sizeof *o);
	struct db_counts before, c;
	char key[32];

	(void)state;
	world_of(&w, SIZE);
	db_counts(w.db, &before);
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "%08d", i);
		submit(&w, &o[i], PUT, key, 50);
	}
	wait_all(&w);
	db_counts(w.db, &c);
	assert_int_equal(c.writes - before.writes, MANY);
	assert_true(c.commits - before.commits <= MANY / 10);
	assert_true(c.commits - before.commits >= MANY / DB_BATCH_WRITES);
	assert_true(c.used_bytes > 0 && c.used_bytes < c.size_bytes);
	for (int i = 0; i < MANY; i++) {
		assert_true(o[i].done && o[i].why == REFUSAL_NONE && o[i].runs == 1);
		buf_clear(&o[i].value);
	}
	free(o);
	world_clear(&w);
}

static void
a_write_is_refused_alone(void **state)
{
	struct world w;
	struct op o[64];
	char key[32];

	(void)state;
	world_of(&w, SIZE);
	for (int i = 0; i < 64; i++) {
		snprintf(key, sizeof key, "%08d", i);
		submit(&w, &o[i], i % 3 == 1 ? JUDGE : PUT, key, 50);
	}
	wait_all(&w);
	reopen(&w);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(o[i].why, i % 3 == 1 ? REFUSAL_id_conflict : REFUSAL_NONE);
		assert_int_equal(look(&w, o[i].key), i % 3 == 1 ? -1 : 50);
		buf_clear(&o[i].value);
	}
	world_clear(&w);
}

/* Refused after its first put, or with a key that cannot be one: nothing of it is committed, and
 * the others are not touched by it. */
static void
a_torn_write_is_not_committed(void **state)
{
	static const enum refusal want[] = {
		REFUSAL_NONE,
		REFUSAL_duplicate,
		REFUSAL_storage,
		REFUSAL_NONE,
	};
	struct world w;
	struct op o[4];

	(void)state;
	world_of(&w, SIZE);
	submit(&w, &o[0], PUT, "a", 10);
	submit(&w, &o[1], TORN, "b", 10);
	submit(&w, &o[2], WRONG_KEY, "c", 10);
	submit(&w, &o[3], PUT, "d", 10);
	wait_all(&w);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(o[i].why, want[i]);
		assert_int_equal(look(&w, o[i].key), want[i] == REFUSAL_NONE ? 10 : -1);
		buf_clear(&o[i].value);
	}
	world_clear(&w);
}

/* What apply looked for and did not find is no refusal once it says true. */
static void
true_is_true(void **state)
{
	struct world w;

	(void)state;
	world_of(&w, SIZE);
	assert_int_equal(now(&w, LOOK, "a", 10), REFUSAL_NONE);
	assert_int_equal(look(&w, "a"), 10);
	world_clear(&w);
}

/* -- a file system without a block left ----------------------------------------------------------- */

static void
the_queue_is_bounded(void **state)
{
	struct world w;
	struct op o[2], more = { .act = PUT };
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct err e;

	(void)state;
	world_of(&w, SIZE);
	pthread_mutex_lock(&gate);
	o[0] = (struct op) { .world = &w, .act = PUT, .key = "held", .gate = &gate };
	o[0].write = (struct db_write) { .apply = apply,
		.done = done,
		.arg = &o[0],
		.home = w.loop };
	w.waiting = 1;
	assert_true(db_write_take(w.db, &o[0].write, &e));
	usleep(20000); /* the writer has it */
	submit(&w, &o[1], PUT, "much", 100);
	more.write.octets = DB_QUEUE_BYTES + 1;
	more.write.apply = apply;
	more.write.done = done;
	more.write.arg = &more;
	more.write.home = w.loop;
	more.world = &w;
	more.act = JUDGE;
	w.waiting++;
	assert_true(db_write_take(w.db, &more.write, &e)); /* one may pass the bound */
	struct op last = { .world = &w };
	assert_false(db_write_take(w.db, &last.write, &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	pthread_mutex_unlock(&gate);
	wait_all(&w);
	assert_int_equal(now(&w, PUT, "again", 10), REFUSAL_NONE);
	buf_clear(&o[1].value);
	world_clear(&w);
}

static bool
count(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return true;
}

/* Turns an octet of the value that follows `mark` in the file, in each copy of it. */
static void
damage(const struct world *w, const char *mark)
{
	char path[160], *octets, *at;
	off_t n;
	int fd;

	snprintf(path, sizeof path, "%s/data.mdb", w->folder);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	n = lseek(fd, 0, SEEK_END);
	octets = memory_new((size_t)n);
	assert_int_equal(pread(fd, octets, (size_t)n, 0), n);
	for (at = octets; (at = memmem(at, (size_t)(octets + n - at), mark, strlen(mark))) != NULL;
	     at += strlen(mark))
		at[strlen(mark) + 3] ^= 1;
	assert_int_equal(pwrite(fd, octets, (size_t)n, 0), n);
	free(octets);
	close(fd);
}

static void
a_damaged_record_is_an_error(void **state)
{
	struct world w;
	struct db_txn *t;
	struct span value;
	struct err e;
	unsigned n = 0;

	(void)state;
	world_of(&w, SIZE);
	now(&w, PUT, "alpha", 30);
	now(&w, PUT, "broken-one", 30);
	now(&w, PUT, "gamma", 30);
	db_close(&w.db);
	damage(&w, "broken-one");
	reopen(&w);
	assert_int_equal(look(&w, "alpha"), 30);
	assert_int_equal(look(&w, "broken-one"), -2);
	assert_true(db_read(w.db, &t, &e));
	db_each(t, T_ONE, (struct span) { 0 }, (struct span) { 0 }, count, &n);
	assert_int_equal(n, 2);
	assert_false(db_fault(t, &e));
	assert_int_equal(db_entries(t, T_ONE), 3);
	/* a fault until it was told of */
	assert_false(db_get(t, T_ONE, SPAN_LIT("broken-one"), &value));
	assert_false(db_get(t, T_ONE, SPAN_LIT("alpha"), &value));
	assert_true(db_fault(t, &e));
	assert_true(db_get(t, T_ONE, SPAN_LIT("alpha"), &value));
	db_read_end(&t);
	assert_int_equal(now(&w, PUT, "broken-one", 40), REFUSAL_NONE);
	assert_int_equal(look(&w, "broken-one"), 40);
	world_clear(&w);
}

static bool
apply_get(struct db_txn *t, void *arg, struct err *e)
{
	struct op *o = arg;
	struct span value;

	if (!db_get(t, T_ONE, span_str(o->key), &value) && db_fault(t, e))
		return false;
	db_put(t, T_TWO, span_str(o->key), SPAN_LIT("copied"));
	return !db_fault(t, e);
}

/* A write that reads a damaged record is refused; others of the same batch are not. */
static void
a_damaged_record_refuses_its_writer_alone(void **state)
{
	struct world w;
	struct op o[3];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

	(void)state;
	world_of(&w, SIZE);
	now(&w, PUT, "broken-one", 30);
	db_close(&w.db);
	damage(&w, "broken-one");
	reopen(&w);
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 3; i++) {
		o[i] = (struct op) { .world = &w, .act = PUT, .gate = i == 0 ? &gate : NULL };
		snprintf(o[i].key, sizeof o[i].key, i == 1 ? "broken-one" : "good%d", i);
		o[i].write = (struct db_write) { .apply = i == 1 ? apply_get : apply,
			.done = done,
			.arg = &o[i],
			.home = w.loop };
		w.waiting++;
		assert_true(db_write_take(w.db, &o[i].write, &(struct err) { 0 }));
	}
	pthread_mutex_unlock(&gate);
	wait_all(&w);
	assert_int_equal(o[0].why, REFUSAL_NONE);
	assert_int_equal(o[1].why, REFUSAL_storage);
	assert_int_equal(o[2].why, REFUSAL_NONE);
	world_clear(&w);
}

static void
the_last_of_a_prefix(void **state)
{
	struct world w;
	struct db_txn *t;
	struct span key, value;
	struct err e;
	unsigned n = 0;

	(void)state;
	world_of(&w, SIZE);
	now(&w, PUT, "a1", 1);
	now(&w, PUT, "a2", 2);
	now(&w, PUT, "b1", 3);
	assert_true(db_read(w.db, &t, &e));
	assert_true(db_last(t, T_ONE, SPAN_LIT("a"), &key, &value));
	assert_true(span_eq(key, SPAN_LIT("a2")) && value.n == 2);
	assert_true(db_last(t, T_ONE, SPAN_LIT("b"), &key, &value));
	assert_true(span_eq(key, SPAN_LIT("b1")));
	assert_false(db_last(t, T_ONE, SPAN_LIT("c"), &key, &value));
	assert_false(db_last(t, T_TWO, (struct span) { 0 }, &key, &value));
	db_each(t, T_ONE, SPAN_LIT("a2"), SPAN_LIT("a"), count, &n);
	assert_int_equal(n, 1);
	db_read_end(&t);
	world_clear(&w);
}

/* What cannot be written ends the process with 74, and nothing is acknowledged. */
static void
an_io_error_at_commit_ends_the_process(void **state)
{
	char folder[64];
	struct world w = { .size = SIZE };
	int status;
	pid_t pid;

	(void)state;
	temp_name(folder, sizeof folder, "tillcalled-db-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(w.folder, sizeof w.folder, "%s", folder);
	if ((pid = fork()) == 0) {
		static struct op o;
		struct rlimit least = { 40960, 40960 };
		struct err e;

		signal(SIGXFSZ, SIG_IGN);
		if (!loop_new(&w.loop, &e) ||
		    !db_open(w.folder, w.size, tables, TABLES, &w.db, &e) ||
		    setrlimit(RLIMIT_FSIZE, &least) != 0)
			_exit(2);
		close(2);
		submit(&w, &o, PUT, "a", 100000);
		loop_run(w.loop); /* until it is acknowledged */
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 74);
	{
		struct err e;

		assert_true(loop_new(&w.loop, &e));
		reopen(&w);
		assert_int_equal(look(&w, "a"), -1);
		assert_int_equal(now(&w, PUT, "a", 7), REFUSAL_NONE);
	}
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_io_error_at_commit_ends_the_process),
		cmocka_unit_test(what_was_acknowledged_is_there_after_a_restart),
		cmocka_unit_test(folder_and_files_are_ours_alone),
		cmocka_unit_test(what_changes_nothing_is_no_write),
		cmocka_unit_test(many_writes_share_a_commit),
		cmocka_unit_test(a_write_is_refused_alone),
		cmocka_unit_test(a_torn_write_is_not_committed),
		cmocka_unit_test(true_is_true),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(a_damaged_record_is_an_error),
		cmocka_unit_test(a_damaged_record_refuses_its_writer_alone),
		cmocka_unit_test(the_last_of_a_prefix),
	};

	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
