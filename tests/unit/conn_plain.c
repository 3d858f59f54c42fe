/* conn_plain — connections that begin in plain: what moves before TLS, how TLS comes, and what never gets past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>

#include "common/net/conn_limit.h"
#include "tests/unit/conn_answer.h"

struct scene {
	struct tls_scene tls;
	struct toy_server server, slow; /* as port 25; slow: of the next two */
	struct raw silent;              /* begun in plain, and says nothing for a long time */
	struct raw half;                /* sent half of its first record */
	int64_t half_ms;                /* before it */
};

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	scene_open(&s->tls);
	scene_hosts(&s->tls);
	toy_open(&s->server, &s->tls, TLS_SMTP_IN);
	toy_open(&s->slow, &s->tls, TLS_SMTP_IN);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	toy_close(&s->server);
	toy_close(&s->slow);
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

/* How many have gone. */
static unsigned
gone_now(struct scene *s)
{
	unsigned n;

	pthread_mutex_lock(&s->server.lock);
	n = s->server.gones;
	pthread_mutex_unlock(&s->server.lock);
	return n;
}

/* The next connection that goes does so for this reason. */
static void
goes_by(struct scene *s, unsigned before, const char *word)
{
	assert_true(toy_wait(&s->server, &s->server.gones, before + 1));
	ASSERT_WORD(last_why(&s->server), word);
}

static void
raw_asks(struct raw *r, const char *say, const char *answer)
{
	char text[64];

	raw_write(r, say);
	raw_read(r, text, sizeof text);
	assert_string_equal(text, answer);
}

static void
raw_asks_inside(struct raw *r, const char *say, const char *answer)
{
	char text[64];

	raw_say(r, say);
	raw_hear(r, text, sizeof text);
	assert_string_equal(text, answer);
}

/* So many octets of the pattern come next. */
static void
raw_takes(struct raw *r, uint64_t n)
{
	static char piece[65536];
	ssize_t got;

	for (uint64_t at = 0; at < n; at += (uint64_t)got) {
		got = recv(r->fd, piece, n - at < sizeof piece ? (size_t)(n - at) : sizeof piece,
		    0);
		assert_true(got > 0);
		for (ssize_t i = 0; i < got; i++)
			assert_true(piece[i] == pattern(at + (uint64_t)i));
	}
}

/* Nothing more comes but the end. */
static void
raw_ends(struct raw *r)
{
	char text[64];

	raw_read(r, text, sizeof text);
	assert_string_equal(text, "");
	close(r->fd);
}

/* The first octets of a TLS record of a handshake. */
#define HALF_RECORD "\x16\x03\x01\x02"

static void
begin_the_long_ones(void **state)
{
	struct scene *s = *state;

	s->half_ms = clock_mono_ms();
	raw_connect(&s->silent, s->slow.port);
	raw_connect(&s->half, s->slow.port);
	raw_asks(&s->half, "STARTTLS\n", "GO\n");
	raw_write(&s->half, HALF_RECORD);
}

/* -- accepting ---------------------------------------------------------------------------------- */

static void
tls_comes_when_the_engine_wants_it(void **state)
{
	struct scene *s = *state;
	struct raw r = { .sni = "unknown.test", .cert = s->tls.a, .by = s->tls.inter };
	unsigned gones = gone_now(s), secureds = s->server.secureds;

	raw_connect(&r, s->server.port);
	raw_asks(&r, "ECHO plain\n", "plain\n");
	ASSERT_WORD(s->server.verdict.why, "no-certificate");
	assert_string_equal(s->server.version, "-");
	assert_string_equal(s->server.suite, "-");
	raw_asks(&r, "STARTTLS\n", "GO\n");
	raw_shake(&r);
	assert_true(r.shaken);
	raw_asks_inside(&r, "ECHO inside\n", "inside\n");
	assert_int_equal(s->server.secureds, secureds + 1);
	assert_int_equal(s->server.engine_secureds, secureds + 1);
	ASSERT_WORD(s->server.verdict.why, "ok");
	assert_string_equal(s->server.sni, "unknown.test");
	raw_asks_inside(&r, "BYE\n", "bye\n");
	raw_close(&r, true);
	goes_by(s, gones, "ok");
	assert_int_equal(s->server.bads, 0);
}

/* The role is told a bad verdict, and goes on if it likes. */
static void
the_verdict_is_the_roles(void **state)
{
	struct scene *s = *state;
	struct cert *self = cert_leaf("a.test", NULL);
	struct raw r = { .cert = self }, none = { 0 };
	unsigned gones = gone_now(s);

	raw_connect(&r, s->server.port);
	raw_asks(&r, "STARTTLS\n", "GO\n");
	raw_shake(&r);
	raw_asks_inside(&r, "BYE\n", "bye\n");
	ASSERT_WORD(s->server.verdict.why, "certificate-selfsigned");
	raw_close(&r, true);
	goes_by(s, gones, "ok");
	raw_connect(&none, s->server.port);
	raw_asks(&none, "STARTTLS\n", "GO\n");
	raw_shake(&none);
	raw_asks_inside(&none, "BYE\n", "bye\n");
	ASSERT_WORD(s->server.verdict.why, "no-certificate");
	raw_close(&none, true);
	goes_by(s, gones + 1, "ok");
	cert_free(&self);
}

static void
octets_with_starttls_end_it(void **state)
{
	static const char *const more[] = { "ECHO evil\n", "E", "\n", HALF_RECORD };
	struct scene *s = *state;
	unsigned secureds = s->server.secureds;
	char text[64];

	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
		unsigned gones = gone_now(s);
		struct raw r = { 0 };

		raw_connect(&r, s->server.port);
		snprintf(text, sizeof text, "STARTTLS\n%s", more[i]);
		raw_write(&r, text);
		goes_by(s, gones, "octets-before-tls");
		raw_read(&r, text, sizeof text);
		assert_true(strcmp(text, "GO\n") == 0 || *text == '\0');
		raw_ends(&r);
	}
	assert_int_equal(s->server.secureds, secureds);
}

/* They came after STARTTLS was read, and before its answer left. */
static void
octets_that_wait_in_the_socket_end_it(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s), stalls = s->server.stalls;
	struct raw r = { 0 };

	raw_connect(&r, s->server.port);
	raw_write(&r, "STALL\n");
	assert_true(toy_wait(&s->server, &s->server.stalls, stalls + 1));
	raw_write(&r, "ECHO evil\n");
	toy_go_on(&s->server);
	goes_by(s, gones, "octets-before-tls");
	close(r.fd);
}

/* The handshake begins when all is sent that was said in plain, and nothing may come before that. */
static void
what_was_said_in_plain_is_sent_first(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s);
	struct raw r = { 0 };

	raw_connect(&r, s->server.port);
	raw_write(&r, "FLOOD 1000000\n");
	raw_takes(&r, 1000000);
	raw_asks(&r, "", "GO\n");
	raw_shake(&r);
	raw_asks_inside(&r, "BYE\n", "bye\n");
	raw_close(&r, true);
	goes_by(s, gones, "ok");
}

static void
octets_before_its_answer_has_left_end_it(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s);
	struct raw r = { .window = 4096 };
	char text[8];

	raw_connect(&r, s->server.port);
	raw_asks(&r, "ECHO x\n", "x\n");
	raw_write(&r, "FLOOD 8000000\n");
	assert_int_equal(recv(r.fd, text, 1, 0), 1); /* it is under way */
	raw_write(&r, "ECHO evil\n");
	goes_by(s, gones, "octets-before-tls");
	close(r.fd);
}

/* Octets that come when the handshake has begun are its first, and no handshake. */
static void
octets_in_place_of_a_handshake_fail(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s), secureds = s->server.secureds;
	struct raw r = { 0 };

	raw_connect(&r, s->server.port);
	raw_asks(&r, "STARTTLS\n", "GO\n");
	raw_write(&r, "ECHO evil\n");
	goes_by(s, gones, "tls-failed");
	close(r.fd);
	raw_connect(&r, s->server.port);
	raw_asks(&r, "STARTTLS\n", "GO\n");
	raw_write(&r, HALF_RECORD);
	close(r.fd);
	goes_by(s, gones + 1, "tls-failed");
	assert_int_equal(s->server.secureds, secureds);
}

/* -- the end in plain --------------------------------------------------------------------------- */

static void
the_end_in_plain_is_orderly(void **state)
{
	static const char *const say[] = { "", "ECHO x\n", "ECHO within a li" };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof say / sizeof say[0]; i++) {
		unsigned gones = gone_now(s);
		struct raw r = { 0 };

		raw_connect(&r, s->server.port);
		raw_write(&r, say[i]);
		if (strchr(say[i], '\n') != NULL)
			raw_asks(&r, "", "x\n");
		close(r.fd);
		goes_by(s, gones, "ok");
	}
}

/* A request that came before the end has its answer. */
static void
the_last_answer_arrives(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s);
	struct raw r = { 0 };

	raw_connect(&r, s->server.port);
	raw_write(&r, "ECHO a\nECHO b\n");
	shutdown(r.fd, SHUT_WR);
	raw_asks(&r, "", "a\n");
	raw_asks(&r, "", "b\n");
	raw_ends(&r);
	goes_by(s, gones, "ok");
	raw_connect(&r, s->server.port);
	raw_asks(&r, "BYE\n", "bye\n");
	raw_ends(&r);
	goes_by(s, gones + 1, "ok");
}

static void
a_reset_is_told(void **state)
{
	struct scene *s = *state;
	struct linger now = { 1, 0 };
	unsigned gones = gone_now(s);
	struct raw r = { 0 };

	raw_connect(&r, s->server.port);
	raw_asks(&r, "ECHO x\n", "x\n");
	setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(r.fd);
	goes_by(s, gones, "unreachable");
}

/* As through TLS: payloads, of sources that wait, too. */
static void
payloads_move_in_plain(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s);
	struct raw r = { 0 };

	raw_connect(&r, s->server.port);
	raw_asks(&r, "GET 300000\n", "DATA 300000\n");
	raw_takes(&r, 300000);
	raw_asks(&r, "STARTTLS\n", "GO\n");
	raw_shake(&r);
	raw_asks_inside(&r, "GET 0\n", "DATA 0\n");
	raw_asks_inside(&r, "BYE\n", "bye\n");
	raw_close(&r, true);
	goes_by(s, gones, "ok");
	assert_true(s->server.counts.out > 300000);
}

struct handed {
	struct toy_server *server;
	int fd;
};

static void
hand_over(void *arg)
{
	struct handed *h = arg;

	toy_accepted(h->server, 0, listen_uncounted(h->fd));
}

/* A program on this machine may say all in plain, over a socket that has no address. */
static void
a_local_socket_stays_in_plain(void **state)
{
	struct scene *s = *state;
	unsigned gones = gone_now(s), secureds = s->server.secureds;
	struct handed h = { .server = &s->server };
	struct raw r = { 0 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	h.fd = pair[0];
	r.fd = pair[1];
	loop_post(workers_loop(s->server.workers, 0), hand_over, &h);
	raw_asks(&r, "ECHO here\n", "here\n");
	raw_write(&r, "PUT 5\n");
	for (uint64_t i = 0; i < 5; i++) {
		char octet = pattern(i);

		assert_int_equal(send(r.fd, &octet, 1, 0), 1);
	}
	raw_asks(&r, "", "OK\n");
	raw_asks(&r, "BYE\n", "bye\n");
	raw_ends(&r);
	goes_by(s, gones, "ok");
	assert_int_equal(s->server.secureds, secureds);
	assert_int_equal(s->server.bads, 0);
}

/* -- connecting --------------------------------------------------------------------------------- */

/* The client meets that server. */
static void
meet(struct scene *s, struct answer *a, struct toy_client *c, const char *host)
{
	answer_begin(a);
	c->kind = TLS_SMTP_OUT;
	client_run(c, s->tls.ha, a->port, NULL, host, 400);
	answer_end(a);
}

static void
we_start_tls(void **state)
{
	struct scene *s = *state;
	struct answer a = { .plain = "GO\n",
		.shakes = true,
		.cert = s->tls.host_b,
		.by = s->tls.inter };
	struct toy_client c = { .say = "inside\n" };

	meet(s, &a, &c, "mx.b.test");
	assert_true(c.up && a.shaken);
	ASSERT_WORD(c.why.why, "ok");
	ASSERT_WORD(c.verdict.why, "ok");
	assert_string_equal(a.got, "inside\n");
	assert_string_equal(a.sni, "mx.b.test");
	assert_string_equal(a.peer, "/CN=mx.a.test");
}

/* A bad certificate is told; nothing is said inside where the role drops it. */
static void
our_verdict_is_the_roles(void **state)
{
	struct scene *s = *state;
	struct answer a = { .plain = "GO\n",
		.shakes = true,
		.cert = s->tls.host_b,
		.by = s->tls.inter };
	struct answer b = a;
	struct toy_client goes_on = { .say = "inside\n" },
			  picky = { .say = "inside\n", .picky = true };

	meet(s, &a, &goes_on, "other.test");
	ASSERT_WORD(goes_on.verdict.why, "certificate-name");
	assert_string_equal(a.got, "inside\n");
	meet(s, &b, &picky, "other.test");
	ASSERT_WORD(picky.why.why, "certificate-name");
	assert_int_equal(picky.secureds, 0);
	assert_true(b.n <= 0);
}

static void
octets_with_the_go_ahead_end_it(void **state)
{
	static const char *const more[] = { "GO\nevil\n", "GO\n\n", "GO\n" HALF_RECORD };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
		struct answer a = { .plain = more[i] };
		struct toy_client c = { .say = "inside\n" };

		meet(s, &a, &c, "mx.b.test");
		ASSERT_WORD(c.why.why, "octets-before-tls");
		assert_int_equal(c.secureds, 0);
		assert_int_equal(c.counts.wire_out, 0); /* no handshake was begun */
	}
}

static void
servers_that_do_not_go_on(void **state)
{
	struct scene *s = *state;
	struct answer silent = { .stays = true }, ended = { .plain = "wait a bi", .closes = true };
	struct answer deaf = { .plain = "GO\n", .stays = true };
	struct toy_client c = { .patience_ms = 200 }, d = { 0 }, f = { 0 };

	/* The time in plain is the engine's. */
	meet(s, &silent, &c, "mx.b.test");
	ASSERT_WORD(c.why.why, "ok");
	assert_true(c.up && c.secureds == 0);
	meet(s, &ended, &d, "mx.b.test");
	ASSERT_WORD(d.why.why, "ok");
	assert_true(d.up && d.secureds == 0);
	meet(s, &deaf, &f, "mx.b.test");
	ASSERT_WORD(f.why.why, "tls-failed");
	assert_true(f.counts.wire_out > 0);
}

/* One more to the port of a server that is gone: is it tried? */
static bool
is_tried(struct scene *s, struct conn_limit *limit, uint16_t port)
{
	struct toy_client c = { .kind = TLS_SMTP_OUT, .limit = limit };

	client_run(&c, s->tls.ha, port, NULL, "mx.b.test", 400);
	ASSERT_WORD(c.why.why, "unreachable");
	return strstr(c.why.text, "lately") == NULL;
}

/* A port that takes connections and never says a word does not answer. */
static void
silence_in_plain_is_a_failure(void **state)
{
	struct scene *s = *state;
	struct conn_limit *limit = conn_limit_new();
	struct answer silent = { .stays = true }, polite = { .plain = "wait a bi", .closes = true };
	struct toy_client c = { .patience_ms = 100, .limit = limit }, d = c;

	meet(s, &silent, &c, "mx.b.test");
	assert_true(c.up);
	assert_false(is_tried(s, limit, silent.port));
	meet(s, &polite, &d, "mx.b.test");
	assert_true(d.up);
	assert_true(is_tried(s, limit, polite.port));
	conn_limit_free(&limit);
}

/* -- the long ones ------------------------------------------------------------------------------- */

static void
half_a_record_ends_at_the_deadline(void **state)
{
	struct scene *s = *state;
	char c;

	assert_true(recv(s->half.fd, &c, 1, 0) <= 0);
	assert_true(clock_mono_ms() >= s->half_ms + TLS_HANDSHAKE_MS - 100);
	assert_true(toy_wait(&s->slow, &s->slow.gones, 1));
	ASSERT_WORD(last_why(&s->slow), "tls-failed");
	close(s->half.fd);
}

/* It is long past the handshake's deadline, which does not hold in plain. */
static void
silence_in_plain_is_the_engines_matter(void **state)
{
	struct scene *s = *state;

	raw_asks(&s->silent, "ECHO here\n", "here\n");
	raw_asks(&s->silent, "STARTTLS\n", "GO\n");
	raw_shake(&s->silent);
	raw_asks_inside(&s->silent, "BYE\n", "bye\n");
	raw_close(&s->silent, true);
	assert_true(toy_wait(&s->slow, &s->slow.gones, 2));
	ASSERT_WORD(last_why(&s->slow), "ok");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begin_the_long_ones),
		cmocka_unit_test(tls_comes_when_the_engine_wants_it),
		cmocka_unit_test(the_verdict_is_the_roles),
		cmocka_unit_test(octets_with_starttls_end_it),
		cmocka_unit_test(octets_that_wait_in_the_socket_end_it),
		cmocka_unit_test(what_was_said_in_plain_is_sent_first),
		cmocka_unit_test(octets_before_its_answer_has_left_end_it),
		cmocka_unit_test(octets_in_place_of_a_handshake_fail),
		cmocka_unit_test(the_end_in_plain_is_orderly),
		cmocka_unit_test(the_last_answer_arrives),
		cmocka_unit_test(a_reset_is_told),
		cmocka_unit_test(payloads_move_in_plain),
		cmocka_unit_test(a_local_socket_stays_in_plain),
		cmocka_unit_test(we_start_tls),
		cmocka_unit_test(our_verdict_is_the_roles),
		cmocka_unit_test(octets_with_the_go_ahead_end_it),
		cmocka_unit_test(servers_that_do_not_go_on),
		cmocka_unit_test(silence_in_plain_is_a_failure),
		cmocka_unit_test(half_a_record_ends_at_the_deadline),
		cmocka_unit_test(silence_in_plain_is_the_engines_matter),
	};

	signal(SIGPIPE, SIG_IGN); /* of the raw peers, whose other side goes */
	return cmocka_run_group_tests_name("conn_plain", tests, set_up, tear_down);
}
