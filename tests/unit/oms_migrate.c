/* oms_migrate — a store of an older version: what of it cannot be read, and what room its migration takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivery_that_cannot_be_read_is_over),
		cmocka_unit_test(a_body_that_cannot_be_read_is_refused),
	};

	log_open("oms_migrate", LOG_WARN);
	return cmocka_run_group_tests_name("oms_migrate", tests, NULL, NULL);
}
