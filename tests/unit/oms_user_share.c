/* oms_user_share — how much of the spool one user may have: refused beyond, and counted rightly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "common/base/record.h"
#include "common/store/db.h"
#include "tests/temp.h"
#include "tests/unit/oms_old_scene.h"
#include "tests/unit/oms_store_scene.h"

#define ALICE   "alice@a.test"
#define PRICE_1 (OMS_LETTER_PRICE + OMS_RECIPIENT_PRICE)

static struct oms_user_counts
counts(struct world *w)
{
	return ask_user(w->store, w->loop, ALICE);
}

static enum refusal
put_one(struct world *w, size_t size, uint64_t max_letters, uint64_t max_octets)
{
	const struct letter l = {
		.size = size,
		.max_letters = max_letters,
		.max_octets = max_octets,
		.one = true,
	};
	struct ulid id;

	return put(w, &l, &id);
}

/* -- bounds -------------------------------------------------------------------------------------- */

static void
the_last_letter_that_fits(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(put_one(&w, 1, 2, 0), REFUSAL_NONE);
	assert_int_equal(put_one(&w, 1, 2, 0), REFUSAL_NONE);
	assert_int_equal(put_one(&w, 1, 2, 0), REFUSAL_outbox_full);
	assert_int_equal(counts(&w).letters, 2);
	assert_int_equal(counts(&w).octets, 2 * (1 + PRICE_1));
	world_clear(&w);
}

static void
the_last_octet_that_fits(void **state)
{
	struct world w;
	uint64_t most = 2 * PRICE_1 + 1000;

	(void)state;
	world_init(&w);
	assert_int_equal(put_one(&w, 400, 0, most), REFUSAL_NONE);
	assert_int_equal(put_one(&w, 601, 0, most), REFUSAL_outbox_full);
	assert_int_equal(put_one(&w, 600, 0, most + 1), REFUSAL_NONE);
	assert_int_equal(counts(&w).octets, most);
	world_clear(&w);

	world_init(&w);
	assert_int_equal(put_one(&w, 400, 0, most), REFUSAL_NONE);
	assert_int_equal(put_one(&w, 600, 0, most), REFUSAL_NONE);
	assert_int_equal(counts(&w).octets, most);
	world_clear(&w);
}

/* The body goes with the last recipient; what the outbox keeps is given back when it is forgotten. */
static void
room_comes_back(void **state)
{
	struct world w;
	struct ulid id;
	struct letter l = { .size = 600, .max_letters = 1, .one = true };
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	world_init(&w);
	assert_int_equal(put(&w, &l, &id), REFUSAL_NONE);
	assert_int_equal(put_one(&w, 1, 1, 0), REFUSAL_outbox_full);
	notify(&w, "b.test", NULL);
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	assert_int_equal(counts(&w).letters, 0);
	assert_int_equal(counts(&w).octets, PRICE_1);
	assert_int_equal(put_one(&w, 1, 1, 2 * PRICE_1), REFUSAL_outbox_full);
	assert_int_equal(put_one(&w, 1, 1, 2 * PRICE_1 + 1), REFUSAL_NONE);
	sweep(&w, now_s + 31 * DAY); /* the second expires, the first is forgotten */
	assert_int_equal(counts(&w).letters, 0);
	assert_int_equal(counts(&w).octets, PRICE_1);
	sweep(&w, now_s + 62 * DAY);
	assert_int_equal(counts(&w).octets, 0);
	world_clear(&w);
}

/* -- letters on their way -------------------------------------------------------------------------- */

static enum refusal
claim(struct world *w, const char *token, uint64_t size, struct oms_user_limits most,
    struct oms_claim **out)
{
	const struct oms_claim_query q = { ALICE, token, size, 1, most };
	struct asked a = ask_claim(w->store, w->loop, &q);

	*out = a.claim;
	assert_true(a.e.why == REFUSAL_NONE || a.claim == NULL);
	return a.e.why;
}

static void
what_is_on_its_way_counts(void **state)
{
	const struct oms_user_limits letters = { .letters = 2 },
				     octets = { .octets = 3 * PRICE_1 + 100 };
	struct world w;
	struct oms_claim *a, *b, *none;

	(void)state;
	world_init(&w);
	assert_int_equal(put_one(&w, 40, 0, 0), REFUSAL_NONE);
	assert_int_equal(claim(&w, "", 30, letters, &a), REFUSAL_NONE);
	assert_int_equal(claim(&w, "", 0, letters, &none), REFUSAL_outbox_full);
	assert_int_equal(claim(&w, "", 31, octets, &none), REFUSAL_outbox_full);
	assert_int_equal(claim(&w, "", 30, octets, &b), REFUSAL_NONE);
	assert_int_equal(claim(&w, "", 0, octets, &none), REFUSAL_outbox_full);
	oms_claim_free(&a);
	assert_null(a);
	assert_int_equal(claim(&w, "", 30, octets, &a), REFUSAL_NONE);
	oms_claim_free(&b);
	oms_claim_free(&a);
	oms_claim_free(&a); /* nothing is claimed any more */
	assert_int_equal(claim(&w, "", 60, octets, &a), REFUSAL_NONE);
	oms_claim_free(&a);
	world_clear(&w);
}

/* By waiting it will not fit either. */
static void
a_letter_beyond_the_whole_share(void **state)
{
	struct world w;
	struct oms_claim *c;

	(void)state;
	world_init(&w);
	assert_int_equal(claim(&w, "", 101, (struct oms_user_limits) { .octets = PRICE_1 + 100 },
			     &c),
	    REFUSAL_message_too_big);
	assert_int_equal(claim(&w, "", 100, (struct oms_user_limits) { .octets = PRICE_1 + 100 },
			     &c),
	    REFUSAL_NONE);
	oms_claim_free(&c);
	world_clear(&w);
}

/* Its 250 was lost: that it is kept is the answer, however full the share is. */
static void
a_letter_that_is_kept_needs_no_room(void **state)
{
	const struct oms_user_limits one = { .letters = 1 };
	struct letter l = { .size = 10, .token = "t", .max_letters = 1, .one = true };
	struct world w;
	struct ulid id, again;
	struct oms_claim *c;

	(void)state;
	world_init(&w);
	assert_int_equal(put(&w, &l, &id), REFUSAL_NONE);
	assert_int_equal(claim(&w, "t", 10, one, &c), REFUSAL_NONE);
	assert_int_equal(put(&w, &l, &again), REFUSAL_NONE);
	assert_true(ulid_eq(&id, &again));
	oms_claim_free(&c);
	assert_int_equal(claim(&w, "other", 10, one, &c), REFUSAL_outbox_full);
	world_clear(&w);
}

/* -- the outbox is full ------------------------------------------------------------------------------- */

static enum refusal
put_listed(struct world *w, const char *token, int64_t date_s, struct ulid *id)
{
	const struct letter l = {
		.size = 100,
		.token = token,
		.date_s = date_s,
		.max_listed = 3,
		.one = true,
	};
	enum refusal why = put(w, &l, id);

	arrive(w);
	return why;
}

static void
end_letter_of(struct world *w, const struct ulid *id)
{
	assert_int_equal(settle(w, id, "b.test", true), REFUSAL_NONE);
	arrive(w);
}

/* The oldest outcomes go, with all that is counted for them, but none whose token is still valid. */
static void
the_oldest_outcomes_make_room(void **state)
{
	const struct oms_user_limits most = { .listed = 3 };
	int64_t now_s = clock_wall_ms() / 1000, then_s = now_s - SUBMIT_TOKEN_S - 60;
	struct ulid old[2], kept, young, other;
	struct oms_claim *c;
	struct world w;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put_listed(&w, i == 0 ? "a" : "b", then_s, &old[i]), REFUSAL_NONE);
		usleep(1100); /* ids of one millisecond have no order */
	}
	assert_int_equal(put_listed(&w, "c", now_s, &kept), REFUSAL_NONE);
	assert_int_equal(put_listed(&w, "d", now_s, &young),
	    REFUSAL_outbox_full); /* all are kept */
	end_letter_of(&w, &old[1]);
	end_letter_of(&w, &old[0]);
	assert_int_equal(claim(&w, "d", 100, most, &c), REFUSAL_NONE);
	oms_claim_free(&c);
	assert_int_equal(put_listed(&w, "d", now_s, &young), REFUSAL_NONE);
	assert_string_equal(states(&w, &old[0]), "unknown-id");
	assert_string_equal(states(&w, &old[1]), "refused");
	assert_int_equal(put_listed(&w, "", now_s, &other), REFUSAL_NONE);
	assert_string_equal(states(&w, &old[1]), "unknown-id");
	assert_int_equal(counts(&w).letters, 3);
	assert_int_equal(counts(&w).octets, 3 * (100 + PRICE_1));
	end_letter_of(&w, &young); /* its token means it for 7 days */
	assert_int_equal(claim(&w, "e", 100, most, &c), REFUSAL_outbox_full);
	assert_int_equal(put_listed(&w, "e", now_s, &young), REFUSAL_outbox_full);
	assert_int_equal(put_listed(&w, "e", now_s + SUBMIT_TOKEN_S, &young), REFUSAL_NONE);
	assert_int_equal(ask_outbox(w.store, w.loop, ALICE, NULL).n, 3);
	assert_int_equal(ask_counts(w.store, w.loop).letters, 3);
	sweep(&w, now_s + 100 * DAY);
	sweep(&w, now_s + 200 * DAY);
	arrive(&w);
	assert_int_equal(counts(&w).octets, 0);
	assert_false(ask_knows(w.store, w.loop, ALICE));
	world_clear(&w);
}

/* -- the sums are true ------------------------------------------------------------------------------- */

struct sums {
	struct ulid last;
	bool open;
	struct oms_user_counts c;
	uint64_t size;
};

static void
end_letter(struct sums *s)
{
	s->c.letters += s->open;
	s->c.octets += s->open ? s->size : 0;
	s->open = false;
}

static void
add_delivery(void *arg, const struct oms_listed *x)
{
	const struct oms_letter *l = &x->letter;
	const struct oms_delivery *d = &x->deliveries[0];
	struct sums *s = arg;

	if (!ulid_eq(&s->last, &l->id)) {
		end_letter(s);
		s->last = l->id;
		s->size = l->size;
		s->c.octets += OMS_LETTER_PRICE;
	}
	for (size_t i = 0; i < d->n_recipients; i++)
		s->open = s->open || d->recipients[i].state == SUBMIT_WAITING ||
		    d->recipients[i].state == SUBMIT_NOTIFIED;
	s->c.octets += OMS_RECIPIENT_PRICE * d->n_recipients;
}

/* The world of an earlier process. */
static void
world_at(struct world *w, const char *folder)
{
	world_init(w);
	oms_store_close(&w->store);
	assert_int_equal(temp_remove(w->folder), 0);
	strcpy(w->folder, folder);
	reopen(w);
}

/* Takes letters and has them fetched, and writes an octet for each; until it is killed. */
static void
work_on(const char *folder, int tell)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	world_at(&w, folder);
	for (unsigned i = 0;; i++) {
		put(&w, &(struct letter) { .size = 100 + i }, &id);
		if (i % 3 == 0) {
			notify(&w, "b.test", NULL);
			notify(&w, "c.test", NULL);
			settle(&w, &id, "b.test", false);
			settle(&w, &id, "c.test", true);
		} else if (due(&w, "b.test", &d, 1) == 1) {
			for (size_t k = 0; k < d.n_recipients; k++)
				d.recipients[k].state = SUBMIT_REFUSED;
			attempted(&w, &d);
			oms_delivery_clear(&d);
		}
		if (write(tell, "x", 1) != 1)
			_exit(1);
	}
}

static void
kill_after(const char *folder, unsigned letters)
{
	int end[2];
	pid_t pid;
	char x;

	assert_int_equal(pipe(end), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		close(end[0]);
		work_on(folder, end[1]);
	}
	close(end[1]);
	for (unsigned i = 0; i < letters; i++)
		assert_int_equal(read(end[0], &x, 1), 1);
	kill(pid, SIGKILL);
	close(end[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
the_sums_are_true_after_a_kill(void **state)
{
	char folder[64];
	struct world w;
	struct sums s;
	unsigned pages;

	(void)state;
	temp_name(folder, sizeof folder, "tillcalled-oms-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (unsigned i = 1; i <= 6; i++) {
		kill_after(folder, 3 * i);
		world_at(&w, folder);
		s = (struct sums) { .open = false };
		ask_queue(w.store, w.loop, OMS_STORE_LIST_PAGE, add_delivery, &s, &pages);
		end_letter(&s);
		assert_true(s.c.octets > 0);
		assert_int_equal(counts(&w).letters, s.c.letters);
		assert_int_equal(counts(&w).octets, s.c.octets);
		temp_name(w.folder, sizeof w.folder, "tillcalled-oms-XXXXXX");
		assert_non_null(mkdtemp(w.folder));
		world_clear(&w);
	}
	assert_int_equal(temp_remove(folder), 0);
}

/* -- a store of version 1 -------------------------------------------------------------------------------- */

struct old {
	struct db_write write;
	struct world *world;
	struct ulid id;
};

/* As its programs wrote them: a letter of 600 octets without a price, and its user's sums. */
static bool
apply_old(struct db_txn *t, void *arg, struct err *e)
{
	const struct old *o = arg;
	struct buf letter = BUF_INIT, user = BUF_INIT, delivery = BUF_INIT;
	unsigned char digest[DIGEST_BYTES] = { 0 };
	int64_t now_s = clock_wall_ms() / 1000;

	put_u8(&letter, 1);
	put_bytes(&letter, o->id.b, ULID_BYTES);
	put_span(&letter, SPAN_LIT(ALICE));
	put_span(&letter, SPAN_LIT(ALICE));
	put_u64(&letter, (uint64_t)now_s);
	put_u64(&letter, (uint64_t)now_s + DAY);
	put_u64(&letter, 600);
	put_bytes(&letter, digest, DIGEST_BYTES);
	put_u64(&letter, 10);
	put_bytes(&letter, digest, DIGEST_BYTES);
	put_span(&letter, SPAN_LIT("token"));
	put_span(&letter, SPAN_LIT(""));
	put_u32(&letter, 1);
	put_u8(&letter, 1);
	put_u64(&letter, 0);
	db_put(t, 0, span_of(o->id.b, ULID_BYTES), buf_span(&letter));
	put_u8(&user, 1);
	put_u64(&user, 1);
	put_u64(&user, 600);
	db_put(t, 1, SPAN_LIT(ALICE), buf_span(&user));
	old_delivery_record(&delivery, &o->id, "b.test");
	old_put(t, 2, &o->id, "b.test", &delivery);
	buf_reset(&delivery);
	for (int i = 0; i < 600; i++)
		put_u8(&delivery, 'b');
	old_put(t, 3, &o->id, "", &delivery);
	buf_clear(&letter);
	buf_clear(&user);
	buf_clear(&delivery);
	return !db_fault(t, e);
}

static void
on_old(void *arg, const struct err *e)
{
	struct old *o = arg;

	assert_null(e);
	told(o->world);
}

static void
a_store_of_version_1_opens(void **state)
{
	static const char *const tables[] = { "letter", "user", "delivery", "body" };
	struct world w;
	struct old o = { .world = &w };
	struct db *d;
	struct err e;

	(void)state;
	world_bare(&w);
	assert_true(db_open(w.folder, SIZE, tables, 4, &d, &e));
	o.id = (struct ulid) { { 1, 2, 3 } };
	o.write = (struct db_write) { .apply = apply_old,
		.done = on_old,
		.arg = &o,
		.home = w.loop,
		.octets = 2048 };
	w.waiting++;
	assert_true(db_write_take(d, &o.write, &e));
	wait_all(&w);
	db_close(&d);
	reopen(&w);
	assert_string_equal(states(&w, &o.id), "waiting");
	assert_int_equal(counts(&w).letters, 1);
	assert_int_equal(counts(&w).octets, 600);
	assert_int_equal(put_one(&w, 1, 1, 0), REFUSAL_outbox_full);
	assert_int_equal(put_one(&w, 1, 2, 0), REFUSAL_NONE);
	assert_int_equal(counts(&w).octets, 601 + PRICE_1);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 9 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(the_last_letter_that_fits),
		cmocka_unit_test(the_last_octet_that_fits),
		cmocka_unit_test(room_comes_back),
		cmocka_unit_test(what_is_on_its_way_counts),
		cmocka_unit_test(a_letter_beyond_the_whole_share),
		cmocka_unit_test(a_letter_that_is_kept_needs_no_room),
		cmocka_unit_test(the_oldest_outcomes_make_room),
		/* with a file */
		cmocka_unit_test(the_sums_are_true_after_a_kill),
		cmocka_unit_test(a_store_of_version_1_opens),
	};

	return engines_run("oms_user_share", tests, N - 2, N);
}
