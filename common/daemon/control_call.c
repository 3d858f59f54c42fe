/* control_call — the verbs' end of the control socket: blocking, one request; see control.h. */
#include "common/daemon/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES 16384

struct call {
	int fd;
	struct buf in;
	bool (*line)(void *arg, const struct json *line);
	void *arg;
	bool over;
};

static bool
reach(struct call *c, const char *path, struct err *e)
{
	const struct timeval patience = { CONTROL_CALL_MS / 1000, 0 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (!span_copy(span_str(path), a.sun_path, sizeof a.sun_path))
		return err_set(e, REFUSAL_config, "the path of the control socket is too long");
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return err_set_errno(e, REFUSAL_os_error, errno, "socket");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0)
		return true;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(e, REFUSAL_not_running,
		    "the daemon does not run (nobody answers at %s)", path);
	return err_set_errno(e, errno == EACCES ? REFUSAL_os_error : REFUSAL_not_running, errno,
	    "%s", path);
}

static bool
ask(struct call *c, const struct json *request, struct err *e)
{
	struct buf line = BUF_INIT;
	size_t sent = 0;
	ssize_t n = 0;

	json_write(request, &line);
	buf_add(&line, "\n", 1);
	while (sent < line.len && n >= 0) {
		n = send(c->fd, line.data + sent, line.len - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&line);
	return n >= 0 || errno == EPIPE || errno == ECONNRESET || /* hear() says why */
	    err_set_errno(e, REFUSAL_not_running, errno, "the daemon does not listen");
}

/* One line of the answer.  The last ends the call. */
static bool
take(struct call *c, struct span text, struct err *e)
{
	struct json *line = NULL;
	struct err why;
	bool ok = true, done;

	if (!json_parse(text, &line, &why))
		return err_set(e, REFUSAL_bad_reply, "the daemon's answer: %s", why.text);
	if (json_get_err(line, &why)) {
		*e = why;
		c->over = true;
		ok = false;
	} else if ((json_get_bool(line, "done", &done) && done) ||
	    (c->line != NULL && !c->line(c->arg, line))) {
		c->over = true;
	}
	json_free(&line);
	return ok;
}

static bool
take_all(struct call *c, struct err *e)
{
	size_t used = 0;
	bool ok = true;
	char *end;

	while (
	    ok && !c->over && (end = memchr(c->in.data + used, '\n', c->in.len - used)) != NULL) {
		ok = take(c, span_of(c->in.data + used, (size_t)(end - c->in.data) - used), e);
		used = (size_t)(end - c->in.data) + 1;
	}
	buf_drop(&c->in, used);
	if (ok && c->in.len > JSON_READ_BYTES)
		return err_set(e, REFUSAL_bad_reply, "a line of the daemon's answer is too long");
	return ok;
}

static bool
hear(struct call *c, struct err *e)
{
	ssize_t n;
	bool ok = true;

	while (ok && !c->over) {
		n = recv(c->fd, buf_room(&c->in, READ_BYTES), READ_BYTES, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return err_set(e, REFUSAL_not_running,
			    "the daemon has not answered for %d s", CONTROL_CALL_MS / 1000);
		if (n <= 0)
			return err_set(e, REFUSAL_bad_reply,
			    "the daemon closed without an answer; it "
			    "answers root and its own user only");
		c->in.len += (size_t)n;
		ok = take_all(c, e);
	}
	return ok;
}

bool
control_call(const char *path, const struct json *request,
    bool (*line)(void *arg, const struct json *line), void *arg, struct err *e)
{
	struct call c = { .fd = -1, .line = line, .arg = arg };
	bool ok = reach(&c, path, e) && ask(&c, request, e) && hear(&c, e);

	if (c.fd >= 0)
		close(c.fd);
	buf_clear(&c.in);
	return ok;
}
