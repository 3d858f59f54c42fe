/* ims_policy — the tables of ims/policy: each state with each event, without a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ims/policy/ack.h"
#include "ims/policy/letter.h"

#define STATES (MAILBOX_BAD_SEAL + 1)
#define NOW    100000
#define RUN    7
#define FENCE  3

static struct ims_letter
letter(enum mailbox_state state)
{
	return (struct ims_letter) { .state = state,
		.why = REFUSAL_gone,
		.hold_until_s = NOW,
		.fence = FENCE };
}

/* -- the table of the header -------------------------------------------------------------------- */

enum event { ANNOUNCED, LEASED, KEPT, RELEASED, EVENTS };

/* What the event makes of the state, in the words of the header. */
static const char *
becomes(enum mailbox_state state, enum event event)
{
	struct ims_letter l = letter(state);
	struct ims_lease lease = { 0 };
	struct err e = { .why = REFUSAL_NONE };
	bool good = true, taken = true;

	switch (event) {
	case ANNOUNCED:
		ims_letter_announced(&l, NOW);
		break;
	case LEASED:
		good = ims_letter_lease(&l, &lease, RUN, NOW, &taken, &e);
		break;
	case KEPT:
		good = ims_letter_keep(&l, FENCE, &e);
		break;
	case RELEASED:
		good = ims_letter_release(&l, FENCE, MAILBOX_HELD, REFUSAL_NONE, &e);
		break;
	case EVENTS:
		break;
	}
	if (!good) {
		assert_int_equal(e.why, REFUSAL_fetch_running);
		assert_int_equal(l.state, state);
		return "no";
	}
	if (!taken) {
		assert_int_equal(l.state, state);
		return "-";
	}
	return mailbox_state_name(l.state);
}

static void
the_header_has_the_table_of_the_code(void **state)
{
	static const char *const names[EVENTS] = { "announced", "leased", "kept", "released" };
	FILE *f = fopen("ims/policy/letter.h", "r");
	char line[256], *save, *word;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL && strncmp(line, " *\tstate", 8) != 0)
		;
	word = strtok_r(line + 8, " \t\n", &save);
	for (enum event e = 0; e < EVENTS; e++, word = strtok_r(NULL, " \t\n", &save))
		assert_string_equal(word, names[e]);
	for (enum mailbox_state s = 0; s < STATES; s++) {
		assert_non_null(fgets(line, sizeof line, f));
		assert_string_equal(strtok_r(line + 3, " \t\n", &save), mailbox_state_name(s));
		for (enum event e = 0; e < EVENTS; e++)
			assert_string_equal(strtok_r(NULL, " \t\n", &save), becomes(s, e));
		assert_null(strtok_r(NULL, " \t\n", &save));
	}
	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line, " *\n");
	fclose(f);
}

/* -- leases ---------------------------------------------------------------------------------------- */

static void
a_result_counts_with_the_newest_fence_alone(void **state)
{
	static const enum mailbox_state ends[] = { MAILBOX_HELD, MAILBOX_GONE, MAILBOX_DECLINED,
		MAILBOX_RECALLED, MAILBOX_BAD_SEAL };
	struct ims_letter l;
	struct err e;

	(void)state;
	for (uint64_t fence = 0; fence <= FENCE + 1; fence++) {
		l = letter(MAILBOX_FETCHING);
		assert_int_equal(ims_letter_keep(&l, fence, &e), fence == FENCE);
		for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
			l = letter(MAILBOX_FETCHING);
			assert_int_equal(ims_letter_release(&l, fence, ends[i], REFUSAL_seal_bad,
					     &e),
			    fence == FENCE);
			assert_int_equal(l.state, fence == FENCE ? ends[i] : MAILBOX_FETCHING);
			assert_int_equal(l.why, fence == FENCE ? REFUSAL_seal_bad : REFUSAL_gone);
		}
	}
	l = letter(MAILBOX_HELD);
	l.fence = 0; /* nobody ever had a lease */
	assert_false(ims_letter_keep(&l, 0, &e));
}

static void
a_lease_ends_with_its_time_and_its_run(void **state)
{
	static const struct {
		int64_t since_s;
		uint64_t by;
		enum mailbox_state is;
	} rows[] = {
		{ NOW, RUN, MAILBOX_FETCHING },
		{ NOW - IMS_LEASE_S, RUN, MAILBOX_FETCHING },
		{ NOW - IMS_LEASE_S - 1, RUN, MAILBOX_HELD },
		{ NOW + IMS_LEASE_S, RUN, MAILBOX_FETCHING },
		{ NOW + IMS_LEASE_S + 1, RUN, MAILBOX_HELD }, /* the clock was ahead */
		{ NOW, RUN + 1, MAILBOX_HELD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (enum mailbox_state s = 0; s < STATES; s++) {
			struct ims_letter l = letter(s);
			struct ims_lease lease = { rows[i].since_s, rows[i].by };

			ims_letter_look(&l, &lease, RUN, NOW);
			assert_int_equal(l.state, s == MAILBOX_FETCHING ? rows[i].is : s);
		}
}

static void
each_lease_has_a_fence_of_its_own(void **state)
{
	struct ims_letter l = letter(MAILBOX_HELD);
	struct ims_lease lease = { 0 };
	bool taken;
	struct err e;

	(void)state;
	assert_true(ims_letter_lease(&l, &lease, RUN, NOW, &taken, &e));
	assert_true(taken && l.fence == FENCE + 1 && lease.since_s == NOW && lease.by == RUN);
	assert_int_equal(l.why, REFUSAL_NONE);
	ims_letter_look(&l, &lease, RUN, NOW + IMS_LEASE_S + 1);
	assert_true(ims_letter_lease(&l, &lease, RUN, NOW + IMS_LEASE_S + 1, &taken, &e));
	assert_int_equal(l.fence, FENCE + 2);
	assert_false(ims_letter_keep(&l, FENCE + 1, &e)); /* the first one comes too late */
	assert_true(ims_letter_keep(&l, FENCE + 2, &e));
}

/* -- promises -------------------------------------------------------------------------------------- */

static void
a_promise_is_prolonged_and_never_cut(void **state)
{
	(void)state;
	for (enum mailbox_state s = 0; s < STATES; s++)
		for (int64_t by = -1; by <= 1; by++) {
			struct ims_letter l = letter(s);

			ims_letter_announced(&l, NOW + by);
			assert_int_equal(l.hold_until_s, NOW + (by > 0));
			assert_int_equal(l.why, s == MAILBOX_GONE ? REFUSAL_NONE : REFUSAL_gone);
		}
}

static void
a_notice_by_each_end(void **state)
{
	int64_t due_s;

	(void)state;
	assert_int_equal(ims_notice_end(NULL, NOW, 10, &due_s), IMS_NOTICE_GOES);
	for (enum mailbox_state s = 0; s < STATES; s++)
		for (int64_t late = 9; late <= 11; late++) {
			struct ims_letter l = letter(s);
			enum ims_notice_end end;

			l.hold_until_s = NOW - late;
			due_s = 0;
			end = ims_notice_end(&l, NOW, 10, &due_s);
			if (s == MAILBOX_HERE) {
				assert_int_equal(end, IMS_NOTICE_STAYS);
			} else if (late <= 10) {
				assert_int_equal(end, IMS_NOTICE_LATER);
				assert_int_equal(due_s, NOW - late);
			} else if (s == MAILBOX_FETCHING) {
				assert_int_equal(end, IMS_NOTICE_LATER);
				assert_int_equal(due_s, NOW - 10 + IMS_LEASE_S);
			} else {
				assert_int_equal(end, IMS_NOTICE_GOES);
			}
		}
}

static void
the_same_letter_has_the_same_octets(void **state)
{
	struct ims_letter a = letter(MAILBOX_HELD), b;

	(void)state;
	a.size = 5;
	b = a;
	b.state = MAILBOX_GONE;
	b.hold_until_s++;
	assert_true(ims_letter_is_same(&a, &b));
	b.size++;
	assert_false(ims_letter_is_same(&a, &b));
	b = a;
	b.summary_size++;
	assert_false(ims_letter_is_same(&a, &b));
	b = a;
	b.digest[MAILBOX_DIGEST_BYTES - 1] ^= 1;
	assert_false(ims_letter_is_same(&a, &b));
	b = a;
	b.summary_digest[0] ^= 1;
	assert_false(ims_letter_is_same(&a, &b));
}

/* -- acknowledgements --------------------------------------------------------------------------------- */

static void
an_acknowledgement_by_each_event(void **state)
{
	(void)state;
	for (enum mailbox_state s = 0; s < STATES; s++)
		for (uint32_t wants = 0; wants < 3; wants++)
			for (unsigned bits = 0; bits < 12; bits++) {
				struct ims_wants w = { wants, bits % 2 != 0 }, more = w, less = w;
				enum ims_answered answered = (enum ims_answered)(bits / 4);
				bool declines = bits / 2 % 2 != 0, here = s == MAILBOX_HERE;

				assert_int_equal(ims_wants_more(&more, s),
				    here ? IMS_ACK_DONE : IMS_ACK_VOID);
				assert_int_equal(more.wants, wants + 1);
				assert_int_equal(ims_wants_again(&w, s, answered),
				    here                                ? IMS_ACK_DONE
					: wants > 0                     ? IMS_ACK_SAME
					: answered == IMS_ANSWERED_DONE ? IMS_ACK_DONE
					: w.declined || answered == IMS_ANSWERED_DECLINE
					? IMS_ACK_DECLINE_IF_NONE
					: IMS_ACK_SAME);
				assert_int_equal(ims_wants_less(&less, s, declines),
				    !here && wants <= 1 && (w.declined || declines)
					? IMS_ACK_DECLINE
					: IMS_ACK_SAME);
				assert_int_equal(less.wants, wants == 0 ? 0 : wants - 1);
				assert_int_equal(less.declined, w.declined || declines);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_has_the_table_of_the_code),
		cmocka_unit_test(a_result_counts_with_the_newest_fence_alone),
		cmocka_unit_test(a_lease_ends_with_its_time_and_its_run),
		cmocka_unit_test(each_lease_has_a_fence_of_its_own),
		cmocka_unit_test(a_promise_is_prolonged_and_never_cut),
		cmocka_unit_test(a_notice_by_each_end),
		cmocka_unit_test(the_same_letter_has_the_same_octets),
		cmocka_unit_test(an_acknowledgement_by_each_event),
	};

	return cmocka_run_group_tests_name("ims_policy", tests, NULL, NULL);
}
