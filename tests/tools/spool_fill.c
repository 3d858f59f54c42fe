/* spool_fill — fills the spool of a stopped oms with letters that are kept, by the store's own code.
 *
 *	spool_fill FOLDER BYTES COUNT
 *
 * BYTES is spool-size.  Each letter is of one of 1,000 users (u0@a.test ...), has a body of 200 octets and one
 * recipient, at one of 1,000 domains (d0.test ...); nine of ten have their notice and wait to be fetched, the
 * tenth's next attempt is due in a day.  On a terminal it says how far it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "oms/store/store.h"

#define OPEN    4096 /* puts under way */
#define OCTETS  200
#define USERS   1000
#define DOMAINS 1000
#define DAY     86400

struct filling {
	struct loop *loop;
	struct offload *offload;
	struct oms_store *store;
	unsigned long count, begun, ended;
	int64_t now_ms;
};

static void
fail(const char *what, const struct err *e)
{
	fprintf(stderr, "spool_fill: %s: %s\n", what, e->text);
	exit(1);
}

static void next_letter(struct filling *f);

static void
on_put(void *arg, const struct ulid *id, const struct err *e)
{
	struct filling *f = arg;

	(void)id;
	if (e != NULL)
		fail("a letter", e);
	f->ended++;
	if (f->ended % 10000 == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu of %lu letters", f->ended, f->count);
	if (f->begun < f->count)
		next_letter(f);
	else if (f->ended == f->count)
		loop_stop(f->loop);
}

/* One recipient. */
static struct oms_delivery
delivery_of(const struct filling *f, const struct oms_letter *l, unsigned long n)
{
	struct oms_delivery d = { .id = l->id,
		.own = { "a.test" },
		.hold_until_s = l->hold_until_s };
	bool waits = n % 10 == 0;

	snprintf(d.peer.text, sizeof d.peer.text, "d%lu.test", n % DOMAINS);
	d.recipients = memory_new(sizeof *d.recipients);
	d.n_recipients = 1;
	snprintf(d.recipients->address, sizeof d.recipients->address, "bob@d%lu.test", n % DOMAINS);
	random_bytes(d.recipients->salt, sizeof d.recipients->salt);
	d.recipients->since_s = l->date_s;
	d.recipients->state = waits ? SUBMIT_WAITING : SUBMIT_NOTIFIED;
	d.tries = d.sends = 1;
	d.next_ms = waits ? f->now_ms + DAY * INT64_C(1000) : 0;
	for (size_t i = 0; i < 12; i++) /* about as long as a statement */
		buf_addf(&d.statement, "Tillcalled-Notification: %08lx\r\n", n);
	return d;
}

static void
next_letter(struct filling *f)
{
	struct body_kept kept = { .size = OCTETS };
	struct oms_delivery d;
	struct oms_put p = { .kept = &kept, .deliveries = &d, .n_deliveries = 1 };
	struct oms_letter *l = &p.letter;
	unsigned long n = f->begun++;
	unsigned char random[10];

	random_bytes(random, sizeof random);
	ulid_make(&l->id, f->now_ms - DAY * INT64_C(1000) + (int64_t)n / 100, random);
	snprintf(l->user, sizeof l->user, "u%lu@a.test", n % USERS);
	snprintf(l->from, sizeof l->from, "u%lu@a.test", n % USERS);
	l->date_s = f->now_ms / 1000 - DAY;
	l->hold_until_s = l->date_s + 30 * DAY + (int64_t)(n % 1000);
	l->size = OCTETS;
	random_bytes(l->digest, sizeof l->digest);
	l->summary_size = OCTETS;
	memcpy(l->summary_digest, l->digest, sizeof l->summary_digest);
	random_bytes(buf_room(&kept.octets, OCTETS), OCTETS);
	kept.octets.len = OCTETS;
	d = delivery_of(f, l, n);
	oms_store_put_take(f->store, &p, f->loop, on_put, f);
	oms_delivery_clear(&d);
}

static void
begin(void *arg)
{
	struct filling *f = arg;

	while (f->begun < f->count && f->begun < OPEN)
		next_letter(f);
}

int
main(int argc, char **argv)
{
	struct filling f = { .now_ms = clock_wall_ms() };
	struct err e;

	if (argc != 4 || (f.count = strtoul(argv[3], NULL, 10)) == 0) {
		fprintf(stderr, "usage: spool_fill FOLDER BYTES COUNT\n");
		return 64;
	}
	if (!loop_new(&f.loop, &e) || !offload_new(&f.offload, 1, &e) ||
	    !offload_start(f.offload, &e))
		fail("begin", &e);
	if (!oms_store_open(argv[1], strtoull(argv[2], NULL, 10), f.offload, &f.store, &e))
		fail(argv[1], &e);
	loop_post(f.loop, begin, &f);
	loop_run(f.loop);
	oms_store_close(&f.store);
	offload_free(&f.offload);
	loop_drain(f.loop);
	loop_free(&f.loop);
	printf("%lu letters in %.1f s\n", f.ended, (double)(clock_wall_ms() - f.now_ms) / 1000);
	return 0;
}
