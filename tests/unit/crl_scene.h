/* crl_scene — a CA, its web server, and a fetcher with a cache, in a folder that goes away. */
#ifndef TESTS_UNIT_CRL_SCENE_H
#define TESTS_UNIT_CRL_SCENE_H

#include <dirent.h>
#include <fcntl.h>
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

#include <openssl/pem.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/revoke/crl_cache.h"
#include "common/revoke/crl_fetch.h"
#include "common/revoke/crl_sources.h"
#include "tests/certs.h"
#include "tests/web.h"

#define WAIT_MS 120000

struct scene {
	char folder[64], trust[128], cache[128];
	struct web *web;
	struct cert *root, *leaf;
	struct tls_holder *tls;
	struct crl_fetch *fetch;
};

/* -- the scene ------------------------------------------------------------------------------------- */

static inline void
start_every(struct scene *s, int64_t refresh_ms)
{
	const struct crl_fetch_settings settings = { s->cache, web_zone(), true, refresh_ms };
	struct err e;

	if (!crl_fetch_new(&s->fetch, &settings, s->tls, &e))
		fail_msg("%s", e.text);
	tls_holder_on_unknown(s->tls, crl_fetch_wanted, s->fetch);
}

static inline void
start(struct scene *s)
{
	start_every(s, 1000);
}

static inline struct cert *
leaf_at(struct scene *s, const char *paths, const struct cert *issuer)
{
	char ext[2048] = "crlDistributionPoints=", part[64];
	struct cert_spec spec = { .cn = "a.test",
		.san = "DNS:a.test",
		.ext = ext,
		.from_s = -3600,
		.to_s = 90 * CERTS_DAY };
	size_t n;

	for (; *paths != '\0'; paths += n + (paths[n] == ' ')) {
		n = strcspn(paths, " ");
		snprintf(part, sizeof part, "%.*s", (int)n, paths);
		snprintf(ext + strlen(ext), sizeof ext - strlen(ext), "%sURI:%s",
		    ext[strlen(ext) - 1] == '=' ? "" : ",", web_url(s->web, "127.0.0.1", part));
	}
	return cert_make(&spec, issuer);
}

static inline int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct tls_settings settings = { .user = { (uid_t)-1, (gid_t)-1 } };
	struct err e;

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

static inline int
tear_down(void **state)
{
	struct scene *s = *state;

	crl_fetch_free(&s->fetch);
	tls_holder_free(&s->tls);
	web_free(&s->web);
	cert_free(&s->leaf);
	cert_free(&s->root);
	certs_remove(s->folder);
	free(s);
	return 0;
}

static inline void
publish_octets(struct scene *s, const char *path, const void *p, size_t n)
{
	struct buf answer = BUF_INIT;

	buf_addf(&answer, "HTTP/1.0 200 OK\r\n\r\n");
	buf_add(&answer, p, n);
	web_answer_octets(s->web, path, buf_span(&answer));
	buf_clear(&answer);
}

static inline void
publish(struct scene *s, const char *path, const struct cert *issuer, const struct crl_spec *spec)
{
	X509_CRL *crl = cert_crl(issuer, spec);
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl, &der);

	assert_true(n > 0);
	publish_octets(s, path, der, (size_t)n);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

/* Files of the cache with this ending. */
static inline unsigned
kept(const struct scene *s, const char *ending)
{
	DIR *d = opendir(s->cache);
	struct dirent *f;
	unsigned n = 0;

	assert_non_null(d);
	while ((f = readdir(d)) != NULL) {
		size_t len = strlen(f->d_name);

		n += len > strlen(ending) && strcmp(f->d_name + len - strlen(ending), ending) == 0;
	}
	closedir(d);
	return n;
}

/* As conn does after a handshake. */
static inline enum refusal
judge(struct scene *s, struct cert *leaf, struct cert *with)
{
	STACK_OF(X509) *rest = sk_X509_new_null();
	struct tls *t = tls_holder_get(s->tls);
	struct judgement j;
	struct chain *c;
	struct err e = { .why = REFUSAL_NONE };

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

static inline enum refusal
judge_twice(struct scene *s, struct cert *leaf, struct cert *with)
{
	assert_int_equal(judge(s, leaf, with), REFUSAL_revocation_unknown);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	return judge(s, leaf, with);
}

static inline bool
becomes(struct scene *s, struct cert *leaf, enum refusal why)
{
	int64_t end_ms = clock_mono_ms() + WAIT_MS;

	while (judge(s, leaf, NULL) != why) {
		if (clock_mono_ms() > end_ms)
			return false;
		usleep(20000);
	}
	return true;
}

/* So many others, used an hour ago; the fetcher is away. */
static inline void
fill(struct scene *s, unsigned n)
{
	char name[CRL_CACHE_HEX + 8], path[16];

	for (unsigned i = 0; i < n; i++) {
		struct timespec t[2] = { { .tv_sec = time(NULL) - 3600 } };
		char hex[CRL_CACHE_HEX];
		const char *url;
		FILE *f;

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

#endif
