/* conn_stream — octets between TLS, or the socket itself, and the engine; see conn_private.h.
 *
 * Input passes through the loop's scratch buffer without a copy; only what the engine does not take is
 * kept.
 */
#include <assert.h>

#include <openssl/err.h>

#include "common/net/conn_private.h"

/* -- to the engine ------------------------------------------------------------------------------ */

bool
conn_stream_is_full(const struct conn_stream *s)
{
	return s->engine != NULL && s->input.len >= engine_window(s->engine);
}

static size_t
read_plain(struct conn_stream *s, const struct conn_wire *w, char *scratch)
{
	int n = BIO_read(w->from, scratch, CONN_READ_BYTES);

	s->eof = n <= 0 && w->eof;
	s->read += n > 0 ? (uint64_t)n : 0;
	return n > 0 ? (size_t)n : 0;
}

/* Octets from TLS; 0: none now.  False: *e. */
static bool
read_tls(struct conn_stream *s, char *scratch, size_t *got, struct err *e)
{
	int n;

	ERR_clear_error();
	n = SSL_read(s->ssl, scratch, CONN_READ_BYTES);
	if (!tls_session_calm(s->session, e))
		return false;
	if (n > 0) {
		s->read += (uint64_t)n;
		*got = (size_t)n;
		return true;
	}
	switch (SSL_get_error(s->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return true;
	case SSL_ERROR_ZERO_RETURN:
		return s->eof = true;
	default:
		tls_session_failed(s->session, e);
		return false;
	}
}

static bool
read_some(struct conn_stream *s, const struct conn_wire *w, char *scratch, size_t *got,
    struct err *e)
{
	*got = 0;
	if (s->eof || conn_stream_is_full(s))
		return true;
	if (s->ssl != NULL)
		return read_tls(s, scratch, got, e);
	*got = read_plain(s, w, scratch);
	return true;
}

enum conn_moved
conn_stream_feed(struct conn_stream *s, const struct conn_wire *w, char *scratch, int64_t now_ms,
    struct err *e)
{
	size_t n, took;

	assert(!s->engine->wants_tls);
	if (!read_some(s, w, scratch, &n, e))
		return CONN_MOVED_FAILED;
	s->engine->now_ms = now_ms;
	if (s->input.len == 0) {
		if ((took = s->engine->feed(s->engine, span_of(scratch, n))) < n)
			buf_add(&s->input, scratch + took, n - took);
		return n > 0 ? CONN_MOVED_SOME : CONN_MOVED_NOTHING;
	}
	buf_add(&s->input, scratch, n);
	took = s->engine->feed(s->engine, buf_span(&s->input));
	buf_drop(&s->input, took);
	return n > 0 || took > 0 ? CONN_MOVED_SOME : CONN_MOVED_NOTHING;
}

/* -- from the engine ---------------------------------------------------------------------------- */

static bool
write_octets(struct conn_stream *s, const struct conn_wire *w, const char *p, size_t n,
    struct err *e)
{
	if (s->ssl == NULL) {
		s->written += n;
		return BIO_write(w->to, p, (int)n) == (int)n ||
		    err_set(e, REFUSAL_internal, "no memory for the octets of a connection");
	}
	ERR_clear_error();
	if (SSL_write(s->ssl, p, (int)n) == (int)n) {
		s->written += n;
		return true;
	}
	tls_session_failed(s->session, e);
	return false;
}

static bool
write_out(struct conn_stream *s, const struct conn_wire *w, struct buf *out, struct err *e)
{
	size_t n = out->len < CONN_READ_BYTES ? out->len : CONN_READ_BYTES;

	if (!write_octets(s, w, out->data, n, e))
		return false;
	buf_drop(out, n);
	if (out->len == 0 && out->cap > CONN_OUT_LOW)
		buf_clear(out);
	return true;
}

/* NOTHING: the payload waits for its source. */
static enum conn_moved
write_payload(struct conn_stream *s, const struct conn_wire *w, char *scratch, struct err *e)
{
	ssize_t got = engine_payload_read(s->engine, scratch, CONN_READ_BYTES);

	if (got == SOURCE_WAIT)
		return CONN_MOVED_NOTHING;
	if (got < 0) {
		err_set(e, REFUSAL_storage, "a payload cannot be read");
		return CONN_MOVED_FAILED;
	}
	if (got > 0 && !write_octets(s, w, scratch, (size_t)got, e))
		return CONN_MOVED_FAILED;
	engine_payload_moved(s->engine, (size_t)got);
	return CONN_MOVED_SOME;
}

enum conn_moved
conn_stream_drain(struct conn_stream *s, const struct conn_wire *w, char *scratch, struct err *e)
{
	struct engine *engine = s->engine;
	bool pull = conn_wire_waiting(w) < CONN_OUT_LOW;
	enum conn_moved moved = CONN_MOVED_NOTHING, now;

	while (!s->stopped && conn_wire_waiting(w) < CONN_OUT_HIGH) {
		if (engine->out.len > 0)
			now = write_out(s, w, &engine->out, e) ? CONN_MOVED_SOME
							       : CONN_MOVED_FAILED;
		else if (engine->payload.source != NULL && pull)
			now = write_payload(s, w, scratch, e);
		else
			break;
		if (now == CONN_MOVED_FAILED)
			return now;
		if (now == CONN_MOVED_NOTHING)
			break;
		moved = now;
	}
	return moved;
}

bool
conn_stream_has_more(const struct conn_stream *s)
{
	return s->engine != NULL && (s->engine->out.len > 0 || s->engine->payload.source != NULL);
}

bool
conn_stream_can_move(const struct conn_stream *s)
{
	return conn_stream_has_more(s) && (s->engine->out.len > 0 || !s->engine->payload.waiting);
}

void
conn_stream_end(struct conn_stream *s)
{
	if (s->ssl == NULL)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
}
