/* crl_fetch — what is taken, what is not, and what is never even asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "common/base/clock.h"
#include "common/svc/crl_cache.h"
#include "common/svc/crl_fetch.h"
#include "common/svc/crl_sources.h"
#include "tests/certs.h"
#include "tests/web.h"

#define WAIT_MS	10000

struct scene {
	char			 folder[64], trust[128], cache[128];
	struct web		*web;
	struct cert		*root, *leaf;
	struct tls_holder	*tls;
	struct crl_fetch	*fetch;
};

/* -- the scene ------------------------------------------------------------------------------------- */

static void
start(struct scene *s)
{
	const struct crl_fetch_settings	 settings = { s->cache, web_zone(), true, 1000 };
	struct err			 e;

	if (!crl_fetch_new(&s->fetch, &settings, s->tls, &e))
		fail_msg("%s", e.text);
	tls_holder_on_unknown(s->tls, crl_fetch_wanted, s->fetch);
}

static struct cert *
leaf_at(struct scene *s, const char *paths, const struct cert *issuer)
{
	char			 ext[2048] = "crlDistributionPoints=", part[64];
	struct cert_spec	 spec = { .cn = "a.test", .san = "DNS:a.test", .ext = ext,
		.from_s = -3600, .to_s = 90 * CERTS_DAY };
	size_t			 n;

	for (; *paths != '\0'; paths += n + (paths[n] == ' ')) {
		n = strcspn(paths, " ");
		snprintf(part, sizeof part, "%.*s", (int)n, paths);
		snprintf(ext + strlen(ext), sizeof ext - strlen(ext), "%sURI:%s",
		    ext[strlen(ext) - 1] == '=' ? "" : ",", web_url(s->web, "127.0.0.1", part));
	}
	return cert_make(&spec, issuer);
}

static int
set_up(void **state)
{
	struct scene		*s = calloc(1, sizeof *s);
	struct tls_settings	 settings = { .group = (gid_t)-1 };
	struct err		 e;

	certs_folder(s->folder);
	snprintf(s->trust, sizeof s->trust, "%s/trust", s->folder);
	snprintf(s->cache, sizeof s->cache, "%s/cache", s->folder);
	assert_int_equal(mkdir(s->trust, 0755) | mkdir(s->cache, 0700), 0);
	s->web = web_new();
	s->root = cert_root("root");
	s->leaf = leaf_at(s, "/root.crl", s->root);
	certs_write(certs_path(s->folder, "trust/root.pem"), s->root, NULL);
	settings.trust = s->trust;
	settings.cache = s->cache;
	if (!tls_holder_new(&s->tls, &settings, &e))
		fail_msg("%s", e.text);
	start(s);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene	*s = *state;

	crl_fetch_free(&s->fetch);
	tls_holder_free(&s->tls);
	web_free(&s->web);
	cert_free(&s->leaf);
	cert_free(&s->root);
	certs_remove(s->folder);
	free(s);
	return 0;
}

static void
publish_octets(struct scene *s, const char *path, const void *p, size_t n)
{
	struct buf	 answer = BUF_INIT;

	buf_addf(&answer, "HTTP/1.0 200 OK\r\n\r\n");
	buf_add(&answer, p, n);
	web_answer_octets(s->web, path, buf_span(&answer));
	buf_clear(&answer);
}

static void
publish(struct scene *s, const char *path, const struct cert *issuer, const struct crl_spec *spec)
{
	X509_CRL	*crl = cert_crl(issuer, spec);
	unsigned char	*der = NULL;
	int		 n = i2d_X509_CRL(crl, &der);

	assert_true(n > 0);
	publish_octets(s, path, der, (size_t)n);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

/* Files of the cache with this ending. */
static unsigned
kept(const struct scene *s, const char *ending)
{
	DIR		*d = opendir(s->cache);
	struct dirent	*f;
	unsigned	 n = 0;

	assert_non_null(d);
	while ((f = readdir(d)) != NULL) {
		size_t	 len = strlen(f->d_name);

		n += len > strlen(ending) && strcmp(f->d_name + len - strlen(ending), ending) == 0;
	}
	closedir(d);
	return n;
}

/* As conn does after a handshake. */
static enum refusal
judge(struct scene *s, struct cert *leaf, struct cert *with)
{
	STACK_OF(X509)	*rest = sk_X509_new_null();
	struct tls	*t = tls_holder_get(s->tls);
	struct judgement j;
	struct chain	*c;
	struct err	 e = { .why = REFUSAL_NONE };

	if (with != NULL)
		sk_X509_push(rest, with->x);
	c = chain_new(leaf->x, rest);
	if (!judge_chain(tls_trust(t), c, "a.test", time(NULL), &j, &e) &&
	    e.why == REFUSAL_revocation_unknown)
		crl_fetch_wanted(s->fetch, c, &j);
	else if (e.why == REFUSAL_NONE)
		crl_fetch_used(s->fetch, c);
	chain_unref(&c);
	sk_X509_free(rest);
	tls_unref(&t);
	return e.why;
}

static enum refusal
judge_twice(struct scene *s, struct cert *leaf, struct cert *with)
{
	assert_int_equal(judge(s, leaf, with), REFUSAL_revocation_unknown);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	return judge(s, leaf, with);
}

/* -- what is taken --------------------------------------------------------------------------------- */

static void
takes(void **state)
{
	struct scene	*s = *state;

	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	assert_int_equal(kept(s, ".crl"), 1);
	assert_int_equal(kept(s, ".from"), 1);
	assert_int_equal(kept(s, ".new"), 0);
}

static bool
becomes(struct scene *s, struct cert *leaf, enum refusal why)
{
	int64_t	 end_ms = clock_mono_ms() + WAIT_MS;

	while (judge(s, leaf, NULL) != why) {
		if (clock_mono_ms() > end_ms)
			return false;
		usleep(20000);
	}
	return true;
}

static void
refreshes(void **state)
{
	struct scene	*s = *state;
	struct cert	*other = leaf_at(s, "/root.crl", s->root);

	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 2, .revoked = { s->leaf } });
	assert_true(becomes(s, s->leaf, REFUSAL_certificate_revoked));
	assert_int_equal(judge(s, other, NULL), REFUSAL_NONE);
	cert_free(&other);
}

static void
restarts(void **state)
{
	struct scene	*s = *state;

	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	crl_fetch_free(&s->fetch);
	start(s);
	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 2, .revoked = { s->leaf } });
	assert_true(becomes(s, s->leaf, REFUSAL_certificate_revoked));
}

static void
whole_path(void **state)
{
	struct scene	*s = *state;
	char		 ext[256];
	struct cert	*inter, *leaf;

	snprintf(ext, sizeof ext, "crlDistributionPoints=URI:%s", web_url(s->web, "127.0.0.1", "/up"));
	inter = cert_make(&(struct cert_spec){ .cn = "inter", .ca = true, .ext = ext, .from_s = -3600,
	    .to_s = 90 * CERTS_DAY }, s->root);
	leaf = leaf_at(s, "/missing /low", inter);
	publish(s, "/up", s->root, &(struct crl_spec){ .number = 1 });
	publish(s, "/low", inter, &(struct crl_spec){ .number = 1 });
	assert_int_equal(judge_twice(s, leaf, inter), REFUSAL_NONE);
	assert_int_equal(kept(s, ".crl"), 2);
	cert_free(&leaf);
	cert_free(&inter);
}

/* -- what is not ----------------------------------------------------------------------------------- */

static void
not_taken(struct scene *s, const char *path)
{
	struct cert	*leaf = leaf_at(s, path, s->root);
	unsigned	 before = kept(s, ".crl");

	assert_int_equal(judge_twice(s, leaf, NULL), REFUSAL_revocation_unknown);
	if (kept(s, ".crl") != before)
		fail_msg("taken: %s", path);
	cert_free(&leaf);
}

static void
refuses(void **state)
{
	struct scene	*s = *state;
	struct cert	*twin = cert_root("root"), *other = cert_root("other");

	publish_octets(s, "/empty", "", 0);
	publish_octets(s, "/text", "<html>not found</html>", 22);
	publish_octets(s, "/der", "\060\003\002\001\000", 5);
	publish(s, "/twin", twin, &(struct crl_spec){ .number = 1 });
	publish(s, "/other", other, &(struct crl_spec){ .number = 1 });
	publish(s, "/future", s->root, &(struct crl_spec){ .from_s = 3600, .to_s = 7200, .number = 1 });
	publish(s, "/delta", s->root, &(struct crl_spec){ .number = 2,
	    .ext = "2.5.29.27=critical,DER:020101" });
	not_taken(s, "/none");
	not_taken(s, "/empty");
	not_taken(s, "/text");
	not_taken(s, "/der");
	not_taken(s, "/twin");
	not_taken(s, "/other");
	not_taken(s, "/future");
	not_taken(s, "/delta");
	cert_free(&twin);
	cert_free(&other);
}

/* A peer may show a certificate of its issuer's name and its own making: the key counts that
 * stands in the path that verified. */
static void
twin_in_chain(void **state)
{
	struct scene	*s = *state;
	struct cert	*twin = cert_root("root");

	publish(s, "/root.crl", twin, &(struct crl_spec){ .number = 9 });
	assert_int_equal(judge_twice(s, s->leaf, twin), REFUSAL_revocation_unknown);
	assert_int_equal(kept(s, ".crl"), 0);
	cert_free(&twin);
}

static void
older(void **state)
{
	struct scene	*s = *state;
	unsigned	 before;

	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 7, .from_s = -60, .to_s = 7200,
	    .revoked = { s->leaf } });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	/* By number, by date, without a number. */
	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 6, .from_s = -30, .to_s = 7200 });
	before = web_connections(s->web);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 8, .from_s = -90, .to_s = 7200 });
	before = web_connections(s->web);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	publish(s, "/root.crl", s->root, &(struct crl_spec){ .from_s = -30, .to_s = 7200 });
	before = web_connections(s->web);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_certificate_revoked);
	publish(s, "/root.crl", s->root, &(struct crl_spec){ .number = 8, .from_s = -30, .to_s = 7200 });
	assert_true(becomes(s, s->leaf, REFUSAL_NONE));
}

/* -- what is never asked for ----------------------------------------------------------------------- */

static void
unverified(void **state)
{
	struct scene	*s = *state;
	struct cert	*stranger = cert_root("stranger"), *leaf = leaf_at(s, "/root.crl", stranger);
	struct judgement j = { .n_urls = 1 };
	struct chain	*c = chain_new(leaf->x, NULL);

	snprintf(j.urls[0], sizeof j.urls[0], "%s", web_url(s->web, "127.0.0.1", "/root.crl"));
	assert_int_equal(judge(s, leaf, stranger), REFUSAL_certificate_untrusted);
	crl_fetch_wanted(s->fetch, c, &j);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	assert_int_equal(web_connections(s->web), 0);
	assert_int_equal(kept(s, ".from"), 0);
	chain_unref(&c);
	cert_free(&leaf);
	cert_free(&stranger);
}

/* Every `.from` was used so long ago, says its time. */
static void
used_days_ago(const struct scene *s, int days)
{
	struct timespec	 t[2] = { { .tv_sec = time(NULL) - days * CERTS_DAY } };
	DIR		*d = opendir(s->cache);
	struct dirent	*f;

	t[1] = t[0];
	while ((f = readdir(d)) != NULL)
		if (strstr(f->d_name, ".from") != NULL)
			assert_int_equal(utimensat(dirfd(d), f->d_name, t, 0), 0);
	closedir(d);
}

/* Seconds since the only `.from` was used. */
static int64_t
used_s(const struct scene *s)
{
	DIR		*d = opendir(s->cache);
	struct dirent	*f;
	struct stat	 st = { 0 };

	while ((f = readdir(d)) != NULL)
		if (strstr(f->d_name, ".from") != NULL)
			assert_int_equal(fstatat(dirfd(d), f->d_name, &st, 0), 0);
	closedir(d);
	return (int64_t)time(NULL) - (int64_t)st.st_mtim.tv_sec;
}

static void
unused(void **state)
{
	struct scene	*s = *state;
	int64_t		 end_ms = clock_mono_ms() + WAIT_MS;

	takes(state);
	crl_fetch_free(&s->fetch);
	used_days_ago(s, 31);
	start(s);
	while (kept(s, ".from") + kept(s, ".crl") > 0 && clock_mono_ms() < end_ms)
		usleep(20000);
	assert_int_equal(kept(s, ".from") + kept(s, ".crl"), 0);
	/* Who is judged next asks anew. */
	tls_holder_look(s->tls);
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
}

/* The restart's fetcher has not been told yet of any use; one judgement must do. */
static void
use_keeps(void **state)
{
	struct scene	*s = *state;
	unsigned	 before;

	takes(state);
	crl_fetch_free(&s->fetch);
	used_days_ago(s, 29);
	start(s);
	assert_true(used_s(s) > 28 * CERTS_DAY);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_NONE);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	assert_true(used_s(s) < 60);
	/* Not at each judgement. */
	used_days_ago(s, 3);
	before = web_connections(s->web);
	for (int i = 0; i < 100; i++)
		assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_NONE);
	while (web_connections(s->web) < before + 2)
		usleep(20000);
	assert_true(used_s(s) > 2 * CERTS_DAY);
}

/* So many others, used an hour ago; the fetcher is away. */
static void
fill(struct scene *s, unsigned n)
{
	char	 name[CRL_CACHE_HEX + 8], path[16];

	for (unsigned i = 0; i < n; i++) {
		struct timespec		 t[2] = { { .tv_sec = time(NULL) - 3600 } };
		char			 hex[CRL_CACHE_HEX];
		const char		*url;
		FILE			*f;

		t[1] = t[0];
		snprintf(path, sizeof path, "/%u", i);
		url = web_url(s->web, "127.0.0.1", path);
		crl_cache_hex(s->root->x, url, hex);
		snprintf(name, sizeof name, ".%s.from", hex);
		f = fopen(certs_path(s->cache, name), "w");
		assert_true(f != NULL && fprintf(f, "%s\n", url) > 0 &&
		    PEM_write_X509(f, s->root->x) == 1 && fclose(f) == 0);
		assert_int_equal(utimensat(AT_FDCWD, certs_path(s->cache, name), t, 0), 0);
	}
}

static void
many(void **state)
{
	struct scene	*s = *state;
	int64_t		 end_ms;

	crl_fetch_free(&s->fetch);
	fill(s, CRL_SOURCES_MAX - 3);
	end_ms = clock_mono_ms() + WAIT_MS;
	start(s);
	for (unsigned i = 0; i < 2; i++) {
		struct cert	*leaf = leaf_at(s, i == 0 ? "/a /b" : "/c /d /e", s->root);

		assert_int_equal(judge(s, leaf, NULL), REFUSAL_revocation_unknown);
		cert_free(&leaf);
	}
	/* To wait until it is quiet would be to wait for all of them. */
	while (kept(s, ".from") < CRL_SOURCES_MAX && clock_mono_ms() < end_ms)
		usleep(20000);
	usleep(500000);
	assert_int_equal(kept(s, ".from"), CRL_SOURCES_MAX);
}

/* In daily use, it outlives what was asked for once. */
static void
use_counts(void **state)
{
	struct scene	*s = *state;

	takes(state);
	crl_fetch_free(&s->fetch);
	used_days_ago(s, 20);
	start(s);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_NONE);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	crl_fetch_free(&s->fetch);
	fill(s, CRL_SOURCES_MAX);
	start(s);
	while (kept(s, ".from") > CRL_SOURCES_MAX)
		usleep(20000);
	assert_int_equal(kept(s, ".crl"), 1);
}

/* Damage in the folder is no reason to stay away. */
static void
damaged(void **state)
{
	struct scene	*s = *state;
	FILE		*f;

	crl_fetch_free(&s->fetch);
	f = fopen(certs_path(s->cache, ".0000000000000000000000000000000000000000000000000000000000000000.from"), "w");
	assert_non_null(f);
	fputs("http://127.0.0.1:1/\nnonsense", f);
	fclose(f);
	start(s);
	takes(state);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(takes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refreshes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(restarts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whole_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(twin_in_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(older, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unverified, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_keeps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("crl_fetch", tests, NULL, NULL);
}
