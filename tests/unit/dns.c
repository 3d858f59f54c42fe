/* dns — kinds of answers, times, limits, zones that change; a name server that misbehaves. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/dns.h"
#include "common/dns/dns_packet.h"
#include "common/loop/loop.h"
#include "common/share/share.h"
#include "tests/temp.h"
#include "tests/unit/dns_silent.h"

struct world {
	char path[64], spec[80];
	struct loop *loop;
	struct dns *dns;
};

struct answer {
	struct loop *loop;
	unsigned calls;
	enum dns_status status;
	int rcode;
	uint32_t ttl_s;
	char alias[DNS_NAME_BYTES];
	size_t n;
	char first[256]; /* rdata[0], raw */
	size_t first_n;
};

static void
write_zone(const struct world *w, const char *text)
{
	FILE *f = fopen(w->path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
world_open(struct world *w, const char *zone)
{
	struct err e;
	int fd;

	temp_name(w->path, sizeof w->path, "dns-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	close(fd);
	write_zone(w, zone);
	assert_true(loop_new(&w->loop, &e));
	snprintf(w->spec, sizeof(w->spec), "zone:%s", w->path);
	if (!dns_new(&w->dns, w->loop, w->spec, &e))
		fail_msg("%s", e.text);
}

static void
world_close(struct world *w)
{
	dns_free(&w->dns);
	loop_free(&w->loop);
	unlink(w->path);
}

static void
answered(void *arg, const struct dns_answer *r)
{
	struct answer *a = arg;

	a->calls++;
	a->status = r->status;
	a->rcode = r->rcode;
	a->ttl_s = r->ttl_s;
	snprintf(a->alias, sizeof a->alias, "%s", r->alias != NULL ? r->alias : "");
	a->n = r->n;
	if (r->n > 0) {
		a->first_n = r->rdata[0].n < sizeof(a->first) ? r->rdata[0].n : sizeof(a->first);
		memcpy(a->first, r->rdata[0].p, a->first_n);
	}
	loop_stop(a->loop);
}

static struct answer
ask_octets(struct world *w, struct span name, enum dns_type type)
{
	struct answer a = { .loop = w->loop };

	dns_ask(w->dns, name, type, answered, &a);
	assert_int_equal(a.calls, 0); /* never inside the call */
	loop_run(w->loop);
	assert_int_equal(a.calls, 1);
	return a;
}

static struct answer
ask(struct world *w, const char *name, enum dns_type type)
{
	return ask_octets(w, span_str(name), type);
}

static void
gives(struct world *w, const char *name, enum dns_type type, enum dns_status status)
{
	struct answer a = ask(w, name, type);

	if (a.status != status)
		fail_msg("%s: status %d, rcode %d", name, (int)a.status, a.rcode);
}

#define ZONE                                                                                       \
	"a.test. 17 A 192.0.2.1\n"                                                                 \
	"a.test. 17 TXT \"one\" \"two\"\n"                                                         \
	"b.test. 9 CNAME a.test.\n"                                                                \
	"c.test. CNAME nothing.test.\n"                                                            \
	"d.test. CNAME d.test.\n"                                                                  \
	"x.below.test. A 192.0.2.2\n"                                                              \
	"sp\\032ace.test. A 192.0.2.3\n"                                                           \
	"foo.invalid. A 192.0.2.4\n"                                                               \
	"localhost. A 192.0.2.5\n"                                                                 \
	"m.test. MX 10 a.test.\n"                                                                  \
	"1.0.0.127.in-addr.arpa. PTR a.test.\n"                                                    \
	"1.0.168.192.in-addr.arpa. PTR a.test.\n"                                                  \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa. PTR a.test.\n"

static void
kinds(void **state)
{
	struct world w;
	struct answer a;

	(void)state;
	world_open(&w, ZONE);
	a = ask(&w, "a.test", DNS_A);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.ttl_s, 17);
	assert_int_equal(a.n, 1);
	assert_memory_equal(a.first, "\xc0\x00\x02\x01", 4);
	assert_int_equal(ask(&w, "A.Test.", DNS_A).status, DNS_OK);
	a = ask(&w, "a.test", DNS_TXT);
	assert_int_equal(a.first_n, 8);
	assert_memory_equal(a.first, "\x03one\x03two", 8);
	a = ask(&w, "b.test", DNS_A);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.ttl_s, 9); /* the CNAME's */
	assert_string_equal(a.alias, "a.test");
	assert_string_equal(ask(&w, "c.test", DNS_A).alias, "nothing.test");
	assert_string_equal(ask(&w, "a.test", DNS_A).alias, "");
	a = ask(&w, "a.test", DNS_MX);
	assert_int_equal(a.status, DNS_NODATA);
	assert_int_equal(a.rcode, 0);
	a = ask(&w, "nothing.test", DNS_A);
	assert_int_equal(a.status, DNS_NXDOMAIN);
	assert_int_equal(a.rcode, 3);
	assert_in_range(a.ttl_s, 50, 60); /* it is cached, and counts down on a slow machine */
	gives(&w, "below.test", DNS_A, DNS_NODATA);
	gives(&w, "c.test", DNS_A, DNS_NXDOMAIN);
	gives(&w, "d.test", DNS_A, DNS_FAILED);
	gives(&w, "d.test", DNS_TXT, DNS_FAILED);
	gives(&w, "d.test", DNS_A, DNS_FAILED); /* from the cache */
	gives(&w, "foo.invalid", DNS_A, DNS_OK);
	gives(&w, "localhost", DNS_A, DNS_OK);
	gives(&w, "1.0.0.127.in-addr.arpa", DNS_PTR, DNS_OK);
	gives(&w, "1.0.168.192.in-addr.arpa", DNS_PTR, DNS_OK);
	gives(&w, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
	    DNS_PTR, DNS_OK);
	gives(&w, "sp ace.test", DNS_A, DNS_OK);
	world_close(&w);
}

static void
no_names(void **state)
{
	struct world w;
	char name[300];

	(void)state;
	world_open(&w, ZONE);
	gives(&w, "a..test", DNS_A, DNS_NXDOMAIN);
	gives(&w, ".test", DNS_A, DNS_NXDOMAIN);
	gives(&w, "a.test..", DNS_A, DNS_NXDOMAIN);
	memset(name, 'a', sizeof(name));
	for (size_t n = 62; n <= 64; n++)
		assert_int_equal(ask_octets(&w, span_of(name, n), DNS_A).status, DNS_NXDOMAIN);
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	for (size_t n = 252; n <= 255; n++)
		assert_int_equal(ask_octets(&w, span_of(name, n), DNS_A).status, DNS_NXDOMAIN);
	for (unsigned c = 0; c < 256; c++) {
		snprintf(name, sizeof(name), "x?y.test");
		name[1] = (char)c;
		assert_int_equal(ask_octets(&w, span_of(name, 8), DNS_A).status, DNS_NXDOMAIN);
	}
	world_close(&w);
}

static void
cnames(void **state)
{
	struct buf zone = BUF_INIT;
	struct world w;

	(void)state;
	for (int i = 0; i < 9; i++)
		buf_addf(&zone, "c%d.test. CNAME c%d.test.\n", i, i + 1);
	buf_addf(&zone, "c9.test. A 192.0.2.1\n");
	buf_add(&zone, "", 1);
	world_open(&w, zone.data);
	gives(&w, "c2.test", DNS_A, DNS_OK);
	gives(&w, "c1.test", DNS_A, DNS_OK); /* 8 */
	gives(&w, "c0.test", DNS_A, DNS_FAILED);
	world_close(&w);
	buf_clear(&zone);
}

static void
many_records(void **state)
{
	struct buf zone = BUF_INIT;
	struct world w;

	(void)state;
	for (int i = 0; i < 256; i++)
		buf_addf(&zone, "full.test. A 192.0.2.%d\nover.test. A 192.0.2.%d\n", i, i);
	buf_addf(&zone, "over.test. A 192.0.3.1\n");
	buf_add(&zone, "", 1);
	world_open(&w, zone.data);
	assert_int_equal(ask(&w, "full.test", DNS_A).n, DNS_RECORDS_MAX);
	gives(&w, "over.test", DNS_A, DNS_FAILED);
	world_close(&w);
	buf_clear(&zone);
}

static void
zone_changes(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, "a.test. A 192.0.2.1\n");
	gives(&w, "a.test", DNS_A, DNS_OK);
	gives(&w, "b.test", DNS_A, DNS_NXDOMAIN);
	write_zone(&w, "bb.test. A 192.0.2.1\nb.test. A 192.0.2.1\n");
	gives(&w, "b.test", DNS_A, DNS_OK);
	gives(&w, "a.test", DNS_A, DNS_NXDOMAIN);
	write_zone(&w, "this is no zone\n");
	gives(&w, "b.test", DNS_A, DNS_OK); /* the old one holds */
	unlink(w.path);
	gives(&w, "b.test", DNS_A, DNS_OK);
	write_zone(&w, ". SOA . . 1 2 3 4 5\n. NS .\nz.test. A 192.0.2.1\n");
	gives(&w, "z.test", DNS_A, DNS_OK);
	world_close(&w);
}

static void
cancel(void **state)
{
	struct world w;
	struct answer a = { 0 }, b = { 0 };
	struct dns_query *q;

	(void)state;
	world_open(&w, ZONE);
	a.loop = b.loop = w.loop;
	q = dns_ask(w.dns, SPAN_LIT("a.test"), DNS_A, answered, &a);
	dns_ask(w.dns, SPAN_LIT("b.test"), DNS_A, answered, &b);
	dns_cancel(&q);
	assert_null(q);
	loop_run(w.loop);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
	dns_ask(w.dns, SPAN_LIT("a.test"), DNS_A, answered, &a);
	world_close(&w);
	assert_int_equal(a.calls, 0);
}

/* Nothing listens at port 9: questions stay open, and are given up in order. */
static void
unanswered(void **state)
{
	struct err e;
	struct loop *l;
	struct dns *d;
	struct answer a = { 0 };
	struct dns_query *q;

	(void)state;
	assert_true(loop_new(&l, &e));
	assert_true(dns_new(&d, l, "127.0.0.1@9,anchor=none", &e));
	a.loop = l;
	q = dns_ask(d, SPAN_LIT("a.test"), DNS_A, answered, &a);
	dns_cancel(&q);
	dns_ask(d, SPAN_LIT("b.test"), DNS_A, answered, &a);
	loop_stop(l);
	loop_run(l);
	dns_free(&d);
	assert_int_equal(a.calls, 0);
	loop_free(&l);
}

static void
equal_questions_are_one(void **state)
{
	struct err e;
	struct loop *l;
	struct dns *d;
	struct answer a = { 0 };
	struct dns_query *q[100];
	int fd;

	(void)state;
	assert_true(loop_new(&l, &e));
	d = silent(l, &fd);
	for (size_t i = 0; i < 100; i++)
		q[i] = dns_ask(d, i % 2 == 0 ? SPAN_LIT("a.test") : SPAN_LIT("A.test"), DNS_A,
		    answered, &a);
	assert_int_equal(dns_under_way(d), 1);
	dns_ask(d, SPAN_LIT("a.test"), DNS_AAAA, answered, &a);
	dns_ask(d, SPAN_LIT("b.a.test"), DNS_A, answered, &a);
	assert_int_equal(dns_under_way(d), 3);
	for (size_t i = 0; i < 100; i++)
		dns_cancel(&q[i]);
	assert_int_equal(dns_under_way(d), 3); /* libunbound goes on */
	dns_ask(d, SPAN_LIT("a.test"), DNS_A, answered, &a);
	assert_int_equal(dns_under_way(d), 3);
	dns_free(&d);
	close(fd);
	assert_int_equal(a.calls, 0);
	loop_free(&l);
}

struct held {
	struct loop *loop;
	unsigned calls;
	enum refusal why;
};

static void
held_back(void *arg, const struct dns_answer *a)
{
	struct held *h = arg;
	struct err e;

	h->calls++;
	assert_int_equal(a->status, DNS_FAILED);
	assert_false(dns_err(a, "a.test", &e));
	h->why = e.why;
	loop_stop(h->loop);
}

static void
one_domain_has_a_share(void **state)
{
	const size_t most = 128;
	struct err e;
	struct loop *l;
	struct dns *d;
	struct held h = { 0 };
	struct answer a = { 0 };
	struct share *s = share_new();
	char name[32];
	int fd;

	(void)state;
	assert_true(loop_new(&l, &e));
	h.loop = l;
	d = silent(l, &fd);
	dns_set_share(d, s);
	for (size_t i = 0; i < most; i++) {
		snprintf(name, sizeof name, "h%zu.a.test", i);
		dns_ask_about(d, SPAN_LIT("a.test"), NULL, span_str(name), DNS_A, answered, &a);
	}
	assert_int_equal(dns_under_way(d), most);
	dns_ask_about(d, SPAN_LIT("a.test"), NULL, SPAN_LIT("x.a.test"), DNS_A, held_back, &h);
	assert_int_equal(h.calls, 0);
	loop_run(l);
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.why, REFUSAL_question_share);
	assert_int_equal(dns_under_way(d), most);
	/* what is under way already is joined, and others are not held back */
	dns_ask_about(d, SPAN_LIT("a.test"), NULL, SPAN_LIT("h7.a.test"), DNS_A, answered, &a);
	assert_int_equal(dns_under_way(d), most);
	dns_ask_about(d, SPAN_LIT("b.test"), NULL, SPAN_LIT("x.a.test"), DNS_A, answered, &a);
	dns_ask(d, SPAN_LIT("y.a.test"), DNS_A, answered, &a);
	assert_int_equal(dns_under_way(d), most + 2);
	assert_int_equal(share_held(s, SHARE_questions), most + 1);
	dns_free(&d);
	assert_int_equal(share_held(s, SHARE_questions), 0);
	close(fd);
	share_free(&s);
	loop_free(&l);
}

/* The domains that one certificate names ask for one address. */
static void
one_address_has_a_share(void **state)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr = { htonl(0xc0000201) } };
	const struct sockaddr *from = (const struct sockaddr *)&peer;
	const size_t most = 256;
	struct err e;
	struct loop *l;
	struct dns *d;
	struct held h = { 0 };
	struct answer a = { 0 };
	struct share *s = share_new();
	char name[32];
	int fd;

	(void)state;
	assert_true(loop_new(&l, &e));
	h.loop = l;
	d = silent(l, &fd);
	dns_set_share(d, s);
	for (size_t i = 0; i < most; i++) {
		snprintf(name, sizeof name, "h%zu.test", i);
		dns_ask_about(d, span_str(name), from, span_str(name), DNS_A, answered, &a);
	}
	assert_int_equal(dns_under_way(d), most);
	dns_ask_about(d, SPAN_LIT("x.test"), from, SPAN_LIT("x.test"), DNS_A, held_back, &h);
	loop_run(l);
	assert_int_equal(h.why, REFUSAL_question_share);
	peer.sin_addr.s_addr = htonl(0xc0000202);
	dns_ask_about(d, SPAN_LIT("x.test"), from, SPAN_LIT("x.test"), DNS_A, answered, &a);
	assert_int_equal(dns_under_way(d), most + 1);
	dns_free(&d);
	assert_int_equal(share_held(s, SHARE_questions_address), 0);
	close(fd);
	share_free(&s);
	loop_free(&l);
}

/* A resolver that answers every question, and leaves out what DNSSEC wants. */
struct stripping {
	struct loop *loop;
	int fd;
	unsigned calls;
	struct err why;
};

static void
strip(void *arg, unsigned ready)
{
	static const unsigned char a[] = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00"
					 "\x02\x01";
	struct stripping *s = arg;
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	unsigned char m[512];
	ssize_t n = recvfrom(s->fd, m, sizeof m / 2, 0, (struct sockaddr *)&from, &size);
	size_t end = 12;

	(void)ready;
	if (n < 17)
		return;
	while (end < (size_t)n && m[end] != 0)
		end += m[end] + 1u;
	end += 5;
	memset(m + 6, 0, 6);
	m[2] = 0x81;
	m[3] = 0x80;
	if (m[end - 3] == DNS_A) {
		m[7] = 1;
		memcpy(m + end, a, sizeof a - 1);
		end += sizeof a - 1;
	}
	(void)sendto(s->fd, m, end, 0, (struct sockaddr *)&from, size);
}

static void
stripped(void *arg, const struct dns_answer *a)
{
	struct stripping *s = arg;

	s->calls++;
	assert_int_equal(a->status, DNS_BOGUS);
	assert_false(dns_err(a, "www.a.test", &s->why));
	loop_stop(s->loop);
}

static void
a_resolver_without_dnssec_is_named(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof at;
	struct stripping s = { 0 };
	char anchor[64], spec[128];
	struct loop_fd *watch;
	struct dns *d;
	struct err e;
	int fd;

	(void)state;
	temp_name(anchor, sizeof anchor, "dns-anchor-XXXXXX");
	fd = mkstemp(anchor);
	assert_true(dprintf(fd,
			". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237"
			"C7F8EC8D\n") > 0);
	close(fd);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(getsockname(s.fd, (struct sockaddr *)&at, &size), 0);
	assert_true(loop_new(&s.loop, &e));
	watch = loop_fd_new(s.loop, s.fd, strip, &s);
	loop_fd_want(watch, LOOP_READ);
	snprintf(spec, sizeof spec, "127.0.0.1@%u,anchor=%s", (unsigned)ntohs(at.sin_port), anchor);
	assert_true(dns_new(&d, s.loop, spec, &e));
	dns_ask(d, SPAN_LIT("www.a.test"), DNS_A, stripped, &s);
	loop_run(s.loop);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.why.why, REFUSAL_dns_bogus);
	if (strstr(s.why.text, "leaves out DNSSEC") == NULL ||
	    strstr(s.why.text, "anchor=none") == NULL)
		fail_msg("%s", s.why.text);
	dns_free(&d);
	loop_fd_free(&watch);
	close(s.fd);
	loop_free(&s.loop);
	unlink(anchor);
}

static void
specs(void **state)
{
	static const char *const bad[] = { "", "sys", "127.0.0.1", "127.0.0.1@", "127.0.0.1@0",
		"127.0.0.1@65536", "host@53", "@53", "zone:", "zone:/nonexistent", "system,x=1",
		"system,anchor=/nonexistent", "zone:a\"b" };
	static const char *const good[] = { "system,anchor=none", "127.0.0.1@53,anchor=none",
		"::1@5353,anchor=none", "system" };
	struct err e;
	struct loop *l;
	struct dns *d;

	(void)state;
	assert_true(loop_new(&l, &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (dns_new(&d, l, bad[i], &e))
			fail_msg("%s is taken", bad[i]);
		assert_int_equal(e.why, REFUSAL_config);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!dns_new(&d, l, good[i], &e))
			fail_msg("%s: %s", good[i], e.text);
		dns_free(&d);
	}
	loop_free(&l);
}

/* -- packets that no honest name server sends ------------------------------------------------- */

#define HEAD(flags, answers) "\x12\x34\x81" flags "\x00\x01\x00" answers "\x00\x00\x00\x00"
#define QUESTION                                                                                   \
	"\x01"                                                                                     \
	"a\x04test\x00\x00\x01\x00\x01"
#define ANSWER(rdata) "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x09" rdata

static enum dns_status
read_packet(struct span packet)
{
	struct dns_packet p;
	enum dns_status status;
	char *exact = malloc(packet.n + 1);

	memset(&p, 0, sizeof(p));
	assert_non_null(exact);
	memcpy(exact, packet.p, packet.n);
	dns_packet_read(&p, span_of(exact, packet.n), SPAN_LIT("a.test"), DNS_A);
	status = p.status;
	dns_packet_clear(&p);
	free(exact);
	return status;
}

static void
packets(void **state)
{
	static const char good[] = HEAD("\x80", "\x01") QUESTION ANSWER("\x00\x04\xc0\x00\x02\x01");
	char bad[sizeof(good)];

	(void)state;
	assert_int_equal(read_packet(span_of(good, sizeof(good) - 1)), DNS_OK);
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		assert_int_not_equal(read_packet(span_of(good, n)), DNS_OK);
	for (size_t i = 0; i < sizeof(good) - 1; i++) /* any octet changed: no harm */
		for (unsigned c = 0; c < 256; c++) {
			memcpy(bad, good, sizeof(good));
			bad[i] = (char)c;
			read_packet(span_of(bad, sizeof(good) - 1));
		}
	assert_int_equal(read_packet(SPAN_LIT(HEAD("\x82", "\x01") QUESTION)), DNS_FAILED);
	assert_int_equal(read_packet(SPAN_LIT(HEAD("\x85", "\x00") QUESTION)), DNS_FAILED);
	assert_int_equal(read_packet(SPAN_LIT(HEAD("\x83", "\x00") QUESTION)), DNS_NXDOMAIN);
	assert_int_equal(read_packet(SPAN_LIT(HEAD("\x80", "\x00") QUESTION)), DNS_NODATA);
	/* another question's answer; a name that points at itself */
	assert_int_equal(read_packet(
			     SPAN_LIT(HEAD("\x80", "\x00") "\x01"
							   "b\x04test\x00\x00\x01\x00\x01")),
	    DNS_FAILED);
	assert_int_equal(read_packet(
			     SPAN_LIT(HEAD("\x80", "\x00") "\x01"
							   "a\x04test\x00\x00\x10\x00\x01")),
	    DNS_FAILED);
	assert_int_equal(read_packet(SPAN_LIT(HEAD("\x80", "\x00") "\xc0\x0c\x00\x01\x00\x01")),
	    DNS_FAILED);
}

/* A CNAME to a name of control characters: in one form for people it is longer than a name. */
static void
an_alias_that_is_too_long(void **state)
{
	struct buf b = BUF_INIT;
	struct dns_packet p = { 0 };
	char label[64];

	(void)state;
	memset(label, 3, sizeof label);
	label[0] = 63;
	buf_add(&b, HEAD("\x80", "\x01") QUESTION, sizeof(HEAD("\x80", "\x01") QUESTION) - 1);
	buf_add(&b, "\xc0\x0c\0\5\0\1\0\0\0\x1e\0\x81", 12);
	buf_add(&b, label, sizeof label);
	buf_add(&b, label, sizeof label);
	buf_add(&b, "", 1);
	memset(p.alias, 'x', sizeof p.alias);
	dns_packet_read(&p, buf_span(&b), SPAN_LIT("a.test"), DNS_A);
	assert_int_equal(p.status, DNS_FAILED);
	assert_string_equal(p.why, "a record is malformed");
	assert_string_equal(p.alias, "");
	dns_packet_clear(&p);
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(no_names),
		cmocka_unit_test(cnames),
		cmocka_unit_test(many_records),
		cmocka_unit_test(zone_changes),
		cmocka_unit_test(cancel),
		cmocka_unit_test(unanswered),
		cmocka_unit_test(equal_questions_are_one),
		cmocka_unit_test(one_domain_has_a_share),
		cmocka_unit_test(one_address_has_a_share),
		cmocka_unit_test(a_resolver_without_dnssec_is_named),
		cmocka_unit_test(specs),
		cmocka_unit_test(packets),
		cmocka_unit_test(an_alias_that_is_too_long),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
