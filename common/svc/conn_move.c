/* conn_move — octets between socket, TLS and engine, and the deadlines.
 *
 * One turn reads the socket once, gives the engine what came out of TLS, gives TLS what the engine
 * and its payload bring until CONN_OUT_HIGH wait, and writes the socket once.  What is left to do
 * comes with the next event, so no connection holds up the others of its loop.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "common/svc/conn_internal.h"

#define BIO_KEPT_BYTES	1024	/* larger buffers are given back when they are empty */

void
conn_fail(struct conn *c, const struct err *why)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	if ((c->has_why = why != NULL))
		c->why = *why;
}

static void
fail(struct conn *c, enum refusal why, const char *text)
{
	struct err	 e;

	err_set(&e, why, "%s", text);
	conn_fail(c, &e);
}

/* -- socket ------------------------------------------------------------------------------------- */

static size_t
waiting(const struct conn *c)
{
	return BIO_ctrl_pending(c->to_wire);
}

/* The stream is at its end.  Without the peer's close_notify somebody else may have ended it. */
static void
at_end(struct conn *c, const char *how)
{
	if (RULE(tls_truncated) && c->state == CONN_UP && !c->tls_eof)
		fail(c, REFUSAL_tls_truncated, how);
	else
		conn_fail(c, NULL);
}

static void
cut_off(struct conn *c, const char *how)
{
	c->wire_eof = true;
	if (c->state == CONN_CLOSING || c->state == CONN_UP)
		at_end(c, how);
}

static void
read_wire(struct conn *c)
{
	char	*p = conn_set_scratch(c->set);
	ssize_t	 n = recv(c->in->fd, p, CONN_READ_BYTES, 0);

	if (n > 0) {
		c->counts.wire_in += (uint64_t)n;
		if (c->state != CONN_CLOSING)
			BIO_write(c->from_wire, p, (int)n);
	} else if (n == 0)
		c->wire_eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		cut_off(c, strerror(errno));
}

/* The alert of a handshake that failed goes out too, if it goes at once. */
static void
write_wire(struct conn *c)
{
	char	*p;
	long	 n = BIO_get_mem_data(c->to_wire, &p);
	ssize_t	 sent;

	if (n <= 0)
		return;
	if ((sent = send(c->in->fd, p, (size_t)n, MSG_NOSIGNAL)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			cut_off(c, strerror(errno));
		return;
	}
	c->counts.wire_out += (uint64_t)sent;
	while (sent > 0) {
		int	 k = sent > CONN_READ_BYTES ? CONN_READ_BYTES : (int)sent;

		if ((k = BIO_read(c->to_wire, conn_set_scratch(c->set), k)) <= 0)
			return;
		sent -= k;
	}
}

static void
give_back(BIO *b)
{
	BUF_MEM	*m = NULL;

	BIO_get_mem_ptr(b, &m);
	if (m == NULL || m->max <= BIO_KEPT_BYTES || BIO_ctrl_pending(b) > 0)
		return;
	if ((m = BUF_MEM_new()) != NULL)
		BIO_set_mem_buf(b, m, BIO_CLOSE);
}

/* -- engine ------------------------------------------------------------------------------------- */

/* Octets from TLS; 0: none now.  What could not be taken is kept in c->input. */
static size_t
read_tls(struct conn *c, char *p)
{
	struct err	 e;
	int		 n;

	if (c->tls_eof || c->input.len >= ENGINE_WINDOW_BYTES)
		return 0;
	ERR_clear_error();
	if ((n = SSL_read(c->ssl, p, CONN_READ_BYTES)) > 0) {
		c->counts.in += (uint64_t)n;
		return (size_t)n;
	}
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		break;
	case SSL_ERROR_ZERO_RETURN:
		c->tls_eof = true;
		break;
	default:
		tls_session_failed(&c->session, c->ssl, &e);
		conn_fail(c, &e);
	}
	return 0;
}

/* True: something was read or taken. */
static bool
feed(struct conn *c)
{
	char		*p = conn_set_scratch(c->set);
	size_t		 n = read_tls(c, p), took;
	struct engine	*e = c->engine;

	if (c->state != CONN_UP)
		return false;
	e->now_ms = loop_now_ms(c->loop);
	if (c->input.len == 0) {
		if ((took = e->feed(e, span_of(p, n))) < n)
			buf_add(&c->input, p + took, n - took);
		return n > 0;
	}
	buf_add(&c->input, p, n);
	took = e->feed(e, buf_span(&c->input));
	buf_drop(&c->input, took);
	return n > 0 || took > 0;
}

static bool
write_tls(struct conn *c, const char *p, size_t n)
{
	struct err	 e;
	int		 r;

	ERR_clear_error();
	if ((r = SSL_write(c->ssl, p, (int)n)) == (int)n) {
		c->counts.out += n;
		return true;
	}
	tls_session_failed(&c->session, c->ssl, &e);
	conn_fail(c, &e);
	return false;
}

static bool
write_out(struct conn *c, struct buf *out)
{
	size_t	 n = out->len < CONN_READ_BYTES ? out->len : CONN_READ_BYTES;

	if (!write_tls(c, out->data, n))
		return false;
	buf_drop(out, n);
	if (out->len == 0 && out->cap > CONN_OUT_LOW)
		buf_clear(out);
	return true;
}

static bool
write_payload(struct conn *c, struct engine *e)
{
	char	*p = conn_set_scratch(c->set);
	size_t	 n = e->payload.left < CONN_READ_BYTES ? (size_t)e->payload.left : CONN_READ_BYTES;
	ssize_t	 got = e->payload.source->read(e->payload.source, e->payload.offset, p, n);

	if (got <= 0 || (size_t)got > n) {
		fail(c, REFUSAL_storage, "a payload cannot be read");
		return false;
	}
	if (!write_tls(c, p, (size_t)got))
		return false;
	e->payload.offset += (uint64_t)got;
	e->payload.left -= (uint64_t)got;
	if (e->payload.left > 0)
		return true;
	e->payload.source->free(e->payload.source);
	e->payload = (struct payload){ 0 };
	if (e->sent != NULL)
		e->sent(e);
	return true;
}

/* True: the engine's side has got room. */
static bool
drain(struct conn *c)
{
	struct engine	*e = c->engine;
	bool		 any = false, ok = true;
	bool		 pull = waiting(c) < CONN_OUT_LOW;

	while (ok && c->state == CONN_UP && waiting(c) < CONN_OUT_HIGH) {
		if (e->out.len > 0)
			ok = write_out(c, &e->out);
		else if (e->payload.source != NULL && pull)
			ok = write_payload(c, e);
		else
			break;
		any = true;
	}
	return any;
}

/* -- states ------------------------------------------------------------------------------------- */

static void
start_closing(struct conn *c)
{
	c->state = CONN_CLOSING;
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
}

static void
turn_up(struct conn *c)
{
	struct engine	*e = c->engine;
	bool		 more = true;

	if (e == NULL) {
		if (c->close_asked)
			start_closing(c);
		return;
	}
	e->now_ms = loop_now_ms(c->loop);
	if (e->deadline_ms != 0 && e->now_ms >= e->deadline_ms)
		e->tick(e);
	while (more && c->state == CONN_UP) {
		more = feed(c);
		more |= c->state == CONN_UP && drain(c);
	}
	if (c->state != CONN_UP)
		return;
	if (c->wire_eof && !c->tls_eof)
		at_end(c, "");
	else if (e->out.len == 0 && e->payload.source == NULL &&
	    (e->closing || c->close_asked || (c->tls_eof && c->input.len == 0)))
		start_closing(c);
}

/* Everything is sent: now the peer may close. */
static void
turn_closing(struct conn *c)
{
	if (c->wire_eof) {
		conn_fail(c, NULL);
		return;
	}
	if (waiting(c) > 0 || c->half_closed)
		return;
	c->half_closed = true;
	shutdown(c->in->fd, SHUT_WR);
	c->deadline_ms = loop_now_ms(c->loop) + CONN_LINGER_MS;
	if (c->tls_eof)
		conn_fail(c, NULL);
}

static void
turn_connecting(struct conn *c)
{
	int		 error = 0;
	socklen_t	 n = sizeof error;
	struct err	 e;

	if (getsockopt(c->in->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error != 0) {
		err_set_errno(&e, REFUSAL_unreachable, error, "%s", c->peer.host);
		conn_fail(c, &e);
		return;
	}
	c->state = CONN_SHAKING;
	c->again = true;
}

static void
turn(struct conn *c)
{
	switch (c->state) {
	case CONN_SHAKING:
		if (c->close_asked)
			conn_fail(c, NULL);
		else
			conn_shake(c);
		break;
	case CONN_UP:
		turn_up(c);
		break;
	case CONN_CONNECTING:
		if (c->close_asked)
			conn_fail(c, NULL);
		break;
	case CONN_CLOSING:
	case CONN_DEAD:
		break;
	}
}

/* -- time --------------------------------------------------------------------------------------- */

static void
watch_rate(struct conn *c, int64_t now)
{
	if (waiting(c) == 0) {
		c->rate_ms = 0;
		return;
	}
	if (c->rate_ms == 0 || now - c->rate_ms >= CONN_RATE_MS) {
		if (RULE(too_slow) && c->rate_ms != 0 &&
		    c->counts.wire_out - c->rate_mark < CONN_RATE_MIN * (CONN_RATE_MS / 1000))
			fail(c, REFUSAL_too_slow, "the peer takes its octets too slowly");
		c->rate_ms = now;
		c->rate_mark = c->counts.wire_out;
	}
}

static int64_t
sooner(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* A timer that is set too early only looks again. */
static void
arm(struct conn *c)
{
	int64_t	 next = c->deadline_ms, now = loop_now_ms(c->loop);

	if (c->state == CONN_UP && c->engine != NULL)
		next = sooner(next, c->engine->deadline_ms);
	if (c->rate_ms != 0)
		next = sooner(next, c->rate_ms + CONN_RATE_MS);
	if (next == 0 || (c->armed_ms != 0 && c->armed_ms <= next))
		return;
	c->armed_ms = next;
	loop_timer_set_ms(c->timer, next > now ? next - now : 0);
}

static void
late(struct conn *c)
{
	struct err	 e;

	if (c->state == CONN_CLOSING) {
		conn_fail(c, NULL);
		return;
	}
	if (c->state == CONN_CONNECTING) {
		fail(c, REFUSAL_unreachable, "the server does not answer");
		return;
	}
	err_set(&e, REFUSAL_tls_failed, "the handshake was not over in time");
	conn_log_refused(c, &e);
	conn_fail(c, &e);
}

void
conn_on_timer(void *arg)
{
	struct conn	*c = arg;

	c->armed_ms = 0;
	if (c->state != CONN_DEAD && c->deadline_ms != 0 && loop_now_ms(c->loop) >= c->deadline_ms)
		late(c);
	conn_move(c);
}

/* -- the mover ---------------------------------------------------------------------------------- */

static bool
has_more(const struct conn *c)
{
	return c->state == CONN_UP && c->engine != NULL &&
	    (c->engine->out.len > 0 || c->engine->payload.source != NULL);
}

static void
want(struct conn *c)
{
	unsigned	 what = 0;

	if (c->state == CONN_CONNECTING || waiting(c) > 0 || has_more(c))
		what |= LOOP_WRITE;
	if (c->state != CONN_CONNECTING && !c->wire_eof && c->input.len < ENGINE_WINDOW_BYTES)
		what |= LOOP_READ;
	loop_fd_want(c->watch, what);
}

static void
settle(struct conn *c)
{
	write_wire(c);
	if (c->state == CONN_CLOSING)
		turn_closing(c);
	if (c->state != CONN_DEAD)
		watch_rate(c, loop_now_ms(c->loop));
	if (c->state == CONN_DEAD)
		return;
	want(c);
	arm(c);
	give_back(c->to_wire);
	give_back(c->from_wire);
	if (c->input.len == 0 && c->input.cap > 0)
		buf_clear(&c->input);
}

void
conn_move(struct conn *c)
{
	if (c->moving) {
		c->again = true;
		return;
	}
	c->moving = true;
	do {
		c->again = false;
		turn(c);
	} while (c->again && c->state != CONN_DEAD);
	settle(c);
	c->moving = false;
	if (c->state == CONN_DEAD)
		conn_free(c, true);
	else if (c->again)
		conn_set_kick(c);
}

void
conn_on_ready(void *arg, unsigned ready)
{
	struct conn	*c = arg;

	if (c->state == CONN_CONNECTING)
		turn_connecting(c);
	else if ((ready & LOOP_READ) != 0)
		read_wire(c);
	conn_move(c);
}
