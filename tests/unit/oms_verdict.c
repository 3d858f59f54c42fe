/* oms_verdict — what ends a letter's delivery: each refusal x {signed, unsigned} x {the domain is remembered,
 * not} x {said by DNS, by the session, by a reply to the letter's entry}, in the functions that decide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oms/notify/sealing.h"
#include "oms/notify/verdict.h"
#include "oms/queue/downgrade.h"
#include "proto/reply.h"
#include "tests/unit/oms_store_scene.h"

#define NOW ((int64_t)1800000000)
#define NEW "new.test"
#define OLD "remembered.test"

/* -- the rule, by what the table of refusals says of each word -------------------------------------- */

static bool
is_permanent(enum refusal why)
{
	return refusal_code(why) >= 500;
}

/* The statuses of sysexits.h: 68 EX_NOHOST, 76 EX_PROTOCOL, 77 EX_NOPERM. */
static bool
is_of_domain(enum refusal why)
{
	const char *enhanced = refusal_enhanced(why);

	return refusal_status(why) == 68 &&
	    (strncmp(enhanced, "5.1.", 4) == 0 || strncmp(enhanced, "5.4.", 4) == 0);
}

/* DNS says nothing of the domains that a server serves. */
static bool
may_dns_end(enum refusal why)
{
	return is_permanent(why) && is_of_domain(why) && why != REFUSAL_domain_not_served;
}

/* A refusal of a letter by a person says nothing of us. */
static bool
is_of_us_or_session(enum refusal why)
{
	if (why == REFUSAL_bad_from || why == REFUSAL_declined)
		return false;
	return is_of_domain(why) || refusal_status(why) == 76 || refusal_status(why) == 77;
}

/* The words for the whole batch in SPEC.md, "Bindings", and those for its size and form. */
static bool
is_of_batch(enum refusal why)
{
	const char *word = refusal_word(why);

	return (strncmp(word, "seal-", 5) == 0 && why != REFUSAL_seal_statement) ||
	    why == REFUSAL_bad_seal_form || why == REFUSAL_too_many_statements ||
	    why == REFUSAL_batch_too_big;
}

static bool
may_answer_end(enum refusal why)
{
	return is_permanent(why) && !is_of_us_or_session(why) && !is_of_batch(why);
}

/* -- what DNS says ------------------------------------------------------------------------------------ */

static void
on_remembered(void *arg, const struct err *e)
{
	assert_null(e);
	told(arg);
}

/* One of "refused" (before the letter is taken) and "taken"; one of "final" (afterwards) and "waits". */
static const char *
fate_by_dns(struct world *w, const char *domain, enum refusal why, bool vouched)
{
	struct asked a = ask_peer(w->store, w->loop, domain);
	const struct downgrade_memory m = { &a.peer, NULL };
	struct err said, e;
	static char out[32];

	err_set(&said, why, "that is what DNS says");
	e = said;
	downgrade_may_smtp(m, vouched, &said, NOW, &e);
	snprintf(out, sizeof out, "%s %s",
	    downgrade_refuses(m, vouched, &said, NOW) ? "refused" : "taken",
	    verdict_is_final(e.why, VERDICT_DNS, vouched) ? "final" : "waits");
	return out;
}

static void
expect_by_dns(struct world *w, enum refusal why, bool vouched, bool remembered)
{
	bool ends = may_dns_end(why);
	char wanted[32];
	const char *got = fate_by_dns(w, remembered ? OLD : NEW, why, vouched);

	snprintf(wanted, sizeof wanted, "%s %s",
	    ends && (vouched || !remembered) ? "refused" : "taken",
	    ends && vouched ? "final" : "waits");
	if (strcmp(got, wanted) != 0)
		fail_msg("%s, %s, %s: %s, not %s", refusal_word(why),
		    vouched ? "signed" : "unsigned", remembered ? "remembered" : "new", got,
		    wanted);
}

/* -- what a peer says --------------------------------------------------------------------------------- */

static void
sent_one(struct sealing *s)
{
	*s = (struct sealing) { .n = 1, .n_entries = 1 };
	s->deliveries[0].recipients = memory_new(sizeof *s->deliveries[0].recipients);
	s->deliveries[0].n_recipients = 1;
	s->deliveries[0].recipients[0].state = SUBMIT_WAITING;
	s->entries = memory_new(sizeof *s->entries);
	*s->entries = (struct sealing_entry) { &s->deliveries[0], s->deliveries[0].recipients,
		false };
}

/* Of the letter; it waits where it has its next attempt. */
static bool
was_refused(struct sealing *s)
{
	bool refused = s->deliveries[0].recipients[0].state == SUBMIT_REFUSED;

	assert_int_equal(s->deliveries[0].next_ms == 0, refused);
	free(s->deliveries[0].recipients);
	free(s->entries);
	return refused;
}

/* A reply to its entry, as it came. */
static bool
ends_by_reply(int code, const char *word)
{
	static struct sealing s;
	struct reply r;
	struct err e;
	char line[128];

	snprintf(line, sizeof line, "%d %d.0.0 %s no", code, code / 100, word);
	assert_true(reply_parse(span_str(line), &r, &e));
	assert_false(reply_err(&r, &e));
	sent_one(&s);
	sealing_answer(&s, 0, r.text, &e, NOW * 1000);
	sealing_close(&s, NULL, NOW * 1000);
	return was_refused(&s);
}

/* The session ends with it before the entry is answered. */
static bool
ends_by_session(enum refusal why)
{
	static struct sealing s;
	struct err e;

	err_word(&e, why);
	sent_one(&s);
	sealing_close(&s, &e, NOW * 1000);
	return was_refused(&s);
}

static void
expect_by_peer(enum refusal why, bool vouched)
{
	bool known = refusal_code(why) != 0;
	char word[64];

	snprintf(word, sizeof word, "[%s]", refusal_word(why));
	assert_false(verdict_is_final(why, VERDICT_SESSION, vouched));
	assert_false(ends_by_session(why));
	if (verdict_is_final(why, VERDICT_ANSWER, vouched) != may_answer_end(why))
		fail_msg("an answer of %s", word);
	if (ends_by_reply(550, word) != (may_answer_end(why) || !known))
		fail_msg("550 %s", word);
	if (ends_by_reply(450, word))
		fail_msg("450 %s", word);
}

/* -- tests -------------------------------------------------------------------------------------------- */

static void
each_refusal_by_its_source(void **state)
{
	struct world w;
	unsigned of_dns = 0, of_answer = 0;

	(void)state;
	world_init(&w);
	w.waiting++;
	oms_store_remember(w.store, OLD, NOW + DAY, 10, w.loop, on_remembered, &w);
	wait_all(&w);
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal why = (enum refusal)i;

		for (int n = 0; n < 4; n++) {
			expect_by_dns(&w, why, n & 1, n & 2);
			expect_by_peer(why, n & 1);
		}
		assert_int_equal(verdict_refuses_recipient(why), may_dns_end(why));
		assert_int_equal(verdict_is_of_seal(why), is_of_batch(why));
		of_dns += may_dns_end(why);
		of_answer += may_answer_end(why);
	}
	assert_in_range(of_dns, 6, 10);
	assert_in_range(of_answer, 20, 40);
	world_clear(&w);
}

/* An entry's reply is about its letter, whatever its word; the first digit says for how long. */
static void
a_word_that_we_do_not_know(void **state)
{
	(void)state;
	assert_true(ends_by_reply(550, "[never-heard]"));
	assert_true(ends_by_reply(599, "[never-heard]"));
	assert_true(ends_by_reply(550, ""));
	assert_false(ends_by_reply(450, "[never-heard]"));
	assert_false(ends_by_reply(450, ""));
	assert_false(ends_by_reply(450, "[no-such-user]"));
	assert_true(ends_by_reply(550, "[no-such-user]"));
	assert_false(ends_by_reply(550, "[spf-fail]"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_by_its_source),
		cmocka_unit_test(a_word_that_we_do_not_know),
	};

	return cmocka_run_group_tests_name("oms_verdict", tests, NULL, NULL);
}
