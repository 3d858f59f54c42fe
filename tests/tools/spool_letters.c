/* spool_letters — puts files into the spool of a stopped oms as letters, by the store's own code.
 *
 *	spool_letters FOLDER BYTES OWNER FROM FILE-OF-NAMES TO...
 *
 * BYTES is spool-size.  OWNER is whose outbox they are in (common/auth/accounts.h), and FROM that user's address.  FILE-OF-NAMES has the path of a letter in each
 * line; its octets are kept as they are, also those that no client could submit.  Each goes to every TO, which are at
 * different domains, and is due at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/text/digest.h"
#include "oms/store/store.h"

#define DAY       86400
#define TO_MAX    8
#define MOST      (64 * 1024) /* octets of a letter */
#define PATH_ROOM 4096

struct putting {
	struct loop *loop;
	struct oms_store *store;
	FILE *names;
	const char *owner, *from;
	char **to;
	size_t n_to;
	unsigned long put;
};

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "spool_letters: %s: %s\n", what, why);
	exit(1);
}

static void next_letter(struct putting *p);

static void
on_put(void *arg, const struct ulid *id, const struct err *e)
{
	struct putting *p = arg;

	(void)id;
	if (e != NULL)
		fail("a letter", e->text);
	p->put++;
	next_letter(p);
}

static void
read_letter(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		fail(path, "not there");
	out->len = fread(buf_room(out, MOST), 1, MOST, f);
	fclose(f);
}

static struct oms_delivery
delivery_of(const struct oms_letter *l, const char *to)
{
	const char *at = strrchr(to, '@');
	struct oms_delivery d = { .id = l->id, .hold_until_s = l->hold_until_s };

	if (at == NULL)
		fail(to, "no address");
	snprintf(d.own.text, sizeof d.own.text, "%s", strrchr(l->from, '@') + 1);
	snprintf(d.peer.text, sizeof d.peer.text, "%s", at + 1);
	d.recipients = memory_new(sizeof *d.recipients);
	d.n_recipients = 1;
	snprintf(d.recipients->address, sizeof d.recipients->address, "%s", to);
	random_bytes(d.recipients->salt, sizeof d.recipients->salt);
	d.recipients->since_s = l->date_s;
	d.recipients->state = SUBMIT_WAITING;
	d.next_ms = clock_wall_ms();
	return d;
}

static void
put(struct putting *p, struct buf *octets)
{
	struct body_kept kept = { .size = octets->len, .octets = *octets };
	struct oms_delivery d[TO_MAX];
	struct oms_put q = { .kept = &kept, .deliveries = d, .n_deliveries = p->n_to };
	struct oms_letter *l = &q.letter;
	unsigned char random[10];

	random_bytes(random, sizeof random);
	ulid_make(&l->id, clock_wall_ms(), random);
	snprintf(l->user, sizeof l->user, "%s", p->owner);
	snprintf(l->from, sizeof l->from, "%s", p->from);
	l->date_s = clock_wall_ms() / 1000;
	l->hold_until_s = l->date_s + 30 * DAY;
	l->size = l->summary_size = octets->len;
	digest_sha256(span_of(octets->data, octets->len), l->digest);
	memcpy(l->summary_digest, l->digest, sizeof l->summary_digest);
	for (size_t i = 0; i < p->n_to; i++)
		d[i] = delivery_of(l, p->to[i]);
	oms_store_put_take(p->store, &q, p->loop, on_put, p);
	for (size_t i = 0; i < p->n_to; i++)
		oms_delivery_clear(&d[i]);
}

static void
next_letter(struct putting *p)
{
	char path[PATH_ROOM];
	struct buf octets = { 0 };

	if (fgets(path, sizeof path, p->names) == NULL) {
		loop_stop(p->loop);
		return;
	}
	path[strcspn(path, "\n")] = '\0';
	read_letter(path, &octets);
	put(p, &octets);
}

static void
begin(void *arg)
{
	next_letter(arg);
}

int
main(int argc, char **argv)
{
	struct putting p = { 0 };
	struct offload *offload;
	struct err e;

	if (argc < 7 || argc > 6 + TO_MAX || (p.names = fopen(argv[5], "re")) == NULL) {
		fprintf(stderr,
		    "usage: spool_letters FOLDER BYTES OWNER FROM FILE-OF-NAMES TO...\n");
		return 64;
	}
	p.owner = argv[3];
	p.from = argv[4];
	p.to = argv + 6;
	p.n_to = (size_t)argc - 6;
	if (!loop_new(&p.loop, &e) || !offload_new(&offload, 1, &e) ||
	    !offload_start(offload, &e) ||
	    !oms_store_open(argv[1], strtoull(argv[2], NULL, 10), offload, &p.store, &e))
		fail(argv[1], e.text);
	loop_post(p.loop, begin, &p);
	loop_run(p.loop);
	oms_store_close(&p.store);
	offload_free(&offload);
	loop_drain(p.loop);
	loop_free(&p.loop);
	fclose(p.names);
	printf("%lu letters\n", p.put);
	return 0;
}
