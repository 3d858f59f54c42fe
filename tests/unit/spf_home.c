/* spf_home — a crowd on all workers asks of one domain: a name server sees one question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/spf/spf_home.h"
#include "common/text/address_scope.h"

#define WORKERS 4
#define CROWD   100

/* -- a name server that counts -------------------------------------------------------------------- */

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	unsigned wait_us;      /* before each answer */
	atomic_uint questions; /* for TXT */
};

#define RECORD "v=spf1 ip4:192.0.2.1 -all"

/* All names have the one record; of another type there is nothing. */
static size_t
answer(unsigned char *p, size_t n, atomic_uint *questions)
{
	static const unsigned char head[] = { 0xc0, 12, 0, 16, 0, 1, 0, 0, 1, 0, 0, sizeof RECORD,
		sizeof RECORD - 1 };
	size_t end = 12;

	while (end < n && p[end] != 0)
		end += p[end] + (size_t)1;
	end += 5;
	assert_true(end <= n && end + sizeof head + sizeof RECORD <= 512);
	p[2] = 0x81;
	p[3] = 0x80;
	memset(p + 6, 0, 6);
	if (p[end - 3] != 16)
		return end;
	atomic_fetch_add(questions, 1);
	p[7] = 1;
	memcpy(p + end, head, sizeof head);
	memcpy(p + end + sizeof head, RECORD, sizeof RECORD - 1);
	return end + sizeof head + sizeof RECORD - 1;
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	struct sockaddr_in from;
	unsigned char p[512];

	for (;;) {
		socklen_t n = sizeof from;
		ssize_t got = recvfrom(s->fd, p, sizeof p, 0, (struct sockaddr *)&from, &n);
		size_t out;

		if (got < 12)
			return NULL; /* the end: an empty packet */
		out = answer(p, (size_t)got, &s->questions);
		usleep(s->wait_us);
		sendto(s->fd, p, out, 0, (struct sockaddr *)&from, n);
	}
}

static void
server_begin(struct server *s, unsigned wait_us)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	s->wait_us = wait_us;
	atomic_init(&s->questions, 0);
	s->fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
server_end(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	sendto(s->fd, "", 0, 0, (struct sockaddr *)&a, sizeof a);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

/* -- workers ---------------------------------------------------------------------------------------- */

struct world {
	struct server server;
	struct workers *workers;
	struct dns *dns[WORKERS];
	struct spf_home *home[WORKERS];
};

struct asker {
	struct world *world;
	unsigned worker;
	struct spf_asked *asked;
	bool cancels;
	atomic_uint *told, *passed;
	pthread_t on;
};

static void
world_begin(struct world *w, unsigned wait_us)
{
	char spec[64];
	struct err e;

	server_begin(&w->server, wait_us);
	snprintf(spec, sizeof spec, "127.0.0.1@%u,anchor=none", w->server.port);
	assert_true(workers_new(&w->workers, WORKERS, &e));
	for (unsigned i = 0; i < WORKERS; i++)
		if (!dns_new(&w->dns[i], workers_loop(w->workers, i), spec, &e))
			fail_msg("%s", e.text);
	spf_homes_new(w->workers, w->dns, w->home);
	assert_true(workers_start(w->workers, &e));
}

static void
world_end(struct world *w)
{
	workers_stop(w->workers);
	for (unsigned i = 0; i < WORKERS; i++) {
		spf_home_free(&w->home[i]);
		dns_free(&w->dns[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		loop_drain(workers_loop(w->workers, i));
	workers_free(&w->workers);
	server_end(&w->server);
}

static void
judged(void *arg, const struct spf_verdict *v)
{
	struct asker *a = arg;

	a->asked = NULL;
	if (pthread_equal(a->on, pthread_self()) && v->result == SPF_PASS &&
	    span_eq(v->record, SPAN_LIT(RECORD)) && strlen(v->why) > 0)
		atomic_fetch_add(a->passed, 1);
	atomic_fetch_add(a->told, 1);
}

static void
begin(void *arg)
{
	struct asker *a = arg;
	struct sockaddr_storage address;

	a->on = pthread_self();
	assert_true(address_scope_parse(SPAN_LIT("192.0.2.1"), 0, &address));
	a->asked = spf_home_check(a->world->home[a->worker], (struct sockaddr *)&address,
	    SPAN_LIT("crowd.test"), SPAN_LIT("crowd.test"), judged, a);
	if (a->cancels)
		spf_home_cancel(&a->asked);
}

static void
crowd_begin(struct world *w, struct asker all[CROWD], atomic_uint *told, atomic_uint *passed)
{
	for (unsigned i = 0; i < CROWD; i++) {
		all[i] = (struct asker) { .world = w,
			.worker = i % WORKERS,
			.cancels = i % 10 == 9,
			.told = told,
			.passed = passed };
		loop_post(workers_loop(w->workers, i % WORKERS), begin, &all[i]);
	}
}

static void
one_question_for_all_workers(void **state)
{
	struct world w;
	struct asker all[CROWD];
	atomic_uint told = 0, passed = 0;
	uint64_t evaluations = 0;

	(void)state;
	world_begin(&w, 100000);
	crowd_begin(&w, all, &told, &passed);
	for (int i = 0; i < 1000 && atomic_load(&told) < CROWD * 9 / 10; i++)
		usleep(10000);
	workers_stop(w.workers);
	assert_int_equal(told, CROWD * 9 / 10); /* a cancelled question gets no answer */
	assert_int_equal(passed, told);
	for (unsigned i = 0; i < WORKERS; i++)
		evaluations += spf_home_evaluations(w.home[i]);
	assert_int_equal(evaluations, 1);
	assert_int_equal(w.server.questions, 1);
	world_end(&w);
}

/* Ended while all of them wait: nobody is told, and nothing is left (the sanitisers look). */
static void
the_end_comes_first(void **state)
{
	struct world w;
	struct asker all[CROWD];
	atomic_uint told = 0, passed = 0;

	(void)state;
	world_begin(&w, 500000);
	crowd_begin(&w, all, &told, &passed);
	usleep(20000);
	world_end(&w);
	assert_int_equal(told, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_question_for_all_workers),
		cmocka_unit_test(the_end_comes_first),
	};

	return cmocka_run_group_tests_name("spf_home", tests, NULL, NULL);
}
