/* smtp_wire — see smtp_wire.h. */
#include "tests/smtp_wire.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

char *
smtp_wire_value(char *word)
{
	char *value = strchr(word, '=');

	if (value != NULL)
		*value++ = '\0';
	return value;
}

bool
smtp_wire_tls_word(struct smtp_wire_tls *tls, const char *word, const char *value)
{
	const struct {
		const char *name, **to;
	} texts[] = {
		{ "cert", &tls->certificate },
		{ "key", &tls->key },
		{ "tls", &tls->version },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(word, texts[i].name) == 0) {
			*texts[i].to = value;
			return true;
		}
	return false;
}

void
smtp_wire_address(const char *text, struct sockaddr_in *out)
{
	char host[64];
	size_t n = strcspn(text, ":");

	memset(out, 0, sizeof *out);
	out->sin_family = AF_INET;
	if (text[n] == ':')
		out->sin_port = htons((uint16_t)strtoul(text + n + 1, NULL, 10));
	snprintf(host, sizeof host, "%.*s", (int)n, text);
	if (inet_pton(AF_INET, host, &out->sin_addr) != 1) {
		fprintf(stderr, "%s is no address\n", text);
		exit(64);
	}
}

void
smtp_wire_patience(struct smtp_wire *w, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

/* -- TLS ---------------------------------------------------------------------------------------- */

static int
any_certificate(int good, X509_STORE_CTX *chain)
{
	(void)good;
	(void)chain;
	return 1;
}

static bool
shown(SSL_CTX *c, const struct smtp_wire_tls *tls)
{
	return tls->certificate == NULL ||
	    (SSL_CTX_use_certificate_chain_file(c, tls->certificate) == 1 &&
		SSL_CTX_use_PrivateKey_file(c, tls->key, SSL_FILETYPE_PEM) == 1);
}

static SSL_CTX *
context(const struct smtp_wire_tls *tls, bool server)
{
	SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (c == NULL)
		abort();
	SSL_CTX_set_security_level(c, 0);
	if (tls->version != NULL) {
		int v = strcmp(tls->version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

		SSL_CTX_set_min_proto_version(c, v);
		SSL_CTX_set_max_proto_version(c, v);
	}
	if (server && tls->asks)
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, any_certificate);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c, 0);
	if (!shown(c, tls)) {
		ERR_print_errors_fp(stderr);
		exit(78);
	}
	return c;
}

static const char *
reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

	return text != NULL ? text : "the connection ended";
}

size_t
smtp_wire_early(struct smtp_wire *w)
{
	int waiting = 0;

	ioctl(w->fd, FIONREAD, &waiting);
	return w->n - w->at + (w->ssl == NULL ? (size_t)waiting : 0);
}

bool
smtp_wire_secure(struct smtp_wire *w, const struct smtp_wire_tls *tls, bool server,
    const char **why)
{
	SSL_CTX *c = context(tls, server);
	bool good;

	w->at = w->n = 0;
	w->ssl = SSL_new(c);
	SSL_CTX_free(c);
	if (w->ssl == NULL || SSL_set_fd(w->ssl, w->fd) != 1)
		abort();
	if (!server && tls->sni != NULL)
		SSL_set_tlsext_host_name(w->ssl, tls->sni);
	ERR_clear_error();
	good = (server ? SSL_accept(w->ssl) : SSL_connect(w->ssl)) == 1;
	if (!good)
		*why = reason();
	return good;
}

void
smtp_wire_describe(const struct smtp_wire *w, char *out, size_t cap)
{
	X509 *x = SSL_get1_peer_certificate(w->ssl);
	char subject[256] = "none";

	if (x != NULL)
		X509_NAME_oneline(X509_get_subject_name(x), subject, sizeof subject);
	snprintf(out, cap, "%s %s %s", SSL_get_version(w->ssl), SSL_get_cipher_name(w->ssl),
	    subject);
	X509_free(x);
}

/* -- octets ------------------------------------------------------------------------------------- */

bool
smtp_wire_write(struct smtp_wire *w, const char *octets, size_t n)
{
	while (n > 0) {
		size_t piece = n < 1 << 20 ? n : 1 << 20;
		ssize_t done = w->ssl != NULL ? SSL_write(w->ssl, octets, (int)piece)
					      : write(w->fd, octets, piece);

		if (done <= 0)
			return false;
		octets += done;
		n -= (size_t)done;
	}
	return true;
}

int
smtp_wire_octet(struct smtp_wire *w)
{
	if (w->at == w->n) {
		ssize_t got = w->ssl != NULL ? SSL_read(w->ssl, w->in, sizeof w->in)
					     : read(w->fd, w->in, sizeof w->in);

		if (got <= 0)
			return -1;
		w->at = 0;
		w->n = (size_t)got;
	}
	return (unsigned char)w->in[w->at++];
}

size_t
smtp_wire_line(struct smtp_wire *w, char *line, size_t cap)
{
	size_t n = 0, all = 0;
	int c;

	do {
		if ((c = smtp_wire_octet(w)) >= 0) {
			all++;
			if (n < cap - 1)
				line[n++] = (char)c;
		}
	} while (c >= 0 && c != '\n');
	line[n] = '\0';
	return c < 0 ? 0 : all;
}

void
smtp_wire_close(struct smtp_wire *w, bool politely)
{
	if (w->ssl != NULL && politely)
		SSL_shutdown(w->ssl);
	SSL_free(w->ssl);
	w->ssl = NULL;
	close(w->fd);
}
