/* httpd — serves the files of one folder over HTTP, GET only: where a world's CRLs are published.
 *
 *	httpd ADDRESS PORT FOLDER [LOG]
 *
 * Names of files are letters, digits, '.', '-' and '_', not beginning with a dot; anything else is
 * 404.  NAME.to holds a URL and redirects there.  Each request is a line in LOG: time, peer, status, path.  Ends on SIGTERM.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES (64L << 20)

struct httpd {
	int folder;
	FILE *log;
};

/* path = "/" 1*( ALPHA / DIGIT / "." / "-" / "_" ), no dot first */
static const char *
file_of(const char *uri)
{
	const char *name = uri + 1;

	if (uri[0] != '/' || name[0] == '\0' || name[0] == '.' || strlen(name) > 128)
		return NULL;
	for (const char *p = name; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			*p) == NULL)
			return NULL;
	return name;
}

static bool
fill(const struct httpd *h, const char *name, struct evbuffer *out)
{
	struct stat st;
	int fd = openat(h->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES ||
	    evbuffer_add_file(out, fd, 0, st.st_size) < 0) {
		close(fd);
		return false;
	}
	return true; /* libevent closes fd */
}

/* The file's first line. */
static void
redirect(struct evhttp_request *r, struct evbuffer *b)
{
	char *url = evbuffer_readln(b, NULL, EVBUFFER_EOL_ANY);

	if (url != NULL)
		evhttp_add_header(evhttp_request_get_output_headers(r), "Location", url);
	free(url);
	evbuffer_drain(b, evbuffer_get_length(b));
}

static bool
is_redirect(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && strcmp(name + n - 3, ".to") == 0;
}

static void
answer(struct evhttp_request *r, void *arg)
{
	const struct httpd *h = arg;
	const char *uri = evhttp_request_get_uri(r), *name = file_of(uri);
	struct evbuffer *out = evbuffer_new();
	char *peer = NULL;
	ev_uint16_t port = 0;
	int status = HTTP_NOTFOUND;

	if (out == NULL)
		abort();
	if (name != NULL && fill(h, name, out))
		status = is_redirect(name) ? HTTP_MOVETEMP : HTTP_OK;
	if (status == HTTP_MOVETEMP)
		redirect(r, out);
	evhttp_connection_get_peer(evhttp_request_get_connection(r), &peer, &port);
	if (h->log != NULL) {
		fprintf(h->log, "%lld %s %d %.128s\n", (long long)time(NULL), peer, status,
		    name != NULL ? uri : "-");
		fflush(h->log);
	}
	evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type",
	    "application/pkix-crl");
	evhttp_send_reply(r, status, status == HTTP_NOTFOUND ? "Not Found" : "OK", out);
	evbuffer_free(out);
}

static void
end(evutil_socket_t s, short what, void *base)
{
	(void)s;
	(void)what;
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	struct httpd h = { -1, NULL };
	struct event_base *base = event_base_new();
	struct evhttp *http = base != NULL ? evhttp_new(base) : NULL;
	struct event *term;
	unsigned long port;

	if (argc < 4 || argc > 5 || http == NULL) {
		fprintf(stderr, "usage: httpd ADDRESS PORT FOLDER [LOG]\n");
		return 64;
	}
	port = strtoul(argv[2], NULL, 10);
	h.folder = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (argc == 5)
		h.log = fopen(argv[4], "a");
	if (h.folder < 0 || (argc == 5 && h.log == NULL)) {
		perror("httpd");
		return 73;
	}
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
	evhttp_set_gencb(http, answer, &h);
	if (port == 0 || port > 65535 ||
	    evhttp_bind_socket(http, argv[1], (ev_uint16_t)port) != 0) {
		fprintf(stderr, "httpd: cannot listen at %s port %s\n", argv[1], argv[2]);
		return 69;
	}
	term = evsignal_new(base, SIGTERM, end, base);
	if (term == NULL || event_add(term, NULL) < 0)
		abort();
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(base);
	event_free(term);
	evhttp_free(http);
	event_base_free(base);
	if (h.log != NULL)
		fclose(h.log);
	close(h.folder);
	return 0;
}
