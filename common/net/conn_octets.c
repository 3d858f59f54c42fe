/* conn_octets — octets between socket, TLS and engine; see conn.h.
 *
 * The engine's input goes to it uncopied, by way of the loop's one scratch buffer; only what it does
 * not take is kept.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "common/net/conn_private.h"

#define BIO_KEPT_BYTES 1024 /* larger buffers are given back when they are empty */

/* -- socket ------------------------------------------------------------------------------------- */

size_t
conn_waiting(const struct conn *c)
{
	return BIO_ctrl_pending(c->to_wire);
}

/* What was sent does not tell what was taken: the kernel's queue holds megabytes.  It takes another
 * piece of us at each try though the peer takes nothing, and while a slow peer empties it, it says for
 * long that there is no room. */
uint64_t
conn_taken(const struct conn *c)
{
	int queued = 0;

	if (ioctl(c->in->fd, TIOCOUTQ, &queued) < 0 || queued < 0)
		return c->counts.wire_out;
	return c->counts.wire_out - (uint64_t)queued;
}

void
conn_at_end(struct conn *c, const char *how)
{
	if (RULE(tls_truncated) && c->state == CONN_UP && !c->tls_eof)
		conn_fail_word(c, REFUSAL_tls_truncated, how);
	else
		conn_fail(c, NULL);
}

static void
cut_off(struct conn *c, const char *how)
{
	c->wire_eof = true;
	if (c->state == CONN_CLOSING || c->state == CONN_UP)
		conn_at_end(c, how);
}

void
conn_read_wire(struct conn *c)
{
	char *p = conn_set_scratch(c->set);
	ssize_t n = recv(c->in->fd, p, CONN_READ_BYTES, 0);

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
void
conn_write_wire(struct conn *c)
{
	char *p;
	long n = BIO_get_mem_data(c->to_wire, &p);
	ssize_t sent;

	if (n <= 0)
		return;
	if ((sent = send(c->in->fd, p, (size_t)n, MSG_NOSIGNAL)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			cut_off(c, strerror(errno));
		return;
	}
	c->counts.wire_out += (uint64_t)sent;
	while (sent > 0) {
		int k = sent > CONN_READ_BYTES ? CONN_READ_BYTES : (int)sent;

		if ((k = BIO_read(c->to_wire, conn_set_scratch(c->set), k)) <= 0)
			return;
		sent -= k;
	}
}

static void
give_back(BIO *b)
{
	BUF_MEM *m = NULL;

	BIO_get_mem_ptr(b, &m);
	if (m == NULL || m->max <= BIO_KEPT_BYTES || BIO_ctrl_pending(b) > 0)
		return;
	if ((m = BUF_MEM_new()) != NULL)
		BIO_set_mem_buf(b, m, BIO_CLOSE);
}

void
conn_give_back(struct conn *c)
{
	give_back(c->to_wire);
	give_back(c->from_wire);
	if (c->input.len == 0 && c->input.cap > 0)
		buf_clear(&c->input);
}

/* -- engine ------------------------------------------------------------------------------------- */

/* Octets from TLS; 0: none now.  What could not be taken is kept in c->input. */
static size_t
read_tls(struct conn *c, char *p)
{
	struct err e;
	int n;

	if (c->tls_eof || c->input.len >= ENGINE_WINDOW_BYTES)
		return 0;
	ERR_clear_error();
	n = SSL_read(c->ssl, p, CONN_READ_BYTES);
	if (!tls_session_calm(&c->session, &e)) {
		conn_log_refused(c, &e);
		conn_fail(c, &e);
		return 0;
	}
	if (n > 0) {
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

bool
conn_feed(struct conn *c)
{
	char *p = conn_set_scratch(c->set);
	size_t n = read_tls(c, p), took;
	struct engine *e = c->engine;

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
	struct err e;

	ERR_clear_error();
	if (SSL_write(c->ssl, p, (int)n) == (int)n) {
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
	size_t n = out->len < CONN_READ_BYTES ? out->len : CONN_READ_BYTES;

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
	char *p = conn_set_scratch(c->set);
	size_t n = e->payload.left < CONN_READ_BYTES ? (size_t)e->payload.left : CONN_READ_BYTES;
	ssize_t got = e->payload.source->read(e->payload.source, e->payload.offset, p, n);

	if (got <= 0 || (size_t)got > n) {
		conn_fail_word(c, REFUSAL_storage, "a payload cannot be read");
		return false;
	}
	if (!write_tls(c, p, (size_t)got))
		return false;
	e->payload.offset += (uint64_t)got;
	e->payload.left -= (uint64_t)got;
	if (e->payload.left > 0)
		return true;
	e->payload.source->free(e->payload.source);
	e->payload = (struct payload) { 0 };
	if (e->sent != NULL)
		e->sent(e);
	return true;
}

bool
conn_drain(struct conn *c)
{
	struct engine *e = c->engine;
	bool any = false, ok = true;
	bool pull = conn_waiting(c) < CONN_OUT_LOW;

	while (ok && c->state == CONN_UP && conn_waiting(c) < CONN_OUT_HIGH) {
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

void
conn_say_end(struct conn *c)
{
	if (c->state != CONN_UP)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
	conn_write_wire(c);
}
