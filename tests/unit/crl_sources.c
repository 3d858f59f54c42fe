/* crl_sources — when CRLs are fetched again, how many at once, and which are kept. */
#include "tests/moved_clock.h"
#include "tests/skip.h"
#include "tests/unit/crl_scene.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* -- which are kept -------------------------------------------------------------------------------- */

/* One CRL is kept, its fetcher away. */
static void
begin(struct scene *s)
{
	publish(s, "/root.crl", s->root, &(struct crl_spec) { .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	assert_int_equal(kept(s, ".crl"), 1);
	crl_fetch_free(&s->fetch);
}

/* Sets the time of the last use of every `.from`. */
static void
used_days_ago(const struct scene *s, int days)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - days * CERTS_DAY } };
	DIR *d = opendir(s->cache);
	struct dirent *f;

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
	DIR *d = opendir(s->cache);
	struct dirent *f;
	struct stat st = { 0 };

	while ((f = readdir(d)) != NULL)
		if (strstr(f->d_name, ".from") != NULL)
			assert_int_equal(fstatat(dirfd(d), f->d_name, &st, 0), 0);
	closedir(d);
	return (int64_t)time(NULL) - (int64_t)st.st_mtim.tv_sec;
}

static void
unused(void **state)
{
	struct scene *s = *state;
	int64_t end_ms = clock_mono_ms() + WAIT_MS;

	begin(s);
	used_days_ago(s, 31);
	start(s);
	while (kept(s, ".from") + kept(s, ".crl") > 0 && clock_mono_ms() < end_ms)
		usleep(20000);
	assert_int_equal(kept(s, ".from") + kept(s, ".crl"), 0);
	/* The next judgement asks for it again. */
	tls_holder_look(s->tls);
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
}

/* The restart's fetcher has not been told yet of any use; one judgement must do. */
static void
use_keeps(void **state)
{
	struct scene *s = *state;
	unsigned before;

	begin(s);
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

static void
many(void **state)
{
	struct scene *s = *state;
	int64_t end_ms;

	crl_fetch_free(&s->fetch);
	fill(s, CRL_SOURCES_MAX - 3);
	end_ms = clock_mono_ms() + WAIT_MS;
	start(s);
	for (unsigned i = 0; i < 2; i++) {
		struct cert *leaf = leaf_at(s, i == 0 ? "/a /b" : "/c /d /e", s->root);

		assert_int_equal(judge(s, leaf, NULL), REFUSAL_revocation_unknown);
		cert_free(&leaf);
	}
	/* To wait until it is quiet would be to wait for all of them. */
	while (kept(s, ".from") < CRL_SOURCES_MAX && clock_mono_ms() < end_ms)
		usleep(20000);
	usleep(200000); /* makes it likely that no further one comes */
	assert_int_equal(kept(s, ".from"), CRL_SOURCES_MAX);
}

/* In daily use, it outlives what was asked for once. */
static void
use_counts(void **state)
{
	struct scene *s = *state;

	begin(s);
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

/* -- when, and how much at once -------------------------------------------------------------------- */

static bool
connected(struct scene *s, unsigned n, int64_t ms)
{
	int64_t end_ms = clock_mono_ms() + ms;

	while (web_connections(s->web) < n && clock_mono_ms() < end_ms)
		usleep(20000);
	return web_connections(s->web) >= n;
}

/* The clock goes on, the fetcher's loop is woken by a judgement, and all that is due is begun. */
static void
later(struct scene *s, int64_t by_ms)
{
	move_clock(by_ms);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_revocation_unknown);
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
}

/* The clock that move_clock does not move. */
static int64_t
real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* As many connections as `want`; more only where the machine was so slow that real time made them due. */
static void
still_connected(struct scene *s, unsigned want, int64_t since_ms, int64_t slack_ms)
{
	unsigned now = web_connections(s->web);

	if (real_ms() - since_ms < slack_ms)
		assert_int_equal(now, want);
}

/* 5 s, then 10: whoever is judged meanwhile makes it no faster. */
static void
pauses(void **state)
{
	struct scene *s = *state;
	int64_t began_ms = real_ms();

	crl_fetch_free(&s->fetch);
	start_every(s, 3600000);
	assert_int_equal(judge(s, s->leaf, NULL), REFUSAL_revocation_unknown);
	assert_true(connected(s, 1, WAIT_MS));
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	for (int i = 0; i < 7; i++)
		later(s, CRL_SOURCES_PAUSE_MS / 10);
	still_connected(s, 1, began_ms, CRL_SOURCES_PAUSE_MS * 2 / 10);
	later(s, CRL_SOURCES_PAUSE_MS * 5 / 10);
	assert_true(connected(s, 2, WAIT_MS));
	assert_true(crl_fetch_wait(s->fetch, WAIT_MS));
	began_ms = real_ms();
	later(s, CRL_SOURCES_PAUSE_MS * 14 / 10);
	still_connected(s, 2, began_ms, CRL_SOURCES_PAUSE_MS / 10);
	later(s, CRL_SOURCES_PAUSE_MS);
	assert_true(connected(s, 3, WAIT_MS));
}

static void
before_its_end(void **state)
{
	struct scene *s = *state;
	struct cert *other;

	crl_fetch_free(&s->fetch);
	start_every(s, 24 * 3600000);
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .from_s = -60, .to_s = 3600, .number = 1 });
	assert_int_equal(judge_twice(s, s->leaf, NULL), REFUSAL_NONE);
	publish(s, "/root.crl", s->root,
	    &(struct crl_spec) { .from_s = -30,
		.to_s = 7200,
		.number = 2,
		.revoked = { s->leaf } });
	assert_int_equal(web_connections(s->web), 1);
	tls_holder_on_good(s->tls, crl_fetch_used, s->fetch);
	other = leaf_at(s, "/root.crl", s->root);
	move_clock(3590 * 1000);
	judge(s, other, NULL); /* the first use of a chain is noted, which wakes the fetcher */
	cert_free(&other);
	assert_true(becomes(s, s->leaf, REFUSAL_certificate_revoked));
}

/* A server that takes connections and says nothing. */
static int
listen_mute(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, size) == 0 && listen(fd, 64) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* Those that have come within this time. */
static unsigned
taken(int fd, int *to, unsigned max, int64_t ms)
{
	int64_t end_ms = clock_mono_ms() + ms;
	unsigned n = 0;

	for (; n < max && clock_mono_ms() < end_ms; usleep(10000))
		if ((to[n] = accept(fd, NULL, NULL)) >= 0)
			n++;
	return n;
}

static void
at_once(void **state)
{
	struct scene *s = *state;
	int all[16];
	unsigned port;
	int fd = listen_mute(&port);

	for (unsigned i = 0; i < CRL_SOURCES_AT_ONCE + 4; i++) {
		char ext[128];
		struct cert_spec spec = { .cn = "a.test",
			.san = "DNS:a.test",
			.ext = ext,
			.from_s = -3600,
			.to_s = 90 * CERTS_DAY };
		struct cert *leaf;

		snprintf(ext, sizeof ext, "crlDistributionPoints=URI:http://127.0.0.1:%u/%u", port,
		    i);
		leaf = cert_make(&spec, s->root);
		assert_int_equal(judge(s, leaf, NULL), REFUSAL_revocation_unknown);
		cert_free(&leaf);
	}
	assert_int_equal(taken(fd, all, CRL_SOURCES_AT_ONCE, WAIT_MS), CRL_SOURCES_AT_ONCE);
	assert_int_equal(taken(fd, all + CRL_SOURCES_AT_ONCE, 16 - CRL_SOURCES_AT_ONCE, 300), 0);
	/* The others had only to wait. */
	for (unsigned i = 0; i < CRL_SOURCES_AT_ONCE; i++)
		close(all[i]);
	assert_int_equal(taken(fd, all, 4, WAIT_MS), 4);
	for (unsigned i = 0; i < 4; i++)
		close(all[i]);
	close(fd);
}

/* While its thread hangs, in a log that nobody reads. */
static void
waiting_chains(void **state)
{
	struct scene *s = *state;
	struct cert *leaf[CRL_FETCH_WANTED_MAX + 6];
	static char line[4096];
	char path[16];
	int err = dup(STDERR_FILENO), p[2];

	for (unsigned i = 0; i < CRL_FETCH_WANTED_MAX + 6; i++) {
		snprintf(path, sizeof path, "/%u", i);
		leaf[i] = leaf_at(s, path, s->root);
	}
	crl_fetch_free(&s->fetch);
	start_every(s, 3600000);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
	while (write(p[1], line, sizeof line) > 0)
		continue;
	assert_int_equal(fcntl(p[1], F_SETFL, 0), 0);
	dup2(p[1], STDERR_FILENO);
	judge(s, s->leaf, NULL);
	connected(s, 1, WAIT_MS);
	usleep(300000); /* nothing tells when it hangs: it has come to the log by then, likely */
	for (unsigned i = 0; i < CRL_FETCH_WANTED_MAX + 6; i++)
		judge(s, leaf[i], NULL);
	dup2(err, STDERR_FILENO);
	close(p[1]);
	while (read(p[0], line, sizeof line) > 0)
		continue;
	assert_true(crl_fetch_wait(s->fetch, 6 * WAIT_MS));
	assert_int_equal(kept(s, ".from"), 1 + CRL_FETCH_WANTED_MAX);
	close(p[0]);
	close(err);
	for (unsigned i = 0; i < CRL_FETCH_WANTED_MAX + 6; i++)
		cert_free(&leaf[i]);
}

#define VAST (30 << 20)

static void
publish_vast(struct scene *s, const char *path)
{
	X509_CRL *crl = cert_crl(s->root, &(struct crl_spec) { .number = 1 });
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *kind = OBJ_txt2obj("1.3.6.1.4.1.32473.1", 1);
	unsigned char *der = calloc(1, VAST);
	X509_EXTENSION *ext;
	int n;

	assert_true(ASN1_OCTET_STRING_set(octets, der, VAST) == 1);
	free(der);
	ext = X509_EXTENSION_create_by_OBJ(NULL, kind, 0, octets);
	assert_true(X509_CRL_add_ext(crl, ext, -1) == 1 &&
	    X509_CRL_sign(crl, s->root->key, EVP_sha256()) > 0);
	der = NULL;
	n = i2d_X509_CRL(crl, &der);
	publish_octets(s, path, der, (size_t)n);
	OPENSSL_free(der);
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(kind);
	ASN1_OCTET_STRING_free(octets);
	X509_CRL_free(crl);
}

static void
octets(void **state)
{
	struct scene *s = *state;
	char path[16];
	unsigned n = CRL_SOURCES_OCTETS / VAST + 1;
	int64_t end_ms;

	if (SANITIZED)
		SKIP_BECAUSE("under a sanitizer one such CRL is not read within its 30 seconds");
	crl_fetch_free(&s->fetch);
	fill(s, n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof path, "/%u", i);
		publish_vast(s, path);
	}
	/* Each is fetched once: reading one can take longer than the second after which it would be due again. */
	start_every(s, 3600000);
	end_ms = clock_mono_ms() + 30 * WAIT_MS;
	while (kept(s, ".from") == n && clock_mono_ms() < end_ms)
		usleep(20000);
	while (kept(s, ".crl") < n - 1 && clock_mono_ms() < end_ms)
		usleep(20000);
	assert_true(crl_fetch_wait(s->fetch, 30 * WAIT_MS));
	assert_int_equal(kept(s, ".from"), n - 1);
	assert_int_equal(kept(s, ".crl"), n - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_keeps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(use_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pauses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(before_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waiting_chains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(octets, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("crl_sources", tests, NULL, NULL);
}
