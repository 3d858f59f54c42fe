/* random — no octet of a block is given out twice: not within a process, not after fork, not to another thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/random.h"

#define DRAWS 5000
#define BYTES 8

static int
order(const void *a, const void *b)
{
	return memcmp(a, b, BYTES);
}

static void
assert_all_differ(unsigned char (*drawn)[BYTES], size_t n)
{
	qsort(drawn, n, BYTES, order);
	for (size_t i = 1; i < n; i++)
		assert_memory_not_equal(drawn[i - 1], drawn[i], BYTES);
}

static void
each_draw_is_new(void **state)
{
	static unsigned char drawn[DRAWS][BYTES];

	(void)state;
	for (size_t i = 0; i < DRAWS; i++)
		random_bytes(drawn[i], BYTES);
	assert_all_differ(drawn, DRAWS);
}

/* What a request of n octets leaves is as it was beside it, and is drawn in it. */
static void
any_size(void **state)
{
	unsigned char with[258];

	(void)state;
	for (size_t n = 0; n <= 256; n++) {
		unsigned char set[256] = { 0 };

		for (int i = 0; i < 64; i++) {
			memset(with, 0, sizeof with);
			random_bytes(with + 1, n);
			assert_int_equal(with[0], 0);
			assert_int_equal(with[n + 1], 0);
			for (size_t k = 0; k < n; k++)
				set[k] |= with[1 + k];
		}
		for (size_t k = 0; k < n; k++)
			assert_true(set[k] != 0);
	}
}

static void
a_child_draws_its_own(void **state)
{
	unsigned char drawn[3][BYTES];
	int to[2], status;

	(void)state;
	random_bytes(drawn[0], BYTES); /* a block is begun */
	assert_int_equal(pipe(to), 0);
	for (int i = 1; i < 3; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			random_bytes(drawn[i], BYTES);
			_exit(write(to[1], drawn[i], BYTES) == BYTES ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(read(to[0], drawn[i], BYTES), BYTES);
	}
	random_bytes(drawn[0], BYTES); /* what the children would have had */
	assert_all_differ(drawn, 3);
	close(to[0]);
	close(to[1]);
}

static void *
draw_some(void *arg)
{
	unsigned char(*drawn)[BYTES] = arg;

	for (size_t i = 0; i < DRAWS / 5; i++)
		random_bytes(drawn[i], BYTES);
	return NULL;
}

static void
threads_share_nothing(void **state)
{
	static unsigned char drawn[5 * (DRAWS / 5)][BYTES];
	pthread_t thread[5];

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, draw_some,
				     drawn[i * (DRAWS / 5)]),
		    0);
	for (size_t i = 0; i < 5; i++)
		pthread_join(thread[i], NULL);
	assert_all_differ(drawn, 5 * (DRAWS / 5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_draw_is_new),
		cmocka_unit_test(any_size),
		cmocka_unit_test(a_child_draws_its_own),
		cmocka_unit_test(threads_share_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
