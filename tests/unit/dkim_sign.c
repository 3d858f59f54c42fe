/* dkim_sign — keys on disk, and what they sign as our own verifier sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/dkim/dkim_sign.h"
#include "common/dkim/dkim_verify.h"
#include "common/loop/offload.h"
#include "tests/unit/dns_world.h"

#define NOW_S 1800000000

/* clang-format off */
#define HEADER										\
	"Received: from x\r\n"								\
	"From: Anna <anna@a.test>\r\n"							\
	"To: bob@b.test,\r\n  carl@c.test\r\n"						\
	"Subject:  one \r\n\t two\r\n"							\
	"Message-ID: <1@a.test>\r\n"							\
	"Content-Type: text/plain; charset=utf-8\r\n"
/* clang-format on */
#define BODY "one  two \r\n\r\n.three\t\r\n\r\n\r\n"

struct scene {
	char temp[64], folder[96];
	struct world w;
	struct offload *pool;
	struct dkim_keys *keys;
	struct buf signed_as; /* fields that dkim_signer_end gave */
	struct err why;
	unsigned calls;
	struct dkim_verdict v[DKIM_SIGNATURES_MAX];
	size_t n;
};

static void
make(struct scene *s, const char *domain, const char *name)
{
	struct err e;

	if (!dkim_keys_make(s->folder, domain, name, &e))
		fail_msg("%s", e.text);
	dkim_keys_unref(&s->keys);
	if (!dkim_keys_load(s->folder, &s->keys, &e))
		fail_msg("%s", e.text);
}

/* TXT records of each pair that the domain has. */
static void
publish(const struct scene *s, const char *domain, struct buf *zone)
{
	const struct dkim_pair *p;
	size_t n = dkim_keys_of(s->keys, domain, &p);

	for (size_t i = 0; i < n; i++)
		for (int a = 0; a < 2; a++) {
			struct buf text = BUF_INIT;
			struct span rest;

			dkim_keys_record(&p[i], (enum dkim_alg)a, &text);
			buf_addf(zone, "%s._domainkey.%s. TXT", p[i].selector[a], domain);
			for (rest = buf_span(&text); rest.n > 0;
			     rest = span_sub(rest, DKIM_STRING_MAX, rest.n))
				buf_addf(zone, " \"%.*s\"",
				    SPAN_FMT(span_sub(rest, 0, DKIM_STRING_MAX)));
			buf_addf(zone, "\n");
			buf_clear(&text);
		}
}

static void
open_scene(struct scene *s)
{
	struct buf zone = BUF_INIT;
	struct err e;

	memset(s, 0, sizeof *s);
	temp_name(s->temp, sizeof s->temp, "dkim-XXXXXX");
	assert_non_null(mkdtemp(s->temp));
	snprintf(s->folder, sizeof s->folder, "%s/dkim", s->temp);
	make(s, "a.test", "20270115");
	publish(s, "a.test", &zone);
	buf_add(&zone, "", 1);
	world_open(&s->w, zone.data);
	buf_clear(&zone);
	assert_true(offload_new(&s->pool, 1, &e) && offload_start(s->pool, &e));
}

static void
close_scene(struct scene *s)
{
	char command[128];

	offload_free(&s->pool);
	loop_drain(s->w.loop);
	world_close(&s->w);
	dkim_keys_unref(&s->keys);
	buf_clear(&s->signed_as);
	snprintf(command, sizeof command, "rm -r %s", s->temp);
	assert_int_equal(system(command), 0);
}

static void
signed_it(void *arg, struct span fields, const struct err *e)
{
	struct scene *s = arg;

	s->calls++;
	s->why = e == NULL ? (struct err) { 0 } : *e;
	buf_reset(&s->signed_as);
	buf_add(&s->signed_as, fields.p, fields.n);
	loop_stop(s->w.loop);
}

static void
sign(struct scene *s, const char *header, const char *body, size_t piece)
{
	struct dkim_signer *d = dkim_signer_new(s->keys, "a.test", NOW_S);
	unsigned calls = s->calls;

	assert_non_null(d);
	dkim_signer_header(d, span_str(header));
	for (size_t at = 0; at < strlen(body); at += piece)
		dkim_signer_body(d, span_sub(span_str(body), at, piece));
	dkim_signer_end(d, s->pool, s->w.loop, signed_it, s);
	assert_int_equal(s->calls, calls);
	loop_run(s->w.loop);
	assert_int_equal(s->calls, calls + 1);
	dkim_signer_free(&d);
}

static void
verified(void *arg, const struct dkim_verdict *v, size_t n)
{
	struct scene *s = arg;

	memcpy(s->v, v, n * sizeof *v);
	s->n = n;
	loop_stop(s->w.loop);
}

static void
verify(struct scene *s, const char *header, const char *body)
{
	struct dkim_verifier *v = dkim_verifier_new(s->w.dns, &(struct dkim_about) { "", NULL },
	    NOW_S);
	struct buf all = BUF_INIT;

	buf_add(&all, s->signed_as.data, s->signed_as.len);
	buf_addf(&all, "%s", header);
	dkim_verifier_header(v, buf_span(&all));
	dkim_verifier_body(v, span_str(body));
	dkim_verifier_end(v, verified, s);
	loop_run(s->w.loop);
	dkim_verifier_free(&v);
	buf_clear(&all);
}

static void
expect(const struct scene *s, enum dkim_word want)
{
	assert_int_equal(s->n, 2);
	for (size_t i = 0; i < 2; i++)
		if (s->v[i].word != want)
			fail_msg("%s: %s", s->v[i].selector, dkim_word_text(s->v[i].word));
}

static void
both_verify(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	for (size_t piece = 1; piece < 40; piece += 5) {
		sign(&s, HEADER, BODY, piece);
		assert_int_equal(s.why.why, REFUSAL_NONE);
		verify(&s, HEADER, BODY);
		expect(&s, DKIM_good);
		assert_string_equal(s.v[0].selector, "20270115-rsa");
		assert_string_equal(s.v[1].selector, "20270115-ed25519");
	}
	sign(&s, HEADER "\r\n", "", 1);
	verify(&s, HEADER, "");
	expect(&s, DKIM_good);
	close_scene(&s);
}

/* Each octet that is not a blank counts in what is signed, and none in what is not. */
static void
altered(void **state)
{
	struct scene s;
	char header[sizeof HEADER], body[sizeof BODY];

	(void)state;
	open_scene(&s);
	sign(&s, HEADER, BODY, 100);
	for (size_t i = 0; i < sizeof BODY - 1; i++) {
		memcpy(body, BODY, sizeof body);
		if (strchr(" \t\r\n", body[i]) != NULL)
			continue;
		body[i] ^= 1;
		verify(&s, HEADER, body);
		expect(&s, DKIM_body);
	}
	for (size_t i = 0; i < sizeof HEADER - 1; i++) {
		memcpy(header, HEADER, sizeof header);
		if (strchr(" \t\r\n:", header[i]) != NULL)
			continue;
		header[i] = header[i] == 'q' ? 'r' : 'q';
		verify(&s, header, BODY);
		expect(&s, i < strlen("Received: from x") ? DKIM_good : DKIM_signature);
	}
	verify(&s, "From: eve@a.test\r\n" HEADER, BODY);
	expect(&s, DKIM_signature);
	verify(&s, HEADER "From: eve@a.test\r\n", BODY);
	expect(&s, DKIM_signature);
	verify(&s, "Subject: other\r\n" HEADER, BODY);
	expect(&s, DKIM_good); /* only From is doubled: lists add a Reply-To or a Sender */
	close_scene(&s);
}

static void
form(void **state)
{
	struct scene s;
	struct span rest, line;
	size_t fields = 0;

	(void)state;
	open_scene(&s);
	sign(&s, HEADER, BODY, 100);
	rest = buf_span(&s.signed_as);
	while (rest.n > 0) {
		line = span_cut(&rest, '\n');
		assert_true(line.n <= 79 && line.p[line.n - 1] == '\r');
		fields += span_starts(line, SPAN_LIT("DKIM-Signature: v=1; a="));
		assert_false(span_starts(span_trim(line), SPAN_LIT("l=")));
	}
	assert_int_equal(fields, 2);
	buf_add(&s.signed_as, "", 1);
	assert_non_null(
	    strstr(s.signed_as.data, "h=From:From:Subject:Message-ID:To:Content-Type;"));
	assert_non_null(strstr(s.signed_as.data, "d=a.test;"));
	assert_non_null(strstr(s.signed_as.data, "c=relaxed/relaxed; t=1800000000;"));
	close_scene(&s);
}

static void
not_signed(void **state)
{
	static const char *const headers[] = { "Subject: x\r\n",
		"From: a@a.test\r\nFrom: b@a.test\r\n", "From: a@a.test\r\nwhat\r\n", "" };
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_null(dkim_signer_new(s.keys, "b.test", NOW_S));
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		sign(&s, headers[i], BODY, 100);
		assert_int_equal(s.why.why, REFUSAL_bad_message);
		assert_int_equal(s.signed_as.len, 0);
	}
	offload_stop(s.pool);
	sign(&s, HEADER, BODY, 100);
	assert_int_equal(s.why.why, REFUSAL_closing);
	close_scene(&s);
}

/* Freed while the pool signs. */
static void
freed_early(void **state)
{
	struct scene s;
	struct dkim_signer *d;

	(void)state;
	open_scene(&s);
	d = dkim_signer_new(s.keys, "a.test", NOW_S);
	dkim_signer_header(d, SPAN_LIT(HEADER));
	dkim_signer_end(d, s.pool, s.w.loop, signed_it, &s);
	dkim_signer_free(&d);
	assert_null(d);
	offload_stop(s.pool);
	loop_drain(s.w.loop);
	assert_int_equal(s.calls, 0);
	close_scene(&s);
}

/* A new pair waits until the old one is removed. */
static void
rotation(void **state)
{
	const struct dkim_pair *p;
	struct dkim_holder *h;
	struct dkim_keys *k;
	struct scene s;
	struct err e;

	(void)state;
	open_scene(&s);
	assert_true(dkim_holder_new(s.folder, &h, &e));
	make(&s, "a.test", "20270601");
	make(&s, "a.test", "20270201");
	k = dkim_holder_get(h);
	assert_int_equal(dkim_keys_of(k, "a.test", &p), 1);
	dkim_keys_unref(&k);
	assert_true(dkim_holder_reload(h, &e));
	k = dkim_holder_get(h);
	assert_int_equal(dkim_keys_of(k, "a.test", &p), 3);
	assert_string_equal(p[0].name, "20270115");
	assert_string_equal(p[1].name, "20270201");
	assert_string_equal(p[2].name, "20270601");
	assert_true(dkim_keys_remove(s.folder, "a.test", "20270115", &e));
	assert_string_equal(p[0].name, "20270115"); /* until it is put back */
	dkim_keys_unref(&k);
	assert_true(dkim_holder_reload(h, &e));
	k = dkim_holder_get(h);
	assert_int_equal(dkim_keys_of(k, "a.test", &p), 2);
	assert_string_equal(p[0].selector[DKIM_RSA_SHA256], "20270201-rsa");
	dkim_keys_unref(&k);
	assert_false(dkim_keys_remove(s.folder, "a.test", "20270115", &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_false(dkim_keys_make(s.folder, "a.test", "20270201", &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_false(dkim_keys_make(s.folder, "a.test", "../x", &e));
	dkim_holder_free(&h);
	close_scene(&s);
}

/* A file with a fault keeps the keys that are in force. */
static void
files_with_faults(void **state)
{
	struct dkim_holder *h;
	const struct dkim_pair *p;
	struct dkim_keys *k;
	char folder[128], path[192];
	struct scene s;
	struct stat st;
	struct err e;

	(void)state;
	open_scene(&s);
	assert_true(dkim_holder_new(s.folder, &h, &e));
	snprintf(folder, sizeof folder, "%s/a.test", s.folder);
	snprintf(path, sizeof path, "%s/20270115-rsa.pem", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	assert_false(dkim_holder_reload(h, &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_non_null(strstr(e.text, "0600"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(dkim_holder_reload(h, &e));
	assert_true(file_replace(folder, "20270116-rsa.pem", SPAN_LIT("no key\n"), &e));
	assert_false(dkim_holder_reload(h, &e));
	assert_int_equal(e.why, REFUSAL_config);
	k = dkim_holder_get(h);
	assert_int_equal(dkim_keys_of(k, "a.test", &p), 1);
	dkim_keys_unref(&k);
	snprintf(path, sizeof path, "cd %s && cp 20270115-ed25519.pem 20270116-rsa.pem", folder);
	assert_int_equal(system(path), 0);
	assert_false(dkim_holder_reload(h, &e));
	assert_non_null(strstr(e.text, "no private rsa key"));
	dkim_holder_free(&h);
	snprintf(path, sizeof path, "%s/none", s.folder);
	assert_true(dkim_keys_load(path, &k, &e));
	assert_int_equal(dkim_keys_of(k, "a.test", &p), 0);
	dkim_keys_unref(&k);
	close_scene(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_verify),
		cmocka_unit_test(altered),
		cmocka_unit_test(form),
		cmocka_unit_test(not_signed),
		cmocka_unit_test(freed_early),
		cmocka_unit_test(rotation),
		cmocka_unit_test(files_with_faults),
	};

	return cmocka_run_group_tests_name("dkim_sign", tests, NULL, NULL);
}
