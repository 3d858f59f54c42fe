/* smtp — gives an SMTP server letters over TLS with certificates on both sides, and counts what it acknowledges.
 *
 *	smtp --to ADDRESS:PORT --certificate FILE --key FILE --trust FILE --name NAME --sender U@D --recipient U@D
 *	    [--connections 50] [--size 4096] [--starttls] [--hello NAME] [--from ADDRESS] [--recipients N]
 *	    (--seconds N | --count N)
 *
 * It sends as load does: each connection its next letter after the 250 for the last one; MAIL, RCPT and DATA in one
 * write.  TLS from the first octet, but for --starttls.  --from: its own address; --recipients: a `%` in the recipient
 * is a number up to N, in turn.  A thread for each connection.  It prints what load prints.  Status 0: all was
 * acknowledged.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/command.h"
#include "tests/latency.h"

#define STACK     (256 * 1024)
#define LINE_ROOM 1024

struct options {
	const char *to, *certificate, *key, *trust, *name, *sender, *recipient, *hello, *from;
	long connections, size, seconds, count, recipients;
	bool starttls;
};

struct run {
	struct options o;
	SSL_CTX *tls;
	struct sockaddr_in address, from;
	char *letter; /* with its final dot */
	size_t octets;
	long long began_us;
	atomic_long taken, given, acked, failed;
	struct latencies latencies;
};

static long long
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* -- one session ---------------------------------------------------------------------------------------------- */

struct session {
	struct run *run;
	SSL *tls;
	bool plain; /* STARTTLS is still to come */
	int fd;
	char in[LINE_ROOM * 16];
	size_t n;
};

static bool
say(struct session *s, const char *octets, size_t n)
{
	if (s->plain)
		return write(s->fd, octets, n) == (ssize_t)n;
	return SSL_write(s->tls, octets, (int)n) == (int)n;
}

static int
hear(struct session *s, size_t room)
{
	if (room == 0)
		return 0;
	if (s->plain)
		return (int)read(s->fd, s->in + s->n, room);
	return SSL_read(s->tls, s->in + s->n, (int)room);
}

/* The code of the next reply, after its last line; 0: the session is over. */
static int
reply(struct session *s)
{
	for (;;) {
		char *end = memchr(s->in, '\n', s->n);
		int n;

		if (end != NULL) {
			size_t line = (size_t)(end - s->in) + 1;
			bool last = line > 3 && s->in[3] != '-';
			int code = atoi(s->in);

			if (last && code >= 400)
				fprintf(stderr, "smtp: %.*s\n", (int)line - 1, s->in);
			s->n -= line;
			memmove(s->in, s->in + line, s->n);
			if (last)
				return code;
			continue;
		}
		n = hear(s, sizeof s->in - 1 - s->n);
		if (n <= 0)
			return 0;
		s->n += (size_t)n;
		s->in[s->n] = '\0';
	}
}

static bool
hello(struct session *s)
{
	char line[LINE_ROOM];
	int n = snprintf(line, sizeof line, "EHLO %s\r\n", s->run->o.hello);

	return say(s, line, (size_t)n) && reply(s) == 250;
}

static bool
reach(struct session *s)
{
	static const int on = 1;
	struct run *r = s->run;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 ||
	    (r->o.from != NULL && bind(s->fd, (struct sockaddr *)&r->from, sizeof r->from) != 0) ||
	    connect(s->fd, (struct sockaddr *)&r->address, sizeof r->address) != 0)
		return false;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return true;
}

static bool
begin(struct session *s)
{
	struct run *r = s->run;

	s->tls = SSL_new(r->tls);
	s->plain = r->o.starttls;
	if (s->tls == NULL || !reach(s))
		return false;
	if (s->plain &&
	    (reply(s) != 220 || !hello(s) || !say(s, "STARTTLS\r\n", 10) || reply(s) != 220))
		return false;
	s->plain = false;
	return SSL_set_fd(s->tls, s->fd) == 1 && SSL_set1_host(s->tls, r->o.name) == 1 &&
	    SSL_set_tlsext_host_name(s->tls, r->o.name) == 1 && SSL_connect(s->tls) == 1 &&
	    (r->o.starttls || reply(s) == 220) && hello(s);
}

/* The recipient's % is the number. */
static size_t
make_envelope(const struct options *o, long number, char *out, size_t cap)
{
	const char *mark = strchr(o->recipient, '%');
	int before = mark == NULL ? (int)strlen(o->recipient) : (int)(mark - o->recipient);
	char digits[24] = "";

	if (mark != NULL)
		snprintf(digits, sizeof digits, "%ld", number);
	return (size_t)snprintf(out, cap, "MAIL FROM:<%s>\r\nRCPT TO:<%.*s%s%s>\r\nDATA\r\n",
	    o->sender, before, o->recipient, digits, mark == NULL ? "" : mark + 1);
}

static bool
give(struct session *s)
{
	struct run *r = s->run;
	char envelope[LINE_ROOM];
	long number = 1 + atomic_fetch_add(&r->given, 1) % r->o.recipients;
	size_t n = make_envelope(&r->o, number, envelope, sizeof envelope);

	return say(s, envelope, n) && reply(s) == 250 && reply(s) == 250 && reply(s) == 354 &&
	    say(s, r->letter, r->octets) && reply(s) == 250;
}

static bool
take(struct run *r)
{
	if (r->o.seconds > 0 && now_us() - r->began_us >= r->o.seconds * 1000000LL)
		return false;
	return atomic_fetch_add(&r->taken, 1) < r->o.count || r->o.count == 0;
}

static void *
run_session(void *arg)
{
	struct session s = { .run = arg, .fd = -1 };
	struct run *r = arg;
	bool good = begin(&s);

	if (!good)
		ERR_print_errors_fp(stderr);
	while (good && take(r)) {
		long long sent_us = now_us();

		if ((good = give(&s))) {
			latency_add(&r->latencies, now_us() - sent_us);
			r->acked++;
		}
	}
	if (good && say(&s, "QUIT\r\n", 6))
		reply(&s);
	if (!good)
		r->failed++;
	SSL_free(s.tls);
	if (s.fd >= 0)
		close(s.fd);
	return NULL;
}

/* -- all of them ---------------------------------------------------------------------------------------------- */

static void
usage(void)
{
	fprintf(stderr,
	    "usage: smtp --to ADDRESS:PORT --certificate FILE --key FILE --trust FILE "
	    "--name NAME --sender U@D --recipient U@D [--connections N] [--size N] [--starttls] "
	    "[--hello NAME] [--from ADDRESS] [--recipients N] (--seconds N | --count N)\n");
	exit(64);
}

static void
options(int argc, char **argv, struct options *o)
{
	const struct command_option table[] = {
		{ "to", .text = &o->to },
		{ "certificate", .text = &o->certificate },
		{ "key", .text = &o->key },
		{ "trust", .text = &o->trust },
		{ "name", .text = &o->name },
		{ "sender", .text = &o->sender },
		{ "recipient", .text = &o->recipient },
		{ "hello", .text = &o->hello },
		{ "from", .text = &o->from },
		{ "starttls", .flag = &o->starttls },
		{ "recipients", .n = &o->recipients, .least = 1, .most = 100000 },
		{ "connections", .n = &o->connections, .least = 1, .most = 10000 },
		{ "size", .n = &o->size, .least = 200, .most = 64 << 20 },
		{ "seconds", .n = &o->seconds, .least = 0, .most = 86400 },
		{ "count", .n = &o->count, .least = 0, .most = 100000000 },
	};

	if (!command_options(argc, argv, "smtp", table, sizeof table / sizeof *table) ||
	    (o->seconds == 0 && o->count == 0))
		usage();
	for (int i = 0; i < 7; i++)
		if (*table[i].text == NULL)
			usage();
}

static void
make_letter(struct run *r)
{
	size_t size = (size_t)r->o.size, n;
	char *p = malloc(size + 100);

	if (p == NULL)
		abort();
	n = (size_t)snprintf(p, size, "From: <%s>\r\nTo: <%s>\r\nSubject: load\r\n\r\n",
	    r->o.sender, r->o.recipient);
	while (n < size) {
		size_t line = size - n < 78 ? size - n : 78;

		memset(p + n, 'x', line);
		memcpy(p + n + line, "\r\n", 2);
		n += line + 2;
	}
	memcpy(p + n, ".\r\n", 3);
	r->letter = p;
	r->octets = n + 3;
}

static void
find_server(struct run *r)
{
	char text[64];
	const char *colon = strrchr(r->o.to, ':');

	if (colon == NULL || colon - r->o.to >= (long)sizeof text)
		usage();
	memcpy(text, r->o.to, (size_t)(colon - r->o.to));
	text[colon - r->o.to] = '\0';
	r->address.sin_family = AF_INET;
	r->address.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, text, &r->address.sin_addr) != 1)
		usage();
	r->from.sin_family = AF_INET;
	if (r->o.from != NULL && inet_pton(AF_INET, r->o.from, &r->from.sin_addr) != 1)
		usage();
}

static void
make_tls(struct run *r)
{
	r->tls = SSL_CTX_new(TLS_client_method());
	if (r->tls == NULL || SSL_CTX_use_certificate_chain_file(r->tls, r->o.certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(r->tls, r->o.key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(r->tls, r->o.trust, NULL) != 1) {
		ERR_print_errors_fp(stderr);
		exit(78);
	}
	SSL_CTX_set_verify(r->tls, SSL_VERIFY_PEER, NULL);
}

static void
run_all(struct run *r)
{
	pthread_t *threads = calloc((size_t)r->o.connections, sizeof *threads);
	pthread_attr_t small;

	if (threads == NULL)
		abort();
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	r->began_us = now_us();
	for (long i = 0; i < r->o.connections; i++)
		if (pthread_create(&threads[i], &small, run_session, r) != 0)
			abort();
	for (long i = 0; i < r->o.connections; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&small);
	free(threads);
}

int
main(int argc, char **argv)
{
	static struct run r = {
		.o = { .connections = 50, .size = 4096, .recipients = 1, .hello = "load.test" }
	};
	double s;

	signal(SIGPIPE, SIG_IGN);
	options(argc, argv, &r.o);
	find_server(&r);
	make_letter(&r);
	make_tls(&r);
	run_all(&r);
	s = (double)(now_us() - r.began_us) / 1e6;
	printf("%ld letters acknowledged in %.1f s: %.0f/s; p50 %.2f ms, p99 %.2f ms\n", r.acked, s,
	    (double)r.acked / s, latency_percentile_ms(&r.latencies, 0.5),
	    latency_percentile_ms(&r.latencies, 0.99));
	SSL_CTX_free(r.tls);
	free(r.letter);
	if (r.failed > 0)
		fprintf(stderr, "smtp: %ld connections failed\n", r.failed);
	return r.failed > 0;
}
