/* sts — a policy by DNS and https: when it is fetched, how long it is kept, and what outlives what. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "common/base/file.h"
#include "common/http/http.h"
#include "common/loop/offload.h"
#include "common/sts/sts.h"
#include "common/tls/tls.h"
#include "tests/certs.h"
#include "tests/moved_clock.h"
#include "tests/unit/dns_world.h"
#include "tests/web.h"

#define PATH    "/.well-known/mta-sts.txt"
#define ENFORCE "version: STSv1\nmode: enforce\nmx: mail.d.test\nmax_age: 604800\n"
#define TESTING "version: STSv1\nmode: testing\nmx: mail.d.test\nmax_age: 604800\n"
#define NONE    "version: STSv1\nmode: none\nmax_age: 604800\n"

struct scene {
	char folder[64], cache[128];
	struct cert *root, *leaf, *other, *revocable;
	struct web *web;
	struct tls_holder *tls;
	struct http *http;
	struct world w;
	struct sts *sts;
	struct offload *offload; /* NULL: none */
	unsigned unknown;
};

/* Seconds since 1970, later than now by what the test says. */
static int64_t ahead_s;

static int64_t
later_s(void)
{
	return (int64_t)time(NULL) + ahead_s;
}

/* -- the scene ----------------------------------------------------------------------------------- */

/* id NULL: there is no TXT record; "!": DNS does not answer. */
static void
dns_says(struct scene *s, const char *id)
{
	FILE *f = fopen(s->w.path, "w");

	assert_non_null(f);
	fprintf(f, "mta-sts.d.test. A 127.0.0.1\nmta-sts.e.test. A 127.0.0.1\n");
	fprintf(f, "_mta-sts.e.test. TXT \"v=STSv1; id=e\"\n");
	if (id != NULL && *id == '!')
		fprintf(f, "_mta-sts.d.test. CNAME _mta-sts.d.test.\n");
	else if (id != NULL)
		fprintf(f, "_mta-sts.d.test. TXT \"v=STSv1; id=%s\"\n", id);
	fclose(f);
}

static void
web_says(struct scene *s, const char *type, const char *text)
{
	char answer[1024];

	snprintf(answer, sizeof answer,
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type,
	    strlen(text), text);
	web_answer(s->web, PATH, answer);
}

static void
unknown(void *arg, const struct chain *c, const struct judgement *j)
{
	struct scene *s = arg;

	(void)c;
	assert_int_equal(j->n_urls, 1);
	s->unknown++;
}

static void
start(struct scene *s)
{
	s->sts = sts_new(&(struct sts_settings) { .folder = s->cache,
	    .loop = s->w.loop,
	    .dns = s->w.dns,
	    .http = s->http,
	    .tls = s->tls,
	    .offload = s->offload,
	    .on_unknown = unknown,
	    .arg = s,
	    .allow_private = true,
	    .port = (uint16_t)web_port(s->web),
	    .now_s = later_s });
}

static void
restart(struct scene *s)
{
	sts_free(&s->sts);
	start(s);
}

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct tls_settings settings = { .user = { (uid_t)-1, (gid_t)-1 } };
	char trust[128];
	struct err e;

	ahead_s = 0;
	certs_folder(s->folder);
	snprintf(trust, sizeof trust, "%s/trust", s->folder);
	snprintf(s->cache, sizeof s->cache, "%s/sts", s->folder);
	assert_int_equal(mkdir(trust, 0755) | mkdir(s->cache, 0700), 0);
	s->root = cert_root("root");
	s->leaf = cert_leaf("mta-sts.d.test", s->root);
	s->other = cert_leaf("d.test", s->root);
	s->revocable = cert_make(&(struct cert_spec) { .san = "DNS:mta-sts.d.test",
				     .ext = "crlDistributionPoints=URI:http://crl.test/a" },
	    s->root);
	certs_write(certs_path(s->folder, "trust/root.pem"), s->root, NULL);
	settings.trust = trust;
	if (!tls_holder_new(&s->tls, &settings, &e) || !http_new(&s->http, &e))
		fail_msg("%s", e.text);
	s->web = web_new();
	web_secure(s->web, s->leaf, s->root);
	web_says(s, "text/plain", ENFORCE);
	world_open(&s->w, "d.test. TXT \"x\"\n");
	dns_says(s, "1");
	start(s);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	sts_free(&s->sts);
	http_free(&s->http);
	loop_drain(s->w.loop);
	world_close(&s->w);
	web_free(&s->web);
	tls_holder_free(&s->tls);
	cert_free(&s->revocable);
	cert_free(&s->other);
	cert_free(&s->leaf);
	cert_free(&s->root);
	certs_remove(s->folder);
	free(s);
	return 0;
}

struct outcome {
	struct loop *loop;
	unsigned calls, wanted;
	enum refusal why;
	char mode[16], id[STS_ID_BYTES];
	bool kept, names_mail;
	int64_t until_s;
};

static void
found(void *arg, const struct sts_found *f, const struct err *why)
{
	struct outcome *o = arg;
	struct err e;

	o->calls++;
	o->why = why == NULL ? REFUSAL_NONE : why->why;
	snprintf(o->mode, sizeof o->mode, "%s",
	    f->policy == NULL ? "" : sts_mode_word(f->policy->mode));
	snprintf(o->id, sizeof o->id, "%s", f->id);
	o->kept = f->kept;
	o->until_s = f->until_s;
	o->names_mail = f->policy != NULL && sts_policy_allows(f->policy, "mail.d.test", &e);
	if (o->calls >= o->wanted)
		loop_stop(o->loop);
}

static struct outcome
find(struct scene *s, const char *domain)
{
	struct outcome o = { .loop = s->w.loop };

	sts_find(s->sts, domain, found, &o);
	assert_int_equal(o.calls, 0);
	loop_run(s->w.loop);
	assert_int_equal(o.calls, 1);
	return o;
}

/* mode "": no policy */
static void
finds(struct scene *s, const char *mode, const char *id, bool kept, enum refusal why,
    unsigned fetches, int line)
{
	unsigned before = web_connections(s->web);
	struct outcome o = find(s, "d.test");

	if (strcmp(o.mode, mode) != 0 || strcmp(o.id, id) != 0 || o.kept != kept || o.why != why ||
	    web_connections(s->web) - before != fetches)
		fail_msg("line %d: mode \"%s\", id \"%s\", kept %d, %s, %u fetches", line, o.mode,
		    o.id, o.kept, refusal_word(o.why), web_connections(s->web) - before);
}

#define FINDS(mode, id, kept, why, fetches)                                                        \
	finds(s, mode, id, kept, REFUSAL_##why, fetches, __LINE__)

static size_t
files(const struct scene *s)
{
	DIR *d = opendir(s->cache);
	struct dirent *f;
	size_t n = 0;

	while ((f = readdir(d)) != NULL)
		n += f->d_name[0] != '.';
	closedir(d);
	return n;
}

/* -- tests --------------------------------------------------------------------------------------- */

static void
fetched_once(void **state)
{
	struct scene *s = *state;
	struct outcome o;

	FINDS("enforce", "1", false, NONE, 1);
	FINDS("enforce", "1", false, NONE, 0);
	o = find(s, "d.test");
	assert_true(o.names_mail);
	assert_in_range(o.until_s - (int64_t)time(NULL), 604700, 604800);
	assert_int_equal(sts_count(s->sts), 1);
	assert_int_equal(files(s), 1);
	assert_string_equal(find(s, "none.test").mode, "");
	assert_int_equal(sts_count(s->sts), 1);
	restart(s);
	FINDS("enforce", "1", false, NONE, 0);
}

static void
another_id_is_another_policy(void **state)
{
	struct scene *s = *state;

	FINDS("enforce", "1", false, NONE, 1);
	web_says(s, "text/plain; charset=us-ascii", TESTING);
	FINDS("enforce", "1", false, NONE, 0);
	dns_says(s, "2");
	FINDS("testing", "2", false, NONE, 1);
	web_says(s, "text/plain", NONE);
	dns_says(s, "3");
	FINDS("none", "3", false, NONE, 1);
	restart(s);
	FINDS("none", "3", false, NONE, 0);
}

/* Whatever fails, what was kept holds until its end. */
static void
a_kept_policy_outlives_failures(void **state)
{
	struct scene *s = *state;

	FINDS("enforce", "1", false, NONE, 1);
	dns_says(s, NULL);
	FINDS("enforce", "1", true, NONE, 0);
	dns_says(s, "!");
	FINDS("enforce", "1", true, dns_failed, 0);
	dns_says(s, "2");
	web_says(s, "text/html", TESTING);
	FINDS("enforce", "1", true, bad_reply, 1);
	FINDS("enforce", "1", true, bad_reply, 0); /* not at once again */
	restart(s);
	web_secure(s->web, s->other, s->root);
	FINDS("enforce", "1", true, certificate_name, 1);
	dns_says(s, "2; "); /* the same */
	FINDS("enforce", "1", true, certificate_name, 0);
	web_secure(s->web, s->leaf, s->root);
	web_says(s, "text/plain", "version: STSv1\nmode: enforce\nmax_age: 1\n");
	move_clock(STS_PAUSE_MS);
	FINDS("enforce", "1", true, bad_reply, 1);
	dns_says(s, "3"); /* a new id is fetched at once */
	web_says(s, "text/plain", TESTING);
	FINDS("testing", "3", false, NONE, 1);
	ahead_s = 604801;
	dns_says(s, NULL);
	FINDS("", "", false, NONE, 0);
	assert_int_equal(sts_count(s->sts), 0);
	assert_int_equal(files(s), 0);
}

static void
no_policy_is_not_an_error_for_ever(void **state)
{
	struct scene *s = *state;

	web_secure(s->web, s->revocable, s->root);
	FINDS("", "", false, revocation_unknown, 1);
	assert_int_equal(s->unknown, 1);
	FINDS("", "", false, revocation_unknown, 0);
	move_clock(STS_CRL_PAUSE_MS);
	web_secure(s->web, s->leaf, s->root);
	FINDS("enforce", "1", false, NONE, 1);
	dns_says(s, "a-b"); /* malformed: the kept one holds */
	FINDS("enforce", "1", true, NONE, 0);
}

static void
answers_that_are_refused(void **state)
{
	struct scene *s = *state;
	char id[16], answer[256];
	int n = 0;
	const struct {
		const char *answer;
		enum refusal why;
	} rows[] = {
		{ "HTTP/1.1 404 No\r\n\r\n", REFUSAL_bad_reply },
		{ answer, REFUSAL_bad_reply }, /* a redirect, to the same place */
		{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 65537\r\n\r\n",
		    REFUSAL_message_too_big },
		{ "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", REFUSAL_bad_reply },
		{ "HTTP/1.1 200 OK\r\n\r\n" ENFORCE, REFUSAL_bad_reply },
	};

	snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n",
	    web_url(s->web, "mta-sts.d.test", PATH));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(id, sizeof id, "r%d", n++);
		dns_says(s, id);
		web_answer(s->web, PATH, rows[i].answer);
		finds(s, "", "", false, rows[i].why, 1, (int)i);
	}
	dns_says(s, "silent");
	web_silent(s->web, PATH);
	FINDS("", "", false, bad_reply, 1);
	assert_int_equal(files(s), 0);
}

/* After a day, or half of its time, it is fetched again; what fails then does no harm. */
static void
fetched_again_in_time(void **state)
{
	struct scene *s = *state;

	FINDS("enforce", "1", false, NONE, 1);
	ahead_s = STS_FRESH_S - 5;
	FINDS("enforce", "1", false, NONE, 0);
	ahead_s = STS_FRESH_S + 5;
	web_says(s, "text/plain",
	    "version: STSv1\nmode: enforce\nmx: mail.d.test\nmax_age: 3600\n");
	FINDS("enforce", "1", false, NONE, 1);
	ahead_s += 1790;
	FINDS("enforce", "1", false, NONE, 0);
	ahead_s += 20;
	web_answer(s->web, PATH, "HTTP/1.1 500 No\r\n\r\n");
	FINDS("enforce", "1", true, bad_reply, 1);
	ahead_s += 1800;
	FINDS("", "", false, bad_reply, 0);
	/* One that ends at once serves who asked for it. */
	dns_says(s, "0");
	web_says(s, "text/plain", "version: STSv1\nmode: enforce\nmx: mail.d.test\nmax_age: 0\n");
	FINDS("enforce", "0", false, NONE, 1);
	dns_says(s, NULL);
	FINDS("", "", false, NONE, 0);
}

static void
asked_together(void **state)
{
	struct scene *s = *state;
	struct outcome o = { .loop = s->w.loop, .wanted = 50 }, none = { .loop = s->w.loop };
	struct sts_query *q[100];

	for (int i = 0; i < 100; i++)
		q[i] = sts_find(s->sts, "d.test", found, i % 2 == 0 ? &o : &none);
	for (int i = 1; i < 100; i += 2)
		sts_cancel(&q[i]);
	loop_run(s->w.loop);
	assert_int_equal(o.calls, 50);
	assert_int_equal(none.calls, 0);
	assert_int_equal(web_connections(s->web), 1);
	/* Another domain with the same server: its name is judged. */
	assert_int_equal(find(s, "e.test").why, REFUSAL_certificate_name);
	q[0] = sts_find(s->sts, "d.test", found, &none);
	q[1] = sts_find(s->sts, "e.test", found, &none);
}

static void
damaged_files_are_removed(void **state)
{
	struct scene *s = *state;
	struct buf octets = BUF_INIT;
	char path[512] = "";
	struct dirent *f;
	DIR *d;

	FINDS("enforce", "1", false, NONE, 1);
	d = opendir(s->cache);
	while ((f = readdir(d)) != NULL)
		if (f->d_name[0] != '.')
			snprintf(path, sizeof path, "%s/%s", s->cache, f->d_name);
	closedir(d);
	assert_true(file_read(path, 10000, &octets));
	for (size_t at = 0; at < octets.len; at += 7) {
		FILE *out = fopen(path, "w");

		octets.data[at] ^= 1;
		assert_true(fwrite(octets.data, 1, octets.len, out) == octets.len);
		fclose(out);
		octets.data[at] ^= 1;
		restart(s);
		assert_int_equal(sts_count(s->sts), 0);
		assert_int_equal(files(s), 0);
	}
	FINDS("enforce", "1", false, NONE, 1);
	buf_clear(&octets);
}

/* The same with files written by the pool: all is on disk when it has ended. */
static void
written_by_the_pool(void **state)
{
	struct scene *s = *state;
	struct err e;

	sts_free(&s->sts);
	assert_true(offload_new(&s->offload, 2, &e) && offload_start(s->offload, &e));
	start(s);
	for (int i = 0; i < 5; i++) {
		char id[16];

		snprintf(id, sizeof id, "%d", i);
		dns_says(s, id);
		assert_string_equal(find(s, "d.test").id, id);
	}
	offload_stop(s->offload);
	loop_drain(s->w.loop);
	sts_free(&s->sts);
	offload_free(&s->offload);
	start(s);
	FINDS("enforce", "4", false, NONE, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(fetched_once),
		TEST(another_id_is_another_policy),
		TEST(a_kept_policy_outlives_failures),
		TEST(no_policy_is_not_an_error_for_ever),
		TEST(answers_that_are_refused),
		TEST(fetched_again_in_time),
		TEST(asked_together),
		TEST(damaged_files_are_removed),
		TEST(written_by_the_pool),
	};

	return cmocka_run_group_tests_name("sts", tests, NULL, NULL);
}
