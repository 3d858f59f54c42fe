/* conn_scene — a server of b.test and c.test on a thread of its own with a toy engine, a client with
 * another, and a raw OpenSSL client for what no honest program does.
 *
 * The toy's requests are lines: GET n (DATA n and n octets), WAIT n (the same, from a source that waits before
 * each PIECE octets; before the first until toy_let_go), PUT n and n octets (OK), ECHO word,
 * LATER (answered by toy_answer), OWE (an answer is to come), STOP (takes nothing from then on),
 * NARROW (the same, and little is kept), STARTTLS (GO), FLOOD n (n octets, and then the same), STALL (the same, after
 * toy_go_on), BYE.  Unlike honest engines it does not look for octets after STARTTLS: the connection must.
 */
#ifndef TESTS_UNIT_CONN_SCENE_H
#define TESTS_UNIT_CONN_SCENE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include <openssl/ssl.h>

#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/net/conn.h"
#include "common/net/reply_context.h"
#include "tests/unit/tls_scene.h"

#define TOY_ALPN "toy/1"

static inline char
pattern(uint64_t at)
{
	return (char)(at * 7 + (at >> 8));
}

struct pattern_source {
	struct source source;
	atomic_int *freed;
};

static inline ssize_t
pattern_read(struct source *s, uint64_t offset, char *dst, size_t n)
{
	(void)s;
	for (size_t i = 0; i < n; i++)
		dst[i] = pattern(offset + i);
	return (ssize_t)n;
}

static inline void
pattern_free(struct source *s)
{
	struct pattern_source *p = (struct pattern_source *)s;

	if (p->freed != NULL)
		atomic_fetch_add(p->freed, 1);
	free(s);
}

static inline struct source *
pattern_source(atomic_int *freed)
{
	struct pattern_source *p = calloc(1, sizeof *p);

	p->source.read = pattern_read;
	p->source.free = pattern_free;
	p->freed = freed;
	return &p->source;
}

#define PIECE 10000

/* Waits before each piece, and the first time until somebody else wakes it. */
struct slow_source {
	struct pattern_source pattern; /* first */
	struct loop *loop;
	uint64_t ready; /* octets before this one are there */
	atomic_uint *waits;
	bool gone, posted;
};

static inline void
slow_source_ready(void *arg)
{
	struct slow_source *s = arg;

	s->posted = false;
	if (s->gone) {
		free(s);
		return;
	}
	s->ready += PIECE;
	s->pattern.source.wake(s->pattern.source.wake_arg);
}

static inline ssize_t
slow_source_read(struct source *source, uint64_t offset, char *dst, size_t n)
{
	struct slow_source *s = (struct slow_source *)source;

	if (offset < s->ready)
		return pattern_read(source, offset, dst,
		    n < s->ready - offset ? n : (size_t)(s->ready - offset));
	atomic_fetch_add(s->waits, 1);
	if (s->ready > 0) {
		s->posted = true;
		loop_post(s->loop, slow_source_ready, s);
	}
	return SOURCE_WAIT;
}

static inline void
slow_source_free(struct source *source)
{
	struct slow_source *s = (struct slow_source *)source;

	atomic_fetch_add(s->pattern.freed, 1);
	s->gone = true;
	if (!s->posted)
		free(s);
}

/* -- server ------------------------------------------------------------------------------------- */

struct toy_server {
	struct tls_scene *scene;
	struct workers *workers;
	struct listen *listen;
	uint16_t port;
	enum tls_kind kind;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	unsigned begun, ups, gones, bads;
	unsigned secureds, engine_secureds; /* after STARTTLS: the role was told, and the engine */
	unsigned stalls;
	bool goes_on;
	struct err verdict; /* of the last that came up, or had its STARTTLS */
	struct err why;     /* of the last that went; why 0: in order */
	struct conn_counts counts;
	struct reply_context later; /* of the last LATER */
	unsigned laters;
	unsigned helds;
	struct slow_source *held; /* the loop's thread alone: the one that nobody has woken yet */
	atomic_uint waits;        /* how often a source said SOURCE_WAIT */
	atomic_uint feeds;        /* turns of connections that wait for one */
	char sni[256];
	char version[16], suite[64]; /* "-": in plain */
	unsigned char exporter[TLS_EXPORTER_BYTES];
	atomic_int freed;
};

struct toy {
	struct engine engine; /* first */
	struct toy_server *server;
	struct conn *conn;
	uint64_t expect, at; /* PUT */
	bool stopped;
};

static inline struct source *
toy_slow_source(struct toy *t)
{
	struct slow_source *s = calloc(1, sizeof *s);

	s->pattern.source.read = slow_source_read;
	s->pattern.source.free = slow_source_free;
	s->pattern.freed = &t->server->freed;
	s->loop = workers_loop(t->server->workers, 0);
	s->waits = &t->server->waits;
	s->posted = true; /* toy_let_go will come */
	t->server->held = s;
	pthread_mutex_lock(&t->server->lock);
	t->server->helds++;
	pthread_cond_broadcast(&t->server->changed);
	pthread_mutex_unlock(&t->server->lock);
	return &s->pattern.source;
}

static inline void
toy_stall(struct toy_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stalls++;
	s->goes_on = false;
	pthread_cond_broadcast(&s->changed);
	while (!s->goes_on)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static inline void
toy_go_on(struct toy_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->goes_on = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline void
toy_wants_tls(struct toy *t)
{
	buf_addf(&t->engine.out, "GO\n");
	t->engine.wants_tls = true;
}

static inline void
toy_flood(struct toy *t, unsigned long n)
{
	char octet;

	for (unsigned long i = 0; i < n; i++) {
		octet = pattern(i);
		buf_add(&t->engine.out, &octet, 1);
	}
	toy_wants_tls(t);
}

static inline void
toy_line(struct toy *t, char *line)
{
	unsigned long n;

	if (sscanf(line, "GET %lu", &n) == 1) {
		buf_addf(&t->engine.out, "DATA %lu\n", n);
		engine_payload_take(&t->engine, pattern_source(&t->server->freed), 0, n);
	} else if (sscanf(line, "WAIT %lu", &n) == 1) {
		buf_addf(&t->engine.out, "DATA %lu\n", n);
		engine_payload_take(&t->engine, toy_slow_source(t), 0, n);
	} else if (sscanf(line, "PUT %lu", &n) == 1) {
		t->expect = n;
		t->at = 0;
	} else if (strncmp(line, "ECHO ", 5) == 0)
		buf_addf(&t->engine.out, "%s\n", line + 5);
	else if (strcmp(line, "LATER") == 0) {
		pthread_mutex_lock(&t->server->lock);
		t->server->later = reply_context_of(workers_loop(t->server->workers, 0), t->conn,
		    0);
		t->server->laters++;
		pthread_cond_broadcast(&t->server->changed);
		pthread_mutex_unlock(&t->server->lock);
	} else if (strcmp(line, "STARTTLS") == 0)
		toy_wants_tls(t);
	else if (sscanf(line, "FLOOD %lu", &n) == 1)
		toy_flood(t, n);
	else if (strcmp(line, "STALL") == 0) {
		toy_stall(t->server);
		toy_wants_tls(t);
	} else if (strcmp(line, "OWE") == 0)
		t->engine.owing = true;
	else if (strcmp(line, "STOP") == 0)
		t->stopped = true;
	else if (strcmp(line, "NARROW") == 0)
		t->stopped = t->engine.narrow = true;
	else if (strcmp(line, "BYE") == 0) {
		buf_addf(&t->engine.out, "bye\n");
		t->engine.closing = true;
	}
}

static inline size_t
toy_take(struct toy *t, struct span in)
{
	char line[128];
	const char *lf;
	size_t n;

	if (t->expect > 0) {
		n = in.n < t->expect ? in.n : (size_t)t->expect;
		for (size_t i = 0; i < n; i++)
			t->server->bads += in.p[i] != pattern(t->at + i);
		t->at += n;
		if ((t->expect -= n) == 0)
			buf_addf(&t->engine.out, "OK\n");
		return n;
	}
	if (in.n == 0 || (lf = memchr(in.p, '\n', in.n)) == NULL)
		return 0;
	n = (size_t)(lf - in.p);
	snprintf(line, sizeof line, "%.*s", (int)n, in.p);
	toy_line(t, line);
	return n + 1;
}

static inline size_t
toy_feed(struct engine *e, struct span in)
{
	struct toy *t = (struct toy *)e;
	size_t took = 0, n = 1;

	atomic_fetch_add(&t->server->feeds, e->payload.waiting);
	if (e->closing)
		return in.n;
	while (n > 0 && !t->stopped && e->payload.source == NULL && !e->closing && !e->wants_tls &&
	    e->out.len < ENGINE_OUT_BYTES) {
		n = toy_take(t, span_sub(in, took, in.n));
		took += n;
	}
	return took;
}

static inline void
toy_tick(struct engine *e)
{
	e->deadline_ms = 0;
	buf_addf(&e->out, "tick\n");
	e->closing = true;
}

/* Under the lock. */
static inline void
toy_note(struct toy_server *s, struct conn *c)
{
	s->verdict = (struct err) { 0 };
	(void)tls_peer_check(conn_peer(c), conn_holder(c), &s->verdict);
	snprintf(s->sni, sizeof s->sni, "%s", conn_peer(c)->sni);
	snprintf(s->version, sizeof s->version, "%s", conn_tls_version(c));
	snprintf(s->suite, sizeof s->suite, "%s", conn_tls_suite(c));
	s->bads += conn_is_secured(c) != (strcmp(s->version, "-") != 0);
}

static inline void
toy_engine_secured(struct engine *e)
{
	struct toy_server *s = ((struct toy *)e)->server;

	e->wants_tls = false;
	pthread_mutex_lock(&s->lock);
	s->engine_secureds++;
	pthread_mutex_unlock(&s->lock);
}

/* The role is told before the engine. */
static inline void
toy_secured(struct conn *c, void *role)
{
	struct toy_server *s = ((struct toy *)role)->server;

	pthread_mutex_lock(&s->lock);
	s->bads += s->engine_secureds != s->secureds;
	s->secureds++;
	toy_note(s, c);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline void
toy_up(struct conn *c, void *role)
{
	struct toy *t = role;
	struct toy_server *s = t->server;

	t->conn = c;
	pthread_mutex_lock(&s->lock);
	s->ups++;
	toy_note(s, c);
	(void)conn_exporter(c, s->exporter);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	conn_set_engine(c, &t->engine);
}

static inline void
toy_gone(struct conn *c, void *role, const struct err *why)
{
	struct toy *t = role;
	struct toy_server *s = t->server;

	pthread_mutex_lock(&s->lock);
	s->gones++;
	s->why = why == NULL ? (struct err) { 0 } : *why;
	conn_counts(c, &s->counts);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	engine_clear(&t->engine);
	free(t);
}

static const struct conn_events toy_events = { .up = toy_up,
	.forget_conn = toy_gone,
	.secured = toy_secured };

static inline void
toy_accepted(void *arg, unsigned worker, struct listen_incoming *in)
{
	struct toy_server *s = arg;
	struct toy *t = calloc(1, sizeof *t);

	t->engine.feed = toy_feed;
	t->engine.tick = toy_tick;
	t->engine.secured = toy_engine_secured;
	t->server = s;
	pthread_mutex_lock(&s->lock);
	s->begun++;
	pthread_mutex_unlock(&s->lock);
	conn_accept(workers_loop(s->workers, worker), in, s->scene->hb, s->kind,
	    tls_profile(s->kind)->alpn ? TOY_ALPN : NULL, &toy_events, t);
}

static inline void
toy_open(struct toy_server *s, struct tls_scene *scene, enum tls_kind kind)
{
	struct err e;

	memset(s, 0, sizeof *s);
	s->scene = scene;
	s->kind = kind;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (!workers_new(&s->workers, 1, &e) || !listen_new(&s->listen, NULL, &e) ||
	    !listen_open(s->listen, "127.0.0.1:0", 0, toy_accepted, s, &e) ||
	    !workers_start(s->workers, &e) || !listen_start(s->listen, s->workers, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	s->port = listen_port(s->listen, 0);
}

static inline void
toy_stop(void *loop)
{
	loop_stop(loop);
}

static inline void
toy_drop_all(void *loop)
{
	conn_drop_all(loop, NULL);
}

static inline void
toy_close(struct toy_server *s)
{
	struct loop *l = workers_loop(s->workers, 0);

	listen_stop(s->listen);
	loop_post(l, toy_drop_all, l);
	workers_stop(s->workers);
	loop_drain(l);
	workers_free(&s->workers);
	listen_free(&s->listen);
}

/* Waits at most 20 s for *count to reach n. */
static inline bool
toy_wait(struct toy_server *s, const unsigned *count, unsigned n)
{
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 20;
	pthread_mutex_lock(&s->lock);
	while (*count < n && r == 0)
		r = pthread_cond_timedwait(&s->changed, &s->lock, &t);
	pthread_mutex_unlock(&s->lock);
	return r == 0;
}

/* The connections of earlier tests are over; returns how many there were. */
static inline unsigned
toy_quiet(struct toy_server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->begun;
	pthread_mutex_unlock(&s->lock);
	return toy_wait(s, &s->gones, n) ? n : 0;
}

static inline void
toy_answer(void *arg)
{
	struct toy_server *s = arg;
	struct toy *t = reply_context_session(&s->later);

	if (t == NULL) {
		pthread_mutex_lock(&s->lock);
		s->laters += 100;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		return;
	}
	t->engine.owing = false;
	buf_addf(&t->engine.out, "NOW\n");
	conn_kick(t->conn);
}

/* On the loop: wakes the source that is held. */
static inline void
toy_let_go(void *arg)
{
	struct toy_server *s = arg;

	slow_source_ready(s->held);
	s->held = NULL;
}

/* -- client: one connection, run until it goes ------------------------------------------------- */

struct toy_client {
	struct engine engine; /* first */
	struct loop *loop;
	struct conn *conn;
	const char
	    *say;     /* at once, when it is up; after STARTTLS, where the kind begins in plain */
	uint64_t put; /* payload after that */
	bool up, gone;
	struct err why;
	struct conn_counts counts;
	char text[64];               /* the first octets that came */
	uint64_t octets, bads, head; /* head: octets before the pattern */
	uint64_t close_at;           /* having got so many octets; 0: not */
	enum tls_kind
	    kind; /* 0: TLS_TO_PEER.  In plain the first line that comes is the go-ahead */
	int64_t patience_ms;      /* in plain; 0: endless */
	struct conn_limit *limit; /* where it backs off */
	bool picky;               /* drops the connection where the verdict is bad */
	unsigned secureds;
	struct err verdict; /* after the handshake */
	unsigned char exporter[TLS_EXPORTER_BYTES];
};

static inline size_t
client_feed_plain(struct toy_client *c, struct span in)
{
	const char *lf = in.n == 0 ? NULL : memchr(in.p, '\n', in.n);

	if (lf == NULL)
		return 0;
	c->engine.wants_tls = true;
	c->engine.deadline_ms = 0;
	return (size_t)(lf - in.p) + 1;
}

static inline size_t
client_feed(struct engine *e, struct span in)
{
	struct toy_client *c = (struct toy_client *)e;

	if (e->closing)
		return in.n;
	if (tls_profile(c->kind)->starts_plain && c->secureds == 0)
		return client_feed_plain(c, in);
	for (size_t i = 0; i < in.n; i++, c->octets++) {
		if (c->octets < sizeof c->text - 1)
			c->text[c->octets] = in.p[i];
		if (c->head > 0 && c->octets >= c->head)
			c->bads += in.p[i] != pattern(c->octets - c->head);
	}
	if (c->close_at > 0 && c->octets >= c->close_at)
		e->closing = true;
	return in.n;
}

static inline void
client_begin(struct toy_client *c)
{
	buf_add(&c->engine.out, c->say, strlen(c->say));
	if (c->put > 0)
		engine_payload_take(&c->engine, pattern_source(NULL), 0, c->put);
}

static inline void
client_up(struct conn *conn, void *role)
{
	struct toy_client *c = role;

	c->up = true;
	(void)conn_exporter(conn, c->exporter);
	if (!tls_profile(c->kind)->starts_plain)
		client_begin(c);
	else if (c->patience_ms > 0)
		c->engine.deadline_ms = loop_now_ms(c->loop) + c->patience_ms;
	c->verdict = conn_peer(conn)->verdict;
	conn_set_engine(conn, &c->engine);
}

static inline void
client_secured(struct conn *conn, void *role)
{
	struct toy_client *c = role;

	c->verdict = conn_peer(conn)->verdict;
	if (c->picky && c->verdict.why != REFUSAL_NONE)
		conn_drop(conn, &c->verdict);
}

static inline void
client_engine_secured(struct engine *e)
{
	struct toy_client *c = (struct toy_client *)e;

	e->wants_tls = false;
	c->secureds++;
	client_begin(c);
}

static inline void
client_tick(struct engine *e)
{
	e->deadline_ms = 0;
	e->closing = true;
}

static inline void
client_gone(struct conn *conn, void *role, const struct err *why)
{
	struct toy_client *c = role;

	c->gone = true;
	c->why = why == NULL ? (struct err) { 0 } : *why;
	conn_counts(conn, &c->counts);
	engine_clear(&c->engine);
	loop_stop(c->loop);
}

static const struct conn_events client_events = { .up = client_up,
	.forget_conn = client_gone,
	.secured = client_secured };

static inline void
client_run(struct toy_client *c, struct tls_holder *h, uint16_t port, const char *own,
    const char *domain, int64_t timeout_ms)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct conn_target to = { .kind = c->kind == 0 ? TLS_TO_PEER : c->kind,
		.address = (struct sockaddr *)&a,
		.own = own,
		.domain = domain,
		.timeout_ms = timeout_ms };
	struct err e;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!loop_new(&c->loop, &e))
		abort();
	to.limit = c->limit;
	to.backs_off = c->limit != NULL;
	c->kind = to.kind;
	to.alpn = tls_profile(to.kind)->alpn ? TOY_ALPN : NULL;
	c->engine.feed = client_feed;
	c->engine.tick = client_tick;
	c->engine.secured = client_engine_secured;
	if (c->say == NULL)
		c->say = "";
	c->conn = conn_connect(c->loop, &to, h, &client_events, c);
	loop_run(c->loop);
	loop_free(&c->loop);
}

/* -- raw client --------------------------------------------------------------------------------- */

struct raw {
	const char *sni, *alpn;
	const struct cert *cert, *by;
	int version;                            /* 0: 1.3 */
	const char *suites;                     /* of TLS 1.2; NULL: the library's */
	int window;                             /* of the receiving socket; 0: the system's */
	int (*on_request)(SSL *ssl, void *raw); /* asked for a certificate */
	unsigned requests, ca_names;            /* counted by it */
	/* results */
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	bool shaken;
};

static inline void
raw_connect(struct raw *r, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (r->window > 0)
		setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &r->window, sizeof r->window);
	if (connect(r->fd, (struct sockaddr *)&a, sizeof a) < 0)
		abort();
}

static inline void
raw_shake(struct raw *r)
{
	unsigned char list[64];

	r->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(r->ctx, 0);
	if (r->version != 0) {
		SSL_CTX_set_min_proto_version(r->ctx, r->version);
		SSL_CTX_set_max_proto_version(r->ctx, r->version);
	}
	if (r->suites != NULL && SSL_CTX_set_cipher_list(r->ctx, r->suites) != 1)
		abort();
	if (r->cert != NULL) {
		SSL_CTX_use_certificate(r->ctx, r->cert->x);
		SSL_CTX_use_PrivateKey(r->ctx, r->cert->key);
		if (r->by != NULL)
			SSL_CTX_add1_chain_cert(r->ctx, r->by->x);
	}
	r->ssl = SSL_new(r->ctx);
	SSL_set_fd(r->ssl, r->fd);
	if (r->sni != NULL)
		SSL_set_tlsext_host_name(r->ssl, r->sni);
	if (r->alpn != NULL) {
		list[0] = (unsigned char)strlen(r->alpn);
		memcpy(list + 1, r->alpn, list[0]);
		SSL_set_alpn_protos(r->ssl, list, list[0] + 1U);
	}
	if (r->on_request != NULL)
		SSL_set_cert_cb(r->ssl, r->on_request, r);
	r->shaken = SSL_connect(r->ssl) == 1;
}

static inline void
raw_open(struct raw *r, uint16_t port)
{
	raw_connect(r, port);
	raw_shake(r);
}

/* In plain. */
static inline void
raw_write(struct raw *r, const char *text)
{
	if (send(r->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return;
}

/* In plain: one line, or what there is until the end. */
static inline void
raw_read(struct raw *r, char *text, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && recv(r->fd, text + n, 1, 0) == 1)
		if (text[n++] == '\n')
			break;
	text[n] = '\0';
}

static inline void
raw_say(struct raw *r, const char *text)
{
	(void)SSL_write(r->ssl, text, (int)strlen(text));
}

/* Reads one line, or what there is until the end. */
static inline void
raw_hear(struct raw *r, char *text, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && SSL_read(r->ssl, text + n, 1) == 1)
		if (text[n++] == '\n')
			break;
	text[n] = '\0';
}

static inline void
raw_close(struct raw *r, bool orderly)
{
	if (orderly)
		SSL_shutdown(r->ssl);
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	close(r->fd);
}

/* -- a scene of one server that wants certificates: cmocka's fixtures ----------------------------- */

struct one_server {
	struct tls_scene tls;
	struct toy_server server;
};

static inline int
one_server_up(void **state)
{
	struct one_server *s = calloc(1, sizeof *s);

	scene_open(&s->tls);
	toy_open(&s->server, &s->tls, TLS_PEERS);
	*state = s;
	return 0;
}

static inline int
one_server_down(void **state)
{
	struct one_server *s = *state;

	toy_close(&s->server);
	scene_close(&s->tls);
	free(s);
	return 0;
}

#endif
