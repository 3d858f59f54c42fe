/* oms_migrate — a store of an older version: what of it cannot be read, and what room its migration takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/statvfs.h>

#include "common/base/log.h"
#include "tests/unit/oms_old_scene.h"

#define ALICE "alice@a.test"
#define N(a)  (sizeof(a) / sizeof(a)[0])

/* -- what cannot be read ------------------------------------------------------------------------------------ */

/* Turns an octet of each copy of `mark` in the old store. */
static void
damage_old(const struct world *w, struct span mark)
{
	char path[128], *octets, *at;
	unsigned n = 0;
	off_t size;
	int fd;

	snprintf(path, sizeof path, "%s/data.mdb", w->folder);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	size = lseek(fd, 0, SEEK_END);
	octets = memory_new((size_t)size);
	assert_int_equal(pread(fd, octets, (size_t)size, 0), size);
	for (at = octets; (at = memmem(at, (size_t)(octets + size - at), mark.p, mark.n)) != NULL;
	     at += mark.n, n++)
		at[mark.n - 1] ^= 1;
	assert_int_equal(pwrite(fd, octets, (size_t)size, 0), size);
	free(octets);
	close(fd);
	assert_true(n > 0);
}

/* Opens the store; *line: what the log says at the end of the migration. */
static void
open_old(struct world *w, char *line, size_t n_line)
{
	int was = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	char one[1024];

	assert_non_null(f);
	dup2(fileno(f), STDERR_FILENO);
	reopen(w);
	dup2(was, STDERR_FILENO);
	close(was);
	rewind(f);
	line[0] = '\0';
	while (fgets(one, sizeof one, f) != NULL)
		if (strstr(one, "store.migrated") != NULL)
			snprintf(line, n_line, "%s", one);
	fclose(f);
}

struct shown {
	char to[64], word[SUBMIT_WORD_BYTES];
	enum submit_speaker by;
};

static void
show(void *arg, const struct oms_listed *x)
{
	struct shown *s = arg;

	for (size_t i = 0; i < x->n; i++)
		if (x->deliveries[i].recipients[0].state == SUBMIT_REFUSED) {
			const struct oms_recipient *r = &x->deliveries[i].recipients[0];

			snprintf(s->to, sizeof s->to, "%.60s", r->address);
			snprintf(s->word, sizeof s->word, "%s", r->word);
			s->by = r->by;
		}
}

/* The outbox says of whom nothing is known any more. */
static void
expect_refused(struct world *w, unsigned n, const char *to)
{
	struct shown s = { .to = "" };
	struct asked a = { .each = show, .each_arg = &s };
	struct ulid id = old_id(n);

	oms_store_status(w->store, ALICE, &id, w->loop, on_list_asked, &a);
	assert_true(await(&a, w->loop));
	assert_string_equal(s.to, to);
	assert_string_equal(s.word, "storage");
	assert_int_equal(s.by, SUBMIT_SPEAKER_OMS);
}

static void
a_delivery_that_cannot_be_read_is_over(void **state)
{
	static const struct old_letter letters[] = {
		{ .n = 1, .size = 10, .peers = { "b.test", "c.test" }, .garbage = "c.test" },
		{ .n = 2, .size = 10, .peers = { "c.test" }, .garbage = "c.test" },
		{ .n = 3, .size = 10, .peers = { "b.test", "damaged.test" } },
		{ .n = 4, .size = 10, .peers = { "b.test" } },
	};
	struct ulid half = old_id(1), none = old_id(2), damaged = old_id(3);
	struct oms_user_counts c;
	struct world w;
	char line[1024];

	(void)state;
	world_bare(&w);
	old_store(&w, SIZE, letters, N(letters), 1);
	damage_old(&w, SPAN_LIT("bob@damaged.test"));
	open_old(&w, line, sizeof line);
	assert_non_null(strstr(line, "letters=4 unreadable=3"));
	assert_string_equal(states(&w, &half), "waiting refused");
	expect_refused(&w, 1, "?@c.test");
	assert_string_equal(states(&w, &none), "refused");
	expect_refused(&w, 2, "?@c.test");
	assert_string_equal(states(&w, &damaged), "waiting refused");
	expect_refused(&w, 3, "?@damaged.test");
	c = ask_user(w.store, w.loop, ALICE);
	assert_int_equal(c.letters, 3); /* the second is an outcome */
	assert_int_equal(c.octets, 30);
	/* who is left decides the end */
	assert_int_equal(settle(&w, &half, "b.test", false), REFUSAL_NONE);
	assert_int_equal(hand_out(&w, &half, "b.test"), REFUSAL_gone);
	assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, 2);
	sweep(&w, clock_wall_ms() / 1000 + 2 * OMS_OUTCOME_S);
	sweep(&w, clock_wall_ms() / 1000 + 4 * OMS_OUTCOME_S);
	assert_false(ask_knows(w.store, w.loop, ALICE));
	world_clear(&w);
}

/* Without its octets it reaches nobody.  A token that is lost is none. */
static void
a_body_that_cannot_be_read_is_refused(void **state)
{
	static const struct old_letter letters[] = {
		{ .n = 1, .size = 1000, .peers = { "b.test", "c.test" } },
		{ .n = 2, .size = 10, .peers = { "b.test" }, .token = "this-token" },
	};
	struct ulid lost = old_id(1), kept = old_id(2);
	struct buf row = BUF_INIT;
	struct world w;
	char line[1024];

	(void)state;
	world_bare(&w);
	old_store(&w, SIZE, letters, N(letters), 1);
	damage_old(&w, SPAN_LIT("bbbbbbbbbbbbbbbbbbbbbbbbbbbbb"));
	put_bytes(&row, "this-token", 10);
	put_bytes(&row, kept.b, ULID_BYTES);
	damage_old(&w, buf_span(&row));
	buf_clear(&row);
	open_old(&w, line, sizeof line);
	assert_string_equal(states(&w, &lost), "refused refused");
	expect_refused(&w, 1, "bob@c.test");
	assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, 1);
	assert_string_equal(states(&w, &kept), "waiting");
	assert_int_equal(hand_out(&w, &kept, "b.test"), REFUSAL_NONE);
	world_clear(&w);
}

/* -- room ---------------------------------------------------------------------------------------------------- */

#define SMALL ((uint64_t)16 << 20)

/* The file has so many octets, which take space. */
static int
fill_file(const char *path, size_t n)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -1 : ftruncate(fd, 0) != 0 ? -1 : posix_fallocate(fd, 0, (off_t)n);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* In a file system of so many MiB, in memory of this process alone.  False: that is not allowed here. */
static bool
world_of(struct world *w, unsigned mib)
{
	char how[32];

	world_bare(w); /* which has made mounts ours, and mounts one */
	umount(w->folder);
	snprintf(how, sizeof how, "size=%um,mode=700", mib);
	return mount("none", w->folder, "tmpfs", 0, how) == 0;
}

static bool
open_small(struct world *w, struct err *e)
{
	oms_store_close(&w->store);
	return oms_store_open(w->folder, SMALL, w->offload, &w->store, e);
}

static enum refusal
put_big(struct world *w)
{
	struct ulid id;

	return put(w, &(struct letter) { .size = 100000, .one = true }, &id);
}

/* However full the spool was: what it has is no more than before, and goes as before. */
static void
a_spool_that_is_nearly_full_is_migrated(void **state)
{
	static const struct old_letter letter = { .n = 1, .size = 120000, .peers = { "b.test" } };
	static const unsigned letters[] = { 75, 115 }; /* 9 and 14 of its 16 MB */
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	for (size_t i = 0; i < N(letters); i++) {
		struct ulid last = old_id(letters[i]);
		struct world w;
		struct err e;
		unsigned n;

		world_bare(&w);
		old_store(&w, SMALL, &letter, 1, letters[i]);
		if (!open_small(&w, &e))
			fail_msg("%s", e.text);
		assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, letters[i]);
		assert_true(open_small(&w, &e)); /* again, with the size that is configured */
		for (n = 0; put_big(&w) == REFUSAL_NONE;)
			n++;
		assert_in_range(n, i == 0 ? 20 : 0, i == 0 ? 80 : 20);
		assert_int_equal(hand_out(&w, &last, "b.test"), REFUSAL_NONE);
		assert_int_equal(settle(&w, &last, "b.test", false), REFUSAL_NONE);
		sweep(&w, now_s + 2 * DAY);
		assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, n);
		sweep(&w, now_s + 40 * DAY);
		for (int k = 0; k < 20; k++)
			assert_int_equal(put_big(&w), REFUSAL_NONE);
		world_clear(&w);
	}
}

/* The refusal says what is missing, and that is enough. */
static void
a_disk_without_room_is_named(void **state)
{
	static const struct old_letter letter = { .n = 1, .size = 120000, .peers = { "b.test" } };
	unsigned long long needed, has, more;
	struct statvfs v;
	size_t filler;
	char path[128];
	struct world w;
	struct err e;

	(void)state;
	if (!world_of(&w, 48)) {
		world_clear(&w);
		return;
	}
	old_store(&w, SMALL, &letter, 1, 75);
	snprintf(path, sizeof path, "%s/filler", w.folder);
	assert_int_equal(statvfs(w.folder, &v), 0);
	filler = v.f_bavail * v.f_frsize - ((size_t)4 << 20);
	assert_int_equal(fill_file(path, filler), 0);
	assert_false(open_small(&w, &e));
	assert_int_equal(e.why, REFUSAL_system_full);
	assert_int_equal(
	    sscanf(strstr(e.text, "that needs"),
		"that needs %llu free octets on this disk until the first stop, and there are %llu; "
		"free %llu more",
		&needed, &has, &more),
	    3);
	assert_int_equal(needed, has + more);
	assert_int_equal(fill_file(path, filler - more - 4096), 0);
	if (!open_small(&w, &e))
		fail_msg("%s", e.text);
	assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, 75);
	world_clear(&w);
}

/* -- a stop --------------------------------------------------------------------------------------------------- */

static bool
stops_at(void *arg)
{
	return --*(int *)arg == 0;
}

/* Between two commits; the next opening has everything. */
static void
a_migration_ends_when_it_is_asked_to(void **state)
{
	static const struct old_letter letter = { .n = 1, .size = 10, .peers = { "b.test" } };
	struct world w;
	struct err e;
	int asked;

	(void)state;
	world_bare(&w);
	old_store(&w, SIZE, &letter, 1, 2500);
	for (int at = 1; at <= 3; at++) {
		const struct kv_opening o = {
			.folder = w.folder,
			.size = SIZE,
			.offload = w.offload,
			.stops = stops_at,
			.arg = &asked,
		};

		asked = at;
		assert_false(oms_store_open_as(&o, &w.store, &e));
		assert_int_equal(e.why, REFUSAL_closing);
		assert_int_equal(asked, 0); /* not once more */
	}
	reopen(&w);
	assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, 2500);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_that_cannot_be_read_is_over),
		cmocka_unit_test(a_body_that_cannot_be_read_is_refused),
		cmocka_unit_test(a_spool_that_is_nearly_full_is_migrated),
		cmocka_unit_test(a_disk_without_room_is_named),
		cmocka_unit_test(a_migration_ends_when_it_is_asked_to),
	};

	log_open("oms_migrate", LOG_WARN);
	return cmocka_run_group_tests_name("oms_migrate", tests, NULL, NULL);
}
