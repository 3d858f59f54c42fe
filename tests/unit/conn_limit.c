/* conn_limit — as many connections to one host as may be, and the others in turn: the table by itself,
 * then with connections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/net/conn_limit.h"
#include "tests/unit/conn_scene.h"

/* -- the table ---------------------------------------------------------------------------------- */

#define PLACES (CONN_PER_HOST + 4)

struct table {
	struct conn_limit *limit;
	struct loop *loop;
	struct conn_place *p[PLACES];
	bool back_off;
	bool silent;        /* no port answers */
	uint16_t port;      /* of callers that back off */
	const char *domain; /* that they ask for */
	unsigned most;
	int64_t now_ms;
};

static unsigned told[PLACES]; /* by id */

static void
on_told(struct loop *l, uint64_t id)
{
	(void)l;
	told[id]++;
}

static struct sockaddr_storage
host(const char *address, uint16_t port)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
	}
	return a;
}

static struct conn_place *
enter(struct table *t, const char *address, uint64_t id)
{
	/* Without back-off each place has its own port, and places do not depend on it. */
	struct sockaddr_storage a = host(address, t->back_off ? t->port : (uint16_t)(1470 + id));
	struct conn_caller c = { t->loop, id, on_told, t->back_off, t->domain, t->most };

	return conn_limit_enter(t->limit, &a, &c, t->now_ms);
}

/* All that hold a place and were not answered are, where the ports are not silent. */
static void
answer(struct table *t)
{
	for (unsigned i = 0; i < PLACES && !t->silent; i++)
		if (t->p[i] != NULL && conn_place_is_held(t->p[i]))
			conn_place_report(t->p[i], true, t->now_ms);
}

static bool
is_refused(const struct conn_place *p)
{
	int64_t until_ms;

	return conn_place_is_refused(p, &until_ms);
}

static void
table_open(struct table *t)
{
	struct err e;

	memset(told, 0, sizeof told);
	memset(t, 0, sizeof *t);
	t->limit = conn_limit_new();
	t->port = 1471;
	assert_true(loop_new(&t->loop, &e));
}

/* The first so many of one host. */
static void
table_fill(struct table *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		t->p[i] = enter(t, "192.0.2.1", i);
		answer(t);
	}
	loop_drain(t->loop);
	memset(told, 0, sizeof told);
}

static void
table_close(struct table *t)
{
	conn_limit_close(t->limit);
	for (unsigned i = 0; i < PLACES; i++)
		conn_place_leave(&t->p[i]);
	loop_drain(t->loop);
	loop_free(&t->loop);
	conn_limit_free(&t->limit);
}

static unsigned
held(const struct table *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PLACES; i++)
		n += t->p[i] != NULL && conn_place_is_held(t->p[i]);
	return n;
}

static void
so_many_and_no_more(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	for (unsigned i = 0; i < PLACES; i++) {
		t.p[i] = enter(&t, "192.0.2.1", i);
		assert_int_equal(conn_place_is_held(t.p[i]), i < CONN_UNANSWERED);
	}
	/* Each answer lets in one more, up to the bound. */
	for (unsigned i = 0; i < PLACES; i++) {
		assert_int_equal(held(&t), i < 4 ? CONN_UNANSWERED + i : CONN_PER_HOST);
		if (i < CONN_PER_HOST)
			conn_place_report(t.p[i], true, t.now_ms);
	}
	table_close(&t);
}

static void
each_host_for_itself(void **state)
{
	static const char *const others[] = { "192.0.2.2", "2001:db8::1", "2001:db8::2",
		"2001:db8:0:1::1" };
	struct table t;
	struct conn_place *p;

	(void)state;
	table_open(&t);
	table_fill(&t, PLACES);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		p = enter(&t, others[i], 0);
		assert_true(conn_place_is_held(p));
		conn_place_leave(&p);
	}
	table_close(&t);
}

static void
in_the_order_of_coming(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	table_fill(&t, PLACES);
	conn_place_leave(&t.p[CONN_PER_HOST + 1]); /* one that waits */
	assert_int_equal(held(&t), CONN_PER_HOST);
	conn_place_leave(&t.p[2]);
	assert_true(conn_place_is_held(t.p[CONN_PER_HOST]));
	conn_place_leave(&t.p[0]);
	assert_true(conn_place_is_held(t.p[CONN_PER_HOST + 2]));
	assert_int_equal(held(&t), CONN_PER_HOST);
	loop_drain(t.loop);
	assert_true(told[CONN_PER_HOST] > 0);
	assert_int_equal(told[CONN_PER_HOST + 1], 0);
	assert_true(told[CONN_PER_HOST + 2] > 0);
	assert_int_equal(told[CONN_PER_HOST + 3], 0);
	/* A newcomer waits its turn. */
	t.p[0] = enter(&t, "192.0.2.1", 0);
	conn_place_leave(&t.p[1]);
	assert_true(conn_place_is_held(t.p[CONN_PER_HOST + 3]));
	assert_false(conn_place_is_held(t.p[0]));
	table_close(&t);
}

/* A host that said 421 gets fewer connections for that name, and the others their own. */
static void
a_domain_may_ask_for_less(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	t.domain = "mx.b.test";
	t.most = 2;
	for (unsigned i = 0; i < 4; i++) {
		t.p[i] = enter(&t, "192.0.2.1", i);
		answer(&t);
		assert_int_equal(conn_place_is_held(t.p[i]), i < 2);
	}
	t.domain = "mx.c.test";
	t.most = 0;
	t.p[4] = enter(&t, "192.0.2.1", 4);
	assert_true(conn_place_is_held(t.p[4]));
	conn_place_leave(&t.p[4]);
	assert_int_equal(held(&t), 2);
	conn_place_leave(&t.p[0]);
	assert_true(conn_place_is_held(t.p[2]) && !conn_place_is_held(t.p[3]));
	/* One that may have more passes those that may not. */
	answer(&t);
	t.domain = "mx.b.test";
	t.most = 3;
	t.p[5] = enter(&t, "192.0.2.1", 5);
	assert_true(conn_place_is_held(t.p[5]) && !conn_place_is_held(t.p[3]));
	conn_place_leave(&t.p[5]);
	conn_place_leave(&t.p[1]);
	assert_true(conn_place_is_held(t.p[3]));
	table_close(&t);
}

/* All who hold are told, and as many give way as wait. */
static void
as_many_are_wanted_as_wait(void **state)
{
	struct table t;
	unsigned next = CONN_PER_HOST;

	(void)state;
	table_open(&t);
	table_fill(&t, CONN_PER_HOST);
	assert_false(conn_place_is_wanted(t.p[0]));
	t.p[next] = enter(&t, "192.0.2.1", next);
	loop_drain(t.loop);
	for (unsigned i = 0; i < CONN_PER_HOST; i++)
		assert_int_equal(told[i], 1);
	assert_true(conn_place_is_wanted(t.p[1]));
	assert_true(conn_place_is_wanted(t.p[1]));
	assert_false(conn_place_is_wanted(t.p[0]));
	assert_false(conn_place_is_wanted(t.p[next]));
	/* Another: a connection that gives way already is not asked again. */
	t.p[next + 1] = enter(&t, "192.0.2.1", next + 1);
	loop_drain(t.loop);
	assert_int_equal(told[1], 1);
	assert_int_equal(told[0], 2);
	assert_true(conn_place_is_wanted(t.p[0]));
	assert_false(conn_place_is_wanted(t.p[2]));
	conn_place_leave(&t.p[1]);
	assert_true(conn_place_is_held(t.p[next]));
	assert_false(conn_place_is_wanted(t.p[2]));
	table_close(&t);
}

static void
nobody_comes_after_the_end(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	table_fill(&t, PLACES);
	conn_limit_close(t.limit);
	conn_place_leave(&t.p[0]);
	loop_drain(t.loop);
	assert_int_equal(held(&t), CONN_PER_HOST - 1);
	assert_int_equal(told[CONN_PER_HOST], 0);
	t.p[0] = enter(&t, "192.0.2.9", 0);
	assert_false(conn_place_is_held(t.p[0]));
	table_close(&t);
}

/* -- fair shares -------------------------------------------------------------------------------- */

static void
enter_for(struct table *t, const char *domain, unsigned i)
{
	t->domain = domain;
	t->p[i] = enter(t, "192.0.2.1", i);
}

/* Domains name silent ports of somebody's address: the next domain finds a place all the same. */
static void
silent_domains_leave_places(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	t.silent = true;
	for (unsigned i = 0; i < 4; i++)
		enter_for(&t, "evil.test", i);
	assert_int_equal(held(&t), 2);
	for (unsigned i = 4; i < 8; i++)
		enter_for(&t, "bad.test", i);
	assert_int_equal(held(&t), 3);
	enter_for(&t, "good.test", 8);
	assert_true(conn_place_is_held(t.p[8]));
	/* Nobody is asked to leave for those that have their share already. */
	loop_drain(t.loop);
	for (unsigned i = 0; i < PLACES; i++)
		assert_int_equal(told[i], 0);
	assert_false(conn_place_is_wanted(t.p[8]));
	/* Once it is answered, it holds none of those places. */
	conn_place_report(t.p[8], true, t.now_ms);
	enter_for(&t, "fine.test", 9);
	assert_true(conn_place_is_held(t.p[9]));
	/* At another address the domain is not bound by it. */
	t.domain = "evil.test";
	t.p[10] = enter(&t, "192.0.2.2", 10);
	assert_true(conn_place_is_held(t.p[10]));
	table_close(&t);
}

/* Domains whose own servers at the address are as slow as they like. */
static void
slow_domains_leave_places(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	for (unsigned i = 0; i < 5; i++) {
		enter_for(&t, "evil.test", i);
		answer(&t);
	}
	assert_int_equal(held(&t), 4);
	for (unsigned i = 5; i < 10; i++) {
		enter_for(&t, "bad.test", i);
		answer(&t);
	}
	assert_int_equal(held(&t), 6);
	for (unsigned i = 10; i < 12; i++) {
		enter_for(&t, i == 10 ? "good.test" : "fine.test", i);
		assert_true(conn_place_is_held(t.p[i]));
		answer(&t);
	}
	assert_int_equal(held(&t), CONN_PER_HOST);
	table_close(&t);
}

/* However many of one domain came first. */
static void
domains_take_turns(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	t.silent = true;
	for (unsigned i = 0; i < 6; i++)
		enter_for(&t, "evil.test", i);
	enter_for(&t, "bad.test", 6);
	enter_for(&t, "worse.test", 7);
	enter_for(&t, "good.test", 8);
	enter_for(&t, "fine.test", 9);
	assert_int_equal(held(&t), 4);
	assert_false(conn_place_is_held(t.p[8]));
	conn_place_leave(&t.p[0]);
	assert_false(conn_place_is_held(t.p[2]));
	assert_true(conn_place_is_held(t.p[8]));
	conn_place_leave(&t.p[1]); /* it holds none now, but its turn is after the others' */
	assert_true(conn_place_is_held(t.p[9]));
	enter_for(&t, "new.test", 10);
	conn_place_leave(&t.p[6]);
	assert_true(conn_place_is_held(t.p[2]));
	assert_false(conn_place_is_held(t.p[10]));
	conn_place_leave(&t.p[7]);
	assert_false(conn_place_is_held(t.p[3]));
	assert_true(conn_place_is_held(t.p[10]));
	table_close(&t);
}

/* Those who hold the most are asked to leave, and those of the domain that waits for itself. */
static void
the_largest_is_wanted(void **state)
{
	static const char *const domain[] = { "big.test", "big.test", "big.test", "big.test",
		"two.test", "two.test", "one.test", "last.test" };
	struct table t;

	(void)state;
	table_open(&t);
	for (unsigned i = 0; i < CONN_PER_HOST; i++) {
		enter_for(&t, domain[i], i);
		answer(&t);
	}
	assert_int_equal(held(&t), CONN_PER_HOST);
	loop_drain(t.loop);
	memset(told, 0, sizeof told);
	enter_for(&t, "one.test", 8);
	loop_drain(t.loop);
	assert_int_equal(told[0], 1);
	assert_int_equal(told[4], 1);
	assert_int_equal(told[6], 1);
	assert_int_equal(told[7], 0);
	assert_false(conn_place_is_wanted(t.p[7]));
	assert_true(conn_place_is_wanted(t.p[0]));
	assert_false(conn_place_is_wanted(t.p[1])); /* one gives way already */
	conn_place_leave(&t.p[0]);
	assert_false(
	    conn_place_is_held(t.p[8])); /* the last free place is for a domain without any */
	enter_for(&t, "new.test", 9);
	assert_true(conn_place_is_held(t.p[9]));
	table_close(&t);
}

/* One domain alone has half of the places, and takes turns with itself. */
static void
one_domain_has_half(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	t.domain = "good.test";
	table_fill(&t, CONN_PER_HOST / 2 + 2);
	assert_int_equal(held(&t), CONN_PER_HOST / 2);
	assert_true(conn_place_is_wanted(t.p[0]));
	assert_true(conn_place_is_wanted(t.p[1]));
	assert_false(conn_place_is_wanted(t.p[2]));
	conn_place_leave(&t.p[0]);
	assert_true(conn_place_is_held(t.p[4]));
	assert_false(conn_place_is_held(t.p[5]));
	table_close(&t);
}

/* A domain that names another's failing port has it tried, or keeps no other from trying. */
static void
a_prober_holds_its_place(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	t.silent = t.back_off = true;
	enter_for(&t, "good.test", 0);
	conn_place_report(t.p[0], false, t.now_ms);
	conn_place_leave(&t.p[0]);
	t.now_ms += CONN_DOOR_PAUSE_MS;
	/* It has its share with other ports; its try of good.test's port waits. */
	t.port = 1999;
	enter_for(&t, "evil.test", 0);
	enter_for(&t, "evil.test", 1);
	t.port = 1471;
	enter_for(&t, "evil.test", 2);
	assert_false(conn_place_is_held(t.p[2]));
	enter_for(&t, "good.test", 3);
	assert_true(conn_place_is_held(t.p[3]));
	enter_for(&t, "good.test", 4);
	assert_false(conn_place_is_held(t.p[4]));
	/* Refused with the port that it waits for. */
	conn_place_report(t.p[3], false, t.now_ms);
	assert_true(is_refused(t.p[2]));
	assert_true(is_refused(t.p[4]));
	assert_false(is_refused(t.p[1]));
	table_close(&t);
}

/* -- hosts that do not answer ------------------------------------------------------------------- */

/* All who connect to it fail at about the same time: that is one failure, and shared by all. */
static void
a_host_that_failed_is_left_alone(void **state)
{
	struct table t;
	struct conn_place *p;

	(void)state;
	table_open(&t);
	t.back_off = t.silent = true;
	t.now_ms = 1000;
	table_fill(&t, PLACES);
	for (unsigned i = 0; i < CONN_UNANSWERED; i++)
		conn_place_report(t.p[i], false, t.now_ms);
	for (unsigned i = CONN_UNANSWERED; i < PLACES; i++)
		assert_true(is_refused(t.p[i]));
	loop_drain(t.loop);
	assert_int_equal(told[PLACES - 1], 1);
	for (unsigned i = 0; i < PLACES; i++)
		conn_place_leave(&t.p[i]);
	t.now_ms += CONN_DOOR_PAUSE_MS - 1;
	p = enter(&t, "192.0.2.1", 0);
	assert_true(is_refused(p));
	conn_place_leave(&p);
	p = enter(&t, "192.0.2.2", 0);
	assert_true(conn_place_is_held(p));
	conn_place_leave(&p);
	/* a caller that does not back off */
	t.back_off = false;
	p = enter(&t, "192.0.2.1", 0);
	assert_true(conn_place_is_held(p));
	conn_place_leave(&p);
	table_close(&t);
}

/* Any domain may name somebody's address with a port where nobody listens. */
static void
another_port_has_not_failed(void **state)
{
	struct table t;
	int64_t until_ms;

	(void)state;
	table_open(&t);
	t.back_off = t.silent = true;
	t.now_ms = 1000;
	t.port = 1999;
	table_fill(&t, 2);
	t.port = 1471;
	t.p[2] = enter(&t, "192.0.2.1", 2);
	conn_place_report(t.p[0], false, t.now_ms);
	assert_true(conn_place_is_held(t.p[2]));
	t.p[3] = enter(&t, "192.0.2.1", 3);
	assert_true(conn_place_is_held(t.p[3]));
	/* One that waits for its place is not refused for the other's failure. */
	t.p[4] = enter(&t, "192.0.2.1", 4);
	t.now_ms += CONN_DOOR_PAUSE_MS;
	conn_place_report(t.p[1], false, t.now_ms);
	assert_false(is_refused(t.p[4]));
	conn_place_leave(&t.p[0]);
	assert_true(conn_place_is_held(t.p[4]));
	t.port = 1999;
	t.p[0] = enter(&t, "192.0.2.1", 0);
	assert_true(conn_place_is_refused(t.p[0], &until_ms));
	assert_int_equal(until_ms, t.now_ms + 2 * CONN_DOOR_PAUSE_MS);
	table_close(&t);
}

/* Those that wait for a port that fails ask nobody else at that address to end. */
static void
a_failing_port_drives_nobody_away(void **state)
{
	struct table t;

	(void)state;
	table_open(&t);
	t.back_off = t.silent = true;
	t.p[0] = enter(&t, "192.0.2.1", 0);
	conn_place_report(t.p[0], true, t.now_ms);
	t.port = 1999;
	t.p[1] = enter(&t, "192.0.2.1", 1);
	conn_place_report(t.p[1], false, t.now_ms);
	conn_place_leave(&t.p[1]);
	t.now_ms += CONN_DOOR_PAUSE_MS;
	for (unsigned i = 1; i < PLACES; i++)
		t.p[i] = enter(&t, "192.0.2.1", i);
	assert_int_equal(held(&t), 2);
	loop_drain(t.loop);
	assert_int_equal(told[0], 0);
	assert_false(conn_place_is_wanted(t.p[0]));
	/* Nor do they keep others out. */
	t.port = 1471;
	conn_place_leave(&t.p[2]);
	t.p[2] = enter(&t, "192.0.2.1", 2);
	assert_true(conn_place_is_held(t.p[2]));
	/* One that gives up lets the next find out; once the port answers, all want places. */
	conn_place_leave(&t.p[1]);
	assert_true(conn_place_is_held(t.p[3]));
	assert_int_equal(held(&t), 3);
	conn_place_report(t.p[3], true, t.now_ms);
	t.silent = false;
	for (unsigned i = 0; i < PLACES; i++)
		answer(&t);
	assert_int_equal(held(&t), CONN_PER_HOST);
	assert_true(conn_place_is_wanted(t.p[0]));
	table_close(&t);
}

/* One finds out; the others wait for what it finds. */
static void
one_tries_again(void **state)
{
	struct table t;

	(void)state;
	for (int answers = 0; answers < 2; answers++) {
		table_open(&t);
		t.back_off = t.silent = true;
		t.p[0] = enter(&t, "192.0.2.1", 0);
		conn_place_report(t.p[0], false, t.now_ms);
		conn_place_leave(&t.p[0]);
		t.now_ms += CONN_DOOR_PAUSE_MS;
		table_fill(&t, PLACES);
		assert_int_equal(held(&t), 1);
		conn_place_report(t.p[0], answers == 1, t.now_ms);
		assert_int_equal(held(&t), answers == 1 ? CONN_UNANSWERED + 1 : 1);
		assert_int_equal(is_refused(t.p[1]), answers == 0);
		/* the pause is doubled, and forgotten once it answers */
		conn_place_leave(&t.p[0]);
		conn_place_leave(&t.p[1]);
		t.now_ms += 2 * CONN_DOOR_PAUSE_MS - 1;
		t.p[0] = enter(&t, "192.0.2.1", 0);
		assert_int_equal(is_refused(t.p[0]), answers == 0);
		t.now_ms++;
		t.p[1] = enter(&t, "192.0.2.1", 1);
		assert_false(is_refused(t.p[1]));
		table_close(&t);
	}
}

static void
the_pause_has_an_end_and_so_has_the_memory(void **state)
{
	struct table t;
	struct conn_place *p;
	char address[64];

	(void)state;
	table_open(&t);
	t.back_off = true;
	for (int i = 0; i < 40; i++) {
		p = enter(&t, "192.0.2.1", 0);
		assert_true(conn_place_is_held(p));
		conn_place_report(p, false, t.now_ms);
		conn_place_leave(&p);
		t.now_ms += CONN_DOOR_PAUSE_MAX_MS;
	}
	t.now_ms -= CONN_DOOR_PAUSE_MAX_MS;
	for (int i = 0; i < CONN_DOORS_REMEMBERED; i++) {
		p = enter(&t, "192.0.2.1", 0);
		assert_true(is_refused(p)); /* the newest of all, each time */
		conn_place_leave(&p);
		snprintf(address, sizeof address, "2001:db8::%x", i + 1);
		p = enter(&t, address, 0);
		conn_place_report(p, false, t.now_ms);
		conn_place_leave(&p);
	}
	p = enter(&t, "2001:db8::1", 0);
	assert_true(conn_place_is_held(p)); /* forgotten */
	conn_place_leave(&p);
	p = enter(&t, "2001:db8::2", 0);
	assert_true(is_refused(p));
	conn_place_leave(&p);
	table_close(&t);
}

/* -- with connections --------------------------------------------------------------------------- */

struct caller {
	struct engine engine; /* first */
	struct loop *loop;
	struct conn *conn;
	bool up, gone;
	unsigned wanted;
	struct err why;
	int64_t held_back_ms;
};

static size_t
caller_feed(struct engine *e, struct span in)
{
	(void)e;
	return in.n;
}

static void
caller_up(struct conn *c, void *role)
{
	struct caller *r = role;

	r->up = true;
	conn_set_engine(c, &r->engine);
}

static void
caller_gone(struct conn *c, void *role, const struct err *why)
{
	struct caller *r = role;

	r->gone = true;
	r->held_back_ms = conn_held_back_ms(c);
	r->why = why == NULL ? (struct err) { 0 } : *why;
	engine_clear(&r->engine);
}

static void
caller_wanted(struct conn *c, void *role)
{
	struct caller *r = role;

	r->wanted++;
	if (conn_is_wanted(c))
		conn_close(c);
}

static void
connect_to(struct one_server *s, struct caller *r, struct loop *loop, struct conn_limit *limit,
    bool gives_way)
{
	static const struct conn_events polite = { .up = caller_up,
		.forget_conn = caller_gone,
		.wanted = caller_wanted };
	static const struct conn_events stubborn = { .up = caller_up, .forget_conn = caller_gone };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->server.port) };
	struct conn_target to = { .kind = TLS_TO_PEER,
		.address = (struct sockaddr *)&a,
		.own = "a.test",
		.domain = "b.test",
		.alpn = TOY_ALPN,
		.timeout_ms = 5000,
		.limit = limit };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*r = (struct caller) { .engine = { .feed = caller_feed }, .loop = loop };
	r->conn = conn_connect(loop, &to, s->tls.ha, gives_way ? &polite : &stubborn, r);
}

static void
run_for(struct loop *l, int64_t ms)
{
	struct loop_timer *t = loop_timer_new(l, toy_stop, l);

	loop_timer_set_ms(t, ms);
	loop_run(l);
	loop_timer_free(&t);
}

/* At most 10 s. */
static void
run_until(struct loop *l, const bool *what)
{
	for (int i = 0; i < 200 && !*what; i++)
		run_for(l, 50);
	assert_true(*what);
}

#define ALONE   (CONN_PER_HOST / 2) /* the places of one domain */
#define CALLERS (ALONE + 3)

/* A host that takes connections and says nothing has failed too. */
static void
silence_is_a_failure(void **state)
{
	struct one_server *s = *state;
	static const struct conn_events events = { .up = caller_up, .forget_conn = caller_gone };
	struct conn_limit *limit = conn_limit_new();
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	struct conn_target to = { .kind = TLS_TO_PEER,
		.address = (struct sockaddr *)&a,
		.own = "a.test",
		.domain = "b.test",
		.alpn = TOY_ALPN,
		.timeout_ms = 300,
		.limit = limit,
		.backs_off = true };
	struct caller r[2];
	struct loop *l;
	struct err e;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	assert_true(loop_new(&l, &e));
	for (int i = 0; i < 2; i++) {
		r[i] = (struct caller) { .engine = { .feed = caller_feed }, .loop = l };
		conn_connect(l, &to, s->tls.ha, &events, &r[i]);
		run_until(l, &r[i].gone);
	}
	assert_int_equal(r[0].why.why, REFUSAL_tls_failed);
	assert_non_null(strstr(r[1].why.text, "lately"));
	close(fd);
	conn_limit_close(limit);
	loop_drain(l);
	loop_free(&l);
	conn_limit_free(&limit);
}

/* By all who connect to that port, and not by another port of the host. */
static void
a_failure_is_shared(void **state)
{
	struct one_server *s = *state;
	static const struct conn_events events = { .up = caller_up, .forget_conn = caller_gone };
	struct conn_limit *limit = conn_limit_new();
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(1) };
	struct conn_target to = { .kind = TLS_TO_PEER,
		.address = (struct sockaddr *)&a,
		.own = "a.test",
		.domain = "b.test",
		.alpn = TOY_ALPN,
		.timeout_ms = 5000,
		.limit = limit,
		.backs_off = true };
	struct loop *l;
	struct err e;
	struct conn *c;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(loop_new(&l, &e));
	for (int i = 0; i < 3; i++) {
		struct caller r = { .engine = { .feed = caller_feed }, .loop = l };

		if (i == 2)
			a.sin_port = htons(s->server.port);
		c = conn_connect(l, &to, s->tls.ha, &events, &r);
		assert_int_equal(conn_is_waiting(c), i == 1);
		run_until(l, i == 2 ? &r.up : &r.gone);
		assert_int_equal(r.up, i == 2);
		if (i == 2)
			conn_drop(c, NULL);
		run_until(l, &r.gone);
		assert_int_equal(r.why.why, i == 2 ? REFUSAL_NONE : REFUSAL_unreachable);
		assert_int_equal(strstr(r.why.text, "lately") != NULL, i == 1);
		if (i == 1)
			assert_in_range(r.held_back_ms, 1, CONN_DOOR_PAUSE_MS);
		else
			assert_int_equal(r.held_back_ms, 0);
	}
	conn_limit_close(limit);
	loop_drain(l);
	loop_free(&l);
	conn_limit_free(&limit);
}

static void
connections_wait_for_their_turn(void **state)
{
	struct one_server *s = *state;
	struct conn_limit *limit = conn_limit_new();
	struct caller r[CALLERS];
	struct loop *l;
	struct err e;
	unsigned begun = s->server.begun;

	assert_true(loop_new(&l, &e));
	for (int i = 0; i < CALLERS; i++)
		connect_to(s, &r[i], l, limit, false);
	for (int i = 0; i < ALONE; i++)
		run_until(l, &r[i].up);
	run_for(l, 200);
	assert_int_equal(s->server.begun - begun, ALONE);
	/* Two that wait are given up, one in order and one at once. */
	conn_close(r[ALONE].conn);
	err_word(&e, REFUSAL_closing);
	conn_drop(r[ALONE + 1].conn, &e);
	run_until(l, &r[ALONE].gone);
	run_until(l, &r[ALONE + 1].gone);
	assert_int_equal(r[ALONE + 1].why.why, REFUSAL_closing);
	assert_false(r[CALLERS - 1].up);
	conn_close(r[1].conn);
	run_until(l, &r[CALLERS - 1].up);
	assert_true(r[1].gone);
	assert_int_equal(s->server.begun - begun, ALONE + 1);
	conn_limit_close(limit);
	conn_drop_all(l, NULL);
	loop_drain(l);
	loop_free(&l);
	conn_limit_free(&limit);
}

/* A failed attempt gives its place back too. */
static void
who_fails_leaves(void **state)
{
	struct one_server *s = *state;
	struct conn_limit *limit = conn_limit_new();
	struct caller r[CALLERS];
	struct loop *l;
	struct err e;
	uint16_t port = s->server.port;

	assert_true(loop_new(&l, &e));
	s->server.port = 1; /* where nobody listens */
	for (int i = 0; i < CALLERS; i++)
		connect_to(s, &r[i], l, limit, false);
	s->server.port = port;
	for (int i = 0; i < CALLERS; i++) {
		run_until(l, &r[i].gone);
		assert_int_equal(r[i].why.why, REFUSAL_unreachable);
	}
	loop_free(&l);
	conn_limit_free(&limit);
}

/* Those who give way when they are wanted let all come, and no more than need to. */
static void
who_is_wanted_gives_way(void **state)
{
	struct one_server *s = *state;
	struct conn_limit *limit = conn_limit_new();
	struct caller r[CALLERS];
	struct loop *l;
	struct err e;
	int gone = 0;

	assert_true(loop_new(&l, &e));
	for (int i = 0; i < ALONE; i++) {
		connect_to(s, &r[i], l, limit, true);
		run_until(l, &r[i].up);
		assert_int_equal(r[i].wanted, 0);
	}
	for (int i = ALONE; i < CALLERS; i++)
		connect_to(s, &r[i], l, limit, false);
	for (int i = ALONE; i < CALLERS; i++)
		run_until(l, &r[i].up);
	for (int i = 0; i < ALONE; i++)
		gone += r[i].gone;
	assert_int_equal(gone, CALLERS - ALONE);
	conn_limit_close(limit);
	conn_drop_all(l, NULL);
	loop_drain(l);
	loop_free(&l);
	conn_limit_free(&limit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(each_host_for_itself),
		cmocka_unit_test(in_the_order_of_coming),
		cmocka_unit_test(a_domain_may_ask_for_less),
		cmocka_unit_test(as_many_are_wanted_as_wait),
		cmocka_unit_test(nobody_comes_after_the_end),
		cmocka_unit_test(silent_domains_leave_places),
		cmocka_unit_test(slow_domains_leave_places),
		cmocka_unit_test(domains_take_turns),
		cmocka_unit_test(the_largest_is_wanted),
		cmocka_unit_test(one_domain_has_half),
		cmocka_unit_test(a_prober_holds_its_place),
		cmocka_unit_test(a_host_that_failed_is_left_alone),
		cmocka_unit_test(another_port_has_not_failed),
		cmocka_unit_test(a_failing_port_drives_nobody_away),
		cmocka_unit_test(one_tries_again),
		cmocka_unit_test(the_pause_has_an_end_and_so_has_the_memory),
		cmocka_unit_test(silence_is_a_failure),
		cmocka_unit_test(a_failure_is_shared),
		cmocka_unit_test(connections_wait_for_their_turn),
		cmocka_unit_test(who_fails_leaves),
		cmocka_unit_test(who_is_wanted_gives_way),
	};

	return cmocka_run_group_tests_name("conn_limit", tests, one_server_up, one_server_down);
}
