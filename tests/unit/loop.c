/* loop — posted calls, timers, descriptors; and what is built on them: workers, offload, listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/loop/workers.h"
#include "common/net/listen.h"
#include "common/text/address_text.h"
#include "tests/skip.h"

#define POSTERS 4
#define POSTS   20000

struct seen {
	struct loop *loop;
	unsigned next[POSTERS]; /* per poster */
	unsigned count;
};

struct post {
	struct seen *seen;
	unsigned poster, number;
};

static void
on_post(void *arg)
{
	struct post *p = arg;
	struct seen *s = p->seen;

	assert_int_equal(p->number, s->next[p->poster]);
	s->next[p->poster]++;
	free(p);
	if (++s->count == POSTERS * POSTS)
		loop_stop(s->loop);
}

static void *
poster(void *arg)
{
	struct post *first = arg;

	for (unsigned i = 0; i < POSTS; i++) {
		struct post *p = malloc(sizeof *p);

		*p = (struct post) { first->seen, first->poster, i };
		loop_post(first->seen->loop, on_post, p);
	}
	return NULL;
}

static void
posts_come_in_order(void **state)
{
	struct seen s = { 0 };
	struct post first[POSTERS];
	pthread_t t[POSTERS];
	struct err e;

	(void)state;
	assert_true(loop_new(&s.loop, &e));
	for (unsigned i = 0; i < POSTERS; i++) {
		first[i] = (struct post) { &s, i, 0 };
		pthread_create(&t[i], NULL, poster, &first[i]);
	}
	loop_run(s.loop);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(s.count, POSTERS * POSTS);
	loop_free(&s.loop);
	assert_null(s.loop);
}

static void
count_up(void *arg)
{
	++*(unsigned *)arg;
}

static void
stop_comes_behind_what_was_posted(void **state)
{
	struct loop *l;
	struct err e;
	unsigned n = 0;

	(void)state;
	assert_true(loop_new(&l, &e));
	loop_post(l, count_up, &n);
	loop_stop(l);
	loop_post(l, count_up, &n);
	loop_run(l);
	assert_int_equal(n, 1);
	loop_drain(l);
	assert_int_equal(n, 2);
	loop_stop(l);
	loop_post(l, count_up, &n);
	loop_post(l, count_up, &n);
	loop_run(l);
	loop_stop(l);
	loop_run(l);
	assert_int_equal(n, 4);
	loop_free(&l);
}

struct turn {
	struct loop *loop;
	struct loop_timer *due;
	unsigned n, later, wakes;
	bool inside;
};

static void
on_due(void *arg)
{
	struct turn *t = arg;

	t->wakes++;
	assert_int_equal(t->later, 2); /* what was asked for before the loop waited has run */
	loop_stop(t->loop);
}

static void
on_later(void *arg)
{
	struct turn *t = arg;

	assert_false(t->inside);
	assert_int_equal(t->wakes, 0);
	if (++t->later == 1)
		loop_later(t->loop, on_later, t);
}

static void
ask_for_later(void *arg)
{
	struct turn *t = arg;

	t->inside = true;
	loop_later(t->loop, on_later, t);
	assert_int_equal(t->later, 0);
	t->inside = false;
	loop_timer_set_ms(t->due, 0);
}

static void
later_runs_in_the_same_turn_and_not_within_the_call(void **state)
{
	struct turn t = { 0 };
	struct err e;

	(void)state;
	assert_true(loop_new(&t.loop, &e));
	t.due = loop_timer_new(t.loop, on_due, &t);
	loop_post(t.loop, ask_for_later, &t);
	loop_run(t.loop);
	assert_int_equal(t.later, 2);
	assert_int_equal(t.wakes, 1);
	loop_timer_free(&t.due);
	loop_later(t.loop, count_up, &t.n); /* before the loop runs, as a post */
	loop_drain(t.loop);
	assert_int_equal(t.n, 1);
	loop_free(&t.loop);
}

struct ticking {
	struct loop *loop;
	struct loop_timer *timer, *never;
	int64_t from_ms;
	unsigned n;
};

static void
on_never(void *arg)
{
	(void)arg;
	fail();
}

static void
on_tick(void *arg)
{
	struct ticking *t = arg;

	assert_true(loop_now_ms(t->loop) - t->from_ms >= 20 * (int64_t)(t->n + 1));
	if (++t->n == 3) {
		loop_timer_cancel(t->never);
		loop_stop(t->loop);
	} else
		loop_timer_set_ms(t->timer, 20);
}

static void
timers(void **state)
{
	struct ticking t = { 0 };
	struct err e;

	(void)state;
	assert_true(loop_new(&t.loop, &e));
	t.timer = loop_timer_new(t.loop, on_tick, &t);
	t.never = loop_timer_new(t.loop, on_never, &t);
	t.from_ms = loop_now_ms(t.loop);
	loop_timer_set_ms(t.never, 10);
	loop_timer_set_ms(t.never, 5000);
	loop_timer_set_ms(t.timer, 20);
	loop_run(t.loop);
	assert_int_equal(t.n, 3);
	loop_timer_free(&t.timer);
	loop_timer_free(&t.never);
	loop_free(&t.loop);
}

struct pipe_end {
	struct loop *loop;
	struct loop_fd *watch;
	int fd;
	unsigned n;
};

static void
on_pipe(void *arg, unsigned ready)
{
	struct pipe_end *p = arg;
	char c;

	assert_int_equal(ready, LOOP_READ);
	assert_int_equal(read(p->fd, &c, 1), 1);
	if (++p->n == 3)
		loop_stop(p->loop);
}

static void
descriptors_are_told_as_long_as_they_are_ready(void **state)
{
	struct pipe_end p = { 0 };
	struct err e;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_true(loop_new(&p.loop, &e));
	p.fd = fd[0];
	p.watch = loop_fd_new(p.loop, fd[0], on_pipe, &p);
	loop_fd_want(p.watch, LOOP_READ);
	assert_int_equal(write(fd[1], "abc", 3), 3);
	loop_run(p.loop);
	loop_fd_free(&p.watch);
	loop_free(&p.loop);
	close(fd[0]);
	close(fd[1]);
}

struct restless {
	struct pipe_end end; /* first */
	unsigned n;
};

static void
post_again(void *arg)
{
	struct restless *r = arg;

	r->n++;
	if (r->end.n < 3)
		loop_post(r->end.loop, post_again, r);
}

static void
what_posts_itself_again_holds_up_nobody(void **state)
{
	struct restless r = { 0 };
	struct err e;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_true(loop_new(&r.end.loop, &e));
	r.end.fd = fd[0];
	r.end.watch = loop_fd_new(r.end.loop, fd[0], on_pipe, &r.end);
	loop_fd_want(r.end.watch, LOOP_READ);
	loop_post(r.end.loop, post_again, &r);
	assert_int_equal(write(fd[1], "abc", 3), 3);
	loop_run(r.end.loop);
	assert_in_range(r.n, 1, 1000);
	loop_fd_free(&r.end.watch);
	loop_free(&r.end.loop);
	close(fd[0]);
	close(fd[1]);
}

/* -- workers and offload ------------------------------------------------------------------------ */

struct job {
	struct workers *w;
	pthread_t home, worked;
	atomic_uint *left;
	unsigned worker;
};

static void
job_work(void *arg)
{
	struct job *j = arg;

	j->worked = pthread_self();
}

static void
job_done(void *arg)
{
	struct job *j = arg;

	assert_true(pthread_equal(j->home, pthread_self()));
	assert_false(pthread_equal(j->home, j->worked));
	atomic_fetch_sub(j->left, 1);
}

static void
job_begin(void *arg)
{
	struct job *j = arg;

	j->home = pthread_self();
}

static void
work_is_done_elsewhere_and_ends_at_home(void **state)
{
	struct workers *w;
	struct offload *o;
	struct err e;
	struct job jobs[100];
	atomic_uint left = 100;

	(void)state;
	assert_true(workers_new(&w, 3, &e) && offload_new(&o, 2, &e));
	assert_int_equal(workers_count(w), 3);
	assert_true(workers_start(w, &e) && offload_start(o, &e));
	for (unsigned i = 0; i < 100; i++) {
		jobs[i] = (struct job) { w, 0, 0, &left, i % 3 };
		loop_post(workers_loop(w, i % 3), job_begin, &jobs[i]);
		assert_true(
		    offload_run(o, workers_loop(w, i % 3), job_work, job_done, &jobs[i], &e));
	}
	offload_stop(o);
	assert_false(offload_run(o, workers_loop(w, 0), job_work, job_done, jobs, &e));
	assert_int_equal(e.why, REFUSAL_closing);
	workers_stop(w);
	assert_int_equal(atomic_load(&left), 0);
	offload_free(&o);
	workers_free(&w);
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
the_queue_of_offload_is_bounded(void **state)
{
	struct offload *o;
	struct loop *l;
	struct err e;
	unsigned n = 0;

	(void)state;
	assert_true(loop_new(&l, &e) && offload_new(&o, 1, &e));
	for (unsigned i = 0; i < OFFLOAD_QUEUE_MAX; i++)
		assert_true(offload_run(o, l, nothing, count_up, &n, &e));
	assert_false(offload_run(o, l, nothing, count_up, &n, &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	offload_free(&o);
	loop_drain(l);
	assert_int_equal(n, OFFLOAD_QUEUE_MAX);
	loop_free(&l);
}

struct owned {
	struct offload_job job;
	unsigned *n, at; /* which of them worked before it */
};

static void
owned_work(void *arg)
{
	struct owned *w = arg;

	w->at = ++*w->n;
}

/* It works after those before it, however many these are. */
static void
a_job_of_its_own_memory_is_taken(void **state)
{
	struct owned many[3];
	struct offload *o;
	struct loop *l;
	struct err e;
	unsigned n = 0, done = 0;

	(void)state;
	assert_true(loop_new(&l, &e) && offload_new(&o, 1, &e));
	for (unsigned i = 0; i < OFFLOAD_QUEUE_MAX; i++)
		assert_true(offload_run(o, l, count_up, NULL, &n, &e));
	for (unsigned i = 0; i < 3; i++) {
		many[i] = (struct owned) { .job = { .work = owned_work, .arg = &many[i] },
			.n = &n };
		assert_true(offload_take(o, &many[i].job));
	}
	assert_true(offload_start(o, &e));
	while (!offload_run(o, l, nothing, count_up, &done, &e)) /* a place is free again */
		assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	offload_stop(o);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(many[i].at, OFFLOAD_QUEUE_MAX + 1 + i);
	assert_false(offload_take(o, &many[0].job));
	offload_free(&o);
	loop_drain(l);
	assert_int_equal(done, 1);
	loop_free(&l);
}

static void
pairs_have_homes(void **state)
{
	struct workers *w;
	struct err e;
	unsigned seen = 0;
	char peer[32];

	(void)state;
	assert_true(workers_new(&w, 4, &e));
	for (int i = 0; i < 100; i++) {
		snprintf(peer, sizeof peer, "b%d.test", i);
		seen |= 1U << workers_home(w, SPAN_LIT("a.test"), span_str(peer));
		assert_int_equal(workers_home(w, SPAN_LIT("a.test"), span_str(peer)),
		    workers_home(w, SPAN_LIT("a.test"), span_str(peer)));
	}
	assert_int_equal(seen, 15);
	workers_free(&w);
}

/* -- listen ------------------------------------------------------------------------------------- */

struct door {
	struct workers *w;
	struct listen *l;
	atomic_uint n, by_worker[4], foreign;
	pthread_mutex_t lock;
	struct listen_incoming *in[256];
};

static void
on_accepted(void *arg, unsigned worker, struct listen_incoming *in)
{
	struct door *d = arg;

	if (in->address.ss_family != AF_INET)
		atomic_fetch_add(&d->foreign, 1);
	pthread_mutex_lock(&d->lock);
	d->in[atomic_load(&d->n)] = in;
	atomic_fetch_add(&d->by_worker[worker], 1);
	atomic_fetch_add(&d->n, 1);
	pthread_mutex_unlock(&d->lock);
}

static void
door_open(struct door *d, unsigned workers, const struct listen_limits *limits)
{
	struct err e;

	memset(d, 0, sizeof *d);
	pthread_mutex_init(&d->lock, NULL);
	assert_true(workers_new(&d->w, workers, &e));
	assert_true(listen_new(&d->l, limits, &e));
	assert_true(listen_open(d->l, "127.0.0.1:0", 1471, on_accepted, d, &e));
	assert_true(workers_start(d->w, &e) && listen_start(d->l, d->w, &e));
}

static void
door_close(struct door *d)
{
	listen_stop(d->l);
	workers_stop(d->w);
	for (unsigned i = 0; i < atomic_load(&d->n); i++)
		listen_done(&d->in[i]);
	assert_int_equal(listen_open_count(d->l), 0);
	listen_free(&d->l);
	workers_free(&d->w);
}

static int
knock(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void
nap(void)
{
	struct timespec t = { 0, 5000000 };

	nanosleep(&t, NULL);
}

static void
wait_for(struct door *d, unsigned n)
{
	for (int i = 0; i < 1000 && atomic_load(&d->n) < n; i++)
		nap();
	assert_int_equal(atomic_load(&d->n), n);
}

static void
connections_are_dealt_in_turn(void **state)
{
	struct door d;
	int fd[12];

	(void)state;
	door_open(&d, 3, NULL);
	for (int i = 0; i < 12; i++)
		fd[i] = knock(listen_port(d.l, 0));
	wait_for(&d, 12);
	for (int i = 0; i < 3; i++)
		assert_int_equal(atomic_load(&d.by_worker[i]), 4);
	assert_int_equal(atomic_load(&d.foreign), 0);
	assert_int_equal(listen_open_count(d.l), 12);
	for (int i = 0; i < 12; i++)
		close(fd[i]);
	door_close(&d);
}

static void
assert_closed(int fd)
{
	char c;

	assert_true(read(fd, &c, 1) <= 0);
	close(fd);
}

static void
one_address_may_not_take_all(void **state)
{
	struct listen_limits limits = { .per_address = 5, .half_open = 3 };
	struct door d;
	int fd[6];

	(void)state;
	door_open(&d, 1, &limits);
	for (int i = 0; i < 3; i++)
		fd[i] = knock(listen_port(d.l, 0));
	wait_for(&d, 3);
	assert_closed(knock(listen_port(d.l, 0))); /* a fourth handshake at once */
	for (int i = 0; i < 3; i++)
		listen_shook(d.in[i]);
	for (int i = 3; i < 5; i++)
		fd[i] = knock(listen_port(d.l, 0));
	wait_for(&d, 5);
	assert_closed(knock(listen_port(d.l, 0))); /* a sixth connection */
	listen_done(&d.in[0]);
	close(fd[0]);
	fd[5] = knock(listen_port(d.l, 0));
	wait_for(&d, 6);
	for (int i = 1; i < 6; i++)
		close(fd[i]);
	door_close(&d);
}

static void
who_is_over_the_total_waits_in_the_kernel(void **state)
{
	struct listen_limits limits = { .total = 4 };
	struct door d;
	int fd[8];

	(void)state;
	door_open(&d, 1, &limits);
	for (int i = 0; i < 8; i++)
		fd[i] = knock(listen_port(d.l, 0));
	wait_for(&d, 4);
	for (int i = 0; i < 10; i++)
		nap();
	assert_int_equal(atomic_load(&d.n), 4);
	for (int i = 0; i < 4; i++)
		listen_done(&d.in[i]);
	wait_for(&d, 8);
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	door_close(&d);
}

/* In a child, with few descriptors: no spinning, and all is well after. */
static int
short_of_descriptors(void)
{
	struct rlimit few = { 64, 64 };
	struct door d;
	clock_t cpu;
	int fd[40], n = 0;

	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		return 2;
	door_open(&d, 1, NULL);
	while (n < 40 && (fd[n] = socket(AF_INET, SOCK_STREAM, 0)) >= 0) {
		struct sockaddr_in a = { .sin_family = AF_INET };

		a.sin_port = htons(listen_port(d.l, 0));
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(fd[n], (struct sockaddr *)&a, sizeof a) < 0)
			return 3;
		n++;
	}
	cpu = clock();
	for (int i = 0; i < 60; i++)
		nap();
	if (clock() - cpu > CLOCKS_PER_SEC / 10 || atomic_load(&d.n) == (unsigned)n)
		return 4;
	for (int i = 0; i < n; i++)
		close(fd[i]);
	wait_for(&d, (unsigned)n);
	door_close(&d);
	return 0;
}

static void
descriptors_run_out(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (getenv("UNDER_VALGRIND") != NULL)
		SKIP_BECAUSE("valgrind needs descriptors and time of its own");
	if ((child = fork()) == 0)
		_exit(short_of_descriptors());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
addresses_as_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1:1471" },
		{ "192.0.2.1:7", "192.0.2.1:7" },
		{ "2001:db8::1", "[2001:db8::1]:1471" },
		{ "[2001:db8::1]", "[2001:db8::1]:1471" },
		{ "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
		{ "[2001:db8::1]:65536", NULL },
		{ "[2001:db8::1]7", NULL },
		{ "[2001:db8::1", NULL },
		{ "[192.0.2.1]:7", NULL },
		{ "192.0.2.1:", NULL },
		{ "192.0.2.1:07", NULL },
		{ "localhost:7", NULL },
		{ "", NULL },
	};
	struct sockaddr_storage a;
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool ok = address_read(span_str(cases[i].in), 1471, &a);

		if (ok != (cases[i].out != NULL))
			fail_msg("%s", cases[i].in);
		if (!ok)
			continue;
		address_text(&a, text);
		assert_string_equal(text, cases[i].out);
	}
}

static void
addresses_reversed(void **state)
{
	struct sockaddr_storage a;
	char name[ADDRESS_REVERSE_BYTES];

	(void)state;
	assert_true(address_read(span_str("192.0.2.1"), 0, &a));
	address_reverse(&a, name);
	assert_string_equal(name, "1.2.0.192.in-addr.arpa");
	/* RFC 3596 2.5 */
	assert_true(address_read(span_str("4321:0:1:2:3:4:567:89ab"), 0, &a));
	address_reverse(&a, name);
	assert_string_equal(name,
	    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_come_in_order),
		cmocka_unit_test(stop_comes_behind_what_was_posted),
		cmocka_unit_test(later_runs_in_the_same_turn_and_not_within_the_call),
		cmocka_unit_test(timers),
		cmocka_unit_test(descriptors_are_told_as_long_as_they_are_ready),
		cmocka_unit_test(what_posts_itself_again_holds_up_nobody),
		cmocka_unit_test(work_is_done_elsewhere_and_ends_at_home),
		cmocka_unit_test(the_queue_of_offload_is_bounded),
		cmocka_unit_test(a_job_of_its_own_memory_is_taken),
		cmocka_unit_test(pairs_have_homes),
		cmocka_unit_test(connections_are_dealt_in_turn),
		cmocka_unit_test(one_address_may_not_take_all),
		cmocka_unit_test(who_is_over_the_total_waits_in_the_kernel),
		cmocka_unit_test(descriptors_run_out),
		cmocka_unit_test(addresses_as_text),
		cmocka_unit_test(addresses_reversed),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
