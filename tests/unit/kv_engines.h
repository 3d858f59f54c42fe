/* kv_engines — runs the tests of a store with each engine of kv; after <cmocka.h>. */
#ifndef TESTS_UNIT_KV_ENGINES_H
#define TESTS_UNIT_KV_ENGINES_H

#include "common/store/kv_memory.h"

#define ENGINE_TESTS_MAX 64

enum scene_engine { ENGINE_LMDB, ENGINE_TOGETHER, ENGINE_APART };

/* Of the worlds that begin now. */
static enum scene_engine scene_engine;

/* What is the disk of a world that begins now; NULL: its folder. */
static inline struct kv_memory *
engine_memory(uint64_t size)
{
	static uint64_t seed; /* each test has the same ones in each run */
	const struct kv_memory_plan plan = {
		.apart = scene_engine == ENGINE_APART,
		.seed = ++seed,
		.size = size,
	};

	return scene_engine == ENGINE_LMDB ? NULL : kv_memory_new(&plan);
}

static inline int
choose_engine(void **state)
{
	scene_engine = *(const enum scene_engine *)*state;
	return 0;
}

/* The first n tests run with each engine, those after them, up to `all`, need its file. */
static inline int
engines_run(const char *group, const struct CMUnitTest *tests, size_t n, size_t all)
{
	static const char *const engine_names[] = { "lmdb", "together", "apart" };
	enum { ENGINES = sizeof engine_names / sizeof *engine_names };
	static enum scene_engine engines[ENGINES] = { ENGINE_LMDB, ENGINE_TOGETHER, ENGINE_APART };
	static struct CMUnitTest runs[ENGINE_TESTS_MAX * ENGINES];
	static char names[ENGINE_TESTS_MAX * ENGINES][96];
	size_t many = 0;

	assert_true(n <= all && all <= ENGINE_TESTS_MAX);
	for (size_t i = 0; i < ENGINES; i++)
		for (size_t j = 0; j < (engines[i] == ENGINE_LMDB ? all : n); j++, many++) {
			snprintf(names[many], sizeof names[many], "%s: %s", engine_names[i],
			    tests[j].name);
			runs[many] = tests[j];
			runs[many].name = names[many];
			runs[many].setup_func = choose_engine;
			runs[many].initial_state = &engines[i];
		}
	return _cmocka_run_group_tests(group, runs, many, NULL, NULL);
}

#endif
