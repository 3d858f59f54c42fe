/* http — URLs, answers, and one GET against servers that mean ill. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/http/http.h"
#include "common/http/http_head.h"
#include "common/loop/loop.h"
#include "tests/moved_clock.h"
#include "tests/web.h"

/* -- URLs ------------------------------------------------------------------------------------------ */

static void
urls(void **state)
{
	static const struct {
		const char *url, *host, *target;
		unsigned port;
	} good[] = {
		{ "http://crl.test/a.crl", "crl.test", "/a.crl", 80 },
		{ "HTTP://CRL.Test", "crl.test", "/", 80 },
		{ "http://crl.test:8080/a?b#c", "crl.test", "/a?b", 8080 },
		{ "http://crl.test:443/", "crl.test", "/", 443 },
		{ "http://crl.test?x", "crl.test", "/?x", 80 },
		{ "http://192.0.2.1/%41", "192.0.2.1", "/%41", 80 },
		{ "http://[2001:DB8::1]:1024/x", "2001:db8::1", "/x", 1024 },
	};
	static const char *const bad[] = {
		"",
		"http://",
		"http:///x",
		"https://crl.test/",
		"ftp://crl.test/",
		"file:///etc/passwd",
		"ldap://crl.test/cn=x",
		"//crl.test/",
		"http://user@crl.test/",
		"http://a b/",
		"http://a/ b",
		"http://a/\r\nX: y",
		"http://a\n/",
		"http://a/\177",
		"http://a/\303\274",
		"http://a:x/",
		"http://a:0/",
		"http://a:65536/",
		"http://a:-1/",
		"http://[::1/",
		"http://[::1]x/",
		"http://a:80:80/",
		"http://[x]/",
		"http://a\\b/",
	};
	struct http_url u;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!http_url_parse(span_str(good[i].url), false, &u, &e))
			fail_msg("%s: %s", good[i].url, e.text);
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.target, good[i].target);
		assert_int_equal(u.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (http_url_parse(span_str(bad[i]), false, &u, &e))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.why, REFUSAL_bad_syntax);
	}
	assert_true(http_url_parse(SPAN_LIT("HTTPS://a.test/x"), true, &u, &e));
	assert_int_equal(u.port, 443);
	assert_string_equal(u.authority, "a.test");
	assert_true(http_url_parse(SPAN_LIT("https://a.test:8443/x"), true, &u, &e));
	assert_string_equal(u.authority, "a.test:8443");
	assert_true(http_url_parse(SPAN_LIT("https://a.test:80/x"), true, &u, &e));
	assert_string_equal(u.authority, "a.test:80");
	assert_false(http_url_parse(SPAN_LIT("http://a.test/x"), true, &u, &e));
	assert_int_equal(e.why, REFUSAL_bad_syntax);
	assert_false(http_url_parse(SPAN_LIT("http://a:22/"), false, &u, &e));
	assert_int_equal(e.why, REFUSAL_bad_port);
	assert_false(http_url_parse(SPAN_LIT("http://a:1023/"), false, &u, &e));
	assert_int_equal(e.why, REFUSAL_bad_port);
}

static void
lengths(void **state)
{
	char text[HTTP_URL_MAX + 2];
	struct http_url u;
	struct err e;

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "http://a.test/", 14);
	assert_true(http_url_parse(span_of(text, HTTP_URL_MAX), false, &u, &e));
	assert_int_equal(strlen(u.target), HTTP_URL_MAX - 13);
	assert_false(http_url_parse(span_of(text, HTTP_URL_MAX + 1), false, &u, &e));
	memset(text, 'a', sizeof text);
	memcpy(text, "http://", 7);
	assert_false(http_url_parse(span_of(text, 7 + DOMAIN_MAX + 1), false, &u, &e));
	assert_true(http_url_parse(span_of(text, 7 + DOMAIN_MAX), false, &u, &e));
	memset(text, 'a', sizeof text);
	memcpy(text, "http://a?", 9);
	assert_true(http_url_parse(span_of(text, HTTP_URL_MAX), false, &u, &e));
	assert_int_equal(strlen(u.target), HTTP_URL_MAX - 8 + 1);
}

static void
locations(void **state)
{
	struct http_url from, to;
	struct err e;

	(void)state;
	assert_true(http_url_parse(SPAN_LIT("http://a.test:8080/x"), false, &from, &e));
	assert_true(http_url_follow(&from, SPAN_LIT("/y?z"), &to, &e));
	assert_string_equal(to.host, "a.test");
	assert_string_equal(to.target, "/y?z");
	assert_int_equal(to.port, 8080);
	assert_true(http_url_follow(&from, SPAN_LIT("http://b.test/"), &to, &e));
	assert_string_equal(to.authority, "b.test");
	assert_false(http_url_follow(&from, SPAN_LIT("//b.test/"), &to, &e));
	assert_false(http_url_follow(&from, SPAN_LIT("y"), &to, &e));
	assert_false(http_url_follow(&from, SPAN_LIT("/y\001"), &to, &e));
	assert_false(http_url_follow(&from, SPAN_LIT("file:///y"), &to, &e));
	assert_false(http_url_follow(&from, SPAN_LIT(""), &to, &e));
}

/* -- headers --------------------------------------------------------------------------------------- */

#define BODY_MOST 100

/* All lines of `text`, each with its end. */
static bool
read_head(struct http_head *h, const char *text, struct err *e)
{
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
		if (!http_head_line(h, span_of(text, (size_t)(end - text) + 1), BODY_MOST, e))
			return false;
	return true;
}

static void
heads(void **state)
{
	static const struct {
		const char *in;
		enum refusal why; /* REFUSAL_NONE: it is good */
		int status;
		uint64_t length;
	} table[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", REFUSAL_NONE, 200, 3 },
		{ "HTTP/1.1 200 OK\r\ncontent-length:3 \r\n\r\n", REFUSAL_NONE, 200, 3 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", REFUSAL_NONE, 200, 100 },
		{ "HTTP/1.0 200\r\n\r\n", REFUSAL_NONE, 200, 0 },
		{ "HTTP/1.1 200 OK\r\nX: y\r\n z: more\r\n\r\n", REFUSAL_NONE, 200, 0 },
		{ "HTTP/1.1 100 x\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		    REFUSAL_NONE, 200, 0 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nno colon\r\n", REFUSAL_NONE,
		    200, 0 },
		{ "HTTP/1.1 404 No\r\nContent-Length: 101\r\n\r\n", REFUSAL_NONE, 404, 101 },
		{ "HTTP/1.1 302 x\r\nLocation: /y\r\n\r\n", REFUSAL_NONE, 302, 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		    REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", REFUSAL_message_too_big, 0, 0 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", REFUSAL_bad_reply,
		    0, 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 2000 x\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 20\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 099 x\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/2 200\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "SSH-2.0-OpenSSH\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 200 OK\r\n: x\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
		{ "HTTP/1.1 100 x\r\n\r\nX: y\r\n\r\n", REFUSAL_bad_reply, 0, 0 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct http_head h = { .status = 0 };
		bool good = read_head(&h, table[i].in, &e);

		if (good != (table[i].why == REFUSAL_NONE) || (!good && e.why != table[i].why) ||
		    (good && (!h.whole || h.status != table[i].status)))
			fail_msg("%s", table[i].in);
		if (good)
			assert_int_equal(h.length, table[i].length);
	}
}

/* All lines together, also of interim answers and after the body. */
static void
head_lengths(void **state)
{
	const char *status = "HTTP/1.1 103 x\r\n", *field = "X: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
	struct http_head h = { .status = 0 };
	size_t octets = strlen(status);
	struct err e;

	(void)state;
	assert_true(http_head_line(&h, span_str(status), 0, &e));
	for (; octets + strlen(field) + 2 <= HTTP_HEAD_BYTES - strlen(status);
	     octets += strlen(field))
		assert_true(http_head_line(&h, span_str(field), 0, &e));
	assert_true(http_head_line(&h, SPAN_LIT("\r\n"), 0, &e));
	assert_true(http_head_line(&h, span_str(status), 0, &e));
	octets += 2 + strlen(status);
	assert_int_equal(h.octets, octets);
	for (; octets < HTTP_HEAD_BYTES; octets++)
		assert_true(http_head_line(&h, SPAN_LIT(" "), 0, &e));
	assert_false(http_head_line(&h, SPAN_LIT(" "), 0, &e));
	assert_int_equal(e.why, REFUSAL_bad_reply);
}

/* -- GET ------------------------------------------------------------------------------------------- */

struct outcome {
	struct loop *loop;
	unsigned leaves; /* calls after which the loop ends; 0: one */
	unsigned calls, good;
	enum refusal why;
	size_t octets;
	char first[64];
};

static void
came(void *arg, struct span body, const struct err *e)
{
	struct outcome *o = arg;

	o->calls++;
	o->good += e == NULL;
	o->why = e == NULL ? REFUSAL_NONE : e->why;
	o->octets = body.n;
	span_copy(span_sub(body, 0, sizeof o->first - 1), o->first, sizeof o->first);
	if (o->calls >= o->leaves)
		loop_stop(o->loop);
}

/* What may ask, and is ended in the right order. */
struct asker {
	struct http *http;
	struct dns *dns;
};

static struct asker
asker_new(struct outcome *o)
{
	struct asker a;
	struct err e;

	if (!loop_new(&o->loop, &e) || !dns_new(&a.dns, o->loop, web_zone(), &e) ||
	    !http_new(&a.http, &e))
		fail_msg("%s", e.text);
	return a;
}

static void
asker_free(struct asker *a, struct outcome *o)
{
	http_free(&a->http);
	loop_drain(o->loop);
	dns_free(&a->dns);
	loop_free(&o->loop);
}

#define GET_BYTES     (32 << 20)
#define GET_MS        30000
#define GET_REDIRECTS 3

static struct http_get *
ask(const struct asker *a, const char *url, bool allow_private, struct outcome *o)
{
	const struct http_ask ask = { .url = url,
		.allow_private = allow_private,
		.most_bytes = GET_BYTES,
		.most_ms = GET_MS,
		.redirects = GET_REDIRECTS };

	return http_get(a->http, o->loop, a->dns, &ask, came, o);
}

static struct outcome
get(const char *url, bool allow_private)
{
	struct outcome o = { .calls = 0 };
	struct asker a = asker_new(&o);

	(void)ask(&a, url, allow_private, &o);
	assert_int_equal(o.calls, 0);
	loop_run(o.loop);
	assert_int_equal(o.calls, 1);
	asker_free(&a, &o);
	return o;
}

static void
plain(void **state)
{
	struct web *w = *state;
	struct outcome o;

	web_answer(w, "/a", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	web_answer(w, "/b", "HTTP/1.0 200 OK\r\n\r\nto the end");
	web_answer(w, "/c", "HTTP/1.0 404 No\r\n\r\n");
	o = get(web_url(w, "127.0.0.1", "/a"), true);
	assert_int_equal(o.why, REFUSAL_NONE);
	assert_string_equal(o.first, "hello");
	o = get(web_url(w, "here.test", "/b"), true);
	assert_int_equal(o.why, REFUSAL_NONE);
	assert_string_equal(o.first, "to the end");
	assert_int_equal(get(web_url(w, "here.test", "/c"), true).why, REFUSAL_bad_reply);
	o = get(web_url(w, "many.test", "/a"), true); /* others do not answer */
	assert_int_equal(o.why, REFUSAL_NONE);
}

/* What the server says, to the end of its stream, and what becomes of it. */
static void
answers(void **state)
{
	static const struct {
		const char *in;
		enum refusal why; /* REFUSAL_NONE: `body` is the body */
		const char *body;
	} table[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", REFUSAL_NONE, "abc" },
		{ "HTTP/1.1 200 OK\r\ncontent-length:3 \r\n\r\nabcd", REFUSAL_NONE, "abc" },
		{ "HTTP/1.0 200\r\n\r\nabc", REFUSAL_NONE, "abc" },
		{ "HTTP/1.1 200 OK\r\n\r\nabc", REFUSAL_NONE, "abc" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
		    REFUSAL_NONE, "abc" },
		{ "HTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		    REFUSAL_NONE, "abc" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
		    REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", REFUSAL_bad_reply,
		    NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
		    REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\n\r\n", REFUSAL_message_too_big,
		    NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 404 No\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 204 No\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 2000 x\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "HTTP/2 200\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "SSH-2.0-OpenSSH\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\n: x\r\n\r\nabc", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\nno colon\r\n\r\nabc", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 200 OK\r\n", REFUSAL_bad_reply, NULL },
		{ "HTTP/1.1 100 x\r\n\r\n", REFUSAL_bad_reply, NULL },
		{ "", REFUSAL_bad_reply, NULL },
	};
	struct web *w = *state;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct outcome o;

		web_answer(w, "/answer", table[i].in);
		o = get(web_url(w, "here.test", "/answer"), true);
		if (o.why != table[i].why)
			fail_msg("%s: %s", table[i].in, refusal_word(o.why));
		if (table[i].body != NULL)
			assert_string_equal(o.first, table[i].body);
	}
}

/* What we say: one plain request, whatever the environment asks for. */
static void
request(void **state)
{
	static const char want[] = "GET /a?b=%41/../c HTTP/1.1\r\nHost: here.test:";
	struct web *w = *state;
	char text[2048];

	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1/", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1/", 1), 0);
	(void)get(web_url(w, "here.test", "/a?b=%41/../c"), true);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	web_request(w, text, sizeof text);
	if (strncmp(text, want, strlen(want)) != 0 || strcasestr(text, "encoding") != NULL ||
	    strcasestr(text, "cookie") != NULL || strcasestr(text, "authorization") != NULL)
		fail_msg("%s", text);
}

static void
names(void **state)
{
	struct web *w = *state;

	assert_int_equal(get(web_url(w, "nothing.test", "/a"), true).why, REFUSAL_no_such_domain);
	assert_int_equal(get(web_url(w, "empty.test", "/a"), true).why, REFUSAL_unreachable);
	assert_int_equal(get("ftp://here.test/a", true).why, REFUSAL_bad_syntax);
	assert_int_equal(get("http://127.0.0.1:1/", true).why, REFUSAL_bad_port);
	assert_int_equal(get("http://127.0.0.1:9/", true).why, REFUSAL_bad_port);
	assert_int_equal(get("http://127.0.0.1:1024/", true).why, REFUSAL_unreachable);
}

static void
private_addresses(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "here.test", "mapped.test", "[::1]",
		"169.254.169.254", "10.0.0.1", "[fe80::1]", "[::ffff:127.0.0.1]" };
	struct web *w = *state;
	unsigned before = web_connections(w);

	web_answer(w, "/a", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		assert_int_equal(get(web_url(w, hosts[i], "/a"), false).why,
		    REFUSAL_private_address);
	assert_int_equal(web_connections(w), before);
}

static void
redirects(void **state)
{
	struct web *w = *state;
	char text[512];

	web_answer(w, "/end", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
	web_answer(w, "/1", "HTTP/1.1 301 x\r\nLocation: /end\r\nContent-Length: 9999\r\n\r\n");
	snprintf(text, sizeof text, "HTTP/1.1 307 x\r\nLocation: %s\r\n\r\n",
	    web_url(w, "here.test", "/1"));
	web_answer(w, "/2", text);
	web_answer(w, "/3", "HTTP/1.1 302 x\r\nLocation: /2\r\n\r\n");
	web_answer(w, "/4", "HTTP/1.1 308 x\r\nLocation: /3\r\n\r\n");
	web_answer(w, "/round", "HTTP/1.1 302 x\r\nLocation: /round\r\n\r\n");
	web_answer(w, "/file", "HTTP/1.1 302 x\r\nLocation: file:///etc/passwd\r\n\r\n");
	web_answer(w, "/none", "HTTP/1.1 302 x\r\n\r\n");
	web_answer(w, "/ssh", "HTTP/1.1 302 x\r\nLocation: http://here.test:22/\r\n\r\n");
	assert_int_equal(get(web_url(w, "127.0.0.1", "/3"), true).why, REFUSAL_NONE);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/4"), true).why, REFUSAL_bad_reply);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/round"), true).why, REFUSAL_bad_reply);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/file"), true).why, REFUSAL_bad_syntax);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/none"), true).why, REFUSAL_bad_syntax);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/ssh"), true).why, REFUSAL_bad_port);
}

/* Set once the request was seen to go on 5 s before its deadline. */
static atomic_bool still_under_way;
static unsigned connections_before;

/* Three that never end: announced as 1 GiB, not announced at all, a header without end. */
static void
endless(void **state)
{
	struct web *w = *state;
	int64_t began_ms = clock_mono_ms();

	web_endless(w, "/huge", "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
	web_endless(w, "/stream", "HTTP/1.1 200 OK\r\n\r\n");
	web_endless(w, "/head", "HTTP/1.1 200 OK\r\nX: ");
	assert_int_equal(get(web_url(w, "127.0.0.1", "/huge"), true).why, REFUSAL_message_too_big);
	assert_true(web_sent(w) < 8 << 20);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/stream"), true).why,
	    REFUSAL_message_too_big);
	assert_true(web_sent(w) < GET_BYTES + (16 << 20));
	assert_int_equal(get(web_url(w, "127.0.0.1", "/head"), true).why, REFUSAL_bad_reply);
	assert_true(clock_mono_ms() - began_ms < GET_MS);
}

/* Moves the clock on while something drips: first to just before the deadline, then past it. */
static void *
moves_on(void *web)
{
	const size_t head = strlen("HTTP/1.1 200 OK\r\n\r\n");

	while (web_connections(web) == connections_before || web_sent(web) < head + 1)
		usleep(1000);
	move_clock(GET_MS - 5000);
	while (web_sent(web) < head + 4)
		usleep(1000);
	atomic_store(&still_under_way, true);
	move_clock(5000);
	return NULL;
}

/* Never silent for long, and never done. */
static void
slow(void **state)
{
	struct web *w = *state;
	int64_t began_ms = clock_mono_ms();
	pthread_t mover;

	web_drip(w, "/drip", "HTTP/1.1 200 OK\r\n\r\n");
	connections_before = web_connections(w);
	assert_int_equal(pthread_create(&mover, NULL, moves_on, w), 0);
	assert_int_equal(get(web_url(w, "127.0.0.1", "/drip"), true).why, REFUSAL_too_slow);
	assert_true(atomic_load(&still_under_way));
	assert_int_equal(pthread_join(mover, NULL), 0);
	assert_true(clock_mono_ms() - began_ms >= GET_MS - 100);
}

static void
given_up(void **state)
{
	struct web *w = *state;
	struct outcome o = { .calls = 0 };
	struct asker a = asker_new(&o);
	struct http_get *g[4];

	web_silent(w, "/silent");
	g[0] = ask(&a, web_url(w, "here.test", "/silent"), true, &o);
	g[1] = ask(&a, "nonsense", true, &o);
	g[2] = ask(&a, web_url(w, "127.0.0.1", "/silent"), true, &o);
	for (int i = 0; i < 3; i++) {
		http_get_cancel(&g[i]);
		assert_null(g[i]);
	}
	loop_stop(o.loop);
	loop_run(o.loop);
	assert_int_equal(o.calls, 0);
	asker_free(&a, &o);
}

/* Given up while the server says nothing: the thread lets go of the connection at once. */
static void
given_up_late(void **state)
{
	struct web *w = *state;
	struct outcome o = { .calls = 0 };
	struct asker a = asker_new(&o);
	unsigned before = web_connections(w);
	struct http_get *g;

	web_silent(w, "/silent");
	g = ask(&a, web_url(w, "127.0.0.1", "/silent"), true, &o);
	while (web_connections(w) == before)
		usleep(1000);
	http_get_cancel(&g);
	web_answer(w, "/a", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	(void)ask(&a, web_url(w, "127.0.0.1", "/a"), true, &o);
	loop_run(o.loop);
	assert_int_equal(o.calls, 1);
	assert_string_equal(o.first, "hello");
	asker_free(&a, &o);
}

/* Many at once, to one name: each is bounded by its own rules. */
static void
together(void **state)
{
	struct web *w = *state;
	struct outcome o = { .calls = 0, .leaves = 40 };
	struct asker a = asker_new(&o);

	web_answer(w, "/a", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	for (unsigned i = 0; i < 40; i++)
		(void)ask(&a, web_url(w, "here.test", "/a"), i % 2 == 0, &o);
	loop_run(o.loop);
	assert_int_equal(o.calls, 40);
	assert_int_equal(o.good, 20);
	asker_free(&a, &o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(lengths),
		cmocka_unit_test(locations),
		cmocka_unit_test(heads),
		cmocka_unit_test(head_lengths),
		cmocka_unit_test(plain),
		cmocka_unit_test(answers),
		cmocka_unit_test(request),
		cmocka_unit_test(names),
		cmocka_unit_test(private_addresses),
		cmocka_unit_test(redirects),
		cmocka_unit_test(endless),
		cmocka_unit_test(slow),
		cmocka_unit_test(given_up),
		cmocka_unit_test(given_up_late),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests_name("http", tests, web_setup, web_teardown);
}
