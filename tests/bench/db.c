/* db — durable small writes a second, from several loops: what group commit makes of the disk.
 *
 * Usage: db FOLDER [SECONDS [LOOPS [OUTSTANDING [OCTETS]]]]
 * Each loop keeps OUTSTANDING writes (64) of OCTETS (200) under way in a store made in FOLDER, which
 * is removed again.  Keys rise, as ids do. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/store/db.h"

struct bench {
	struct db *db;
	int64_t until_ms;
	size_t octets;
	atomic_ullong number, done;
	atomic_uint running;
};

struct slot {
	struct db_write write;
	struct bench *bench;
	unsigned char key[16];
	char *value;
};

static bool
apply(struct db_txn *t, void *arg, struct err *e)
{
	struct slot *s = arg;

	db_put(t, 0, span_of(s->key, sizeof s->key), span_of(s->value, s->bench->octets));
	return !db_fault(t, e);
}

static void
begin(void *arg)
{
	struct slot *s = arg;
	unsigned long long n = atomic_fetch_add(&s->bench->number, 1);
	struct err e;

	for (int i = 0; i < 8; i++)
		s->key[i] = (unsigned char)(n >> (56 - 8 * i));
	if (!db_write_take(s->bench->db, &s->write, &e)) {
		fprintf(stderr, "%s\n", e.text);
		exit(74);
	}
}

static void
done(void *arg, const struct err *e)
{
	struct slot *s = arg;

	if (e != NULL) {
		fprintf(stderr, "%s\n", e->text);
		exit(74);
	}
	atomic_fetch_add(&s->bench->done, 1);
	if (clock_mono_ms() < s->bench->until_ms)
		begin(s);
	else
		atomic_fetch_sub(&s->bench->running, 1);
}

static void
measure(struct bench *b, struct workers *w, unsigned loops, unsigned outstanding, long seconds)
{
	struct slot *slots = memory_array(loops * outstanding, sizeof *slots);
	struct db_counts c;
	int64_t start_ms = clock_mono_ms(), took_ms;

	b->until_ms = start_ms + seconds * 1000;
	atomic_store(&b->running, loops * outstanding);
	for (unsigned i = 0; i < loops * outstanding; i++) {
		struct slot *s = &slots[i];

		s->bench = b;
		s->value = memory_new(b->octets + 1);
		s->write = (struct db_write) { .apply = apply,
			.done = done,
			.arg = s,
			.home = workers_loop(w, i % loops),
			.octets = b->octets };
		loop_post(s->write.home, begin, s);
	}
	while (atomic_load(&b->running) > 0)
		usleep(1000);
	took_ms = clock_mono_ms() - start_ms;
	db_counts(b->db, &c);
	printf("durable writes of %zu octets, %u loops with %u each: %llu/s in %llu commits/s\n",
	    b->octets, loops, outstanding,
	    atomic_load(&b->done) * 1000ULL / (unsigned long long)took_ms,
	    (unsigned long long)c.commits * 1000ULL / (unsigned long long)took_ms);
	for (unsigned i = 0; i < loops * outstanding; i++)
		free(slots[i].value);
	free(slots);
}

static long
number(int argc, char **argv, int at, long otherwise, long most)
{
	long n = argc > at ? strtol(argv[at], NULL, 10) : otherwise;

	return n >= 1 && n <= most ? n : otherwise;
}

int
main(int argc, char **argv)
{
	static const char *const tables[] = { "one" };
	static const char *const files[] = { "data.mdb", "lock.mdb", "held" };
	struct bench b = { .octets = (size_t)number(argc, argv, 5, 200, 65536) };
	unsigned loops = (unsigned)number(argc, argv, 3, 2, WORKERS_MAX);
	struct workers *w;
	char folder[4000], path[4096];
	struct err e;

	if (argc < 2) {
		fprintf(stderr, "usage: db FOLDER [SECONDS [LOOPS [OUTSTANDING [OCTETS]]]]\n");
		return 64;
	}
	snprintf(folder, sizeof folder, "%s/db-XXXXXX", argv[1]);
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		return 73;
	}
	if (!db_open(folder, (uint64_t)16 << 30, tables, 1, &b.db, &e) ||
	    !workers_new(&w, loops, &e) || !workers_start(w, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 74;
	}
	measure(&b, w, loops, (unsigned)number(argc, argv, 4, 64, 4096),
	    number(argc, argv, 2, 3, 3600));
	workers_stop(w);
	db_close(&b.db);
	workers_free(&w);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	return rmdir(folder) == 0 ? 0 : 73;
}
