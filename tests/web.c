/* web — see web.h. */
#include "tests/web.h"
#include "tests/temp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/certs.h"

#define PAGES_MAX 32

struct page {
	char path[64];
	char *text;
	size_t n;
	bool endless, silent, drip;
};

struct web {
	pthread_t thread;
	pthread_mutex_t lock; /* of pages, request and tls */
	int fd;
	unsigned port;
	struct page pages[PAGES_MAX];
	size_t n;
	char request[2048]; /* the last one */
	SSL_CTX *tls;       /* NULL: in plain */
	SSL *ssl;           /* of the connection; the thread's */
	atomic_bool over;
	atomic_uint connections;
	atomic_size_t sent;
};

static void
check(bool good)
{
	if (!good)
		abort();
}

static bool
put(struct web *w, int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = w->ssl != NULL ? SSL_write(w->ssl, p, (int)n)
					   : send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
		atomic_fetch_add(&w->sent, (size_t)k);
	}
	return true;
}

static void
pour(struct web *w, int fd)
{
	static const char zeros[65536];

	while (!atomic_load(&w->over) && put(w, fd, zeros, sizeof zeros))
		continue;
}

static void
drip(struct web *w, int fd)
{
	while (!atomic_load(&w->over) && put(w, fd, "", 1))
		usleep(100000);
}

static void
hang(struct web *w, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < 100 && !atomic_load(&w->over); i++)
		if (poll(&p, 1, 10) > 0)
			return;
}

static void
reply(struct web *w, int fd, const char *path)
{
	struct page page = { .text = NULL };
	char *copy = NULL;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->pages[i].path, path) == 0) {
			page = w->pages[i];
			copy = memcpy(malloc(page.n + 1), page.text, page.n);
		}
	pthread_mutex_unlock(&w->lock);
	if (page.silent)
		hang(w, fd);
	else if (copy == NULL)
		put(w, fd, "HTTP/1.0 404 No\r\n\r\n", 19);
	else if (put(w, fd, copy, page.n) && page.drip)
		drip(w, fd);
	else if (page.endless)
		pour(w, fd);
	free(copy);
}

static bool
secured(struct web *w, int fd)
{
	pthread_mutex_lock(&w->lock);
	w->ssl = w->tls != NULL ? SSL_new(w->tls) : NULL;
	pthread_mutex_unlock(&w->lock);
	if (w->ssl == NULL)
		return true;
	check(SSL_set_fd(w->ssl, fd) == 1);
	return SSL_accept(w->ssl) == 1;
}

static ssize_t
get(struct web *w, int fd, char *p, size_t n)
{
	return w->ssl != NULL ? SSL_read(w->ssl, p, (int)n) : recv(fd, p, n, 0);
}

static void
hear(struct web *w, int fd)
{
	char request[2048], path[64] = "";
	size_t n = 0;
	ssize_t k;

	while (
	    n < sizeof request - 1 && (k = get(w, fd, request + n, sizeof request - 1 - n)) > 0) {
		n += (size_t)k;
		request[n] = '\0';
		if (strstr(request, "\r\n\r\n") != NULL)
			break;
	}
	request[n] = '\0';
	pthread_mutex_lock(&w->lock);
	memcpy(w->request, request, n + 1);
	pthread_mutex_unlock(&w->lock);
	if (sscanf(request, "GET %63s HTTP/1.1\r\n", path) == 1)
		reply(w, fd, path);
}

static void
serve(struct web *w, int fd)
{
	if (secured(w, fd))
		hear(w, fd);
	if (w->ssl != NULL)
		SSL_shutdown(w->ssl);
	SSL_free(w->ssl);
	w->ssl = NULL;
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void *
run(void *arg)
{
	struct web *w = arg;
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	while (!atomic_load(&w->over)) {
		int fd;

		if (poll(&p, 1, 10) <= 0 || (fd = accept(w->fd, NULL, NULL)) < 0)
			continue;
		atomic_fetch_add(&w->connections, 1);
		atomic_store(&w->sent, 0);
		serve(w, fd);
	}
	return NULL;
}

struct web *
web_new(void)
{
	struct web *w = calloc(1, sizeof *w);
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;

	check(w != NULL);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check(w->fd >= 0 && bind(w->fd, (struct sockaddr *)&a, size) == 0 &&
	    listen(w->fd, 16) == 0 && getsockname(w->fd, (struct sockaddr *)&a, &size) == 0);
	w->port = ntohs(a.sin_port);
	pthread_mutex_init(&w->lock, NULL);
	check(pthread_create(&w->thread, NULL, run, w) == 0);
	return w;
}

void
web_free(struct web **wp)
{
	struct web *w = *wp;

	*wp = NULL;
	atomic_store(&w->over, true);
	pthread_join(w->thread, NULL);
	close(w->fd);
	SSL_CTX_free(w->tls);
	for (size_t i = 0; i < w->n; i++)
		free(w->pages[i].text);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int
web_setup(void **state)
{
	*state = web_new();
	return 0;
}

int
web_teardown(void **state)
{
	struct web *w = *state;

	web_free(&w);
	return 0;
}

static void
set(struct web *w, const char *path, struct span octets, struct page as)
{
	size_t i = 0;

	pthread_mutex_lock(&w->lock);
	while (i < w->n && strcmp(w->pages[i].path, path) != 0)
		i++;
	check(i < PAGES_MAX);
	if (i == w->n)
		w->n++;
	free(w->pages[i].text);
	w->pages[i] = as;
	w->pages[i].n = octets.n;
	snprintf(w->pages[i].path, sizeof w->pages[i].path, "%s", path);
	check((w->pages[i].text = malloc(octets.n + 1)) != NULL);
	memcpy(w->pages[i].text, octets.p, octets.n);
	pthread_mutex_unlock(&w->lock);
}

void
web_answer(struct web *w, const char *path, const char *text)
{
	set(w, path, span_str(text), (struct page) { .n = 0 });
}

void
web_answer_octets(struct web *w, const char *path, struct span octets)
{
	set(w, path, octets, (struct page) { .n = 0 });
}

void
web_endless(struct web *w, const char *path, const char *begin)
{
	set(w, path, span_str(begin), (struct page) { .endless = true });
}

void
web_silent(struct web *w, const char *path)
{
	set(w, path, span_str(""), (struct page) { .silent = true });
}

void
web_drip(struct web *w, const char *path, const char *begin)
{
	set(w, path, span_str(begin), (struct page) { .drip = true });
}

const char *
web_url(struct web *w, const char *host, const char *path)
{
	static char urls[8][256];
	static unsigned at;
	char *url = urls[at++ % 8];

	snprintf(url, sizeof urls[0], "%s://%s:%u%s", w->tls != NULL ? "https" : "http", host,
	    w->port, path);
	return url;
}

unsigned
web_port(const struct web *w)
{
	return w->port;
}

void
web_secure(struct web *w, const struct cert *leaf, const struct cert *ca)
{
	SSL_CTX *c = leaf == NULL ? NULL : SSL_CTX_new(TLS_server_method()), *old;

	signal(SIGPIPE, SIG_IGN);
	if (c != NULL)
		check(SSL_CTX_use_certificate(c, leaf->x) == 1 &&
		    SSL_CTX_use_PrivateKey(c, leaf->key) == 1 &&
		    SSL_CTX_add1_chain_cert(c, ca->x) == 1);
	pthread_mutex_lock(&w->lock);
	old = w->tls;
	w->tls = c;
	pthread_mutex_unlock(&w->lock);
	SSL_CTX_free(old);
}

void
web_secure_old(struct web *w)
{
	pthread_mutex_lock(&w->lock);
	SSL_CTX_set_security_level(w->tls, 0);
	check(SSL_CTX_set_min_proto_version(w->tls, TLS1_VERSION) == 1 &&
	    SSL_CTX_set_max_proto_version(w->tls, TLS1_1_VERSION) == 1);
	pthread_mutex_unlock(&w->lock);
}

unsigned
web_connections(struct web *w)
{
	return atomic_load(&w->connections);
}

void
web_request(struct web *w, char *out, size_t n)
{
	pthread_mutex_lock(&w->lock);
	snprintf(out, n, "%s", w->request);
	pthread_mutex_unlock(&w->lock);
}

size_t
web_sent(struct web *w)
{
	return atomic_load(&w->sent);
}

static char zone_path[64];

static void
forget_zone(void)
{
	unlink(zone_path);
}

const char *
web_zone(void)
{
	static char spec[80];
	FILE *f;
	int fd;

	if (*spec != '\0')
		return spec;
	temp_name(zone_path, sizeof zone_path, "tillcalled-web.XXXXXX");
	fd = mkstemp(zone_path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	check(f != NULL);
	fprintf(f,
	    "here.test. A 127.0.0.1\nother.test. A 127.0.0.1\nmapped.test. AAAA ::ffff:127.0.0.1\n"
	    "many.test. A 127.0.0.1\nmany.test. A 127.0.0.213\nmany.test. AAAA ::1\n"
	    "empty.test. TXT \"x\"\n");
	fclose(f);
	atexit(forget_zone);
	snprintf(spec, sizeof spec, "zone:%s", zone_path);
	return spec;
}
