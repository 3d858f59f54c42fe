/* tls_session — one TLS handshake, for the caller that moves its octets (common/net).
 *
 * Owner: the session belongs to the connection and lives as long as its SSL.
 */
#ifndef COMMON_TLS_TLS_SESSION_H
#define COMMON_TLS_TLS_SESSION_H

#include <openssl/ssl.h>

#include "common/tls/tls.h"

#define TLS_REKEYS_MAX 8 /* in TLS_REKEYS_MS; honest stacks make one in 2^24 records */
#define TLS_REKEYS_MS  60000

/* State of the callbacks of one handshake; lives as long as its SSL. */
struct tls_session {
	struct tls_holder *holder;
	struct tls *tls; /* a reference */
	struct tls_peer *peer;
	enum tls_kind kind;
	const char *alpn;                  /* of static life; NULL where the profile wants none */
	enum refusal fault;                /* found by a callback, for the log */
	const struct tls_session_ops *ops; /* tls_session.c's */
	/* KeyUpdates of the peer: each costs two key derivations and carries no data, so no other limit
	 * counts it. */
	unsigned rekeys;
	int64_t rekeys_ms; /* when counting began; monotonic */
};

/* The caller has set the session's fields.  False: internal. */
bool tls_session_accept(struct tls_session *s, SSL **out, struct err *e);
/* own: the domain whose identity we show, or NULL; of no meaning where the kind shows the host's.  False:
 * domain_not_served, internal. */
bool tls_session_connect(struct tls_session *s, const char *own, SSL **out, struct err *e);
/* Continues the handshake.  *done: it is complete, and the verdict on the peer does not end it.
 * False: *e. */
bool tls_session_shake(struct tls_session *s, SSL *ssl, bool *done, struct err *e);
/* After each SSL_read.  False: too_many_key_updates. */
bool tls_session_calm(const struct tls_session *s, struct err *e);
/* Why SSL_do_handshake or SSL_read failed, from OpenSSL's error queue and the session. */
void tls_session_failed(const struct tls_session *s, struct err *e);

#endif
