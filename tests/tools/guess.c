/* guess — tries wrong passwords at a server of people, as fast as it is let.
 *
 *	guess ADDRESS:PORT SNI ALPN FROM USER COUNT CONNECTIONS
 *
 * Each connection signs in by SCRAM-SHA-256 with a proof made up, again and again until it is closed,
 * and then another is made, until COUNT proofs were sent.  Says how many were answered by each reply, and
 * how many by none: "535 N", "454 N", ..., "closed N", one a line.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/buf.h"

#define PATIENCE_S      60
#define CONNECTIONS_MAX 500
#define PAUSE_US        50000 /* after a connection that was refused */

static struct {
	struct sockaddr_in to, from;
	const char *sni, *alpn, *user;
	SSL_CTX *context;
	atomic_int left;
	atomic_uint replies[1000], closed; /* by code */
} all;

static void
die(const char *what)
{
	fprintf(stderr, "guess: %s\n", what);
	exit(69);
}

/* -- one connection --------------------------------------------------------------------------- */

static SSL *
open_one(void)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	unsigned char alpn[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *s = SSL_new(all.context);

	if (fd < 0 || s == NULL)
		die("no socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	alpn[0] = (unsigned char)strlen(all.alpn);
	memcpy(alpn + 1, all.alpn, alpn[0]);
	if (bind(fd, (const struct sockaddr *)&all.from, sizeof all.from) < 0)
		die("the address to come from is not ours");
	if (connect(fd, (const struct sockaddr *)&all.to, sizeof all.to) < 0 ||
	    SSL_set_alpn_protos(s, alpn, alpn[0] + 1U) != 0 ||
	    SSL_set_tlsext_host_name(s, all.sni) != 1 || SSL_set_fd(s, fd) != 1 ||
	    SSL_connect(s) != 1) {
		SSL_free(s);
		close(fd);
		return NULL;
	}
	return s;
}

static void
close_one(SSL *s)
{
	int fd = SSL_get_fd(s);

	SSL_free(s);
	close(fd);
}

static bool
say(SSL *s, const char *before, const struct buf *message)
{
	struct buf line = BUF_INIT;
	bool sent;

	buf_addf(&line, "%s", before);
	base64_add(&line, message->data, message->len);
	buf_addf(&line, "\r\n");
	sent = SSL_write(s, line.data, (int)line.len) == (int)line.len;
	buf_clear(&line);
	return sent;
}

/* 0: closed. */
static int
hear(SSL *s, char *line, size_t cap)
{
	size_t n = 0;

	while (n < cap - 1 && SSL_read(s, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return n > 3 && line[n - 1] == '\n' ? atoi(line) : 0;
}

/* The server's nonce, which the proof must name. */
static bool
nonce_of(const char *line, struct buf *nonce)
{
	const char *message = strrchr(line, ' ');
	struct buf text = BUF_INIT;
	const char *end;
	bool good = message != NULL &&
	    base64_parse(span_of(message + 1, strcspn(message + 1, "\r\n")), &text) &&
	    span_starts(buf_span(&text), SPAN_LIT("r=")) &&
	    (end = memchr(text.data, ',', text.len)) != NULL;

	if (good)
		buf_add(nonce, text.data, (size_t)(end - text.data));
	buf_clear(&text);
	return good;
}

/* False: the connection is over. */
static bool
guess(SSL *s)
{
	struct buf first = BUF_INIT, last = BUF_INIT;
	unsigned char proof[32];
	char line[2048];
	int code;
	bool good;

	buf_addf(&first, "n,,n=%s,r=guess%p%d", all.user, (void *)s, atomic_load(&all.left));
	good = say(s, "AUTH SCRAM-SHA-256 ", &first) && hear(s, line, sizeof line) == 334;
	buf_addf(&last, "c=biws,");
	good = good && nonce_of(line, &last) && RAND_bytes(proof, sizeof proof) == 1;
	buf_addf(&last, ",p=");
	base64_add(&last, proof, sizeof proof);
	if (!good || !say(s, "", &last)) {
		atomic_fetch_add(&all.left, 1); /* not tried */
		good = false;
	} else {
		code = hear(s, line, sizeof line);
		good = code > 0 && code < 1000;
		atomic_fetch_add(good ? &all.replies[code] : &all.closed, 1);
	}
	buf_clear(&first);
	buf_clear(&last);
	return good;
}

static void *
guess_on(void *arg)
{
	SSL *s = NULL;

	(void)arg;
	while (atomic_fetch_sub(&all.left, 1) > 0) {
		if (s == NULL && (s = open_one()) == NULL) {
			atomic_fetch_add(&all.left, 1);
			usleep(PAUSE_US);
			continue;
		}
		if (!guess(s)) {
			close_one(s);
			s = NULL;
		}
	}
	if (s != NULL)
		close_one(s);
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t threads[CONNECTIONS_MAX];
	char *port;
	int n;

	if (argc != 8 || (port = strchr(argv[1], ':')) == NULL || (n = atoi(argv[7])) < 1 ||
	    n > CONNECTIONS_MAX)
		die("usage: guess ADDRESS:PORT SNI ALPN FROM USER COUNT CONNECTIONS");
	*port++ = '\0';
	signal(SIGPIPE, SIG_IGN);
	all.to = (struct sockaddr_in) { .sin_family = AF_INET };
	all.from = all.to;
	all.to.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, argv[1], &all.to.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[4], &all.from.sin_addr) != 1)
		die("no address");
	all.sni = argv[2];
	all.alpn = argv[3];
	all.user = argv[5];
	atomic_store(&all.left, atoi(argv[6]));
	all.context = SSL_CTX_new(TLS_client_method());
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, guess_on, NULL) != 0)
			die("no thread");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	for (int code = 0; code < 1000; code++)
		if (atomic_load(&all.replies[code]) > 0)
			printf("%d %u\n", code, atomic_load(&all.replies[code]));
	printf("closed %u\n", atomic_load(&all.closed));
	SSL_CTX_free(all.context);
	return 0;
}
