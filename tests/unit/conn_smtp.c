/* conn_smtp — both engines of SMTP over real connections: STARTTLS, a letter of 10 MiB, and peers that cheat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "common/text/idn.h"
#include "proto/smtp/smtp_client.h"
#include "proto/smtp/smtp_server.h"
#include "tests/unit/conn_answer.h"

#define LETTER (10UL * 1024 * 1024)
#define PAUSES (1024UL * 1024) /* the source waits before each so many octets */
#define LINE   64

/* Lines of 64 octets; each fifth begins with two dots, each seventh with one. */
static char
letter_octet(uint64_t at)
{
	uint64_t line = at / LINE, place = at % LINE;

	if (place == LINE - 2)
		return '\r';
	if (place == LINE - 1)
		return '\n';
	if ((line % 5 == 0 && place < 2) || (line % 7 == 0 && place < 1))
		return '.';
	return (char)('a' + (at + line) % 26);
}

/* -- the server --------------------------------------------------------------------------------- */

struct mx {
	struct tls_scene *scene;
	struct workers *workers;
	struct listen *listen;
	uint16_t port;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	unsigned begun, gones, secureds, letters, faults;
	enum refusal fault; /* the last */
	struct err verdict; /* on the last client that has TLS */
	uint64_t octets, bads;
	char from[64], to[64], name[64];
};

struct mx_session {
	struct smtp_server smtp; /* first */
	struct mx *mx;
	struct conn *conn;
	struct reply_context end;
	uint64_t octets, bads;
};

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static void
fault(void *role, const struct err *e)
{
	struct mx *mx = ((struct mx_session *)role)->mx;

	pthread_mutex_lock(&mx->lock);
	mx->faults++;
	mx->fault = e->why;
	pthread_mutex_unlock(&mx->lock);
}

static void
keep(struct mx *mx, char to[64], struct span text)
{
	pthread_mutex_lock(&mx->lock);
	snprintf(to, 64, "%.*s", SPAN_FMT(text));
	pthread_mutex_unlock(&mx->lock);
}

static void
hello(void *role, const struct smtp_name *name)
{
	struct mx *mx = ((struct mx_session *)role)->mx;

	keep(mx, mx->name, name->as_came);
}

static void
keep_path(struct mx *mx, char to[64], const struct smtp_path *path)
{
	char text[ADDRESS_STR_BYTES];
	struct err e;

	if (smtp_path_canonical(path, idn_a_label, text, &e))
		keep(mx, to, span_str(text));
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *mail, struct err *e)
{
	struct mx_session *s = role;

	(void)request;
	(void)e;
	keep_path(s->mx, s->mx->from, &mail->from);
	return DONE;
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	struct mx_session *s = role;

	(void)request;
	(void)e;
	keep_path(s->mx, s->mx->to, to);
	return DONE;
}

static enum outcome
data(void *role, uint64_t request, struct err *e)
{
	struct mx_session *s = role;

	(void)request;
	(void)e;
	s->octets = s->bads = 0;
	return DONE;
}

static void
octets(void *role, struct span piece)
{
	struct mx_session *s = role;

	for (size_t i = 0; i < piece.n; i++)
		s->bads += piece.p[i] != letter_octet(s->octets + i);
	s->octets += piece.n;
}

static void
answer_the_end(void *arg)
{
	struct reply_context *end = arg;
	struct mx_session *s = reply_context_session(end);

	if (s != NULL && smtp_server_answer(&s->smtp, end->request, NULL, "kept as a test"))
		conn_kick(s->conn);
	free(end);
}

/* Kept, and said a turn of the loop later, as by a store. */
static enum outcome
end_of_data(void *role, uint64_t request, struct err *e)
{
	struct mx_session *s = role;
	struct reply_context *end = malloc(sizeof *end);

	(void)e;
	pthread_mutex_lock(&s->mx->lock);
	s->mx->letters++;
	s->mx->octets = s->octets;
	s->mx->bads = s->bads;
	pthread_mutex_unlock(&s->mx->lock);
	*end = reply_context_of(workers_loop(s->mx->workers, 0), s->conn, request);
	loop_post(end->loop, answer_the_end, end);
	return PENDING;
}

static void
reset(void *role)
{
	(void)role;
}

static const struct smtp_server_ops mx_ops = { .admit = admit,
	.fault = fault,
	.a_label = idn_a_label,
	.hello = hello,
	.mail = mail,
	.rcpt = rcpt,
	.data = data,
	.octets = octets,
	.end = end_of_data,
	.reset = reset };

static const struct smtp_server_config mx_config = { .name = "mx.b.test",
	.size_max = LETTER,
	.starttls = true };

static void
mx_up(struct conn *c, void *role)
{
	struct mx_session *s = role;

	s->conn = c;
	conn_set_engine(c, &s->smtp.engine);
}

static void
mx_secured(struct conn *c, void *role)
{
	struct mx *mx = ((struct mx_session *)role)->mx;

	pthread_mutex_lock(&mx->lock);
	mx->secureds++;
	mx->verdict = (struct err) { 0 };
	(void)tls_peer_check(conn_peer(c), conn_holder(c), &mx->verdict);
	pthread_mutex_unlock(&mx->lock);
}

static void
mx_gone(struct conn *c, void *role, const struct err *why)
{
	struct mx_session *s = role;
	struct mx *mx = s->mx;

	(void)c;
	(void)why;
	smtp_server_clear(&s->smtp);
	free(s);
	pthread_mutex_lock(&mx->lock);
	mx->gones++;
	pthread_cond_broadcast(&mx->changed);
	pthread_mutex_unlock(&mx->lock);
}

static const struct conn_events mx_events = { .up = mx_up,
	.forget_conn = mx_gone,
	.secured = mx_secured };

static void
mx_accepted(void *arg, unsigned worker, struct listen_incoming *in)
{
	struct mx *mx = arg;
	struct mx_session *s = calloc(1, sizeof *s);

	s->mx = mx;
	smtp_server_init(&s->smtp, &mx_config, &mx_ops, s);
	conn_accept(workers_loop(mx->workers, worker), in, mx->scene->hb, TLS_SMTP_IN, NULL,
	    &mx_events, s);
}

static void
mx_open(struct mx *mx, struct tls_scene *scene)
{
	struct err e;

	mx->scene = scene;
	pthread_mutex_init(&mx->lock, NULL);
	pthread_cond_init(&mx->changed, NULL);
	if (!workers_new(&mx->workers, 1, &e) || !listen_new(&mx->listen, NULL, &e) ||
	    !listen_open(mx->listen, "127.0.0.1:0", 0, mx_accepted, mx, &e) ||
	    !workers_start(mx->workers, &e) || !listen_start(mx->listen, mx->workers, &e))
		abort();
	mx->port = listen_port(mx->listen, 0);
}

static void
mx_close(struct mx *mx)
{
	struct loop *l = workers_loop(mx->workers, 0);

	listen_stop(mx->listen);
	loop_post(l, toy_drop_all, l);
	workers_stop(mx->workers);
	loop_drain(l);
	workers_free(&mx->workers);
	listen_free(&mx->listen);
}

static unsigned
mx_gones(struct mx *mx)
{
	unsigned n;

	pthread_mutex_lock(&mx->lock);
	n = mx->gones;
	pthread_mutex_unlock(&mx->lock);
	return n;
}

static unsigned
mx_secureds(struct mx *mx)
{
	unsigned n;

	pthread_mutex_lock(&mx->lock);
	n = mx->secureds;
	pthread_mutex_unlock(&mx->lock);
	return n;
}

/* At most 20 s. */
static bool
mx_wait(struct mx *mx, unsigned gones)
{
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 20;
	pthread_mutex_lock(&mx->lock);
	while (mx->gones < gones && r == 0)
		r = pthread_cond_timedwait(&mx->changed, &mx->lock, &t);
	pthread_mutex_unlock(&mx->lock);
	return r == 0;
}

/* -- the client --------------------------------------------------------------------------------- */

struct letter_source {
	struct source source; /* first */
	struct loop *loop;
	uint64_t ready;
	bool posted, gone;
	unsigned *waits;
};

static void
letter_ready(void *arg)
{
	struct letter_source *s = arg;

	s->posted = false;
	s->ready += PAUSES;
	if (s->gone)
		free(s);
	else
		s->source.wake(s->source.wake_arg);
}

static ssize_t
letter_read(struct source *source, uint64_t offset, char *dst, size_t n)
{
	struct letter_source *s = (struct letter_source *)source;

	if (offset == s->ready) {
		++*s->waits;
		s->posted = true;
		loop_post(s->loop, letter_ready, s);
		return SOURCE_WAIT;
	}
	if (n > s->ready - offset)
		n = (size_t)(s->ready - offset);
	for (size_t i = 0; i < n; i++)
		dst[i] = letter_octet(offset + i);
	return (ssize_t)n;
}

static void
letter_free(struct source *source)
{
	struct letter_source *s = (struct letter_source *)source;

	s->gone = true;
	if (!s->posted)
		free(s);
}

struct road {
	struct smtp_client smtp; /* first */
	struct loop *loop;
	struct conn *conn;
	struct smtp_letter letter;
	struct span to;
	bool has_letter, sent;
	/* results */
	unsigned waits, secureds;
	struct err verdict, why, failed;
	enum smtp_stage stage;
	bool is_done;
	struct smtp_reply done;
	struct conn_counts counts;
};

static void
road_ready(void *role)
{
	struct road *r = role;
	struct err e;

	if (!r->smtp.secured) {
		if (r->smtp.offers.starttls)
			smtp_client_starttls(&r->smtp);
		else
			smtp_client_quit(&r->smtp);
	} else if (r->has_letter && !r->sent) {
		r->sent = true;
		if (!smtp_client_send(&r->smtp, &r->letter, &e))
			fail_msg("%s", e.text);
	} else
		smtp_client_quit(&r->smtp);
}

static void
road_recipient(void *role, size_t i, const struct smtp_reply *reply)
{
	(void)role;
	assert_int_equal(i, 0);
	assert_int_equal(reply->code, 250);
}

/* Durable, a turn of the loop later. */
static void
road_give(void *arg)
{
	struct road *r = arg;

	smtp_client_give(&r->smtp);
	conn_kick(r->conn);
}

static void
road_giving(void *role)
{
	struct road *r = role;

	loop_post(r->loop, road_give, r);
}

static void
road_done(void *role, enum smtp_stage stage, const struct smtp_reply *reply)
{
	struct road *r = role;

	r->is_done = true;
	r->stage = stage;
	r->done = *reply;
}

static void
road_failed(void *role, enum smtp_stage stage, const struct err *why)
{
	struct road *r = role;

	r->stage = stage;
	r->failed = *why;
}

static const struct smtp_client_ops road_ops = { .ready = road_ready,
	.recipient = road_recipient,
	.giving = road_giving,
	.done = road_done,
	.failed = road_failed };

static void
road_up(struct conn *c, void *role)
{
	conn_set_engine(c, &((struct road *)role)->smtp.engine);
}

static void
road_secured(struct conn *c, void *role)
{
	struct road *r = role;

	r->secureds++;
	r->verdict = conn_peer(c)->verdict;
}

static void
road_gone(struct conn *c, void *role, const struct err *why)
{
	struct road *r = role;

	conn_counts(c, &r->counts);
	if (why != NULL)
		r->why = *why;
	smtp_client_clear(&r->smtp);
	loop_stop(r->loop);
}

static const struct conn_events road_events = { .up = road_up,
	.forget_conn = road_gone,
	.secured = road_secured };

static void
road_letter(struct road *r)
{
	struct letter_source *s = calloc(1, sizeof *s);

	*s = (struct letter_source) { .source = { .read = letter_read, .free = letter_free },
		.loop = r->loop,
		.waits = &r->waits };
	r->to = SPAN_LIT("bob@b.test");
	r->letter = (struct smtp_letter) { .from = SPAN_LIT("alice@a.test"),
		.to = &r->to,
		.n_to = 1,
		.content = &s->source,
		.octets = LETTER };
}

static void
road_run(struct road *r, struct tls_holder *h, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct conn_target to = { .kind = TLS_SMTP_OUT,
		.address = (struct sockaddr *)&a,
		.domain = "mx.b.test",
		.timeout_ms = 5000 };
	struct err e;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!loop_new(&r->loop, &e))
		abort();
	if (r->has_letter)
		road_letter(r);
	smtp_client_init(&r->smtp, "mx.a.test", &road_ops, r);
	r->conn = conn_connect(r->loop, &to, h, &road_events, r);
	loop_run(r->loop);
	loop_drain(r->loop);
	loop_free(&r->loop);
}

/* -- tests -------------------------------------------------------------------------------------- */

struct scene {
	struct tls_scene tls;
	struct mx mx;
};

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	scene_open(&s->tls);
	scene_hosts(&s->tls);
	mx_open(&s->mx, &s->tls);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	mx_close(&s->mx);
	scene_close(&s->tls);
	free(s);
	return 0;
}

#define ASSERT_WORD(why, word) assert_string_equal(refusal_word(why), word)

static void
a_letter_goes_by_starttls(void **state)
{
	struct scene *s = *state;
	struct road r = { .has_letter = true };
	unsigned gones = mx_gones(&s->mx);

	road_run(&r, s->tls.ha, s->mx.port);
	ASSERT_WORD(r.why.why, "ok");
	ASSERT_WORD(r.failed.why, "ok");
	ASSERT_WORD(r.verdict.why, "ok");
	assert_int_equal(r.secureds, 1);
	assert_true(r.is_done && r.stage == SMTP_STAGE_END && r.done.code == 250);
	assert_non_null(strstr(r.done.text, "kept as a test"));
	assert_true(r.waits >= LETTER / PAUSES);
	/* The dots were on the wire, too. */
	assert_true(r.counts.out > LETTER + LETTER / LINE / 5);
	assert_true(mx_wait(&s->mx, gones + 1));
	assert_int_equal(s->mx.letters, 1);
	assert_int_equal(s->mx.octets, LETTER);
	assert_int_equal(s->mx.bads, 0);
	assert_int_equal(s->mx.faults, 0);
	assert_int_equal(mx_secureds(&s->mx), 1);
	ASSERT_WORD(s->mx.verdict.why, "ok");
	assert_string_equal(s->mx.from, "alice@a.test");
	assert_string_equal(s->mx.to, "bob@b.test");
	assert_string_equal(s->mx.name, "mx.a.test");
}

/* What a raw client says at once, and the last line that it hears. */
static void
ends(struct scene *s, const char *say, const char *last, const char *word)
{
	unsigned gones = mx_gones(&s->mx), secureds = mx_secureds(&s->mx);
	char text[256], heard[256] = "";
	struct raw r = { 0 };

	raw_connect(&r, s->mx.port);
	raw_read(&r, text, sizeof text);
	assert_string_equal(text, "220 mx.b.test ESMTP\r\n");
	raw_write(&r, "EHLO x.test\r\n");
	do
		raw_read(&r, text, sizeof text);
	while (strncmp(text, "250-", 4) == 0);
	assert_true(strncmp(text, "250 ", 4) == 0);
	raw_write(&r, say);
	do {
		raw_read(&r, text, sizeof text);
		if (*text != '\0')
			memcpy(heard, text, sizeof heard);
	} while (*text != '\0');
	if (strncmp(heard, last, strlen(last)) != 0)
		fail_msg("%s: %s", say, heard);
	close(r.fd);
	assert_true(mx_wait(&s->mx, gones + 1));
	ASSERT_WORD(s->mx.fault, word);
	assert_int_equal(mx_secureds(&s->mx), secureds);
}

static void
plain_clients_that_cheat(void **state)
{
	struct scene *s = *state;

	ends(s, "STARTTLS\r\nEHLO evil.test\r\n", "554 5.5.1 [octets-before-tls]",
	    "octets-before-tls");
	ends(s, "STARTTLS\r\nMAIL FROM:<evil@a.test>\r\n", "554 5.5.1 [octets-before-tls]",
	    "octets-before-tls");
	ends(s, "STARTTLS\r\n\x16\x03\x01\x02", "554 5.5.1 [octets-before-tls]",
	    "octets-before-tls");
	ends(s, "MAIL FROM:<a@a.test>\r\nQUIT\r\n", "221 ", "starttls-required");
}

/* The whole of a server's half in one write, with more than the 220 to STARTTLS. */
static void
servers_that_cheat(void **state)
{
	struct scene *s = *state;
	struct answer a = { .plain = "220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n250 evil\r\n",
		.stays = true };
	struct road r = { 0 };

	answer_begin(&a);
	road_run(&r, s->tls.ha, a.port);
	answer_end(&a);
	ASSERT_WORD(r.failed.why, "octets-before-tls");
	assert_int_equal(r.stage, SMTP_STAGE_STARTTLS);
	assert_int_equal(r.secureds, 0);
	/* No handshake was begun: EHLO and STARTTLS are all that was said. */
	assert_int_equal(r.counts.wire_out, strlen("EHLO mx.a.test\r\nSTARTTLS\r\n"));
}

/* The library's own program, as a client with a certificate that judges ours by its host's name. */
static void
s_client_is_served(void **state)
{
	static const char *const versions[] = { "-tls1_2", "-tls1_3" };
	struct scene *s = *state;
	char command[1024], *out = calloc(1, 65536);

	for (size_t i = 0; i < 2; i++) {
		unsigned gones = mx_gones(&s->mx), secureds = mx_secureds(&s->mx);
		FILE *f;
		size_t n;

		snprintf(command, sizeof command,
		    "printf 'NOOP\\nQUIT\\n' | openssl s_client -starttls smtp -name x.test -crlf -ign_eof "
		    "-connect 127.0.0.1:%u -servername unknown.test -CAfile %s -verify_hostname mx.b.test "
		    "-verify_return_error -cert %s -cert_chain %s -key %s %s 2>&1",
		    s->mx.port, certs_path(s->tls.trust, "root.pem"), s->tls.of_a[0].certificate,
		    s->tls.of_a[0].certificate, s->tls.of_a[0].key, versions[i]);
		assert_non_null(f = popen(command, "r"));
		n = fread(out, 1, 65535, f);
		out[n] = '\0';
		pclose(f);
		if (strstr(out, "250 2.0.0 ok\r\n221 2.0.0") == NULL ||
		    strstr(out, "Verify return code: 0 (ok)") == NULL ||
		    strstr(out, "No client certificate CA names sent") == NULL)
			fail_msg("%s\n%s", command, out);
		assert_true(mx_wait(&s->mx, gones + 1));
		assert_int_equal(mx_secureds(&s->mx), secureds + 1);
		ASSERT_WORD(s->mx.verdict.why, "ok");
	}
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_goes_by_starttls),
		cmocka_unit_test(plain_clients_that_cheat),
		cmocka_unit_test(servers_that_cheat),
		cmocka_unit_test(s_client_is_served),
	};

	signal(SIGPIPE, SIG_IGN); /* of the raw peers, whose other side goes */
	return cmocka_run_group_tests_name("conn_smtp", tests, set_up, tear_down);
}
