/* conn_answer — a raw server for one connection, on a thread of its own: it says something in plain, shakes hands by
 * OpenSSL alone, or stays silent.  Programs that use it ignore SIGPIPE.
 */
#ifndef TESTS_UNIT_CONN_ANSWER_H
#define TESTS_UNIT_CONN_ANSWER_H

#include "tests/unit/conn_scene.h"

struct answer {
	const char *plain; /* said at once */
	const struct cert *cert, *by;
	bool shakes, closes, stays;
	int version; /* of TLS; 0: what the library likes */
	int listener;
	uint16_t port;
	pthread_t thread;
	/* results */
	bool shaken;
	int used;     /* version of TLS */
	char got[64]; /* in plain, or inside */
	char sni[64];
	ssize_t n;
	char peer[64]; /* the subject that the client showed */
};

static inline int
any_certificate(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static inline void
answer_inside(struct answer *a, int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	const char *sni;
	SSL *ssl;
	X509 *x;

	SSL_CTX_use_certificate(ctx, a->cert->x);
	SSL_CTX_use_PrivateKey(ctx, a->cert->key);
	if (a->by != NULL)
		SSL_CTX_add1_chain_cert(ctx, a->by->x);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, any_certificate);
	if (a->version != 0) {
		SSL_CTX_set_min_proto_version(ctx, a->version);
		SSL_CTX_set_max_proto_version(ctx, a->version);
	}
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if ((a->shaken = SSL_accept(ssl) == 1)) {
		a->used = SSL_version(ssl);
		sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		snprintf(a->sni, sizeof a->sni, "%s", sni == NULL ? "-" : sni);
		if ((x = SSL_get1_peer_certificate(ssl)) != NULL)
			X509_NAME_oneline(X509_get_subject_name(x), a->peer, sizeof a->peer);
		X509_free(x);
		a->n = SSL_read(ssl, a->got, sizeof a->got - 1);
		SSL_shutdown(ssl);
		while (SSL_read(ssl, a->got + 60, 1) > 0)
			;
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static inline void *
answer_run(void *arg)
{
	struct answer *a = arg;
	int fd = accept(a->listener, NULL, NULL);

	if (a->plain != NULL && send(fd, a->plain, strlen(a->plain), MSG_NOSIGNAL) < 0)
		abort();
	if (a->shakes)
		answer_inside(a, fd);
	else if (!a->closes)
		a->n = recv(fd, a->got, sizeof a->got - 1, 0);
	while (a->stays && recv(fd, a->got + 1, sizeof a->got - 1, 0) > 0)
		;
	close(fd);
	return NULL;
}

static inline void
answer_begin(struct answer *a)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof at;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(a->listener, (struct sockaddr *)&at, n) < 0 || listen(a->listener, 4) < 0 ||
	    getsockname(a->listener, (struct sockaddr *)&at, &n) < 0 ||
	    pthread_create(&a->thread, NULL, answer_run, a) != 0)
		abort();
	a->port = ntohs(at.sin_port);
}

static inline void
answer_end(struct answer *a)
{
	pthread_join(a->thread, NULL);
	close(a->listener);
}

#endif
