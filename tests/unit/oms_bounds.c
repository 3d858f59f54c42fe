/* oms_bounds — no partition of the spool grows without bound, whatever is sent where and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_dir.h"
#include "common/store/kv_lmdb.h"
#include "proto/submit.h"
#include "tests/unit/oms_store_scene.h"

#define ALICE  "alice@a.test"
#define MANY   1000
#define T0_MS  INT64_C(1800000000000)
#define SECOND 1024 /* ms: letters with ids of one are in one group of shards */

struct bounded {
	struct world w;
	struct kv *kv; /* the store's */
	struct oms_bounds bounds;
	unsigned letters; /* so far */
	struct ulid id;   /* of the last */
};

static void
bounded_init(struct bounded *b, uint64_t queue, uint64_t expiry)
{
	struct kv_schema schema = oms_schema;
	struct world *w = &b->w;
	char store[128], bodies[128];
	struct err e;

	*b = (struct bounded) { .bounds = { queue, expiry } };
	world_bare(w);
	schema.arg = &b->bounds;
	w->memory = engine_memory(SIZE);
	snprintf(store, sizeof store, "%s/store", w->folder);
	snprintf(bodies, sizeof bodies, "%s/bodies", w->folder);
	if (w->memory != NULL)
		b->kv = kv_memory_open(w->memory, &schema);
	else
		assert_true(kv_lmdb_open(store, SIZE, &schema, &b->kv, &e));
	assert_true(oms_store_open_on(b->kv, bodies, SIZE, w->offload, &w->store, &e));
}

/* A letter whose id is of that second of the test, in the first of the shards that take such letters. */
static enum refusal
send(struct bounded *b, unsigned second, const struct letter *l)
{
	unsigned char random
	    [10] = { [7] = (unsigned char)(b->letters >> 8), [8] = (unsigned char)b->letters };
	struct putting x;
	struct outcome o;

	b->letters++;
	put_prepare(&b->w, l, &x);
	ulid_make(&x.put.letter.id, T0_MS + (int64_t)second * SECOND, random);
	x.d[0].id = x.d[1].id = b->id = x.put.letter.id;
	put_take(&b->w, &x, &o);
	wait_all(&b->w);
	arrive(&b->w);
	return o.why;
}

/* -- what a partition has ---------------------------------------------------------------------------------- */

struct rows {
	struct kv_look look;
	struct bounded *of;
	size_t rows, facts,
	    note; /* note: octets of the row that says what is first, or that the directory was told */
};

static bool
count_row(void *arg, struct span key)
{
	(void)key;
	((struct rows *)arg)->rows++;
	return true;
}

static bool
count_fact(void *arg, struct span name)
{
	(void)name;
	((struct rows *)arg)->facts++;
	return true;
}

static void
look_rows(struct kv_txn *t, void *arg)
{
	struct rows *r = arg;
	struct span note;

	r->rows = r->facts = 0;
	kv_each_key(t, SPAN_LIT(""), SPAN_LIT(""), count_row, r);
	kv_each_fact_name(t, 1, SPAN_LIT(""), SPAN_LIT(""), count_fact, r);
	r->note = kv_get(t, SPAN_LIT("E"), &note) ? note.n : SIZE_MAX;
}

static void
rows_read(void *arg, const struct err *e)
{
	struct rows *r = arg;

	assert_null(e);
	told(&r->of->w);
}

static unsigned
kind(const char *name)
{
	unsigned k = 0;

	while (strcmp(oms_schema.kinds[k].name, name) != 0)
		k++;
	return k;
}

static struct rows
rows_of(struct bounded *b, const struct kv_part *part)
{
	struct rows r = { .of = b };

	r.look = (struct kv_look) {
		.part = *part,
		.look = look_rows,
		.done = rows_read,
		.arg = &r,
		.home = b->w.loop,
	};
	b->w.waiting++;
	kv_read(b->kv, &r.look);
	wait_all(&b->w);
	return r;
}

struct listed {
	struct bounded *of;
	struct kv_part part[MANY];
	unsigned kind;
	size_t n;
};

static void
on_entry(void *arg, struct span name, struct span value)
{
	struct listed *x = arg;

	(void)value;
	assert_true(x->n < MANY);
	x->part[x->n++] = kv_part_of(x->kind, name);
}

static void
on_page(void *arg, bool end, const struct err *e)
{
	struct listed *x = arg;

	assert_null(e);
	assert_true(end);
	told(&x->of->w);
}

/* The partitions that a directory lists. */
static void
list(struct bounded *b, const char *directory, const char *what, struct listed *x)
{
	struct kv_dir_page p = {
		.kind = kind(directory),
		.what = 1,
		.entry = on_entry,
		.done = on_page,
		.arg = x,
		.home = b->w.loop,
	};

	*x = (struct listed) { .of = b, .kind = kind(what) };
	b->w.waiting++;
	kv_dir_read(b->kv, &p);
	wait_all(&b->w);
}

static struct rows
rows_of_only(struct bounded *b, const char *directory, const char *what)
{
	static struct listed x;

	list(b, directory, what, &x);
	assert_int_equal(x.n, 1);
	return rows_of(b, &x.part[0]);
}

/* -- the queue of a destination -------------------------------------------------------------------------- */

/* A shard of a queue has as many letters as it may: the next one is refused, and nothing is left of it.  Another shard,
 * and another destination, take letters; so does this one, once a letter waits there no more. */
static void
a_queue_takes_so_many_letters(void **state)
{
	const struct letter l = { .size = 10, .one = true },
			    c = { .size = 10, .one = true, .peer = "c.test" };
	struct oms_user_counts before;
	struct oms_delivery d;
	struct bounded b;
	struct rows r;

	(void)state;
	bounded_init(&b, 4, MANY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
	before = ask_user(b.w.store, b.w.loop, ALICE);
	assert_int_equal(send(&b, 0, &l), REFUSAL_NONE); /* the last that has room */
	assert_int_equal(ask_user(b.w.store, b.w.loop, ALICE).letters, before.letters + 1);
	before = ask_user(b.w.store, b.w.loop, ALICE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send(&b, 0, &l), REFUSAL_queue_full);
		assert_string_equal(states(&b.w, &b.id), "unknown-id");
	}
	assert_int_equal(ask_user(b.w.store, b.w.loop, ALICE).letters, before.letters);
	assert_int_equal(ask_user(b.w.store, b.w.loop, ALICE).octets, before.octets);
	r = rows_of_only(&b, "queues", "queue");
	assert_int_equal(r.rows, 4 + 1);
	assert_int_equal(send(&b, 1, &l), REFUSAL_NONE);
	assert_int_equal(send(&b, 0, &c), REFUSAL_NONE);
	assert_int_equal(due(&b.w, "b.test", &d, 1), 1);
	assert_int_equal(settle(&b.w, &d.id, "b.test", false), REFUSAL_NONE);
	arrive(&b.w);
	oms_delivery_clear(&d);
	assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
	assert_int_equal(send(&b, 0, &l), REFUSAL_queue_full);
	world_clear(&b.w);
}

/* A letter for two domains, one of which takes no more: it waits at neither. */
static void
a_letter_that_is_refused_waits_nowhere(void **state)
{
	const struct letter one = { .size = 10, .one = true }, two = { .size = 10 };
	struct oms_delivery d;
	struct bounded b;

	(void)state;
	bounded_init(&b, 1, MANY);
	assert_int_equal(send(&b, 0, &one), REFUSAL_NONE);
	assert_int_equal(send(&b, 0, &two), REFUSAL_queue_full);
	assert_int_equal(due(&b.w, "c.test", &d, 1), 0);
	assert_int_equal(ask_user(b.w.store, b.w.loop, ALICE).letters, 1);
	world_clear(&b.w);
}

/* What waits there already goes on: an attempt that ends in a full queue is recorded. */
static void
what_waits_in_a_full_queue_goes_on(void **state)
{
	const struct letter l = { .size = 10, .one = true };
	struct oms_delivery d;
	struct bounded b;

	(void)state;
	bounded_init(&b, 1, MANY);
	assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(due(&b.w, "b.test", &d, 1), 1);
		d.next_ms = 1000 - i;
		attempted(&b.w, &d);
		arrive(&b.w);
		assert_int_equal(next_due(&b.w, "b.test"), 1000 - i);
		oms_delivery_clear(&d);
	}
	assert_int_equal(send(&b, 0, &l), REFUSAL_queue_full);
	world_clear(&b.w);
}

/* A letter that is refused makes no room in its user's outbox: the oldest outcome stays.  One that is kept does. */
static void
a_refused_letter_forgets_no_outcome(void **state)
{
	const struct letter over = { .size = 10, .one = true, .over = true, .max_listed = 3 },
			    l = { .size = 10, .one = true, .max_listed = 3 },
			    other = { .size = 10, .one = true, .peer = "c.test", .max_listed = 3 };
	struct oms_user_counts before;
	struct bounded b;
	struct ulid id[2];

	(void)state;
	bounded_init(&b, 1, MANY);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(send(&b, 1 + i, &over), REFUSAL_NONE);
		id[i] = b.id;
	}
	assert_int_equal(send(&b, 0, &l),
	    REFUSAL_NONE); /* the outbox is full, and so is the queue */
	before = ask_user(b.w.store, b.w.loop, ALICE);
	for (int i = 0; i < 2; i++)
		assert_int_equal(send(&b, 0, &l), REFUSAL_queue_full);
	for (int i = 0; i < 2; i++)
		assert_string_equal(states(&b.w, &id[i]), "recalled");
	assert_int_equal(ask_user(b.w.store, b.w.loop, ALICE).octets, before.octets);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send(&b, 0, &other), i == 0 ? REFUSAL_NONE : REFUSAL_queue_full);
		assert_string_equal(states(&b.w, &id[0]), "unknown-id");
		assert_string_equal(states(&b.w, &id[1]), "recalled");
	}
	assert_int_equal(ask_outbox(b.w.store, b.w.loop, ALICE, NULL).letters, 3);
	world_clear(&b.w);
}

/* Letters that come at once make room for each other's: no more are taken than outcomes can go. */
static void
letters_at_once_share_what_may_be_forgotten(void **state)
{
	const struct letter over = { .size = 10, .one = true, .over = true, .max_listed = 3 },
			    l = { .size = 10, .one = true, .max_listed = 3 };
	enum { AT_ONCE = 4 };
	struct putting x[AT_ONCE];
	struct outcome o[AT_ONCE];
	struct bounded b;
	unsigned kept = 0;

	(void)state;
	bounded_init(&b, MANY, MANY);
	for (int i = 0; i < 2; i++)
		assert_int_equal(send(&b, 0, &over), REFUSAL_NONE);
	assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
	for (int i = 0; i < AT_ONCE; i++)
		put_prepare(&b.w, &l, &x[i]);
	for (int i = 0; i < AT_ONCE; i++)
		put_take(&b.w, &x[i], &o[i]);
	wait_all(&b.w);
	arrive(&b.w);
	for (int i = 0; i < AT_ONCE; i++) {
		kept += o[i].why == REFUSAL_NONE;
		assert_true(o[i].why == REFUSAL_NONE || o[i].why == REFUSAL_outbox_full);
	}
	assert_int_equal(kept, 2);
	assert_int_equal(ask_outbox(b.w.store, b.w.loop, ALICE, NULL).letters, 3);
	world_clear(&b.w);
}

/* While letters are few, nobody writes how many there are; when most of them have gone, nobody does any more. */
static void
few_letters_are_not_counted(void **state)
{
	const struct letter l = { .size = 10, .one = true };
	const size_t told_octets = 16, counted_octets = 24;
	struct oms_delivery d[8];
	struct bounded b;

	(void)state;
	bounded_init(&b, 8, MANY);
	for (int i = 1; i <= 8; i++) {
		assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
		assert_int_equal(rows_of_only(&b, "queues", "queue").note,
		    i < 6 ? told_octets : counted_octets);
	}
	assert_int_equal(due(&b.w, "b.test", d, 8), 8);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(settle(&b.w, &d[i].id, "b.test", false), REFUSAL_NONE);
		arrive(&b.w);
		assert_int_equal(rows_of_only(&b, "queues", "queue").note,
		    8 - i - 1 >= 4 ? counted_octets : told_octets);
	}
	for (int i = 0; i < 8; i++)
		oms_delivery_clear(&d[i]);
	world_clear(&b.w);
}

/* Not each letter has the others counted, and the bound is exact all the same. */
static void
a_long_queue_is_counted_in_time(void **state)
{
	enum { MOST = 480 };
	const struct letter l = { .size = 10, .one = true };
	struct bounded b;

	(void)state;
	bounded_init(&b, MOST, MANY);
	for (int i = 0; i < MOST; i++)
		assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(&b, 0, &l), REFUSAL_queue_full);
	assert_int_equal(rows_of_only(&b, "queues", "queue").facts, MOST);
	world_clear(&b.w);
}

/* -- letters that end at a time ------------------------------------------------------------------------------ */

static void
so_many_letters_end_in_a_minute(void **state)
{
	const int64_t end_s = clock_wall_ms() / 1000 / 60 * 60 + DAY;
	const struct letter l = { .size = 10, .one = true, .hold_until_s = end_s },
			    later = { .size = 10, .one = true, .hold_until_s = end_s + 60 };
	struct bounded b;
	struct ulid id;

	(void)state;
	bounded_init(&b, MANY, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(send(&b, 0, &l), REFUSAL_NONE);
		id = b.id;
	}
	assert_int_equal(send(&b, 0, &l), REFUSAL_queue_full);
	assert_string_equal(states(&b.w, &b.id), "unknown-id");
	assert_int_equal(ask_user(b.w.store, b.w.loop, ALICE).letters, 4);
	assert_int_equal(rows_of_only(&b, "expiries", "expiry").facts, 4);
	assert_int_equal(send(&b, 0, &later), REFUSAL_NONE);
	/* its body goes; it ends a month later */
	assert_int_equal(settle(&b.w, &id, "b.test", false), REFUSAL_NONE);
	arrive(&b.w);
	sweep(&b.w, end_s);
	arrive(&b.w);
	assert_string_equal(states(&b.w, &id), "fetched");
	world_clear(&b.w);
}

/* Letters of all seconds end in one minute: a directory has so many partitions of each minute that those of the longest
 * hold fit into it, with a tenth to spare for how they happen to be spread. */
static void
the_directory_of_expiries_takes_the_longest_hold(void **state)
{
	const int64_t end_s = clock_wall_ms() / 1000 / 60 * 60 + DAY;
	const struct letter l = { .size = 10, .one = true, .hold_until_s = end_s };
	const uint64_t minutes = (uint64_t)SUBMIT_HOLD_DAYS_MAX * 1440;
	static struct listed x;
	struct bounded b;

	(void)state;
	bounded_init(&b, MANY, MANY);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(send(&b, i, &l), REFUSAL_NONE);
	list(&b, "expiries", "expiry", &x);
	assert_true(x.n > 1);
	assert_true(minutes * x.n / KV_DIR_SHARDS <= KV_ROWS - KV_ROWS / 12);
	world_clear(&b.w);
}

/* The bounds that hold where a schema names none. */
static void
the_bounds_leave_no_partition_too_large(void **state)
{
	(void)state;
	assert_null(oms_schema.arg);
	assert_true(2 * OMS_QUEUE_LETTERS + 1 <= KV_ROWS);
	assert_true(OMS_EXPIRY_LETTERS + 1 <= KV_ROWS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_takes_so_many_letters),
		cmocka_unit_test(a_letter_that_is_refused_waits_nowhere),
		cmocka_unit_test(what_waits_in_a_full_queue_goes_on),
		cmocka_unit_test(a_refused_letter_forgets_no_outcome),
		cmocka_unit_test(letters_at_once_share_what_may_be_forgotten),
		cmocka_unit_test(few_letters_are_not_counted),
		cmocka_unit_test(a_long_queue_is_counted_in_time),
		cmocka_unit_test(so_many_letters_end_in_a_minute),
		cmocka_unit_test(the_directory_of_expiries_takes_the_longest_hold),
		cmocka_unit_test(the_bounds_leave_no_partition_too_large),
	};
	size_t n = sizeof tests / sizeof *tests;

	return engines_run("oms_bounds", tests, n, n);
}
