/* kv_scene — a store of ten kinds in any engine, and operations that are written as lists of steps.
 *
 * Kinds:  plain: keeps facts, and changes nothing else.
 *         sum:   a fact's value is a number; the row "sum" is the sum of all of them.  It refuses (mailbox_full) a
 *                fact that lifts the sum above the row "limit".
 *         relay: states each fact onwards, to the sum named as itself; awaited if `what` is RELAY_AWAITED.
 *                It then refuses (id_conflict) if `what` is RELAY_REFUSED.
 *         keep:  keeps the first octet of a fact, and the whole of it in a row of that name.
 *         dir:   a directory (common/store/kv_dir.h).
 *         burst: states as many facts as the value says, each 1, to the sum named as itself; awaited as relay.
 *         swell: puts a row of as many octets as the value says.
 *         give:  a fact from a take is counted in the row "back"; it refuses (unknown_id) what comes while its row "given"
 *                is missing.  Where it was refused something, it deletes both and states its fact as gone to each take
 *                that its row "to" names.
 *         take:  puts a row of the fact's name, and states it back to its source, awaited.  It refuses (mailbox_full)
 *                while its row "full" is 1.  When the fact is gone, or was refused, it takes both back.
 *         fault: returns false for each fact while the row "well" is missing; then adds its name to the row "log".
 *         Each that was refused something puts the row "refused": the word of the refusal; it cannot while its row
 *         "sick" is 1.
 * Rigs:   an engine each; the tests of tests/unit/kv.c run with every one.
 */
#ifndef TESTS_KV_SCENE_H
#define TESTS_KV_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "common/store/kv.h"
#include "tests/temp.h"

enum { K_PLAIN, K_SUM, K_RELAY, K_FAULT, K_KEEP, K_DIR, K_BURST, K_SWELL, K_GIVE, K_TAKE, KINDS };
enum { SUM = 1, RELAY_AWAITED = 2, RELAY_REFUSED = 3, GIVEN = 4, BACK = 5 };

struct kv_scene;

struct kv_rig {
	const char *name;
	bool late; /* effects that nobody awaits may be applied after `done` */
	bool full; /* it has a size that it can fill */
	bool
	    batches; /* it commits all that waits at once, with the effects, and counts its commits */
	void (*open)(struct kv_scene *s);
	/* Opens what a crash now would leave. */
	void (*crash)(struct kv_scene *s);
	/* Returns when no effect is on its way, but for those that cannot be applied. */
	void (*settle)(struct kv_scene *s);
	void (*clear)(struct kv_scene *s);
};

struct kv_scene {
	const struct kv_rig *rig;
	struct kv *kv;
	struct loop *loop;
	unsigned waiting; /* for done */
	uint64_t size;
	char folder[128];
	unsigned crashes;
	void *own; /* the rig's */
};

/* -- the kinds ------------------------------------------------------------------------------------------- */

static inline uint64_t
scene_number(struct span value)
{
	uint64_t n = 0;

	return span_u64(value, &n) ? n : 0;
}

static inline uint64_t
scene_row(struct kv_txn *t, const char *key, uint64_t otherwise)
{
	struct span value;

	return kv_get(t, span_str(key), &value) ? scene_number(value) : otherwise;
}

static inline void
scene_put(struct kv_txn *t, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)n);
	kv_put(t, span_str(key), span_str(text));
}

static inline bool
scene_add(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	uint64_t before = was == NULL ? 0 : scene_number(was->value), sum = scene_row(t, "sum", 0);

	(void)from;
	(void)arg;
	sum = sum - before + scene_number(now->value);
	scene_put(t, "sum", sum);
	if (sum > scene_row(t, "limit", UINT64_MAX))
		return err_word(e, REFUSAL_mailbox_full);
	return true;
}

static inline bool
scene_relay(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct kv_part sum = *kv_here(t);

	(void)from;
	(void)was;
	(void)arg;
	sum.kind = K_SUM;
	if (now->what == RELAY_AWAITED)
		kv_emit_awaited(t, &sum, now);
	else
		kv_emit(t, &sum, now);
	if (now->what == RELAY_REFUSED)
		return err_word(e, REFUSAL_id_conflict);
	return true;
}

static inline bool
scene_fault(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	char log[256];
	struct span value;

	(void)from;
	(void)was;
	(void)arg;
	kv_put(t, SPAN_LIT("tried"), SPAN_LIT(""));
	if (scene_row(t, "well", 0) != 1)
		return err_word(e, REFUSAL_storage);
	if (!kv_get(t, SPAN_LIT("log"), &value))
		value = (struct span) { 0 };
	snprintf(log, sizeof log, "%.*s%.*s", SPAN_FMT(value), SPAN_FMT(now->name));
	kv_put(t, SPAN_LIT("log"), span_str(log));
	return true;
}

static inline bool
scene_burst(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct kv_part sum = *kv_here(t);
	struct kv_fact f = { .what = SUM, .version = now->version, .value = SPAN_LIT("1") };
	char name[64];

	(void)from;
	(void)was;
	(void)arg;
	(void)e;
	sum.kind = K_SUM;
	for (uint64_t i = 0; i < scene_number(now->value); i++) {
		snprintf(name, sizeof name, "%.*s%llu", SPAN_FMT(now->name), (unsigned long long)i);
		f.name = span_str(name);
		if (now->what == RELAY_AWAITED)
			kv_emit_awaited(t, &sum, &f);
		else
			kv_emit(t, &sum, &f);
	}
	return true;
}

static inline bool
scene_swell(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	size_t n = (size_t)scene_number(now->value);
	char *octets = memory_new(n + 1);

	(void)from;
	(void)was;
	(void)arg;
	(void)e;
	memset(octets, 's', n);
	kv_put(t, now->name, span_of(octets, n));
	free(octets);
	return true;
}

static inline bool
scene_keep(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	(void)from;
	(void)arg;
	(void)e;
	if (was != NULL)
		kv_put(t, SPAN_LIT("was"), was->value);
	kv_put(t, now->name, now->value);
	kv_keep(t, span_sub(now->value, 0, 1));
	return true;
}

static inline bool
scene_give(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	uint64_t back = scene_row(t, "back", 0);

	(void)from;
	(void)arg;
	if (now->gone) {
		if (was != NULL && back > 0)
			scene_put(t, "back", back - 1);
		return true;
	}
	if (scene_row(t, "given", 0) != 1)
		return err_word(e, REFUSAL_unknown_id);
	scene_put(t, "back", back + (was == NULL));
	return true;
}

/* What came back may be refused for it, so this may run for each take. */
static inline bool
scene_give_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct kv_part taker = *to;
	struct kv_fact gone = { GIVEN, fact->name, { 0, fact->version.n + 1 }, true, { 0 } };
	struct span all;

	(void)arg;
	(void)e;
	kv_put(t, SPAN_LIT("refused"), span_str(refusal_word(why->why)));
	if (!kv_get(t, SPAN_LIT("to"), &all))
		return true; /* it was taken back before */
	for (size_t i = 0; i + 4 <= all.n; i += 4) {
		memcpy(taker.name, all.p + i, 4);
		kv_emit(t, &taker, &gone);
	}
	kv_del(t, SPAN_LIT("given"));
	kv_del(t, SPAN_LIT("back"));
	kv_del(t, SPAN_LIT("to"));
	return true;
}

/* The name says who states it. */
static inline void
scene_state_back(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *f, bool gone)
{
	struct kv_fact back = { BACK, span_of(kv_here(t)->name, kv_here(t)->n),
		{ 0, f->version.n + gone }, gone, gone ? SPAN_LIT("") : f->value };

	if (gone)
		kv_emit(t, to, &back);
	else
		kv_emit_awaited(t, to, &back);
}

static inline bool
scene_take_fact(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct span value;

	(void)was;
	(void)arg;
	if (now->gone) {
		if (kv_get(t, now->name, &value)) {
			kv_del(t, now->name);
			scene_state_back(t, from, now, true);
		}
		return true;
	}
	if (scene_row(t, "full", 0) == 1)
		return err_word(e, REFUSAL_mailbox_full);
	kv_put(t, now->name, now->value);
	scene_state_back(t, from, now, false);
	return true;
}

static inline bool
scene_take_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	kv_put(t, SPAN_LIT("refused"), span_str(refusal_word(why->why)));
	kv_del(t, SPAN_LIT("letter"));
	scene_state_back(t, to, fact, true);
	return true;
}

static inline bool
scene_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	(void)to;
	(void)fact;
	(void)arg;
	if (scene_row(t, "sick", 0) == 1)
		return err_word(e, REFUSAL_storage);
	kv_put(t, SPAN_LIT("refused"), span_str(refusal_word(why->why)));
	return true;
}

static const struct kv_kind scene_kinds[KINDS] = {
	[K_PLAIN] = { "plain", 4, NULL, scene_refused },
	[K_SUM] = { "sum", 4, scene_add, scene_refused },
	[K_RELAY] = { "relay", 4, scene_relay, scene_refused },
	[K_KEEP] = { "keep", 4, scene_keep, scene_refused },
	[K_DIR] = { "dir", 1, NULL, NULL },
	[K_BURST] = { "burst", 4, scene_burst, scene_refused },
	[K_SWELL] = { "swell", 4, scene_swell, scene_refused },
	[K_GIVE] = { "give", 4, scene_give, scene_give_refused },
	[K_TAKE] = { "take", 4, scene_take_fact, scene_take_refused },
	[K_FAULT] = { "fault", 4, scene_fault, scene_refused },
};
static const struct kv_schema scene_schema = { scene_kinds, KINDS, NULL };

/* -- operations ------------------------------------------------------------------------------------------- */

/* name: 4 octets. */
static inline struct kv_part
part(unsigned kind, const char *name)
{
	return kv_part_of(kind, span_str(name));
}

enum scene_act { SCENE_END, SCENE_PUT, SCENE_DEL, SCENE_EMIT, SCENE_AWAIT, SCENE_REFUSE };

struct step {
	enum scene_act act;
	const char *key;   /* of the row, or the name of the fact */
	const char *value; /* NULL in an effect: gone */
	struct kv_part to;
	unsigned what;
	uint64_t version;
};

#define NOWHERE                                                                                    \
	{                                                                                          \
		0                                                                                  \
	}
#define PUT(key, value)                                                                            \
	{                                                                                          \
		SCENE_PUT, key, value, NOWHERE, 0, 0                                               \
	}
#define DEL(key)                                                                                   \
	{                                                                                          \
		SCENE_DEL, key, NULL, NOWHERE, 0, 0                                                \
	}
#define REFUSE                                                                                     \
	{                                                                                          \
		SCENE_REFUSE, "", NULL, NOWHERE, 0, 0                                              \
	}
#define STEPS(...) ((const struct step[]) { __VA_ARGS__, { SCENE_END, NULL, NULL, NOWHERE, 0, 0 } })
#define EMIT(to, what, name, version, value)                                                       \
	{                                                                                          \
		SCENE_EMIT, name, value, to, what, version                                         \
	}
#define AWAIT(to, what, name, version, value)                                                      \
	{                                                                                          \
		SCENE_AWAIT, name, value, to, what, version                                        \
	}

struct scene_op {
	struct kv_op op;
	struct kv_scene *scene;
	const struct step *steps;
	void *with; /* what a function of the test needs */
	bool done;
	enum refusal why;
	unsigned told;
	enum refusal told_why;
	char told_name[32];
};

static inline bool
scene_apply(struct kv_txn *t, void *arg, struct err *e)
{
	struct scene_op *o = arg;

	for (const struct step *s = o->steps; s->act != SCENE_END; s++) {
		struct kv_fact f = { (unsigned char)s->what, span_str(s->key), { 0, s->version },
			s->value == NULL, span_str(s->value == NULL ? "" : s->value) };

		if (s->act == SCENE_REFUSE)
			return err_word(e, REFUSAL_id_conflict);
		if (s->act == SCENE_PUT)
			kv_put(t, span_str(s->key), span_str(s->value));
		else if (s->act == SCENE_DEL)
			kv_del(t, span_str(s->key));
		else if (s->act == SCENE_EMIT)
			kv_emit(t, &s->to, &f);
		else
			kv_emit_awaited(t, &s->to, &f);
	}
	return true;
}

static inline void
scene_done(void *arg, const struct err *e)
{
	struct scene_op *o = arg;

	assert_false(o->done);
	o->done = true;
	o->why = e == NULL ? REFUSAL_NONE : e->why;
	if (--o->scene->waiting == 0)
		loop_stop(o->scene->loop);
}

static inline void
scene_told(void *arg, const struct kv_part *to, const struct kv_fact *fact, const struct err *why)
{
	struct scene_op *o = arg;

	(void)to;
	assert_false(o->done);
	o->told++;
	o->told_why = why->why;
	assert_true(span_copy(fact->name, o->told_name, sizeof o->told_name));
}

static inline void
scene_take(struct kv_scene *s, struct scene_op *o, struct kv_part at, const struct step *steps)
{
	struct err e;

	*o = (struct scene_op) { .scene = s, .steps = steps };
	o->op = (struct kv_op) { .part = at,
		.apply = scene_apply,
		.done = scene_done,
		.told = scene_told,
		.arg = o,
		.home = s->loop,
		.octets = 1000 };
	s->waiting++;
	if (!kv_take(s->kv, &o->op, &e))
		fail_msg("%s", e.text);
	assert_false(o->done); /* never inside the call */
}

static inline void
scene_wait(struct kv_scene *s)
{
	if (s->waiting > 0)
		loop_run(s->loop);
	assert_int_equal(s->waiting, 0);
}

/* The operation alone; its refusal, or none. */
static inline enum refusal
scene_run(struct kv_scene *s, struct kv_part at, const struct step *steps)
{
	struct scene_op o;

	scene_take(s, &o, at, steps);
	scene_wait(s);
	assert_true(o.done);
	return o.why;
}

#define RUN(s, at, ...) scene_run(s, at, STEPS(__VA_ARGS__))

/* An operation of one function; its arg is the struct scene_op. */
static inline enum refusal
scene_call_with(struct kv_scene *s, struct kv_part at,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *with)
{
	struct scene_op o = { .scene = s, .with = with };
	struct err e;

	o.op = (struct kv_op) { .part = at,
		.apply = apply,
		.done = scene_done,
		.arg = &o,
		.home = s->loop,
		.octets = 1000 };
	s->waiting++;
	if (!kv_take(s->kv, &o.op, &e))
		fail_msg("%s", e.text);
	scene_wait(s);
	return o.why;
}

static inline enum refusal
scene_call(struct kv_scene *s, struct kv_part at,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e))
{
	return scene_call_with(s, at, apply, NULL);
}

/* -- reads ------------------------------------------------------------------------------------------------ */

struct scene_look {
	struct kv_look look;
	struct kv_scene *scene;
	const char *key;
	unsigned what; /* not 0: of the fact `key` */
	char text[64]; /* the value; "-": none */
	bool done;
	enum refusal why;
};

static inline void
scene_copy(struct kv_txn *t, void *arg)
{
	struct scene_look *l = arg;
	struct kv_fact fact;
	struct span value;
	bool found = l->what != 0 ? kv_get_fact(t, l->what, span_str(l->key), &fact)
				  : kv_get(t, span_str(l->key), &value);

	if (l->what != 0)
		value = fact.value;
	if (!found || !span_copy(value, l->text, sizeof l->text))
		snprintf(l->text, sizeof l->text, "-");
}

static inline void
scene_looked(void *arg, const struct err *e)
{
	struct scene_look *l = arg;

	l->done = true;
	l->why = e == NULL ? REFUSAL_NONE : e->why;
	if (--l->scene->waiting == 0)
		loop_stop(l->scene->loop);
}

static inline void
scene_ask(void *arg)
{
	struct scene_look *l = arg;

	kv_read(l->scene->kv, &l->look);
	assert_false(l->done); /* never inside the call */
}

static inline void
scene_look_at(struct scene_look *l, struct kv_part at, void (*look)(struct kv_txn *t, void *arg))
{
	l->look = (struct kv_look) { .part = at,
		.look = look,
		.done = scene_looked,
		.arg = l,
		.home = l->scene->loop };
	l->scene->waiting++;
	loop_post(l->scene->loop, scene_ask, l);
	scene_wait(l->scene);
}

static inline const char *
scene_see(struct kv_scene *s, struct kv_part at, const char *key, unsigned what)
{
	static struct scene_look l;

	l = (struct scene_look) { .scene = s, .key = key, .what = what };
	scene_look_at(&l, at, scene_copy);
	return l.why == REFUSAL_NONE ? l.text : refusal_word(l.why);
}

#define assert_row(s, at, key, text)        assert_string_equal(scene_see(s, at, key, 0), text)
#define assert_fact(s, at, what, key, text) assert_string_equal(scene_see(s, at, key, what), text)

/* -- the store --------------------------------------------------------------------------------------------- */

static inline void
scene_open(struct kv_scene *s, const struct kv_rig *rig)
{
	struct err e;

	*s = (struct kv_scene) { .rig = rig, .size = (uint64_t)64 << 20 };
	assert_true(loop_new(&s->loop, &e));
	rig->open(s);
}

static inline void
scene_clear(struct kv_scene *s)
{
	s->rig->clear(s);
	loop_free(&s->loop);
}

#endif
