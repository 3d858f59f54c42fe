/* spf — RFC 7208 by cases (tests/spf/cases.txt), and what the cases cannot say: cache, limits of
 * time, cancelling. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/check_spf.h"
#include "common/loop/loop.h"
#include "common/text/address_scope.h"
#include "tests/temp.h"

#define CASES "tests/spf/cases.txt"

struct world {
	char path[64];
	struct loop *loop;
	struct dns *dns;
	struct spf *spf;
};

struct answer {
	struct world *w;
	unsigned calls;
	enum spf_result result;
	uint32_t ttl_s;
	bool depends;
	unsigned lookups;
	char why[ERR_TEXT_BYTES];
	unsigned *left; /* answers to wait for */
};

static void
world_open(struct world *w, struct span zone)
{
	struct err e;
	char spec[80];
	FILE *f;
	int fd;

	temp_name(w->path, sizeof w->path, "spf-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fwrite(zone.p, 1, zone.n, f);
	fclose(f);
	assert_true(loop_new(&w->loop, &e));
	snprintf(spec, sizeof(spec), "zone:%s", w->path);
	if (!dns_new(&w->dns, w->loop, spec, &e))
		fail_msg("%s", e.text);
	spf_new(&w->spf, w->loop, w->dns);
}

static void
world_close(struct world *w)
{
	spf_free(&w->spf);
	dns_free(&w->dns);
	loop_free(&w->loop);
	unlink(w->path);
}

static void
judged(void *arg, const struct spf_verdict *v)
{
	struct answer *a = arg;

	a->calls++;
	a->result = v->result;
	a->ttl_s = v->ttl_s;
	a->depends = v->depends_on_local_part;
	a->lookups = v->lookups;
	snprintf(a->why, sizeof(a->why), "%s", v->why);
	if (a->left == NULL || --*a->left == 0)
		loop_stop(a->w->loop);
}

static struct spf_query *
ask(struct world *w, struct answer *a, const char *ip, const char *helo, const char *from)
{
	struct sockaddr_storage address;

	memset(a, 0, sizeof(*a));
	a->w = w;
	if (!address_scope_parse(span_str(ip), 0, &address))
		fail_msg("%s is no address", ip);
	return spf_check(w->spf, (struct sockaddr *)&address, span_str(helo), span_str(from),
	    judged, a);
}

static struct answer
check(struct world *w, const char *ip, const char *helo, const char *from)
{
	struct answer a;

	ask(w, &a, ip, helo, from);
	assert_int_equal(a.calls, 0); /* never inside the call */
	loop_run(w->loop);
	assert_int_equal(a.calls, 1);
	return a;
}

/* -- the cases --------------------------------------------------------------------------------- */

static struct span
field(struct span *rest)
{
	struct span s = span_cut(rest, '|');

	while (s.n > 0 && s.p[0] == ' ')
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static bool
wanted(struct span words, const char *word)
{
	while (words.n > 0)
		if (span_eq(span_cut(&words, '/'), span_str(word)))
			return true;
	return false;
}

static bool
run_case(struct world *w, struct span line)
{
	struct span rest = line, name = field(&rest);
	char ip[64], helo[600], from[600];
	struct answer a;

	assert_true(span_copy(field(&rest), ip, sizeof(ip)));
	assert_true(span_copy(field(&rest), helo, sizeof(helo)));
	assert_true(span_copy(field(&rest), from, sizeof(from)));
	if (strcmp(from, "<>") == 0)
		from[0] = '\0';
	a = check(w, ip, helo, from);
	if (wanted(field(&rest), spf_result_word(a.result)))
		return true;
	print_message("# %.*s: %s (%s)\n", SPAN_FMT(name), spf_result_word(a.result), a.why);
	return false;
}

static void
cases(void **state)
{
	struct buf zone = BUF_INIT;
	struct world w;
	char *line = NULL;
	size_t cap = 0, n = 0, wrong = 0;
	ssize_t got;
	bool open = false;
	FILE *f = fopen(CASES, "r");

	(void)state;
	assert_non_null(f);
	while ((got = getline(&line, &cap, f)) > 0) {
		struct span s = span_of(line, (size_t)got - (line[got - 1] == '\n'));

		if (s.n == 0 || s.p[0] == '#')
			continue;
		if (span_starts(s, SPAN_LIT("world "))) {
			if (open)
				world_close(&w);
			open = false;
			buf_reset(&zone);
		} else if (s.p[0] == '\t') {
			buf_addf(&zone, "%.*s\n", SPAN_FMT(span_sub(s, 1, s.n)));
		} else {
			if (!open)
				world_open(&w, buf_span(&zone));
			open = true;
			n++;
			wrong += !run_case(&w, s);
		}
	}
	if (open)
		world_close(&w);
	fclose(f);
	free(line);
	buf_clear(&zone);
	assert_true(n >= 120);
	assert_int_equal(wrong, 0);
}

/* -- beside the cases ---------------------------------------------------------------------------- */

#define ZONE                                                                                       \
	"a.test. 7 TXT \"v=spf1 ip4:192.0.2.1 exists:%{l}.u.test -all\"\n"                         \
	"joe.u.test. 5 A 127.0.0.2\n"                                                              \
	"h.test. 9 TXT \"v=spf1 a:%{h} -all\"\n"                                                   \
	"one.example. A 192.0.2.1\n"                                                               \
	"plain.test. 30 TXT \"v=spf1 mx -all\"\n"                                                  \
	"plain.test. 20 MX 10 m.test.\n"                                                           \
	"m.test. 10 A 192.0.2.1\n"                                                                 \
	"zero.test. 0 TXT \"v=spf1 exists:%{l}.u.test -all\"\n"                                    \
	"broken.test. 3600 TXT \"v=spf1 foo\"\n"                                                   \
	"silent.test. NS ns.silent.test.\n"                                                        \
	"ns.silent.test. A 192.0.2.66\n"                                                           \
	"each.test. TXT \"v=spf1 exists:%{l}.u.test a:x.silent.test -all\"\n"                      \
	"wait.test. TXT \"v=spf1 a:x.silent.test -all\"\n"

static void
local_part(void **state)
{
	struct world w;
	struct answer a;

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	a = check(&w, "192.0.2.9", "h.test", "joe@a.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_true(a.depends);
	assert_int_equal(a.ttl_s, SPF_TTL_MIN_S);
	a = check(&w, "192.0.2.9", "h.test", "jim@a.test");
	assert_int_equal(a.result, SPF_FAIL);
	assert_true(a.depends);
	a = check(&w, "192.0.2.9", "h.test", "joe@a.test");
	assert_int_equal(a.result, SPF_PASS);
	a = check(&w, "192.0.2.1", "h.test", "jim@a.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_false(a.depends); /* decided before the macro was looked at */
	a = check(&w, "192.0.2.1", "one.example", "x@h.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_false(a.depends);
	a = check(&w, "192.0.2.1", "two.example", "x@h.test");
	assert_int_equal(a.result, SPF_FAIL);
	world_close(&w);
}

static void
times(void **state)
{
	struct world w;
	struct answer a;
	uint64_t begun;

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	a = check(&w, "192.0.2.1", "h.test", "joe@plain.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_int_equal(a.ttl_s, 10); /* the smallest of all that was asked */
	assert_int_equal(a.lookups, 1);
	a = check(&w, "::ffff:192.0.2.1", "h.test", "jim@PLAIN.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_in_range(a.ttl_s, 9, 10);
	a = check(&w, "192.0.2.1", "h.test", "joe@broken.test");
	assert_int_equal(a.result, SPF_PERMERROR);
	assert_int_equal(a.ttl_s, 30);
	a = check(&w, "192.0.2.1", "h.test", "joe@zero.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_int_equal(a.ttl_s, SPF_TTL_MIN_S); /* of a TTL of 0 */
	begun = spf_evaluations(w.spf);
	a = check(&w, "192.0.2.1", "h.test", "joe@zero.test");
	assert_int_equal(a.result, SPF_PASS);
	assert_int_equal(spf_evaluations(w.spf), begun);
	world_close(&w);
}

/* Many at once: each is answered, and those of other senders by their own evaluation. */
static void
together(void **state)
{
	static const char *const from[] = { "joe@a.test", "jim@a.test", "joe@zero.test",
		"jim@zero.test", "joe@plain.test", "x@nothing.test" };
	static const enum spf_result want[] = { SPF_PASS, SPF_FAIL, SPF_PASS, SPF_FAIL, SPF_FAIL,
		SPF_NONE };
	struct world w;
	struct answer a[60];
	struct spf_query *q[60];
	unsigned left = 60;

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	for (size_t i = 0; i < 60; i++) {
		q[i] = ask(&w, &a[i], "192.0.2.9", "h.test", from[i % 6]);
		a[i].left = &left;
	}
	for (size_t i = 0; i < 60; i += 7) {
		spf_cancel(&q[i]);
		assert_null(q[i]);
		left--;
	}
	loop_run(w.loop);
	for (size_t i = 0; i < 60; i++) {
		assert_int_equal(a[i].calls, i % 7 != 0);
		if (i % 7 != 0)
			assert_int_equal(a[i].result, want[i % 6]);
	}
	ask(&w, &a[0], "192.0.2.9", "h.test", "joe@plain.test");
	world_close(&w); /* with one under way */
	assert_int_equal(a[0].calls, 0);
}

/* A hundred at once, of one domain and address: one evaluation; of two senders, on whom it hangs, two. */
static void
one_for_all(void **state)
{
	struct world w;
	struct answer a[100];
	unsigned left = 100;

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	for (size_t i = 0; i < 100; i++) {
		ask(&w, &a[i], "192.0.2.1", "h.test",
		    i % 2 == 0 ? "joe@plain.test" : "jim@plain.test");
		a[i].left = &left;
	}
	loop_run(w.loop);
	assert_int_equal(spf_evaluations(w.spf), 1);
	left = 100;
	for (size_t i = 0; i < 100; i++) {
		ask(&w, &a[i], "192.0.2.9", "h.test", i % 2 == 0 ? "joe@a.test" : "jim@a.test");
		a[i].left = &left;
	}
	loop_run(w.loop);
	assert_int_equal(spf_evaluations(w.spf), 1 + 2);
	world_close(&w);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

/* A name server that never answers: cancelled while its question is under way. */
static void
under_way(void **state)
{
	struct world w;
	struct answer a, b;
	struct spf_query *q;
	struct loop_timer *t;

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	t = loop_timer_new(w.loop, stop, w.loop);
	loop_timer_set_ms(t, 50);
	q = ask(&w, &a, "192.0.2.9", "h.test", "joe@wait.test");
	ask(&w, &b, "192.0.2.9", "h.test", "jim@wait.test");
	loop_run(w.loop);
	assert_int_equal(a.calls + b.calls, 0);
	spf_cancel(&q);
	loop_timer_free(&t);
	world_close(&w);
	assert_int_equal(a.calls + b.calls, 0);
}

/* Where the verdict depends on the sender each has an evaluation, one after the other. */
static void
one_after_the_other(void **state)
{
	struct world w;
	struct answer a[20];
	struct loop_timer *t;
	char from[32];

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	a[0] = check(&w, "192.0.2.9", "h.test", "joe@each.test");
	assert_int_equal(a[0].result, SPF_PASS);
	assert_true(a[0].depends);
	t = loop_timer_new(w.loop, stop, w.loop);
	loop_timer_set_ms(t, 50);
	for (size_t i = 0; i < 20; i++) {
		snprintf(from, sizeof from, "no%zu@each.test", i);
		ask(&w, &a[i], "192.0.2.9", "h.test", from);
	}
	loop_run(w.loop);
	assert_int_equal(spf_evaluations(w.spf), 2);
	loop_timer_set_ms(t, 50);
	ask(&w, &a[0], "192.0.2.8", "h.test", "no1@each.test");
	loop_run(w.loop);
	assert_int_equal(spf_evaluations(w.spf), 3);
	loop_timer_free(&t);
	world_close(&w);
}

static void
once(void **state)
{
	struct world w;
	struct check_spf c;
	struct err e;
	char spec[80];

	(void)state;
	world_open(&w, SPAN_LIT(ZONE));
	snprintf(spec, sizeof(spec), "zone:%s", w.path);
	assert_true(check_spf_run(&c, spec, "192.0.2.1", "h.test", "joe@plain.test", &e));
	assert_string_equal(spf_result_word(c.verdict.result), "pass");
	assert_true(span_eq(c.verdict.record, SPAN_LIT("v=spf1 mx -all")));
	assert_true(spf_accept(&c.verdict, &e));
	check_spf_clear(&c);
	assert_true(check_spf_run(&c, spec, "192.0.2.2", "h.test", "joe@plain.test", &e));
	assert_false(spf_accept(&c.verdict, &e));
	assert_int_equal(e.why, REFUSAL_spf_fail);
	check_spf_clear(&c);
	assert_false(check_spf_run(&c, spec, "192.0.2", "h.test", "joe@plain.test", &e));
	assert_int_equal(e.why, REFUSAL_usage);
	assert_false(
	    check_spf_run(&c, "zone:/nonexistent", "192.0.2.1", "h.test", "joe@plain.test", &e));
	assert_int_equal(e.why, REFUSAL_config);
	world_close(&w);
}

/* Workers have a loop, a dns and an spf each; libunbound is configured by all of them at once. */
static void *
work(void *arg)
{
	struct world w;
	unsigned *good = arg;

	world_open(&w, SPAN_LIT(ZONE));
	for (int i = 0; i < 20; i++) {
		FILE *f = fopen(w.path, "w");

		assert_non_null(f);
		fprintf(f, "%s%d.x.test. A 192.0.2.1\n", ZONE, i);
		fclose(f);
		*good += check(&w, "192.0.2.9", "h.test", "joe@a.test").result == SPF_PASS;
		*good += check(&w, "192.0.2.1", "h.test", "joe@zero.test").result == SPF_PASS;
	}
	world_close(&w);
	return NULL;
}

static void
threads(void **state)
{
	pthread_t t[4];
	unsigned good[4] = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, work, &good[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(good[i], 40);
	}
}

static void
only_pass_passes(void **state)
{
	static const struct {
		enum spf_result r;
		enum refusal why;
	} rows[] = {
		{ SPF_NONE, REFUSAL_spf_none },
		{ SPF_NEUTRAL, REFUSAL_spf_neutral },
		{ SPF_FAIL, REFUSAL_spf_fail },
		{ SPF_SOFTFAIL, REFUSAL_spf_softfail },
		{ SPF_TEMPERROR, REFUSAL_spf_temperror },
		{ SPF_PERMERROR, REFUSAL_spf_permerror },
	};
	struct spf_verdict v = { .result = SPF_PASS, .why = "x" };
	struct err e;

	(void)state;
	assert_true(spf_accept(&v, &e));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v.result = rows[i].r;
		assert_false(spf_accept(&v, &e));
		assert_int_equal(e.why, rows[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(local_part),
		cmocka_unit_test(times),
		cmocka_unit_test(together),
		cmocka_unit_test(one_for_all),
		cmocka_unit_test(under_way),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(once),
		cmocka_unit_test(threads),
		cmocka_unit_test(only_pass_passes),
	};

	return cmocka_run_group_tests_name("spf", tests, NULL, NULL);
}
