/* control — the daemon's socket, its clients, their requests and the answers; see control.h.
 * The verbs' end is in control_call.c. */
#include "common/daemon/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"

#define SWEEP_MS       5000
#define SHORT_SWEEP_MS 1000 /* while somebody waits for a place */
#define READ_BYTES     4096

struct client {
	struct control *control;
	struct client *next;
	int fd;
	struct loop_fd *watch;
	struct buf in, out;
	struct control_request *request; /* under way; NULL: none */
	bool last;                       /* no further request is read */
	int64_t moved_ms;                /* of the last octet either way */
};

struct control_request {
	struct client *client; /* NULL: gone */
	struct loop *loop;
	void (*again)(struct control_request *r, void *arg);
	void *again_arg;
	bool posted;
};

struct control {
	struct loop *loop;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	int fd;
	struct loop_fd *watch;
	struct loop_timer *sweep;
	struct {
		const struct control_verb *verbs;
		void *role;
	} tables[CONTROL_TABLES_MAX];
	size_t n_tables;
	struct client *clients;
	unsigned n_clients;
};

/* -- octets and lines ----------------------------------------------------------------------------- */

static void
client_free(struct client *c)
{
	struct control *ctl = c->control;
	struct client **at = &ctl->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	ctl->n_clients--;
	if (c->request != NULL) {
		c->request->client = NULL;
		if (c->request->again != NULL)
			control_again(c->request, c->request->again, c->request->again_arg);
	}
	loop_fd_free(&c->watch);
	close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	free(c);
	if (ctl->watch != NULL)
		loop_fd_want(ctl->watch, LOOP_READ);
}

static void
client_want(struct client *c)
{
	unsigned want = 0;

	if (!c->last && c->in.len <= CONTROL_LINE_BYTES)
		want |= LOOP_READ;
	if (c->out.len > 0)
		want |= LOOP_WRITE;
	if (!loop_fd_want(c->watch, want))
		c->moved_ms = 0; /* the next sweep ends it */
}

/* False: the client has left. */
static bool
client_write(struct client *c)
{
	ssize_t n;

	while (c->out.len > 0) {
		n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		buf_drop(&c->out, (size_t)n);
		c->moved_ms = loop_now_ms(c->control->loop);
	}
	return true;
}

static bool
client_read(struct client *c)
{
	ssize_t n;

	if (c->last || c->in.len > CONTROL_LINE_BYTES)
		return true;
	n = recv(c->fd, buf_room(&c->in, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		c->last = true; /* it may still want its answer */
	c->in.len += (size_t)n;
	c->moved_ms = loop_now_ms(c->control->loop);
	return true;
}

/* False: nobody knows it. */
static bool
run_verb(struct control *ctl, struct control_request *r, const struct json *request)
{
	const char *name = json_get_str(request, "verb");

	for (size_t i = 0; name != NULL && i < ctl->n_tables; i++) {
		for (const struct control_verb *v = ctl->tables[i].verbs; v->name != NULL; v++) {
			if (strcmp(v->name, name) == 0) {
				v->run(ctl->tables[i].role, r, request);
				return true;
			}
		}
	}
	return false;
}

static void
client_request(struct client *c, struct span line)
{
	struct control_request *r = memory_new(sizeof *r);
	struct json *request = NULL;
	struct err e;

	r->client = c;
	r->loop = c->control->loop;
	c->request = r;
	if (!json_parse(line, &request, &e)) {
		c->last = true;
		control_end(r, &e);
		return;
	}
	if (!run_verb(c->control, r, request)) {
		err_set(&e, REFUSAL_unknown_verb, "%s", refusal_sentence(REFUSAL_unknown_verb));
		control_end(r, RULE(unknown_verb) ? &e : NULL);
	}
	json_free(&request);
}

/* Whole lines, one after another, as long as none is being answered. */
static void
client_lines(struct client *c)
{
	struct err e;

	while (c->request == NULL && c->in.len > 0 && c->out.len < CONTROL_OUT_BYTES) {
		char *end = memchr(c->in.data, '\n', c->in.len);
		struct buf line = BUF_INIT;

		if (end == NULL || (size_t)(end - c->in.data) > CONTROL_LINE_BYTES) {
			if (!RULE(line_too_long) || c->in.len <= CONTROL_LINE_BYTES)
				return;
			err_set(&e, REFUSAL_line_too_long, "a request is longer than %d octets",
			    CONTROL_LINE_BYTES);
			buf_reset(&c->in);
			c->last = true;
			c->request = memory_new(sizeof *c->request);
			c->request->client = c;
			control_end(c->request, &e);
			return;
		}
		buf_add(&line, c->in.data, (size_t)(end - c->in.data));
		buf_drop(&c->in, line.len + 1);
		client_request(c, buf_span(&line));
		buf_clear(&line);
	}
}

/* Everything that can be done now; may free the client. */
static void
client_work(struct client *c)
{
	client_lines(c);
	if (!client_write(c)) {
		client_free(c);
		return;
	}
	if (c->request != NULL && c->request->again != NULL && !control_full(c->request))
		control_again(c->request, c->request->again, c->request->again_arg);
	if (c->last && c->request == NULL && c->out.len == 0) {
		client_free(c);
		return;
	}
	client_want(c);
}

static void
on_client(void *arg, unsigned ready)
{
	struct client *c = arg;

	if ((ready & LOOP_READ) != 0 && !client_read(c)) {
		client_free(c);
		return;
	}
	client_work(c);
}

static void
client_new(struct control *ctl, int fd)
{
	struct client *c = memory_new(sizeof *c);

	c->control = ctl;
	c->fd = fd;
	c->moved_ms = loop_now_ms(ctl->loop);
	c->watch = loop_fd_new(ctl->loop, fd, on_client, c);
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->n_clients++;
	client_want(c);
}

/* -- requests -------------------------------------------------------------------------------- */

static void
put_line(struct client *c, const struct json *line)
{
	json_write(line, &c->out);
	buf_add(&c->out, "\n", 1);
	client_want(c);
}

void
control_line_take(struct control_request *r, struct json *line)
{
	if (r->client != NULL)
		put_line(r->client, line);
	json_free(&line);
}

void
control_end(struct control_request *r, const struct err *e)
{
	struct client *c = r->client;
	struct json *line = json_new();

	if (c != NULL) {
		if (e != NULL)
			json_put_err(line, e);
		else
			json_put_bool(line, "done", true);
		c->request = NULL;
		put_line(c, line);
	}
	json_free(&line);
	free(r);
}

bool
control_full(const struct control_request *r)
{
	return r->client != NULL && r->client->out.len >= CONTROL_OUT_BYTES;
}

bool
control_gone(const struct control_request *r)
{
	return r->client == NULL;
}

static void
run_again(void *arg)
{
	struct control_request *r = arg;
	void (*fn)(struct control_request * q, void *a) = r->again;

	r->again = NULL;
	r->posted = false;
	fn(r, r->again_arg);
}

void
control_again(struct control_request *r, void (*fn)(struct control_request *r, void *arg),
    void *arg)
{
	r->again = fn;
	r->again_arg = arg;
	if (!control_full(r) && !r->posted) {
		r->posted = true;
		loop_post(r->loop, run_again, r);
	}
}

/* -- the socket --------------------------------------------------------------------------------- */

static bool
may_talk(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	char key[32];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || n != sizeof peer)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	snprintf(key, sizeof key, "uid%u", (unsigned)peer.uid);
	log_fact_of(span_str(key), LOG_WARN, "control.refused", "uid=%u pid=%d", (unsigned)peer.uid,
	    (int)peer.pid);
	return false;
}

static void
on_socket(void *arg, unsigned ready)
{
	struct control *ctl = arg;
	int fd;

	(void)ready;
	if (ctl->n_clients >= CONTROL_CLIENTS_MAX) {
		loop_fd_want(ctl->watch, 0); /* until one leaves */
		loop_timer_set_ms(ctl->sweep, SHORT_SWEEP_MS);
		return;
	}
	fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			loop_fd_want(ctl->watch, 0); /* until the next sweep */
		return;
	}
	if (!may_talk(fd)) {
		close(fd);
		return;
	}
	client_new(ctl, fd);
}

/* Ends clients that send nothing, or do not read their answers. */
static void
on_sweep(void *arg)
{
	struct control *ctl = arg;
	bool full = ctl->n_clients >= CONTROL_CLIENTS_MAX;
	int64_t before = loop_now_ms(ctl->loop) - (full ? CONTROL_SHORT_MS : CONTROL_IDLE_MS);

	for (struct client *c = ctl->clients, *next; c != NULL; c = next) {
		next = c->next;
		if (c->moved_ms < before && (c->request == NULL || c->out.len > 0))
			client_free(c);
	}
	loop_fd_want(ctl->watch, LOOP_READ);
	loop_timer_set_ms(ctl->sweep, SWEEP_MS);
}

static bool
address(const char *path, struct sockaddr_un *a, struct err *e)
{
	*a = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (!span_copy(span_str(path), a->sun_path, sizeof a->sun_path))
		return err_set(e, REFUSAL_config,
		    "the path of the control socket is longer than %zu octets: write a shorter one",
		    sizeof a->sun_path - 1);
	return true;
}

/* The folder of the socket; one that is missing is made at the start. */
static bool
check_folder(const char *path, struct err *e)
{
	char copy[sizeof((struct sockaddr_un *)0)->sun_path], *folder;
	struct stat st;

	span_copy(span_str(path), copy, sizeof copy);
	folder = dirname(copy);
	if (stat(folder, &st) < 0)
		return errno == ENOENT ||
		    err_set_errno(e, REFUSAL_config, errno, "the folder %s", folder);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		return err_set(e, REFUSAL_config,
		    "others may write to the folder %s: chmod go-w %s", folder, folder);
	return true;
}

/* Nobody answers at a socket that a dead daemon has left. */
static enum control_use
probe(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc, why;

	rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)a, sizeof *a);
	why = errno;
	if (fd >= 0)
		close(fd);
	return rc < 0 && (why == ECONNREFUSED || why == ENOENT) ? CONTROL_STALE : CONTROL_ANSWERS;
}

bool
control_look(const char *path, enum control_use *use, struct err *e)
{
	struct sockaddr_un a;
	struct stat st;

	*use = CONTROL_FREE;
	if (!address(path, &a, e) || !check_folder(path, e))
		return false;
	if (lstat(a.sun_path, &st) < 0) {
		*use = errno == EACCES ? CONTROL_HIDDEN : CONTROL_FREE;
		return errno == EACCES || errno == ENOENT ||
		    err_set_errno(e, REFUSAL_config, errno, "%s", a.sun_path);
	}
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, REFUSAL_config,
		    "%s is there and is no socket: remove it, or write another path", a.sun_path);
	*use = probe(&a);
	return true;
}

static bool
take_path(const char *path, struct err *e)
{
	enum control_use use;

	if (!control_look(path, &use, e))
		return false;
	if (use == CONTROL_HIDDEN)
		return err_set_errno(e, REFUSAL_config, EACCES, "%s", path);
	if (use == CONTROL_ANSWERS)
		return err_set(e, REFUSAL_config, "%s is in use: the daemon runs already", path);
	return use == CONTROL_FREE || unlink(path) == 0 || errno == ENOENT ||
	    err_set_errno(e, REFUSAL_config, errno, "%s", path);
}

bool
control_new(struct loop *loop, const char *path, struct control **out, struct err *e)
{
	struct control *ctl;
	struct sockaddr_un a;
	mode_t mask;
	int fd, rc;

	if (!address(path, &a, e) || !take_path(path, e))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mask = umask(0177);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof a);
	umask(mask);
	if (rc < 0 || listen(fd, 8 * CONTROL_CLIENTS_MAX) < 0) {
		err_set_errno(e, REFUSAL_config, errno, "the control socket %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	ctl = memory_new(sizeof *ctl);
	ctl->loop = loop;
	memcpy(ctl->path, a.sun_path, sizeof ctl->path);
	ctl->fd = fd;
	*out = ctl;
	return true;
}

bool
control_give(struct control *c, uid_t uid, gid_t gid, struct err *e)
{
	return lchown(c->path, uid, gid) == 0 ||
	    err_set_errno(e, REFUSAL_config, errno, "%s", c->path);
}

void
control_add(struct control *c, const struct control_verb *verbs, void *role)
{
	if (c->n_tables == CONTROL_TABLES_MAX)
		abort();
	c->tables[c->n_tables].verbs = verbs;
	c->tables[c->n_tables++].role = role;
}

void
control_serve(struct control *c)
{
	c->watch = loop_fd_new(c->loop, c->fd, on_socket, c);
	c->sweep = loop_timer_new(c->loop, on_sweep, c);
	loop_fd_want(c->watch, LOOP_READ);
	loop_timer_set_ms(c->sweep, SWEEP_MS);
}

void
control_free(struct control **c)
{
	struct control *ctl = *c;

	if (ctl == NULL)
		return;
	loop_fd_free(&ctl->watch);
	loop_timer_free(&ctl->sweep);
	for (struct client *k = ctl->clients, *next; k != NULL; k = next) {
		next = k->next;
		client_write(k); /* what is ready goes, if it can at once */
		client_free(k);
	}
	close(ctl->fd);
	unlink(ctl->path);
	free(ctl);
	*c = NULL;
}
