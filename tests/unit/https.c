/* http by TLS — whose certificate is taken, and what else must be right with the answer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "common/http/http.h"
#include "common/loop/loop.h"
#include "common/pki/judge.h"
#include "tests/certs.h"
#include "tests/web.h"

#define CDP "crlDistributionPoints=URI:http://crl.test/a.crl"

struct scene {
	char folder[64];
	struct cert *root, *inter, *stranger;
	struct trust *trust;
	struct web *web;
};

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	char command[256];
	struct err e;

	certs_folder(s->folder);
	snprintf(command, sizeof command, "mkdir %s/trust %s/crls", s->folder, s->folder);
	assert_int_equal(system(command), 0);
	s->root = cert_root("root");
	s->inter = cert_intermediate("inter", s->root);
	s->stranger = cert_root("stranger");
	certs_write(certs_path(s->folder, "trust/root.pem"), s->root, NULL);
	if (!trust_load(certs_path(s->folder, "trust"), "", NULL, NULL, TRUST_STRICT, &s->trust,
		&e))
		fail_msg("%s", e.text);
	s->web = web_new();
	web_answer(s->web, "/a",
	    "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello");
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	web_free(&s->web);
	trust_unref(&s->trust);
	cert_free(&s->stranger);
	cert_free(&s->inter);
	cert_free(&s->root);
	certs_remove(s->folder);
	free(s);
	return 0;
}

struct outcome {
	struct loop *loop;
	unsigned calls, unknown;
	enum refusal why;
	char body[16];
};

static void
came(void *arg, struct span body, const struct err *e)
{
	struct outcome *o = arg;

	o->calls++;
	o->why = e == NULL ? REFUSAL_NONE : e->why;
	if (e == NULL)
		span_copy(body, o->body, sizeof o->body);
	loop_stop(o->loop);
}

static void
unknown(void *arg, const struct chain *c, const struct judgement *j)
{
	struct outcome *o = arg;

	assert_non_null(c);
	assert_int_equal(j->n_urls, 1);
	assert_string_equal(j->urls[0], "http://crl.test/a.crl");
	o->unknown++;
}

static struct outcome
get(struct scene *s, const char *url, const char *media)
{
	struct outcome o = { .why = REFUSAL_NONE };
	const struct http_trust trust = { s->trust, unknown, &o };
	struct dns *dns;
	struct http *h;
	struct err e;

	assert_true(
	    loop_new(&o.loop, &e) && dns_new(&dns, o.loop, web_zone(), &e) && http_new(&h, &e));
	http_get(h, o.loop, dns,
	    &(struct http_ask) { .url = url,
		.allow_private = true,
		.most_bytes = 1000,
		.most_ms = 30000,
		.redirects = 1,
		.trust = &trust,
		.media = media },
	    came, &o);
	assert_int_equal(o.calls, 0);
	loop_run(o.loop);
	assert_int_equal(o.calls, 1);
	http_free(&h);
	loop_drain(o.loop);
	dns_free(&dns);
	loop_free(&o.loop);
	return o;
}

/* -- certificates ------------------------------------------------------------------------------ */

static void
certificates(void **state)
{
	struct scene *s = *state;
	const struct {
		const char *what;
		struct cert_spec spec;
		const struct cert *by;
		enum refusal why;
	} rows[] = {
		{ "good", { .san = "DNS:here.test" }, s->inter, REFUSAL_NONE },
		{ "wildcard", { .san = "DNS:*.here.test" }, s->inter, REFUSAL_certificate_name },
		{ "other name", { .san = "DNS:there.test" }, s->inter, REFUSAL_certificate_name },
		{ "common name", { .cn = "here.test" }, s->inter, REFUSAL_certificate_name },
		{ "expired", { .san = "DNS:here.test", .from_s = -7200, .to_s = -60 }, s->inter,
		    REFUSAL_certificate_expired },
		{ "self-signed", { .san = "DNS:here.test" }, NULL, REFUSAL_certificate_selfsigned },
		{ "unknown CA", { .san = "DNS:here.test" }, s->stranger,
		    REFUSAL_certificate_untrusted },
		{ "revocation unknown", { .san = "DNS:here.test", .ext = CDP }, s->inter,
		    REFUSAL_revocation_unknown },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cert *leaf = cert_make(&rows[i].spec, rows[i].by);
		struct outcome o;

		web_secure(s->web, leaf, rows[i].by != NULL ? rows[i].by : leaf);
		o = get(s, web_url(s->web, "here.test", "/a"), "text/plain");
		if (o.why != rows[i].why)
			fail_msg("%s: %s", rows[i].what, refusal_word(o.why));
		assert_string_equal(o.body, o.why == REFUSAL_NONE ? "hello" : "");
		assert_int_equal(o.unknown, o.why == REFUSAL_revocation_unknown);
		web_secure(s->web, NULL, NULL);
		cert_free(&leaf);
	}
}

/* -- answers ----------------------------------------------------------------------------------- */

static void
answers(void **state)
{
	struct scene *s = *state;
	struct cert *leaf = cert_leaf("here.test", s->inter);
	char text[256];
	unsigned before;

	web_secure(s->web, leaf, s->inter);
	assert_int_equal(get(s, web_url(s->web, "here.test", "/a"), NULL).why, REFUSAL_NONE);
	assert_int_equal(get(s, web_url(s->web, "here.test", "/a"), "text/html").why,
	    REFUSAL_bad_reply);
	web_answer(s->web, "/untyped", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
	assert_int_equal(get(s, web_url(s->web, "here.test", "/untyped"), "text/plain").why,
	    REFUSAL_bad_reply);
	/* The name is that of each URL on the way. */
	snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n",
	    web_url(s->web, "other.test", "/a"));
	web_answer(s->web, "/there", text);
	assert_int_equal(get(s, web_url(s->web, "here.test", "/there"), NULL).why,
	    REFUSAL_certificate_name);
	/* Nobody is led from https to http. */
	snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: http://here.test:%u/a\r\n\r\n",
	    web_port(s->web));
	web_answer(s->web, "/plain", text);
	assert_int_equal(get(s, web_url(s->web, "here.test", "/plain"), NULL).why,
	    REFUSAL_bad_syntax);
	before = web_connections(s->web);
	assert_int_equal(get(s, "http://here.test/a", NULL).why, REFUSAL_bad_syntax);
	assert_int_equal(web_connections(s->web), before);
	web_secure_old(s->web);
	assert_int_equal(get(s, web_url(s->web, "here.test", "/a"), NULL).why, REFUSAL_tls_failed);
	web_secure(s->web, NULL, NULL);
	cert_free(&leaf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests_name("https", tests, set_up, tear_down);
}
