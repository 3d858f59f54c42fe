/* conn — making, asking, ending; see conn.h.  The work is in conn_move.c, conn_octets.c and conn_shake.c. */
#include "common/net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "common/base/memory.h"
#include "common/net/conn_private.h"
#include "common/text/address_text.h"

#define BINDING_LABEL "EXPORTER-Channel-Binding"

/* Where to, for one that has not begun yet. */
struct conn_way {
	struct sockaddr_storage address;
	bool has_own;
	char own[DOMAIN_BYTES], from[64];
	int64_t timeout_ms;
};

/* -- making ------------------------------------------------------------------------------------- */

static struct conn *
conn_new(struct loop *l, struct tls_holder *h, const struct sockaddr *peer, const char *alpn,
    const struct conn_events *events, void *role)
{
	struct conn *c = memory_new(sizeof *c);

	c->loop = l;
	c->set = conn_set_of(l);
	c->events = events;
	c->role = role;
	tls_peer_init(&c->peer, peer);
	c->session = (struct tls_session) { .holder = h,
		.tls = tls_holder_get(h),
		.peer = &c->peer,
		.alpn = alpn };
	c->timer = loop_timer_new(l, conn_on_timer, c);
	conn_set_add(c);
	return c;
}

/* Memory BIOs that never report an end: what the end of the stream means is conn_move's to say. */
static void
set_bios(struct conn *c)
{
	c->from_wire = BIO_new(BIO_s_mem());
	c->to_wire = BIO_new(BIO_s_mem());
	if (c->from_wire == NULL || c->to_wire == NULL)
		abort();
	BIO_set_mem_eof_return(c->from_wire, -1);
	BIO_set_mem_eof_return(c->to_wire, -1);
	SSL_set_bio(c->ssl, c->from_wire, c->to_wire);
}

/* conn_move needs a session whatever happens: one that cannot be made is replaced by an idle one,
 * which is never used. */
static void
start(struct conn *c, bool ok, int64_t timeout_ms, const struct err *e)
{
	if (!ok) {
		if ((c->ssl = SSL_new(tls_context(c->session.tls, false, true))) == NULL)
			abort();
		conn_fail(c, e);
	}
	set_bios(c);
	c->deadline_ms = loop_now_ms(c->loop) + timeout_ms;
	conn_set_kick(c);
}

struct conn *
conn_accept(struct loop *l, struct listen_incoming *in, struct tls_holder *h, enum conn_peers peers,
    const char *alpn, const struct conn_events *events, void *role)
{
	struct conn *c = conn_new(l, h, (const struct sockaddr *)&in->address, alpn, events, role);
	struct err e;
	bool ok;

	c->in = in;
	c->state = CONN_SHAKING;
	c->watch = loop_fd_new(l, in->fd, conn_on_ready, c);
	ok = tls_session_accept(&c->session, peers == CONN_MUTUAL, &c->ssl, &e);
	start(c, ok, TLS_HANDSHAKE_MS, &e);
	return c;
}

/* Our own address, where one is given and of the peer's family; the port is connect's to find. */
static bool
bind_from(int fd, const char *from, int family, struct err *e)
{
	struct sockaddr_storage own = { .ss_family = (sa_family_t)family };
	void *at = &((struct sockaddr_in *)&own)->sin_addr;
	socklen_t n = sizeof(struct sockaddr_in);
	int one = 1;

	if (family == AF_INET6) {
		at = &((struct sockaddr_in6 *)&own)->sin6_addr;
		n = sizeof(struct sockaddr_in6);
	}
	if (from == NULL || inet_pton(family, from, at) != 1)
		return true;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&own, n) < 0)
		return err_set_errno(e, REFUSAL_unreachable, errno, "connect-from %s", from);
	return true;
}

static bool
open_socket(struct conn *c, const struct sockaddr *to, const char *from, struct err *e)
{
	int one = 1;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	c->in = memory_new(sizeof *c->in);
	c->in->fd = fd;
	memcpy(&c->in->address, &c->peer.address, sizeof c->in->address);
	if (fd < 0)
		return err_set_errno(e, REFUSAL_unreachable, errno, "no socket for %s",
		    c->peer.host);
	c->watch = loop_fd_new(c->loop, fd, conn_on_ready, c);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!bind_from(fd, from, to->sa_family, e))
		return false;
	c->tried = true;
	if (connect(fd, to, address_size(to)) < 0 && errno != EINPROGRESS && errno != EINTR)
		return err_set_errno(e, REFUSAL_unreachable, errno, "%s", c->peer.host);
	return true;
}

/* It has waited, maybe for long: what was true of our certificates then is not now. */
void
conn_begin(struct conn *c)
{
	struct conn_way *w = c->way;
	struct err e;
	bool made, ok;

	c->way = NULL;
	c->state = CONN_CONNECTING;
	tls_unref(&c->session.tls);
	c->session.tls = tls_holder_get(c->session.holder);
	made = tls_session_connect(&c->session, w->has_own ? w->own : NULL, &c->ssl, &e);
	ok = made && open_socket(c, (const struct sockaddr *)&w->address, w->from, &e);
	if (made && !ok)
		conn_fail(c, &e);
	start(c, made, w->timeout_ms, &e);
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

static void
called(struct loop *l, uint64_t id)
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
	struct conn *c = conn_new(l, h, to->address, to->alpn, events, role);
	struct err e;

	snprintf(c->peer.domain, sizeof c->peer.domain, "%s", to->domain);
	snprintf(c->peer.sni, sizeof c->peer.sni, "%s", to->domain);
	if (*to->domain == '\0' || strlen(to->domain) >= sizeof c->peer.domain) {
		err_word(&e, REFUSAL_bad_domain);
		start(c, false, to->timeout_ms, &e);
		return c;
	}
	c->way = way_new(to);
	c->state = CONN_WAITING;
	if (to->limit != NULL)
		c->place = conn_limit_enter(to->limit, &c->peer.address,
		    &(struct conn_caller) { l, c->id, called, to->backs_off }, loop_now_ms(l));
	if (c->place == NULL || conn_place_is_held(c->place))
		conn_begin(c);
	else if (conn_place_is_refused(c->place))
		conn_kick(c);
	return c;
}

/* -- asking ------------------------------------------------------------------------------------- */

void
conn_set_engine(struct conn *c, struct engine *e)
{
	c->engine = e;
	conn_kick(c);
}

void
conn_kick(struct conn *c)
{
	if (c->moving)
		c->again = true;
	else
		conn_set_kick(c);
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

uint64_t
conn_id(const struct conn *c)
{
	return c->id;
}

struct loop *
conn_loop(const struct conn *c)
{
	return c->loop;
}

struct tls_peer *
conn_peer(struct conn *c)
{
	return &c->peer;
}

struct span
conn_peer_key(const struct conn *c, char out[SHARE_KEY_ADDRESS_BYTES])
{
	return share_key_address((const struct sockaddr *)&c->peer.address, out);
}

struct tls_holder *
conn_holder(const struct conn *c)
{
	return c->session.holder;
}

struct tls *
conn_tls(const struct conn *c)
{
	return c->session.tls;
}

void *
conn_role(const struct conn *c)
{
	return c->role;
}

bool
conn_is_wanted(struct conn *c)
{
	return c->place != NULL && conn_place_is_wanted(c->place);
}

bool
conn_is_waiting(const struct conn *c)
{
	return c->state == CONN_WAITING;
}

bool
conn_exporter(const struct conn *c, unsigned char out[TLS_EXPORTER_BYTES])
{
	bool ok;

	if (!SSL_is_init_finished(c->ssl))
		return false;
	ok = SSL_export_keying_material(c->ssl, out, TLS_EXPORTER_BYTES, BINDING_LABEL,
		 sizeof BINDING_LABEL - 1, NULL, 0, 0) == 1;
	ERR_clear_error();
	return ok;
}

void
conn_counts(const struct conn *c, struct conn_counts *out)
{
	*out = c->counts;
}

/* -- ending ------------------------------------------------------------------------------------- */

/* A handshake that failed by its own fault shows a host that answers. */
static void
report_host(struct conn *c)
{
	if (c->place == NULL || !c->tried || c->was_up || !c->has_why)
		return;
	conn_place_report(c->place, c->why.why != REFUSAL_unreachable, loop_now_ms(c->loop));
}

void
conn_free(struct conn *c, bool tell)
{
	report_host(c);
	conn_set_remove(c);
	loop_fd_free(&c->watch);
	loop_timer_free(&c->timer);
	if (c->in != NULL && c->in->fd >= 0)
		listen_done(&c->in);
	free(c->in);
	free(c->way);
	conn_place_leave(&c->place);
	if (tell)
		c->events->gone(c, c->role, c->has_why ? &c->why : NULL);
	SSL_free(c->ssl);
	tls_unref(&c->session.tls);
	tls_peer_clear(&c->peer);
	buf_clear(&c->input);
	free(c);
}
