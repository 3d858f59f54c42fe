/* oms_policy — the tables of oms/policy: each state with each event, without a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oms/policy/account.h"
#include "oms/policy/delivery.h"
#include "oms/policy/letter.h"
#include "oms/policy/token.h"
#include "proto/submit.h"

#define STATES  (SUBMIT_BY_SMTP + 1)
#define MOST    3
#define NOW     1000
#define EARLIER 900

/* -- the table of the header ---------------------------------------------------------------------- */

static bool
next_row(FILE *f, char line[256])
{
	return fgets(line, 256, f) != NULL && strncmp(line, " *\t", 3) == 0;
}

/* Compares one row: the state, then what each event makes of it. */
static void
assert_row(char *line, enum submit_state state)
{
	char *save, *word = strtok_r(line + 3, " \t\n", &save);

	assert_string_equal(word, submit_state_name(state));
	for (enum oms_event e = 0; e < OMS_EVENTS; e++) {
		enum submit_state next = oms_recipient_next(state, e);

		word = strtok_r(NULL, " \t\n*", &save);
		assert_non_null(word);
		assert_string_equal(word,
		    next == state && strcmp(word, "-") == 0 ? "-" : submit_state_name(next));
	}
	assert_null(strtok_r(NULL, " \t\n*", &save));
}

static void
the_header_has_the_table_of_the_code(void **state)
{
	FILE *f = fopen("oms/policy/delivery.h", "r");
	char line[256], *save, *word;
	unsigned rows = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL && strncmp(line, " *\tstate", 8) != 0)
		;
	word = strtok_r(line + 8, " \t\n", &save);
	for (enum oms_event e = 0; e < OMS_EVENTS; e++, word = strtok_r(NULL, " \t\n", &save))
		assert_string_equal(word, oms_event_name(e));
	for (; next_row(f, line) && strchr(line, '*') != strrchr(line, '*') + 1; rows++) {
		if (line[3] == '*')
			break;
		assert_row(line, (enum submit_state)rows);
	}
	assert_int_equal(rows, STATES);
	fclose(f);
}

/* -- deliveries ------------------------------------------------------------------------------------ */

struct scene {
	struct oms_delivery d;
	struct oms_recipient r[MOST];
};

/* A delivery whose recipients are in the states of `code`, a number with one digit (base STATES) for each. */
static void
fill(struct scene *s, size_t n, unsigned code)
{
	*s = (struct scene) { .d = { .n_recipients = n, .next_ms = 5 } };
	s->d.recipients = s->r;
	for (size_t i = 0; i < n; i++, code /= STATES) {
		s->r[i].state = (enum submit_state)(code % STATES);
		s->r[i].since_s = EARLIER;
	}
}

static unsigned
codes(size_t n)
{
	unsigned all = 1;

	while (n-- > 0)
		all *= STATES;
	return all;
}

/* What holds after every event, whatever the state was. */
static void
assert_sound(const struct scene *was, const struct scene *is, struct oms_effects fx)
{
	bool moved = false;

	for (size_t i = 0; i < is->d.n_recipients; i++) {
		if (oms_recipient_is_over(&was->r[i]))
			assert_int_equal(is->r[i].state, was->r[i].state);
		if (was->r[i].state == SUBMIT_HANDED_OUT)
			assert_int_not_equal(is->r[i].state, SUBMIT_NOTIFIED);
		assert_true(is->r[i].state == SUBMIT_WAITING || was->r[i].state != SUBMIT_WAITING ||
		    is->r[i].state != was->r[i].state);
		moved = moved || is->r[i].state != was->r[i].state;
	}
	assert_true(!moved || fx.changed);
	assert_int_equal(fx.over, oms_delivery_is_over(&is->d) && !oms_delivery_is_over(&was->d));
	if (fx.changed && !oms_delivery_waits(&is->d) && oms_delivery_waits(&was->d))
		assert_int_equal(is->d.next_ms, 0);
}

static void
a_settled_delivery_by_each_state(void **state)
{
	struct scene was, is;

	(void)state;
	for (size_t n = 1; n <= MOST; n++)
		for (unsigned code = 0; code < 2 * codes(n); code++) {
			bool declined = code % 2 != 0;
			enum submit_state end = declined ? SUBMIT_REFUSED : SUBMIT_FETCHED;
			struct oms_effects fx;

			fill(&was, n, code / 2);
			fill(&is, n, code / 2);
			fx = oms_delivery_settle(&is.d, declined, NOW);
			assert_sound(&was, &is, fx);
			for (size_t i = 0; i < n; i++) {
				enum submit_state s = was.r[i].state;

				if (s == SUBMIT_NOTIFIED || s == SUBMIT_HANDED_OUT)
					assert_int_equal(is.r[i].state, end);
				if (s == SUBMIT_WAITING)
					assert_int_equal(is.r[i].state,
					    n == 1 ? end : SUBMIT_WAITING);
			}
			assert_int_equal(is.d.settles, !oms_delivery_is_over(&was.d));
		}
}

static void
a_delivery_that_is_handed_out_by_each_state(void **state)
{
	struct scene was, is;

	(void)state;
	for (size_t n = 1; n <= MOST; n++)
		for (unsigned code = 0; code < codes(n); code++) {
			struct oms_effects fx;

			fill(&was, n, code);
			fill(&is, n, code);
			fx = oms_delivery_hand_out(&is.d, NOW);
			assert_sound(&was, &is, fx);
			assert_true(fx.changed);
			assert_int_equal(is.d.handed_s, NOW);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(is.r[i].state,
				    oms_recipient_next(was.r[i].state, OMS_HANDED_OUT));
			assert_false(oms_delivery_hand_out(&is.d, NOW + 1).changed);
			assert_int_equal(is.d.handed_s, NOW);
		}
}

static void
a_delivery_that_expires_by_each_state(void **state)
{
	struct scene was, is;

	(void)state;
	for (size_t n = 1; n <= MOST; n++)
		for (unsigned code = 0; code < codes(n); code++) {
			fill(&was, n, code);
			fill(&is, n, code);
			assert_sound(&was, &is, oms_delivery_expire(&is.d, NOW));
			assert_true(oms_delivery_is_over(&is.d));
			for (size_t i = 0; i < n; i++)
				assert_int_equal(is.r[i].since_s,
				    is.r[i].state == was.r[i].state ? EARLIER : NOW);
		}
}

/* Each state of one recipient with each answer of an attempt; nothing came in between. */
static void
an_answer_by_each_state(void **state)
{
	static const enum submit_state answers[] = { SUBMIT_WAITING, SUBMIT_NOTIFIED,
		SUBMIT_REFUSED, SUBMIT_BY_SMTP };
	static const enum oms_event events[] = { OMS_TRIED, OMS_NOTICED, OMS_REFUSED, OMS_GIVEN };
	struct scene was, is, said;

	(void)state;
	for (unsigned code = 0; code < STATES; code++)
		for (size_t a = 0; a < 4; a++) {
			struct oms_effects fx;

			fill(&was, 1, code);
			fill(&is, 1, code);
			fill(&said, 1, answers[a]);
			said.d.sent = true;
			said.d.tries = 4;
			said.d.next_ms = 9;
			fx = oms_delivery_attempted(&is.d, &said.d);
			assert_sound(&was, &is, fx);
			assert_int_equal(is.r[0].state, oms_recipient_next(code, events[a]));
			assert_int_equal(is.d.tries, 4);
			assert_int_equal(is.d.sends, 1);
			assert_int_equal(is.d.next_ms, is.r[0].state == SUBMIT_WAITING ? 9 : 0);
		}
}

/* -- what came before its cause was recorded --------------------------------------------------------- */

enum when { NEVER, BEFORE, DURING };

struct early {
	size_t recipients;
	enum when settled; /* the attempt: before it began, or while it was under way */
	bool handed;       /* while it was under way */
	bool known;        /* the peer had the notice before */
	uint64_t sends;    /* attempts that were sent before */
	enum submit_state becomes;
};

static void
what_came_early(void **state)
{
	static const struct early rows[] = {
		{ 1, NEVER, false, false, 0, SUBMIT_NOTIFIED },
		{ 1, NEVER, true, false, 0, SUBMIT_HANDED_OUT },
		{ 1, DURING, true, false, 0, SUBMIT_FETCHED },
		{ 2, NEVER, true, false, 0, SUBMIT_HANDED_OUT },
		{ 2, DURING, true, false, 0,
		    SUBMIT_FETCHED }, /* the first attempt told all of them */
		/* another's copy may have been meant */
		{ 2, DURING, true, false, 1, SUBMIT_HANDED_OUT },
		{ 2, DURING, true, true, 1, SUBMIT_FETCHED }, /* it had its notice by then */
		/* an attempt that a crash lost may have made the notice since */
		{ 2, BEFORE, true, true, 1, SUBMIT_HANDED_OUT },
		{ 2, BEFORE, false, true, 1, SUBMIT_NOTIFIED },
		{ 2, BEFORE, false, true, 0, SUBMIT_NOTIFIED },
		{ 2, BEFORE, false, false, 0, SUBMIT_NOTIFIED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct early *w = &rows[i];
		struct scene is, said;

		fill(&is, w->recipients, 0);
		is.d.sends = w->sends;
		if (w->settled == BEFORE)
			oms_delivery_settle(&is.d, false, NOW);
		fill(&said, w->recipients, 0);
		said.d.sends = w->sends;
		said.d.settles = is.d.settles;
		said.d.sent = true;
		if (w->handed)
			oms_delivery_hand_out(&is.d, NOW);
		if (w->settled == DURING)
			oms_delivery_settle(&is.d, false, NOW);
		for (size_t k = 0; k < w->recipients; k++) {
			said.r[k].state = SUBMIT_NOTIFIED;
			said.r[k].known = w->known;
		}
		oms_delivery_attempted(&is.d, &said.d);
		for (size_t k = 0; k < w->recipients; k++)
			if (is.r[k].state != w->becomes)
				fail_msg("row %zu: %s", i, submit_state_name(is.r[k].state));
	}
}

/* -- by SMTP ------------------------------------------------------------------------------------------ */

static struct err
words(enum refusal why, bool said, const char *text)
{
	struct err e;

	err_set(&e, why, "%s", text);
	e.said = said;
	return e;
}

static struct oms_giving
to_host(const char *host)
{
	return (struct oms_giving) { .now_s = NOW, .host = domain_copy(host), .secured = "ca" };
}

static void
a_letter_that_may_be_given_says_so_until_the_answer(void **state)
{
	const struct oms_giving g = to_host("mx.b.test");
	const struct err took = words(REFUSAL_NONE, true, "250 2.0.0 taken as 7");
	struct scene is, said;
	struct err e;

	(void)state;
	fill(&is, 2, 0);
	fill(&said, 2, 0);
	is.d.hold_until_s = said.d.hold_until_s = NOW + 1;
	said.r[0].giving = true; /* the other was refused for now */
	assert_true(oms_delivery_give(&is.d, &said.d, &g, &e));
	assert_true(oms_delivery_give(&said.d, &said.d, &g, &e));
	assert_int_equal(is.d.road, OMS_ROAD_SMTP);
	assert_int_equal(is.r[0].state, SUBMIT_WAITING);
	assert_string_equal(is.r[0].word, "answer-unknown");
	assert_int_equal(is.r[0].given_s, NOW);
	assert_string_equal(is.r[0].host.text, "mx.b.test");
	assert_string_equal(is.r[0].secured, "ca");
	assert_true(oms_recipient_is_given(&is.r[0]));
	assert_false(oms_recipient_is_given(&is.r[1]));
	assert_string_equal(is.r[1].word, "");

	oms_recipient_said(&said.r[0], SUBMIT_BY_SMTP, &took, NOW + 1);
	oms_delivery_attempted(&is.d, &said.d);
	assert_int_equal(is.r[0].state, SUBMIT_BY_SMTP);
	assert_int_equal(is.r[0].since_s, NOW + 1);
	assert_string_equal(is.r[0].word, "");
	assert_int_equal(is.r[0].by, SUBMIT_SPEAKER_PEER);
	assert_string_equal(is.r[0].text, "250 2.0.0 taken as 7");
	assert_true(oms_recipient_is_given(&is.r[0]));
	assert_int_equal(is.r[1].state, SUBMIT_WAITING);
}

/* The answer of the attempt that gave it ends the doubt; one of an attempt that did not says nothing of it. */
static void
an_answer_ends_only_the_doubt_of_its_attempt(void **state)
{
	const struct oms_giving g = to_host("mx.b.test");
	const struct err later = words(REFUSAL_refused_for_now, true, "450 4.2.0 say \"later\"");
	const struct err lost = words(REFUSAL_unreachable, false, "nobody answers");
	struct scene is;
	struct err e;

	(void)state;
	fill(&is, 1, 0);
	is.d.hold_until_s = NOW + 1;
	strcpy(is.r[0].address, "bob@b.test");
	is.r[0].giving = true;
	assert_true(oms_delivery_give(&is.d, &is.d, &g, &e));
	oms_recipient_said(&is.r[0], SUBMIT_WAITING, &later, NOW);
	assert_false(oms_recipient_is_given(&is.r[0]));
	assert_string_equal(is.r[0].word, "refused-for-now");
	assert_int_equal(is.r[0].by, SUBMIT_SPEAKER_PEER);
	assert_string_equal(is.r[0].host.text, "");
	assert_int_equal(is.r[0].since_s, EARLIER);

	assert_true(oms_delivery_give(&is.d, &is.d, &g, &e));
	is.r[0].giving = false; /* the next attempt */
	oms_recipient_failed(&is.r[0], &lost);
	assert_string_equal(is.r[0].word, "answer-unknown");
	assert_non_null(strstr(is.r[0].text, "since then: nobody answers"));
	oms_recipient_said(&is.r[0], SUBMIT_WAITING, &later, NOW);
	assert_string_equal(is.r[0].word, "answer-unknown");
	assert_int_equal(is.r[0].by, SUBMIT_SPEAKER_OMS);
	assert_non_null(strstr(is.r[0].text, "b.test says: \"450 4.2.0 say 'later'\""));
	is.r[0].giving = true;
	assert_true(oms_delivery_give(&is.d, &is.d, &g, &e));
	oms_recipient_said(&is.r[0], SUBMIT_WAITING, &later, NOW);
	assert_string_equal(is.r[0].word, "answer-unknown"); /* the first may have come */
	oms_recipient_said(&is.r[0], SUBMIT_REFUSED, &later, NOW + 2);
	assert_int_equal(is.r[0].state, SUBMIT_REFUSED);
	assert_int_equal(is.r[0].since_s, NOW + 2);
}

static void
nothing_is_given_once_nobody_waits(void **state)
{
	const struct oms_giving g = to_host("mx.b.test");
	struct scene is, said;
	struct err e;

	(void)state;
	for (unsigned n = 0; n < 2 * codes(2); n++) {
		unsigned code = n / 2;
		bool waits;

		fill(&is, 2, code);
		fill(&said, 2, code);
		said.r[1].giving = true;
		is.d.hold_until_s = NOW + n % 2;
		waits = is.r[1].state == SUBMIT_WAITING && is.d.hold_until_s > NOW;
		assert_int_equal(oms_delivery_give(&is.d, &said.d, &g, &e), waits);
		assert_false(oms_recipient_is_given(&is.r[0]));
		assert_int_equal(oms_recipient_is_given(&is.r[1]), waits);
		if (!waits)
			assert_int_equal(e.why, REFUSAL_gone);
	}
}

static void
one_who_waited_to_the_end_is_refused(void **state)
{
	const struct err later = words(REFUSAL_refused_for_now, true, "450 4.2.0 later");
	struct scene is;

	(void)state;
	fill(&is, 3, SUBMIT_WAITING + SUBMIT_BY_SMTP * STATES + SUBMIT_NOTIFIED * STATES * STATES);
	strcpy(is.r[0].address, "bob@b.test");
	is.d.road = OMS_ROAD_SMTP; /* its id is of the time 0 */
	is.d.hold_until_s = 100 * 86400;
	oms_recipient_said(&is.r[0], SUBMIT_WAITING, &later, NOW);
	oms_delivery_reschedule(&is.d, 1000, 0, 5 * 86400);
	assert_int_equal(is.d.tries, 1);
	assert_int_equal(is.d.next_ms, 1000 + OMS_RETRY_SMTP_MS);
	assert_int_equal(is.r[0].state, SUBMIT_WAITING);
	oms_delivery_reschedule(&is.d, (int64_t)5 * 86400 * 1000, 0, 5 * 86400);
	assert_int_equal(is.d.next_ms, 0);
	assert_int_equal(is.r[0].state, SUBMIT_REFUSED);
	assert_int_equal(is.r[0].since_s, 5 * 86400);
	assert_string_equal(is.r[0].word, "given-up");
	assert_int_equal(is.r[0].by, SUBMIT_SPEAKER_OMS);
	assert_string_equal(is.r[0].text,
	    "given up after 2 tries: b.test says: \"450 4.2.0 later\"");
	assert_int_equal(is.r[1].state, SUBMIT_BY_SMTP);
	assert_int_equal(is.r[2].state, SUBMIT_NOTIFIED);
	fill(&is, 1, SUBMIT_REFUSED);
	oms_delivery_reschedule(&is.d, 1000, 0, 0);
	assert_int_equal(is.d.next_ms, 0);
	assert_int_equal(is.d.tries, 1);
}

/* -- serving ------------------------------------------------------------------------------------------ */

static void
who_may_be_served(void **state)
{
	struct scene s;
	struct err e;

	(void)state;
	for (unsigned code = 0; code < codes(2); code++) {
		bool recalled = false, some = false;

		fill(&s, 2, code);
		for (size_t i = 0; i < 2; i++) {
			recalled = recalled || s.r[i].state == SUBMIT_RECALLED;
			some = some || s.r[i].state <= SUBMIT_FETCHED;
		}
		e.why = REFUSAL_NONE;
		assert_int_equal(oms_delivery_may_be_served(&s.d, &e), some && !recalled);
		assert_int_equal(e.why,
		    recalled   ? REFUSAL_recalled
			: some ? REFUSAL_NONE
			       : REFUSAL_unknown_id);
	}
}

/* -- letters and accounts ------------------------------------------------------------------------------ */

static void
a_letter_by_each_end(void **state)
{
	struct oms_life l = { .open = 2, .body = true };
	struct err e;

	(void)state;
	assert_false(oms_life_delivery_over(&l, NOW));
	assert_int_equal(oms_life_end(&l, NOW + 1, NOW), OMS_END_NONE);
	assert_int_equal(oms_life_end(&l, NOW, NOW), OMS_END_EXPIRE);
	assert_true(oms_life_may_be_served(&l, NOW, NOW, &e));
	assert_false(oms_life_may_be_served(&l, NOW - 1, NOW, &e));
	assert_int_equal(e.why, REFUSAL_gone);
	assert_true(oms_life_delivery_over(&l, NOW));
	assert_int_equal(l.forget_s, NOW + OMS_OUTCOME_S);
	assert_false(oms_life_may_be_served(&l, NOW + 1, NOW, &e));
	assert_int_equal(e.why, REFUSAL_gone);
	assert_int_equal(oms_life_end(&l, NOW, NOW), OMS_END_NONE);
	assert_int_equal(oms_life_end(&l, NOW, l.forget_s - 1), OMS_END_NONE);
	assert_int_equal(oms_life_end(&l, NOW, l.forget_s), OMS_END_FORGET);
	assert_false(oms_life_delivery_over(&l, NOW + 5)); /* once */
	assert_int_equal(l.forget_s, NOW + OMS_OUTCOME_S);
}

/* Some of its deliveries, or all, are over when it comes. */
static void
a_letter_begins_with_what_is_open(void **state)
{
	struct scene waits, over;
	struct oms_delivery d[2];
	struct oms_life l;

	(void)state;
	fill(&waits, 2, SUBMIT_WAITING + SUBMIT_FETCHED * STATES);
	fill(&over, 2, SUBMIT_REFUSED + SUBMIT_FETCHED * STATES);
	d[0] = waits.d;
	d[1] = over.d;
	assert_int_equal(oms_deliveries_open(d, 2), 1);
	assert_int_equal(oms_deliveries_open(d + 1, 1), 0);
	l = oms_life_begin(1, NOW);
	assert_true(l.body);
	assert_true(oms_life_delivery_over(&l, NOW));
	l = oms_life_begin(0, NOW);
	assert_false(l.body);
	assert_int_equal(oms_life_end(&l, NOW, NOW), OMS_END_NONE);
	assert_int_equal(oms_life_end(&l, NOW, NOW + OMS_OUTCOME_S), OMS_END_FORGET);
}

static void
an_account_keeps_what_fits(void **state)
{
	struct oms_user_limits most = { .letters = 2, .octets = 1000 };
	struct oms_user_counts c = { 0 };
	struct err e;

	(void)state;
	assert_true(oms_user_could_fit(900, 100, &most, &e));
	assert_false(oms_user_could_fit(901, 100, &most, &e));
	assert_int_equal(e.why, REFUSAL_message_too_big);
	assert_false(oms_user_could_fit(UINT64_MAX, 100, &most, &e)); /* the sum wraps */
	assert_true(oms_user_keep(&c, 600, 100, &most, &e));
	assert_false(oms_user_keep(&c, 201, 100, &most, &e));
	assert_int_equal(e.why, REFUSAL_outbox_full);
	assert_int_equal(c.letters, 1);
	assert_int_equal(c.octets, 700);
	assert_true(oms_user_keep(&c, 200, 100, &most, &e));
	assert_false(oms_user_keep(&c, 0, 0, &most, &e)); /* two letters */
	oms_user_less(&c, 1, 600);
	assert_int_equal(c.letters, 1);
	assert_int_equal(c.octets, 400);
	oms_user_less(&c, 2, 500);
	assert_int_equal(c.letters + c.octets, 0);
	most = (struct oms_user_limits) { 0 };
	assert_true(oms_user_keep(&c, UINT32_MAX, 100, &most, &e)); /* no bound */
}

/* -- tokens ----------------------------------------------------------------------------------------------- */

static void
a_token_means_its_letter_for_its_time(void **state)
{
	const struct ulid a = { { 1 } }, b = { { 2 } };
	struct oms_token t = oms_token_of(&a, NOW);

	(void)state;
	assert_true(oms_token_counts(&t, NOW));
	assert_true(oms_token_counts(&t, NOW + SUBMIT_TOKEN_S - 1));
	assert_false(oms_token_counts(&t, NOW + SUBMIT_TOKEN_S));
	assert_true(oms_token_goes_with(&t, &a));
	assert_false(oms_token_goes_with(&t, &b)); /* a later letter took the token over */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_has_the_table_of_the_code),
		cmocka_unit_test(an_answer_by_each_state),
		cmocka_unit_test(a_settled_delivery_by_each_state),
		cmocka_unit_test(a_delivery_that_is_handed_out_by_each_state),
		cmocka_unit_test(a_delivery_that_expires_by_each_state),
		cmocka_unit_test(what_came_early),
		cmocka_unit_test(a_letter_that_may_be_given_says_so_until_the_answer),
		cmocka_unit_test(an_answer_ends_only_the_doubt_of_its_attempt),
		cmocka_unit_test(nothing_is_given_once_nobody_waits),
		cmocka_unit_test(one_who_waited_to_the_end_is_refused),
		cmocka_unit_test(who_may_be_served),
		cmocka_unit_test(a_letter_by_each_end),
		cmocka_unit_test(a_letter_begins_with_what_is_open),
		cmocka_unit_test(an_account_keeps_what_fits),
		cmocka_unit_test(a_token_means_its_letter_for_its_time),
	};

	return cmocka_run_group_tests_name("oms_policy", tests, NULL, NULL);
}
