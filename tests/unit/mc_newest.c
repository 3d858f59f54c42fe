/* Of more letters than there is room for, the newest are kept, and the others counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/memory.h"
#include "mc/newest.h"

static void
take(struct newest *b, unsigned number)
{
	struct sent_letter l = { .recipients = memory_array(1, sizeof *l.recipients),
		.n_recipients = 1 };

	snprintf(l.id, sizeof l.id, "%u", number);
	newest_take(b, &l);
}

static void
the_newest_are_kept(void **state)
{
	struct newest b;
	char id[ULID_STR_BYTES];

	(void)state;
	newest_init(&b, 3);
	for (unsigned given = 1; given <= 8; given++) {
		take(&b, given);
		assert_int_equal(b.n, given < 3 ? given : 3);
		assert_int_equal(b.dropped, given < 3 ? 0 : given - 3);
		for (unsigned i = 0; i < b.n; i++) {
			snprintf(id, sizeof id, "%u", given - i);
			assert_string_equal(newest_at(&b, i)->id, id);
		}
	}
	newest_clear(&b);
	assert_int_equal(b.n, 0);
	newest_clear(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
