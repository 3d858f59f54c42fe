/* peer — the other side of a TLS connection, with whatever certificate it is told to show.
 *
 *	peer talk ADDRESS:PORT [WORD=VALUE]...
 *	peer serve FILE
 *
 * talk: says `up` or `down WHY`, then sends each line of its input with CR LF, or for `@FILE` what
 * is in the file as it is, and says the line that answers it; `closed` where none does.  `!keys N`
 * asks N times for new keys on both sides, which nothing answers; `+N` sends nothing and says N lines
 * more.  Words: from (own address), sni, alpn,
 * cert, key, tls (1.2 or 1.3).
 *
 * serve: FILE has a row per listener, `NAME ADDRESS:PORT [WORD=VALUE]...`; all are served in turn.
 * Says `ready`, then of each connection `NAME up` or `NAME down WHY`, and at its end `NAME octets N`:
 * how many octets of its own the other side sent inside TLS.  It answers nothing.
 *
 * Nothing is verified and no key is too small: the side that judges is the one that is tested.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ROWS_MAX         64
#define LINE_BYTES       4096
#define FILE_BYTES       (2 * 1024 * 1024)
#define PATIENCE_S       30
#define SERVE_PATIENCE_S 3

struct row {
	char name[64];
	struct sockaddr_in address;
	struct sockaddr_in from;
	char *sni, *alpn, *cert, *key, *tls;
	int listener;
};

static void
die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, errno != 0 ? strerror(errno) : "no");
	exit(69);
}

/* -- what is asked for -------------------------------------------------------------------------- */

static void
parse_address(const char *text, struct sockaddr_in *out)
{
	char host[64];
	const char *colon = strchr(text, ':');
	size_t n = colon == NULL ? strlen(text) : (size_t)(colon - text);

	memset(out, 0, sizeof *out);
	out->sin_family = AF_INET;
	if (colon != NULL)
		out->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (n >= sizeof host)
		die(text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &out->sin_addr) != 1)
		die(text);
}

static void
parse_word(struct row *r, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n;
	struct {
		const char *name;
		char **to;
	} const words[] = {
		{ "sni", &r->sni },
		{ "alpn", &r->alpn },
		{ "cert", &r->cert },
		{ "key", &r->key },
		{ "tls", &r->tls },
	};

	if (value == NULL)
		die(word);
	n = (size_t)(value++ - word);
	if (n == 4 && memcmp(word, "from", n) == 0) {
		parse_address(value, &r->from);
		return;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strlen(words[i].name) == n && memcmp(word, words[i].name, n) == 0) {
			*words[i].to = strdup(value);
			return;
		}
	die(word);
}

/* -- TLS ---------------------------------------------------------------------------------------- */

static int
choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
    unsigned in_n, void *arg)
{
	const struct row *r = arg;

	(void)ssl;
	for (unsigned at = 0; at < in_n; at += in[at] + 1U)
		if (in[at] == strlen(r->alpn) && memcmp(in + at + 1, r->alpn, in[at]) == 0) {
			*out = in + at + 1;
			*n = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *
context(struct row *r, bool server)
{
	SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	int version = r->tls != NULL && strcmp(r->tls, "1.2") == 0 ? TLS1_2_VERSION
								   : TLS1_3_VERSION;

	if (c == NULL)
		die("SSL_CTX_new");
	SSL_CTX_set_security_level(c, 0);
	SSL_CTX_set_min_proto_version(c, version);
	SSL_CTX_set_max_proto_version(c, version);
	SSL_CTX_set_verify(c, SSL_VERIFY_NONE, NULL);
	if (server && r->alpn != NULL)
		SSL_CTX_set_alpn_select_cb(c, choose, r);
	if (r->cert != NULL &&
	    (SSL_CTX_use_certificate_chain_file(c, r->cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(c, r->key, SSL_FILETYPE_PEM) != 1)) {
		ERR_print_errors_fp(stderr);
		die(r->cert);
	}
	return c;
}

static void
patience(int fd, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static const char *
why(void)
{
	unsigned long code = ERR_peek_error();
	const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

	return text != NULL ? text : "the connection ended";
}

/* -- talk --------------------------------------------------------------------------------------- */

static SSL *
dial(struct row *r)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(context(r, false));
	unsigned char list[256];

	if (fd < 0 || ssl == NULL)
		die("socket");
	if (r->from.sin_family == AF_INET &&
	    bind(fd, (struct sockaddr *)&r->from, sizeof r->from) < 0)
		die("bind");
	if (connect(fd, (struct sockaddr *)&r->address, sizeof r->address) < 0)
		die("connect");
	patience(fd, PATIENCE_S);
	SSL_set_fd(ssl, fd);
	if (r->sni != NULL)
		SSL_set_tlsext_host_name(ssl, r->sni);
	if (r->alpn != NULL) {
		list[0] = (unsigned char)strlen(r->alpn);
		memcpy(list + 1, r->alpn, list[0]);
		SSL_set_alpn_protos(ssl, list, list[0] + 1U);
	}
	return ssl;
}

static bool
hear(SSL *ssl)
{
	char c;
	bool any = false;

	while (SSL_read(ssl, &c, 1) == 1) {
		any = true;
		if (c != '\r')
			putchar(c);
		if (c == '\n')
			return true;
	}
	if (any)
		putchar('\n');
	printf("closed\n");
	return false;
}

static bool
hear_more(SSL *ssl, unsigned long lines)
{
	for (; lines > 0; lines--)
		if (!hear(ssl))
			return false;
	return true;
}

/* What the line asks to be sent; its octets, at most `cap`. */
static size_t
to_send(char *line, size_t cap)
{
	size_t n = strcspn(line, "\n");
	FILE *f;

	line[n] = '\0';
	if (line[0] != '@') {
		memcpy(line + n, "\r\n", 2);
		return n + 2;
	}
	if ((f = fopen(line + 1, "re")) == NULL)
		die(line + 1);
	n = fread(line, 1, cap, f);
	fclose(f);
	return n;
}

/* Each is on its way before the next is asked for. */
static bool
new_keys(SSL *ssl, unsigned long times)
{
	for (unsigned long i = 0; i < times; i++)
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
		    SSL_do_handshake(ssl) != 1)
			return false;
	return true;
}

static int
talk(struct row *r)
{
	static char line[FILE_BYTES];
	SSL *ssl = dial(r);
	size_t n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (SSL_connect(ssl) != 1) {
		printf("down %s\n", why());
		return 1;
	}
	printf("up\n");
	while (fgets(line, LINE_BYTES, stdin) != NULL) {
		if (line[0] == '+') {
			if (!hear_more(ssl, strtoul(line + 1, NULL, 10)))
				return 0;
			continue;
		}
		if (strncmp(line, "!keys ", 6) == 0) {
			if (!new_keys(ssl, strtoul(line + 6, NULL, 10)))
				die("new keys");
			continue;
		}
		n = to_send(line, sizeof line);
		if (SSL_write(ssl, line, (int)n) != (int)n || !hear(ssl))
			return 0;
	}
	SSL_shutdown(ssl);
	return 0;
}

/* -- serve -------------------------------------------------------------------------------------- */

static void
attend(struct row *r)
{
	char heard[LINE_BYTES];
	unsigned long octets = 0;
	int n, fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	SSL_CTX *c;
	SSL *ssl;

	if (fd < 0)
		return;
	c = context(r, true);
	ssl = SSL_new(c);
	patience(fd, SERVE_PATIENCE_S);
	SSL_set_fd(ssl, fd);
	ERR_clear_error();
	if (SSL_accept(ssl) == 1) {
		printf("%s up\n", r->name);
		while ((n = SSL_read(ssl, heard, sizeof heard)) > 0)
			octets += (unsigned long)n;
	} else {
		printf("%s down %s\n", r->name, why());
	}
	printf("%s octets %lu\n", r->name, octets);
	SSL_free(ssl);
	SSL_CTX_free(c);
	close(fd);
}

static void
open_listener(struct row *r)
{
	int one = 1;

	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(r->listener, (struct sockaddr *)&r->address, sizeof r->address) < 0 ||
	    listen(r->listener, 16) < 0)
		die(r->name);
}

static size_t
read_rows(const char *path, struct row *rows)
{
	char line[LINE_BYTES], *word, *rest;
	size_t n = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		die(path);
	while (n < ROWS_MAX && fgets(line, sizeof line, f) != NULL) {
		struct row *r = &rows[n++];

		if ((word = strtok_r(line, " \n", &rest)) == NULL || strlen(word) >= sizeof r->name)
			die(path);
		memcpy(r->name, word, strlen(word) + 1);
		if ((word = strtok_r(NULL, " \n", &rest)) == NULL)
			die(r->name);
		parse_address(word, &r->address);
		while ((word = strtok_r(NULL, " \n", &rest)) != NULL)
			parse_word(r, word);
		open_listener(r);
	}
	fclose(f);
	return n;
}

static int
serve(const char *path)
{
	static struct row rows[ROWS_MAX];
	struct pollfd p[ROWS_MAX];
	size_t n = read_rows(path, rows);

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	for (;;) {
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd) { .fd = rows[i].listener, .events = POLLIN };
		if (poll(p, n, -1) < 0)
			return 71;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents != 0)
				attend(&rows[i]);
	}
}

/* A tool that says its lines and ends frees nothing: LeakSanitizer is not to look at it. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return 1;
}

int
main(int argc, char **argv)
{
	struct row r = { .name = "talk" };

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc < 3 || strcmp(argv[1], "talk") != 0) {
		fprintf(stderr,
		    "usage: peer talk ADDRESS:PORT [WORD=VALUE]...\n       peer serve FILE\n");
		return 64;
	}
	parse_address(argv[2], &r.address);
	for (int i = 3; i < argc; i++)
		parse_word(&r, argv[i]);
	return talk(&r);
}
