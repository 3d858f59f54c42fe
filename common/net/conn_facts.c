/* conn_facts — what a connection tells about itself; see conn.h. */
#include <openssl/err.h>

#include "common/base/log.h"
#include "common/net/conn_limit.h"
#include "common/net/conn_private.h"

#define BINDING_LABEL "EXPORTER-Channel-Binding"

bool
conn_is_server(const struct conn *c)
{
	return tls_profile(c->session.kind)->server;
}

bool
conn_is_open(const struct conn *c)
{
	return c->state == CONN_PLAIN || c->state == CONN_UP;
}

void
conn_log_refused(const struct conn *c, const struct err *why)
{
	const struct chain *chain = c->peer.chain;
	char text[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(c, text), LOG_WARN, "tls.refused",
	    "word=%s side=%s peer=%s port=%u sni=%s fingerprint=%s subject=%s issuer=%s why=%s",
	    refusal_word(why->why), conn_is_server(c) ? "accept" : "connect", log_str(c->peer.host),
	    (unsigned)c->peer.port, log_str(c->peer.sni),
	    chain == NULL ? "-" : chain_fingerprint(chain),
	    log_str(chain == NULL ? "-" : chain_subject(chain)),
	    log_str(chain == NULL ? "-" : chain_issuer(chain)), log_str(why->text));
}

uint64_t
conn_id(const struct conn *c)
{
	return c->entry.id;
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

static const struct tls_identity *
shown(const struct conn *c, const struct tls *t, const char *own)
{
	return tls_profile(c->session.kind)->shows == TLS_SHOWS_HOST ? tls_host_identity(t)
								     : tls_identity(t, own);
}

bool
conn_shows_newest(const struct conn *c, const char *own)
{
	struct tls *newest = tls_holder_get(conn_holder(c));
	const struct tls_identity *i = shown(c, newest, own);
	bool shows = i == NULL || i == shown(c, conn_tls(c), own);

	tls_unref(&newest);
	return shows;
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

int64_t
conn_held_back_ms(const struct conn *c)
{
	return c->held_back_ms;
}

bool
conn_is_secured(const struct conn *c)
{
	return c->stream.ssl != NULL && SSL_is_init_finished(c->stream.ssl) == 1;
}

const char *
conn_tls_version(const struct conn *c)
{
	return conn_is_secured(c) ? SSL_get_version(c->stream.ssl) : "-";
}

const char *
conn_tls_suite(const struct conn *c)
{
	return conn_is_secured(c) ? SSL_get_cipher_name(c->stream.ssl) : "-";
}

bool
conn_exporter(const struct conn *c, unsigned char out[TLS_EXPORTER_BYTES])
{
	bool good;

	if (!conn_is_secured(c) || SSL_version(c->stream.ssl) < TLS1_3_VERSION)
		return false;
	good = SSL_export_keying_material(c->stream.ssl, out, TLS_EXPORTER_BYTES, BINDING_LABEL,
		   sizeof BINDING_LABEL - 1, NULL, 0, 0) == 1;
	ERR_clear_error();
	return good;
}

void
conn_counts(const struct conn *c, struct conn_counts *out)
{
	*out = (struct conn_counts) { c->stream.read, c->stream.written, c->wire.read,
		c->wire.written };
}
