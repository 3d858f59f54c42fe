/* oms_damage — one row of the spool is damaged: it harms nothing but itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lmdb.h>

#include "common/store/kv_dir.h"
#include "tests/unit/oms_store_scene.h"

/* Partitions as they lie in the file: their kind, and the octets of their names. */
struct kind {
	unsigned char number, name_bytes;
};
static const struct kind letters = { 0, 16 }, peers = { 4, 16 }, peer_lists = { 8, 1 };
static const struct kind queues = { 2, 17 }, queue_lists = { 6, 1 };
#define FACT 0xfe /* the first octet of the key of a fact */

static bool
is_row(MDB_val k, struct kind kind, unsigned char first)
{
	const unsigned char *key = k.mv_data;

	return key[0] == kind.number && key[1 + kind.name_bytes] == first;
}

static void
change(MDB_cursor *c, MDB_val *k, MDB_val v)
{
	static unsigned char copy[1 << 16];

	assert_true(v.mv_size > 0 && v.mv_size <= sizeof copy);
	memcpy(copy, v.mv_data, v.mv_size);
	copy[v.mv_size - 1] ^= 1;
	v.mv_data = copy;
	assert_int_equal(mdb_cursor_put(c, k, &v, MDB_CURRENT), 0);
}

/* Changes, or deletes, the first row of that kind of partition whose key begins with this octet; the store is closed
 * meanwhile. */
static void
harm(struct world *w, struct kind kind, unsigned char first, bool deletes)
{
	char path[128];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *c;
	MDB_val k, v;

	oms_store_close(&w->store);
	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 24), 0);
	assert_int_equal(mdb_env_set_mapsize(env, SIZE), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOTLS, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "rows", 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &c), 0);
	do
		assert_int_equal(mdb_cursor_get(c, &k, &v, MDB_NEXT), 0);
	while (!is_row(k, kind, first));
	if (deletes)
		assert_int_equal(mdb_cursor_del(c, 0), 0);
	else
		change(c, &k, v);
	mdb_cursor_close(c);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	reopen(w);
}

static void
spoil(struct world *w, struct kind kind, unsigned char first)
{
	harm(w, kind, first, false);
}

static void
lose(struct world *w, struct kind kind, unsigned char first)
{
	harm(w, kind, first, true);
}

/* -- users ------------------------------------------------------------------------------------------- */

/* A letter is kept, and the fact that says so is damaged.  Its client repeats it, and is told of that letter; where its record
 * is damaged, too, nothing of it goes, so no later repeat makes another one. */
static void
a_repeat_takes_no_kept_letter_away(void **state)
{
	const struct letter l = { .size = 10, .one = true, .token = "01234567890-token" };
	struct world w;
	struct ulid id, again;
	struct oms_delivery d;
	struct oms_user_counts before, after;

	(void)state;
	world_init(&w);
	put(&w, &l, &id);
	before = ask_user(w.store, w.loop, "alice@a.test");
	spoil(&w, letters, FACT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(&w, &l, &again), REFUSAL_NONE);
		assert_true(ulid_eq(&again, &id));
		assert_int_equal(ask_outbox(w.store, w.loop, "alice@a.test", NULL).n, 1);
	}
	spoil(&w, letters, FACT);
	spoil(&w, letters, 'L');
	for (int i = 0; i < 3; i++)
		assert_int_equal(put(&w, &l, &again), REFUSAL_storage);
	after = ask_user(w.store, w.loop, "alice@a.test");
	assert_int_equal(after.letters, before.letters);
	assert_int_equal(after.octets, before.octets);
	assert_int_equal(due(&w, "b.test", &d, 1), 1);
	assert_true(ulid_eq(&d.id, &id));
	oms_delivery_clear(&d);
	world_clear(&w);
}

/* The user forgets a letter whose fact is damaged: the letter goes. */
static void
a_letter_with_a_damaged_fact_is_forgotten(void **state)
{
	struct letter l = { .size = 10, .one = true, .over = true, .max_listed = 1 };
	struct world w;
	struct ulid id, other;

	(void)state;
	world_init(&w);
	assert_int_equal(put(&w, &l, &id), REFUSAL_NONE);
	spoil(&w, letters, FACT);
	assert_int_equal(put(&w, &l, &other), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "unknown-id");
	world_clear(&w);
}

/* -- remembered domains -------------------------------------------------------------------------------- */

static enum refusal
remember(struct world *w, const char *domain, int64_t until_s, uint64_t max)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_remember(w->store, domain, until_s, max, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

static int64_t
until(struct world *w, const char *domain)
{
	return ask_peer(w->store, w->loop, domain).peer.until_s;
}

static struct kv_part
directory_of(const char *domain)
{
	const struct kv_part peer = kv_part_hash(peers.number, span_str(domain), peers.name_bytes);

	return kv_dir_part(peer_lists.number, span_of(peer.name, peer.n));
}

/* A domain whose entry in the directory is lost counts as a new one, for whom there is no room: what it was remembered
 * until is not taken back with the refusal to remember it longer. */
static void
a_refused_memory_keeps_what_was_remembered(void **state)
{
	const int64_t day_s = clock_wall_ms() / 1000 + DAY;
	const uint64_t max = KV_DIR_SHARDS; /* one in each */
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(remember(&w, "b.test", day_s, max), REFUSAL_NONE);
	lose(&w, peer_lists, FACT);
	assert_int_equal(remember(&w, "b.test", day_s + DAY, max), REFUSAL_system_full);
	assert_int_equal(until(&w, "b.test"), day_s);
	/* its own row, too: what cannot be read may have been later */
	spoil(&w, peers, 'P');
	assert_int_equal(remember(&w, "b.test", day_s + DAY, max), REFUSAL_system_full);
	assert_int_equal(until(&w, "b.test"), day_s + DAY);
	world_clear(&w);
}

/* Another domain with the same directory. */
static void
beside(const char *domain, struct domain *out, unsigned from)
{
	const struct kv_part dir = directory_of(domain);
	struct kv_part other;

	do {
		snprintf(out->text, sizeof out->text, "x%u.test", from++);
		other = directory_of(out->text);
	} while (!kv_part_eq(&dir, &other));
}

static void
two_beside(const char *domain, struct domain *second, struct domain *third)
{
	beside(domain, second, 0);
	beside(domain, third, 1 + (unsigned)strtoul(second->text + 1, NULL, 10));
}

/* A damaged entry is replaced, and counts once. */
static void
a_damaged_entry_of_a_domain_is_replaced(void **state)
{
	const int64_t day_s = clock_wall_ms() / 1000 + DAY;
	const uint64_t max = (uint64_t)2 * KV_DIR_SHARDS; /* two in each */
	struct domain second, third;
	struct world w;

	(void)state;
	world_init(&w);
	two_beside("b.test", &second, &third);
	assert_int_equal(remember(&w, "b.test", day_s, max), REFUSAL_NONE);
	spoil(&w, peer_lists, FACT);
	assert_int_equal(remember(&w, "b.test", day_s + DAY, max), REFUSAL_NONE);
	assert_int_equal(until(&w, "b.test"), day_s + DAY);
	assert_int_equal(remember(&w, second.text, day_s, max), REFUSAL_NONE);
	assert_int_equal(remember(&w, third.text, day_s, max), REFUSAL_system_full);
	world_clear(&w);
}

/* The count of a directory is made anew where it is damaged, of what the directory lists. */
static void
a_damaged_count_of_domains_lets_others_be_remembered(void **state)
{
	const int64_t day_s = clock_wall_ms() / 1000 + DAY;
	const uint64_t max = (uint64_t)2 * KV_DIR_SHARDS; /* two in each */
	struct domain second, third;
	struct world w;

	(void)state;
	world_init(&w);
	two_beside("b.test", &second, &third);
	assert_int_equal(remember(&w, "b.test", day_s, max), REFUSAL_NONE);
	spoil(&w, peer_lists, 'N');
	assert_int_equal(remember(&w, second.text, day_s, max), REFUSAL_NONE);
	assert_int_equal(until(&w, second.text), day_s);
	spoil(&w, peer_lists, 'N');
	assert_int_equal(remember(&w, third.text, day_s, max), REFUSAL_system_full);
	assert_int_equal(until(&w, third.text), 0);
	assert_int_equal(until(&w, "b.test"), day_s);
	world_clear(&w);
}

/* -- queues -------------------------------------------------------------------------------------------- */

static const struct letter one = { .size = 10, .one = true, .same_shard = true };

/* Letters that have the same queue, in most runs; a second that ends meanwhile makes the test weaker. */
static void
put_together(struct world *w, unsigned n)
{
	struct ulid id;

	while (clock_wall_ms() % 1000 > 300)
		usleep(10000);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(put(w, &one, &id), REFUSAL_NONE);
}

/* How many are due, of at most 8. */
static size_t
count_due(struct world *w)
{
	struct oms_delivery d[8];
	size_t n = due(w, "b.test", d, 8);

	for (size_t i = 0; i < n; i++)
		oms_delivery_clear(&d[i]);
	return n;
}

/* Whoever looks has what is wrong mended, and does not wait for that. */
static void
assert_due_soon(struct world *w, size_t n)
{
	for (int i = 0; i < 1000 && count_due(w) != n; i++)
		usleep(1000);
	assert_int_equal(count_due(w), n);
}

/* The first row of a queue is damaged: the attempts of others are heard, and its own letter is due again. */
static void
a_damaged_first_row_of_a_queue_starves_no_other(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put_together(&w, 3);
	spoil(&w, queues, 'I');
	assert_int_equal(count_due(&w), 2);
	notify(&w, "b.test", NULL);
	assert_due_soon(&w, 2);
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	assert_due_soon(&w, 0);
	assert_int_equal(next_due(&w, "b.test"), 0);
	world_clear(&w);
}

/* It is the only one. */
static void
a_damaged_row_of_a_queue_is_due_again(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put_together(&w, 1);
	spoil(&w, queues, 'I');
	assert_int_equal(count_due(&w), 0);
	assert_due_soon(&w, 1);
	world_clear(&w);
}

static void
a_damaged_note_of_a_queue_refuses_no_letter(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	put_together(&w, 1);
	spoil(&w, queues, 'E');
	put_together(&w, 1);
	assert_int_equal(count_due(&w), 2);
	spoil(&w, queues, 'E');
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	assert_due_soon(&w, 0);
	assert_int_equal(next_due(&w, "b.test"), 0);
	world_clear(&w);
}

/* The queue tells it anew with what is due before. */
static void
a_damaged_entry_of_a_directory_refuses_no_letter(void **state)
{
	struct world w;
	struct putting x;
	struct outcome o;

	(void)state;
	world_init(&w);
	put_together(&w, 1);
	spoil(&w, queue_lists, FACT);
	put_prepare(&w, &one, &x);
	x.d[0].next_ms = 500;
	put_take(&w, &x, &o);
	wait_all(&w);
	assert_int_equal(o.why, REFUSAL_NONE);
	assert_true(count_due(&w) > 0);
	world_clear(&w);
}

/* Whoever walks over the pairs finds it. */
static void
a_damaged_entry_of_a_directory_is_told_anew(void **state)
{
	struct oms_pair pairs[OMS_STORE_PAIRS_PAGE];
	const struct oms_pair_cursor first = { .begun = false };
	struct world w;

	(void)state;
	world_init(&w);
	put_together(&w, 1);
	spoil(&w, queue_lists, FACT);
	assert_int_equal(count_due(&w), 0);
	assert_int_equal(ask_pairs(w.store, w.loop, &first, OMS_STORE_PAIRS_PAGE, pairs).n, 0);
	assert_due_soon(&w, 1);
	assert_int_equal(ask_pairs(w.store, w.loop, &first, OMS_STORE_PAIRS_PAGE, pairs).n, 1);
	assert_string_equal(pairs[0].own.text, "a.test");
	assert_string_equal(pairs[0].peer.text, "b.test");
	world_clear(&w);
}

/* What a queue knows of a letter is damaged: it hears what became of the attempt, and nothing stays due for ever. */
static void
a_damaged_fact_of_a_queue_keeps_nothing_due(void **state)
{
	struct world w;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put_together(&w, 1);
	spoil(&w, queues, FACT);
	assert_int_equal(due(&w, "b.test", &d, 1), 1);
	d.next_ms = 900;
	d.tries++;
	d.sent = true;
	attempted(&w, &d);
	oms_delivery_clear(&d);
	assert_due_soon(&w, 1);
	spoil(&w, queues, FACT);
	notify(&w, "b.test", NULL);
	assert_due_soon(&w, 0);
	for (int i = 0; i < 1000 && next_due(&w, "b.test") != 0; i++) {
		count_due(&w);
		usleep(1000);
	}
	assert_int_equal(next_due(&w, "b.test"), 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeat_takes_no_kept_letter_away),
		cmocka_unit_test(a_letter_with_a_damaged_fact_is_forgotten),
		cmocka_unit_test(a_refused_memory_keeps_what_was_remembered),
		cmocka_unit_test(a_damaged_entry_of_a_domain_is_replaced),
		cmocka_unit_test(a_damaged_count_of_domains_lets_others_be_remembered),
		cmocka_unit_test(a_damaged_first_row_of_a_queue_starves_no_other),
		cmocka_unit_test(a_damaged_row_of_a_queue_is_due_again),
		cmocka_unit_test(a_damaged_note_of_a_queue_refuses_no_letter),
		cmocka_unit_test(a_damaged_entry_of_a_directory_refuses_no_letter),
		cmocka_unit_test(a_damaged_entry_of_a_directory_is_told_anew),
		cmocka_unit_test(a_damaged_fact_of_a_queue_keeps_nothing_due),
	};

	return cmocka_run_group_tests_name("oms_damage", tests, NULL, NULL);
}
