/* ims_row — a notice as the row that its user's program gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/memory.h"
#include "ims/mailbox/mailbox_row.h"

static struct ims_row
row(void)
{
	struct ims_row r = {
		.number = 7,
		.from = "alice@a.test",
		.to = "bob@b.test",
		.issuer = "CN=CA",
		.received_s = 1000,
		.date_s = 900,
		.flags = MAILBOX_SEEN,
		.letter = { .state = MAILBOX_BAD_SEAL,
		    .why = REFUSAL_seal_bad,
		    .size = 5000,
		    .hold_until_s = 2000 },
	};

	r.letter.id.b[0] = 1;
	memset(r.letter.digest, 'd', sizeof r.letter.digest);
	return r;
}

static void
it_has_what_the_notice_and_its_letter_have(void **state)
{
	struct ims_row r = row();
	struct mailbox_notice n = mailbox_row(&r);

	(void)state;
	assert_int_equal(n.number, 7);
	assert_int_equal(n.state, MAILBOX_BAD_SEAL);
	assert_int_equal(n.road, MAILBOX_SEALED);
	assert_true(ulid_eq(&n.id, &r.letter.id));
	assert_string_equal(n.from, "alice@a.test");
	assert_string_equal(n.to, "bob@b.test");
	assert_string_equal(n.issuer, "CN=CA");
	assert_string_equal(n.word, "seal-bad");
	assert_int_equal(n.size, 5000);
	assert_int_equal(n.received_s, 1000);
	assert_int_equal(n.date_s, 900);
	assert_int_equal(n.hold_until_s, 2000);
	assert_int_equal(n.flags, MAILBOX_SEEN);
	assert_true(n.has_digest);
	assert_memory_equal(n.digest, r.letter.digest, sizeof n.digest);
	r.declined = true;
	r.letter.why = REFUSAL_NONE;
	n = mailbox_row(&r);
	assert_int_equal(n.state, MAILBOX_DECLINED);
	assert_string_equal(n.word, "");
}

/* A page ends at a whole row. */
static void
a_page_has_as_many_as_fit(void **state)
{
	struct ims_row *rows = memory_array(ROW_PAGE_ROWS, sizeof *rows);
	struct buf page = BUF_INIT, one = BUF_INIT;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ROW_PAGE_ROWS; i++) {
		rows[i] = row();
		memset(rows[i].from, 'a', sizeof rows[i].from - 1);
		memset(rows[i].to, 'a', sizeof rows[i].to - 1);
		memset(rows[i].issuer, 'a', sizeof rows[i].issuer - 1);
	}
	assert_int_equal(mailbox_rows_write(&one, rows, 1), 1);
	n = mailbox_rows_write(&page, rows, ROW_PAGE_ROWS);
	assert_true(n > 10 && n < ROW_PAGE_ROWS);
	assert_int_equal(page.len, n * one.len);
	assert_in_range(page.len, ROW_PAGE_BYTES, ROW_PAGE_BYTES + one.len);
	assert_int_equal(mailbox_rows_write(&page, rows, 1), 0); /* it is full */
	buf_clear(&page);
	buf_clear(&one);
	free(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_what_the_notice_and_its_letter_have),
		cmocka_unit_test(a_page_has_as_many_as_fit),
	};

	return cmocka_run_group_tests_name("ims_row", tests, NULL, NULL);
}
