/* conn — one connection: making it, its turns, its deadlines; see conn.h.
 *
 * One turn reads the socket once, feeds the engine from TLS, writes the engine's output and payload to
 * TLS until CONN_OUT_HIGH octets wait, and writes the socket once.  The next event continues, so no
 * connection holds up the others of its loop.
 *
 * A failing system call that serves one peer ends that peer's connection and nothing else; the table
 * is in tests/e2e/216-failing-calls.t.
 */
#include "common/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn_end_private.h"
#include "common/net/conn_limit.h"
#include "common/net/conn_private.h"
#include "common/net/conn_turn_private.h"
#include "common/text/address_text.h"

/* The target, until the connection begins to connect. */
struct conn_way {
	struct sockaddr_storage address;
	bool has_own;
	char own[DOMAIN_BYTES], from[64];
	int64_t timeout_ms;
};

static void conn_move(struct conn *c); /* may free c */
static void conn_free(struct conn *c, bool with_event);

/* -- making ------------------------------------------------------------------------------------- */

static void
move_entry(struct conn_entry *entry)
{
	conn_move((struct conn *)entry);
}

static void
free_entry(struct conn_entry *entry)
{
	conn_free((struct conn *)entry, false);
}

static const struct conn_set_ops set_ops = { move_entry, free_entry };

static void on_timer(void *conn);
static void on_ready(void *conn, unsigned ready);

static struct conn *
conn_new(struct loop *l, struct tls_holder *h, const struct sockaddr *peer, enum tls_kind kind,
    const char *alpn, const struct conn_events *events, void *role)
{
	struct conn *c = memory_new(sizeof *c);

	c->loop = l;
	c->set = conn_set_of(l, &set_ops);
	c->events = events;
	c->role = role;
	tls_peer_init(&c->peer, peer);
	c->session = (struct tls_session) { .holder = h,
		.tls = tls_holder_get(h),
		.peer = &c->peer,
		.kind = kind,
		.alpn = alpn };
	c->stream.session = &c->session;
	c->timer = loop_timer_new(l, on_timer, c);
	conn_set_add(c->set, &c->entry);
	return c;
}

/* why: NULL if there was no fault so far.  The first turn comes from the loop. */
static void
start(struct conn *c, int64_t timeout_ms, const struct err *why)
{
	if (why != NULL)
		conn_fail(c, why);
	c->deadline_ms = loop_now_ms(c->loop) + timeout_ms;
	conn_set_kick(c->set, &c->entry);
}

struct conn *
conn_accept(struct loop *l, struct listen_incoming *in, struct tls_holder *h, enum tls_kind kind,
    const char *alpn, const struct conn_events *events, void *role)
{
	struct conn *c = conn_new(l, h, (const struct sockaddr *)&in->address, kind, alpn, events,
	    role);
	struct err e;
	bool good;

	assert(tls_profile(kind)->server);
	c->wire.in = in;
	c->state = tls_profile(kind)->starts_plain ? CONN_PLAIN : CONN_SHAKING;
	c->shake_ms = TLS_HANDSHAKE_MS;
	c->watch = loop_fd_new(l, in->fd, on_ready, c);
	good = conn_wire_init(&c->wire, &e) &&
	    (tls_profile(kind)->starts_plain || conn_turn_tls(c, NULL, &e));
	start(c, TLS_HANDSHAKE_MS, good ? NULL : &e);
	return c;
}

/* It has waited, perhaps for long: our certificates may have changed since. */
static void
begin(struct conn *c)
{
	struct conn_way *w = c->way;
	struct err e;
	bool good;

	c->way = NULL;
	c->state = CONN_CONNECTING;
	tls_unref(&c->session.tls);
	c->session.tls = tls_holder_get(c->session.holder);
	good = conn_wire_init(&c->wire, &e) &&
	    (tls_profile(c->session.kind)->starts_plain ||
		conn_turn_tls(c, w->has_own ? w->own : NULL, &e)) &&
	    conn_wire_connect(&c->wire, (const struct sockaddr *)&w->address, w->from, &e);
	if (good)
		c->watch = loop_fd_new(c->loop, c->wire.in->fd, on_ready, c);
	start(c, w->timeout_ms, good ? NULL : &e);
	free(w);
}

static struct conn_way *
way_new(const struct conn_target *to)
{
	struct conn_way *w = memory_new(sizeof *w);

	memcpy(&w->address, to->address, address_size(to->address));
	w->has_own = to->own != NULL;
	snprintf(w->own, sizeof w->own, "%s", to->own != NULL ? to->own : "");
	snprintf(w->from, sizeof w->from, "%s", to->from != NULL ? to->from : "");
	w->timeout_ms = to->timeout_ms;
	return w;
}

/* Its place is free now, was refused, or is wanted by others. */
static void
on_place(struct loop *l, uint64_t id)
{
	struct conn *c = conn_find(l, id);

	if (c == NULL)
		return;
	if (c->state == CONN_WAITING)
		conn_move(c);
	else if (c->state == CONN_UP && c->events->wanted != NULL)
		c->events->wanted(c, c->role);
}

struct conn *
conn_connect(struct loop *l, const struct conn_target *to, struct tls_holder *h,
    const struct conn_events *events, void *role)
{
	struct conn *c = conn_new(l, h, to->address, to->kind, to->alpn, events, role);
	int64_t until_ms;
	struct err e;

	assert(!tls_profile(to->kind)->server);
	snprintf(c->peer.domain, sizeof c->peer.domain, "%s", to->domain);
	snprintf(c->peer.sni, sizeof c->peer.sni, "%s", to->domain);
	c->peer.is_host = tls_profile(to->kind)->names == TLS_NAMES_HOST;
	if (*to->domain == '\0' || strlen(to->domain) >= sizeof c->peer.domain) {
		err_word(&e, REFUSAL_bad_domain);
		start(c, to->timeout_ms, &e);
		return c;
	}
	c->way = way_new(to);
	c->shake_ms = to->timeout_ms;
	c->state = CONN_WAITING;
	if (to->limit != NULL)
		c->place = conn_limit_enter(to->limit, &c->peer.address,
		    &(struct conn_caller) { .loop = l,
			.id = c->entry.id,
			.fn = on_place,
			.backs_off = to->backs_off,
			.domain = to->domain,
			.most = to->most },
		    loop_now_ms(l));
	if (c->place == NULL || conn_place_is_held(c->place))
		begin(c);
	else if (conn_place_is_refused(c->place, &until_ms))
		conn_kick(c);
	return c;
}

/* -- a turn in each state -------------------------------------------------------------------------- */

static void
refuse_place(struct conn *c, int64_t until_ms)
{
	int64_t in_ms = until_ms - loop_now_ms(c->loop);
	struct err e;

	c->held_back_ms = in_ms > 1 ? in_ms : 1;
	err_set(&e, REFUSAL_unreachable,
	    "%s did not answer at port %u lately, and is tried again soon", c->peer.host,
	    (unsigned)c->peer.port);
	conn_fail(c, &e);
}

static void
turn(struct conn *c)
{
	int64_t until_ms;

	switch (c->state) {
	case CONN_WAITING:
		if (c->close_asked)
			conn_fail(c, NULL);
		else if (conn_place_is_held(c->place))
			begin(c);
		else if (conn_place_is_refused(c->place, &until_ms))
			refuse_place(c, until_ms);
		break;
	case CONN_SHAKING:
		if (c->close_asked)
			conn_fail(c, NULL);
		else
			conn_turn_shaking(c);
		break;
	case CONN_PLAIN:
		conn_turn_plain(c);
		break;
	case CONN_UP:
		conn_turn_up(c);
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
can_move(const struct conn *c)
{
	return conn_is_open(c) && conn_stream_can_move(&c->stream);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* A timer that fires too early does no harm. */
static void
arm(struct conn *c)
{
	int64_t next = c->deadline_ms, now = loop_now_ms(c->loop);

	if (conn_is_open(c) && c->stream.engine != NULL)
		next = sooner(next, c->stream.engine->deadline_ms);
	if (c->wire.rate_ms != 0)
		next = sooner(next, c->wire.rate_ms + CONN_RATE_MS);
	if (next == 0 || (c->armed_ms != 0 && c->armed_ms <= next))
		return;
	c->armed_ms = next;
	loop_timer_set_ms(c->timer, next > now ? next - now : 0);
}

static void
end_late(struct conn *c)
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
	c->late = true;
	err_set(&e, REFUSAL_tls_failed, "the handshake was not over in time");
	conn_refuse(c, &e);
}

static void
on_timer(void *arg)
{
	struct conn *c = arg;

	c->armed_ms = 0;
	if (c->state != CONN_DEAD && c->deadline_ms != 0 && loop_now_ms(c->loop) >= c->deadline_ms)
		end_late(c);
	conn_move(c);
}

/* -- a turn ------------------------------------------------------------------------------------- */

static void
watch_socket(struct conn *c)
{
	unsigned what = 0;
	struct err e;

	if (c->state == CONN_CONNECTING || conn_wire_waiting(&c->wire) > 0 || can_move(c))
		what |= LOOP_WRITE;
	if (c->state != CONN_CONNECTING && !c->wire.eof && !conn_stream_is_full(&c->stream))
		what |= LOOP_READ;
	if (loop_fd_want(c->watch, what))
		return;
	err_set_errno(&e, REFUSAL_internal, errno, "the system cannot watch the connection");
	conn_refuse(c, &e);
}

static void
write_wire(struct conn *c)
{
	struct err e;

	/* The alert of a handshake that failed goes out too, if it goes at once. */
	if (!conn_wire_write(&c->wire, conn_set_scratch(c->set), &e))
		conn_break_off(c, &e);
}

static void
settle(struct conn *c)
{
	write_wire(c);
	if (c->watch == NULL)
		return;
	conn_turn_leave_plain(c);
	if (c->state == CONN_CLOSING)
		conn_turn_closing(c);
	if (c->state != CONN_DEAD && conn_wire_is_slow(&c->wire, can_move(c), loop_now_ms(c->loop)))
		conn_fail_word(c, REFUSAL_too_slow, "the peer takes its octets too slowly");
	if (c->state != CONN_DEAD)
		watch_socket(c);
	if (c->state == CONN_DEAD)
		return;
	arm(c);
	conn_wire_give_back(&c->wire);
	if (c->stream.input.len == 0 && c->stream.input.cap > 0)
		buf_clear(&c->stream.input);
}

static void
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
		conn_set_kick(c->set, &c->entry);
}

static void
on_ready(void *arg, unsigned ready)
{
	struct conn *c = arg;
	struct err e;

	if (c->state == CONN_CONNECTING)
		conn_turn_connecting(c);
	else if ((ready & LOOP_READ) != 0 &&
	    !conn_wire_read(&c->wire, conn_set_scratch(c->set), c->state != CONN_CLOSING, &e))
		conn_break_off(c, &e);
	conn_move(c);
}

/* A host whose handshake failed does answer; so does one that said something in plain. */
static void
report_host(struct conn *c)
{
	if (c->place == NULL || !c->wire.tried || c->was_up || (!c->has_why && !c->met))
		return;
	conn_place_report(c->place,
	    c->met ? c->stream.read > 0 : c->why.why != REFUSAL_unreachable && !c->late,
	    loop_now_ms(c->loop));
}

static void
conn_free(struct conn *c, bool with_event)
{
	report_host(c);
	conn_set_remove(c->set, &c->entry);
	loop_fd_free(&c->watch);
	loop_timer_free(&c->timer);
	if (c->wire.in != NULL && c->wire.in->fd >= 0)
		listen_done(&c->wire.in);
	free(c->wire.in);
	free(c->way);
	conn_place_leave(&c->place);
	if (with_event)
		c->events->forget_conn(c, c->role, c->has_why ? &c->why : NULL);
	SSL_free(c->stream.ssl);
	conn_wire_clear(&c->wire);
	tls_unref(&c->session.tls);
	tls_peer_clear(&c->peer);
	buf_clear(&c->stream.input);
	free(c);
}

struct conn *
conn_find(struct loop *l, uint64_t id)
{
	return (struct conn *)conn_set_find(conn_set_of(l, &set_ops), id);
}

/* -- what the role does ------------------------------------------------------------------------- */

static void
payload_woken(void *arg)
{
	conn_kick(arg);
}

void
conn_set_engine(struct conn *c, struct engine *e)
{
	c->stream.engine = e;
	e->wake = payload_woken;
	e->wake_arg = c;
	conn_kick(c);
}

void
conn_kick(struct conn *c)
{
	if (c->moving)
		c->again = true;
	else
		conn_set_kick(c->set, &c->entry);
}

void
conn_close(struct conn *c)
{
	c->close_asked = true;
	conn_kick(c);
}

void
conn_drop(struct conn *c, const struct err *why)
{
	conn_fail(c, why);
	conn_kick(c);
}

/* Sends close_notify if the socket takes it at once, so the peer knows that this side ended the
 * connection. */
static void
drop_entry(struct conn_entry *entry, void *why)
{
	struct conn *c = (struct conn *)entry;

	if (c->state == CONN_UP) {
		conn_stream_end(&c->stream);
		write_wire(c);
	}
	conn_drop(c, why);
}

void
conn_drop_all(struct loop *l, const struct err *why)
{
	struct err copy;

	if (why != NULL)
		copy = *why;
	conn_set_each(conn_set_of(l, &set_ops), drop_entry, why == NULL ? NULL : &copy);
}
