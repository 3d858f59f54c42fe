/* control_client — those connected to a control socket, their lines and what answers them; see control.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/daemon/control_private.h"

#define READ_BYTES 4096

/* -- octets and lines ----------------------------------------------------------------------------- */

void
control_client_free(struct client *c)
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
		c->moved_ms = 0; /* nothing will come of it: the next sweep ends it */
}

/* False: nobody is there any more. */
bool
control_client_write(struct client *c)
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
	struct control_request *r = calloc(1, sizeof *r);
	struct json *request = NULL;
	struct err e;

	if (r == NULL)
		abort();
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
			c->request = calloc(1, sizeof *c->request);
			if (c->request == NULL)
				abort();
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
	if (!control_client_write(c)) {
		control_client_free(c);
		return;
	}
	if (c->request != NULL && c->request->again != NULL && !control_full(c->request))
		control_again(c->request, c->request->again, c->request->again_arg);
	if (c->last && c->request == NULL && c->out.len == 0) {
		control_client_free(c);
		return;
	}
	client_want(c);
}

static void
on_client(void *arg, unsigned ready)
{
	struct client *c = arg;

	if ((ready & LOOP_READ) != 0 && !client_read(c)) {
		control_client_free(c);
		return;
	}
	client_work(c);
}

void
control_client_new(struct control *ctl, int fd)
{
	struct client *c = calloc(1, sizeof *c);

	if (c == NULL)
		abort();
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
