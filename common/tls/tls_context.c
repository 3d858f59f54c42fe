/* tls_context — SSL_CTX, its callbacks, and what a failed handshake is called. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/tls/tls_private.h"

#define GROUPS           "X25519:P-256:P-384"
#define SUITES           "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define CHAIN_LIST_BYTES 65536

/* -- callbacks ---------------------------------------------------------------------------------- */

static void
lower(char *to, size_t cap, const char *from)
{
	size_t n = 0;

	for (; n + 1 < cap && from[n] != '\0'; n++)
		to[n] = from[n] >= 'A' && from[n] <= 'Z' ? (char)(from[n] + 32) : from[n];
	to[n] = '\0';
}

static bool
show(SSL *ssl, const struct tls_identity *i)
{
	struct chain *c = tls_identity_chain(i);

	return SSL_use_cert_and_key(ssl, chain_leaf(c), tls_identity_key(i), chain_rest(c), 1) == 1;
}

/* Called whether or not the client names somebody. */
static int
on_servername(SSL *ssl, int *alert, void *arg)
{
	struct tls_session *s = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct tls_identity *i = NULL;

	(void)arg;
	if (name != NULL) {
		lower(s->peer->sni, sizeof s->peer->sni, name);
		i = tls_identity(s->tls, s->peer->sni);
	}
	if (RULE(no_sni) && i == NULL) {
		s->fault = REFUSAL_no_sni;
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (i == NULL)
		i = tls_any_identity(s->tls);
	if (i != NULL && show(ssl, i))
		return SSL_TLSEXT_ERR_OK;
	s->fault = REFUSAL_internal;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
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

/* What the peer's stack is told; it has no word for most. */
static int
alert_error(enum refusal why)
{
	switch (why) {
	case REFUSAL_certificate_expired:
		return X509_V_ERR_CERT_HAS_EXPIRED;
	case REFUSAL_certificate_revoked:
		return X509_V_ERR_CERT_REVOKED;
	case REFUSAL_certificate_untrusted:
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	default:
		return X509_V_ERR_CERT_REJECTED;
	}
}

/* The whole of a peer's verification: OpenSSL's own is not run.  The accepting side goes on whatever
 * the verdict, so that the refusal can be said in words. */
static int
on_certificate(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_session *s = SSL_get_app_data(ssl);
	struct tls_peer *p = s->peer;
	struct judgement j;

	(void)arg;
	chain_unref(&p->chain);
	p->chain = chain_new(X509_STORE_CTX_get0_cert(ctx), X509_STORE_CTX_get0_untrusted(ctx));
	p->judged_ms = clock_mono_ms();
	p->generation = tls_generation(s->tls);
	if (judge_chain(tls_trust(s->tls), p->chain, p->domain[0] != '\0' ? p->domain : NULL,
		clock_wall_ms() / 1000, &j, &p->verdict))
		p->verdict = (struct err) { 0 };
	p->until_s = j.again_s;
	memcpy(p->issuer_key, j.issuer_key, sizeof p->issuer_key);
	if (p->verdict.why == REFUSAL_revocation_unknown)
		tls_holder_unknown(s->holder, p->chain, &j);
	else if (p->verdict.why == REFUSAL_NONE)
		tls_holder_good(s->holder, p->chain);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	if (p->verdict.why == REFUSAL_NONE || SSL_is_server(ssl))
		return 1;
	s->fault = p->verdict.why;
	X509_STORE_CTX_set_error(ctx, alert_error(p->verdict.why));
	return 0;
}

/* -- contexts ----------------------------------------------------------------------------------- */

static void
set_up_server(SSL_CTX *c, bool mutual)
{
	SSL_CTX_set_tlsext_servername_callback(c, on_servername);
	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_verify(c, mutual ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

SSL_CTX *
tls_context_new(bool server, bool mutual)
{
	SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (c == NULL ||
	    SSL_CTX_set_min_proto_version(c, RULE(tls_version) ? TLS1_3_VERSION : 0) != 1 ||
	    SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
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
	if (server)
		set_up_server(c, mutual);
	else
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return c;
}

/* -- handshakes --------------------------------------------------------------------------------- */

bool
tls_session_accept(struct tls_session *s, bool mutual, SSL **out, struct err *e)
{
	SSL *ssl = SSL_new(tls_context(s->tls, true, mutual));

	if (ssl == NULL)
		return err_word(e, REFUSAL_internal);
	SSL_set_app_data(ssl, s);
	SSL_set_accept_state(ssl);
	*out = ssl;
	return true;
}

static bool
offer(SSL *ssl, const char *domain, const char *alpn)
{
	unsigned char list[256];
	size_t n = strlen(alpn);

	if (n == 0 || n > 255)
		return false;
	list[0] = (unsigned char)n;
	memcpy(list + 1, alpn, n);
	return SSL_set_tlsext_host_name(ssl, domain) == 1 &&
	    SSL_set_alpn_protos(ssl, list, (unsigned)n + 1) == 0;
}

bool
tls_session_connect(struct tls_session *s, const char *own, SSL **out, struct err *e)
{
	const struct tls_identity *i = own == NULL ? NULL : tls_identity(s->tls, own);
	SSL *ssl;

	if (RULE(domain_not_served) && own != NULL && i == NULL)
		return err_set(e, REFUSAL_domain_not_served, "%s is none of our domains", own);
	ssl = SSL_new(tls_context(s->tls, false, true));
	if (ssl == NULL || !offer(ssl, s->peer->domain, s->alpn) || (i != NULL && !show(ssl, i))) {
		SSL_free(ssl);
		ERR_clear_error();
		return err_set(e, REFUSAL_internal, "the TLS session cannot be set up");
	}
	SSL_set_app_data(ssl, s);
	SSL_set_connect_state(ssl);
	*out = ssl;
	return true;
}

bool
tls_session_calm(const struct tls_session *s, struct err *e)
{
	if (!RULE(too_many_key_updates) || s->rekeys <= TLS_REKEYS_MAX)
		return true;
	return err_word(e, REFUSAL_too_many_key_updates);
}

static enum refusal
word_of(unsigned long code)
{
	switch (ERR_GET_REASON(code)) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return REFUSAL_tls_version;
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return REFUSAL_no_alpn;
	case SSL_R_TLSV1_UNRECOGNIZED_NAME:
		return REFUSAL_no_sni;
	default:
		return REFUSAL_tls_failed;
	}
}

void
tls_session_failed(const struct tls_session *s, SSL *ssl, struct err *e)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	if (s->fault != REFUSAL_NONE && s->fault == s->peer->verdict.why && !SSL_is_server(ssl))
		*e = s->peer->verdict;
	else if (s->fault != REFUSAL_NONE)
		err_word(e, s->fault);
	else
		err_set(e, word_of(code), "%s (%s)", refusal_sentence(word_of(code)),
		    reason == NULL ? "no reason was given" : reason);
	ERR_clear_error();
}

/* What can be told only after the handshake.  The callback has judged a server already; no octet
 * leaves unless its verdict is good. */
static bool
is_good(const struct tls_session *s, SSL *ssl, struct err *e)
{
	const unsigned char *alpn;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &alpn, &n);
	if (RULE(no_alpn) && (n != strlen(s->alpn) || memcmp(alpn, s->alpn, n) != 0))
		return err_word(e, REFUSAL_no_alpn);
	if (SSL_is_server(ssl) || s->peer->verdict.why == REFUSAL_NONE)
		return true;
	*e = s->peer->verdict;
	return false;
}

bool
tls_session_shake(struct tls_session *s, SSL *ssl, bool *done, struct err *e)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(ssl);
	if ((*done = r == 1))
		return is_good(s, ssl, e);
	if (SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ)
		return true;
	tls_session_failed(s, ssl, e);
	return false;
}

bool
tls_session_asks(SSL *ssl)
{
	return (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0;
}
