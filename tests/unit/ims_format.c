/* ims_format — a store of the IMS on kv, from before letters came by SMTP (tests/fixtures/ims_kv.c): its letters are what
 * they were, and letters that come by SMTP lie beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ims/mailbox/mailbox_row.h"
#include "tests/fixture.h"
#include "tests/ims_truth.h"
#include "tests/unit/ims_given_scene.h"

/* As in tests/fixtures/ims_kv.c. */
#define LETTERS 48
#define FATES   8
#define SMALL   2000

static const char *const senders[] = { "a.test", "d.test", "xn--bcher-kva.test" };

static void
old_store(struct world *w)
{
	world_bare(w);
	w->now_s = T0;
	fixture_unpack("ims_kv", w->folder);
	reopen(w);
}

static enum mailbox_state
state_of(unsigned n)
{
	static const enum mailbox_state fates[FATES] = { MAILBOX_HELD, MAILBOX_HERE, MAILBOX_HERE,
		MAILBOX_GONE, MAILBOX_BAD_SEAL, MAILBOX_RECALLED, MAILBOX_DECLINED, MAILBOX_HELD };

	return fates[n % FATES];
}

static void
body_is_there(struct world *w, const struct ims_letter *l, unsigned n)
{
	char last[2];
	size_t size = n % FATES == 1 ? SMALL : BODY_BYTES;

	assert_int_equal(body(w, l), REFUSAL_NONE);
	assert_int_equal(source_read(w->body, w->loop, size - 1, last, sizeof last, NULL), 1);
	w->body->free(w->body);
}

static void
see_evidence(struct world *w, const struct ims_kept *k)
{
	(void)w;
	assert_false(k->by_smtp);
	assert_true(k->statement.len > 0 && k->seal.len > 0 && k->chain.len > 0);
	assert_string_equal(k->host, "192.0.2.1");
}

static void
notice_is(struct world *w, const char *user, unsigned n)
{
	struct mailbox_notice row;
	char from[64];

	snprintf(from, sizeof from, "alice@%s", senders[n % 3]);
	assert_int_equal(find(w, user, n), REFUSAL_NONE);
	row = mailbox_row(&w->row);
	assert_int_equal(row.state, state_of(n));
	assert_int_equal(row.road, MAILBOX_SEALED);
	assert_true(row.has_digest);
	assert_string_equal(row.from, from);
	assert_string_equal(row.to, user);
	assert_string_equal(row.issuer, "CN=CA");
	assert_int_equal(row.hold_until_s, T0 + 30 * DAY);
	assert_int_equal(row.flags,
	    n % FATES == 7 && strcmp(user, BOB) == 0 ? MAILBOX_SEEN | MAILBOX_FLAGGED : 0);
	assert_string_equal(row.marks.ehlo.text, "");
	if (row.state == MAILBOX_HERE)
		body_is_there(w, &w->row.letter, n);
	assert_int_equal(evidence(w, user, n, see_evidence), REFUSAL_NONE);
}

static void
all_is_as_it_was(struct world *w)
{
	for (unsigned n = 1; n <= LETTERS; n++) {
		if (n % FATES == 1)
			assert_int_equal(find(w, BOB, n), REFUSAL_no_such_number);
		else
			notice_is(w, BOB, n);
		notice_is(w, EVE, n);
	}
}

static void
true_sums(struct world *w, uint64_t filed)
{
	uint64_t files_named;

	assert_sums_are_true(w->store, w->loop, &files_named);
	assert_int_equal(files_named, filed);
}

static void
its_letters_are_what_they_were(void **state)
{
	struct world w;

	(void)state;
	old_store(&w);
	all_is_as_it_was(&w);
	assert_int_equal(counts(&w).notices, 2 * LETTERS - LETTERS / FATES);
	true_sums(&w, LETTERS / FATES);
	assert_int_equal(list_acks(&w, NULL, WORLD_ACKS), 3 * LETTERS / FATES);
	reopen(&w);
	all_is_as_it_was(&w);
	world_clear(&w);
}

/* From a domain that has letters there already, and from one that has none. */
static void
letters_by_smtp_come_beside_them(void **state)
{
	static const char *const from[] = { "carl@d.test", "alice@old.test" };
	struct world w;

	(void)state;
	old_store(&w);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(give(&w,
				     (struct gift) { .number = 200 + i,
					 .from = from[i],
					 .to = { BOB, EVE },
					 .size = BODY_INLINE_BYTES + i }),
		    REFUSAL_NONE);
	reopen(&w);
	all_is_as_it_was(&w);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(find(&w, EVE, LETTERS + 1 + i), REFUSAL_NONE);
		assert_int_equal(w.row.road, MAILBOX_SMTP);
		assert_gift_body(&w, &w.row.letter, BODY_INLINE_BYTES + i);
	}
	true_sums(&w, LETTERS / FATES + 1);
	for (unsigned n = 1; n <= LETTERS + 2; n++) {
		assert_int_equal(drop(&w, EVE, n), REFUSAL_NONE);
		if (n % FATES != 1 || n > LETTERS)
			assert_int_equal(drop(&w, BOB, n), REFUSAL_NONE);
	}
	true_sums(&w, 0);
	assert_int_equal(entries(&w, LETTER) + entries(&w, BODY) + entries(&w, GIVEN_HEAD), 0);
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_letters_are_what_they_were),
		cmocka_unit_test(letters_by_smtp_come_beside_them),
	};

	return cmocka_run_group_tests_name("ims_format", tests, NULL, NULL);
}
