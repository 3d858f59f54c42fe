/* oms_store_scene — a spool in a folder of its own, letters for it, its calls one at a time; after
 * <cmocka.h>.
 */
#ifndef TESTS_UNIT_OMS_STORE_SCENE_H
#define TESTS_UNIT_OMS_STORE_SCENE_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/store/body_orphans.h"
#include "oms/policy/letter.h"
#include "oms/store/store.h"
#include "oms/store/store_kv.h"
#include "tests/temp.h"
#include "tests/unit/kv_engines.h"
#include "tests/unit/oms_store_asked.h"
#include "tests/unit/source_scene.h"

#define SIZE ((uint64_t)64 << 20)
#define DAY  86400

static uint64_t
    scene_memory; /* size of the worlds that begin now, where that is in memory; 0: SIZE */

struct world {
	char folder[64];
	struct oms_store *store;
	struct kv_memory *memory; /* what is its disk; NULL: it is in the folder */
	struct loop *loop;
	struct offload *offload;
	unsigned waiting;
};

static inline void
told(struct world *w)
{
	if (--w->waiting == 0)
		loop_stop(w->loop);
}

static inline void
wait_all(struct world *w)
{
	if (w->waiting > 0)
		loop_run(w->loop);
}

/* What letters and users have stated to others without awaiting it has arrived. */
static inline void
arrive(struct world *w)
{
	if (w->memory != NULL)
		kv_memory_settle(w->memory);
}

static inline void
reopen(struct world *w)
{
	char bodies[128];
	struct err e;

	oms_store_close(&w->store);
	snprintf(bodies, sizeof bodies, "%s/bodies", w->folder);
	if (w->memory != NULL ? !oms_store_open_on(kv_memory_open(w->memory, &oms_schema), bodies,
				    SIZE, w->offload, &w->store, &e)
			      : !oms_store_open(w->folder, SIZE, w->offload, &w->store, &e))
		fail_msg("%s", e.text);
}

/* All but the store. */
static inline void
world_bare(struct world *w)
{
	struct err e;

	*w = (struct world) { .store = NULL };
	temp_name(w->folder, sizeof w->folder, "tillcalled-oms-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	temp_in_memory(w->folder);
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 2, &e) && offload_start(w->offload, &e));
}

static inline void
world_init(struct world *w)
{
	world_bare(w);
	w->memory = engine_memory(scene_memory != 0 ? scene_memory : SIZE);
	reopen(w);
}

static inline void
world_clear(struct world *w)
{
	offload_stop(w->offload);
	loop_drain(w->loop);
	oms_store_close(&w->store);
	loop_drain(w->loop);
	offload_free(&w->offload);
	loop_free(&w->loop);
	if (w->memory != NULL)
		kv_memory_free(&w->memory);
	assert_int_equal(temp_remove(w->folder), 0);
}

static inline unsigned
files(const struct world *w)
{
	char path[128];
	unsigned n = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "%s/bodies", w->folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* body_remove's work is not told of. */
static inline void
wait_for_files(const struct world *w, unsigned n)
{
	for (int i = 0; i < 500 && files(w) != n; i++)
		usleep(10000);
	assert_int_equal(files(w), n);
}

/* -- letters --------------------------------------------------------------------------------- */

struct outcome {
	struct world *world;
	struct ulid id;
	enum refusal why;
	struct source *source;
	uint64_t size;
};

static inline void
on_kept(void *arg, struct body_kept *kept, const struct err *e)
{
	assert_null(e);
	*(struct body_kept *)arg = *kept;
}

/* What the spool makes of a letter of n octets. */
static inline void
body(struct world *w, const struct ulid *id, size_t n, struct body_kept *kept)
{
	struct body_in *in = oms_store_body(w->store, id, w->loop);
	char *octets = memory_new(n + 1);

	memset(octets, 'b', n);
	body_add(in, span_of(octets, n));
	*kept = (struct body_kept) { .size = UINT64_MAX };
	body_end_take(in, on_kept, kept);
	for (int i = 0; i < 1000 && kept->size == UINT64_MAX; i++) {
		loop_drain(w->loop);
		usleep(1000);
	}
	assert_int_equal(kept->size, n);
	free(octets);
}

/* After an opening: the files of before are looked through. */
static inline void
wait_for_orphans(struct world *w)
{
	for (int i = 0; i < 10000 && !body_orphans_over(oms_store_bodies(w->store)); i++) {
		arrive(w); /* no loop asks */
		usleep(1000);
	}
	assert_true(body_orphans_over(oms_store_bodies(w->store)));
}

static inline struct oms_delivery
delivery(const char *peer, size_t n, const char *const *to)
{
	struct oms_delivery d = { .own = { "a.test" }, .next_ms = 1000 };

	d.peer = domain_copy(peer);
	d.recipients = memory_array(n, sizeof *d.recipients);
	d.n_recipients = n;
	for (size_t i = 0; i < n; i++) {
		snprintf(d.recipients[i].address, sizeof d.recipients[i].address, "%s@%s", to[i],
		    peer);
		memset(d.recipients[i].salt, (int)i + 1, STATEMENT_SALT_BYTES);
		d.recipients[i].since_s = 5;
	}
	buf_addf(&d.statement, "Tillcalled-Notification: 1 for %s", peer);
	return d;
}

static inline void
on_put(void *arg, const struct ulid *id, const struct err *e)
{
	struct outcome *o = arg;

	o->why = e == NULL ? REFUSAL_NONE : e->why;
	if (e == NULL)
		o->id = *id;
	told(o->world);
}

struct letter {
	const char *token;
	size_t size;
	int64_t date_s, hold_until_s;
	uint64_t max_letters, max_octets, max_listed;
	bool one;         /* bob@b.test alone; else carol@b.test and dave@c.test too */
	const char *peer; /* of bob and carol; NULL: b.test */
	bool same_shard;  /* of queues and expiries, for all letters with this */
	bool recalled;    /* for bob@b.test */
	bool over;        /* for all at b.test */
	const char *user; /* NULL: alice@a.test */
};

/* A letter whose body has come. */
struct putting {
	struct oms_put put;
	struct body_kept kept;
	struct oms_delivery d[2];
};

static inline void
put_prepare(struct world *w, const struct letter *l, struct putting *x)
{
	static const char *const to[] = { "bob", "carol", "dave" };
	struct oms_letter *f = &x->put.letter;
	unsigned char random[10];

	*x = (struct putting) {
		.put = { .kept = &x->kept,
		    .deliveries = x->d,
		    .n_deliveries = l->one ? 1 : 2,
		    .most = { l->max_letters, l->max_octets, l->max_listed } },
	};
	x->d[0] = delivery(l->peer == NULL ? "b.test" : l->peer, l->one ? 1 : 2, to);
	x->d[1] = delivery("c.test", 1, to + 2);
	random_bytes(random, sizeof random);
	if (l->same_shard)
		random[9] = 0;
	ulid_make(&f->id, clock_wall_ms(), random);
	strcpy(f->user, l->user == NULL ? "alice@a.test" : l->user);
	strcpy(f->from, "alice@a.test");
	strcpy(x->put.token, l->token == NULL ? "" : l->token);
	f->date_s = l->date_s != 0 ? l->date_s : clock_wall_ms() / 1000;
	f->hold_until_s = l->hold_until_s != 0 ? l->hold_until_s : f->date_s + 30 * DAY;
	f->size = l->size;
	f->summary_size = 10;
	for (int i = 0; i < 2; i++) {
		x->d[i].id = f->id;
		x->d[i].hold_until_s = f->hold_until_s;
	}
	if (l->recalled || l->over)
		x->d[0].recipients[0].state = SUBMIT_RECALLED;
	if (l->over && !l->one)
		x->d[0].recipients[1].state = SUBMIT_RECALLED;
	body(w, &f->id, l->size, &x->kept);
}

/* *o is told; wait_all. */
static inline void
put_take(struct world *w, struct putting *x, struct outcome *o)
{
	*o = (struct outcome) { .world = w };
	w->waiting++;
	oms_store_put_take(w->store, &x->put, w->loop, on_put, o);
	for (int i = 0; i < 2; i++)
		oms_delivery_clear(&x->d[i]);
}

static inline enum refusal
put(struct world *w, const struct letter *l, struct ulid *id)
{
	struct putting x;
	struct outcome o;

	put_prepare(w, l, &x);
	put_take(w, &x, &o);
	wait_all(w);
	*id = o.id;
	return o.why;
}

/* -- operations, at once ----------------------------------------------------------------------- */

static inline size_t
due(struct world *w, const char *peer, struct oms_delivery *out, size_t max)
{
	const struct oms_due_query q = { .own = "a.test",
		.peer = peer,
		.now_ms = 1000,
		.latest_ms = INT64_MAX,
		.max = max };

	return ask_due(w->store, w->loop, &q, out).n;
}

/* When something is due at the domain next; 0: never. */
static inline int64_t
next_due(struct world *w, const char *peer)
{
	const struct oms_due_query q = { .own = "a.test", .peer = peer };

	return ask_due(w->store, w->loop, &q, NULL).first_ms;
}

static inline void
on_done(void *arg, const struct err *e)
{
	struct outcome *o = arg;

	o->why = e == NULL ? REFUSAL_NONE : e->why;
	told(o->world);
}

static inline void
attempted(struct world *w, const struct oms_delivery *d)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_attempted(w->store, d, 1, w->loop, on_done, &o);
	wait_all(w);
	assert_int_equal(o.why, REFUSAL_NONE);
}

/* All who wait at the domain were told, but for `but`. */
static inline void
notify(struct world *w, const char *peer, const char *but)
{
	struct oms_delivery d;

	assert_int_equal(due(w, peer, &d, 1), 1);
	d.next_ms = 0;
	d.tries++;
	d.sent = true;
	for (size_t i = 0; i < d.n_recipients; i++)
		if (but != NULL && strncmp(d.recipients[i].address, but, strlen(but)) == 0)
			d.next_ms = 1000;
		else if (d.recipients[i].state == SUBMIT_WAITING)
			d.recipients[i].state = SUBMIT_NOTIFIED;
	attempted(w, &d);
	oms_delivery_clear(&d);
}

static inline void
on_handed(void *arg, const struct oms_letter *l, struct source *source, const struct err *e)
{
	struct outcome *o = arg;

	o->why = e == NULL ? REFUSAL_NONE : e->why;
	o->source = source;
	o->size = e == NULL ? l->size : 0;
	told(o->world);
}

static inline uint64_t
octets_of(struct world *w, struct source *s)
{
	char b[65536];
	uint64_t at = 0;
	ssize_t n;

	while ((n = source_read(s, w->loop, at, b, sizeof b, NULL)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(b[i], 'b');
		at += (uint64_t)n;
	}
	s->free(s);
	return at;
}

static inline void
on_summary(void *arg, const struct oms_letter *l, struct source *source, const struct err *e)
{
	on_handed(arg, l, source, e);
	((struct outcome *)arg)->size = e == NULL ? l->summary_size : 0;
}

static inline enum refusal
hand_out(struct world *w, const struct ulid *id, const char *peer)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_hand_out(w->store, id, peer, w->loop, on_handed, &o);
	wait_all(w);
	if (o.why == REFUSAL_NONE)
		assert_int_equal(octets_of(w, o.source), o.size);
	else
		assert_null(o.source);
	return o.why;
}

static inline enum refusal
settle(struct world *w, const struct ulid *id, const char *peer, bool declined)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_settle(w->store, id, peer, declined, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

static inline void
sweep(struct world *w, int64_t now_s)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_sweep(w->store, now_s, w->loop, on_done, &o);
	wait_all(w);
	assert_int_equal(o.why, REFUSAL_NONE);
}

/* "notified fetched waiting": of bob, carol, dave. */
static inline const char *
states(struct world *w, const struct ulid *id)
{
	static char out[256];
	struct asked a = ask_status(w->store, w->loop, "alice@a.test", id);

	snprintf(out, sizeof out, "%s", a.e.why == REFUSAL_NONE ? a.states : refusal_word(a.e.why));
	return out;
}

#endif
