/* conn_shake — from the first octet to `up`, and the one line in the log where it fails. */
#include <openssl/err.h>

#include "common/base/log.h"
#include "common/net/conn_private.h"

void
conn_log_refused(struct conn *c, const struct err *why)
{
	const struct chain *chain = c->peer.chain;
	char text[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(c, text), LOG_WARN, "tls.refused",
	    "word=%s side=%s peer=%s port=%u sni=%s fingerprint=%s subject=%s issuer=%s why=%s",
	    refusal_word(why->why), SSL_is_server(c->ssl) ? "accept" : "connect",
	    log_str(c->peer.host), (unsigned)c->peer.port, log_str(c->peer.sni),
	    chain == NULL ? "-" : chain_fingerprint(chain),
	    log_str(chain == NULL ? "-" : chain_subject(chain)),
	    log_str(chain == NULL ? "-" : chain_issuer(chain)), log_str(why->text));
}

static void
refuse(struct conn *c, const struct err *why)
{
	conn_log_refused(c, why);
	conn_fail(c, why);
}

static bool
is_mutual(const struct conn *c)
{
	return (SSL_get_verify_mode(c->ssl) & SSL_VERIFY_PEER) != 0;
}

static void
shaken(struct conn *c)
{
	struct err e;

	if (!tls_session_done(&c->session, c->ssl, &e)) {
		refuse(c, &e);
		return;
	}
	/* The connecting side trusts its callback, and looks again: nothing leaves before `up`. */
	if (!SSL_is_server(c->ssl) && c->peer.verdict.why != REFUSAL_NONE) {
		refuse(c, &c->peer.verdict);
		return;
	}
	if (is_mutual(c) && c->peer.verdict.why != REFUSAL_NONE)
		conn_log_refused(c, &c->peer.verdict);
	listen_shook(c->in);
	c->state = CONN_UP;
	c->was_up = true;
	if (c->place != NULL)
		conn_place_report(c->place, true, loop_now_ms(c->loop));
	c->deadline_ms = 0;
	c->again = true;
	log_fact(LOG_DEBUG, "tls.up", "conn=%llu peer=%s sni=%s alpn=%s fingerprint=%s",
	    (unsigned long long)c->id, log_str(c->peer.host), log_str(c->peer.sni), c->session.alpn,
	    c->peer.chain == NULL ? "-" : chain_fingerprint(c->peer.chain));
	c->events->up(c, c->role);
}

void
conn_shake(struct conn *c)
{
	struct err e;
	int r;

	ERR_clear_error();
	if ((r = SSL_do_handshake(c->ssl)) == 1) {
		shaken(c);
		return;
	}
	if (SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ) {
		if (!c->wire_eof)
			return;
		err_set(&e, REFUSAL_tls_failed,
		    "the peer went away in the middle of the handshake");
	} else
		tls_session_failed(&c->session, c->ssl, &e);
	refuse(c, &e);
}
