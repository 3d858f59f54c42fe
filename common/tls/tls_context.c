/* tls_context — SSL_CTX: what this host demands of every handshake; see tls_private.h.
 *
 * Callbacks that need the generation or the holder go through the session's ops.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/tls/tls_private.h"

#define GROUPS           "X25519:P-256:P-384"
#define SUITES           "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define OLD_SUITES       "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2 */
#define CHAIN_LIST_BYTES 65536

/* -- callbacks ---------------------------------------------------------------------------------- */

/* Called whether or not the client names a host. */
static int
on_servername(SSL *ssl, int *alert, void *arg)
{
	struct tls_session *s = SSL_get_app_data(ssl);

	(void)arg;
	return s->ops->servername(s, ssl, alert);
}

static int
on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_session *s = SSL_get_app_data(ssl);

	(void)arg;
	return s->ops->certificate(s, ctx);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
    unsigned in_n, void *arg)
{
	struct tls_session *s = SSL_get_app_data(ssl);
	size_t n = strlen(s->alpn);

	(void)arg;
	for (unsigned at = 0; at < in_n; at += in[at] + 1U)
		if (in[at] == n && at + 1 + n <= in_n && memcmp(in + at + 1, s->alpn, n) == 0) {
			*out = in + at + 1;
			*out_n = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
	if (!RULE(no_alpn))
		return SSL_TLSEXT_ERR_NOACK;
	s->fault = REFUSAL_no_alpn;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void
on_message(int written, int version, int type, const void *octets, size_t n, SSL *ssl, void *arg)
{
	struct tls_session *s = SSL_get_app_data(ssl);
	int64_t now;

	(void)version;
	(void)arg;
	if (written || type != SSL3_RT_HANDSHAKE || n == 0 || s == NULL ||
	    *(const unsigned char *)octets != SSL3_MT_KEY_UPDATE)
		return;
	now = clock_mono_ms();
	if (s->rekeys == 0 || now - s->rekeys_ms >= TLS_REKEYS_MS) {
		s->rekeys = 0;
		s->rekeys_ms = now;
	}
	s->rekeys++;
}

/* -- contexts ----------------------------------------------------------------------------------- */

/* No list of CAs is set, so a CertificateRequest names none. */
static void
set_up_server(SSL_CTX *c, const struct tls_profile *p)
{
	SSL_CTX_set_tlsext_servername_callback(c, on_servername);
	if (p->alpn)
		SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_verify(c, p->asks_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

static int
oldest(const struct tls_profile *p)
{
	return p->old ? TLS1_2_VERSION : TLS1_3_VERSION;
}

SSL_CTX *
tls_context_new(const struct tls_profile *p)
{
	SSL_CTX *c = SSL_CTX_new(p->server ? TLS_server_method() : TLS_client_method());

	if (c == NULL || SSL_CTX_set_min_proto_version(c, RULE(tls_version) ? oldest(p) : 0) != 1 ||
	    SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
	    (p->old && SSL_CTX_set_cipher_list(c, OLD_SUITES) != 1) ||
	    SSL_CTX_set1_groups_list(c, GROUPS) != 1 || SSL_CTX_set_ciphersuites(c, SUITES) != 1 ||
	    SSL_CTX_set_session_id_context(c, (const unsigned char *)"tillcalled", 10) != 1)
		abort();
	SSL_CTX_set_security_level(c, 2);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(c, 0);
	SSL_CTX_set_max_cert_list(c, CHAIN_LIST_BYTES);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(c,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_cert_verify_callback(c, on_certificate, NULL);
	SSL_CTX_set_msg_callback(c, on_message);
	if (p->server)
		set_up_server(c, p);
	else
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return c;
}
