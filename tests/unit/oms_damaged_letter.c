/* oms_damaged_letter — bodies of letters that nothing names as it should: they are kept as long as they are of use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/oms_old_scene.h"
#include "tests/unit/oms_spoil.h"

#define ALICE "alice@a.test"

static struct spoil
row_of(const struct ulid *id, char row)
{
	return (
	    struct spoil) { .kind = "letter", .name = spoil_id(id), .first = (unsigned char)row };
}

/* So many rows there are; none is changed. */
static unsigned
rows(struct world *w, const struct ulid *id, char row)
{
	const struct spoil s = row_of(id, row);
	struct kv_part place;

	return spoil_rows(w, &s, &place);
}

/* Its record is damaged, so nobody knows its file.  When its time has come the body goes, not only with its user. */
static void
a_damaged_letter_keeps_no_body_beyond_its_time(void **state)
{
	static const size_t sizes[] = { 10, 300000 };
	const int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct letter l = { .size = sizes[i],
			.one = true,
			.hold_until_s = now_s + DAY };
		const bool in_file = sizes[i] > BODY_INLINE_BYTES;
		struct world w;
		struct ulid id;
		struct spoil record;

		world_init(&w);
		assert_int_equal(put(&w, &l, &id), REFUSAL_NONE);
		record = row_of(&id, 'L');
		assert_int_equal(spoil(&w, &record), 1);
		wait_for_orphans(&w);
		sweep(&w, now_s + DAY - 61);
		assert_int_equal(rows(&w, &id, 'B'), in_file ? 0 : 1);
		wait_for_files(&w, in_file);
		sweep(&w, now_s + DAY + 61);
		wait_for_files(&w, 0);
		assert_int_equal(rows(&w, &id, 'B'), 0);
		assert_int_equal(rows(&w, &id, 'L'), 1);
		world_clear(&w);
	}
}

/* A file of an older version is found by the name that the record has, whatever that is. */
static void
an_old_file_of_any_name_goes_with_its_letter(void **state)
{
	static const char *const names[] = { "0123456789abcdef0123456789abcdef",
		"letter-of-alice" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct old_letter l = { .n = 1,
			.size = 200000,
			.peers = { "b.test" },
			.file = names[i] };
		const struct ulid id = old_id(1);
		struct world w;

		world_bare(&w);
		old_store(&w, SIZE, &l, 1, 1);
		reopen(&w);
		wait_for_orphans(&w);
		reopen(&w);
		wait_for_orphans(&w);
		assert_int_equal(files(&w), 1);
		assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
		assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
		wait_for_files(&w, 0);
		world_clear(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_letter_keeps_no_body_beyond_its_time),
		cmocka_unit_test(an_old_file_of_any_name_goes_with_its_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
