/* conn_move — the connection's turns: states, deadlines, what to wait for next.
 *
 * One turn reads the socket once, gives the engine what came out of TLS, gives TLS what the engine
 * and its payload bring until CONN_OUT_HIGH wait, and writes the socket once.  What is left to do
 * comes with the next event, so no connection holds up the others of its loop.
 */
#include <errno.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "common/net/conn_private.h"

void
conn_fail(struct conn *c, const struct err *why)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	if ((c->has_why = why != NULL))
		c->why = *why;
}

void
conn_fail_word(struct conn *c, enum refusal why, const char *text)
{
	struct err e;

	err_set(&e, why, "%s", text);
	conn_fail(c, &e);
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
	struct engine *e = c->engine;
	bool more = true;

	if (e == NULL) {
		if (c->close_asked)
			start_closing(c);
		return;
	}
	e->now_ms = loop_now_ms(c->loop);
	if (e->deadline_ms != 0 && e->now_ms >= e->deadline_ms)
		e->tick(e);
	while (more && c->state == CONN_UP) {
		more = conn_feed(c);
		more |= c->state == CONN_UP && conn_drain(c);
	}
	if (c->state != CONN_UP)
		return;
	if (c->wire_eof && !c->tls_eof)
		conn_at_end(c, "");
	else if (e->out.len == 0 && e->payload.source == NULL &&
	    (e->closing || c->close_asked || (c->tls_eof && c->input.len == 0 && !e->owing)))
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
	if (conn_waiting(c) > 0 || c->half_closed)
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
	int error = 0;
	socklen_t n = sizeof error;
	struct err e;

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
refused_place(struct conn *c)
{
	struct err e;

	err_set(&e, REFUSAL_unreachable, "%s did not answer lately, and is tried again soon",
	    c->peer.host);
	conn_fail(c, &e);
}

static void
turn(struct conn *c)
{
	switch (c->state) {
	case CONN_WAITING:
		if (c->close_asked)
			conn_fail(c, NULL);
		else if (conn_place_is_held(c->place))
			conn_begin(c);
		else if (conn_place_is_refused(c->place))
			refused_place(c);
		break;
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

static bool
has_more(const struct conn *c)
{
	return c->state == CONN_UP && c->engine != NULL &&
	    (c->engine->out.len > 0 || c->engine->payload.source != NULL);
}

/* While the kernel has room nothing waits here, however long the rest of a payload may be. */
static void
watch_rate(struct conn *c, int64_t now)
{
	uint64_t taken;

	if (conn_waiting(c) == 0 && !has_more(c)) {
		c->rate_ms = 0;
		return;
	}
	if (c->rate_ms != 0 && now - c->rate_ms < CONN_RATE_MS)
		return;
	taken = conn_taken(c);
	if (RULE(too_slow) && c->rate_ms != 0 &&
	    taken - c->rate_mark < CONN_RATE_MIN * (CONN_RATE_MS / 1000))
		conn_fail_word(c, REFUSAL_too_slow, "the peer takes its octets too slowly");
	c->rate_ms = now;
	c->rate_mark = taken;
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
	int64_t next = c->deadline_ms, now = loop_now_ms(c->loop);

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
	struct err e;

	if (c->state == CONN_CLOSING) {
		conn_fail(c, NULL);
		return;
	}
	if (c->state == CONN_CONNECTING) {
		conn_fail_word(c, REFUSAL_unreachable, "the server does not answer");
		return;
	}
	err_set(&e, REFUSAL_tls_failed, "the handshake was not over in time");
	conn_log_refused(c, &e);
	conn_fail(c, &e);
}

void
conn_on_timer(void *arg)
{
	struct conn *c = arg;

	c->armed_ms = 0;
	if (c->state != CONN_DEAD && c->deadline_ms != 0 && loop_now_ms(c->loop) >= c->deadline_ms)
		late(c);
	conn_move(c);
}

/* -- the mover ---------------------------------------------------------------------------------- */

static void
want(struct conn *c)
{
	unsigned what = 0;

	if (c->state == CONN_CONNECTING || conn_waiting(c) > 0 || has_more(c))
		what |= LOOP_WRITE;
	if (c->state != CONN_CONNECTING && !c->wire_eof && c->input.len < ENGINE_WINDOW_BYTES)
		what |= LOOP_READ;
	loop_fd_want(c->watch, what);
}

static void
settle(struct conn *c)
{
	if (c->ssl == NULL)
		return;
	conn_write_wire(c);
	if (c->state == CONN_CLOSING)
		turn_closing(c);
	if (c->state != CONN_DEAD)
		watch_rate(c, loop_now_ms(c->loop));
	if (c->state == CONN_DEAD)
		return;
	want(c);
	arm(c);
	conn_give_back(c);
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
	struct conn *c = arg;

	if (c->state == CONN_CONNECTING)
		turn_connecting(c);
	else if ((ready & LOOP_READ) != 0)
		conn_read_wire(c);
	conn_move(c);
}
