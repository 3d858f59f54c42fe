/* oms_downgrade — peers' domains are remembered until their time, up to a limit; and a domain that named
 * servers is believed to name none only by DNSSEC, or by time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "oms/queue/downgrade.h"
#include "tests/temp.h"
#include "tests/unit/oms_store_asked.h"

#define SIZE ((uint64_t)64 << 20)
#define NOW  ((int64_t)1800000000)
#define MAX  5000
#define DAY  86400

struct world {
	char folder[64];
	struct oms_store *store;
	struct loop *loop;
	struct offload *offload;
	unsigned waiting;
	enum refusal why; /* of the last answer */
};

static void
on_done(void *arg, const struct err *e)
{
	struct world *w = arg;

	w->why = e == NULL ? REFUSAL_NONE : e->why;
	if (--w->waiting == 0)
		loop_stop(w->loop);
}

static void
reopen(struct world *w)
{
	struct err e;

	oms_store_close(&w->store);
	if (!oms_store_open(w->folder, SIZE, w->offload, &w->store, &e))
		fail_msg("%s", e.text);
}

static void
world_init(struct world *w)
{
	struct err e;

	*w = (struct world) { .store = NULL };
	temp_name(w->folder, sizeof w->folder, "tillcalled-oms-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 1, &e) && offload_start(w->offload, &e));
	reopen(w);
}

static void
world_clear(struct world *w)
{
	char command[128];

	oms_store_close(&w->store);
	offload_stop(w->offload);
	loop_drain(w->loop);
	offload_free(&w->offload);
	loop_free(&w->loop);
	snprintf(command, sizeof command, "rm -r %s", w->folder);
	assert_int_equal(system(command), 0);
}

/* -- operations, at once ------------------------------------------------------------------------- */

static enum refusal
remember(struct world *w, const char *domain, int64_t until_s, uint64_t max)
{
	w->waiting++;
	oms_store_remember(w->store, domain, until_s, max, w->loop, on_done, w);
	loop_run(w->loop);
	return w->why;
}

static int64_t
until(struct world *w, const char *domain)
{
	struct asked a = ask_peer(w->store, w->loop, domain);

	if (a.e.why != REFUSAL_NONE)
		fail_msg("%s: %s", domain, a.e.text);
	return a.peer.until_s;
}

static void
sweep(struct world *w, int64_t now_s)
{
	w->waiting++;
	oms_store_sweep(w->store, now_s, w->loop, on_done, w);
	loop_run(w->loop);
	assert_int_equal(w->why, REFUSAL_NONE);
}

static uint64_t
domains(struct world *w)
{
	struct oms_store_counts c;

	c = ask_counts(w->store, w->loop);
	return c.domains;
}

/* -- the store ------------------------------------------------------------------------------------- */

static void
a_domain_is_remembered_after_a_restart(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(until(&w, "b.test"), 0);
	assert_int_equal(remember(&w, "b.test", NOW, MAX), REFUSAL_NONE);
	reopen(&w);
	assert_int_equal(until(&w, "b.test"), NOW);
	assert_int_equal(until(&w, "sub.b.test"), 0);
	assert_int_equal(until(&w, "test"), 0);
	assert_int_equal(remember(&w, "b.test", NOW + 1, MAX), REFUSAL_NONE);
	assert_int_equal(until(&w, "b.test"), NOW + 1);
	assert_int_equal(domains(&w), 1);
	world_clear(&w);
}

static void
name_of(int i, char out[32])
{
	snprintf(out, 32, "d%d.test", i);
}

/* Each shard of the directory has its part of the most. */
static void
so_many_and_no_more(void **state)
{
	enum { MOST = 64, NAMES = 200 };
	int last = -1, refused = -1, n = 0;
	struct world w;
	char name[32];

	(void)state;
	world_init(&w);
	for (int i = 0; i < NAMES; i++) {
		enum refusal why;

		name_of(i, name);
		why = remember(&w, name, NOW, MOST);
		assert_true(why == REFUSAL_NONE || why == REFUSAL_system_full);
		assert_int_equal(until(&w, name), why == REFUSAL_NONE ? NOW : 0);
		if (why == REFUSAL_NONE)
			last = i;
		else
			refused = i;
		n += why == REFUSAL_NONE;
	}
	assert_in_range(n, MOST / 2, MOST);
	assert_int_equal(domains(&w), n);
	name_of(last, name);
	assert_int_equal(remember(&w, name, NOW + 9, MOST), REFUSAL_NONE);
	assert_int_equal(until(&w, name), NOW + 9);
	assert_int_equal(domains(&w), n);
	sweep(&w, NOW);
	name_of(refused, name);
	assert_int_equal(remember(&w, name, NOW + 9, MOST), REFUSAL_NONE);
	world_clear(&w);
}

/* More than one look can take in: every other one has come to its end. */
static void
those_whose_time_has_come_are_forgotten(void **state)
{
	enum { N = 2500 };
	struct world w;
	char name[32];

	(void)state;
	world_init(&w);
	for (int i = 0; i < N; i++) {
		name_of(i, name);
		w.waiting++;
		oms_store_remember(w.store, name, NOW + i % 2, MAX, w.loop, on_done, &w);
	}
	loop_run(w.loop);
	assert_int_equal(domains(&w), N);
	sweep(&w, NOW - 1);
	assert_int_equal(domains(&w), N);
	sweep(&w, NOW);
	assert_in_range(domains(&w), N - 200, N - 1);
	for (int i = 0; i < 20; i++)
		sweep(&w, NOW);
	assert_int_equal(domains(&w), N / 2);
	for (int i = 0; i < N; i++) {
		name_of(i, name);
		assert_int_equal(until(&w, name), i % 2 == 0 ? 0 : NOW + 1);
	}
	for (int i = 0; i < 20; i++)
		sweep(&w, NOW + 1);
	assert_int_equal(domains(&w), 0);
	world_clear(&w);
}

/* Turns an octet after each copy of `mark` in the store. */
static void
damage(const struct world *w, const char *mark)
{
	char path[128], *octets, *at;
	size_t n_mark = strlen(mark);
	off_t size;
	int fd;

	snprintf(path, sizeof path, "%s/store/data.mdb", w->folder);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	size = lseek(fd, 0, SEEK_END);
	octets = memory_new((size_t)size);
	assert_int_equal(pread(fd, octets, (size_t)size, 0), size);
	for (at = octets; (at = memmem(at, (size_t)(octets + size - at), mark, n_mark)) != NULL;
	     at += n_mark)
		at[n_mark + 5] ^= 1;
	assert_int_equal(pwrite(fd, octets, (size_t)size, 0), size);
	free(octets);
	close(fd);
}

/* What cannot be read is not "never seen"; the next sight mends it, and it stops no sweep. */
static void
a_damaged_record_is_no_absence(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(remember(&w, "bad-one.test", NOW, MAX), REFUSAL_NONE);
	assert_int_equal(remember(&w, "good.test", NOW, MAX), REFUSAL_NONE);
	oms_store_close(&w.store);
	damage(&w, "bad-one.test");
	reopen(&w);
	assert_int_equal(ask_peer(w.store, w.loop, "bad-one.test").e.why, REFUSAL_storage);
	sweep(&w, NOW);
	assert_int_equal(until(&w, "good.test"), 0);
	assert_int_equal(remember(&w, "bad-one.test", NOW + 1, 1), REFUSAL_NONE);
	assert_int_equal(until(&w, "bad-one.test"), NOW + 1);
	world_clear(&w);
}

/* -- the rule --------------------------------------------------------------------------------------- */

/* A sight asks, then writes.  Questions are answered in order, and so are writes: each of ours comes after. */
static void
sees(struct world *w, const char *domain, bool named, int64_t now_s)
{
	downgrade_seen(w->store, domain, &(struct designation) { .named = named }, now_s, w->loop);
	ask_peer(w->store, w->loop, domain);
	remember(w, "last.test", NOW, MAX);
}

/* The word that is to be believed; "by-smtp": it may be sent to by SMTP. */
static const char *
judged(struct world *w, const char *domain, enum refusal why, bool secure, int64_t now_s)
{
	struct asked a = ask_peer(w->store, w->loop, domain);
	const struct downgrade_memory m = { &a.peer, a.e.why == REFUSAL_NONE ? NULL : &a.e };
	struct err said, e = { .why = REFUSAL_NONE };

	err_set(&said, why, "there is no such thing in DNS");
	if (downgrade_may_smtp(m, secure, &said, now_s, &e))
		return "by-smtp";
	return refusal_word(e.why);
}

static const enum refusal absences[] = {
	REFUSAL_no_designation,
	REFUSAL_no_such_domain,
	REFUSAL_takes_no_mail,
};

static void
an_absence_is_believed_by_dnssec_or_time(void **state)
{
	const int64_t end = NOW + DOWNGRADE_S + DOWNGRADE_RENEW_S;
	struct world w;

	(void)state;
	assert_int_equal(DOWNGRADE_S, 30 * 24 * 60 * 60);
	world_init(&w);
	sees(&w, "b.test", true, NOW);
	for (size_t i = 0; i < sizeof absences / sizeof absences[0]; i++) {
		enum refusal why = absences[i];

		assert_string_equal(judged(&w, "never.test", why, false, NOW), "by-smtp");
		assert_string_equal(judged(&w, "b.test", why, false, NOW), "designation-vanished");
		assert_string_equal(judged(&w, "b.test", why, true, NOW), "by-smtp");
		assert_string_equal(judged(&w, "b.test", why, false, NOW + DOWNGRADE_S),
		    "designation-vanished");
		assert_string_equal(judged(&w, "b.test", why, false, end - 1),
		    "designation-vanished");
		assert_string_equal(judged(&w, "b.test", why, false, end), "by-smtp");
		assert_string_equal(judged(&w, "b.test", why, false, end + 1), "by-smtp");
	}
	assert_true(refusal_temporary(REFUSAL_designation_vanished));
	world_clear(&w);
}

/* However the day's one writing falls, each sight counts for 30 days. */
static void
each_sight_counts_for_30_days(void **state)
{
	static const int64_t at[] = {
		0,
		1,
		DOWNGRADE_RENEW_S - 1,
		DOWNGRADE_RENEW_S,
		DOWNGRADE_RENEW_S + 1,
		2 * DOWNGRADE_RENEW_S,
		9 * DOWNGRADE_RENEW_S,
	};
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		int64_t last_s = NOW + at[i];

		sees(&w, "b.test", true, last_s);
		assert_string_equal(judged(&w, "b.test", REFUSAL_no_designation, false,
					last_s + DOWNGRADE_S - 1),
		    "designation-vanished");
		assert_in_range(until(&w, "b.test"), last_s + DOWNGRADE_S,
		    last_s + DOWNGRADE_S + DOWNGRADE_RENEW_S);
	}
	world_clear(&w);
}

static uint64_t
writes(struct world *w)
{
	struct oms_store_counts c;

	c = ask_counts(w->store, w->loop);
	return c.writes;
}

static void
a_sight_is_written_once_a_day(void **state)
{
	struct world w;
	uint64_t before;

	(void)state;
	world_init(&w);
	sees(&w, "b.test", true, NOW);
	before = writes(&w);
	for (int i = 0; i < 10; i++)
		downgrade_seen(w.store, "b.test", &(struct designation) { .named = true },
		    NOW + i * DOWNGRADE_RENEW_S / 9, w.loop);
	ask_peer(w.store, w.loop, "b.test");
	remember(&w, "last.test", NOW, MAX);
	assert_int_equal(writes(&w), before + 1);
	sees(&w, "b.test", true, NOW + DOWNGRADE_RENEW_S + 1);
	assert_int_equal(writes(&w), before + 3);
	sees(&w, "b.test", true, NOW - 10 * DAY); /* the clock was wrong */
	assert_int_equal(until(&w, "b.test"), NOW - 10 * DAY + DOWNGRADE_S + DOWNGRADE_RENEW_S);
	world_clear(&w);
}

/* Only an absence opens the way to SMTP: no failure, no rule of ours. */
static void
only_an_absence_leads_to_smtp(void **state)
{
	static const enum refusal others[] = {
		REFUSAL_dns_failed,
		REFUSAL_dns_bogus,
		REFUSAL_unreachable,
		REFUSAL_bad_port,
		REFUSAL_private_address,
		REFUSAL_too_many_targets,
	};
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_string_equal(judged(&w, "never.test", others[i], i % 2 == 0, NOW),
		    refusal_word(others[i]));
	sees(&w, "b.test", false, NOW);
	assert_int_equal(until(&w, "b.test"), 0);
	world_clear(&w);
}

/* What cannot be read might say that the domain was seen. */
static void
a_damaged_memory_refuses_for_now(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	sees(&w, "bad-one.test", true, NOW);
	oms_store_close(&w.store);
	damage(&w, "bad-one.test");
	reopen(&w);
	assert_string_equal(judged(&w, "bad-one.test", REFUSAL_no_designation, false, NOW),
	    "storage");
	assert_string_equal(judged(&w, "bad-one.test", REFUSAL_no_designation, true, NOW),
	    "by-smtp");
	sees(&w, "bad-one.test", true, NOW);
	assert_string_equal(judged(&w, "bad-one.test", REFUSAL_no_designation, false, NOW),
	    "designation-vanished");
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_is_remembered_after_a_restart),
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(those_whose_time_has_come_are_forgotten),
		cmocka_unit_test(a_damaged_record_is_no_absence),
		cmocka_unit_test(an_absence_is_believed_by_dnssec_or_time),
		cmocka_unit_test(each_sight_counts_for_30_days),
		cmocka_unit_test(a_sight_is_written_once_a_day),
		cmocka_unit_test(only_an_absence_leads_to_smtp),
		cmocka_unit_test(a_damaged_memory_refuses_for_now),
	};

	return cmocka_run_group_tests_name("oms_downgrade", tests, NULL, NULL);
}
