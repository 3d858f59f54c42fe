/* memory_limit — the least of what the machine, the process and its groups allow; and that no more
 * connections are accepted than it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/memory_limit.h"
#include "common/net/listen.h"
#include "tests/skip.h"
#include "tests/temp.h"

#define MIB ((uint64_t)1 << 20)

static char root[64];

static void
shell(const char *commands)
{
	char line[1024];

	snprintf(line, sizeof line, "set -e; cd %s; %s", root, commands);
	assert_int_equal(system(line), 0);
}

static int
begin(void **state)
{
	(void)state;
	temp_name(root, sizeof root, "tillcalled-limit-XXXXXX");
	assert_non_null(mkdtemp(root));
	shell("mkdir -p proc/self sys/fs/cgroup/a/b sys/fs/cgroup/memory/c");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	shell("rm -r proc sys");
	return rmdir(root);
}

static void
the_machine(void **state)
{
	uint64_t all = memory_limit(root);

	(void)state;
	assert_true(all > 64 * MIB);
	shell("echo '0::/a/b' >proc/self/cgroup; echo max >sys/fs/cgroup/a/b/memory.max");
	assert_int_equal(memory_limit(root), all);
}

static void
a_group_of_version_2(void **state)
{
	(void)state;
	shell("printf '1:name=systemd:/\\n0::/a/b\\n' >proc/self/cgroup");
	shell("echo 33554432 >sys/fs/cgroup/a/b/memory.max");
	assert_int_equal(memory_limit(root), 32 * MIB);
	shell("echo 16777216 >sys/fs/cgroup/a/memory.max"); /* its parent has less */
	assert_int_equal(memory_limit(root), 16 * MIB);
}

static void
a_group_of_version_1(void **state)
{
	(void)state;
	shell("printf '3:cpu:/x\\n4:memory:/c\\n0::/\\n' >proc/self/cgroup");
	shell("echo 50331648 >sys/fs/cgroup/memory/c/memory.limit_in_bytes");
	assert_int_equal(memory_limit(root), 48 * MIB);
}

/* In a process of its own, for the limit cannot be raised again. */
static int
connections_in(uint64_t octets)
{
	struct rlimit r = { octets, octets }, files = { 4000, 4000 };
	struct listen *l;
	struct err e;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setrlimit(RLIMIT_NOFILE, &files) != 0 || setrlimit(RLIMIT_DATA, &r) != 0 ||
		    !listen_new(&l, NULL, &e))
			_exit(255);
		_exit((int)(listen_limit(l) / 16));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status) * 16;
}

static void
connections_fit_into_it(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP_BECAUSE("a sanitizer needs more memory than that for itself");
#endif
	assert_in_range(connections_in(128 * MIB), 1000, 1050);
	assert_in_range(connections_in(32 * MIB), 240, 260);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_machine, begin, end),
		cmocka_unit_test_setup_teardown(a_group_of_version_2, begin, end),
		cmocka_unit_test_setup_teardown(a_group_of_version_1, begin, end),
		cmocka_unit_test(connections_fit_into_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
