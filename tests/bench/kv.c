/* kv — what an accepted letter costs the store: through common/store/kv, and as bare writes of common/store/db.
 *
 * Usage: kv FOLDER [SECONDS [OUTSTANDING [OCTETS]]]
 * A letter of OCTETS (4,096) changes four partitions: its user's (record, token, outbox), its own (record, body,
 * delivery), the queue of the destination, and the expiry of a minute.  Rows: kv runs one operation with its
 * effects.  Bare: the rows of kv, put into one table.  Ten: the same octets in ten tables.  With OUTSTANDING
 * letters under way (1 and 64).  The stores are made in FOLDER and removed again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "common/store/db.h"
#include "common/store/kv_key.h"
#include "common/store/kv_lmdb.h"

#define USERS           100
#define TABLES          10
#define OUTSTANDING_MAX 4096

enum { USER, LETTER, QUEUE, EXPIRY, KINDS };
enum { F_LETTER = 1, F_DUE, F_EXPIRY, F_OUTBOX };

struct bench {
	struct loop *loop;
	struct kv *kv;
	struct db *db;
	bool ten;
	int64_t until_ms;
	unsigned running;
	unsigned long long done;
	size_t octets;
	char *body;
};

struct slot {
	struct bench *bench;
	struct kv_op op;
	struct db_write write;
	unsigned long long n;
};

static unsigned long long number;

/* -- the letter through kv ---------------------------------------------------------------------------------- */

static struct kv_part
of_number(unsigned kind, size_t n, unsigned long long v)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u64(&k, v);
	kv_key_add_u64(&k, v);
	return kv_part_of(kind, span_sub(kv_key_span(&k), 16 - n, n));
}

static bool
receive_letter(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	static const char record[300], delivery[200];
	unsigned long long n = kv_key_u64(now->name, 0);
	struct kv_part queue = of_number(QUEUE, 8, n % 4), expiry = of_number(EXPIRY, 8, n / 1000);
	struct kv_fact due = { F_DUE, now->name, { 0, 1 }, false, SPAN_LIT("1234567890123456") },
		       end = { F_EXPIRY, now->name, { 0, 1 }, false, SPAN_LIT("") },
		       outbox = { F_OUTBOX, now->name, { 0, 1 }, false, SPAN_LIT("kept 12345678") };

	(void)was;
	(void)arg;
	kv_put(t, SPAN_LIT("r"), span_of(record, sizeof record));
	kv_put(t, SPAN_LIT("b"), now->value);
	kv_put(t, SPAN_LIT("dnowhere.test"), span_of(delivery, sizeof delivery));
	kv_keep(t, SPAN_LIT(""));
	kv_emit(t, &queue, &due);
	kv_emit(t, &expiry, &end);
	kv_emit(t, from, &outbox);
	return !kv_fault(t, e);
}

static const struct kv_kind kinds[KINDS] = {
	[USER] = { "user", 16, NULL, NULL },
	[LETTER] = { "letter", 16, receive_letter, NULL },
	[QUEUE] = { "queue", 8, NULL, NULL },
	[EXPIRY] = { "expiry", 8, NULL, NULL },
};
static const struct kv_schema schema = { kinds, KINDS, NULL };

static bool
submit(struct kv_txn *t, void *arg, struct err *e)
{
	static const char record[120];
	struct slot *s = arg;
	struct kv_part letter = of_number(LETTER, 16, s->n);
	struct kv_key token = { .n = 0 };
	struct kv_fact f = { .what = F_LETTER, .version = { 0, 1 } };
	struct span was;

	kv_get(t, SPAN_LIT("r"), &was);
	kv_put(t, SPAN_LIT("r"), span_of(record, sizeof record));
	kv_key_add_text(&token, SPAN_LIT("t"));
	kv_key_add_u64(&token, s->n);
	if (kv_get(t, kv_key_span(&token), &was))
		return err_word(e, REFUSAL_duplicate);
	kv_put(t, kv_key_span(&token), SPAN_LIT("1234567890123456"));
	f.name = span_of(letter.name, letter.n);
	f.value = span_of(s->bench->body, s->bench->octets);
	kv_emit_awaited(t, &letter, &f);
	return !kv_fault(t, e);
}

/* -- the same rows by db -------------------------------------------------------------------------------------- */

static void
put(struct db_txn *t, struct slot *s, unsigned table, const char *kind, unsigned long long v,
    const char *key, size_t octets)
{
	struct kv_key k = { .n = 0 };

	kv_key_add(&k, span_str(kind));
	kv_key_add_u64(&k, v);
	kv_key_add_u64(&k, v);
	kv_key_add(&k, span_str(key));
	if (strcmp(kind, "u") == 0 && key[0] != 'r')
		kv_key_add_u64(&k, s->n);
	if (*kind == 'q' || *kind == 'e')
		kv_key_add_u64(&k, s->n);
	db_put(t, s->bench->ten ? table : 0, kv_key_span(&k), span_of(s->bench->body, octets));
}

static bool
write_rows(struct db_txn *t, void *arg, struct err *e)
{
	struct slot *s = arg;
	unsigned long long user = s->n % USERS;

	put(t, s, 0, "u", user, "r", 120);
	put(t, s, 1, "u", user, "t", 16);
	put(t, s, 2, "u", user, "o", 30);
	put(t, s, 3, "l", s->n, "r", 300);
	put(t, s, 4, "l", s->n, "b", s->bench->octets);
	put(t, s, 5, "l", s->n, "dnowhere.test", 200);
	put(t, s, 6, "l", s->n, "f", 17);
	put(t, s, 7, "q", s->n % 4, "", 33);
	put(t, s, 8, "e", s->n / 1000, "", 17);
	if (s->bench->ten)
		put(t, s, 9, "p", s->n % 4, "", 20);
	return !db_fault(t, e);
}

/* -- measuring ------------------------------------------------------------------------------------------------- */

static void
die(const struct err *e)
{
	fprintf(stderr, "%s\n", e->text);
	exit(74);
}

static void done(void *arg, const struct err *e);

static void
go_on(struct slot *s)
{
	struct bench *b = s->bench;
	struct err e;

	s->n = ++number;
	s->op = (struct kv_op) { .part = of_number(USER, 16, s->n % USERS),
		.apply = submit,
		.done = done,
		.arg = s,
		.home = b->loop,
		.octets = b->octets + 1000 };
	s->write = (struct db_write) { .apply = write_rows,
		.done = done,
		.arg = s,
		.home = b->loop,
		.octets = b->octets + 1000 };
	if (b->kv != NULL ? !kv_take(b->kv, &s->op, &e) : !db_write_take(b->db, &s->write, &e))
		die(&e);
}

static void
done(void *arg, const struct err *e)
{
	struct slot *s = arg;
	struct bench *b = s->bench;

	if (e != NULL)
		die(e);
	b->done++;
	if (clock_mono_ms() < b->until_ms)
		go_on(s);
	else if (--b->running == 0)
		loop_stop(b->loop);
}

static int64_t
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
measure(struct bench *b, const char *name, unsigned outstanding, long seconds)
{
	struct slot *slots = memory_array(outstanding, sizeof *slots);
	int64_t start_ms = clock_mono_ms(), start_us = cpu_us(), took_us, took_ms;

	b->until_ms = start_ms + seconds * 1000;
	b->running = outstanding;
	b->done = 0;
	for (unsigned i = 0; i < outstanding; i++) {
		slots[i].bench = b;
		go_on(&slots[i]);
	}
	loop_run(b->loop);
	took_us = cpu_us() - start_us;
	took_ms = clock_mono_ms() - start_ms;
	printf("%-5s letters of %zu octets, %2u under way: %6llu/s, CPU %.1f us each\n", name,
	    b->octets, outstanding, b->done * 1000ULL / (unsigned long long)took_ms,
	    (double)took_us / (double)b->done);
	fflush(stdout);
	free(slots);
}

/* which: 0 kv, 1 one table, 2 ten tables. */
static void
in_store(struct bench *b, const char *under, int which, unsigned outstanding, long seconds)
{
	static const char *const tables[TABLES] = { "0", "1", "2", "3", "4", "5", "6", "7", "8",
		"9" };
	static const char *const files[] = { "data.mdb", "lock.mdb", "held" };
	static const char *const names[] = { "kv", "bare", "ten" };
	char folder[4000], path[4096];
	struct err e;

	snprintf(folder, sizeof folder, "%s/kv-XXXXXX", under);
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		exit(73);
	}
	b->ten = which == 2;
	b->kv = NULL;
	b->db = NULL;
	if (which == 0
		? !kv_lmdb_open(folder, (uint64_t)16 << 30, &schema, &b->kv, &e)
		: !db_open(folder, (uint64_t)16 << 30, tables, b->ten ? TABLES : 1, &b->db, &e))
		die(&e);
	measure(b, names[which], outstanding, seconds);
	kv_close(&b->kv);
	db_close(&b->db);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

static long
option(int argc, char **argv, int at, long otherwise, long most)
{
	long n = argc > at ? strtol(argv[at], NULL, 10) : otherwise;

	return n >= 1 && n <= most ? n : otherwise;
}

int
main(int argc, char **argv)
{
	long seconds = option(argc, argv, 2, 3, 3600),
	     outstanding = option(argc, argv, 3, 0, OUTSTANDING_MAX);
	struct bench b = { .octets = (size_t)option(argc, argv, 4, 4096, KV_VALUE_MAX) };
	struct err e;

	if (argc < 2) {
		fprintf(stderr, "usage: kv FOLDER [SECONDS [OUTSTANDING [OCTETS]]]\n");
		return 64;
	}
	b.body = memory_new(b.octets > 1000 ? b.octets : 1000);
	if (!loop_new(&b.loop, &e))
		die(&e);
	for (int i = 0; i < 6; i++)
		if (outstanding == 0 || i % 2 == 0)
			in_store(&b, argv[1], i / 2,
			    outstanding != 0 ? (unsigned)outstanding
				: i % 2 == 0 ? 1
					     : 64,
			    seconds);
	loop_free(&b.loop);
	free(b.body);
	return 0;
}
