/* kv_rigs — the engines that the tests of kv run with, and how such a test runs with each of them. */
#ifndef TESTS_KV_RIGS_H
#define TESTS_KV_RIGS_H

#include <sys/stat.h>

#include "common/store/kv_lmdb.h"
#include "common/store/kv_memory.h"
#include "tests/kv_scene.h"

/* -- the rig of LMDB ---------------------------------------------------------------------------------------- */

static inline void
lmdb_open(struct kv_scene *s)
{
	struct err e;

	temp_name(s->folder, sizeof s->folder, "tillcalled-kv-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	if (!kv_lmdb_open(s->folder, s->size, &scene_schema, &s->kv, &e))
		fail_msg("%s", e.text);
}

static inline void
remove_folder(const char *folder)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "held" };
	char path[192];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

/* What the file holds between two commits is what kill -9 would leave. */
static inline void
lmdb_crash(struct kv_scene *s)
{
	char command[512], was[128];
	struct err e;

	memcpy(was, s->folder, sizeof was);
	temp_name(s->folder, sizeof s->folder, "tillcalled-kv-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(command, sizeof command, "cp --sparse=always %s/data.mdb %s", was, s->folder);
	assert_int_equal(system(command), 0);
	kv_close(&s->kv);
	remove_folder(was);
	if (!kv_lmdb_open(s->folder, s->size, &scene_schema, &s->kv, &e))
		fail_msg("%s", e.text);
}

/* An operation that does nothing comes after what is queued; so two of them with as many stored effects tell
 * that no more are applied. */
static inline void
lmdb_settle(struct kv_scene *s)
{
	struct kv_counts c;
	uint64_t before;

	kv_get_counts(s->kv, &c);
	do {
		before = c.pending;
		assert_int_equal(RUN(s, part(K_PLAIN, "none"), DEL("none")), REFUSAL_NONE);
		kv_get_counts(s->kv, &c);
	} while (c.pending != before);
}

static inline void
lmdb_clear(struct kv_scene *s)
{
	kv_close(&s->kv);
	remove_folder(s->folder);
}

/* -- the rigs of memory --------------------------------------------------------------------------------------- */

static inline struct kv_memory *
memory_of(struct kv_scene *s)
{
	return s->own;
}

static inline void
memory_make(struct kv_scene *s, bool apart)
{
	static uint64_t seed; /* each test has the same ones in each run */
	struct kv_memory_plan plan = { .apart = apart, .seed = ++seed, .size = s->size };

	s->own = kv_memory_new(&plan);
	s->kv = kv_memory_open(memory_of(s), &scene_schema);
}

static inline void
together_open(struct kv_scene *s)
{
	memory_make(s, false);
}

static inline void
apart_open(struct kv_scene *s)
{
	memory_make(s, true);
}

static inline void
memory_crash(struct kv_scene *s)
{
	kv_memory_crash(&s->kv);
	s->kv = kv_memory_open(memory_of(s), &scene_schema);
}

static inline void
memory_settle(struct kv_scene *s)
{
	kv_memory_settle(memory_of(s));
}

static inline void
memory_clear(struct kv_scene *s)
{
	struct kv_memory *m = memory_of(s);

	kv_close(&s->kv);
	kv_memory_free(&m);
}

static const struct kv_rig rigs[] = {
	{ "lmdb", false, true, true, lmdb_open, lmdb_crash, lmdb_settle, lmdb_clear },
	{ "together", false, true, false, together_open, memory_crash, memory_settle,
	    memory_clear },
	{ "apart", true, true, false, apart_open, memory_crash, memory_settle, memory_clear },
};

/* -- tests ----------------------------------------------------------------------------------------------- */

static inline struct kv_scene
begin(void **state)
{
	struct kv_scene s;

	scene_open(&s, *state);
	return s;
}

#define RIG_TESTS_MAX 64

/* Each test with each rig, which is its state. */
static inline int
rigs_run(const char *group, const struct CMUnitTest *tests, size_t n)
{
	enum { RIGS = sizeof rigs / sizeof *rigs };
	static struct CMUnitTest all[RIG_TESTS_MAX * RIGS];
	static char name[RIG_TESTS_MAX * RIGS][96];
	size_t many = 0;

	assert_true(n <= RIG_TESTS_MAX);
	for (size_t i = 0; i < RIGS; i++)
		for (size_t j = 0; j < n; j++, many++) {
			snprintf(name[many], sizeof name[many], "%s: %s", rigs[i].name,
			    tests[j].name);
			all[many] = tests[j];
			all[many].name = name[many];
			all[many].initial_state = (void *)&rigs[i];
		}
	return _cmocka_run_group_tests(group, all, many, NULL, NULL);
}

#endif
