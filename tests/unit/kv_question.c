/* kv_question — questions to a store on kv and operations that it takes, with each engine, and after its end. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_question.h"
#include "common/store/kv_store.h"
#include "tests/kv_rigs.h"

/* -- a store, which tells when it was cleared ------------------------------------------------------------------- */

struct scene_store {
	struct kv_store base;
	bool *cleared;
};

static void
clear_store(struct kv_store *s)
{
	*((struct scene_store *)s)->cleared = true;
	free(s);
}

/* It takes the kv of the scene. */
static struct kv_store *
store_new(struct kv_scene *s, bool *cleared)
{
	struct scene_store *x = memory_new(sizeof *x);

	kv_store_init(&x->base, s->kv, clear_store);
	x->cleared = cleared;
	*cleared = false;
	s->kv = NULL;
	return &x->base;
}

/* -- a question for two rows, then for a third -------------------------------------------------------------------- */

/* What became of it; it lives longer than the question. */
struct heard {
	unsigned told, cleared;
	enum refusal why;
	char text[64];
};

struct row {
	struct rows *of;
	char text[16];
};

struct rows {
	struct kv_question question; /* first */
	struct kv_scene *scene;
	struct heard *heard;
	struct row row[3];
	size_t steps;
	unsigned looks;
	const char *refuse; /* a row of this value is refused; NULL: none is */
};

static void
look_at(struct kv_txn *t, void *arg)
{
	struct row *r = arg;
	struct span value;

	r->of->looks++;
	assert_true(kv_get(t, SPAN_LIT("k"), &value));
	assert_true(span_copy(value, r->text, sizeof r->text));
}

static void
judge(struct kv_txn *t, void *arg, struct err *why)
{
	struct row *r = arg;

	look_at(t, arg);
	if (r->of->refuse != NULL && strcmp(r->text, r->of->refuse) == 0)
		err_word(why, REFUSAL_mailbox_full);
}

static void
two_read(struct kv_question *q)
{
	struct rows *r = (struct rows *)q;

	r->steps++;
	assert_true(r->looks >= 2); /* a look may run again */
	q->next = kv_question_answer;
	kv_question_look(q, part(K_PLAIN, "cccc"), look_at, &r->row[2]);
}

static void
tell_rows(struct kv_question *q, const struct err *e)
{
	struct rows *r = (struct rows *)q;

	r->heard->told++;
	r->heard->why = e == NULL ? REFUSAL_NONE : e->why;
	snprintf(r->heard->text, sizeof r->heard->text, "%s %s %s", r->row[0].text, r->row[1].text,
	    r->row[2].text);
}

static void
clear_rows(struct kv_question *q)
{
	struct rows *r = (struct rows *)q;

	r->heard->cleared++;
	if (--r->scene->waiting == 0)
		loop_stop(r->scene->loop);
}

static struct kv_question *
ask(struct kv_scene *s, struct kv_store *store, struct heard *h, const char *refuse)
{
	struct rows *r = memory_new(sizeof *r);

	*h = (struct heard) { .told = 0 };
	r->question = (struct kv_question) {
		.next = two_read,
		.tell = tell_rows,
		.clear = clear_rows,
	};
	r->scene = s;
	r->heard = h;
	r->refuse = refuse;
	for (size_t i = 0; i < 3; i++)
		r->row[i].of = r;
	s->waiting++;
	kv_question_begin(&r->question, store, s->loop);
	kv_question_judge(&r->question, part(K_PLAIN, "aaaa"), judge, &r->row[0]);
	kv_question_judge(&r->question, part(K_PLAIN, "bbbb"), judge, &r->row[1]);
	assert_int_equal(h->told + h->cleared, 0); /* never inside the call */
	return &r->question;
}

static struct kv_store *
three_rows(struct kv_scene *s, bool *cleared)
{
	RUN(s, part(K_PLAIN, "aaaa"), PUT("k", "1"));
	RUN(s, part(K_PLAIN, "bbbb"), PUT("k", "2"));
	RUN(s, part(K_PLAIN, "cccc"), PUT("k", "3"));
	return store_new(s, cleared);
}

static void
end(struct kv_scene *s, struct kv_store *store)
{
	kv_store_close(store);
	kv_store_let_go(store);
	scene_clear(s);
}

static void
a_question_looks_in_steps_and_tells_once(void **state)
{
	struct kv_scene s = begin(state);
	struct heard h;
	bool cleared;
	struct kv_store *store = three_rows(&s, &cleared);

	ask(&s, store, &h, NULL);
	scene_wait(&s);
	assert_int_equal(h.told, 1);
	assert_int_equal(h.why, REFUSAL_NONE);
	assert_string_equal(h.text, "1 2 3");
	assert_int_equal(h.cleared, 1);
	assert_false(cleared);
	end(&s, store);
	assert_true(cleared);
}

/* It waits for its other looks, and goes no further. */
static void
the_first_that_a_look_refuses_is_told(void **state)
{
	static const char *const refused[] = { "1", "2" };

	for (size_t i = 0; i < 2; i++) {
		struct kv_scene s = begin(state);
		struct heard h;
		bool cleared;
		struct kv_store *store = three_rows(&s, &cleared);

		ask(&s, store, &h, refused[i]);
		scene_wait(&s);
		assert_int_equal(h.told, 1);
		assert_int_equal(h.why, REFUSAL_mailbox_full);
		assert_string_equal(h.text, "1 2 ");
		assert_int_equal(h.cleared, 1);
		end(&s, store);
	}
}

static void
a_question_that_was_dropped_tells_nothing(void **state)
{
	struct kv_scene s = begin(state);
	struct heard h, other;
	bool cleared;
	struct kv_store *store = three_rows(&s, &cleared);
	struct kv_question *q = ask(&s, store, &h, NULL), *none = NULL;
	struct rows *r = (struct rows *)q;

	ask(&s, store, &other, NULL);
	kv_question_drop(&q);
	assert_null(q);
	kv_question_drop(&none);
	assert_int_equal(r->looks, 0); /* and two_read, which would come next, wants two */
	scene_wait(&s);
	assert_int_equal(h.told, 0);
	assert_int_equal(h.cleared, 1);
	assert_int_equal(other.told, 1);
	assert_string_equal(other.text, "1 2 3");
	end(&s, store);
}

/* The question holds the store, and asks it further after its end. */
static void
a_store_that_was_closed_answers_closing(void **state)
{
	struct kv_scene s = begin(state);
	struct heard h, none;
	bool cleared;
	struct kv_store *store = three_rows(&s, &cleared);

	kv_store_close(store);
	ask(&s, store, &h, NULL);
	ask(&s, NULL, &none, NULL);
	kv_store_let_go(store);
	assert_false(cleared);
	scene_wait(&s);
	assert_true(cleared);
	assert_int_equal(h.told, 1);
	assert_int_equal(h.why, REFUSAL_closing);
	assert_int_equal(none.told, 1);
	assert_int_equal(none.why, REFUSAL_closing);
	assert_int_equal(h.cleared + none.cleared, 2);
	scene_clear(&s);
}

/* -- operations ------------------------------------------------------------------------------------------------- */

static void
make_op(struct kv_scene *s, struct scene_op *o, const char *name, const struct step *steps)
{
	*o = (struct scene_op) { .scene = s, .steps = steps };
	o->op = (struct kv_op) {
		.part = part(K_PLAIN, name),
		.apply = scene_apply,
		.done = scene_done,
		.arg = o,
		.octets = 1000,
	};
	s->waiting++;
}

/* One alone and two together; what became of them. */
static void
take_three(struct kv_scene *s, struct kv_store *store, struct scene_op o[3])
{
	struct kv_op *two[] = { &o[1].op, &o[2].op };

	make_op(s, &o[0], "aaaa", STEPS(PUT("k", "4")));
	make_op(s, &o[1], "bbbb", STEPS(PUT("k", "5")));
	make_op(s, &o[2], "cccc", STEPS(PUT("k", "6"), REFUSE));
	kv_store_take(store, &o[0].op, s->loop);
	kv_store_take_several(store, two, 2, s->loop);
	for (size_t i = 0; i < 3; i++)
		assert_false(o[i].done); /* never inside the call */
	scene_wait(s);
	for (size_t i = 0; i < 3; i++)
		assert_true(o[i].done);
}

static void
a_store_takes_operations(void **state)
{
	struct kv_scene s = begin(state);
	struct scene_op o[3];
	struct heard h;
	bool cleared;
	struct kv_store *store = three_rows(&s, &cleared);

	take_three(&s, store, o);
	assert_int_equal(o[0].why, REFUSAL_NONE);
	assert_int_equal(o[1].why, REFUSAL_NONE);
	assert_int_equal(o[2].why, REFUSAL_id_conflict);
	ask(&s, store, &h, NULL);
	scene_wait(&s);
	assert_string_equal(h.text, "4 5 3");
	end(&s, store);
}

static void
a_store_that_was_closed_refuses_operations(void **state)
{
	struct kv_scene s = begin(state);
	struct scene_op o[3];
	bool cleared;
	struct kv_store *store = three_rows(&s, &cleared);

	kv_store_close(store);
	take_three(&s, store, o);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(o[i].why, REFUSAL_closing);
	take_three(&s, NULL, o);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(o[i].why, REFUSAL_closing);
	end(&s, store);
}

struct gate {
	sem_t begun, open;
};

static bool
wait_at_gate(struct kv_txn *t, void *arg, struct err *e)
{
	struct gate *g = ((struct scene_op *)arg)->with;

	(void)t;
	(void)e;
	sem_post(&g->begun);
	sem_wait(&g->open);
	return true;
}

/* Of the engines only LMDB has a bound.  One operation may pass it; the next ones are all told. */
static void
a_store_that_has_too_much_to_do_refuses_operations(void **state)
{
	struct kv_scene s = begin(state);
	struct gate gate;
	struct scene_op held, large, o[2];
	struct kv_op *two[] = { &o[0].op, &o[1].op };
	bool cleared;
	struct kv_store *store = store_new(&s, &cleared);

	if (!s.rig->batches) {
		end(&s, store);
		return;
	}
	assert_true(sem_init(&gate.begun, 0, 0) == 0 && sem_init(&gate.open, 0, 0) == 0);
	make_op(&s, &held, "aaaa", NULL);
	held.op.apply = wait_at_gate;
	held.with = &gate;
	kv_store_take(store, &held.op, s.loop);
	assert_int_equal(sem_wait(&gate.begun), 0);
	make_op(&s, &large, "bbbb", STEPS(PUT("k", "1")));
	large.op.octets = (size_t)1 << 40;
	kv_store_take(store, &large.op, s.loop);
	make_op(&s, &o[0], "bbbb", STEPS(PUT("k", "2")));
	make_op(&s, &o[1], "cccc", STEPS(PUT("k", "3")));
	kv_store_take_several(store, two, 2, s.loop);
	sem_post(&gate.open);
	scene_wait(&s);
	assert_int_equal(held.why, REFUSAL_NONE);
	assert_true(large.done);
	assert_int_equal(o[0].why, REFUSAL_too_many_outstanding);
	assert_int_equal(o[1].why, REFUSAL_too_many_outstanding);
	end(&s, store);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_looks_in_steps_and_tells_once),
		cmocka_unit_test(the_first_that_a_look_refuses_is_told),
		cmocka_unit_test(a_question_that_was_dropped_tells_nothing),
		cmocka_unit_test(a_store_that_was_closed_answers_closing),
		cmocka_unit_test(a_store_takes_operations),
		cmocka_unit_test(a_store_that_was_closed_refuses_operations),
		cmocka_unit_test(a_store_that_has_too_much_to_do_refuses_operations),
	};

	return rigs_run("kv_question", tests, sizeof tests / sizeof *tests);
}
