/* oms_engines — runs the tests of the spool with each engine of kv; after oms_store_scene.h. */
#ifndef TESTS_UNIT_OMS_ENGINES_H
#define TESTS_UNIT_OMS_ENGINES_H

#include "tests/unit/oms_store_scene.h"

#define ENGINE_TESTS_MAX 64

static const char *const engine_names[] = { "lmdb", "together", "apart" };

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
