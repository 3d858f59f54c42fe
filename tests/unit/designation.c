/* designation — order by weights, and each rule that leaves a target out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "common/base/buf.h"
#include "common/dns/designation.h"
#include "common/dns/publication.h"
#include "common/loop/loop.h"
#include "common/share/share.h"
#include "common/text/address_scope.h"
#include "tests/moved_clock.h"
#include "tests/unit/dns_silent.h"
#include "tests/unit/dns_world.h"

/* -- order ------------------------------------------------------------------------------------- */

/* Gives what the test says; remembers the bounds. */
struct dice {
	uint32_t give[8], bound[8];
	size_t n;
};

static uint32_t
roll(void *arg, uint32_t bound)
{
	struct dice *d = arg;

	d->bound[d->n] = bound;
	assert_true(d->give[d->n] <= bound);
	return d->give[d->n++];
}

static void
order(const char *want, const char *priorities, const char *weights, struct dice d)
{
	struct designation_target t[8];
	size_t n = strlen(priorities);
	char got[9] = "";

	memset(t, 0, sizeof(t));
	for (size_t i = 0; i < n; i++) {
		t[i].host[0] = (char)('a' + i);
		t[i].priority = (uint16_t)(priorities[i] - '0');
		t[i].weight = (uint16_t)(weights[i] - '0');
	}
	designation_order(t, n, roll, &d);
	for (size_t i = 0; i < n; i++)
		got[i] = t[i].host[0];
	assert_string_equal(got, want);
}

static void
orders(void **state)
{
	(void)state;
	order("", "", "", (struct dice) { 0 });
	order("cab", "231", "555", (struct dice) { 0 });
	/* weights 1 and 3: the point 0 or 1 falls on the first, 2 to 4 on the second */
	order("ab", "11", "13", (struct dice) { .give = { 0 } });
	order("ab", "11", "13", (struct dice) { .give = { 1 } });
	order("ba", "11", "13", (struct dice) { .give = { 2 } });
	order("ba", "11", "13", (struct dice) { .give = { 4 } });
	/* one of weight 0 comes first only at the point 0 */
	order("ba", "11", "50", (struct dice) { .give = { 0 } });
	order("ab", "11", "50", (struct dice) { .give = { 1 } });
	order("cab", "111", "111", (struct dice) { .give = { 3, 0 } });
}

static uint32_t
random_of(void *arg, uint32_t bound)
{
	unsigned *seed = arg;

	return (uint32_t)rand_r(seed) % (bound + 1);
}

static void
shares(void **state)
{
	unsigned seed = 1, first = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct designation_target t[2];

		memset(t, 0, sizeof(t));
		t[0].weight = 60000;
		t[1].weight = 20000;
		designation_order(t, 2, random_of, &seed);
		first += t[0].weight == 60000;
	}
	assert_in_range(first, 7200, 7800);
}

/* -- rules ------------------------------------------------------------------------------------- */

#define ZONE                                                                                       \
	"_ims._tcp.good.test. SRV 10 0 1471 one.test.\n"                                           \
	"_ims._tcp.good.test. SRV 20 0 443 two.test.\n"                                            \
	"one.test. A 192.0.2.1\none.test. AAAA 2001:db8::1\n"                                      \
	"two.test. A 192.0.2.2\n"                                                                  \
	"_ims._tcp.none.test. SRV 0 0 0 .\n"                                                       \
	"nothing.test. TXT here\n"                                                                 \
	"_ims._tcp.low.test. SRV 0 0 22 one.test.\n"                                               \
	"_ims._tcp.low2.test. SRV 0 0 1023 one.test.\n"                                            \
	"_ims._tcp.low2.test. SRV 9 0 1024 two.test.\n"                                            \
	"_ims._tcp.private.test. SRV 0 0 1471 private-host.test.\n"                                \
	"private-host.test. A 10.0.0.1\nprivate-host.test. A 127.0.0.1\n"                          \
	"private-host.test. AAAA ::ffff:192.0.2.1\n"                                               \
	"_ims._tcp.mixed.test. SRV 0 0 1471 private-host.test.\n"                                  \
	"_ims._tcp.mixed.test. SRV 5 0 1471 one.test.\n"                                           \
	"_ims._tcp.dead.test. SRV 0 0 1471 nowhere.test.\n"                                        \
	"_ims._tcp.alias.test. SRV 0 0 1471 alias-host.test.\n"                                    \
	"alias-host.test. CNAME one.test.\n"                                                       \
	"_ims._tcp.sign.test. SRV 0 0 1471 pay\\064one.test.\n"                                    \
	"pay\\064one.test. A 192.0.2.1\n"                                                          \
	"_ims._tcp.under.test. SRV 0 0 1471 mail_1.under.test.\n"                                  \
	"mail_1.under.test. A 192.0.2.1\n"                                                         \
	"_ims._tcp.puny.test. SRV 0 0 1471 xn--b-ngo.test.\n"                                      \
	"xn--b-ngo.test. A 192.0.2.1\n"                                                            \
	"_ims._tcp.number.test. SRV 0 0 1471 192.0.2.1.\n"                                         \
	"192.0.2.1. A 192.0.2.1\n"                                                                 \
	"_ims._tcp.upper.test. SRV 0 0 1471 ONE.test.\n"                                           \
	"_oms._tcp.sender.test. SRV 0 0 22 nowhere.test.\n"                                        \
	"_ims._tcp.half3.test. CNAME _ims._tcp.half3.test.\n"                                      \
	"_oms._tcp.half3.test. SRV 0 0 1470 one.test.\n"                                           \
	"_ims._tcp.fails.test. CNAME _ims._tcp.fails.test.\n"                                      \
	"_ims._tcp.host-fails.test. SRV 0 0 1471 looped.test.\n"                                   \
	"looped.test. CNAME looped.test.\n"                                                        \
	"_ims._tcp.half.test. SRV 0 0 1471 looped.test.\n"                                         \
	"_ims._tcp.half.test. SRV 5 0 1471 private-host.test.\n"                                   \
	"_ims._tcp.half2.test. SRV 0 0 1471 private-host.test.\n"                                  \
	"_ims._tcp.half2.test. SRV 5 0 1471 looped.test.\n"

struct answer {
	struct loop *loop;
	unsigned calls;
	size_t n, addresses;
	char first[DNS_NAME_BYTES];
	enum refusal why;
	bool has1, has9, named, unsure;
	uint32_t ttl_s;
};

static bool
has(const struct designation *d, const char *ip)
{
	struct sockaddr_storage a;

	assert_true(address_scope_parse(span_str(ip), 5, &a));
	return designation_has(d, (struct sockaddr *)&a);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct answer *a = arg;

	a->calls++;
	a->n = d->n;
	assert_true((why == NULL) == (d->n > 0));
	a->why = why != NULL ? why->why : REFUSAL_NONE;
	if (d->n > 0) {
		a->addresses = d->targets[0].n;
		snprintf(a->first, sizeof(a->first), "%s", d->targets[0].host);
	}
	a->has1 = has(d, "192.0.2.1") && has(d, "::ffff:192.0.2.1");
	a->has9 = has(d, "192.0.2.9");
	a->named = d->named;
	a->unsure = d->unsure;
	assert_false(d->secure);
	loop_stop(a->loop);
}

static struct answer
find(struct world *w, const char *domain, bool allow_private)
{
	struct answer a = { .loop = w->loop };

	designation_find(w->dns, DESIGNATION_NOTIFY, domain, NULL, allow_private, found, &a);
	assert_int_equal(a.calls, 0);
	loop_run(w->loop);
	assert_int_equal(a.calls, 1);
	return a;
}

static void
rules(void **state)
{
	static const struct {
		const char *domain;
		enum refusal why;
	} rows[] = {
		{ "none.test", REFUSAL_takes_no_mail },
		{ "nothing.test", REFUSAL_no_designation },
		{ "nowhere.test", REFUSAL_no_such_domain },
		{ "low.test", REFUSAL_bad_port },
		{ "private.test", REFUSAL_private_address },
		{ "dead.test", REFUSAL_unreachable },
		{ "sign.test", REFUSAL_unreachable },
		{ "under.test", REFUSAL_unreachable },
		{ "puny.test", REFUSAL_unreachable },
		{ "number.test", REFUSAL_unreachable },
		{ "fails.test", REFUSAL_dns_failed },
		{ "host-fails.test", REFUSAL_dns_failed },
		{ "half.test", REFUSAL_dns_failed },
		{ "half2.test", REFUSAL_dns_failed },
	};
	struct world w;
	struct answer a;

	(void)state;
	world_open(&w, ZONE);
	a = find(&w, "good.test", false);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.first, "one.test");
	assert_int_equal(a.addresses, 2);
	assert_true(a.has1);
	assert_false(a.has9);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a = find(&w, rows[i].domain, false);
		assert_int_equal(a.n, 0);
		if (a.why != rows[i].why)
			fail_msg("%s: %s", rows[i].domain, refusal_word(a.why));
	}
	a = find(&w, "low2.test", false);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.first, "two.test");
	a = find(&w, "mixed.test", false);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.first, "one.test");
	assert_false(a.unsure);
	a = find(&w, "half2.test", true);
	assert_int_equal(a.n, 1);
	assert_true(a.unsure);
	a = find(&w, "private.test", true);
	assert_int_equal(a.addresses, 3);
	a = find(&w, "upper.test", false);
	assert_string_equal(a.first, "one.test");
	a = find(&w, "alias.test", false);
	assert_int_equal(a.addresses, 2);
	world_close(&w);
}

/* Servers of no use are named all the same; an absence, and what cannot be known, is no naming. */
static void
names_servers(void **state)
{
	static const struct {
		const char *domain;
		bool named;
	} rows[] = {
		{ "good.test", true },
		{ "low.test", true },
		{ "private.test", true },
		{ "dead.test", true },
		{ "sign.test", true },
		{ "host-fails.test", true },
		{ "none.test", false },
		{ "nothing.test", false },
		{ "nowhere.test", false },
		{ "fails.test", false },
	};
	struct world w;

	(void)state;
	world_open(&w, ZONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (find(&w, rows[i].domain, false).named != rows[i].named)
			fail_msg("%s", rows[i].domain);
	world_close(&w);
}

struct published {
	struct loop *loop;
	bool yes;
	enum refusal why, counts;
	unsigned calls;
	const char *domain;
};

static void
published(void *arg, bool yes, const struct err *why)
{
	struct published *p = arg;
	struct err e;

	p->calls++;
	p->yes = yes;
	p->why = why != NULL ? why->why : REFUSAL_NONE;
	p->counts = publication_counts(p->domain, yes, why, &e) ? REFUSAL_NONE : e.why;
	loop_stop(p->loop);
}

/* Either service's record counts, of use or not; "." does not, and what fails is not known. */
static void
publishes(void **state)
{
	static const struct {
		const char *domain;
		bool yes;
		enum refusal why, counts;
	} rows[] = {
		{ "good.test", true, REFUSAL_NONE, REFUSAL_NONE },
		{ "sender.test", true, REFUSAL_NONE, REFUSAL_NONE },
		{ "half3.test", true, REFUSAL_NONE, REFUSAL_NONE },
		{ "none.test", false, REFUSAL_NONE, REFUSAL_certificate_name },
		{ "nothing.test", false, REFUSAL_NONE, REFUSAL_certificate_name },
		{ "nowhere.test", false, REFUSAL_NONE, REFUSAL_certificate_name },
		{ "fails.test", false, REFUSAL_dns_failed, REFUSAL_dns_failed },
	};
	struct world w;
	struct publication_query *q;

	(void)state;
	world_open(&w, ZONE);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct published p = { .loop = w.loop, .domain = rows[i].domain };

		publication_find(w.dns, rows[i].domain, NULL, published, &p);
		assert_int_equal(p.calls, 0);
		loop_run(w.loop);
		assert_int_equal(p.calls, 1);
		if (p.yes != rows[i].yes || p.why != rows[i].why || p.counts != rows[i].counts)
			fail_msg("%s: %d %s %s", rows[i].domain, p.yes, refusal_word(p.why),
			    refusal_word(p.counts));
	}
	q = publication_find(w.dns, "good.test", NULL, published, NULL);
	publication_cancel(&q);
	assert_null(q);
	world_close(&w);
}

/* -- what is asked again --------------------------------------------------------------------- */

static void
again(void *arg, const struct designation *d, const struct err *why)
{
	struct answer *a = arg;

	found(arg, d, why);
	a->ttl_s = d->ttl_s;
}

struct refused {
	struct loop *loop;
	enum refusal designation, publication;
};

static void
no_designation(void *arg, const struct designation *d, const struct err *why)
{
	struct refused *r = arg;

	(void)d;
	r->designation = why->why;
	loop_stop(r->loop);
}

static void
no_publication(void *arg, bool published, const struct err *why)
{
	struct refused *r = arg;

	assert_false(published);
	r->publication = why->why;
	loop_stop(r->loop);
}

/* One certificate names many domains, whose name servers are silent: what their HELLOs ask counts against
 * the address, and others can still ask. */
static void
one_address_has_a_share_of_questions(void **state)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr = { htonl(0xc0000201) } };
	const struct sockaddr *from = (const struct sockaddr *)&peer;
	struct share *s = share_new();
	struct refused r = { 0 };
	struct dns *d;
	struct err e;
	struct publication_query *asking[96];
	char domain[32];
	size_t n = 0;
	int fd;

	(void)state;
	assert_true(loop_new(&r.loop, &e));
	d = silent(r.loop, &fd);
	dns_set_share(d, s);
	for (unsigned i = 0; i < 128; i++) {
		snprintf(domain, sizeof domain, "d%u.test", i);
		if (i % 2 == 0)
			asking[n++] = publication_find(d, domain, from, no_publication, &r);
		designation_find(d, DESIGNATION_NOTIFY, domain, from, false, no_designation, &r);
		if (i % 2 == 1) /* joins */
			designation_find(d, DESIGNATION_NOTIFY, domain, from, false, no_designation,
			    &r);
	}
	/* A publication asks two questions, of which one is the designation's. */
	assert_int_equal(share_held(s, SHARE_questions_address), 128 + 64);
	for (unsigned i = 200; i < 232; i++) {
		snprintf(domain, sizeof domain, "d%u.test", i);
		asking[n++] = publication_find(d, domain, from, no_publication, &r);
	}
	assert_int_equal(share_held(s, SHARE_questions_address), 256);
	designation_find(d, DESIGNATION_NOTIFY, "x.test", from, false, no_designation, &r);
	loop_run(r.loop);
	assert_int_equal(r.designation, REFUSAL_question_share);
	publication_find(d, "y.test", from, no_publication, &r);
	loop_run(r.loop);
	assert_int_equal(r.publication, REFUSAL_question_share);
	peer.sin_addr.s_addr = htonl(0xc0000202);
	designation_find(d, DESIGNATION_NOTIFY, "x.test", from, false, no_designation, &r);
	designation_find(d, DESIGNATION_FETCH, "x.test", NULL, false, no_designation, &r);
	assert_int_equal(dns_under_way(d), 258);
	assert_int_equal(share_held(s, SHARE_questions), 258);
	while (n > 0)
		publication_cancel(&asking[--n]);
	dns_free(&d);
	assert_int_equal(share_held(s, SHARE_questions_address), 0);
	close(fd);
	share_free(&s);
	loop_free(&r.loop);
}

/* A thousand who ask at once cost what one does, each is answered once, and who gave up is not. */
static void
those_who_ask_at_once_join(void **state)
{
	struct world w;
	struct answer a = { 0 }, none = { 0 };
	struct designation_query *q[1000];
	struct dns *d;
	struct err e;

	(void)state;
	world_open(&w, ZONE);
	a.loop = none.loop = w.loop;
	assert_true(dns_new(&d, w.loop, "127.0.0.1@9,anchor=none", &e));
	for (size_t i = 0; i < 1000; i++)
		q[i] = designation_find(d, DESIGNATION_NOTIFY, "good.test", NULL, false, found,
		    &none);
	designation_find(d, DESIGNATION_FETCH, "good.test", NULL, false, found, &none);
	assert_int_equal(dns_under_way(d), 2);
	for (size_t i = 0; i < 1000; i++)
		designation_cancel(&q[i]);
	dns_free(&d);
	assert_int_equal(none.calls, 0);
	for (size_t i = 0; i < 1000; i++)
		q[i] = designation_find(w.dns, DESIGNATION_NOTIFY, "good.test", NULL, false,
		    i % 2 == 0 ? again : found, i % 4 == 3 ? &none : &a);
	for (size_t i = 3; i < 1000; i += 4)
		designation_cancel(&q[i]);
	while (a.calls < 750)
		loop_run(w.loop);
	assert_int_equal(a.calls, 750);
	assert_int_equal(none.calls, 0);
	world_close(&w);
}

static bool
is_known(struct world *w, const char *domain)
{
	return designation_is_known(w->dns, DESIGNATION_NOTIFY, domain, false);
}

static struct answer
find_again(struct world *w, const char *domain)
{
	struct answer a = { .loop = w->loop };

	designation_find(w->dns, DESIGNATION_NOTIFY, domain, NULL, false, again, &a);
	assert_int_equal(a.calls, 0);
	loop_run(w->loop);
	assert_int_equal(a.calls, 1);
	return a;
}

/* A TTL of 0 is 10 s; a certain answer is asked of DNS once in that time, whatever it says. */
static void
certain_answers_hold_for_10_s(void **state)
{
	static const char zone[] = "_ims._tcp.zero.test. 0 SRV 0 0 1471 host.zero.test.\n"
				   "host.zero.test. 0 A 192.0.2.1\n"
				   "_ims._tcp.long.test. 300 SRV 0 0 1471 host.zero.test.\n"
				   "_ims._tcp.fails.test. CNAME _ims._tcp.fails.test.\n";
	static const struct {
		const char *domain;
		enum refusal why;
		bool kept;
	} rows[] = {
		{ "zero.test", REFUSAL_NONE, true },
		{ "long.test", REFUSAL_NONE, true },
		{ "nowhere.test", REFUSAL_no_such_domain, true },
		{ "fails.test", REFUSAL_dns_failed, false },
	};
	struct world w;
	struct answer a;

	(void)state;
	world_open(&w, zone);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t asked;

		assert_false(is_known(&w, rows[i].domain));
		a = find_again(&w, rows[i].domain);
		assert_int_equal(is_known(&w, rows[i].domain), rows[i].why == REFUSAL_NONE);
		assert_int_equal(a.why, rows[i].why);
		assert_in_range(a.ttl_s, DNS_LEAST_S, i == 0 ? DNS_LEAST_S : 300);
		asked = dns_asked(w.dns);
		a = find_again(&w, rows[i].domain);
		assert_int_equal(a.why, rows[i].why);
		assert_in_range(a.ttl_s, 1, i == 0 ? DNS_LEAST_S : 300);
		assert_int_equal(dns_asked(w.dns) == asked, rows[i].kept);
		move_clock(DNS_LEAST_S * 1000);
		assert_false(is_known(&w, rows[i].domain));
		a = find_again(&w, rows[i].domain);
		assert_true(dns_asked(w.dns) > asked);
	}
	world_close(&w);
}

struct nested {
	struct world *w;
	struct answer inner;
};

static void
asks_within(void *arg, const struct designation *d, const struct err *why)
{
	struct nested *n = arg;

	assert_int_equal(d->n, 0);
	move_clock(DNS_LEAST_S * 1000);
	designation_find(n->w->dns, DESIGNATION_NOTIFY, "elsewhere.test", NULL, false, found,
	    &n->inner);
	assert_string_equal(why->text, "there is no domain nowhere.test");
}

/* A result that is too old by now is not forgotten while a caller still reads it. */
static void
a_result_lives_while_it_is_read(void **state)
{
	struct world w;
	struct nested n = { .w = &w };

	(void)state;
	world_open(&w, ZONE);
	n.inner.loop = w.loop;
	find_again(&w, "nowhere.test");
	designation_find(w.dns, DESIGNATION_NOTIFY, "nowhere.test", NULL, false, asks_within, &n);
	loop_run(w.loop);
	assert_int_equal(n.inner.why, REFUSAL_no_such_domain);
	world_close(&w);
}

/* The results that are kept are bounded, and the oldest goes first. */
static void
not_all_results_are_kept(void **state)
{
	char domain[32];
	struct world w;
	uint64_t asked;

	(void)state;
	world_open(&w, ZONE);
	for (int i = 0; i < 300; i++) {
		snprintf(domain, sizeof domain, "d%d.test", i);
		assert_int_equal(find_again(&w, domain).why, REFUSAL_no_such_domain);
	}
	asked = dns_asked(w.dns);
	assert_int_equal(find_again(&w, "d299.test").why, REFUSAL_no_such_domain);
	assert_int_equal(dns_asked(w.dns), asked);
	assert_int_equal(find_again(&w, "d0.test").why, REFUSAL_no_such_domain);
	assert_true(dns_asked(w.dns) > asked);
	world_close(&w);
}

static void
a_new_zone_is_asked_at_once(void **state)
{
	struct world w;
	FILE *f;

	(void)state;
	world_open(&w, ZONE);
	assert_int_equal(find_again(&w, "good.test").n, 2);
	f = fopen(w.path, "w");
	assert_non_null(f);
	fputs("_ims._tcp.good.test. SRV 10 0 1471 one.test.\none.test. A 192.0.2.1\n", f);
	fclose(f);
	assert_false(is_known(&w, "good.test"));
	assert_int_equal(find_again(&w, "good.test").n, 1);
	world_close(&w);
}

static void
counts(void **state)
{
	struct buf zone = BUF_INIT;
	struct world w;
	struct answer a;

	(void)state;
	for (int i = 0; i < 21; i++) {
		buf_addf(&zone,
		    "h%d.test. A 192.0.2.%d\n_ims._tcp.over.test. SRV 1 1 1471 h%d.test.\n", i, i,
		    i);
		if (i < 20)
			buf_addf(&zone, "_ims._tcp.full.test. SRV 1 1 1471 h%d.test.\n", i);
	}
	buf_add(&zone, "", 1);
	world_open(&w, zone.data);
	a = find(&w, "full.test", false);
	assert_int_equal(a.n, 20);
	a = find(&w, "over.test", false);
	assert_int_equal(a.why, REFUSAL_too_many_targets);
	assert_true(a.named);
	world_close(&w);
	buf_clear(&zone);
}

static void
cancel(void **state)
{
	struct world w;
	struct answer a = { 0 }, b = { 0 };
	struct designation_query *q;

	(void)state;
	world_open(&w, ZONE);
	a.loop = b.loop = w.loop;
	q = designation_find(w.dns, DESIGNATION_NOTIFY, "good.test", NULL, false, found, &a);
	designation_find(w.dns, DESIGNATION_NOTIFY, "good.test", NULL, false, found, &b);
	designation_cancel(&q);
	assert_null(q);
	loop_run(w.loop);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
	world_close(&w);
}

static void
scopes(void **state)
{
	static const char *const private[] = { "0.1.2.3", "10.1.2.3", "100.64.0.1",
		"100.127.255.255", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "224.0.0.1",
		"240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1",
		"::127.0.0.1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "ff02::1",
		"2002:7f00:1::", "2002:808:808::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1",
		"100::1", "4000::1" };
	static const char *const public[] = { "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.1", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2001:4860::8888", "2a00::1", "3fff:ffff::1", "2001:1::1" };
	struct sockaddr_storage a;

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		assert_true(address_scope_parse(span_str(private[i]), 0, &a));
		if (address_public((struct sockaddr *)&a))
			fail_msg("%s is public", private[i]);
	}
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
		assert_true(address_scope_parse(span_str(public[i]), 0, &a));
		if (!address_public((struct sockaddr *)&a))
			fail_msg("%s is private", public[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(shares),
		cmocka_unit_test(rules),
		cmocka_unit_test(names_servers),
		cmocka_unit_test(publishes),
		cmocka_unit_test(one_address_has_a_share_of_questions),
		cmocka_unit_test(those_who_ask_at_once_join),
		cmocka_unit_test(certain_answers_hold_for_10_s),
		cmocka_unit_test(a_result_lives_while_it_is_read),
		cmocka_unit_test(not_all_results_are_kept),
		cmocka_unit_test(a_new_zone_is_asked_at_once),
		cmocka_unit_test(counts),
		cmocka_unit_test(cancel),
		cmocka_unit_test(scopes),
	};

	return cmocka_run_group_tests_name("designation", tests, NULL, NULL);
}
