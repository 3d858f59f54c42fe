/* http_get — one request over one socket after another; see http_get.h. */
#include "common/revoke/http_get.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/revoke/http_answer.h"
#include "common/revoke/http_url.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"

#define READ_BYTES 65536

struct http_get {
	struct loop *loop;
	struct dns *dns;
	http_get_done *done;
	void *arg;
	bool allow_private;
	struct loop_timer *deadline, *next; /* next: this address, or what failed at once */
	struct err why;                     /* of what failed last */
	bool over;                          /* `why` is the answer */
	struct http_url url;
	unsigned redirects;
	/* resolving */
	struct dns_query *asking[2]; /* A, AAAA */
	struct sockaddr_storage address[HTTP_GET_ADDRESSES];
	size_t n, at;
	bool left_out; /* an address that is not public */
	/* connected */
	int fd;
	struct loop_fd *watch;
	struct buf out, in;
	struct http_answer answer;
};

static void start(struct http_get *g);
static void connect_next(struct http_get *g);

/* -- the end ---------------------------------------------------------------------------------------- */

static void
hang_up(struct http_get *g)
{
	loop_fd_free(&g->watch);
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
	buf_reset(&g->in);
	buf_reset(&g->out);
	g->answer = (struct http_answer) { .status = 0 };
}

static void
destroy(struct http_get *g)
{
	hang_up(g);
	for (int i = 0; i < 2; i++)
		if (g->asking[i] != NULL)
			dns_cancel(&g->asking[i]);
	loop_timer_free(&g->deadline);
	loop_timer_free(&g->next);
	buf_clear(&g->in);
	buf_clear(&g->out);
	free(g);
}

static void
deliver(struct http_get *g, struct span body, const struct err *e)
{
	http_get_done *done = g->done;
	void *arg = g->arg;
	struct buf kept = g->in;
	struct err why;

	if (e != NULL)
		why = *e;
	g->in = (struct buf)BUF_INIT;
	destroy(g);
	done(arg, body, e == NULL ? NULL : &why);
	buf_clear(&kept);
}

/* On the loop's next turn, so that done is not called inside http_get. */
static void
fail(struct http_get *g)
{
	g->over = true;
	loop_timer_set_ms(g->next, 0);
}

static void
late(void *arg)
{
	struct http_get *g = arg;
	struct err e;

	err_set(&e, REFUSAL_too_slow, "%s: not done in %d s", g->url.host, HTTP_GET_MS / 1000);
	deliver(g, span_of(NULL, 0), &e);
}

/* -- the answer --------------------------------------------------------------------------------------- */

static void
redirect(struct http_get *g)
{
	struct http_url to;

	if (++g->redirects > HTTP_GET_REDIRECTS) {
		err_set(&g->why, REFUSAL_bad_reply, "%s: more than %d redirects", g->url.host,
		    HTTP_GET_REDIRECTS);
		fail(g);
	} else if (!http_url_follow(&g->url, span_str(g->answer.location), &to, &g->why)) {
		err_prefix(&g->why, "redirected by %s", g->url.host);
		fail(g);
	} else {
		g->url = to;
		hang_up(g);
		start(g);
	}
}

static void
answered(struct http_get *g)
{
	const struct http_answer *a = &g->answer;

	if (http_answer_redirects(a)) {
		redirect(g);
	} else if (a->status != 200) {
		err_set(&g->why, REFUSAL_bad_reply, "%s answers %d", g->url.host, a->status);
		fail(g);
	} else {
		deliver(g, span_sub(buf_span(&g->in), a->head, (size_t)a->length), NULL);
	}
}

static void
broken(struct http_get *g)
{
	err_prefix(&g->why, "%s", g->url.host);
	hang_up(g);
	fail(g);
}

/* Reads what has come so far; eof: no more will come. */
static void
look(struct http_get *g, bool eof)
{
	switch (http_answer_read(&g->answer, buf_span(&g->in), eof, HTTP_GET_HEAD_BYTES,
	    HTTP_GET_BYTES, &g->why)) {
	case HTTP_ANSWER_MORE:
		return;
	case HTTP_ANSWER_DONE:
		loop_fd_free(&g->watch);
		answered(g);
		return;
	case HTTP_ANSWER_BAD:
		broken(g);
		return;
	}
}

/* -- the socket ---------------------------------------------------------------------------------------- */

static void
next_address(struct http_get *g, int errnum)
{
	err_set_errno(&g->why, REFUSAL_unreachable, errnum, "%s port %u", g->url.host,
	    (unsigned)g->url.port);
	hang_up(g);
	connect_next(g);
}

static void
send_some(struct http_get *g)
{
	ssize_t n = send(g->fd, g->out.data, g->out.len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		next_address(g, errno);
		return;
	}
	if (n > 0)
		buf_drop(&g->out, (size_t)n);
	if (g->out.len == 0 && !loop_fd_want(g->watch, LOOP_READ))
		next_address(g, errno);
}

static void
read_some(struct http_get *g)
{
	ssize_t n = recv(g->fd, buf_room(&g->in, READ_BYTES), READ_BYTES, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		next_address(g, errno);
		return;
	}
	g->in.len += (size_t)n;
	look(g, n == 0);
}

static void
on_ready(void *arg, unsigned ready)
{
	struct http_get *g = arg;
	socklen_t size = sizeof(int);
	int fault = 0;

	if ((ready & LOOP_READ) != 0) {
		read_some(g);
		return;
	}
	loop_timer_cancel(g->next);
	if (getsockopt(g->fd, SOL_SOCKET, SO_ERROR, &fault, &size) < 0 || fault != 0)
		next_address(g, fault != 0 ? fault : errno);
	else
		send_some(g);
}

static void
on_next(void *arg)
{
	struct http_get *g = arg;

	if (g->over)
		deliver(g, span_of(NULL, 0), &g->why);
	else
		next_address(g, ETIMEDOUT);
}

static void
connect_to(struct http_get *g, const struct sockaddr *to)
{
	g->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (g->fd < 0 || (connect(g->fd, to, address_size(to)) < 0 && errno != EINPROGRESS)) {
		next_address(g, errno);
		return;
	}
	buf_addf(&g->out,
	    "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: tillcalled\r\n"
	    "Accept: */*\r\nConnection: close\r\n\r\n",
	    g->url.target, g->url.authority);
	g->watch = loop_fd_new(g->loop, g->fd, on_ready, g);
	if (loop_fd_want(g->watch, LOOP_WRITE))
		loop_timer_set_ms(g->next, HTTP_GET_CONNECT_MS);
	else
		next_address(g, errno);
}

static void
connect_next(struct http_get *g)
{
	if (g->at == g->n)
		fail(g);
	else
		connect_to(g, (const struct sockaddr *)&g->address[g->at++]);
}

/* -- resolving ------------------------------------------------------------------------------------------ */

static void
add_address(struct http_get *g, const struct sockaddr_storage *a)
{
	if (RULE(private_address) && !g->allow_private &&
	    !address_public((const struct sockaddr *)a))
		g->left_out = true;
	else if (g->n < HTTP_GET_ADDRESSES)
		g->address[g->n++] = *a;
}

static void
resolved(struct http_get *g)
{
	if (g->n == 0 && g->left_out)
		err_set(&g->why, REFUSAL_private_address, "%s is at an address that is not public",
		    g->url.host);
	else if (g->n == 0 && g->why.why == REFUSAL_NONE)
		err_set(&g->why, REFUSAL_unreachable, "%s has no address", g->url.host);
	connect_next(g);
}

static void
on_dns(struct http_get *g, enum dns_type type, const struct dns_answer *a)
{
	struct sockaddr_storage address;

	if (a->status == DNS_NXDOMAIN)
		err_set(&g->why, REFUSAL_no_such_domain, "there is no %s", g->url.host);
	else if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		dns_err(a, g->url.host, &g->why);
	for (size_t i = 0; i < a->n; i++)
		if (dns_rdata_address(a->rdata[i], type, g->url.port, &address))
			add_address(g, &address);
	if (g->asking[0] == NULL && g->asking[1] == NULL)
		resolved(g);
}

static void
on_a(void *arg, const struct dns_answer *a)
{
	struct http_get *g = arg;

	g->asking[0] = NULL;
	on_dns(g, DNS_A, a);
}

static void
on_aaaa(void *arg, const struct dns_answer *a)
{
	struct http_get *g = arg;

	g->asking[1] = NULL;
	on_dns(g, DNS_AAAA, a);
}

static void
start(struct http_get *g)
{
	struct sockaddr_storage literal;
	struct span host = span_str(g->url.host);

	g->n = g->at = 0;
	g->left_out = false;
	g->why = (struct err) { .why = REFUSAL_NONE };
	if (address_scope_parse(host, g->url.port, &literal)) {
		add_address(g, &literal);
		resolved(g);
		return;
	}
	g->asking[0] = dns_ask(g->dns, host, DNS_A, on_a, g);
	g->asking[1] = dns_ask(g->dns, host, DNS_AAAA, on_aaaa, g);
}

/* -- life ------------------------------------------------------------------------------------------------ */

struct http_get *
http_get(struct loop *l, struct dns *dns, const char *url, bool allow_private, http_get_done *done,
    void *arg)
{
	struct http_get *g = memory_new(sizeof *g);

	g->loop = l;
	g->dns = dns;
	g->done = done;
	g->arg = arg;
	g->allow_private = allow_private;
	g->fd = -1;
	g->deadline = loop_timer_new(l, late, g);
	g->next = loop_timer_new(l, on_next, g);
	loop_timer_set_ms(g->deadline, HTTP_GET_MS);
	if (http_url_parse(span_str(url), &g->url, &g->why))
		start(g);
	else
		fail(g);
	return g;
}

void
http_get_cancel(struct http_get **gp)
{
	if (*gp != NULL)
		destroy(*gp);
	*gp = NULL;
}
