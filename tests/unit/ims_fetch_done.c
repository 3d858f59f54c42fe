/* fetch_pair — how many DONE are owed at a time, and for how long.
 *
 * No session exists here, so what would be said is left to the acknowledger: it is owed no longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/loop/loop.h"
#include "ims/fetch/fetch_pair.h"
#include "proto/fetch.h"

struct scene {
	struct ims ims;
	struct ims_worker worker;
	struct fetch_pairs *pairs;
	unsigned left;      /* times that the acknowledger was told */
	bool before, after; /* its time: is it owed then? */
};

static struct ims_letter
letter(unsigned n)
{
	struct ims_letter l;

	memset(&l, 0, sizeof l);
	l.id.b[0] = (unsigned char)n;
	l.own_domain = domain_copy("b.test");
	l.from_domain = domain_copy("a.test");
	return l;
}

static void
owe(struct scene *s, unsigned n)
{
	struct ims_letter l = letter(n);

	fetch_pair_done(s->pairs, &l, 1);
}

static bool
is_owed(struct scene *s, unsigned n)
{
	struct ims_letter l = letter(n);
	struct ims_ack a = { .id = l.id };

	a.from_domain = l.from_domain;
	a.own_domain = l.own_domain;
	return fetch_pair_owes(s->pairs, &a);
}

static void
unsaid(struct ims *i)
{
	struct scene *s = (struct scene *)i; /* it is first */

	s->left++;
}

static void
begin(struct scene *s)
{
	struct err e;

	memset(s, 0, sizeof *s);
	s->worker.ims = &s->ims;
	assert_true(loop_new(&s->worker.loop, &e));
	s->pairs = fetch_pairs_new(&s->worker, unsaid);
}

static void
end(struct scene *s)
{
	fetch_pairs_free(&s->pairs);
	loop_free(&s->worker.loop);
}

static void
a_batch_is_said_when_it_is_full(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	for (unsigned n = 1; n < FETCH_DONES; n++)
		owe(&s, n);
	for (unsigned n = 1; n < FETCH_DONES; n++)
		assert_true(is_owed(&s, n));
	assert_int_equal(s.left, 0);
	owe(&s, FETCH_DONES);
	assert_int_equal(s.left, 1);
	for (unsigned n = 1; n <= FETCH_DONES; n++)
		assert_false(is_owed(&s, n));
	owe(&s, FETCH_DONES + 1);
	assert_true(is_owed(&s, FETCH_DONES + 1));
	assert_false(is_owed(&s, FETCH_DONES));
	end(&s);
}

static void
just_before(void *arg)
{
	struct scene *s = arg;

	s->before = is_owed(s, 1) && is_owed(s, 2);
}

static void
just_after(void *arg)
{
	struct scene *s = arg;

	s->after = is_owed(s, 1) || is_owed(s, 2);
	loop_stop(s->worker.loop);
}

static void
add_one(void *arg)
{
	owe(arg, 2);
}

/* One that is added later does not put off the first. */
static void
a_batch_is_said_when_its_time_has_come(void **state)
{
	struct scene s;
	struct loop_timer *before, *after, *later;

	(void)state;
	begin(&s);
	before = loop_timer_new(s.worker.loop, just_before, &s);
	after = loop_timer_new(s.worker.loop, just_after, &s);
	later = loop_timer_new(s.worker.loop, add_one, &s);
	s.after = true;
	loop_timer_set_ms(later, FETCH_DONE_MS / 2);
	loop_timer_set_ms(before, FETCH_DONE_MS - 1);
	owe(&s, 1);
	loop_timer_set_ms(after, FETCH_DONE_MS + 1);
	loop_run(s.worker.loop);
	assert_true(s.before);
	assert_false(s.after);
	loop_timer_free(&before);
	loop_timer_free(&after);
	loop_timer_free(&later);
	end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_said_when_it_is_full),
		cmocka_unit_test(a_batch_is_said_when_its_time_has_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
