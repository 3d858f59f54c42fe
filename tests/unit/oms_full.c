/* oms_full — a spool that is full, of its map or of its disk: what expires, what is forgotten and what
 * a removed user had goes all the same, whole, however much more than the reserve it takes at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/unit/full_scene.h"
#include "tests/unit/oms_store_scene.h"

#define PEERS 100 /* of one letter: its records fill a dozen pages */
#define ALICE "alice@a.test"

struct place {
	struct full disk;
	struct world world;
	const char *kind; /* "map", "tmpfs" or "ext4" */
	int64_t now_s;
};

static void
place_init(struct place *p, const char *kind)
{
	bool map = strcmp(kind, "map") == 0;
	struct world *w = &p->world;
	struct err e;

	*p = (struct place) { .kind = kind, .now_s = clock_wall_ms() / 1000 };
	world_bare(w);
	assert_int_equal(temp_remove(w->folder), 0);
	if (!map) {
		full_mount(&p->disk, strcmp(kind, "tmpfs") == 0 ? FULL_TMPFS : FULL_EXT4);
		full_take(&p->disk, 32 << 20);
		snprintf(w->folder, sizeof w->folder, "%.50s/oms", p->disk.disk);
	}
	assert_int_equal(mkdir(w->folder, 0700), 0);
	if (map)
		temp_in_memory(w->folder);
	if (!oms_store_open(w->folder, (uint64_t)(map ? 16 : 1024) << 20, w->offload, &w->store,
		&e))
		fail_msg("%s", e.text);
}

static void
place_clear(struct place *p)
{
	world_clear(&p->world);
	if (strcmp(p->kind, "map") != 0)
		full_unmount(&p->disk);
}

static enum refusal
put_wide(struct place *p)
{
	static struct oms_delivery d[PEERS];
	static const char *const to[] = { "bob" };
	struct world *w = &p->world;
	struct outcome o = { .world = w };
	struct body_kept kept = { .size = 10 };
	struct oms_put what = { .kept = &kept, .deliveries = d, .n_deliveries = PEERS };
	unsigned char random[10];
	char peer[32];

	buf_addf(&kept.octets, "bbbbbbbbbb");
	random_bytes(random, sizeof random);
	ulid_make(&what.letter.id, clock_wall_ms(), random);
	strcpy(what.letter.user, ALICE);
	strcpy(what.letter.from, ALICE);
	what.letter.date_s = p->now_s;
	what.letter.hold_until_s = p->now_s + 10;
	what.letter.size = 10;
	what.letter.summary_size = 10;
	for (int i = 0; i < PEERS; i++) {
		snprintf(peer, sizeof peer, "peer-%d.test", i);
		d[i] = delivery(peer, 1, to);
		d[i].id = what.letter.id;
		d[i].hold_until_s = what.letter.hold_until_s;
	}
	w->waiting++;
	oms_store_put_take(w->store, &what, w->loop, on_put, &o);
	for (int i = 0; i < PEERS; i++)
		oms_delivery_clear(&d[i]);
	wait_all(w);
	return o.why;
}

static uint64_t
letters(struct place *p)
{
	struct oms_store_counts c;

	c = ask_counts(p->world.store, p->world.loop);
	return c.letters;
}

static uint64_t
fill(struct place *p)
{
	enum refusal why;

	while ((why = put_wide(p)) == REFUSAL_NONE)
		assert_in_range(letters(p), 1, 2000);
	assert_int_equal(why, REFUSAL_system_full);
	if (strcmp(p->kind, "map") != 0) {
		full_fill(&p->disk);
		while (put_wide(p) == REFUSAL_NONE) /* the last step may have been given */
			;
	}
	assert_in_range(letters(p), 100, 2000);
	return letters(p);
}

static void
expect_room(struct place *p)
{
	assert_int_equal(letters(p), 0);
	if (strcmp(p->kind, "map") != 0)
		full_relieve(&p->disk);
	for (int i = 0; i < 20; i++)
		assert_int_equal(put_wide(p), REFUSAL_NONE);
}

static uint64_t
due_now(struct place *p)
{
	struct oms_delivery d;
	uint64_t n = 0;
	char peer[32];

	for (int i = 0; i < PEERS; i++) {
		snprintf(peer, sizeof peer, "peer-%d.test", i);
		if (due(&p->world, peer, &d, 1) == 0)
			continue;
		oms_delivery_clear(&d);
		n++;
	}
	return n;
}

static void
sweep_of(const char *kind)
{
	struct place p;

	place_init(&p, kind);
	fill(&p);
	assert_int_equal(due_now(&p), PEERS);
	sweep(&p.world, p.now_s + 11); /* all expire */
	assert_int_equal(due_now(&p), 0);
	sweep(&p.world, p.now_s + 12 + OMS_OUTCOME_S); /* all are forgotten */
	expect_room(&p);
	place_clear(&p);
}

static void
a_sweep_frees_a_full_map(void **state)
{
	(void)state;
	sweep_of("map");
}

static void
a_sweep_frees_a_full_tmpfs(void **state)
{
	(void)state;
	sweep_of("tmpfs");
}

static void
a_sweep_frees_a_full_ext4(void **state)
{
	(void)state;
	sweep_of("ext4");
}

static void
user_of(const char *kind)
{
	struct outcome o;
	struct place p;

	place_init(&p, kind);
	fill(&p);
	o = (struct outcome) { .world = &p.world };
	p.world.waiting++;
	oms_store_forget_user(p.world.store, ALICE, p.now_s, p.world.loop, on_done, &o);
	wait_all(&p.world);
	assert_int_equal(o.why, REFUSAL_NONE);
	assert_false(ask_knows(p.world.store, p.world.loop, ALICE));
	expect_room(&p);
	place_clear(&p);
}

static void
a_user_is_forgotten_in_a_full_map(void **state)
{
	(void)state;
	user_of("map");
}

static void
a_user_is_forgotten_on_a_full_tmpfs(void **state)
{
	(void)state;
	user_of("tmpfs");
}

static void
a_user_is_forgotten_on_a_full_ext4(void **state)
{
	(void)state;
	user_of("ext4");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sweep_frees_a_full_map),
		cmocka_unit_test(a_sweep_frees_a_full_tmpfs),
		cmocka_unit_test(a_sweep_frees_a_full_ext4),
		cmocka_unit_test(a_user_is_forgotten_in_a_full_map),
		cmocka_unit_test(a_user_is_forgotten_on_a_full_tmpfs),
		cmocka_unit_test(a_user_is_forgotten_on_a_full_ext4),
	};

	log_open("oms_full", LOG_WARN); /* each recipient that expires would have its line */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
