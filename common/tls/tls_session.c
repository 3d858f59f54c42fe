/* tls_session — one handshake: the identity shown, the verdict on the peer, the word for a failure;
 * see tls_session.h. */
#include <string.h>

#include <openssl/err.h>

#include "common/base/clock.h"
#include "common/tls/tls_private.h"

/* -- what the context asks ---------------------------------------------------------------------- */

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

/* The host's, but for a name that a domain's certificate bears and the host's does not. */
static const struct tls_identity *
identity_for_host(const struct tls *t, const char *sni)
{
	const struct tls_identity *host = tls_host_identity(t), *domain = tls_identity(t, sni);
	struct err e;

	if (domain == NULL || (host != NULL && chain_names_host(tls_identity_chain(host), sni, &e)))
		return host;
	return chain_names_host(tls_identity_chain(domain), sni, &e) ? domain : host;
}

static int
on_servername(struct tls_session *s, SSL *ssl, int *alert)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool of_host = tls_profile(s->kind)->shows == TLS_SHOWS_HOST;
	const struct tls_identity *i = NULL;

	if (name != NULL)
		lower(s->peer->sni, sizeof s->peer->sni, name);
	if (of_host)
		i = identity_for_host(s->tls, s->peer->sni);
	else if (name != NULL)
		i = tls_identity(s->tls, s->peer->sni);
	if (RULE(no_sni) && i == NULL && !of_host) {
		s->fault = REFUSAL_no_sni;
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (i == NULL && !of_host)
		i = tls_any_identity(s->tls);
	if (i != NULL && show(ssl, i))
		return SSL_TLSEXT_ERR_OK;
	s->fault = REFUSAL_internal;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Chooses the TLS alert for the peer; most refusals have none of their own. */
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

static bool
ends_by(const struct tls_session *s)
{
	return tls_profile(s->kind)->verdict == TLS_VERDICT_ENDS;
}

/* Replaces OpenSSL's verification.  An accepting side goes on with any verdict, so that the refusal
 * can be sent in words. */
static int
on_certificate(struct tls_session *s, X509_STORE_CTX *ctx)
{
	struct tls_peer *p = s->peer;

	chain_unref(&p->chain);
	p->chain = chain_new(X509_STORE_CTX_get0_cert(ctx), X509_STORE_CTX_get0_untrusted(ctx));
	tls_peer_judge(p, s->holder, s->tls, clock_mono_ms(), clock_wall_ms() / 1000);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	if (p->verdict.why == REFUSAL_NONE || !ends_by(s))
		return 1;
	s->fault = p->verdict.why;
	X509_STORE_CTX_set_error(ctx, alert_error(p->verdict.why));
	return 0;
}

static const struct tls_session_ops ops = { on_servername, on_certificate };

/* -- handshakes --------------------------------------------------------------------------------- */

bool
tls_session_accept(struct tls_session *s, SSL **out, struct err *e)
{
	SSL *ssl = SSL_new(tls_context(s->tls, s->kind));

	if (ssl == NULL)
		return err_word(e, REFUSAL_internal);
	s->ops = &ops;
	SSL_set_app_data(ssl, s);
	SSL_set_accept_state(ssl);
	*out = ssl;
	return true;
}

static bool
offer_alpn(SSL *ssl, const char *alpn)
{
	unsigned char list[256];
	size_t n = strlen(alpn);

	if (n == 0 || n > 255)
		return false;
	list[0] = (unsigned char)n;
	memcpy(list + 1, alpn, n);
	return SSL_set_alpn_protos(ssl, list, (unsigned)n + 1) == 0;
}

static bool
offer(const struct tls_session *s, SSL *ssl, const struct tls_identity *i)
{
	return SSL_set_tlsext_host_name(ssl, s->peer->domain) == 1 &&
	    (!tls_profile(s->kind)->alpn || offer_alpn(ssl, s->alpn)) &&
	    (i == NULL || show(ssl, i));
}

/* *out NULL: we show none. */
static bool
find_own(const struct tls_session *s, const char *own, const struct tls_identity **out,
    struct err *e)
{
	*out = NULL;
	switch (tls_profile(s->kind)->shows) {
	case TLS_SHOWS_NONE:
		return true;
	case TLS_SHOWS_DOMAIN:
		*out = own == NULL ? NULL : tls_identity(s->tls, own);
		return !RULE(domain_not_served) || own == NULL || *out != NULL ||
		    err_set(e, REFUSAL_domain_not_served, "%s is none of our domains", own);
	case TLS_SHOWS_HOST:
		*out = tls_host_identity(s->tls);
		return *out != NULL ||
		    err_set(e, REFUSAL_internal, "this host has no certificate to show");
	}
	return err_word(e, REFUSAL_internal);
}

bool
tls_session_connect(struct tls_session *s, const char *own, SSL **out, struct err *e)
{
	const struct tls_identity *i;
	SSL *ssl;

	if (!find_own(s, own, &i, e))
		return false;
	ssl = SSL_new(tls_context(s->tls, s->kind));
	if (ssl == NULL || !offer(s, ssl, i)) {
		SSL_free(ssl);
		ERR_clear_error();
		return err_set(e, REFUSAL_internal, "the TLS session cannot be set up");
	}
	s->ops = &ops;
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

static const char *
sentence_of(const struct tls_session *s, enum refusal why)
{
	if (why == REFUSAL_tls_version && tls_profile(s->kind)->old)
		return "TLS 1.2 or 1.3 is required";
	return refusal_sentence(why);
}

void
tls_session_failed(const struct tls_session *s, struct err *e)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	if (s->fault != REFUSAL_NONE && s->fault == s->peer->verdict.why && ends_by(s))
		*e = s->peer->verdict;
	else if (s->fault != REFUSAL_NONE)
		err_word(e, s->fault);
	else
		err_set(e, word_of(code), "%s (%s)", sentence_of(s, word_of(code)),
		    reason == NULL ? "no reason was given" : reason);
	ERR_clear_error();
}

/* Checks that are possible only after the handshake.  The callback has judged a server already; where the
 * verdict ends the handshake, no octet leaves unless it is good. */
static bool
is_good(const struct tls_session *s, SSL *ssl, struct err *e)
{
	const unsigned char *alpn;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &alpn, &n);
	if (RULE(no_alpn) && tls_profile(s->kind)->alpn &&
	    (n != strlen(s->alpn) || memcmp(alpn, s->alpn, n) != 0))
		return err_word(e, REFUSAL_no_alpn);
	if (!ends_by(s) || s->peer->verdict.why == REFUSAL_NONE)
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
	tls_session_failed(s, e);
	return false;
}
