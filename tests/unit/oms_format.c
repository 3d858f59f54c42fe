/* oms_format — a store of the first format on kv (tests/fixtures/oms_kv.c): what waits in it is due in this format too,
 * also after a kill; and a store of a later format is left alone.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/record.h"
#include "common/base/refusal.h"
#include "common/store/kv_dir.h"
#include "common/store/kv_lmdb.h"
#include "tests/fixture.h"
#include "tests/unit/oms_killed.h"
#include "tests/unit/oms_spoil.h"

/* As in tests/fixtures/oms_kv.c. */
#define LETTERS 80
#define PEERS   4
#define TOLD    5

static const char *const peers[PEERS] = { "b.test", "d.test", "e.test", "f.test" };

static void
first_format(struct world *w)
{
	world_bare(w);
	fixture_unpack("oms_kv", w->folder);
}

static bool
waits(unsigned n)
{
	return n % PEERS != PEERS - 1 && n % TOLD != 0;
}

/* -- what is due --------------------------------------------------------------------------------------------- */

static size_t
due_before(struct world *w, unsigned peer, int64_t now_ms, struct oms_delivery *out)
{
	const struct oms_due_query q = { .own = "a.test",
		.peer = peers[peer],
		.now_ms = now_ms,
		.latest_ms = INT64_MAX,
		.max = OMS_STORE_DUE_PAGE };

	return ask_due(w->store, w->loop, &q, out).n;
}

static size_t
due_at(struct world *w, unsigned peer, struct oms_delivery *out)
{
	return due_before(w, peer, INT64_MAX, out);
}

/* All that wait at the domain but those before `from`, each once and in the order of their times. */
static void
expect_due(struct world *w, unsigned peer, unsigned from)
{
	struct oms_delivery d[OMS_STORE_DUE_PAGE];
	size_t n = due_at(w, peer, d), at = 0;

	for (unsigned i = from; i < LETTERS; i++) {
		struct ulid id = fixture_id(i);

		if (i % PEERS != peer || !waits(i))
			continue;
		assert_true(at < n);
		assert_true(ulid_eq(&d[at].id, &id));
		assert_int_equal(d[at].next_ms, (T0 + 60 + i) * 1000);
		oms_delivery_clear(&d[at++]);
	}
	assert_int_equal(at, n);
}

static void
expect_all_due(struct world *w)
{
	for (unsigned p = 0; p < PEERS; p++)
		expect_due(w, p, 0);
}

/* The notifier looks at these; a pair may come several times. */
static void
read_pairs(struct world *w, int64_t first_ms[PEERS])
{
	struct oms_pair_cursor at = { .begun = false };
	struct oms_pair page[4];

	memset(first_ms, 0, PEERS * sizeof *first_ms);
	while (!at.ended) {
		struct asked a = ask_pairs(w->store, w->loop, &at, 4, page);

		for (size_t i = 0; i < a.n; i++)
			for (unsigned p = 0; p < PEERS; p++)
				if (strcmp(page[i].peer.text, peers[p]) == 0 &&
				    (first_ms[p] == 0 || page[i].first_ms < first_ms[p]))
					first_ms[p] = page[i].first_ms;
		at = a.next;
	}
}

static int64_t
earliest_pair(struct world *w, unsigned peer)
{
	int64_t first_ms[PEERS];

	read_pairs(w, first_ms);
	return first_ms[peer];
}

static void
expect_pairs(struct world *w)
{
	int64_t first_ms[PEERS];

	read_pairs(w, first_ms);
	for (unsigned p = 0; p < PEERS; p++) {
		unsigned n = p;

		while (n < LETTERS && !waits(n))
			n += PEERS;
		assert_int_equal(first_ms[p], n < LETTERS ? (T0 + 60 + n) * 1000 : 0);
	}
}

/* -- the store without what is above it ------------------------------------------------------------------------ */

static unsigned
kind_of(const char *name)
{
	unsigned k = 0;

	while (strcmp(oms_schema.kinds[k].name, name) != 0)
		k++;
	return k;
}

static struct kv *
open_kv(const struct world *w)
{
	char path[128];
	struct kv *k;
	struct err e;

	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_true(kv_lmdb_open(path, SIZE, &oms_schema, &k, &e));
	return k;
}

struct entries {
	unsigned n;
	bool ended;
};

static void
on_entry(void *arg, struct span name, struct span value)
{
	(void)name;
	(void)value;
	((struct entries *)arg)->n++;
}

static void
on_page(void *arg, bool end, const struct err *e)
{
	assert_null(e);
	((struct entries *)arg)->ended = end;
}

/* Of the directories of queues, in a store that is closed. */
static unsigned
count_entries(struct world *w)
{
	struct kv *k = open_kv(w);
	struct entries found = { .n = 0 };
	struct kv_dir_page p = { .kind = kind_of("queues"),
		.what = 1,
		.entry = on_entry,
		.done = on_page,
		.arg = &found,
		.home = w->loop };

	while (!found.ended) {
		kv_dir_read(k, &p);
		loop_drain(w->loop);
	}
	kv_close(&k);
	return found.n;
}

/* arg: the number to put; NULL: it goes. */
static bool
apply_number(struct kv_txn *t, void *arg, struct err *e)
{
	struct buf value = BUF_INIT;

	(void)e;
	if (arg == NULL) {
		kv_del(t, SPAN_LIT("F"));
		return true;
	}
	put_u64(&value, *(uint64_t *)arg);
	kv_put(t, SPAN_LIT("F"), buf_span(&value));
	buf_clear(&value);
	return true;
}

static void
number_put(void *arg, const struct err *e)
{
	(void)arg;
	assert_null(e);
}

/* The store is closed. */
static void
set_number(const struct world *w, uint64_t *number)
{
	struct kv_op op = {
		.part = kv_part_of(kind_of("store"), SPAN_LIT("0")),
		.apply = apply_number,
		.done = number_put,
		.arg = number,
		.octets = 64,
	};
	struct kv *k = open_kv(w);
	struct err e;

	assert_true(kv_take(k, &op, &e));
	kv_close(&k); /* commits it */
}

/* -- the tests ------------------------------------------------------------------------------------------------- */

static void
what_waits_is_due(void **state)
{
	struct world w;

	(void)state;
	first_format(&w);
	reopen(&w);
	expect_all_due(&w);
	expect_pairs(&w);
	reopen(&w);
	expect_all_due(&w);
	expect_pairs(&w);
	world_clear(&w);
}

/* Each queue is listed once, where it belongs; no entry of before is left. */
static void
nothing_of_the_old_directory_stays(void **state)
{
	unsigned before, queues = 0;
	bool seen[PEERS][32] = { { false } };
	struct world w;

	(void)state;
	for (unsigned n = 0; n < LETTERS; n++)
		if (waits(n) && !seen[n % PEERS][n % 32]) {
			seen[n % PEERS][n % 32] = true;
			queues++;
		}
	first_format(&w);
	before = count_entries(&w);
	assert_int_equal(before, queues);
	reopen(&w);
	oms_store_close(&w.store);
	assert_int_equal(count_entries(&w), queues);
	reopen(&w);
	world_clear(&w);
}

/* All that a queue knows of its letters is damaged: its entry of before names the pair. */
static void
a_damaged_queue_is_listed_with_its_pair(void **state)
{
	const struct spoil all = { .kind = "queue", .first = SPOIL_FACT, .most = SPOIL_ALL };
	struct world w;

	(void)state;
	first_format(&w);
	assert_true(spoil(&w, &all) > 0); /* and opens it */
	expect_all_due(&w);
	expect_pairs(&w);
	world_clear(&w);
}

static bool
list_no_pair(struct kv_txn *t, void *arg, struct err *e)
{
	const struct kv_fact f = {
		.what = 1,
		.name = *(const struct span *)arg,
		.version = { .n = 1 },
		.value = SPAN_LIT("?"),
	};
	const struct kv_part to = kv_dir_part(kind_of("queues"), span_sub(f.name, 0, 16));

	(void)e;
	kv_emit_awaited(t, &to, &f);
	return true;
}

/* Nothing names the pair of a queue: it is not listed. */
static void
a_queue_of_no_pair_is_not_listed(void **state)
{
	static const unsigned char name[17] = { 1 };
	struct span queue = span_of(name, sizeof name);
	struct world w;
	struct kv_op op = {
		.part = kv_part_of(kind_of("queue"), queue),
		.apply = list_no_pair,
		.done = number_put,
		.arg = &queue,
		.octets = 64,
	};
	struct kv *k;
	struct err e;
	unsigned before;

	(void)state;
	first_format(&w);
	before = count_entries(&w);
	k = open_kv(&w);
	assert_true(kv_take(k, &op, &e));
	kv_close(&k);
	assert_int_equal(count_entries(&w), before + 1);
	reopen(&w);
	expect_all_due(&w);
	oms_store_close(&w.store);
	assert_int_equal(count_entries(&w), before);
	reopen(&w);
	world_clear(&w);
}

/* What is told of is due no more: the new place hears of it. */
static void
what_is_told_of_is_due_no_more(void **state)
{
	struct oms_delivery d[OMS_STORE_DUE_PAGE];
	struct world w;
	unsigned first = 0;
	size_t n;

	(void)state;
	first_format(&w);
	reopen(&w);
	n = due_at(&w, 1, d);
	assert_true(n > 1);
	d[0].next_ms = 0;
	d[0].tries++;
	d[0].sent = true;
	d[0].recipients[0].state = SUBMIT_NOTIFIED;
	attempted(&w, &d[0]);
	for (size_t i = 0; i < n; i++)
		oms_delivery_clear(&d[i]);
	while (first % PEERS != 1 || !waits(first))
		first++;
	expect_due(&w, 1, first + 1);
	reopen(&w);
	expect_due(&w, 1, first + 1);
	world_clear(&w);
}

/* An attempt fails: the letter is due at its new time, which it states to another queue than the first format did.
 * Its entry of before goes when it is found, so that each queue is listed only while it has something. */
static void
what_is_tried_again_is_due_once(void **state)
{
	struct oms_delivery d[OMS_STORE_DUE_PAGE];
	const int64_t later_ms = (T0 + 100000) * 1000;
	struct world w;
	size_t n, tried;

	(void)state;
	first_format(&w);
	reopen(&w);
	tried = due_at(&w, 1, d);
	assert_true(tried > 1);
	for (size_t i = 0; i < tried; i++) {
		d[i].next_ms = later_ms + (int64_t)i;
		d[i].tries++;
		attempted(&w, &d[i]);
		oms_delivery_clear(&d[i]);
	}
	for (int looks = 0; looks < 2; looks++) {
		n = due_at(&w, 1, d);
		assert_int_equal(n, tried);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(d[i].next_ms, later_ms + (int64_t)i);
			oms_delivery_clear(&d[i]);
		}
		reopen(&w);
	}
	/* whoever looks in time finds that nothing is due, and tells the directory */
	assert_int_equal(due_before(&w, 1, later_ms - 1, d), 0);
	reopen(&w);
	assert_int_equal(earliest_pair(&w, 1), later_ms);
	world_clear(&w);
}

/* The number says that nothing is left to do: later openings write nothing. */
static void
it_is_done_once(void **state)
{
	struct world w;

	(void)state;
	first_format(&w);
	reopen(&w);
	assert_true(ask_counts(w.store, w.loop).commits > 0);
	reopen(&w);
	assert_int_equal(ask_counts(w.store, w.loop).commits, 0);
	world_clear(&w);
	world_bare(&w);
	reopen(&w);
	reopen(&w);
	assert_int_equal(ask_counts(w.store, w.loop).commits, 0);
	world_clear(&w);
}

static void
a_later_format_is_left_alone(void **state)
{
	uint64_t later = 1000;
	struct world w;
	struct err e;

	(void)state;
	world_bare(&w);
	reopen(&w);
	oms_store_close(&w.store);
	set_number(&w, &later);
	assert_false(oms_store_open(w.folder, SIZE, w.offload, &w.store, &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_non_null(strstr(e.text, "format 1000"));
	assert_non_null(strstr(e.text, "start the later oms"));
	world_clear(&w);
}

/* -- a kill ---------------------------------------------------------------------------------------------------- */

/* The store is killed as it opens. */
static void
a_kill_loses_nothing(void **state)
{
	enum { MOMENTS = 30 };
	unsigned killed = 0;
	int64_t whole_us;
	struct world w;

	(void)state;
	first_format(&w);
	whole_us = now_us();
	assert_true(killed_after(w.folder, -1));
	whole_us = now_us() - whole_us;
	world_clear(&w);
	for (int i = 0; i < MOMENTS; i++) {
		first_format(&w);
		killed += !killed_after(w.folder, whole_us * i / MOMENTS);
		killed_after(w.folder, whole_us * (MOMENTS - i) / MOMENTS);
		reopen(&w);
		expect_all_due(&w);
		expect_pairs(&w);
		world_clear(&w);
	}
	assert_true(killed > MOMENTS / 4);
}

/* As after a kill between the last queue and the number. */
static void
it_may_be_done_again(void **state)
{
	unsigned queues;
	struct world w;

	(void)state;
	first_format(&w);
	reopen(&w);
	oms_store_close(&w.store);
	queues = count_entries(&w);
	set_number(&w, NULL);
	reopen(&w);
	expect_all_due(&w);
	expect_pairs(&w);
	oms_store_close(&w.store);
	assert_int_equal(count_entries(&w), queues);
	reopen(&w);
	assert_int_equal(ask_counts(w.store, w.loop).commits, 0);
	world_clear(&w);
}

static bool
always(void *arg)
{
	(void)arg;
	return true;
}

/* The daemon has to stop before it is ready: the next start does it. */
static void
a_stop_leaves_it_to_the_next_start(void **state)
{
	struct world w;
	struct err e;

	(void)state;
	first_format(&w);
	assert_false(oms_store_open_as(&(struct kv_opening) { .folder = w.folder,
					   .size = SIZE,
					   .offload = w.offload,
					   .stops = always },
	    &w.store, &e));
	assert_int_equal(e.why, REFUSAL_closing);
	reopen(&w);
	expect_all_due(&w);
	expect_pairs(&w);
	world_clear(&w);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_due),
		cmocka_unit_test(nothing_of_the_old_directory_stays),
		cmocka_unit_test(a_damaged_queue_is_listed_with_its_pair),
		cmocka_unit_test(a_queue_of_no_pair_is_not_listed),
		cmocka_unit_test(what_is_told_of_is_due_no_more),
		cmocka_unit_test(it_is_done_once),
		cmocka_unit_test(what_is_tried_again_is_due_once),
		cmocka_unit_test(a_later_format_is_left_alone),
		cmocka_unit_test(a_kill_loses_nothing),
		cmocka_unit_test(it_may_be_done_again),
		cmocka_unit_test(a_stop_leaves_it_to_the_next_start),
	};

	if (argc == 2)
		open_and_close(argv[1], SIZE);
	return cmocka_run_group_tests_name("oms_format", tests, NULL, NULL);
}
