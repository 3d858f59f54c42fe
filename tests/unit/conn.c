/* conn — engines over real sockets and real TLS, on two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "common/tls/tls_session.h"
#include "tests/unit/conn_scene.h"

#define MIB (1024UL * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct scene {
	struct tls_scene tls;
	struct toy_server mutual, clients, silence;
	int silent; /* a connection that never says a word */
	int64_t silent_ms;
};

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	scene_open(&s->tls);
	toy_open(&s->mutual, &s->tls, TLS_PEERS);
	toy_open(&s->clients, &s->tls, TLS_USERS);
	toy_open(&s->silence, &s->tls, TLS_USERS);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	toy_close(&s->mutual);
	toy_close(&s->clients);
	toy_close(&s->silence);
	scene_close(&s->tls);
	free(s);
	return 0;
}

static enum refusal
last_why(struct toy_server *t)
{
	enum refusal why;

	pthread_mutex_lock(&t->lock);
	why = t->why.why;
	pthread_mutex_unlock(&t->lock);
	return why;
}

#define ASSERT_WORD(why, word) assert_string_equal(refusal_word(why), word)

/* -- what works --------------------------------------------------------------------------------- */

static void
an_exchange(void **state)
{
	struct scene *s = *state;
	struct toy_client c = { .say = "ECHO hello\nBYE\n" };
	unsigned gones = toy_quiet(&s->mutual);

	client_run(&c, s->tls.ha, s->mutual.port, "a.test", "b.test", 5000);
	assert_true(c.up);
	ASSERT_WORD(c.why.why, "ok");
	assert_string_equal(c.text, "hello\nbye\n");
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	ASSERT_WORD(s->mutual.verdict.why, "ok");
	ASSERT_WORD(last_why(&s->mutual), "ok");
	assert_string_equal(s->mutual.sni, "b.test");
	assert_int_equal(c.counts.out, strlen(c.say));
	assert_int_equal(s->mutual.counts.in, strlen(c.say));
	assert_int_equal(s->mutual.counts.out, 10);
	assert_memory_equal(c.exporter, s->mutual.exporter, TLS_EXPORTER_BYTES);
	/* Another of its domains, with its own certificate. */
	c = (struct toy_client) { .say = "BYE\n" };
	client_run(&c, s->tls.ha, s->mutual.port, "a.test", "c.test", 5000);
	assert_string_equal(c.text, "bye\n");
}

static long
peak_kib(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

/* By a sanitizer or valgrind, which have memory and time of their own. */
static bool
is_watched(void)
{
	return SANITIZED || getenv("UNDER_VALGRIND") != NULL;
}

static void
large_payloads_in_little_memory(void **state)
{
	struct scene *s = *state;
	struct toy_client get = { .say = "GET 67108864\nBYE\n", .head = 14 };
	struct toy_client put = { .say = "PUT 67108864\n", .put = 64 * MIB, .close_at = 3 };
	long before = peak_kib();
	unsigned gones = toy_quiet(&s->mutual);

	client_run(&get, s->tls.ha, s->mutual.port, "a.test", "b.test", 5000);
	ASSERT_WORD(get.why.why, "ok");
	assert_int_equal(get.octets, 14 + 64 * MIB + 4);
	assert_true(get.bads <= 4); /* "bye\n" is not of the pattern */
	assert_int_equal(atomic_load(&s->mutual.freed), 1);
	client_run(&put, s->tls.ha, s->mutual.port, "a.test", "b.test", 5000);
	assert_string_equal(put.text, "OK\n");
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 2));
	assert_int_equal(s->mutual.bads, 0);
	assert_int_equal(s->mutual.counts.in, 13 + 64 * MIB);
	if (!is_watched())
		assert_true(peak_kib() - before < 1024);
}

/* The source goes after the connection's end was told. */
static void
is_freed(struct toy_server *t, int sources)
{
	int64_t end_ms = clock_mono_ms() + 20000;

	while (atomic_load(&t->freed) < sources && clock_mono_ms() < end_ms)
		usleep(1000);
	assert_int_equal(atomic_load(&t->freed), sources);
}

/* -- a payload whose source waits ------------------------------------------------------------------ */

static void
a_payload_that_waits_goes_on(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64], octet;
	unsigned feeds, helds, gones = toy_quiet(&s->mutual);
	int freed = atomic_load(&s->mutual.freed);

	helds = s->mutual.helds;
	raw_open(&r, s->mutual.port);
	raw_say(&r, "WAIT 1000000\nBYE\n");
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "DATA 1000000\n");
	assert_true(toy_wait(&s->mutual, &s->mutual.helds, helds + 1));
	/* Meanwhile the others of its loop are served, and it has no turns that move nothing. */
	feeds = atomic_load(&s->mutual.feeds);
	for (int i = 0; i < 20; i++) {
		struct toy_client c = { .say = "BYE\n" };

		client_run(&c, s->tls.ha, s->mutual.port, "a.test", "b.test", 5000);
		assert_string_equal(c.text, "bye\n");
	}
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 20));
	assert_in_range(atomic_load(&s->mutual.feeds) - feeds, 0, 3);
	assert_int_equal(atomic_load(&s->mutual.waits), 1);
	loop_post(workers_loop(s->mutual.workers, 0), toy_let_go, &s->mutual);
	for (uint64_t at = 0; at < 1000000; at++) {
		assert_int_equal(SSL_read(r.ssl, &octet, 1), 1);
		assert_int_equal(octet, pattern(at));
	}
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "bye\n");
	raw_close(&r, true);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 21));
	ASSERT_WORD(last_why(&s->mutual), "ok");
	assert_int_equal(atomic_load(&s->mutual.waits), 1000000 / PIECE);
	is_freed(&s->mutual, freed + 1);
}

/* The peer breaks off while the payload waits; what it waited for comes later. */
static void
a_payload_that_waits_is_dropped(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64];
	unsigned helds, gones = toy_quiet(&s->mutual);
	int freed = atomic_load(&s->mutual.freed);

	helds = s->mutual.helds;
	raw_open(&r, s->mutual.port);
	raw_say(&r, "WAIT 1000000\n");
	raw_hear(&r, text, sizeof text);
	assert_true(toy_wait(&s->mutual, &s->mutual.helds, helds + 1));
	raw_close(&r, false);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	ASSERT_WORD(last_why(&s->mutual), "tls-truncated");
	is_freed(&s->mutual, freed + 1);
	loop_post(workers_loop(s->mutual.workers, 0), toy_let_go, &s->mutual);
	an_exchange(state);
}

static void
answers_from_elsewhere(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64];
	unsigned laters, gones = toy_quiet(&s->mutual);

	laters = s->mutual.laters;
	raw_open(&r, s->mutual.port);
	raw_say(&r, "LATER\n");
	assert_true(toy_wait(&s->mutual, &s->mutual.laters, laters + 1));
	loop_post(workers_loop(s->mutual.workers, 0), toy_answer, &s->mutual);
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "NOW\n");
	gones = s->mutual.gones;
	raw_say(&r, "LATER\n");
	assert_true(toy_wait(&s->mutual, &s->mutual.laters, laters + 2));
	raw_close(&r, true);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	loop_post(workers_loop(s->mutual.workers, 0), toy_answer, &s->mutual);
	assert_true(toy_wait(&s->mutual, &s->mutual.laters, laters + 102));
}

/* A peer that says it will ask no more still gets the answers due to it. */
static void
the_last_answer_arrives(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64];
	unsigned laters = (toy_quiet(&s->mutual), s->mutual.laters);

	raw_open(&r, s->mutual.port);
	raw_say(&r, "OWE\nLATER\n");
	SSL_shutdown(r.ssl);
	assert_true(toy_wait(&s->mutual, &s->mutual.laters, laters + 1));
	loop_post(workers_loop(s->mutual.workers, 0), toy_answer, &s->mutual);
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "NOW\n");
	assert_int_equal(SSL_read(r.ssl, text, 1), 0);
	assert_int_equal(SSL_get_error(r.ssl, 0), SSL_ERROR_ZERO_RETURN);
	raw_close(&r, false);
}

/* Going down, we say that it was us who ended the stream. */
static void
the_end_is_told(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	struct loop *l = workers_loop(s->mutual.workers, 0);
	char text[64];
	unsigned gones = toy_quiet(&s->mutual);

	raw_open(&r, s->mutual.port);
	raw_say(&r, "ECHO x\n");
	raw_hear(&r, text, sizeof text);
	loop_post(l, toy_drop_all, l);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	assert_int_equal(SSL_read(r.ssl, text, 1), 0);
	assert_int_equal(SSL_get_error(r.ssl, 0), SSL_ERROR_ZERO_RETURN);
	raw_close(&r, false);
}

/* The reply arrives though the peer goes on sending. */
static void
the_last_reply_arrives(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char more[4096], text[64];

	memset(more, 'x', sizeof more);
	raw_open(&r, s->mutual.port);
	raw_say(&r, "BYE\n");
	for (int i = 0; i < 50; i++)
		(void)SSL_write(r.ssl, more, sizeof more);
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "bye\n");
	assert_int_equal(SSL_read(r.ssl, text, 1), 0);
	assert_int_equal(SSL_get_error(r.ssl, 0), SSL_ERROR_ZERO_RETURN);
	raw_close(&r, true);
}

/* -- who comes ---------------------------------------------------------------------------------- */

static void
assert_verdict(struct scene *s, struct raw r, const char *word)
{
	char text[64];
	unsigned ups = (toy_quiet(&s->mutual), s->mutual.ups);

	raw_open(&r, s->mutual.port);
	assert_true(r.shaken);
	raw_say(&r, "ECHO x\n");
	raw_hear(&r, text, sizeof text);
	assert_true(toy_wait(&s->mutual, &s->mutual.ups, ups + 1));
	ASSERT_WORD(s->mutual.verdict.why, word);
	raw_close(&r, true);
}

static void
each_peer_has_its_verdict(void **state)
{
	struct scene *s = *state;
	struct cert *self = cert_leaf("a.test", NULL), *stranger = cert_root("stranger"),
		    *by_stranger = cert_leaf("a.test", stranger);
	struct cert *old = cert_make(&(struct cert_spec) { .cn = "a.test",
					 .san = "DNS:a.test",
					 .from_s = -7200,
					 .to_s = -60 },
	    s->tls.inter);
	struct cert *weak = cert_make(&(struct cert_spec) { .cn = "a.test",
					  .san = "DNS:a.test",
					  .key = "RSA-1024" },
	    s->tls.inter);
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };

	assert_verdict(s, r, "no-certificate");
	r.cert = s->tls.a;
	assert_verdict(s, r, "certificate-untrusted"); /* without its intermediate */
	r.by = s->tls.inter;
	assert_verdict(s, r, "ok");
	r.cert = old;
	assert_verdict(s, r, "certificate-expired");
	r.cert = weak;
	assert_verdict(s, r, "certificate-weak");
	r.cert = self;
	r.by = NULL;
	assert_verdict(s, r, "certificate-selfsigned");
	r.cert = by_stranger;
	assert_verdict(s, r, "certificate-untrusted");
	cert_free(&self);
	cert_free(&stranger);
	cert_free(&by_stranger);
	cert_free(&old);
	cert_free(&weak);
}

/* The server refuses it for that reason.  Returns whether the client's handshake came to its end. */
static bool
assert_refused(struct scene *s, struct raw r, const char *word)
{
	unsigned gones = toy_quiet(&s->mutual), ups = s->mutual.ups;

	raw_open(&r, s->mutual.port);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	ASSERT_WORD(last_why(&s->mutual), word);
	assert_int_equal(s->mutual.ups, ups);
	raw_close(&r, false);
	return r.shaken;
}

static void
some_never_come_up(void **state)
{
	struct scene *s = *state;
	struct raw good = { .sni = "b.test",
		.alpn = TOY_ALPN,
		.cert = s->tls.a,
		.by = s->tls.inter },
		   r;

	r = good;
	r.version = TLS1_2_VERSION;
	assert_refused(s, r, "tls-version");
	r = good;
	r.alpn = NULL;
	assert_refused(s, r, "no-alpn");
	r.alpn = "toy/2";
	assert_false(assert_refused(s, r, "no-alpn"));
	r = good;
	r.sni = NULL;
	assert_refused(s, r, "no-sni");
	r.sni = "a.test";
	assert_refused(s, r, "no-sni");
	r.sni = "tillcalled.b.test";
	assert_refused(s, r, "no-sni");
	r.sni = "B.Test";
	assert_verdict(s, r, "ok");
}

static void
noise_is_no_handshake(void **state)
{
	struct scene *s = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->mutual.port) };
	unsigned gones = toy_quiet(&s->mutual);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, "HELLO a.test\r\n", 14), 14);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	ASSERT_WORD(last_why(&s->mutual), "tls-failed");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 2));
	ASSERT_WORD(last_why(&s->mutual), "tls-failed");
}

/* People's programs show no certificate, and are not asked for one. */
static void
clients_are_not_asked(void **state)
{
	struct scene *s = *state;
	struct toy_client c = { .say = "ECHO me\nBYE\n" };
	struct tls_settings bare = s->tls.settings_a;
	struct tls_holder *h;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN, .cert = s->tls.a, .by = s->tls.inter };
	struct err e;
	unsigned ups = s->clients.ups;

	bare.n_identities = 0;
	assert_true(tls_holder_new(&h, &bare, &e));
	client_run(&c, h, s->clients.port, NULL, "b.test", 5000);
	assert_string_equal(c.text, "me\nbye\n");
	ASSERT_WORD(s->clients.verdict.why, "no-certificate");
	tls_holder_free(&h);
	raw_open(&r, s->clients.port);
	raw_say(&r, "BYE\n");
	assert_true(toy_wait(&s->clients, &s->clients.ups, ups + 2));
	ASSERT_WORD(s->clients.verdict.why, "no-certificate");
	raw_close(&r, true);
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	(void)session;
	++*(int *)SSL_get_app_data(ssl);
	return 0;
}

static void
no_session_is_resumed(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN, .cert = s->tls.a, .by = s->tls.inter };
	char text[64];
	int sessions = 0;

	raw_open(&r, s->mutual.port);
	SSL_CTX_set_session_cache_mode(r.ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(r.ctx, on_session);
	SSL_set_app_data(r.ssl, &sessions);
	raw_say(&r, "ECHO x\n");
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "x\n");
	assert_int_equal(sessions, 0);
	assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(r.ssl)), 0);
	raw_close(&r, true);
}

/* -- where we go -------------------------------------------------------------------------------- */

static void
assert_not_reached(struct scene *s, const char *own, const char *domain, uint16_t port,
    const char *word)
{
	struct toy_client c = { .say = "BYE\n" };

	client_run(&c, s->tls.ha, port, own, domain, 300);
	assert_false(c.up);
	ASSERT_WORD(c.why.why, word);
	assert_int_equal(c.counts.out, 0);
}

static void
put_b(struct scene *s, const struct cert *b, const struct cert *by)
{
	struct err e;

	certs_write(s->tls.of_b[0].certificate, b, by);
	certs_write_key(s->tls.of_b[0].key, b);
	assert_true(tls_holder_reload(s->tls.hb, &s->tls.settings_b, &e));
}

static void
nothing_leaves_before_the_server_is_known(void **state)
{
	struct scene *s = *state;
	struct cert *other = cert_leaf("bad.test", s->tls.inter), *self = cert_leaf("b.test", NULL);
	struct cert *old = cert_make(&(struct cert_spec) { .cn = "b.test",
					 .san = "DNS:b.test",
					 .from_s = -7200,
					 .to_s = -60 },
	    s->tls.inter);
	struct cert *wild = cert_make(&(struct cert_spec) { .cn = "b.test", .san = "DNS:*.b.test" },
	    s->tls.inter);
	unsigned gones = toy_quiet(&s->mutual);

	put_b(s, other, s->tls.inter);
	assert_not_reached(s, "a.test", "b.test", s->mutual.port, "certificate-name");
	put_b(s, wild, s->tls.inter);
	assert_not_reached(s, "a.test", "b.test", s->mutual.port, "certificate-wildcard");
	put_b(s, old, s->tls.inter);
	assert_not_reached(s, "a.test", "b.test", s->mutual.port, "certificate-expired");
	put_b(s, self, NULL);
	assert_not_reached(s, "a.test", "b.test", s->mutual.port, "certificate-selfsigned");
	put_b(s, s->tls.b, s->tls.inter);
	assert_not_reached(s, "a.test", "d.test", s->mutual.port, "no-sni");
	assert_not_reached(s, "nobody.test", "b.test", s->mutual.port, "domain-not-served");
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 5));
	assert_int_equal(s->mutual.counts.in, 0);
	cert_free(&other);
	cert_free(&self);
	cert_free(&old);
	cert_free(&wild);
}

static void
servers_that_do_not_answer(void **state)
{
	struct scene *s = *state;
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	assert_not_reached(s, "a.test", "b.test", ntohs(a.sin_port), "unreachable");
	assert_int_equal(listen(fd, 8), 0);
	assert_not_reached(s, "a.test", "b.test", ntohs(a.sin_port), "tls-failed");
	close(fd);
}

/* -- how it ends -------------------------------------------------------------------------------- */

/* Each KeyUpdate costs two key derivations and brings no octet. */
static void
keys_change_a_few_times_a_minute(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	unsigned gones = toy_quiet(&s->mutual);
	char text[64];

	raw_open(&r, s->mutual.port);
	for (int i = 0; i < TLS_REKEYS_MAX; i++) {
		assert_int_equal(SSL_key_update(r.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		raw_say(&r, "ECHO x\n");
		assert_int_equal(SSL_read(r.ssl, text, sizeof text), 2);
	}
	assert_int_equal(SSL_key_update(r.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
	raw_say(&r, "ECHO x\n");
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	ASSERT_WORD(s->mutual.why.why, "too-many-key-updates");
	raw_close(&r, false);
}

static void
cut_off_is_not_closed(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64];
	unsigned gones = toy_quiet(&s->mutual);

	for (int orderly = 0; orderly < 2; orderly++) {
		raw_open(&r, s->mutual.port);
		raw_say(&r, "ECHO x\n");
		raw_hear(&r, text, sizeof text);
		raw_say(&r, "PUT 1000\nabc");
		raw_close(&r, orderly != 0);
		assert_true(toy_wait(&s->mutual, &s->mutual.gones, ++gones));
		ASSERT_WORD(last_why(&s->mutual), orderly ? "ok" : "tls-truncated");
	}
}

/* An engine that takes nothing: the peer is not read further than the window and TLS's own. */
static void
is_read_no_further(struct scene *s, const char *say, uint64_t window)
{
	struct toy_client c = { .say = say, .put = 64 * MIB };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->mutual.port) };
	struct conn_target to = { .kind = TLS_TO_PEER,
		.address = (struct sockaddr *)&a,
		.own = "a.test",
		.domain = "b.test",
		.alpn = TOY_ALPN,
		.timeout_ms = 5000 };
	struct loop_timer *t;
	struct err e;
	unsigned gones = toy_quiet(&s->mutual);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(loop_new(&c.loop, &e));
	c.engine.feed = client_feed;
	c.conn = conn_connect(c.loop, &to, s->tls.ha, &client_events, &c);
	t = loop_timer_new(c.loop, toy_stop, c.loop);
	loop_timer_set_ms(t, 500);
	loop_run(c.loop);
	assert_true(c.up && !c.gone);
	conn_drop(c.conn, NULL);
	loop_run(c.loop);
	assert_true(c.gone);
	loop_timer_free(&t);
	loop_free(&c.loop);
	/* The server notices the end only when it reads again, so it is dropped there. */
	loop_post(workers_loop(s->mutual.workers, 0), toy_drop_all,
	    workers_loop(s->mutual.workers, 0));
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	assert_in_range(s->mutual.counts.in, window, window + CONN_READ_BYTES);
	assert_in_range(s->mutual.counts.wire_in, window, window + 3 * CONN_READ_BYTES);
}

static void
who_is_not_listened_to_must_wait(void **state)
{
	is_read_no_further(*state, "STOP\n", ENGINE_WINDOW_BYTES);
	is_read_no_further(*state, "NARROW\n", ENGINE_NARROW_BYTES);
}

/* Asks for much and reads nothing: no more than the high mark is held for it. */
static void
who_does_not_read_is_not_written_to(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	struct timespec t = { 0, 300000000 };
	unsigned gones = toy_quiet(&s->mutual);

	raw_open(&r, s->mutual.port);
	raw_say(&r, "GET 1000000000\n");
	nanosleep(&t, NULL);
	loop_post(workers_loop(s->mutual.workers, 0), toy_drop_all,
	    workers_loop(s->mutual.workers, 0));
	assert_true(toy_wait(&s->mutual, &s->mutual.gones, gones + 1));
	assert_true(s->mutual.counts.out < 32 * MIB);
	/* On the wire it is a little longer; what waits here is the difference. */
	assert_true(
	    s->mutual.counts.out < s->mutual.counts.wire_out + CONN_OUT_HIGH + CONN_READ_BYTES);
	raw_close(&r, false);
}

static void
begin_silence(void **state)
{
	struct scene *s = *state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->silence.port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->silent = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(s->silent, (struct sockaddr *)&a, sizeof a), 0);
	s->silent_ms = clock_mono_ms();
}

static void
silence_ends_at_the_deadline(void **state)
{
	struct scene *s = *state;
	int64_t ends_ms = s->silent_ms + TLS_HANDSHAKE_MS, begun_ms = clock_mono_ms();
	char c;

	assert_int_equal(read(s->silent, &c, 1), 0);
	assert_true(clock_mono_ms() >= ends_ms - 100);
	if (!is_watched() &&
	    begun_ms < ends_ms) /* on a busy machine this begins after the deadline */
		assert_true(clock_mono_ms() <= ends_ms + 10000);
	assert_true(toy_wait(&s->silence, &s->silence.gones, 1)); /* told after the socket's end */
	ASSERT_WORD(last_why(&s->silence), "tls-failed");
	close(s->silent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_silence),
		cmocka_unit_test(an_exchange),
		cmocka_unit_test(large_payloads_in_little_memory),
		cmocka_unit_test(a_payload_that_waits_goes_on),
		cmocka_unit_test(a_payload_that_waits_is_dropped),
		cmocka_unit_test(answers_from_elsewhere),
		cmocka_unit_test(the_last_answer_arrives),
		cmocka_unit_test(the_end_is_told),
		cmocka_unit_test(the_last_reply_arrives),
		cmocka_unit_test(each_peer_has_its_verdict),
		cmocka_unit_test(some_never_come_up),
		cmocka_unit_test(noise_is_no_handshake),
		cmocka_unit_test(clients_are_not_asked),
		cmocka_unit_test(no_session_is_resumed),
		cmocka_unit_test(nothing_leaves_before_the_server_is_known),
		cmocka_unit_test(servers_that_do_not_answer),
		cmocka_unit_test(keys_change_a_few_times_a_minute),
		cmocka_unit_test(cut_off_is_not_closed),
		cmocka_unit_test(who_is_not_listened_to_must_wait),
		cmocka_unit_test(who_does_not_read_is_not_written_to),
		cmocka_unit_test(silence_ends_at_the_deadline),
	};

	return cmocka_run_group_tests_name("conn", tests, set_up, tear_down);
}
