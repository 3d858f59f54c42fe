/* oms_early — FETCH, DONE and DECLINE that come before the OMS has recorded the attempt that caused them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/record.h"
#include "common/store/db.h"
#include "common/store/db_key.h"
#include "tests/unit/oms_store_scene.h"

/* The IMS fetches and says DONE before our own record of its answer is written. */
static void
a_fetch_may_overtake_the_record_of_the_notification(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	for (int round = 0; round < 3; round++) {
		put(&w, &(struct letter) { .size = 100 }, &id);
		assert_int_equal(due(&w, "b.test", &d, 1), 1);
		assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
		if (round > 0)
			assert_int_equal(settle(&w, &id, "b.test", round == 2), REFUSAL_NONE);
		assert_string_equal(states(&w, &id), "waiting waiting waiting");
		d.recipients[0].state = d.recipients[1].state = SUBMIT_NOTIFIED;
		d.sent = true;
		d.next_ms = 0;
		attempted(&w, &d);
		oms_delivery_clear(&d);
		assert_string_equal(states(&w, &id),
		    round == 0       ? "handed-out handed-out waiting"
			: round == 1 ? "fetched fetched waiting"
				     : "refused refused waiting");
		assert_int_equal(due(&w, "b.test", &d, 1), 0);
	}
	world_clear(&w);
}

/* -- answers that come before their cause was answered ------------------------------------------ */

/* What became of the attempt whose notices were read: its answers came, the session broke before they
 * came, or we went down. */
enum fate { ANSWERED, LOST, CRASHED };

struct order {
	enum fate fate;
	unsigned at; /* steps of the reader (FETCH, then DONE or DECLINE) before the attempt ends */
	bool declined; /* else DONE */
	bool two;      /* recipients at the domain, both told by the attempt; else one */
	bool reopened; /* after each step */
	/* where an attempt finds no server.  0: nowhere; 1: before the attempt; 2..4: before the reader's step
	 * `unsent - 2`, if the attempt has ended and somebody still waits */
	unsigned unsent;
};

#define UNSENT_PLACES 5

static void
attempt_unsent(struct world *w)
{
	struct oms_delivery d;

	if (due(w, "b.test", &d, 1) == 0)
		return;
	d.tries++;
	attempted(w, &d);
	oms_delivery_clear(&d);
}

static void
end_attempt(struct world *w, struct oms_delivery *d, enum fate fate)
{
	if (fate != CRASHED) {
		for (size_t i = 0; i < d->n_recipients && fate == ANSWERED; i++)
			d->recipients[i].state = SUBMIT_NOTIFIED;
		d->next_ms = fate == ANSWERED ? 0 : 1000;
		d->tries++;
		d->sent = true;
		attempted(w, d);
	}
	oms_delivery_clear(d);
}

/* The next attempt finds no server; after it whoever still waits hears that the notice was there before. */
static void
repeat(struct world *w)
{
	struct oms_delivery d;

	attempt_unsent(w);
	if (due(w, "b.test", &d, 1) == 0)
		return;
	d.sent = true;
	for (size_t i = 0; i < d.n_recipients; i++) {
		if (d.recipients[i].state != SUBMIT_WAITING)
			continue;
		d.recipients[i].state = SUBMIT_NOTIFIED;
		d.recipients[i].known = true;
	}
	d.next_ms = 0;
	d.tries++;
	attempted(w, &d);
	oms_delivery_clear(&d);
}

static void
play(struct world *w, const struct order *o)
{
	struct ulid id;
	struct oms_delivery d;
	const char *end = o->declined ? "refused" : "fetched";
	char want[64];

	put(w, &(struct letter) { .size = 100, .one = !o->two }, &id);
	if (o->unsent == 1)
		attempt_unsent(w);
	assert_int_equal(due(w, "b.test", &d, 1), 1);
	for (unsigned step = 0; step <= 2; step++) {
		if (step == o->at)
			end_attempt(w, &d, o->fate);
		if (step >= o->at && step + 2 == o->unsent)
			attempt_unsent(w);
		if (o->reopened || (step == o->at && o->fate == CRASHED))
			reopen(w);
		if (step == 0)
			assert_int_equal(hand_out(w, &id, "b.test"), REFUSAL_NONE);
		if (step == 1)
			assert_int_equal(settle(w, &id, "b.test", o->declined), REFUSAL_NONE);
	}
	repeat(w);
	if (o->two && o->fate != ANSWERED) /* the domain was notified again, and says it again */
		assert_int_equal(settle(w, &id, "b.test", o->declined), REFUSAL_NONE);
	snprintf(want, sizeof want, o->two ? "%s %s waiting" : "%s", end, end);
	if (strcmp(states(w, &id), want) != 0)
		fail_msg("fate %d at %u declined %d two %d reopened %d unsent %u: %s", o->fate,
		    o->at, o->declined, o->two, o->reopened, o->unsent, states(w, &id));
	assert_int_equal(due(w, "b.test", &d, 1), 0);
	if (o->two)
		notify(w, "c.test", NULL);
}

static void
what_was_read_is_over_in_every_order(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i < UNSENT_PLACES * 3 * 3 * 8; i++)
		play(&w,
		    &(struct order) {
			.unsent = i / 72,
			.fate = (enum fate)(i / 24 % 3),
			.at = i / 8 % 3,
			.declined = (i & 1) != 0,
			.two = (i & 2) != 0,
			.reopened = (i & 4) != 0,
		    });
	world_clear(&w);
}

/* An answer that may be about another recipient's copy takes nobody's letter away: carol was refused
 * for now in the attempt that notified bob, or is notified only after bob's delivery was over. */
static void
no_answer_takes_anothers_letter(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i < 8; i++) {
		bool lost = (i & 1) != 0, declined = (i & 2) != 0, later = (i & 4) != 0;

		put(&w, &(struct letter) { .size = 100 }, &id);
		assert_int_equal(due(&w, "b.test", &d, 1), 1);
		d.tries++;
		d.sent = true;
		if (!lost)
			d.recipients[0].state = SUBMIT_NOTIFIED;
		attempted(&w, &d);
		oms_delivery_clear(&d);
		assert_int_equal(due(&w, "b.test", &d, 1), 1);
		assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		if (later) { /* it told carol, and the session broke */
			d.sent = true;
			d.tries++;
			attempted(&w, &d);
			reopen(&w);
			d.recipients[1].known = true;
		}
		d.tries++;
		d.sent = true;
		d.next_ms = 0;
		d.recipients[1].state = SUBMIT_NOTIFIED;
		if (lost) {
			d.recipients[0].state = SUBMIT_NOTIFIED;
			d.recipients[0].known = true;
		}
		attempted(&w, &d);
		oms_delivery_clear(&d);
		assert_non_null(strstr(states(&w, &id), " notified waiting"));
		assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
		notify(&w, "c.test", NULL);
	}
	world_clear(&w);
}

/* We crashed before we recorded the attempt that notified bob and refused carol for now.  A later one
 * notifies her, and hears that bob's notice was there before; or its answers are lost, and the one after it
 * hears that both were there. */
static void
an_attempt_that_a_crash_lost_takes_nobodys_letter(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i < 12; i++) {
		bool declined = (i & 1) != 0, unsent = (i & 2) != 0;
		bool early = i / 4 > 0; /* DONE or DECLINE comes before the second attempt begins */
		bool lost = i / 4 > 1;

		put(&w, &(struct letter) { .size = 100 }, &id);
		if (unsent)
			attempt_unsent(&w);
		reopen(&w);
		if (early)
			assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		assert_int_equal(due(&w, "b.test", &d, 1), 1);
		if (!early)
			assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		if (lost) {
			d.tries++;
			d.sent = true;
			attempted(&w, &d);
			oms_delivery_clear(&d);
			assert_int_equal(due(&w, "b.test", &d, 1), 1);
		}
		d.tries++;
		d.sent = true;
		d.next_ms = 0;
		d.recipients[0].state = d.recipients[1].state = SUBMIT_NOTIFIED;
		d.recipients[0].known = true;
		d.recipients[1].known = lost;
		attempted(&w, &d);
		oms_delivery_clear(&d);
		assert_string_equal(states(&w, &id),
		    lost || early  ? "notified notified waiting"
			: declined ? "refused notified waiting"
				   : "fetched notified waiting");
		assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		assert_string_equal(states(&w, &id),
		    declined ? "refused refused waiting" : "fetched fetched waiting");
		notify(&w, "c.test", NULL);
	}
	world_clear(&w);
}

/* Two attempts whose notices were stored, none of whose answers came: each is recorded, or a crash lost it.
 * The domain says DONE or DECLINE before, between or after them.  The third attempt hears that all were
 * noticed before, and the domain says again what it said: during the third attempt, or after it, and perhaps also
 * before.  A restart follows each step, or none does. */
static void
what_was_said_is_not_lost_with_both_answers(void **state)
{
	static const enum fate fates[] = { LOST, CRASHED };
	struct world w;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i < 2 * 2 * 4 * 3 * 2 * 2 * 2; i++) {
		const enum fate fate[2] = { fates[i % 2], fates[i / 2 % 2] };
		unsigned at = i / 4 % 4, again = i / 16 % 3;
		bool declined = i / 48 % 2, reopened = i / 96 % 2, two = i / 192 % 2;
		const char *want = two
		    ? declined ? "refused refused waiting" : "fetched fetched waiting"
		    : declined ? "refused"
			       : "fetched";
		struct ulid id;
		struct oms_delivery d;

		put(&w, &(struct letter) { .size = 100, .one = !two }, &id);
		for (unsigned n = 0; n < 2; n++) {
			if (due(&w, "b.test", &d, 1) == 0)
				break; /* the only recipient is over at once */
			if (at == 2 * n)
				assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
			end_attempt(&w, &d, fate[n]);
			if (reopened || fate[n] == CRASHED)
				reopen(&w);
			if (at == 2 * n + 1)
				assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
			if (reopened)
				reopen(&w);
		}
		if (again == 0)
			assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		if (due(&w, "b.test", &d, 1) == 1) {
			d.recipients[0].known = d.recipients[two].known = true;
			if (again == 1)
				assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
			end_attempt(&w, &d, ANSWERED);
		}
		if (reopened)
			reopen(&w);
		if (again == 0 && two)
			assert_string_equal(states(&w, &id), "notified notified waiting");
		if (again != 1)
			assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		if (strcmp(states(&w, &id), want) != 0)
			fail_msg("fates %d %d at %u again %u declined %d reopened %d two %d: %s",
			    fate[0], fate[1], at, again, declined, reopened, two, states(&w, &id));
		assert_int_equal(due(&w, "b.test", &d, 1), 0);
		if (two)
			notify(&w, "c.test", NULL);
	}
	world_clear(&w);
}

/* DONE came for bob, and carol's notice only after that, by an attempt that a crash kept from being recorded: her
 * letter is not over. */
static void
done_means_no_later_notice(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i < 2; i++) {
		bool declined = i == 1;

		put(&w, &(struct letter) { .size = 100 }, &id);
		notify(&w, "b.test", "carol");
		assert_int_equal(settle(&w, &id, "b.test", declined), REFUSAL_NONE);
		assert_int_equal(due(&w, "b.test", &d, 1), 1);
		end_attempt(&w, &d, CRASHED);
		reopen(&w);
		repeat(&w);
		assert_string_equal(states(&w, &id),
		    declined ? "refused notified waiting" : "fetched notified waiting");
		assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
		notify(&w, "c.test", NULL);
	}
	world_clear(&w);
}

/* -- deliveries of older versions --------------------------------------------------------------------------- */

struct old {
	struct db_write write;
	struct world *world;
	struct ulid id;
	uint8_t version;
	uint64_t tries, settled_tries;
};

static void
put_old_letter(struct db_txn *t, const struct old *o)
{
	const unsigned char digest[DIGEST_BYTES] = { 0 };
	int64_t now_s = clock_wall_ms() / 1000;
	struct buf v = BUF_INIT;

	put_u8(&v, o->version == 1 ? 1 : 2);
	put_bytes(&v, o->id.b, ULID_BYTES);
	put_span(&v, SPAN_LIT("alice@a.test"));
	put_span(&v, SPAN_LIT("alice@a.test"));
	put_u64(&v, (uint64_t)now_s);
	put_u64(&v, (uint64_t)(now_s + DAY));
	put_u64(&v, 10);
	put_bytes(&v, digest, DIGEST_BYTES);
	put_u64(&v, 10);
	put_bytes(&v, digest, DIGEST_BYTES);
	put_span(&v, SPAN_LIT(""));
	put_span(&v, SPAN_LIT(""));
	put_u32(&v, 2);
	put_u8(&v, 1);
	put_u64(&v, 0);
	if (o->version > 1)
		put_u64(&v, 3072);
	db_put(t, 1, span_of(o->id.b, ULID_BYTES), buf_span(&v));
	db_put(t, 2, span_of(o->id.b, ULID_BYTES), SPAN_LIT("bbbbbbbbbb"));
	buf_clear(&v);
}

/* As their programs wrote them: bob and carol wait, and the domain has sent DONE. */
static bool
apply_old(struct db_txn *t, void *arg, struct err *e)
{
	static const char *const to[] = { "bob@b.test", "carol@b.test" };
	const struct old *o = arg;
	const unsigned char salt[STATEMENT_SALT_BYTES] = { 0 };
	struct db_key k = { .n = 0 };
	struct buf v = BUF_INIT;

	put_old_letter(t, o);
	put_u8(&v, o->version);
	put_bytes(&v, o->id.b, ULID_BYTES);
	put_span(&v, SPAN_LIT("a.test"));
	put_span(&v, SPAN_LIT("b.test"));
	put_span(&v, SPAN_LIT("Tillcalled-Notification: 1 for b.test"));
	put_u64(&v, o->tries);
	put_u64(&v, 1000);
	put_u64(&v, (uint64_t)(clock_wall_ms() / 1000 + DAY));
	put_u64(&v, 0);
	put_u64(&v, 1);
	put_u8(&v, false);
	if (o->version >= 2)
		put_u64(&v, o->settled_tries);
	if (o->version == 3)
		put_u64(&v, o->settled_tries);
	put_u16(&v, 2);
	for (size_t i = 0; i < 2; i++) {
		put_span(&v, span_str(to[i]));
		put_bytes(&v, salt, sizeof salt);
		put_u8(&v, SUBMIT_WAITING);
		put_u64(&v, 5);
		put_span(&v, SPAN_LIT(""));
		put_span(&v, SPAN_LIT(""));
	}
	db_key_add(&k, o->id.b, ULID_BYTES);
	db_key_add(&k, "b.test", 6);
	db_put(t, 0, db_key_span(&k), buf_span(&v));
	buf_clear(&v);
	return !db_fault(t, e);
}

static void
on_old(void *arg, const struct err *e)
{
	assert_null(e);
	told(((struct old *)arg)->world);
}

/* A store of that version, and nothing else. */
static void
open_old(struct world *w, struct old *o)
{
	static const char *const tables[] = { "delivery", "letter", "body" };
	struct db *d;
	struct err e;

	world_bare(w);
	ulid_make(&o->id, clock_wall_ms(), (const unsigned char *)"0123456789");
	o->world = w;
	o->write = (struct db_write) { .apply = apply_old,
		.done = on_old,
		.arg = o,
		.home = w->loop,
		.octets = 2048 };
	assert_true(db_open(w->folder, SIZE, tables, 3, &d, &e));
	w->waiting++;
	assert_true(db_write_take(d, &o->write, &e));
	wait_all(w);
	db_close(&d);
	reopen(w);
}

/* What the domain sent counts for none who is notified after that: it is notified again, and says it again. */
static void
deliveries_of_older_versions(void **state)
{
	struct old row[] = {
		{ .version = 1, .tries = 1 },
		{ .version = 2, .tries = 1, .settled_tries = 0 },
		{ .version = 2, .tries = 1, .settled_tries = 1 },
		{ .version = 2, .tries = 0, .settled_tries = 0 },
		{ .version = 3, .tries = 1, .settled_tries = 1 },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		open_old(&w, &row[i]);
		repeat(&w);
		assert_string_equal(states(&w, &row[i].id), "notified notified");
		assert_int_equal(settle(&w, &row[i].id, "b.test", false), REFUSAL_NONE);
		assert_string_equal(states(&w, &row[i].id), "fetched fetched");
		world_clear(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fetch_may_overtake_the_record_of_the_notification),
		cmocka_unit_test(what_was_read_is_over_in_every_order),
		cmocka_unit_test(no_answer_takes_anothers_letter),
		cmocka_unit_test(an_attempt_that_a_crash_lost_takes_nobodys_letter),
		cmocka_unit_test(what_was_said_is_not_lost_with_both_answers),
		cmocka_unit_test(done_means_no_later_notice),
		cmocka_unit_test(deliveries_of_older_versions),
	};

	return cmocka_run_group_tests_name("oms_early", tests, NULL, NULL);
}
