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
#include "ims/policy/notice.h"
#include "ims/policy/repeat.h"
#include "ims/policy/share.h"

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

enum event { ANNOUNCED, LEASED, KEPT, RELEASED, GIVEN, EVENTS };

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
		good = ims_letter_lease(&l, &lease, RUN, FENCE + 1, NOW, &taken, &e);
		break;
	case KEPT:
		good = ims_letter_keep(&l, FENCE, &e);
		break;
	case RELEASED:
		good = ims_letter_release(&l, FENCE, MAILBOX_HELD, REFUSAL_NONE, &e);
		break;
	case GIVEN:
		good = ims_letter_given(&l, false, &e);
		break;
	case EVENTS:
		break;
	}
	if (!good) {
		assert_int_equal(e.why,
		    event == GIVEN ? REFUSAL_id_conflict : REFUSAL_fetch_running);
		assert_int_equal(l.road, MAILBOX_SEALED);
		assert_int_equal(l.state, state);
		return "no";
	}
	if (!taken) {
		assert_int_equal(l.state, state);
		return "-";
	}
	return mailbox_state_name(l.state);
}

/* The same where there is no letter: the store has none to ask about what only a letter can have. */
static const char *
begins(enum event event)
{
	struct ims_letter l = { .hold_until_s = 0 };
	struct err e;

	if (event == ANNOUNCED) {
		ims_letter_announced(&l, NOW);
		assert_int_equal(l.road, MAILBOX_SEALED);
	} else if (event == GIVEN) {
		assert_true(ims_letter_given(&l, true, &e));
		assert_int_equal(l.road, MAILBOX_SMTP);
	} else {
		return "-";
	}
	return mailbox_state_name(l.state);
}

static void
the_header_has_the_table_of_the_code(void **state)
{
	static const char *const names[EVENTS] = { "announced", "leased", "kept", "released",
		"given" };
	FILE *f = fopen("ims/policy/letter.h", "r");
	char line[256], *save, *word;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL && strncmp(line, " *\tstate", 8) != 0)
		;
	word = strtok_r(line + 8, " \t\n", &save);
	for (enum event e = 0; e < EVENTS; e++, word = strtok_r(NULL, " \t\n", &save))
		assert_string_equal(word, names[e]);
	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(strtok_r(line + 3, " \t\n", &save), "none");
	for (enum event e = 0; e < EVENTS; e++)
		assert_string_equal(strtok_r(NULL, " \t\n", &save), begins(e));
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
		enum mailbox_state is, beside; /* beside: where others may have the letter, too */
	} rows[] = {
		{ NOW, RUN, MAILBOX_FETCHING, MAILBOX_FETCHING },
		{ NOW - IMS_LEASE_S, RUN, MAILBOX_FETCHING, MAILBOX_FETCHING },
		{ NOW - IMS_LEASE_S - 1, RUN, MAILBOX_HELD, MAILBOX_HELD },
		{ NOW + IMS_LEASE_S, RUN, MAILBOX_FETCHING, MAILBOX_FETCHING },
		/* the clock was ahead */
		{ NOW + IMS_LEASE_S + 1, RUN, MAILBOX_HELD, MAILBOX_HELD },
		{ NOW, RUN + 1, MAILBOX_HELD, MAILBOX_FETCHING },
		{ NOW - IMS_LEASE_S - 1, RUN + 1, MAILBOX_HELD, MAILBOX_HELD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (enum mailbox_state s = 0; s < STATES; s++) {
			struct ims_letter l = letter(s), beside = l;
			struct ims_lease lease = { rows[i].since_s, rows[i].by };

			ims_letter_look(&l, &lease, RUN, true, NOW);
			assert_int_equal(l.state, s == MAILBOX_FETCHING ? rows[i].is : s);
			ims_letter_look(&beside, &lease, RUN, false, NOW);
			assert_int_equal(beside.state, s == MAILBOX_FETCHING ? rows[i].beside : s);
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
	assert_true(ims_letter_lease(&l, &lease, RUN, FENCE + 5, NOW, &taken, &e));
	assert_true(taken && l.fence == FENCE + 5 && lease.since_s == NOW && lease.by == RUN);
	assert_int_equal(l.why, REFUSAL_NONE);
	ims_letter_look(&l, &lease, RUN, true, NOW + IMS_LEASE_S + 1);
	assert_true(
	    ims_letter_lease(&l, &lease, RUN, FENCE + 9, NOW + IMS_LEASE_S + 1, &taken, &e));
	assert_int_equal(l.fence, FENCE + 9);
	assert_false(ims_letter_keep(&l, FENCE + 5, &e)); /* the first one comes too late */
	assert_true(ims_letter_keep(&l, FENCE + 9, &e));
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
	b.road = MAILBOX_SMTP;
	assert_false(ims_letter_is_same(&a, &b));
	b.road = MAILBOX_SEALED;
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

/* -- notices -------------------------------------------------------------------------------------------- */

/* The rows of a header's table follow the line that starts so; each word is split off by strtok_r. */
static FILE *
table_of(const char *path, const char *start)
{
	FILE *f = fopen(path, "r");
	char line[256];

	assert_non_null(f);
	do
		assert_non_null(fgets(line, sizeof line, f));
	while (strncmp(line, start, strlen(start)) != 0);
	return f;
}

static void
end_of_table(FILE *f)
{
	char line[256];

	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line, " *\n");
	fclose(f);
}

static void
a_notice_by_each_event(void **state)
{
	static const char *const names[] = { "open", "declined", "gone" };
	FILE *f = table_of("ims/policy/notice.h", " *\tnotice    marked    declined  dropped\n");
	char line[256], *save;
	bool less;

	(void)state;
	for (enum ims_notice_is is = IMS_NOTICE_OPEN; is < IMS_NOTICE_GONE; is++) {
		assert_non_null(fgets(line, sizeof line, f));
		assert_string_equal(strtok_r(line + 3, " \t\n", &save), names[is]);
		for (enum ims_notice_event e = IMS_NOTICE_IS_MARKED; e <= IMS_NOTICE_IS_DROPPED;
		     e++) {
			assert_string_equal(strtok_r(NULL, " \t\n", &save),
			    names[ims_notice_becomes(is, e, &less)]);
			assert_int_equal(less, is == IMS_NOTICE_OPEN && e != IMS_NOTICE_IS_MARKED);
		}
	}
	end_of_table(f);
	for (enum mailbox_state s = 0; s < STATES; s++) {
		assert_int_equal(ims_notice_shows(false, s), s);
		assert_int_equal(ims_notice_shows(true, s), MAILBOX_DECLINED);
	}
	assert_int_equal(ims_notice_flags(5, 2, 4), 3);
	assert_int_equal(ims_notice_flags(0, 6, 6), 0);
}

static void
what_a_repeat_of_a_dropped_notice_hears(void **state)
{
	(void)state;
	for (enum mailbox_state s = 0; s < STATES; s++)
		for (unsigned has = 0; has < 2; has++) {
			bool here = has && s == MAILBOX_HERE;

			assert_int_equal(ims_notice_answered(IMS_NOTICE_OPEN, has, s),
			    here ? IMS_ANSWERED_DONE : IMS_ANSWERED_NOTHING);
			assert_int_equal(ims_notice_answered(IMS_NOTICE_DECLINED, has, s),
			    here ? IMS_ANSWERED_DONE : IMS_ANSWERED_DECLINE);
			assert_int_equal(ims_notice_is_purged(has, s, false), !here);
			assert_true(ims_notice_is_purged(has, s, true));
		}
}

/* -- notifications -------------------------------------------------------------------------------------- */

static const char *
repeat_word(enum ims_before before, enum ims_beside letter)
{
	struct err e;
	bool known;

	if (!ims_repeat_judge(before, letter, &known, &e)) {
		assert_int_equal(e.why, REFUSAL_id_conflict);
		return "conflict";
	}
	return known ? "known" : "noticed";
}

static void
a_notification_by_what_is_there(void **state)
{
	static const char *const names[] = { "no", "with the same facts", "with other facts" };
	FILE *f = table_of("ims/policy/repeat.h", " *\tseen before ");
	char line[256], *save;

	(void)state;
	for (enum ims_before b = IMS_SEEN_NOT; b <= IMS_SEEN_OTHER; b++) {
		assert_non_null(fgets(line, sizeof line, f));
		assert_memory_equal(line + 3, names[b], strlen(names[b]));
		save = line + 3 + strlen(names[b]);
		for (enum ims_beside l = IMS_LETTER_NONE; l <= IMS_LETTER_OTHER; l++)
			assert_string_equal(strtok_r(NULL, " \t\n", &save), repeat_word(b, l));
		assert_null(strtok_r(NULL, " \t\n", &save));
	}
	end_of_table(f);
}

static void
a_promise_is_cut_and_its_repeats_are_known_longer(void **state)
{
	static const struct {
		int64_t said, hold, seen;
	} rows[] = {
		{ NOW + 5, NOW + 5, NOW + 5 },
		{ NOW + 10, NOW + 10, NOW + 10 },
		{ NOW + 11, NOW + 10, NOW + 11 },
		{ NOW + 10 + IMS_SEEN_AFTER_S, NOW + 10, NOW + 10 + IMS_SEEN_AFTER_S },
		{ NOW + 11 + IMS_SEEN_AFTER_S, NOW + 10, NOW + 10 + IMS_SEEN_AFTER_S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(ims_hold_until(rows[i].said, NOW, 10), rows[i].hold);
		assert_int_equal(ims_seen_until(rows[i].said, NOW, 10), rows[i].seen);
	}
}

/* -- shares ---------------------------------------------------------------------------------------------- */

static void
a_share_never_falls_below_nothing(void **state)
{
	struct ims_share s = { 10, 1 };

	(void)state;
	ims_share_add(&s, 5, 2);
	assert_true(s.octets == 15 && s.notices == 3);
	ims_share_add(&s, -15, -2);
	assert_true(s.octets == 0 && s.notices == 1);
	ims_share_add(&s, -1, -5);
	assert_true(s.octets == 0 && s.notices == 0);
}

/* A limit of 50 of 1,000 octets; where room is scarce 1/100 of it. */
static void
the_last_of_the_room_is_for_those_that_hold_little(void **state)
{
	(void)state;
	assert_int_equal(ims_share_bound(50, 1000, false), 50);
	assert_int_equal(ims_share_bound(50, 1000, true), 10);
	assert_int_equal(ims_share_bound(5, 1000, true), 5);
	assert_int_equal(ims_share_fit(10, 50, 1000), IMS_FITS);
	assert_int_equal(ims_share_fit(11, 50, 1000), IMS_FITS_UNLESS_SCARCE);
	assert_int_equal(ims_share_fit(50, 50, 1000), IMS_FITS_UNLESS_SCARCE);
	assert_int_equal(ims_share_fit(51, 50, 1000), IMS_FITS_NOT);
	assert_int_equal(ims_share_fit(5, 5, 1000), IMS_FITS);
	assert_int_equal(ims_share_fit(6, 5, 1000), IMS_FITS_NOT);
}

static void
a_mailbox_has_bounds(void **state)
{
	struct ims_share have = { 90, 1 };
	struct err e;

	(void)state;
	assert_true(ims_mailbox_has_room(IMS_MAILBOX_NOTICES - 1, &e));
	assert_false(ims_mailbox_has_room(IMS_MAILBOX_NOTICES, &e));
	assert_int_equal(e.why, REFUSAL_mailbox_full);
	assert_true(ims_mailbox_has_share(&have, 10, 100, &e));
	assert_false(ims_mailbox_has_share(&have, 11, 100, &e));
	assert_int_equal(e.why, REFUSAL_sender_mailbox_share);
	assert_true(ims_mailbox_has_share(&have, UINT32_MAX, 0, &e)); /* no limit */
	have.notices = IMS_MAILBOX_SENDER - 1;
	assert_true(ims_mailbox_has_share(&have, 10, 100, &e));
	have.notices++;
	assert_false(ims_mailbox_has_share(&have, 0, 0, &e));
}

static void
what_makes_room_in_the_seen_set(void **state)
{
	(void)state;
	assert_int_equal(ims_seen_room(0, 9, 10), IMS_SEEN_ROOM_THERE);
	assert_int_equal(ims_seen_room(0, 10, 10), IMS_SEEN_ROOM_ANY);
	assert_int_equal(ims_seen_room(IMS_MAILBOX_SENDER - 1, IMS_MAILBOX_SENDER, UINT32_MAX),
	    IMS_SEEN_ROOM_THERE);
	assert_int_equal(ims_seen_room(IMS_MAILBOX_SENDER, IMS_MAILBOX_SENDER, UINT32_MAX),
	    IMS_SEEN_ROOM_MAILBOX);
	assert_int_equal(ims_seen_room(IMS_MAILBOX_SENDER, IMS_MAILBOX_SENDER, IMS_MAILBOX_SENDER),
	    IMS_SEEN_ROOM_ANY);
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
		cmocka_unit_test(a_notice_by_each_event),
		cmocka_unit_test(what_a_repeat_of_a_dropped_notice_hears),
		cmocka_unit_test(a_notification_by_what_is_there),
		cmocka_unit_test(a_promise_is_cut_and_its_repeats_are_known_longer),
		cmocka_unit_test(a_share_never_falls_below_nothing),
		cmocka_unit_test(the_last_of_the_room_is_for_those_that_hold_little),
		cmocka_unit_test(a_mailbox_has_bounds),
		cmocka_unit_test(what_makes_room_in_the_seen_set),
	};

	return cmocka_run_group_tests_name("ims_policy", tests, NULL, NULL);
}
